#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# retort sweep with real runs: each is trained once, and after one that fails or Ctrl-C no further one starts; what was
# stopped goes on; the table has the numbers that the runs' data bases have.
"""Usage: test_sweep.py PATH/TO/retort"""

import csv
import io
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tui", "screen"))
from end_to_end import PATIENCE, PROGRAM, TEXT, EndToEnd, digest
from pseudo_terminal import Screen

RECIPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "recipes")
TEACHERS = """teachers:
  texts: {recipe: study.yaml, per: %s, set: [train.epochs=2]}
"""


class Sweep(EndToEnd):
    def sweep_file(self, settings, head="", **given):
        """A sweep beside the recipe, whose overrides make the student small; its path."""
        path = os.path.join(self.root, os.path.basename(self.here) + ".yaml")
        merged = dict(TEXT, **{key.replace("__", "."): value for key, value in given.items()})
        common = ["%s=%s" % pair for pair in sorted(merged.items())]
        with open(path, "w", encoding="utf-8") as f:
            f.write("name: small\nrecipe: study.yaml\nset: [%s]\n%ssettings:\n" % (", ".join(common), head))
            f.writelines("  %s: %s\n" % pair for pair in settings.items())
        return path

    def runs(self):
        """When each run of the folder was written last."""
        found = {}
        for name in sorted(os.listdir(self.path("out"))):
            found[name] = os.stat(self.path("out", name, "run.db")).st_mtime_ns
        return found

    def read(self, *parts):
        with open(self.path(*parts), encoding="utf-8") as f:
            return f.read()

    def sweep(self, file, *words, **more):
        return self.retort("sweep", file, "-o", "out", *words, **more)

    def final(self, run, split):
        return self.query(os.path.join("out", run), "SELECT value FROM metrics WHERE name = 'final.top1'"
                          " AND split = '%s'" % split)[0][0]

    def test_each_run_is_trained_once(self):
        file = self.sweep_file({"as is": "[]", "faster": "[train.lr=0.02, student.net=auto]"}, "seeds: 1-2\n")
        os.makedirs(self.path("out", "as-is-1", "checkpoints"))  # as a run killed at its start leaves it
        table, told = self.sweep(file, "--at-once", "2", "--json")
        before = self.runs()
        self.assertEqual(sorted(before), ["as-is-1", "as-is-2", "faster-1", "faster-2"])
        self.says(told, "4 of 4 runs to do, 2 at once", "  4/4 ", " test top-1 ")
        path = self.path("out", "faster-1", "recipe.yaml")
        text = self.read(path)  # as a program with other words of help wrote it
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("# start of every random number", "# the beginning of randomness"))
        self.assertNotEqual(self.read(path), text)
        again, told = self.sweep(file, "--json")
        self.assertEqual((again, told), (table, ""))
        self.assertEqual(self.runs(), before)
        first, second = json.loads(table)["settings"]
        for name, row in (("as-is", first), ("faster", second)):
            for split in ("valid", "test"):
                for value, seed in zip(row[split + "_of_seeds"], (1, 2), strict=True):
                    self.assertAlmostEqual(value, self.final("%s-%d" % (name, seed), split))
        self.assertAlmostEqual(first["test"], statistics.mean(first["test_of_seeds"]))
        self.assertAlmostEqual(second["difference"], second["test"] - first["test"])
        recipe = self.retort("run", os.path.join(self.here, "out", "as-is-1", "recipe.yaml"), "--print-recipe")[0]
        self.says(recipe, "seed: 1 ", "  threads: 1 ")

    def test_a_changed_recipe_is_trained_again(self):
        file = self.sweep_file({"a": "[]", "b": "[train.lr=0.03]"})
        self.sweep(file, "--seeds", "1")
        before = self.runs()
        self.sweep_file({"a": "[]", "b": "[train.lr=0.02]"})
        self.sweep(file, "--seeds", "1")
        after = self.runs()
        self.assertEqual(before["a-1"], after["a-1"])
        self.assertNotEqual(before["b-1"], after["b-1"])

    def test_a_newer_teacher_is_learned_from_again(self):
        file = self.sweep_file({"alone": "[]", "taught": "{teacher: texts, set: [distill.kl.lambda=1]}"},
                               TEACHERS % "seed", train__epochs="2")
        out, told = self.sweep(file, "--seeds", "3,4")
        self.says(out, "alone", "taught", "Seeds 3, 4.", "Teacher texts on its test split: ")
        self.says(told, "6 of 6 runs to do")
        before = self.runs()
        for teacher, student in (("texts-3", "taught-3"), ("texts-4", "taught-4")):
            self.says(self.read("out", student, "recipe.yaml"), self.path("out", teacher) + '"')
        later = os.path.getmtime(self.path("out", "taught-3", "model.safetensors")) + 5
        os.utime(self.path("out", "texts-3", "model.safetensors"), (later, later))
        self.sweep(file, "--seeds", "3,4")
        after = self.runs()
        self.assertEqual([name for name in before if before[name] != after[name]], ["taught-3"])

    def test_a_run_of_somebody_else_is_left(self):
        self.train("out/a-1", TEXT, train__epochs="1")
        before = self.runs()
        _, told = self.sweep(self.sweep_file({"a": "[]"}), "--seeds", "1", code=1)
        self.says(told, "run a-1 has a run in its place that is not of this sweep", "give another folder")
        self.assertEqual(self.runs(), before)

    def test_a_terminal_has_a_line_for_each_run(self):
        file = self.sweep_file({"one": "[train.epochs=9000]", "two": "[train.epochs=9000, train.lr=0.02]"})
        screen = Screen(PROGRAM, self.here, size=(24, 100), XDG_CACHE_HOME=self.cache,
                        words=("sweep", file, "-o", "out", "--seeds", "1", "--at-once", "2"))
        screen.wait("2 of 2 runs to do, 2 at once")
        for name in ("one-1", "two-1"):
            screen.wait("] " + name)
            screen.wait("/27000  loss ")
            screen.wait(" left")
        screen.wait("0 of 2 runs done")
        screen.process.send_signal(signal.SIGINT)  # it is not its controlling terminal, so no key does it
        code, as_it_was, _ = screen.end()
        self.assertEqual((code, as_it_was), (130, True))
        self.assertTrue(self.checkpoints("one-1") and self.checkpoints("two-1"))

    def test_one_teacher_serves_all_seeds(self):
        file = self.sweep_file({"taught": "{teacher: texts, set: [distill.kl.lambda=1]}"}, TEACHERS % "sweep",
                               train__epochs="1")
        self.sweep(file, "--seeds", "3,4", "-q")
        self.assertEqual(sorted(self.runs()), ["taught-3", "taught-4", "texts-1"])

    def test_a_failure_starts_no_further_run(self):
        settings = {"wrong": "[student.init=nowhere.safetensors]"}
        settings.update({"n%d" % n: "[train.lr=0.0%d]" % (n + 1) for n in range(4)})
        file = self.sweep_file(settings)
        _, told = self.sweep(file, "--seeds", "1", "--at-once", "1", code=1)
        self.says(told, "run wrong-1 failed (2):", "student.init", "nowhere.safetensors",
                  "its command: retort run ", " -s seed=1 ")
        self.assertEqual(os.path.exists(self.path("out")), False)

    def test_wrong_files_start_nothing(self):
        file = self.sweep_file({"a": "[train.lrr=1]"})
        self.says(self.sweep(file, code=2)[1], ":5: ", "did you mean train.lr?")
        file = self.sweep_file({"a": "[]"})
        self.says(self.sweep(file, "-s", "train.lr=0.1,fast", code=2)[1], "-s train.lr=0.1,fast: ", '"fast"')
        self.says(self.sweep(file, "--seeds", "3-1", code=2)[1], "11-15")
        self.says(self.sweep("nowhere.yaml", code=2)[1], "nowhere.yaml")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_one_recipe_under_two_names_is_refused(self):
        """Their difference of 0.0 with an interval of nothing would look like a finding."""
        file = self.sweep_file({"as is": "[]", "faster": "[train.lr=0.02]", "kl": "[distill.kl.lambda=0]"})
        _, err = self.sweep(file, code=2)
        self.says(err, '"as is" and "kl" come to the same recipe', "--print-recipe")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_grid_of_a_recipe(self):
        words = [w for pair in sorted(TEXT.items()) for w in ("-s", "%s=%s" % pair)]
        out, _ = self.sweep(self.recipe, *words, "-s", "train.lr=0.005,0.02", "-s", "train.epochs=1,2", "--seeds",
                            "5", "--csv", "--choose", "valid", "--svg", "plot.svg")
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual([r["setting"] for r in rows],
                         ["train.lr=%s, train.epochs=%s" % pair for pair in
                          (("0.005", "1"), ("0.005", "2"), ("0.02", "1"), ("0.02", "2"))])
        best = max(float(r["valid"]) for r in rows)
        told = [r for r in rows if r["test"]]
        self.assertIn(rows[0], told)
        self.assertLessEqual(len(told), 2)
        self.assertIn(best, [float(r["valid"]) for r in told])
        self.says(self.read("plot.svg"), "<svg ", "valid top-1 %")

    def test_ctrl_c_starts_no_further_run_and_all_goes_on(self):
        file = self.sweep_file({"long": "[train.epochs=40, student.net=auto]", "never": "[]"})
        words = ["sweep", file, "-o", "out", "--seeds", "1", "--at-once", "1"]
        sweep = self.start(*words, start_new_session=True)
        end = time.monotonic() + PATIENCE
        while not self.checkpoints("long-1") and time.monotonic() < end:
            time.sleep(0.01)
        os.killpg(sweep.pid, signal.SIGINT)
        out, told = sweep.communicate(timeout=PATIENCE)
        self.assertEqual(sweep.returncode, 130, told)
        self.assertEqual(out, "")
        self.says(told, "2 of 2 runs to do, 1 at once", "the same command goes on")
        self.assertFalse(os.path.exists(self.path("out", "never-1")))
        self.assertFalse(os.path.exists(self.path("out", "long-1", "model.safetensors")))
        self.retort(*words)
        log = self.read("out", "long-1", "log.txt")
        self.assertEqual((log.count(" begins at step "), log.count(" begins at step 0 ")), (2, 1), log)
        whole = self.sweep_file({"long": "[train.epochs=40]"})
        self.retort("sweep", whole, "-o", "whole", "--seeds", "1", "-q")
        self.assertEqual(digest(self.path("out", "long-1", "model.safetensors")),
                         digest(self.path("whole", "long-1", "model.safetensors")))

    def test_a_killed_sweep_leaves_no_run(self):
        file = self.sweep_file({"long": "[train.epochs=4000]"})
        sweep = self.start("sweep", file, "-o", "out", "--seeds", "1", "--at-once", "1", "-q")
        end = time.monotonic() + PATIENCE
        while not self.checkpoints("long-1") and time.monotonic() < end:
            time.sleep(0.01)
        sweep.kill()
        sweep.communicate()
        while "stopped at step" not in self.read("out", "long-1", "log.txt") and time.monotonic() < end:
            time.sleep(0.01)
        self.says(self.read("out", "long-1", "log.txt"), "stopped at step", "by SIGINT")

    def checkpoints(self, run):
        folder = self.path("out", run, "checkpoints")
        return [n for n in os.listdir(folder) if n.startswith("step-") and n.endswith(".safetensors")] \
            if os.path.isdir(folder) else []

    def test_a_table_is_put_into_the_pages_that_have_a_place_for_it(self):
        os.mkdir(self.path("recipes"))
        os.mkdir(self.path("docs"))
        shutil.copy(os.path.join(RECIPES, "into_readme"), self.path("recipes"))
        place = "a\n<!-- table %s -->\nold\n<!-- end of table %s -->\nb\n"
        for page, text in (("README.md", place % ("x", "x")), ("docs/experiments.md", place % ("x", "x") + place % ("z", "z"))):
            with open(self.path(page), "w", encoding="utf-8") as f:
                f.write(text)
        for name, table, code in (("y", "new\n", 1), ("x", "", 1), ("x", "new\n", 0), ("z", "other\n", 0)):
            done = subprocess.run([self.path("recipes", "into_readme"), name], input=table, text=True,
                                  capture_output=True, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
        new = "a\n<!-- table x -->\nnew\n<!-- end of table x -->\nb\n"
        self.assertEqual(self.read("README.md"), new)
        self.assertEqual(self.read("docs/experiments.md"), new + (place % ("z", "z")).replace("old", "other"))

    def test_the_program_is_where_recipes_look_for_it(self):
        """Recipes, README and bootstrap name build/tui/retort: the program may not move without them."""
        self.assertEqual(PROGRAM.split(os.sep)[-2:], ["tui", "retort"])


if __name__ == "__main__":
    unittest.main()
