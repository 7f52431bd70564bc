#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A run is its recipe and its seed: whatever the number of threads, the state of the caches, and wherever
# it was killed or stopped on the way, it ends in the same bytes.
"""Usage: test_repeat.py PATH/TO/retort"""

import os
import random
import re
import signal
import subprocess
import time
import unittest

from end_to_end import (LONG, PATIENCE, PROGRAM, SPEECH, TEXT, EndToEnd, digest, last_checkpoint, plain_only,
                        read_tensors, rows, settings, write_manifest)

FILES = ("model.safetensors", "checkpoints/best.safetensors")


class Repeat(EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher = os.path.join(cls.root, "teacher")
        first = cls("start")
        first.here = cls.root
        first.train(cls.teacher, TEXT)
        # What could depend on order and history: augmentation, running margins, teacher norms, decimals
        # of the optimiser, an incomplete last batch, dropout, hidden labels.
        cls.study = dict(SPEECH, **{
            "teacher.model": cls.teacher, "distill.l2.lambda": "4", "distill.l2.quantile": "0.3",
            "distill.kl.lambda": "1", "weight.terms": "snr,teacher_norm,agreement", "weight.agreement_from": "25%",
            "data.labels": "50%",
            "train.batch": "10", "train.epochs": "4", "augment.band_masks": "1"})

    def outcome(self, run):
        """Digests of all that a run leaves for others."""
        run = self.path(run)
        found = {name: digest(os.path.join(run, name)) for name in FILES}
        found[os.path.basename(last_checkpoint(run))] = digest(last_checkpoint(run))
        return found

    def contents(self, run):
        """All tensors and the progress, without the recipe's text."""
        run = self.path(run)
        found = []
        for path in [last_checkpoint(run)] + [os.path.join(run, name) for name in FILES]:
            tensors, texts = read_tensors(path)
            found.append((tensors, {k: v for k, v in texts.items() if k not in ("retort.recipe", "retort.digest")}))
        self.assertGreater(len(found[0][0]), 10)
        self.assertIn("retort.progress", found[0][1])
        return found

    def metrics(self, run):
        return self.query(run, "SELECT name, split, step, epoch, value FROM metrics ORDER BY 1, 2, 3")


class Determinism(Repeat):
    @plain_only
    def test_twice(self):
        self.train("a", self.study)
        self.train("b", self.study)
        self.assertEqual(self.outcome("a"), self.outcome("b"))
        self.assertEqual(self.metrics("a"), self.metrics("b"))
        self.train("c", self.study, seed=8)
        self.assertNotEqual(self.outcome("a"), self.outcome("c"))

    def test_caches_cold_warm_and_none(self):
        cold = self.path("cache")
        self.train("a", self.study, cache=cold)
        self.train("b", self.study, cache=cold)
        self.assertEqual(self.outcome("a"), self.outcome("b"))
        self.train("c", self.study, cache=self.path("other"), cache__size=0, teacher__cache=0)
        self.assertEqual(self.contents("a"), self.contents("c"))

    def test_workers_and_threads(self):
        self.train("a", self.study)
        for name, more in (("b", {"pipeline.decoders": "3"}), ("c", {"train.threads": "2"}),
                           ("d", {"pipeline.decoders": "3", "train.threads": "3", "pipeline.batches": "1",
                                  "pipeline.memory": "1", "pipeline.zstd": "0"})):
            with self.subTest(more):
                self.train(name, self.study, more, cache=self.path("cold-" + name))
                self.assertEqual(self.contents("a"), self.contents(name))

    @plain_only
    def test_other_networks(self):
        for net, more in (("cnn2d", {"student.modality": "image", "image.size": "16"}), ("tdnn", {}),
                          ("resnet", {"student.blocks": "1", "student.width": "4"})):
            with self.subTest(net):
                self.train(net + "1", SPEECH, more, student__net=net, train__epochs=1)
                self.train(net + "2", SPEECH, more, student__net=net, train__epochs=1,
                           train__threads=2, pipeline__decoders=3)
                self.assertEqual(self.contents(net + "1"), self.contents(net + "2"))

    @plain_only
    def test_shards(self):
        more = {"train.shards": "4", "student.net": "tdnn", "train.epochs": "2"}
        self.train("a", self.study, more)
        self.train("b", self.study, more, train__threads=2, pipeline__decoders=3)
        self.assertEqual(self.contents("a"), self.contents("b"))
        self.train("c", self.study, more, train__shards=1)
        self.assertNotEqual(self.contents("a"), self.contents("c"))


class Interrupted(Repeat):
    """Long enough to be hit on the way: thousands of updates of a tiny student."""
    epochs = LONG * 3 // 5

    def begin(self, output, **more):
        run = self.start("run", self.recipe, "-q", "-o", output,
                         *settings(self.study, train__epochs=self.epochs, **more))
        self.addCleanup(run.communicate)
        self.addCleanup(run.kill)
        return run

    def reference(self, **more):
        self.train("whole", self.study, train__epochs=self.epochs, **more)

    def resume(self, run, *words):
        return self.retort("run", "--resume", "-o", run, *words)

    def steps(self, run):
        """Of the newest checkpoint; -1 before there is one."""
        try:
            return int(re.search(r"step-(\d+)", last_checkpoint(self.path(run)))[1])
        except (FileNotFoundError, IndexError):
            return -1

    def wait_for_checkpoint(self, run, process, least=1):
        deadline = time.monotonic() + PATIENCE
        while self.steps(run) < least and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        self.assertGreaterEqual(self.steps(run), least)

    def killed(self, seed, **more):
        """Kills a run as it starts, then a little after random checkpoints; how often it was hit."""
        self.reference(**more)
        draw, hits, last = random.Random(seed), 0, self.steps("whole")
        run = self.begin("hit", **more)
        for sixth in range(6):
            target = last * draw.uniform(sixth - 1, sixth) / 6
            deadline = time.monotonic() + PATIENCE
            while self.steps("hit") < target and run.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(draw.uniform(0, 0.1))
            run.kill()
            run.communicate()
            hits += run.returncode == -signal.SIGKILL
            if os.path.exists(self.path("hit/recipe.yaml")):
                run = self.start("run", "--resume", "hit", "-q")
            else:
                run = self.begin("hit", **more)
            self.addCleanup(run.kill)
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        self.assertEqual(self.outcome("whole"), self.outcome("hit"))
        self.assertEqual(self.query("hit", "SELECT value FROM meta WHERE key='state'"), [("done",)])
        return hits

    def test_killed_with_a_checkpoint_each_epoch(self):
        self.assertGreater(self.killed(1), 0)
        self.assertEqual(self.metrics("whole"), self.metrics("hit"))

    def test_killed_with_checkpoints_inside_epochs(self):
        self.assertGreater(self.killed(2, run__checkpoint=3, eval__interval=2), 0)
        self.assertEqual(self.metrics("whole"), self.metrics("hit"))

    def test_stopped_by_signals(self):
        self.reference()
        run = self.begin("hit")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            self.wait_for_checkpoint("hit", run, self.steps("hit") + 2)
            run.send_signal(number)
            _, err = run.communicate(timeout=PATIENCE)
            if run.returncode == 0:
                break
            self.assertEqual(run.returncode, 130, err)
            step = self.steps("hit")
            self.says(err, "stopped at step %d" % step, "retort run --resume hit")
            self.assertEqual(self.query("hit", "SELECT value FROM meta WHERE key='state'"), [("stopped",)])
            self.assertFalse([n for n in os.listdir(self.path("hit/checkpoints")) if ".tmp" in n])
            run = self.start("run", "--resume", "hit", "-q")
            self.addCleanup(run.kill)
        run.communicate(timeout=PATIENCE)
        self.assertEqual(self.outcome("whole"), self.outcome("hit"))

    def stopped_by(self, number):
        """A run stopped by a signal says so, and keeps what it did."""
        name = "by%d" % number
        run = self.begin(name, train__steps=100000000)
        self.wait_for_checkpoint(name, run)
        run.send_signal(number)
        run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130)
        step = int(re.search(r"step-(\d+)", last_checkpoint(self.path(name))).group(1))
        with open(self.path(name, "log.txt"), encoding="utf-8") as f:
            self.says(f.read(), "stopped at step %d" % step, signal.Signals(number).name)

    def test_terminal_and_time_limit(self):
        for number in (signal.SIGHUP, signal.SIGXCPU):
            self.stopped_by(number)

    def test_nohup(self):
        """What was ignored when the program began stays so."""
        run = self.start("run", self.recipe, "-o", "on", "-q", *settings(self.study, train__epochs="2"),
                         preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.wait_for_checkpoint("on", run)
        run.send_signal(signal.SIGHUP)
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        self.assertRegex(err, r"\Aretort: 1 sample has the same recording as one before, [^\n]*\n\Z")  # and nothing else

    def test_nobody_reads_the_progress(self):
        """A closed pipe ends the progress, not the run."""
        self.train("whole", self.study)
        run = self.start("run", self.recipe, "-o", "alone", *settings(self.study))
        run.stderr.close()
        with run.stdout:
            run.stdout.read()
        self.assertEqual(run.wait(timeout=PATIENCE), 0)
        self.assertEqual(self.outcome("alone"), self.outcome("whole"))
        with open(self.path("alone", "log.txt"), encoding="utf-8") as f:
            self.says(f.read(), "nobody reads the progress", "done at step")

    def test_stopped_before_the_first_step(self):
        """While the data is scored: nothing is there yet, nothing is left."""
        table = [["%d/%s" % (i, row[0])] + row[1:] for i in range(100) for row in rows(self.samples)]
        manifest = write_manifest(self.path("many.tsv"), table)
        open(self.path("file"), "w", encoding="utf-8").close()
        run = subprocess.Popen([PROGRAM, "run", self.recipe, "-q", "-o", "hit",
                                *settings(SPEECH, data__manifest=manifest)], cwd=self.here,
                               env=self.environment(self.path("file")), stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.communicate)
        self.addCleanup(run.kill)
        caught = 0
        while not caught >> (signal.SIGINT - 1) & 1 and run.poll() is None:
            with open("/proc/%d/status" % run.pid, encoding="ascii") as f:
                caught = int(re.search(r"SigCgt:\s*(\w+)", f.read())[1], 16)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130, err)
        self.says(err, "stopped before the first step; nothing was written")
        self.assertFalse(os.path.exists(self.path("hit")))

    def every_step(self, epoch, **more):
        """A checkpoint at each update, then a resume from each of them."""
        self.train("whole", self.study, {"train.epochs": "2", "run.checkpoint": "1", "run.keep": "100"}, **more)
        self.assertEqual(self.steps("whole"), 2 * epoch)
        for step in range(1, 2 * epoch + 1):
            os.makedirs(self.path("at%d/checkpoints" % step))
            best = ["checkpoints/best.safetensors"] if step > epoch else []  # evaluated after the epoch
            for name in ["recipe.yaml", "checkpoints/step-%08d.safetensors" % step] + best:
                os.link(self.path("whole", name), self.path("at%d" % step, name))
            self.resume("at%d" % step)
            self.assertEqual(self.outcome("whole"), self.outcome("at%d" % step), step)

    @plain_only
    def test_every_step_of_a_short_run(self):
        self.every_step(4)

    def test_every_step_with_balanced_batches(self):
        """7 of 10 rows with a label: the 16 without one last for 6 updates. Terms compare rows, too."""
        more = {"data__balance": "70%", "distill__nce__lambda": "1", "distill__sp__lambda": "1"}
        self.every_step(6, **more)
        self.assertEqual(self.query("whole", "SELECT sum(seen) FROM samples WHERE hidden=1"), [(36,)])
        _, err = self.retort("run", self.recipe, "-o", "said", *settings(self.study, **more))
        self.says(err, "20 of 36 training samples with a label",
                  "70 % of each batch with a label (data.balance); an epoch is 6 updates")

    def test_folder_with_retired_settings(self):
        """recipe.yaml of an older retort, with settings that have gone since."""
        self.train("whole", self.study, {"train.epochs": "2", "run.checkpoint": "1", "run.keep": "100"})
        os.makedirs(self.path("old/checkpoints"))
        step = "checkpoints/step-00000003.safetensors"
        os.link(self.path("whole", step), self.path("old", step))
        with open(self.path("whole/recipe.yaml"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn("  l2:\n", text)
        with open(self.path("old/recipe.yaml"), "w", encoding="utf-8") as f:
            f.write(text.replace("  l2:\n", "  l2:\n    temperature: 1\n"))
        self.resume("old")
        self.assertEqual(self.outcome("whole"), self.outcome("old"))
        _, err = self.retort("run", self.path("old/recipe.yaml"), "-o", "new", "-s", "distill.l2.temperature=2",
                             code=2)
        self.says(err, "distill.l2.temperature is not a setting any more", "did nothing")

    def test_finished_run(self):
        said, _ = self.train("done", self.study)
        before, rows = self.outcome("done"), self.metrics("done")
        again, err = self.resume("done")
        self.says(err, "all updates were done")
        results = [line for line in said.splitlines() if line.startswith(("student", "valid", "test"))]
        self.assertEqual(results, [line for line in again.splitlines()
                                   if line.startswith(("student", "valid", "test"))])
        self.assertEqual(self.outcome("done"), before)
        self.assertEqual(self.metrics("done"), rows)

    def test_another_recipe_is_refused(self):
        self.train("a", self.study)
        before = self.outcome("a")
        _, err = self.retort("run", self.recipe, "--resume", "-o", "a", "-q",
                             *settings(self.study, train__lr="0.5"), code=2)
        self.says(err, "train.lr", "0.002", "0.5", "--resume")
        _, err = self.retort("run", "--resume", "-o", "a", "--epochs", "3", code=2)
        self.says(err, "updates long, and would be", "train.epochs 3: --resume may make it longer, not shorter")
        self.assertEqual(self.outcome("a"), before)

    def test_prolonged(self):
        """From its end on, twice; the second time killed before an update. Where nothing depends on the length, it is
        the run that was meant to be so long."""
        flat = {"train.schedule": "constant", "train.warmup": "0", "weight.terms": "snr", "run.keep": "99"}
        self.train("long", self.study, flat, train__epochs=6)
        self.train("a", self.study, flat)
        end = self.query("a", "SELECT max(step) FROM metrics")[0][0]
        _, err = self.resume("a", "--epochs", "6")
        self.says(err, "the run is %d updates long from now on, and was %d" % (end * 3 / 2, end))
        self.assertEqual(read_tensors(last_checkpoint(self.path("long")))[0],
                         read_tensors(last_checkpoint(self.path("a")))[0])
        journal = [(end + 1, "resume", "train.epochs", "4", "6")]
        asked = "SELECT step, who, key, before, after FROM journal ORDER BY number"
        self.assertEqual(self.query("a", asked), journal)
        self.assertEqual(len(self.query("a", "SELECT 1 FROM metrics WHERE name='final.top1' AND split='test'")), 1)
        self.says(self.retort("replay", "a", "-q")[0], "identical to step %d" % (end * 3 / 2))
        self.says(self.retort("ls", self.path("a"), "--columns", "all", "--json")[0], '"progress": 1')
        # With a schedule: its first part stays that of a short run. Killed when the wish was written down.
        self.train("b", self.study, run__keep=99)
        self.resume("b", "--steps", str(end + 3))
        before = self.outcome("b")
        for name in os.listdir(self.path("b/checkpoints")):
            if name > "step-%08d.safetensors" % end:
                os.remove(self.path("b/checkpoints", name))
        self.resume("b")
        self.assertEqual(self.outcome("b"), before)
        self.assertEqual(self.query("b", asked), [(end + 1, "resume", "train.steps", "0", str(end + 3))])
        self.says(self.retort("replay", "b", "-q")[0], "identical to step %d" % (end + 3))
        self.says(self.retort("ctl", "b", "set", "train.steps", "99", code=None)[1], "b")

    def test_two_processes_in_one_folder(self):
        run = self.begin("busy", train__steps=100000000)
        self.wait_for_checkpoint("busy", run)
        for words in (["--resume", "-o", "busy"], [self.recipe, "-o", "busy"]):
            _, err = self.retort("run", *words, code=1)
            self.says(err, "busy: in use by process %d" % run.pid)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130)

    def test_verified(self):
        out, _ = self.retort("run", self.recipe, "-q", "--verify-resume", "9", *settings(self.study))
        self.says(out, "identical", "step 9", "stopped at step 4 and resumed")
        self.assertEqual(os.listdir(self.here), [])
        self.retort("run", self.recipe, "-q", "-o", "a", "--verify-resume", "9", code=2)

    def test_damaged_checkpoint(self):
        self.train("a", self.study)
        before = self.outcome("a")
        last = last_checkpoint(self.path("a"))
        os.truncate(last, 1000)
        _, err = self.retort("run", "--resume", "-o", "a")
        self.says(err, os.path.basename(last), "it is now", ".damaged")
        self.assertEqual(self.outcome("a"), before)
        for name in os.listdir(self.path("a/checkpoints")):
            if name.startswith("step-") and self.path("a/checkpoints", name) != last:
                os.remove(self.path("a/checkpoints", name))
        os.truncate(last, 1000)
        _, err = self.retort("run", "--resume", "-o", "a")
        self.says(err, ".damaged, and as there is no older one, the run begins again")
        self.assertEqual(self.outcome("a"), before)


if __name__ == "__main__":
    unittest.main()
