#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# recipes/experiment.py, which the demo and table scripts run on, with real runs: each is trained once,
# and after one that fails or Ctrl-C no further one starts.
"""Usage: test_experiment.py PATH/TO/retort"""

import os
import signal
import subprocess
import sys
import time
import unittest

from end_to_end import PATIENCE, PROGRAM, TEXT, EndToEnd

RECIPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "recipes")
sys.path.insert(0, RECIPES)
import experiment  # noqa: E402

# The same in a process of its own: train.py RECIPE SETTING... -- FOLDER...
DRIVER = """
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import experiment
cut = sys.argv.index("--")
experiment.train_all([experiment.Run(sys.argv[2], folder, sys.argv[3:cut]) for folder in sys.argv[cut + 1:]], 1)
"""


def given(*groups, **more):
    """Settings as experiment.Run takes them."""
    merged = {}
    for group in groups:
        merged.update(group)
    merged.update(more)
    return ["%s=%s" % pair for pair in sorted(merged.items())]


WHERE_IT_LOOKS = experiment.RETORT


class Experiment(EndToEnd):
    def setUp(self):
        super().setUp()
        experiment.RETORT = PROGRAM
        os.environ.update(self.environment())

    def run_of(self, name, *groups):
        return experiment.Run(self.recipe, self.path(name), given(TEXT, *groups))

    def test_it_looks_where_the_build_puts_the_program(self):
        """Recipes, README and docs name build/tui/retort: the program may not move without them."""
        def in_build(path):
            return path.split(os.sep)[-2:]
        self.assertEqual(in_build(WHERE_IT_LOOKS), in_build(PROGRAM))

    def test_each_run_is_trained_once(self):
        runs = [self.run_of("a"), self.run_of("b")]
        os.makedirs(os.path.join(runs[0].folder, "checkpoints"))  # as a run killed at its start leaves it
        self.assertIs(experiment.train_all(runs, 2), runs)
        before = {r.folder: os.stat(os.path.join(r.folder, "run.db")).st_mtime_ns for r in runs}
        for run in runs:
            self.assertTrue(run.done())
            self.assertGreater(run.metric("test"), 0)
        experiment.train_all(runs, 2)
        self.assertEqual(before, {r.folder: os.stat(os.path.join(r.folder, "run.db")).st_mtime_ns
                                  for r in runs})

    def test_a_changed_recipe_or_teacher_is_trained_again(self):
        run = self.run_of("a")
        experiment.train_all([run], 1)
        again = self.run_of("a", {"train.lr": "0.004"})
        self.assertTrue(run.done())
        self.assertFalse(again.done())
        experiment.train_all([again], 1)
        self.assertTrue(again.done())
        student = experiment.Run(self.recipe, self.path("s"), given(TEXT) + ["teacher.model=" + run.folder])
        experiment.train_all([student], 1)
        self.assertTrue(student.done())
        later = os.path.getmtime(os.path.join(student.folder, "student.safetensors")) + 5
        os.utime(os.path.join(run.folder, "student.safetensors"), (later, later))
        self.assertFalse(student.done())

    def test_a_failure_starts_no_further_run(self):
        runs = [self.run_of("wrong", {"train.lr": "fast"})] + [self.run_of(str(n)) for n in range(4)]
        with self.assertRaises(SystemExit) as failure:
            experiment.train_all(runs, 1)
        self.says(str(failure.exception), "failed (2)", "train.lr", "fast")
        self.assertEqual([r.folder for r in runs[1:] if os.path.exists(r.folder)], [])

    def start_driver(self, *folders, epochs):
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, RECIPES, self.recipe, *given(TEXT, {"train.epochs": epochs}),
             "--", *folders], env=dict(self.environment(), RETORT=PROGRAM), stderr=subprocess.PIPE,
            text=True, start_new_session=True)

    def test_ctrl_c_starts_no_further_run(self):
        folders = [self.path("long"), self.path("never")]
        driver = self.start_driver(*folders, epochs=100000)
        end = time.monotonic() + PATIENCE
        while not os.path.exists(os.path.join(folders[0], "run.db")) and time.monotonic() < end:
            time.sleep(0.01)
        os.killpg(driver.pid, signal.SIGINT)
        _, said = driver.communicate(timeout=PATIENCE)
        self.assertEqual(driver.returncode, 130, said)
        self.says(said, "training 2 of 2 runs, 1 at once", "stopped")
        self.assertNotIn("Traceback", said)
        self.assertFalse(os.path.exists(folders[1]))


if __name__ == "__main__":
    unittest.main()
