#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# recipes/voxceleb from end to end on its tiny tree: manifest with faces and people held out, noisy copies, a face
# teacher, students of labels only and with the teacher, trials during, at the end and afterwards. The networks are made
# small by -s; everything else is what the recipes say. Exit 77 (skipped) when a package is missing.

import collections
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
ONNX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "onnx_picture.onnx")
RECIPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "recipes")
SMALL = ["student.width=4", "student.blocks=1", "student.embedding=16", "train.batch=8", "train.threads=1",
         "pipeline.decoders=1", "run.checkpoint=0"]


class VoxCeleb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="retort-test-")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.data = os.path.join(cls.root, "data", "voxceleb")
        # As a user has it: recipes/ and data/ side by side.
        os.makedirs(cls.data)
        shutil.copytree(RECIPES, os.path.join(cls.root, "recipes"))
        tiny = subprocess.run([cls.recipe("tiny"), os.path.join(cls.root, "tree")], capture_output=True, text=True)
        if "apt-get install" in tiny.stderr:
            print(tiny.stderr)
            sys.exit(77)
        assert tiny.returncode == 0, tiny.stderr

    @classmethod
    def recipe(cls, name):
        return os.path.join(cls.root, "recipes", "voxceleb", name)

    def run_in(self, *words, code=0):
        done = subprocess.run(words, cwd=self.root, capture_output=True, text=True, timeout=300,
                              env=dict(os.environ, XDG_CACHE_HOME=os.path.join(self.root, "cache"), LC_ALL="C", TERM="dumb"))
        self.assertEqual(done.returncode, code, " ".join(words) + "\n" + done.stdout + done.stderr)
        return done.stdout + done.stderr

    def table(self, name):
        with open(os.path.join(self.data, name), encoding="utf-8") as f:
            head, *lines = f.read().splitlines()
        return [dict(zip(head.split("\t"), line.split("\t"))) for line in lines]

    def metrics(self, run):
        db = sqlite3.connect(os.path.join(self.root, run, "run.db"))
        rows = {(split, name): value for split, name, value in db.execute("SELECT split, name, value FROM metrics")}
        db.close()
        return rows

    def train(self, recipe, run, *more):
        sets = [word for s in (*SMALL, *more) for word in ("-s", s)]
        self.run_in(PROGRAM, "run", self.recipe(recipe), "-o", run, *sets)
        return self.metrics(run)

    def test_all(self):
        self.make_manifest()
        self.make_noisy()
        face = self.train("teacher.yaml", "face", "train.epochs=1", "image.size=16")
        self.assertTrue(0 <= face["valid", "final.eer"] <= 1)
        speech = ["speech.frames=48", "speech.bands=40", "train.epochs=1"]
        plain = self.train("student.yaml", "plain", *speech)
        taught = self.train("student.yaml", "taught", *speech, "teacher.model=face", "distill.nce.lambda=1",
                            "distill.l2.lambda=1", "distill.l2.quantile=50%", "weight.terms=snr,sharpness",
                            "data.manifest=data/voxceleb/manifest-noisy.tsv", "eval.trials_noisy=data/voxceleb/trials-noisy")
        for found, lists in ((plain, ("valid", "test")), (taught, ("valid", "test", "noisy"))):
            for name in lists:
                self.assertTrue(0 <= found[name, "final.eer"] <= 1, name)
        self.assertNotIn(("noisy", "final.eer"), plain)
        # What another program trained: features alone, as of an ArcFace network.
        other = self.train("student.yaml", "other", *speech, "distill.l2.lambda=1", "teacher.model=" + ONNX,
                           "teacher.logits=none", "teacher.front.size=48", "teacher.front.mean=0.5", "teacher.front.std=0.5")
        self.assertGreater(other["", "l2"], 0)
        said = self.run_in(PROGRAM, "eval", "taught", os.path.join(self.data, "manifest.tsv"), "--trials",
                           os.path.join(self.data, "veri_test2.txt"), "--json")
        said = json.loads(said[said.index("{"):].splitlines()[0])
        self.assertAlmostEqual(said["eer"], taught["test", "final.eer"], places=5)
        self.check_agrees(plain["test", "final.eer"])
        self.sweeps_are_read()

    def make_manifest(self):
        tree = os.path.join(self.root, "tree")
        said = self.run_in(PROGRAM, "manifest", "voxceleb", tree, "-o", "data/voxceleb/manifest.tsv", "--faces",
                           os.path.join(tree, "unzippedFaces"), "--names", os.path.join(tree, "vox1_meta.csv"), "--trials",
                           os.path.join(tree, "veri_test2.txt"), "--valid-trials", "data/voxceleb/trials-valid",
                           "--valid-people", "2")
        self.assertIn("54 rows, train 24, valid 12, test 18", said)
        self.assertIn("18 of 54 recordings have no picture", said)
        shutil.copy(os.path.join(tree, "veri_test2.txt"), self.data)
        rows = self.table("manifest.tsv")
        people = collections.defaultdict(set)
        for row in rows:
            people[row["split"]].add(row["speaker"])
            self.assertEqual(bool(row["label"]), row["split"] == "train")
            self.assertTrue(os.path.exists(os.path.join(self.data, row["speech"])))
            self.assertTrue(os.path.exists(os.path.join(self.data, row["image"])))
            if row["image"]:
                self.assertIn("/" + row["group"].split("/")[1] + "/", row["image"])
        self.assertFalse(people["train"] & people["valid"] or people["train"] & people["test"])

    def make_noisy(self):
        tables = [os.path.join(self.data, x) for x in ("manifest.tsv", "veri_test2.txt")]
        self.run_in(self.recipe("noisy"), *tables)
        rows = {row["id"]: row for row in self.table("manifest-noisy.tsv")}
        noisy = [name for name in rows if name.startswith("noisy/")]
        self.assertEqual(len(noisy), 18)
        for name in noisy:
            with open(os.path.join(self.data, rows[name]["speech"]), "rb") as f, \
                    open(os.path.join(self.data, rows[name[6:]]["speech"]), "rb") as clean:
                self.assertNotEqual(f.read(), clean.read())
            self.assertEqual((rows[name]["split"], rows[name]["label"]), ("test", ""))
        with open(os.path.join(self.data, "bad"), "w", encoding="ascii") as f:
            f.write("1 %s nobody\n" % noisy[0][6:])
        self.assertIn("bad:1: nobody is no id", self.run_in(self.recipe("noisy"), tables[0], os.path.join(self.data, "bad"),
                                                            code=1))

    def check_agrees(self, eer):
        """recipes/realvoices/check finds the same EER (between two of its 45 trials of one person), and intervals."""
        shutil.copy(os.path.join(self.data, "veri_test2.txt"), os.path.join(self.data, "trials-tiny"))
        for other in ("trials-valid", "trials-noisy"):
            os.remove(os.path.join(self.data, other))
        os.environ["RETORT"] = PROGRAM
        said = self.run_in(os.path.join(self.root, "recipes", "realvoices", "check"), self.data, "a=plain", "b=plain,taught",
                           "--draws", "100")
        self.assertIn("tiny: 3 voices, 153 pairs", said)
        rows = [line.split("|") for line in said.splitlines() if line.startswith("| ")][1:]
        self.assertEqual([(r[1].strip(), r[2].strip()) for r in rows], [("a", "1"), ("b", "2")])
        self.assertAlmostEqual(float(rows[0][3]) / 100, eer, delta=1 / 45 + 0.001)
        low, high = json.loads(rows[0][4])
        self.assertTrue(0 <= low < high <= 100)
        self.assertRegex(rows[1][5], r"[+-]\d+\.\d \[-?\d+\.\d, -?\d+\.\d\]")

    def sweeps_are_read(self):
        """Every key in them is known: a wrong one would be named before the manifest that is not there."""
        for name in ("manifest.tsv", "manifest-noisy.tsv"):
            os.remove(os.path.join(self.data, name))
        for sweep, runs in (("sweep.yaml", 12), ("sweep-arcface.yaml", 11)):
            said = self.run_in(PROGRAM, "sweep", self.recipe(sweep), "-o", "runs-" + sweep, "--seeds", "1", code=1)
            self.assertIn("%d of %d runs to do" % (runs, runs), said)
            self.assertRegex(said, r'manifest(-noisy)?\.tsv" does not exist')


if __name__ == "__main__":
    unittest.main()
