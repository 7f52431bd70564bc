#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# `retort run` in a terminal: a process of its own with a screen, which may be left, closed, killed and
# attached again; `retort ls` knows all runs.
"""Usage: test_own_process.py PATH/TO/retort"""

import json
import os
import signal
import sys
import time
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
from end_to_end import PATIENCE, PROGRAM, SPEECH, EndToEnd, settings
from pseudo_terminal import Screen


class OwnProcess(EndToEnd):
    def run_in_terminal(self, output, *words, **more):
        study = settings(SPEECH, train__batch=10, **more)
        screen = Screen(PROGRAM, self.here, words=("run", self.recipe, "-o", output, *study, *words),
                        XDG_CACHE_HOME=self.cache)
        self.addCleanup(self.end_runs)
        self.addCleanup(screen.process.kill)
        return screen

    def owner(self, output):
        with open(self.path(output, "lock"), encoding="ascii") as f:
            return int(f.read())

    def end_runs(self):
        """Every process of the program in this test's folder, also one that holds no run yet."""
        here = os.path.realpath(self.here)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink("/proc/%s/exe" % pid) == os.path.realpath(PROGRAM) and \
                        os.readlink("/proc/%s/cwd" % pid) == here:
                    os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass  # another user's, or gone

    def attach(self, output):
        screen = Screen(PROGRAM, self.path(output))
        self.addCleanup(screen.process.kill)
        screen.wait("pause")  # its hint: the run listens
        return screen

    def listed(self, *words):
        return json.loads(self.retort("ls", "--json", "--columns", "all", *words)[0])

    def is_in(self, output, state):
        end = time.monotonic() + PATIENCE
        while self.listed(output)[0]["state"] != state and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(self.listed(output)[0]["state"], state)

    def test_outlives_its_screens(self):
        screen = self.run_in_terminal("a", train__epochs=100000)
        screen.wait("\033[?1002h")  # the mouse may drag, and may no longer when the screen has gone
        screen.wait("pause")
        run = self.owner("a")
        self.assertNotEqual(run, screen.process.pid)
        self.assertEqual(os.getsid(run), run)  # a session of its own
        screen.type("qd")
        screen.wait("\033[?1002l")
        self.assertEqual(screen.end()[:2], (0, True))
        self.assertNotIn(b"?1002h", screen.seen)
        self.is_in("a", "running")

        closed, killed, third = (self.attach("a") for _ in range(3))
        self.assertEqual(closed.close(), 128 + signal.SIGHUP)
        killed.process.kill()
        self.assertEqual(killed.end()[0], -signal.SIGKILL)
        third.type("p")
        third.wait("paused before step")
        self.is_in("a", "paused")
        row, = self.listed("a")
        self.assertEqual((row["run"], row["pid"], row["epochs"]), ("a", run, 100000))
        self.assertTrue(1 <= row["epoch"] <= row["step"] <= row["steps"], row)
        os.kill(run, signal.SIGSTOP)  # does not answer
        asked = self.start("ls", "a")
        os.kill(run, signal.SIGCONT)
        self.says(asked.communicate(timeout=PATIENCE)[0], "a    paused")
        third.type("qs")
        code, same, says = third.end()
        self.assertEqual((code, same), (0, True))
        self.says(says, "stopped: `retort run --resume ")
        self.is_in("a", "stopped")
        self.assertIsNone(self.listed("a")[0]["pid"])
        with open(self.path("a/output.txt"), encoding="utf-8") as f:
            self.says(f.read(), "retort: stopped at step", "--resume a")

    def test_results_when_the_screen_is_left_after_the_end(self):
        screen = self.run_in_terminal("a", train__epochs=2)
        screen.wait("total loss")
        while not os.path.exists(self.path("a", "run.db")):
            screen.read(0.02)
        self.is_in("a", "done")
        screen.type("q")
        screen.wait("model     speech")  # printed below, once the screen is gone
        screen.wait("a/model.safetensors")
        self.assertEqual(screen.end()[:2], (0, True))
        row, = self.listed("a")
        self.assertEqual((row["state"], row["epoch"], row["epochs"]), ("done", 2, 2))
        self.assertTrue(0 <= row["test"] <= 1 and 0 <= row["best"] <= 1)

    def test_stopped_from_its_first_screen(self):
        screen = self.run_in_terminal("a", train__epochs=100000)
        screen.wait("pause")
        screen.type("qs")
        screen.wait("retort: stopped at step")
        self.assertEqual(screen.end()[:2], (130, True))
        screen = Screen(PROGRAM, self.here, words=("run", "--resume", "-o", "a"), XDG_CACHE_HOME=self.cache)
        screen.wait("run       a: ")
        screen.wait("pause")
        screen.type("qs")
        screen.wait("retort: stopped at step")
        self.assertEqual(screen.end()[:2], (130, True))

    def test_refused_or_in_the_foreground(self):
        screen = self.run_in_terminal("a", "-s", "student.dim=100000000")
        screen.wait("retort: ")
        self.assertEqual(screen.end()[:2], (2, True))
        self.assertFalse(os.path.exists(self.path("a")))
        for words in (["--headless"], ["-q"]):
            screen = self.run_in_terminal("b" + words[0], *words, train__epochs=1)
            screen.wait("model     speech")
            self.assertEqual(screen.end()[:2], (0, True))
            self.assertFalse(os.path.exists(self.path("b" + words[0], "output.txt")))

    def test_killed_and_listed(self):
        screen = self.run_in_terminal("runs/a", train__epochs=100000)
        screen.wait("pause")
        os.kill(self.owner("runs/a"), signal.SIGKILL)
        self.is_in("runs/a", "ended early")
        screen.wait("ended early")
        screen.type("q")
        self.assertEqual(screen.end()[:2], (128 + signal.SIGKILL, True))
        self.train("runs/b", SPEECH, train__epochs=1)
        os.makedirs(self.path("runs/c"))
        with open(self.path("runs/c/run.db"), "w", encoding="ascii") as f:
            f.write("this is no data base")
        out, _ = self.retort("ls")
        self.assertEqual([line.split()[:2] for line in out.splitlines()[1:]],
                         [["runs/a", "ended"], ["runs/b", "done"], ["runs/c", "unreadable"]])
        self.assertEqual([r["run"] for r in self.listed("--where", "state = done")], ["runs/b"])
        self.assertEqual([r["run"] for r in self.listed("--sort", "-run", "runs/c", "runs/b")], ["runs/c", "runs/b"])
        self.says(self.retort("ls", "nowhere", code=1)[1], "nowhere")
        self.says(self.retort("ls", "-w", "speed > 3", code=2)[1], "--where", "speed")
        self.assertEqual(self.retort("ls", "--csv", "--columns", "run,state", here=self.root)[0], "run,state\n")


if __name__ == "__main__":
    unittest.main()
