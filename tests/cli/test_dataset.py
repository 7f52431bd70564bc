#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# recipes/dataset.py on a made-up recipe: what it refuses, that it replaces a folder as a whole or leaves
# it alone, and how it deals groups to splits. The real data sets are tested in test_prepare.py.

import collections
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "recipes"))
import dataset  # noqa: E402


def silent(_):
    pass


class Prepare(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.out = os.path.join(self.folder.name, "set")
        self.made = 0
        self.text = "a\tb\\c\nd"
        self.packages = {"some-package": __file__}

    def make(self, folder, _):
        self.made += 1
        os.mkdir(os.path.join(folder, dataset.PICTURES))
        return [{"id": str(i), "label": "x", "group": "", "text": self.text} for i in range(10)]

    def prepare(self, make=None):
        recipe = dataset.Recipe("made-up", self.packages, ("id", "split", "text"), make or self.make)
        dataset.prepare(recipe, __file__, self.out, silent)

    def refused(self, words, make=None):
        with self.assertRaises(dataset.Refusal) as caught:
            self.prepare(make)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def nothing_else_left(self, entries):
        self.assertEqual(sorted(os.listdir(self.folder.name)), entries)

    def manifest(self):
        return os.path.join(self.out, dataset.MANIFEST)

    def test_missing_package_is_named(self):
        self.packages = {"no-such-package": "/nonexistent/file", "some-package": __file__}
        self.refused(["/nonexistent/file", "apt-get install no-such-package"])
        self.nothing_else_left([])

    def test_folder_of_others_is_refused(self):
        os.mkdir(self.out)
        open(os.path.join(self.out, "thesis.tex"), "w").close()
        self.refused([self.out, "not made by this script"])
        self.assertEqual(os.listdir(self.out), ["thesis.tex"])

    def test_failure_leaves_nothing(self):
        def fail(folder, _):
            os.mkdir(os.path.join(folder, dataset.PICTURES))
            raise OSError("disk full")
        with self.assertRaises(OSError):
            self.prepare(fail)
        self.nothing_else_left([])

    def test_failure_keeps_the_old_one(self):
        self.prepare()
        os.mkdir(os.path.join(self.out, dataset.PICTURES, "one more"))
        with open(self.manifest()) as f:
            before = f.read()

        def fail(_, __):
            raise OSError("disk full")
        with self.assertRaises(OSError):
            self.prepare(fail)
        with open(self.manifest()) as f:
            self.assertEqual(f.read(), before)
        self.nothing_else_left(["set"])

    def test_no_rows_is_refused(self):
        self.refused(["no usable sample", "some-package"], lambda folder, say: [])
        self.nothing_else_left([])

    def test_second_call_does_nothing(self):
        self.prepare()
        self.prepare()
        self.assertEqual(self.made, 1)
        self.nothing_else_left(["set"])

    def test_empty_folder_is_filled(self):
        os.mkdir(self.out)
        self.prepare()
        self.assertEqual(sorted(os.listdir(self.out)),
                         sorted([dataset.MANIFEST, dataset.PICTURES, dataset.RECEIPT]))

    def test_lost_manifest_is_made_again(self):
        self.prepare()
        os.remove(self.manifest())
        self.prepare()
        self.assertTrue(os.path.exists(self.manifest()))
        self.assertEqual(self.made, 2)

    def test_lost_picture_is_made_again(self):
        self.prepare()
        os.rmdir(os.path.join(self.out, dataset.PICTURES))
        os.mkdir(os.path.join(self.out, dataset.PICTURES))
        self.prepare()
        self.assertEqual(self.made, 1)
        os.mkdir(os.path.join(self.out, dataset.PICTURES, "one more"))
        self.prepare()
        self.assertEqual(self.made, 2)

    def test_new_package_version_is_made_again(self):
        self.prepare()
        self.packages["second-package"] = __file__
        self.text = "new"
        self.prepare()
        with open(self.manifest()) as f:
            self.assertIn("\tnew\n", f.read())
        self.nothing_else_left(["set"])

    def test_edited_manifest_is_not_overwritten(self):
        self.prepare()
        with open(self.manifest(), "a") as f:
            f.write("mine\ttrain\t\n")
        self.refused([self.manifest(), "changed by hand"])
        self.assertEqual(self.made, 1)

    def test_added_file_is_not_removed(self):
        self.prepare()
        open(os.path.join(self.out, "notes.txt"), "w").close()
        self.prepare()
        self.assertEqual(self.made, 1)
        self.packages["second-package"] = __file__
        self.refused(["notes.txt"])
        self.assertTrue(os.path.exists(os.path.join(self.out, "notes.txt")))

    def test_cells_are_escaped(self):
        self.prepare()
        with open(self.manifest(), newline="") as f:
            lines = f.read().split("\n")
        self.assertEqual(lines[0], "id\tsplit\ttext")
        self.assertEqual(lines[1].split("\t")[2], "a\\tb\\\\c\\nd")
        self.assertEqual(len(lines), 12)


class Splits(unittest.TestCase):
    def split(self, rows):
        dataset.assign_splits(rows, "made-up")
        return {row["id"]: row["split"] for row in rows}

    def test_order_of_rows_has_no_say(self):
        rows = [{"id": str(i), "label": str(i % 3), "group": ""} for i in range(200)]
        forth = self.split(rows)
        self.assertEqual(self.split(rows[::-1]), forth)
        self.assertNotEqual(forth, self.split([dict(r, group="g" + r["id"]) for r in rows]))

    def test_shares_of_every_class(self):
        rows = [{"id": "%d-%d" % (n, i), "label": str(n), "group": ""} for n in (5, 8, 20, 1000)
                for i in range(n)]
        count = collections.Counter((r["label"], r["split"]) for r in rows if self.split(rows))
        for n in (5, 8, 20, 1000):
            for split, share in dataset.SHARES.items():
                self.assertGreater(count[str(n), split], 0)
                self.assertLessEqual(abs(count[str(n), split] - n * share / 100), 1)

    def test_groups_stay_whole(self):
        rows = [{"id": str(i), "label": str(i % 4), "group": "g%d" % (i % 50)} for i in range(400)]
        self.split(rows)
        for group in {r["group"] for r in rows}:
            self.assertEqual(len({r["split"] for r in rows if r["group"] == group}), 1)

    def test_joined_over_others(self):
        groups = dataset.Groups()
        groups.join("a", "b")
        groups.join("c", "d")
        self.assertNotEqual(groups.find("a"), groups.find("d"))
        groups.join("b", "c")
        self.assertEqual(groups.find("a"), groups.find("d"))

    def test_small_classes_are_said(self):
        said = []
        rows = [{"label": "big"}] * 5 + [{"label": "small"}] * 2
        kept = dataset.drop_small_classes(rows, 3, "samples", said.append)
        self.assertEqual({r["label"] for r in kept}, {"big"})
        self.assertIn("small (2)", said[0])


if __name__ == "__main__":
    unittest.main()
