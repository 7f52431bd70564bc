#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A run that goes on, steered by keys alone through a pseudo-terminal; afterwards its journal repeats it to
# the same bytes.
"""Usage: test_steering.py PATH/TO/retort"""

import os
import re
import sys
import time
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
from end_to_end import PATIENCE, PROGRAM, SPEECH, TEXT, EndToEnd, settings
from pseudo_terminal import Screen

CTRL_U = "\x15"


class Steering(EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher = os.path.join(cls.root, "teacher")
        lab = cls("test_by_keys_alone")
        lab.here = cls.root
        lab.train(cls.teacher, TEXT)

    def begin(self, output):
        """A run in the background that ends only when it is stopped."""
        study = dict(SPEECH, **{
            "teacher.model": self.teacher, "distill.l2.lambda": "4", "distill.l2.margin": "0.3",
            "weight.terms": "snr", "train.batch": "10", "train.epochs": "100000", "run.keep": "3",
            "run.checkpoint": "100"})
        run = self.start("run", self.recipe, *settings(study), "-q", "-o", output)
        self.addCleanup(run.communicate)
        self.addCleanup(run.kill)
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(self.path(output, "socket")):
            self.assertTrue(run.poll() is None and time.monotonic() < deadline, run.poll())
            time.sleep(0.01)
        return run

    def attach(self, run):
        screen = Screen(PROGRAM, self.path(run))
        self.addCleanup(screen.process.kill)
        screen.wait("pause")  # its hint: the run listens
        return screen

    def dump(self, screen):
        path = self.path("dump.txt")
        screen.type(":dump %s\r" % path)
        screen.wait("written: ")
        with open(path, encoding="utf-8") as f:
            return f.read()

    def wait_for_rows(self, screen, count, where="1"):
        """Until the journal in run.db has so many: what changes twice before a step is one row."""
        end = time.monotonic() + PATIENCE
        while self.query("a", "SELECT count(*) FROM journal WHERE " + where) != [(count,)]:
            self.assertLess(time.monotonic(), end)
            screen.read(0.05)

    def wait_for_marks(self, screen, count):
        end = time.monotonic() + PATIENCE
        while not self.query("a", "SELECT 1 FROM sqlite_master WHERE name='marks'") or \
                self.query("a", "SELECT count(*) FROM marks") != [(count,)]:
            self.assertLess(time.monotonic(), end)
            screen.read(0.05)

    def test_by_keys_alone(self):
        run = self.begin("a")
        screen = self.attach("a")
        screen.type("p")
        screen.wait("paused before step")
        screen.type("5")  # a margin lowered: found, typed
        screen.type("/l2.margin\r\r" + CTRL_U + "0.1\r")
        screen.wait("distill.l2.margin: 0.3 -> 0.1 from step")
        screen.type(":step 5\r")
        self.wait_for_rows(screen, 1)
        screen.type("h\r")  # a little less, by the slider
        screen.wait("distill.l2.margin: 0.1 -> 0.08 from step")
        screen.type(":resume\r")  # p would pause it once more while it makes its five steps
        screen.wait("goes on with step")
        screen.type("qd")
        code, same, says = screen.end()
        self.assertEqual((code, same), (0, True))
        self.assertIn("the run goes on: `retort attach", says)
        self.assertIsNone(run.poll())  # detached: the run goes on

        screen = self.attach("a")
        screen.type("6")
        text = self.dump(screen)  # of what is drawn over something else, only the cells that differ go to the terminal
        end = time.monotonic() + PATIENCE
        while "0.1 -> 0.08" not in text and time.monotonic() < end:
            text = self.dump(screen)  # once run.db holds it
        self.assertRegex(text, r"screen +distill.l2.margin  0.3 -> 0.1\n")
        self.assertRegex(text, r"screen +distill.l2.margin  0.1 -> 0.08\n")
        screen.type("u")  # taken back in the journal
        screen.wait("distill.l2.margin: 0.08 -> 0.1 from step")
        screen.type("2")  # those of low SNR halved, and taken back
        screen.wait("of %d samples" % self.samples)
        screen.type("  ")  # two are marked, which the run keeps as it goes on
        self.wait_for_marks(screen, 2)
        screen.type("a")
        self.wait_for_marks(screen, self.samples)
        screen.type("a")
        self.wait_for_marks(screen, 0)
        screen.type("/snr < 20\r-")
        screen.wait("Half the weight")
        screen.type("a")
        screen.wait("from step")
        screen.type("u")
        screen.wait("undone: samples: 0.5@")
        self.wait_for_rows(screen, 2, "key='samples'")
        screen.type("qs")
        code, same, says = screen.end()
        self.assertEqual((code, same), (0, True))
        self.assertIn("stopped: `retort run --resume ", says)
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130, err)

        out, _ = self.retort("replay", "a", "-q")
        self.says(out, "identical to step")
        self.assertNotIn("different", out)
        rows = self.query("a", "SELECT who, key, before, after FROM journal ORDER BY number")
        self.assertEqual(rows[:2], [("screen", "distill.l2.margin", "0.3", "0.1"),
                                    ("screen", "distill.l2.margin", "0.1", "0.08")])
        weights = [row for row in rows if row[1] == "samples"]
        self.assertEqual(len(weights), 2)
        self.assertRegex(weights[0][3], r"^0.5@[\d,-]+ # weight \*0.5 where snr < 20 \(\d+\)$")
        self.assertRegex(weights[1][3], r"^1@[\d,-]+ # undo$")
        with open(self.path("a/state/retort/history"), encoding="utf-8") as f:
            typed = f.read().split("\n")
        self.assertEqual(typed[:4], ["/l2.margin", "=0.1", ":step 5", ":resume"])
        self.assertTrue(re.match(r":dump ", typed[4]))


if __name__ == "__main__":
    unittest.main()
