#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What comes from outside stays there: control bytes of a table do not reach the terminal, a recipe's name does not
# choose a folder, links in a run folder are not followed, and without a home there is no cache.
"""Usage: test_outside.py PATH/TO/retort"""

import json
import os
import re
import resource
import subprocess
import unittest

from end_to_end import PATIENCE, PROGRAM, TEXT, EndToEnd, rows, settings, write_manifest

ESCAPE, C1, TURN = "\x1b]0;owned\a", "\u009b31m", "\u202e"  # a title, a colour, text turned around
with open(PROGRAM, "rb") as program:
    SANITIZED = re.search(rb"__[at]san_init", program.read()) is not None
QUICK = dict(TEXT, **{"train.epochs": "1"})


class Outside(EndToEnd):
    samples = 40

    def plain(self, text):
        """Nothing in it that a terminal would obey."""
        wrong = sorted({c for c in text if (c < " " and c != "\n") or "\x7f" <= c < "\xa0" or c == TURN})
        self.assertEqual(wrong, [], text)

    def test_control_bytes(self):
        """In an id, a label (so a class), a column's name and its values."""
        table = [row + ["v" + ESCAPE + C1] for row in rows(self.samples)]
        for row in table:
            row[0], row[2] = row[0] + ESCAPE + C1 + TURN, row[2] + C1 + "\x1b[2J"
        names = ["id", "split", "label", "group", "speech", "image", "text", "note" + ESCAPE]
        manifest = write_manifest(self.path("m.tsv"), table, names)
        out, err = self.retort("run", self.recipe, "-o", "run", "--headless", *settings(QUICK, data__manifest=manifest))
        self.plain(out + err)
        with open(self.path("run/log.txt"), encoding="utf-8") as f:
            self.plain(f.read())
        sample = table[0][0]
        for words in (["inspect", "run"], ["inspect", "run", "--sample", sample], ["inspect", manifest, "--columns",
                      "id,label,note" + ESCAPE], ["eval", "run", manifest, "--confusion"],
                      ["eval", "run", manifest, "--confusion", "--json"], ["inspect", "run", "--json"],
                      ["inspect", "run", "--sample", "nobody" + ESCAPE + C1], ["ls"], ["run", "none" + ESCAPE + C1],
                      ["ctl", "run", "mute", sample], ["export", "run", "-o", "e" + C1 + ".safetensors"]):
            done = subprocess.run([PROGRAM, *words], cwd=self.here, env=self.environment(), capture_output=True,
                                  text=True, encoding="utf-8", timeout=PATIENCE, check=False)
            self.assertIn(done.returncode, (0, 1, 2), words)
            self.plain(done.stdout + done.stderr)
            if words[-1] == "--json":
                json.loads(done.stdout)
        # Whoever joins tables by the ids gets them as they are, where no terminal reads them.
        out, _ = self.retort("embed", "run", manifest, "-o", "e.npy")
        self.assertIn(sample, out.split("\n"))

    def test_names_choose_no_folder(self):
        for name in ("../../outside", "a/b", "..", ".hidden"):
            _, err = self.retort("run", self.recipe, "-q", *settings(QUICK, name=name), code=2)
            self.says(err, "name: ", name)
        self.assertEqual(os.listdir(self.here), [])
        self.retort("run", self.recipe, "-q", "-o", "kept", *settings(QUICK, name="a/b"))

    def test_links_are_not_followed(self):
        os.mkdir(self.path("precious"))
        for name in ("file", "step-00000001.safetensors.tmp"):
            with open(self.path("precious", name), "w", encoding="utf-8") as f:
                f.write("kept")
        for name in ("lock", "log.txt", "run.db", "run.db-wal", "recipe.yaml", "model.safetensors", "checkpoints"):
            os.mkdir(self.path("hostile"))
            os.symlink("../precious/file" if name != "checkpoints" else "../precious", self.path("hostile", name))
            _, err = self.retort("run", self.recipe, "-q", "-o", "hostile", *settings(QUICK), code=None)
            self.says(err, "hostile")
            os.unlink(self.path("hostile", name))
            for left in os.listdir(self.path("hostile")):
                os.rmdir(self.path("hostile", left))
            os.rmdir(self.path("hostile"))
        for name in os.listdir(self.path("precious")):
            with open(self.path("precious", name), encoding="utf-8") as f:
                self.assertEqual(f.read(), "kept")
        self.assertEqual(len(os.listdir(self.path("precious"))), 2)

    @unittest.skipIf(SANITIZED, "a sanitizer needs terabytes of addresses")
    def test_limits_are_named(self):
        """Nothing hangs, nothing ends by a signal: what the machine allows is said, and the exit code is 1."""
        def run(limit, value):
            done = subprocess.run([PROGRAM, "run", self.recipe, "-q", "-o", "run", *settings(QUICK)], cwd=self.here,
                                  env=self.environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
                                  preexec_fn=lambda: resource.setrlimit(limit, (value, value)))
            self.assertFalse(os.path.exists(self.path("run")))
            return done.returncode, done.stderr

        code, err = run(resource.RLIMIT_NOFILE, 8)
        self.says(err, "ulimit -n 8")
        self.assertEqual(code, 1)
        for addresses in range(120, 2000, 40):  # MiB: the first with which all libraries can be loaded
            code, err = run(resource.RLIMIT_AS, addresses << 20)
            if code != 127:
                break
        self.says(err, "ulimit -v")
        self.assertEqual(code, 1)

    def test_no_home_no_cache(self):
        environment = {k: v for k, v in self.environment().items() if k not in ("HOME", "XDG_CACHE_HOME")}
        for home in ({}, {"HOME": ""}, {"HOME": "relative"}):
            done = subprocess.run([PROGRAM, "inspect", self.manifest, "-n", "1"], cwd=self.here,
                                  env=dict(environment, **home), capture_output=True, text=True, timeout=PATIENCE,
                                  check=True)
            self.says(done.stderr, "going on without caches", "HOME")
        self.assertEqual(os.listdir(self.here), [])


if __name__ == "__main__":
    unittest.main()
