#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Settings changed while a run goes on: recorded with their steps, kept through interruptions, made again
# by another run, and repeated by replay to the same bytes.
"""Usage: test_live.py PATH/TO/retort"""

import json
import os
import shutil
import signal
import socket
import sqlite3
import time
import unittest

from end_to_end import (LONG, PATIENCE, SPEECH, TEXT, EndToEnd, digest, last_checkpoint, read_tensors,
                        settings)

CHANGES = [(3, "me", "train.lr", "0.0005"), (7, "me", "distill.l2.margin", "0.5"),
           (7, "you", "distill.l2.quantile", "0"), (11, "me", "train.lr", "0.001"),
           (11, "me", "weight.terms", "snr")]


class Live(EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher = os.path.join(cls.root, "teacher")
        lab = cls("start")
        lab.here = cls.root
        lab.train(cls.teacher, TEXT)
        cls.study = dict(SPEECH, **{
            "teacher.model": cls.teacher, "distill.l2.lambda": "4", "distill.l2.quantile": "0.3",
            "distill.kl.lambda": "1", "train.batch": "10", "train.epochs": "4", "run.keep": "9"})


    def journal(self, run):
        return self.query(run, "SELECT step, who, key, after FROM journal ORDER BY number")

    def outcome(self, run):
        run = self.path(run)
        return [digest(os.path.join(run, "model.safetensors")), digest(last_checkpoint(run))]

    def write_journal(self, changes, run="plan"):
        """A run.db that holds a journal, as another run would have left it."""
        if not os.path.isdir(self.path(run)):
            self.train(run, self.study, train__epochs=1)
        db = sqlite3.connect(self.path(run, "run.db"))
        with db:
            db.execute("DELETE FROM journal")
            db.executemany("INSERT INTO journal(step, time, who, key, before, after) "
                           "VALUES(?, 0, ?, ?, '', ?)", changes)
        db.close()
        return run


class Journal(Live):
    def test_another_runs_changes(self):
        self.write_journal(CHANGES)
        self.train("plain", self.study)
        self.train("changed", self.study, words=("--journal", "plan"))
        self.train("again", self.study, words=("--journal", "plan/run.db"))
        self.assertEqual(self.journal("changed"), CHANGES)
        self.assertEqual(self.outcome("changed"), self.outcome("again"))
        self.assertNotEqual(self.outcome("changed"), self.outcome("plain"))
        before = [row[0] for row in self.query("changed", "SELECT before FROM journal ORDER BY number")]
        self.assertEqual(before, ["0.002", "0", "0.3", "0.0005", ""])
        rate = "SELECT value FROM metrics WHERE name='lr' ORDER BY step"
        plain, changed = self.query("plain", rate), self.query("changed", rate)
        self.assertEqual(plain[:2], changed[:2])
        for step, share in ((2, 4), (9, 4), (10, 2), (15, 2)):
            self.assertAlmostEqual(plain[step][0] / changed[step][0], share)
        _, texts = read_tensors(last_checkpoint(self.path("changed")))
        self.assertEqual(sorted(texts["retort.settings"].split()),
                         ["distill.l2.margin=0.5", "distill.l2.quantile=0", "train.lr=0.001",
                          "weight.terms=snr"])
        self.assertNotIn("retort.pending", texts)

    def test_resumed_at_every_step(self):
        """Killed before, between and after the changes: also those that were only planned are made."""
        self.write_journal(CHANGES)
        every = {"run.checkpoint": "1", "run.keep": "100"}
        self.train("whole", self.study, every, words=("--journal", "plan"))
        for step in (0, 2, 3, 6, 7, 10, 12):
            run = "at%d" % step
            os.makedirs(self.path(run, "checkpoints"))
            best = ["checkpoints/best.safetensors"] if step > 4 else []
            for name in ["recipe.yaml", "checkpoints/step-%08d.safetensors" % step] + best:
                os.link(self.path("whole", name), self.path(run, name))
            self.retort("run", "--resume", "-q", "-o", run)
            self.assertEqual(self.outcome("whole"), self.outcome(run), step)
            self.assertEqual(self.journal(run), [c for c in CHANGES if c[0] > step])

    def test_what_cannot_be_followed(self):
        for code, change, words in ((2, (5, "me", "train.batch", "3"), ("train.batch", "start of a run only")),
                              (1, (5, "me", "train.lr", "-3"), ("train.lr", "-3", "from 0 to 100")),
                              (1, (5, "me", "nothing", "1"), ("nothing", "not a setting")),
                              (1, (0, "me", "train.lr", "1"), ("step 0", "the next step is 1")),
                              (2, (5, "a b", "train.lr", "1"), ("a b",)),
                              (2, (5, "me", "weight.terms", "volume"), ("volume", "snr"))):
            plan = self.write_journal([change])
            _, err = self.retort("run", self.recipe, "-o", "x", "-q", "--journal", plan,
                                 *settings(self.study), code=code)
            self.says(err, os.path.join(plan, "run.db"), *words)
            self.assertFalse(os.path.exists(self.path("x")))
        for sql, words in (("UPDATE samples SET id='other' WHERE row=3", ("row 3", '"other"')),
                           ("DELETE FROM samples WHERE row>9", ("it has 10",))):
            plan = self.write_journal([(5, "me", "samples", "0.5@1")], "twin")
            db = sqlite3.connect(self.path(plan, "run.db"))
            with db:
                db.execute(sql)
                db.execute("DELETE FROM meta WHERE key='retort.data'")  # as runs of before: no digest of the ids
            db.close()
            _, err = self.retort("run", self.recipe, "-o", "x", "-q", "--journal", plan,
                                 *settings(self.study), code=None)
            self.says(err, os.path.join(plan, "run.db"), "manifests must be the same", *words)
            shutil.rmtree(self.path(plan))
        _, err = self.retort("run", self.recipe, "-o", "x", "-q", "--journal", "nowhere",
                             *settings(self.study), code=1)
        self.says(err, "nowhere")
        self.retort("run", "--resume", "-o", plan, "--journal", plan, code=2)


class Steered(Live):
    """A run in the background and `retort ctl` beside it."""

    def begin(self, output, *words, **more):
        if "--resume" not in words:
            words = (self.recipe, *settings(self.study, train__epochs=LONG, **more))
        run = self.start("run", *words, "-q", "-o", output)
        self.addCleanup(run.communicate)
        self.addCleanup(run.kill)
        deadline = time.monotonic() + PATIENCE
        while run.poll() is None and time.monotonic() < deadline:
            asked = self.start("ctl", output, "status")
            asked.communicate(timeout=PATIENCE)
            if asked.returncode == 0:
                return run
        self.fail("no socket: %s" % (run.communicate(),))

    def ctl(self, run, *words, **more):
        out, err = self.retort("ctl", "--json", run, *words, **more)
        return err if more.get("code") else json.loads(out)["result"]

    def wait_while(self, run, key, still):
        deadline = time.monotonic() + PATIENCE
        while still(self.ctl(run, "status")[key]) and time.monotonic() < deadline:
            time.sleep(0.01)

    def wait_until(self, run, key, value):
        self.wait_while(run, key, lambda now: now != value)
        self.assertEqual(self.ctl(run, "status")[key], value)

    def test_changed_paused_stopped_resumed_replayed(self):
        run = self.begin("a")
        paused = self.ctl("a", "pause")["step"]
        self.wait_until("a", "state", "paused")
        with open("/proc/%d/comm" % run.pid, encoding="utf-8") as f:
            self.assertEqual(f.read(), "retort\n")  # what ps, top and pgrep call it
        step = self.ctl("a", "set", "distill.l2.margin", "0.25")
        self.assertIn(step["step"], (paused, paused + 1))
        self.assertEqual((step["before"], step["after"]), ("0", "0.25"))
        first = step["step"]
        self.assertEqual(self.ctl("a", "get", "distill.l2.margin"), {"distill.l2.margin": "0.25"})
        self.ctl("a", "set", "distill.l2.quantile", "0")
        self.ctl("a", "step", "3")
        self.wait_until("a", "step", first + 2)
        self.assertEqual(self.ctl("a", "checkpoint")["step"], first + 2)
        out, _ = self.retort("ctl", "--who", "anna", "a", "set", "train.lr", "0.0005")
        self.says(out, "key: train.lr\n", "before: 0.002\n", "after: 0.0005\n", "step: %d\n" % (first + 3))
        for words, says in ((("set", "train.lr", "-1"), "from 0 to 100"),
                            (("set", "train.batch", "4"), "start of a run only"),
                            (("set", "weight.terms", "volume"), "volume"), (("jump",), "not a verb")):
            self.says(self.ctl("a", *words, code=2), "a: ", says)
        # A change that waits when the run is stopped is made when it goes on.
        self.ctl("a", "stop")
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130, err)
        self.assertFalse(os.path.exists(self.path("a/socket")))
        self.assertEqual(self.journal("a"), [(first, "ctl", "distill.l2.margin", "0.25"),
                                             (first, "ctl", "distill.l2.quantile", "0")])
        run = self.begin("a", "--resume")
        self.assertEqual(self.ctl("a", "get", "train.lr"), {"train.lr": "0.0005"})
        late = self.ctl("a", "set", "weight.floor", "30%")["step"]
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        journal = self.journal("a")
        self.assertEqual(journal[2:], [(first + 3, "anna", "train.lr", "0.0005"),
                                       (late, "ctl", "weight.floor", "0.3")])
        out, _ = self.retort("replay", "a", "-q")
        self.says(out, "identical to step %d" % (4 * LONG))
        self.train("b", self.study, train__epochs=LONG, words=("--journal", "a"))
        self.assertEqual(self.outcome("a"), self.outcome("b"))
        self.assertEqual(self.journal("b"), journal)

    def test_how_batches_are_made_and_limits(self):
        """Augmentation, evaluations, schedule, teacher, queues and workers: changed, stopped, resumed, replayed."""
        run = self.begin("a")
        paused = self.ctl("a", "pause")["step"]
        self.wait_until("a", "state", "paused")
        made = self.ctl("a", "set", "augment.noise", "5%")["step"]  # few: each is read from its file anew
        self.assertGreater(made, paused)  # what is decoded ahead stays as it is
        self.assertEqual(self.ctl("a", "set", "augment.time_masks", "2")["step"], made)
        self.assertEqual(self.ctl("a", "set", "eval.interval", "5")["step"], made)
        next = self.ctl("a", "set", "train.advance", "0.1")["step"]
        self.assertLess(next, made)
        changed = [(next, "train.advance", "0.1")]
        for key, value in (("train.schedule", "cosine"), ("train.warmup", "0.3"), ("teacher.on", "false"),
                           ("pipeline.decoders", "2"), ("pipeline.batches", "2"), ("pipeline.memory", "8"),
                           ("teacher.cache", "1")):
            self.assertEqual(self.ctl("a", "set", key, value)["step"], next)
            changed.append((next, key, value))
        changed += [(made, "augment.noise", "0.05"), (made, "augment.time_masks", "2"), (made, "eval.interval", "5")]
        for key, value, says in (("pipeline.decoders", "256", "at most"), ("pipeline.batches", "0", "from 1"),
                                 ("augment.noise", "2", "from 0 to 1"), ("cache.size", "1", "or when it goes on")):
            self.says(self.ctl("a", "set", key, value, code=2), key, says)
        self.ctl("a", "step", "2")
        self.wait_until("a", "step", next + 1)
        again = self.ctl("a", "set", "teacher.on", "true")["step"]
        changed.insert(8, (again, "teacher.on", "true"))
        self.ctl("a", "stop")  # some changes still wait
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130, err)
        run = self.begin("a", "--resume")
        self.wait_while("a", "step", lambda step: step < made)  # until then it still waits
        self.assertEqual(self.ctl("a", "get", "augment.noise"), {"augment.noise": "0.05"})
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        journal = self.journal("a")
        self.assertEqual([(step, key, value) for step, _, key, value in journal], changed)
        epochs = [row[0] // 4 for row in self.query("a", "SELECT step FROM metrics WHERE name='top1' AND "
                                                          "split='valid' ORDER BY step")]
        first = -(-made // 4)  # the epoch in which evaluations became rare
        self.assertEqual([n for n in epochs if n >= first], list(range(-(-first // 5) * 5, LONG + 1, 5)))
        self.assertEqual([n for n in epochs if n < first], list(range(1, first)))
        self.assertEqual(self.query("a", "SELECT count(*) FROM samples WHERE (seen > 0) != (history IS NOT NULL)"), [(0,)])
        self.assertEqual(self.query("a", "SELECT DISTINCT CAST(history AS INTEGER) & 7 FROM samples WHERE seen > 7"),
                         [(7,)])  # seven losses of each
        workers = self.query("a", "SELECT workers, queue_limit FROM stages WHERE name IN ('decode', 'quality')"
                                  " ORDER BY name")
        self.assertEqual(workers, [(2, 2), (1, 3)])
        self.says(self.retort("replay", "a", "-q")[0], "identical to step %d" % (4 * LONG))
        self.train("b", self.study, train__epochs=LONG, words=("--journal", "a"))
        self.assertEqual(self.outcome("a"), self.outcome("b"))
        self.assertEqual(self.journal("b"), journal)
        self.train("c", self.study, train__epochs=LONG)
        self.assertNotEqual(self.outcome("a"), self.outcome("c"))

    def test_limits_change_no_result(self):
        run = self.begin("a")
        self.ctl("a", "pause")
        for decoders, batches, memory in ((2, 8, 64), (1, 1, 1), (2, 2, 2)):
            for key, value in (("decoders", decoders), ("batches", batches), ("memory", memory)):
                self.ctl("a", "set", "pipeline." + key, str(value))
            self.ctl("a", "step", "7")
            self.wait_until("a", "state", "paused")
        self.ctl("a", "resume")
        run.communicate(timeout=PATIENCE)
        self.train("b", self.study, train__epochs=LONG)
        self.assertEqual(digest(self.path("a", "model.safetensors")),
                         digest(self.path("b", "model.safetensors")))

    def test_scale_of_the_margin_loss(self):
        """task.scale while it goes on: kept in the model, which then answers with it."""
        aam = {"task.loss": "aam", "distill.kl.lambda": "0"}
        run = self.begin("a", **{key.replace(".", "__"): value for key, value in aam.items()})
        self.ctl("a", "pause")
        step = self.ctl("a", "set", "task.scale", "12.5")["step"]
        self.ctl("a", "set", "task.margin_warmup", "5%")
        self.ctl("a", "resume")
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        self.assertEqual(self.journal("a")[0], (step, "ctl", "task.scale", "12.5"))
        _, texts = read_tensors(last_checkpoint(self.path("a")))
        self.assertIn("scale: 12.5", texts["retort.recipe"])
        self.says(self.retort("replay", "a", "-q")[0], "identical to step %d" % (4 * LONG))

    def test_what_is_in_a_batch(self):
        run = self.begin("a", eval__interval=1000)  # so that no batch of an evaluation is the last
        self.ctl("a", "pause")
        self.wait_until("a", "state", "paused")
        names = {"decode": {"student.rows", "student.input", "teacher.rows"},
                 "teacher": {"student.rows", "student.input", "teacher.have", "teacher.embedding", "teacher.logits"}}
        ids = {row[0] for row in self.query("a", "SELECT id FROM samples")}
        for stage, least in names.items():
            batch = self.ctl("a", "batch", stage)
            self.assertEqual((batch["stage"], batch["kind"]), (stage, "train"))
            count = batch["samples"]
            self.assertTrue(1 < count <= 10 and len(batch["ids"]) == count, batch)
            self.assertLessEqual(set(batch["ids"]), ids)
            frames = {frame["name"]: frame for frame in batch["list"]}
            self.assertLessEqual(least, set(frames), stage)
            self.assertEqual(batch["frames"], len(frames))
            self.assertEqual(batch["packed"], sum(frame["packed"] for frame in frames.values()))
            input = frames["student.input"]
            self.assertEqual(input["shape"][0], count)
            self.assertEqual((input["type"], input["nan"], input["inf"]), ("F32", 0, 0))
            self.assertEqual(input["raw"], 4 * input["shape"][0] * input["shape"][1] * input["shape"][2])
            self.assertLess(input["min"], input["mean"])
            self.assertLess(input["mean"], input["max"])
        self.says(self.retort("ctl", "a", "batch", "decode")[0], "stage: decode\n", "list:\n", "  name: student.input")
        self.says(self.ctl("a", "batch", "encode", code=2), "encode", "decode, quality, teacher, student")
        self.ctl("a", "stop")
        run.communicate(timeout=PATIENCE)

    def test_undo_after_a_stop(self):
        """Undo goes back along the journal, also behind where this process began."""
        run = self.begin("a")
        self.ctl("a", "pause")
        self.ctl("a", "set", "distill.l2.margin", "0.25")
        name = self.query("a", "SELECT id FROM samples WHERE split='train' ORDER BY row")[0][0]
        step = self.ctl("a", "weight", "0.5", name)["step"]
        self.ctl("a", "resume")
        self.wait_while("a", "step", lambda n: n < step + 3)
        self.ctl("a", "stop")
        run.communicate(timeout=PATIENCE)
        run = self.begin("a", "--resume")
        self.ctl("a", "pause")
        self.assertIn("samples: 0.5@", self.ctl("a", "undo")["change"])
        self.assertEqual(self.ctl("a", "undo")["change"], "distill.l2.margin: 0.25 -> 0")
        self.says(self.ctl("a", "undo", code=2), "no change to undo")
        self.assertEqual(self.ctl("a", "redo")["change"], "distill.l2.margin: 0 -> 0.25")
        self.ctl("a", "resume")
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        self.assertEqual([row[2:] for row in self.journal("a") if row[2] != "samples"],
                         [("distill.l2.margin", value) for value in ("0.25", "0", "0.25")])
        self.says(self.retort("replay", "a", "-q")[0], "identical to step %d" % (4 * LONG))

    def marks(self, run):
        return dict(self.query(run, "SELECT id, what FROM marks JOIN samples ON samples.row = marks.row"))

    def marked_meanwhile(self, ids):
        """Kept at once, in a pause, too; no journal has them."""
        before = self.journal("a")
        self.assertEqual(self.ctl("a", "mark", *ids[:3])["samples"], 3)
        self.ctl("a", "unmark", ids[2])
        self.says(self.retort("ctl", "a", "mark", "nobody", code=None)[1], 'no sample "nobody"')
        deadline = time.monotonic() + PATIENCE
        while not self.query("a", "SELECT 1 FROM sqlite_master WHERE name='marks'") or len(self.marks("a")) != 2:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertEqual(self.journal("a"), before)

    def test_samples_weighed_muted_excluded_undone(self):
        """What is done to samples acts on the run, is kept through a stop, and repeats byte for byte."""
        run = self.begin("a")
        self.ctl("a", "pause")
        rows, known = self.query("a", "SELECT count(*), count(snr) FROM samples")[0]
        self.assertEqual(rows, self.samples)  # from the first step on
        self.assertGreater(known, 0)
        self.wait_until("a", "state", "paused")
        ids = [row[0] for row in self.query("a", "SELECT id FROM samples WHERE split='train' ORDER BY row")]
        few = self.ctl("a", "count", "where", "snr < 20")["samples"]
        self.assertEqual(few, self.query("a", "SELECT count(*) FROM samples WHERE snr < 20")[0][0])
        self.assertTrue(0 < few < self.samples)
        self.assertEqual(self.ctl("a", "count", "rows", "0-2,7")["samples"], 4)
        done = self.ctl("a", "weight", "*0.5", "where", "snr < 20")
        self.assertEqual(done["samples"], few)
        self.assertEqual(self.ctl("a", "mute", ids[0], ids[1])["samples"], 2)
        self.ctl("a", "exclude", ids[2])
        self.ctl("a", "weight", "3", ids[3])
        self.assertIn("samples", self.ctl("a", "undo")["change"])  # the factor 3
        self.ctl("a", "exclude", ids[4])
        self.says(self.ctl("a", "redo", code=2), "no change was undone")
        self.ctl("a", "restore", ids[4])
        for words, says in ((("mute", "nobody"), 'no sample "nobody"'), (("weight", "x", ids[0]), "weight"),
                            (("weight", "-1", ids[0]), "from 0 to"), (("mute", "where", "snr <"), "where"),
                            (("mute", "rows", "3-99999"), "99999"), (("mute", "rows", "x"), "x"),
                            (("mute", "where", "snr < -999"), "no sample")):
            _, err = self.retort("ctl", "a", *words, code=None)
            self.says(err, says)
        self.marked_meanwhile(ids)
        self.ctl("a", "set", "weight.terms", "snr")
        self.ctl("a", "step", "3")
        self.wait_until("a", "step", done["step"] + 2)
        self.ctl("a", "stop")
        run.communicate(timeout=PATIENCE)
        run = self.begin("a", "--resume")
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        state = dict((row[0], row[1:]) for row in
                     self.query("a", "SELECT id, factor, excluded, seen, snr, weight FROM samples"))
        self.assertEqual(state[ids[0]][:2], (0, 0))
        self.assertEqual(state[ids[2]][1], 1)
        self.assertLess(state[ids[2]][2], state[ids[5]][2])  # seen before it was excluded only
        self.assertEqual(state[ids[4]][:2], (1, 0))
        for name, (factor, excluded, _, snr, _) in state.items():
            if name not in ids[:5]:
                self.assertEqual((factor, excluded), (0.5 if snr is not None and snr < 20 else 1, 0), name)
        self.assertEqual(state[ids[0]][4], 0)  # the weight it had last
        for name, words in ((ids[0], "muted        by hand"), (ids[2], "excluded     by hand")):
            self.says(self.retort("inspect", "a", "--sample", name)[0], words)
        self.assertEqual(self.marks("a"), {ids[0]: 1, ids[1]: 1})
        half = self.query("a", "SELECT id FROM samples WHERE factor = 0.5 AND weight > 0")[0][0]
        self.says(self.retort("inspect", "a", "--sample", half)[0], "hand, manifest     factor 0.5",
                  "knee 8 14")  # under the terms in effect, not the recipe's: it has none
        out, _ = self.retort("replay", "a", "-q")
        self.says(out, "identical to step %d" % (4 * LONG))
        self.train("b", self.study, train__epochs=LONG, words=("--journal", "a"))
        self.assertEqual(self.outcome("a"), self.outcome("b"))

    def test_disturbed(self):
        """Floods, garbage, torn lines, clients that never read: the run's bytes are those of a quiet one."""
        run = self.begin("a")
        address = self.path("a/socket")
        flood = b"".join(b'{"id":%d,"verb":"status"}\n' % i for i in range(500))
        silent = []
        round = 0
        while run.poll() is None:
            round += 1
            noise = [flood, bytes(range(256)) * 40 + b"\n", b'{"id":1,"verb":"sta', b"\n" * 1000, b"x" * 40000,
                     b'{"id":2,"verb":"set","args":["train.lr","-1"]}\n', b'[[[[[[' * 2000 + b"\n"]
            for what in noise:
                try:
                    client = socket.socket(socket.AF_UNIX)
                    client.settimeout(0.2)
                    client.connect(address)
                    client.send(what)
                    if what is flood and len(silent) < 4:
                        client.send(b'{"id":1,"verb":"watch"}\n')
                        silent.append(client)  # stays, and never reads
                    else:
                        client.close()
                except OSError:
                    client.close()  # dropped, refused or at its end
            time.sleep(0.002)
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, err)
        self.assertGreater(round, 3)
        for client in silent:
            client.close()
        self.train("b", self.study, train__epochs=LONG)
        self.assertEqual(self.outcome("a"), self.outcome("b"))

    def test_watched_and_signalled_while_paused(self):
        run = self.begin("a", run__checkpoint=1000)
        watch = self.start("ctl", "a", "watch")
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        self.assertTrue(json.loads(watch.stdout.readline())["ok"])
        self.ctl("a", "pause")
        while True:
            report = json.loads(watch.stdout.readline())
            self.assertEqual(report["event"], "step")
            if report["state"] == "paused":
                break
        run.send_signal(signal.SIGTERM)
        _, err = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130, err)
        watch.communicate(timeout=PATIENCE)
        self.assertEqual(watch.returncode, 0)
        self.says(self.ctl("a", "status", code=1), "a: no run goes on there")
        self.says(self.ctl("nowhere", "status", code=1), "nowhere")
        self.retort("ctl", code=2)
        self.retort("ctl", "a", code=2)

    def test_killed_leaves_a_socket_that_is_no_obstacle(self):
        run = self.begin("a")
        run.kill()
        run.communicate()
        self.assertTrue(os.path.exists(self.path("a/socket")))
        self.says(self.ctl("a", "status", code=1), "no run goes on there")
        run = self.begin("a", "--resume")
        self.ctl("a", "stop")
        run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130)


class Replay(Live):
    def test_a_run_with_changes(self):
        self.write_journal(CHANGES)
        self.train("whole", self.study, words=("--journal", "plan"))
        before = {name: digest(self.path("whole", name)) for name in ("run.db", "recipe.yaml")}
        out, _ = self.retort("replay", "whole", "-q")
        self.says(out, "identical to step 16, 5 checkpoints compared")
        out, _ = self.retort("replay", "whole", "-q", "--until", "9", "-o", "part")
        self.says(out, "identical to step 8, 3 checkpoints compared")
        self.assertTrue(last_checkpoint(self.path("part")).endswith("step-00000009.safetensors"))
        self.assertEqual(self.journal("part"), [c for c in CHANGES if c[0] <= 9])
        self.assertEqual(before, {name: digest(self.path("whole", name)) for name in before})

    def test_where_the_difference_lies(self):
        self.train("whole", self.study)
        db = sqlite3.connect(self.path("whole/run.db"))
        with db:
            db.execute("INSERT INTO journal(step, who, key, before, after) "
                       "VALUES(10, 'me', 'train.lr', '', '0.5')")
        db.close()
        out, _ = self.retort("replay", "whole", "-q", code=1)
        self.says(out, "step 4        identical", "step 8        identical", "step 12       different: ",
                  "the first difference lies between steps 8 and 12")
        path = self.path("whole/checkpoints/step-00000004.safetensors")
        with open(path, "r+b") as f:
            f.seek(-1, os.SEEK_END)
            last = f.read(1)
            f.seek(-1, os.SEEK_END)
            f.write(bytes([last[0] ^ 1]))
        _, err = self.retort("replay", "whole", "-q", code=1)  # damaged since: no difference of the replay
        self.says(err, "step-00000004", "is not what was written")

    def test_wrong_use(self):
        self.train("whole", self.study, train__epochs=1, run__keep=1)
        self.retort("replay", code=2)
        self.retort("replay", "whole", "--until", "x", code=2)
        _, err = self.retort("replay", "whole", "--until", "2", code=2)
        self.says(err, "first checkpoint is of step 4")
        _, err = self.retort("replay", self.root, code=2)
        self.says(err, "holds no run")
        shutil.rmtree(self.path("whole/checkpoints"))
        _, err = self.retort("replay", "whole", code=1)
        self.says(err, "no checkpoint")


if __name__ == "__main__":
    unittest.main()
