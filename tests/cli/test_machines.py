#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# One run of two processes, started by mpirun as a user does: it is the run of one process, also when it is
# changed, stopped and gone on with; and processes that do not belong together are refused by name. What
# takes longer (processes that die or stop) is tests/campaign/machines.py.
"""Usage: test_machines.py PATH/TO/retort   (built with MPI; RT_MPIRUN: that MPI's mpirun)"""

import json
import os
import re
import subprocess
import time
import unittest

from end_to_end import PATIENCE, PROGRAM, SPEECH, EndToEnd, last_checkpoint, read_tensors, rows, settings, write_manifest

MPIRUN = os.environ.get("RT_MPIRUN", "mpirun")
# As root, with more processes than cores, and where one may not read another's memory.
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
       "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}


class Machines(EndToEnd):
    samples = 40

    def setUp(self):
        super().setUp()
        self.study = dict(SPEECH, **{
            "student.net": "tdnn", "student.dropout": "20%", "train.shards": "4", "train.batch": "10",
            "weight.terms": "snr", "train.epochs": "30", "eval.interval": "10", "run.checkpoint": "10", "run.keep": "99"})

    def command(self, output, more=None, count=2):
        return [MPIRUN, "-n", str(count), PROGRAM, "run", self.recipe, "-o", output, "-q",
                *settings(self.study, more or {})]

    def run_all(self, command, code):
        done = subprocess.run(command, cwd=self.here, env=dict(self.environment(), **MPI), capture_output=True, text=True,
                              timeout=PATIENCE)
        if code is None:
            self.assertNotEqual(done.returncode, 0, done.stdout + done.stderr)
        else:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stderr

    def ctl(self, run, *words, tries=1):
        deadline = time.monotonic() + PATIENCE
        while True:
            done = subprocess.run([PROGRAM, "ctl", run, *words], cwd=self.here, env=self.environment(),
                                  capture_output=True, text=True)
            if done.returncode != 1 or tries == 1 or time.monotonic() > deadline:
                self.assertEqual(done.returncode, 0, done.stderr)
                return done.stdout
            time.sleep(0.02)

    def log(self, run):
        with open(self.path(run, "log.txt"), encoding="utf-8") as f:
            return f.read()

    def contents(self, run):
        tensors, texts = read_tensors(last_checkpoint(self.path(run)))
        return tensors, texts["retort.progress"], os.path.basename(last_checkpoint(self.path(run)))

    def test_changed_stopped_and_gone_on_with(self):
        run = subprocess.Popen(self.command("two"), cwd=self.here, env=dict(self.environment(), **MPI),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            self.ctl("two", "pause", tries=0)
            self.ctl("two", "set", "train.lr", "0.004")
            self.ctl("two", "set", "augment.time_masks", "3")  # decides how batches are made, ahead of their update
            self.ctl("two", "exclude", rows(self.samples)[0][0])
            self.ctl("two", "set", "train.lr", "0.001")
            self.ctl("two", "undo")
            self.ctl("two", "step", "20")
            deadline = time.monotonic() + PATIENCE
            masks = "SELECT step FROM journal WHERE key = 'augment.time_masks'"
            while not self.query("two", masks) and time.monotonic() < deadline:
                time.sleep(0.02)
            while "times as fast as one" not in self.log("two") and time.monotonic() < deadline:
                time.sleep(0.02)  # ranks tell each other every half second what they do
            self.says(self.ctl("two", "status"), "rank 0 on ", "rank 1 on ", "samples/s", "waits ", "an update sends ")
            self.ctl("two", "stop")
            out, err = run.communicate(timeout=PATIENCE)
        finally:
            run.kill()
        self.assertEqual(run.returncode, 130, out + err)
        self.says(err, "retort: stopped at step")
        (lines,), = self.query("two", "SELECT value FROM meta WHERE key = 'ranks'")
        self.says(lines, "rank 0 on ", "\nrank 1 on ")
        self.says(self.log("two"), "to exchange the gradients", "2 ranks are ", "times as fast as one")
        journal = self.query("two", "SELECT key, step FROM journal ORDER BY number")
        first = journal[0][1]  # batches may have been made 16 updates ahead
        self.assertEqual(set(journal), {("train.lr", first), ("samples", first), ("augment.time_masks", first + 16)})
        self.retort("run", "--resume", "-q", "-o", "two")
        self.retort("replay", "two", "-q")

    def spoil(self, table, row, name, where=-9):
        """The row's recording with other bytes at its end, as a file of its own."""
        with open(table[row][4], "rb") as f:
            data = bytearray(f.read())
        data[where:] = bytes(b ^ 255 for b in data[where:])
        with open(self.path(name), "wb") as f:
            f.write(data)
        table[row][4] = self.path(name)

    def test_as_one(self):
        table = rows(self.samples)
        for row in (0, 1, self.samples - 2, self.samples - 1):  # each rank finds two of them
            self.spoil(table, row, "bad%d.ogg" % row, 0)
        more = {"train.epochs": "4", "data.manifest": write_manifest(self.path("bad.tsv"), table)}
        self.run_all(self.command("two", more), 0)
        self.train("one", self.study, more)
        self.assertEqual(self.contents("one"), self.contents("two"))
        self.assertEqual(self.query("one", "SELECT name, split, step, value FROM metrics ORDER BY 1, 2, 3"),
                         self.query("two", "SELECT name, split, step, value FROM metrics ORDER BY 1, 2, 3"))
        samples = self.query("two", "SELECT * FROM samples ORDER BY row")
        self.assertEqual(self.query("one", "SELECT * FROM samples ORDER BY row"), samples)
        self.assertEqual(self.query("two", "SELECT row FROM samples WHERE reason != '' ORDER BY row"),
                         [(0,), (1,), (self.samples - 2,), (self.samples - 1,)])

    def test_bench(self):
        done = subprocess.run([MPIRUN, "-n", "2", PROGRAM, "bench", "cnn1d", "--ranks", "--seconds", "0", "--batch", "4",
                               "--json"], env=dict(self.environment(), **MPI), capture_output=True, text=True,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        line = json.loads(done.stdout)
        self.assertEqual((line["ranks"], line["batch"]), (2, 4))
        self.assertAlmostEqual(line["gain"], line["alone_ms"] / (line["part_ms"] + line["exchange_ms"]), 2)
        _, err = self.retort("bench", "cnn1d", "--ranks", code=2)
        self.says(err, "mpirun")

    @staticmethod
    def two(first, second):
        first, second = (c[3:] if c[0] == MPIRUN else c for c in (first, second))
        return [MPIRUN, "-n", "1", *first, ":", "-n", "1", *second]

    def refused(self, code, first, second, *words):
        """Two processes with commands of their own."""
        self.says(self.run_all(self.two(first, second), code), *words)
        self.assertFalse(os.path.exists(self.path("x")))

    def another_version(self):
        """The program, but for what it says of itself."""
        with open(PROGRAM, "rb") as f:
            data = f.read()
        says = re.search(rb"the version is retort [0-9.]+(?=[0-9]\n)", data).group()
        with open(self.path("another"), "wb") as f:
            f.write(data.replace(says + data[data.index(says) + len(says):][:1], says + b"x"))
        os.chmod(self.path("another"), 0o755)
        return self.path("another")

    def test_that_do_not_belong_together(self):
        table = rows(self.samples)
        table[0][2] = "another"
        other = {"data.manifest": write_manifest(self.path("other.tsv"), table)}
        self.refused(2, self.command("x"), self.command("x", {"train.lr": "0.5"}), "rank 1 on", "train.lr is 0.5",
                     "rank 0 on", "train.lr is 0.002")
        self.refused(2, self.command("x"), self.command("x", other), "rank 1 on", "labels", "differ")
        self.refused(2, self.command("x"), [self.another_version(), *self.command("x")[4:]], "rank 1 on",
                     ".x; on rank 0 on", "the version is retort")
        table[0][2], table[0][4] = rows(self.samples)[0][2], "gone.ogg"
        missing = {"data.manifest": write_manifest(self.path("missing.tsv"), table)}
        self.refused(2, self.command("x"), self.command("x", missing), "rank 1 on", "cannot read", "gone.ogg", "rank 0 on")
        table[0][4] = table[1][4]
        longer = {"data.manifest": write_manifest(self.path("longer.tsv"), table)}
        self.refused(2, self.command("x"), self.command("x", longer), "rank 1 on", "has another file than rank 0 on",
                     " bytes there")
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            if "avx2" in f.read():
                self.refused(2, ["env", "RETORT_ISA=avx2", *self.command("x")[3:]],
                             ["env", "RETORT_ISA=baseline", *self.command("x")[3:]], "rank 1 on",
                             "the instruction set is baseline", "rank 0 on", "the instruction set is avx2")
        self.says(self.run_all(self.command("x", {"train.shards": "1"}), 2), "train.shards: 1 for 2 ranks")

    def test_a_file_that_is_another_one(self):
        """Of the same size, so that only who reads it can tell: the run ends, and does not go on without the sample."""
        table = rows(self.samples)
        for row in range(8):  # of the part that rank 0 scores
            self.spoil(table, row, "other%d.ogg" % row)
        other = {"data.manifest": write_manifest(self.path("other.tsv"), table), "cache.size": "0"}
        said = self.run_all(self.two(self.command("x", {"cache.size": "0"}), self.command("x", other)), None)
        self.says(said, "rank 1 on", "changed since the run looked at it")


if __name__ == "__main__":
    unittest.main()
