#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What the program does with files that are not what the manifest says, with manifests and models that
# are damaged, and with a disk that is full: it names them, and never leaves half a file behind.
"""Usage: test_bad_data.py PATH/TO/retort"""

import collections
import json
import os
import random
import resource
import shutil
import stat
import subprocess
import tempfile
import unittest

from end_to_end import COLUMNS, PATIENCE, SPEECH, TEXT, EndToEnd, digest, rows, settings, write_manifest

SPEECH_AT, IMAGE_AT, TEXT_AT = (COLUMNS.index(name) for name in ("speech", "image", "text"))
PICTURE = {
    "student.modality": "image", "student.net": "cnn2d", "student.width": "4", "image.size": "16",
    "student.embedding": "16", "train.batch": "12", "train.epochs": "2", "train.threads": "1",
    "pipeline.decoders": "1",
}


def truncated(path):
    os.truncate(path, os.path.getsize(path) // 2)


def headless(path):
    os.truncate(path, 40)


def emptied(path):
    os.truncate(path, 0)


def noise(path):
    with open(path, "r+b") as f:
        f.write(random.Random(path).randbytes(os.path.getsize(path)))


def deleted(path):
    os.unlink(path)


def folder(path):
    os.unlink(path)
    os.mkdir(path)


def fifo(path):
    os.unlink(path)
    os.mkfifo(path)


def forbidden(path):
    os.chmod(path, 0)


# How a file is damaged -> the reason the program must give; None: it may still be readable.
DAMAGE = {headless: "unreadable", emptied: "empty", noise: "unreadable", deleted: "missing",
          folder: "unreadable", fifo: "unreadable", truncated: None}
if os.geteuid() != 0:
    DAMAGE[forbidden] = "read or write failed"


class BadFiles(EndToEnd):
    def damaged(self, column, kinds):
        """A copy of the data set where every eighth file of `column` is damaged: (manifest, {id: how})."""
        table, how = [list(row) for row in rows(self.samples)], {}
        os.mkdir(self.path("files"))
        for i, row in enumerate(table):
            copy = self.path("files", "%d%s" % (i, os.path.splitext(row[column])[1]))
            shutil.copyfile(row[column], copy)
            row[column] = copy
            if i % 7 == 3:
                how[row[0]] = kinds[i // 7 % len(kinds)]
                how[row[0]](copy)
        return write_manifest(self.path("bad.tsv"), table), how

    def check_reasons(self, run, how, modality):
        given = {name: (reason, m, detail) for name, reason, m, detail in self.query(
            run, "SELECT id, reason, modality, detail FROM samples WHERE reason<>''")}
        certain = {name for name, damage in how.items() if DAMAGE[damage]}
        self.assertLessEqual(set(given), set(how))
        self.assertLessEqual(certain, set(given))
        for name, (reason, m, detail) in given.items():
            expected = DAMAGE[how[name]]
            self.assertEqual((m, reason), (modality, expected or reason), how[name].__name__)
            self.says(detail, self.path("files"))
        return given

    def one_bad_file_in_eight(self, column, study, modality, noun):
        manifest, how = self.damaged(column, list(DAMAGE))
        out, err = self.train("r", study, data__manifest=manifest)
        given = self.check_reasons("r", how, modality)
        self.says(out, "%d of 60 samples left out: " % len(given), "retort inspect r --where")
        for reason, count in collections.Counter(reason for reason, _, _ in given.values()).items():
            self.says(out, "%d %s %s" % (count, reason, noun))
        good, = self.query("r", "SELECT count(*) FROM samples WHERE split='test' AND reason=''")[0]
        self.says(out, "test      top-1", "%d samples" % good)
        self.assertEqual(err, "")
        listed, _ = self.retort("inspect", "r", "--where", 'reason != ""', "--json")
        self.assertEqual({row["id"] for row in json.loads(listed)}, set(given))
        out, err = self.retort("eval", "r", manifest, "--split", "all")
        self.says(out, "samples with a label     %d\n" % (60 - len(given)))
        self.says(err, "%d of 60 samples left out" % len(given))
        out, err = self.retort("embed", "r", manifest, "-o", "e.npy")
        self.assertEqual(set(out.split()), {row[0] for row in rows(60)} - set(given))
        self.says(err, "%d of 60 samples left out" % len(given))
        out, _ = self.retort("inspect", manifest, "--where", "reason", "--columns", "id,reason,detail", "--csv")
        self.assertEqual(len(out.splitlines()) - 1, len(given))

    def test_recordings(self):
        self.one_bad_file_in_eight(SPEECH_AT, SPEECH, "speech", "audio")

    def test_pictures(self):
        self.one_bad_file_in_eight(IMAGE_AT, PICTURE, "image", "picture")

    def test_files_of_the_teacher(self):
        """A sample without its teacher modality still learns from its label."""
        self.train("t", PICTURE)
        manifest, how = self.damaged(IMAGE_AT, [noise, deleted])
        self.train("r", SPEECH, data__manifest=manifest, teacher__model=self.path("t"),
                   distill__l2__lambda=1, train__epochs=2)
        self.check_reasons("r", how, "image")
        seen, distilled = self.query(
            "r", "SELECT min(seen), count(loss_l2) FROM samples WHERE split='train' AND reason<>''")[0]
        self.assertEqual((seen, distilled), (2, 0))

    def test_strict_stops_and_names_the_file(self):
        manifest, how = self.damaged(SPEECH_AT, [noise])
        _, err = self.train("r", SPEECH, data__manifest=manifest, words=("--strict",), code=1)
        self.says(err, self.path("files"), ".ogg")
        self.assertFalse(os.path.exists(self.path("r")))

    def test_file_that_goes_bad_while_training(self):
        manifest, _ = self.damaged(SPEECH_AT, [noise])
        self.train("first", SPEECH, data__manifest=manifest)
        # The quality of each file is cached by content, so the second run finds out while it trains.
        table = [list(row) for row in rows(self.samples)]
        victim = table[0][SPEECH_AT] = self.path("files/0.ogg")
        other = write_manifest(self.path("other.tsv"), table)
        run = self.start("run", self.recipe, "-q", "-o", "second",
                         *settings(SPEECH, data__manifest=other, cache__size=0, train__epochs=5))
        while not os.path.exists(self.path("second/run.db")) and run.poll() is None:
            pass
        os.unlink(victim)
        out, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        self.says(out, "1 of 60 samples left out: 1 missing audio")
        self.assertEqual(self.query("second", "SELECT row, reason FROM samples WHERE reason<>''"),
                         [(0, "missing")])
        with open(self.path("second/log.txt"), encoding="utf-8") as f:
            self.assertEqual(f.read().count("left out:"), 1)

    def test_nothing_usable(self):
        table = [[str(i), "train", "ab"[i % 2], "/nowhere/%d.wav" % i] for i in range(6)]
        manifest = write_manifest(self.path("m.tsv"), table, ("id", "split", "label", "speech"))
        _, err = self.train("r", SPEECH, data__manifest=manifest, code=1)
        self.says(err, "m.tsv: no usable training sample with speech and a label",
                  "6 of 6 samples left out: 6 missing audio")
        self.assertFalse(os.path.exists(self.path("r")))

    def test_nothing_to_update(self):
        """No update can be made of one sample; a run of none would end as if it had learned."""
        table = [["a", "train", "x", "a word"], ["b", "valid", "x", "a word"]]
        manifest = write_manifest(self.path("m.tsv"), table, ("id", "split", "label", "text"))
        _, err = self.train("r", TEXT, data__manifest=manifest, code=1)
        self.says(err, "an update needs two samples, and there is one usable training sample with text and a label")
        _, err = self.train("r", TEXT, data__manifest=manifest, train__batch="1", code=2)
        self.says(err, 'train.batch: "1" is not allowed: write a whole number from 2')

    def test_samples_without_anything(self):
        """Empty cells are no failure: no reason, no place in the batch."""
        table = [list(row) for row in rows(self.samples)]
        for row in table[::6]:
            row[TEXT_AT] = ""
        out, _ = self.train("r", TEXT, data__manifest=write_manifest(self.path("m.tsv"), table))
        self.assertNotIn("unreadable", out)
        self.says(out, "valid     top-1")


class BadManifests(EndToEnd):
    samples = 20

    def test_lines_are_named(self):
        head = "id\tsplit\tlabel\ttext\n"
        for said, text in (
                (["m.tsv:1", "no column speech, image or text"], "id\tlabel\n1\ta\n"),
                (["m.tsv:3", '"1"', "line 2", "unique"], head + "1\ttrain\ta\tx\n1\ttrain\tb\ty\n"),
                (["m.tsv:3", '"trai"', "did you mean train"], head + "1\ttrain\ta\tx\n2\ttrai\tb\ty\n"),
                (["m.tsv:2", "4"], head + "1\ttrain\ta\n"),
                (["m.tsv"], ""),
                (["m.tsv"], "\x00\x01\x02" * 100)):
            with self.subTest(text[:60]):
                with open(self.path("m.tsv"), "w", encoding="utf-8") as f:
                    f.write(text)
                for words in (["run", self.recipe, "-o", "r", *settings(TEXT, data__manifest="m.tsv")],
                              ["inspect", "m.tsv"]):
                    _, err = self.retort(*words, code=1)
                    self.says(err, *said)
                self.assertFalse(os.path.exists(self.path("r")))

    def test_missing_manifest(self):
        self.train("model", TEXT, train__epochs=1)
        for words in (["inspect", "no.tsv"], ["eval", "model", "no.tsv"],
                      ["embed", "model", "no.tsv", "-o", "x.npy"]):
            _, err = self.retort(*words, code=1)
            self.says(err, "no.tsv", "No such file")
        self.assertFalse(os.path.exists(self.path("x.npy")))


class BadModels(EndToEnd):
    samples = 20

    def setUp(self):
        super().setUp()
        self.train("t", TEXT, train__epochs=1)

    def test_embedding_that_does_not_fit(self):
        _, err = self.train("r", SPEECH, teacher__model=self.path("t"), distill__l2__lambda=1,
                            distill__projection="never", code=2)
        self.says(err, "24", "16", "student.embedding: 24", "distill.projection: auto")
        self.assertFalse(os.path.exists(self.path("r")))

    def test_classes_that_do_not_fit(self):
        table = [row for row in rows(self.samples) if row[2] != "food"]
        manifest = write_manifest(self.path("m.tsv"), table)
        _, err = self.train("r", SPEECH, data__manifest=manifest, teacher__model=self.path("t"),
                            distill__kl__lambda=1, code=2)
        self.says(err, "distill.kl", "4", "3")
        self.assertFalse(os.path.exists(self.path("r")))
        self.train("r", SPEECH, data__manifest=manifest, teacher__model=self.path("t"),
                   distill__l2__lambda=1)

    def test_damaged_teacher(self):
        path = self.path("t/model.safetensors")
        with open(path, "rb") as f:
            whole = f.read()
        for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
            with self.subTest(size):
                with open(path, "wb") as f:
                    f.write(whole[:size])
                for words in (["run", self.recipe, "-o", "r", *settings(SPEECH, teacher__model=path)],
                              ["eval", path, self.manifest], ["export", "t", "-o", "x.safetensors"]):
                    _, err = self.retort(*words, code=1)
                    self.says(err, "t/model.safetensors")
        self.assertFalse(os.path.exists(self.path("r")) or os.path.exists(self.path("x.safetensors")))

    def test_not_a_model(self):
        os.mkdir(self.path("nothing"))
        _, err = self.retort("eval", "nothing", self.manifest, code=1)
        self.says(err, "nothing: no model.safetensors and no checkpoint")
        _, err = self.retort("inspect", "nothing", code=1)
        self.says(err, "nothing: not the folder of a run")
        shutil.copyfile(self.manifest, self.path("m.safetensors"))
        _, err = self.retort("eval", "m.safetensors", self.manifest, code=1)
        self.says(err, "m.safetensors")


class FullDisk(EndToEnd):
    samples = 20

    def unfinished(self, folder):
        return [n for _, _, files in os.walk(folder) for n in files if n.endswith(".tmp")]

    def full(self, place, words, limit=None):
        """Runs with its folder at `place`; must fail and leave only whole files."""
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        _, err = self.retort(*words, code=1, preexec_fn=limited if limit else None)
        self.assertRegex(err, "(?i)full|larger?|no space")
        self.assertFalse(self.unfinished(place))
        return err

    def test_file_size_limit(self):
        """As a full disk, for every user: no file may grow beyond 40 KiB."""
        words = ["run", self.recipe, "-q", "-o", "r", *settings(TEXT, text__buckets=65536)]
        self.full(self.path("r"), words, 40 << 10)
        self.assertFalse(os.path.exists(self.path("r/model.safetensors")))
        shutil.rmtree(self.path("r"))
        self.train("r", TEXT)
        self.full(self.path("."), ["export", "r", "-o", "x.safetensors"], 8 << 10)
        self.full(self.path("."), ["embed", "r", self.manifest, "-o", "x.npy"], 1 << 10)
        self.assertFalse({"x.safetensors", "x.npy"} & set(os.listdir(self.here)))

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small disk")
    def test_small_disk(self):
        disk = tempfile.mkdtemp(dir=self.here)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", disk], capture_output=True)
        if done.returncode:
            self.skipTest("cannot mount a tmpfs here")
        self.addCleanup(subprocess.run, ["umount", disk])
        run = os.path.join(disk, "r")
        words = ["run", self.recipe, "-q", "-o", run, *settings(TEXT, text__buckets=4096, train__epochs=30)]
        self.says(self.full(run, words), "run.db: disk full: make room")  # where SQLite says "disk I/O error"
        shutil.rmtree(run)
        subprocess.run(["mount", "-o", "remount,size=600k", disk], check=True)
        err = self.full(run, words)
        self.says(err, run)
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        self.retort("run", "--resume", "-q", "-o", run)
        self.retort("run", *words[1:3], "-o", self.path("whole"), *words[5:])
        self.assertEqual(digest(run + "/model.safetensors"), digest(self.path("whole/model.safetensors")))

    def test_cache_that_cannot_be_written(self):
        """A cache only saves time."""
        if os.geteuid() != 0:
            cache = self.path("locked")
            os.mkdir(cache)
            os.chmod(cache, stat.S_IRUSR)
        else:
            cache = "/proc/nothing"
        out, err = self.train("r", TEXT, cache=cache)
        self.says(err, "going on without caches")
        self.says(out, "valid     top-1")


if __name__ == "__main__":
    unittest.main()
