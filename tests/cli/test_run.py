#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# `retort run` as a user meets it: teacher, students with every distillation term, what a run's folder
# holds while and after it runs, and what is said to wrong usage and wrong recipes.
"""Usage: test_run.py PATH/TO/retort"""

import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import termios
import time
import unittest

from end_to_end import (PATIENCE, PROGRAM, SPEECH, TEXT, EndToEnd, last_checkpoint, read_npy, read_tensors, rows,
                        settings, write_manifest)

ONNX = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "onnx_picture.onnx")
TERMS = ("l2", "cosine", "kl", "head_kl", "head_ce", "dkd", "dist", "nce", "rkd", "sp")


class Training(EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher = os.path.join(cls.root, "teacher")
        first = cls("test_teacher")
        first.here = cls.root
        cls.said, cls.noise = first.train(cls.teacher, TEXT)

    def test_teacher(self):
        self.says(self.said, "model     text textbag, embedding 24", "valid     top-1", "test      top-1",
                  "12 samples", "pipeline ", "queues held at most", "of 64 MiB",
                  "teacher/model.safetensors")
        self.assertEqual(self.noise, "")
        self.assertEqual(set(os.listdir(self.teacher)),
                         {"recipe.yaml", "run.db", "log.txt", "lock", "checkpoints", "model.safetensors"})
        self.assertEqual(sorted(os.listdir(self.teacher + "/checkpoints")),
                         ["best.safetensors", "step-00000015.safetensors", "step-00000018.safetensors"])

    def test_machine(self):
        """What a run computes on stands in its first lines and in its log."""
        _, err = self.retort("run", self.recipe, "-o", "machine", *settings(TEXT), "-s", "train.steps=1",
                             "-s", "train.threads=1")
        line = re.search(r"^machine   (.+, (avx512|avx2|baseline); OpenBLAS \S+ \S+, \d+ GFLOP/s a thread; "
                         r"1 thread)$", err, re.M)
        self.assertTrue(line, err)
        with open(os.path.join(self.here, "machine", "log.txt")) as f:
            self.assertRegex(f.read(), r"machine: .+ GFLOP/s a thread; 1 thread")

    def test_not_finite(self):
        """A learning rate and decay out of all proportion: step, layer and samples are named."""
        _, err = self.train("torn", SPEECH, train__lr=100, train__decay=1, train__clip=0, train__epochs=30,
                            run__checkpoint=1, code=1)
        said = re.search(r"step (\d+): the (output|gradient) of ([\w.]+) is not finite; .*samples: (.+)", err)
        self.assertTrue(said, err)
        step, layer, ids = int(said[1]), said[3], said[4].split(", ")
        self.assertGreater(step, 1)
        self.assertRegex(layer, r"^(\d\.(conv|bn)|embedding|logits)")
        known = {row[0] for row in rows(self.samples)}
        self.assertTrue(set(ids) <= known and len(ids) > 1, ids)
        kept = sorted(os.listdir(os.path.join(self.here, "torn", "checkpoints")))
        self.assertTrue(kept and int(kept[-1][5:13]) < step, kept)

    def test_every_distillation_term(self):
        for term in TERMS:
            with self.subTest(term):
                out, _ = self.train(term, SPEECH, {"distill.%s.lambda" % term: "2"}, train__epochs=1,
                                    teacher__model=self.teacher)
                self.says(out, "student   speech cnn1d", "valid     top-1")
                names = {name for name, in self.query(term, "SELECT DISTINCT name FROM metrics")}
                self.assertLessEqual({term, term + ".inside", term + ".margin", "ce", "effective"}, names)
                other = set(TERMS) - {term}
                self.assertFalse(other & names)
                known, = self.query(term, 'SELECT count("loss_%s") FROM samples' % term)[0]
                self.assertEqual(known, 36)

    def test_verification_trials(self):
        """Whom no label speaks of: the best is by EER, which stands wherever a metric does."""
        table = rows(self.samples)
        known = {row[0]: row[2] for row in table}
        lists = {}
        for split in ("valid", "test"):
            ids = [row[0] for row in table if row[1] == split]
            lists[split] = ["%d %s %s" % (known[a] == known[b], a, b) for a in ids for b in ids if a < b]
            with open(self.path(split + ".trials"), "w", encoding="utf-8") as f:
                f.write("\n".join(lists[split]) + "\n")
        manifest = write_manifest(self.path("unseen.tsv"),
                                  [row[:2] + [row[2] if row[1] == "train" else ""] + row[3:] for row in table])
        want = {"data.manifest": manifest, "eval.trials": self.path("valid.trials"),
                "eval.trials_test": self.path("test.trials")}
        out, err = self.retort("run", self.recipe, "-o", "t", *settings(SPEECH, want))
        self.says(err, "the best is the one with the lowest EER of %d trials" % len(lists["valid"]))
        self.assertRegex(err, r"epoch 1: step 3, valid EER \d+\.\d % \(best\)\n")
        self.assertRegex(out, r"valid     EER \d+\.\d\d %%, minDCF [01]\.\d{3}, %d trials\n" % len(lists["valid"]))
        self.assertRegex(out, r"test      EER \d+\.\d\d %%, minDCF [01]\.\d{3}, %d trials\n" % len(lists["test"]))
        self.assertNotIn("top-1", out)
        (least, final), = self.query("t", "SELECT min(a.value), b.value FROM metrics a, metrics b WHERE a.name='eer' "
                                          "AND b.name='final.eer' AND b.split='valid'")
        self.assertEqual(least, final)
        text, _ = self.retort("eval", "t", manifest, "--trials", self.path("test.trials"), "--split", "test")
        value, = self.query("t", "SELECT value FROM metrics WHERE name='final.eer' AND split='test'")[0]
        self.says(text, "%.2f %%" % (100 * value))
        with open(self.path("valid.trials"), "a", encoding="utf-8") as f:
            f.write("0 nobody %s\n" % table[0][0])
        _, err = self.retort("run", self.recipe, "-o", "no", *settings(SPEECH, want), code=1)
        self.says(err, "valid.trials:%d: 'nobody' is neither an id nor a path of" % (len(lists["valid"]) + 1))
        self.assertFalse(os.path.exists(self.path("no")))

    def test_onnx_teacher(self):
        """A picture network that PyTorch wrote teaches speech; its outputs are cached like any teacher's."""
        onnx = {"teacher.model": ONNX,
                "teacher.front.size": "24", "teacher.front.mean": "0.485,0.456,0.406", "teacher.front.std": "0.25",
                "distill.cosine.lambda": "1", "distill.head_kl.lambda": "1"}
        out, err = self.retort("run", self.recipe, "-o", "first", *settings(SPEECH, onnx))
        self.says(err, "teacher   image ONNX from", "nchw pictures of 24 x 24, embedding '",
                  "' (12), logits 'logits' (3)")
        self.says(out, "valid     top-1")
        self.train("second", SPEECH, onnx)
        self.assertEqual(read_tensors(self.path("first/model.safetensors")),
                         read_tensors(self.path("second/model.safetensors")))
        names = {name for name, in self.query("first", "SELECT DISTINCT name FROM metrics")}
        self.assertLessEqual({"cosine", "head_kl"}, names)
        _, err = self.retort("run", self.recipe, "-o", "third", *settings(SPEECH, onnx, teacher__size=0), code=2)
        self.says(err, "input 'input' [?,3,?,?]: a square picture is wanted", "teacher.front.size")

    def test_onnx_teacher_without_a_classifier(self):
        """An embedding extractor teaches by features; terms that need its classifier are refused at the start."""
        onnx = {"teacher.model": os.path.join(os.path.dirname(ONNX), "student_encoder.onnx"), "teacher.logits": "none",
                "teacher.front.preset": "retort", "teacher.front.size": "48", "distill.cosine.lambda": "1"}
        out, err = self.retort("run", self.recipe, "-o", "first", *settings(SPEECH, onnx, train__epochs=2,
                                                                            weight__terms="teacher_norm"))
        self.says(err, "nhwc speech of 48 x 40, embedding 'embedding' (16), no classifier")
        self.says(out, "valid     top-1", "answer: own head")
        self.assertEqual(read_tensors(self.path("first/model.safetensors"))[1]["retort.teacher"], "16 0 1 none 0")
        values, = self.query("first", "SELECT count(*) FROM metrics WHERE name='cosine' AND value > 0")[0]
        self.assertGreater(values, 0)
        self.retort("embed", "first", self.manifest, "--feature", "-o", "x.npy")
        self.retort("export", "first", "-o", "x.onnx")
        self.retort("export", "--check", "x.onnx")
        for term in ("kl", "head_kl", "head_ce", "dkd", "dist"):
            _, err = self.retort("run", self.recipe, "-o", "no", code=2,
                                 *settings(SPEECH, onnx, {"distill.%s.lambda" % term: "1"}))
            self.says(err, "distill.%s needs the teacher's classifier, and it has none" % term)
        _, err = self.retort("run", self.recipe, "-o", "no", code=2,
                             *settings(SPEECH, onnx, weight__terms="teacher_confidence"))
        self.says(err, "'teacher_confidence' needs the teacher's classifier")

    def test_onnx_teacher_of_texts(self):
        """A sentence encoder with its tokenizer beside it teaches speech, is kept in the cache, and answers by itself."""
        golden, folder = os.path.dirname(ONNX), self.path("encoder")
        os.makedirs(folder)
        path = os.path.join(folder, "model.onnx")
        shutil.copy(os.path.join(golden, "text_bert.onnx"), path)
        shutil.copy(os.path.join(golden, "tokenizers", "bert.json"), os.path.join(folder, "tokenizer.json"))
        onnx = {"teacher.model": path, "teacher.logits": "none", "teacher.front.tokens": "64",
                "distill.cosine.lambda": "1", "train.epochs": "2"}
        _, err = self.retort("run", self.recipe, "-o", "first", *settings(SPEECH, onnx))
        self.says(err, "teacher   text ONNX from", "texts of up to 64 tokens (WordPiece, tokenizer.json), embedding "
                  "'last_hidden_state' (8), the mean over tokens, no classifier")
        self.retort("run", self.recipe, "-o", "second", *settings(SPEECH, onnx, pipeline__decoders=2))
        self.assertEqual(read_tensors(self.path("first/model.safetensors"))[0],
                         read_tensors(self.path("second/model.safetensors"))[0])
        _, err = self.retort("run", self.recipe, "-o", "third", *settings(SPEECH, onnx, teacher__front__tokens=80), code=2)
        self.says(err, "a text of 80 tokens does not go through (teacher.front.tokens is the most)")
        _, err = self.retort("run", "--resume", "-o", "first", "-s", "teacher.front.pooling=cls", code=2)
        self.says(err, "teacher.front.pooling", "cls", "--resume")
        table = self.path("signs.tsv")
        with open(table, "w", encoding="utf-8") as f:
            f.write("id\ttext\na\t\U0001f408\U0001f600\nb\t%s\nc\tone\n" % ("a long text " * 30))
        out, err = self.retort("embed", path, table, "-o", "s.npy", "-s", "teacher.logits=none", "-s",
                               "teacher.front.tokens=16")
        self.assertEqual(out.split(), ["a", "b", "c"])
        self.says(err, "1 text is longer than the 16 tokens that the model reads, and cut there (teacher.front.tokens)")
        how = ("-s", "teacher.front.tokens=64")
        out, _ = self.retort("embed", path, self.manifest, "-o", "x.npy", "-s", "teacher.logits=none", *how)
        self.assertEqual(read_npy(self.path("x.npy"))[0], (len(out.split()), 8))
        out, _ = self.retort("predict", path, self.manifest, "--csv", *how)
        self.assertEqual(len(out.splitlines()), len(read_npy(self.path("x.npy"))[1]) // 8 + 1)
        os.remove(os.path.join(folder, "tokenizer.json"))
        _, err = self.retort("predict", path, self.manifest, *how, code=None)
        self.says(err, "there is no tokenizer.json beside it; name it in teacher.front.tokenizer")

    def test_run_db_after_the_run(self):
        self.train("d", SPEECH, teacher__model=self.teacher, distill__kl__lambda=1, distill__l2__lambda=4,
                   distill__l2__quantile=0.5, weight__terms="snr,teacher_norm,teacher_confidence",
                   data__labels="50%")
        self.assertEqual(dict(self.query("d", "SELECT key, value FROM meta"))["state"], "done")
        steps, = self.query("d", "SELECT count(*) FROM metrics WHERE name='loss' AND split=''")[0]
        self.assertEqual(steps, 9)
        self.assertEqual(self.query("d", "SELECT DISTINCT epoch FROM metrics WHERE split='valid' AND"
                                         " name='top1' ORDER BY epoch"), [(0,), (1,), (2,)])
        inside = [v for v, in self.query("d", "SELECT value FROM metrics WHERE name='l2.inside'")]
        self.assertTrue(any(0 < v < 1 for v in inside), inside)
        count, hidden, seen, weighed = self.query(
            "d", "SELECT count(*), sum(hidden), sum(seen), count(weight) FROM samples")[0]
        self.assertEqual((count, seen, weighed), (60, 36 * 3, 36))
        self.assertTrue(15 <= hidden <= 18, hidden)
        for name in ("snr", "level", "length"):
            low, high, least, most = self.query(
                "d", 'SELECT min("{0}"), max("{0}"), min("{0}_pct"), max("{0}_pct") FROM samples'
                     .format(name))[0]
            self.assertLess(low, high, name)
            self.assertTrue(0 <= least < most <= 1, (name, least, most))
        self.assertEqual(self.query("d", "SELECT count(*) FROM samples WHERE split<>'train' AND weight"
                                         " IS NOT NULL"), [(0,)])
        self.assertEqual(self.query("d", "SELECT count(*) FROM samples WHERE hidden AND loss_ce IS NOT"
                                         " NULL"), [(0,)])

    def test_run_db_while_the_run_goes_on(self):
        run = self.start("run", self.recipe, "-o", "live", *settings(SPEECH, train__epochs=100000))
        try:
            steps = seen = 0
            for _ in range(600):
                try:
                    steps, = self.query("live", "SELECT count(*) FROM metrics WHERE name='loss'")[0]
                    seen, = self.query("live", "SELECT count(*) FROM samples WHERE seen > 0")[0]
                except sqlite3.OperationalError:
                    pass
                if steps > 3 and seen == 36 and self.query("live", "SELECT count(*) FROM stages") == [(3,)]:
                    break
                time.sleep(0.1)
            self.assertGreater(steps, 3)
            self.assertIsNone(run.poll())
            self.assertEqual(self.query("live", "SELECT value FROM meta WHERE key='state'"), [("running",)])
            stages = self.query("live", "SELECT name, batches, busy, wall, p50, p95, queue_limit FROM stages")
            self.assertEqual(sorted(row[0] for row in stages), ["decode", "quality", "student"])
            for _, batches, busy, wall, p50, p95, limit in stages:
                self.assertTrue(batches > 0 and 0 < busy < 100 * wall and 0 < p50 <= p95 and limit > 0, stages)
            self.assertRegex(self.query("live", "SELECT value FROM meta WHERE key='limit'")[0][0], r"limits? the run")
            self.says(self.retort("ctl", "live", "status")[0], "limit: ", "the run")
            out, _ = self.retort("inspect", "live", "--where", "seen > 0", "--csv")
            self.assertEqual(len(out.splitlines()), 37)
        finally:
            run.kill()
            run.communicate()

    def test_many_texts(self):
        """Measured and counted by several threads; the table of samples fills up behind the first updates."""
        count, strange = 10300, (5, 7000, 10299)
        table = [["s%d" % i, "train", "ab"[i % 2], "?!" if i in strange else "word%d and %d" % (i % 91, i)]
                 for i in range(count)]
        manifest = write_manifest(self.path("many.tsv"), table, ["id", "split", "label", "text"])
        few = settings(TEXT, data__manifest=manifest, pipeline__decoders=1, train__steps=1)
        many = settings(TEXT, data__manifest=manifest, pipeline__decoders=4, train__steps=1000000, run__checkpoint=1)
        _, err = self.retort("run", self.recipe, "-q", "-o", "few", *few)
        run = self.start("run", self.recipe, "-q", "-o", "many", *many)
        try:
            there = 0
            while there < count and run.poll() is None:
                time.sleep(0.05)
                try:
                    there, = self.query("many", "SELECT count(*) FROM samples")[0]
                except sqlite3.OperationalError:
                    continue
            self.assertEqual(there, count)
            run.send_signal(signal.SIGINT)
            run.communicate(timeout=PATIENCE)
        finally:
            run.kill()
            run.communicate()
        self.assertEqual(run.returncode, 130)
        columns = "SELECT row, id, reason, detail, length, known, length_pct, known_pct FROM samples ORDER BY row"
        found = self.query("many", columns)
        self.assertEqual(found, self.query("few", columns))
        self.assertEqual([row[:4] for row in found if row[2]],
                         [(i, "s%d" % i, "empty", "s%d: no letter or digit in 2 bytes of text" % i) for i in strange])
        first, last = (read_tensors(last_checkpoint(self.path(r)))[0] for r in ("few", "many"))
        self.assertEqual([k for k in first if "idf" in k and first[k] != last[k]], [])
        self.assertTrue([k for k in first if "idf" in k], sorted(first))

    def test_print_recipe_reads_back(self):
        given = settings(SPEECH, weight__terms="snr,level", data__labels="25%", train__lr="0.0123")
        first, _ = self.retort("run", self.recipe, "--print-recipe", *given)
        self.says(first, 'name: "study"', "seed: 7", "0.0123")
        with open(self.path("again.yaml"), "w", encoding="utf-8") as f:
            f.write(first)
        second, _ = self.retort("run", "again.yaml", "--print-recipe")
        self.assertEqual(first, second)

    def test_resolved_recipe_makes_the_same_model(self):
        self.train("a", SPEECH)
        self.retort("run", "a/recipe.yaml", "-q", "-o", "b")
        self.assertEqual(read_tensors(self.path("a/model.safetensors")),
                         read_tensors(self.path("b/model.safetensors")))

    def test_default_folders(self):
        quick = settings(TEXT, train__epochs=1)
        for name in ("study", "study-2", "study-3"):
            out, _ = self.retort("run", self.recipe, "-q", *quick)
            self.says(out, "runs/%s/model.safetensors" % name)
        out, _ = self.retort("run", self.recipe, "-q", "-s", "name=other", *quick)
        self.says(out, "runs/other/model.safetensors")

    def test_epochs_and_steps(self):
        self.train("a", TEXT, words=("--steps", "5"))
        self.train("b", TEXT, train__steps=4, words=("--epochs", "2"))
        self.assertEqual(self.query("a", "SELECT max(step) FROM metrics"), [(5,)])
        self.assertEqual(self.query("b", "SELECT max(step) FROM metrics"), [(6,)])

    def test_progress_and_quiet(self):
        _, err = self.retort("run", self.recipe, "-o", "a", *settings(TEXT))
        self.says(err, "36 of 36 training samples with a label", "4 classes", "valid top-1", "(best)")
        _, err = self.retort("run", self.recipe, "-o", "b", "--quiet", *settings(TEXT))
        self.assertEqual(err, "")

    def test_progress_in_a_terminal(self):
        """What counts most stands first: even 80 columns show the loss, and no line is longer."""
        for columns in (80, 200):
            out = "w%d" % columns
            mine, theirs = pty.openpty()
            termios.tcsetwinsize(theirs, (24, columns))
            run = subprocess.Popen([PROGRAM, "run", self.recipe, "-o", out, *settings(TEXT, train__epochs=2000)],
                                   cwd=self.here, stdout=subprocess.DEVNULL, stderr=theirs,
                                   env=dict(self.environment(), TERM="xterm"))
            os.close(theirs)
            self.addCleanup(run.kill)
            drawn = b""
            while drawn.count(b"] epoch ") < 3:
                drawn += os.read(mine, 4096)
            run.terminate()
            while True:
                try:
                    drawn += os.read(mine, 4096)
                except OSError:  # all who could write have ended
                    break
            os.close(mine)
            self.assertEqual(run.wait(60), 130)
            frames = re.findall(r"\r(\[[#-]+\] epoch [^\r\x1b]*)\x1b", drawn.decode())
            self.assertGreater(len(frames), 2)
            for frame in frames:
                self.assertRegex(frame, r"^\[[#-]+\] epoch \d+/2000 step \d+/6000  loss \d+\.\d+  [\d:]+ left  \d+/s")
                self.assertLess(len(frame), columns)
            self.assertTrue(columns < 200 or " ce " in frames[-1], frames[-1])

    def test_student_starts_from_another_model(self):
        self.train("a", SPEECH)
        out, err = self.retort("run", self.recipe, "-o", "b",
                               *settings(SPEECH, student__init=self.path("a"), train__epochs=1))
        self.says(err, "tensors taken over")
        self.says(out, "model     speech cnn1d")

    def test_results_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for words in (["inspect", self.manifest], ["run", "--list-keys"],
                          ["eval", self.teacher, self.manifest]):
                run = subprocess.run([PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True,
                                     env=self.environment(), timeout=PATIENCE)
                self.assertEqual(run.returncode, 1, words)
                self.says(run.stderr, "cannot write to standard output", "No space left")

    def test_list_keys(self):
        out, _ = self.retort("run", "--list-keys")
        for key in ("seed", "distill.l2.margin", "weight.terms", "pipeline.memory"):
            self.assertIn(key, out.splitlines())


class Refusals(EndToEnd):
    """Everything here must end with code 2, say what and where, and leave nothing behind."""
    samples = 20

    def refused(self, said, *words):
        with self.subTest(" ".join(words)):
            out, err = self.retort("run", *words, code=2)
            self.assertEqual(out, "")
            self.says(err, *said)
            self.assertFalse([n for n in os.listdir(self.here) if n in ("o", "runs")])

    def recipe_of(self, text):
        with open(self.path("r.yaml"), "w", encoding="utf-8") as f:
            f.write(text)
        return "r.yaml"

    def test_usage(self):
        self.refused(["which recipe?", "retort run --help"])
        self.refused(["nope.yaml", "No such file"], "nope.yaml")
        self.refused(["retort run: unrecognized option '--bogus'", "retort run --help"], self.recipe, "--bogus")
        self.refused(["'o'", "retort run --help"], self.recipe, "-o")
        self.refused(["'extra'"], self.recipe, "extra")
        self.refused(["--resume needs the folder"], self.recipe, "--resume")
        self.refused(["nowhere"], "nowhere", "--resume")
        near = self.recipe.replace("study", "stuyd")  # a path on the command line that is nearly right
        self.refused([near, "No such file or directory; did you mean %s?" % self.recipe], near)
        self.refused(["o: holds no run"], self.recipe, "--resume", "-o", "o")
        self.refused(["train.epochs", '"0"', "1 to 100000"], self.recipe, "-s", "train.epochs=0")
        self.refused(["train.shards: 3", "power of two"], self.recipe, "-o", "o", "-s", "train.shards=3")
        self.refused(["train.shards: 16", "less than two samples"], self.recipe, "-o", "o", "-s", "train.shards=16",
                     "-s", "train.batch=31")
        self.refused(["train.epohs", "did you mean train.epochs"], self.recipe, "-s", "train.epohs=3")
        self.refused(['"abc"', "whole number"], self.recipe, "--epochs", "abc")
        self.refused(['"foo"', "key=value"], self.recipe, "-s", "foo")

    def test_recipes(self):
        manifest = "data: {manifest: %s}\n" % self.manifest
        for said, text in (
                (["r.yaml:3", "train.epochs", '"many"', "whole number"], "train:\n  epochs: many\n"),
                (["r.yaml:3", "train.epoch", "did you mean train.epochs"], "train:\n  epoch: 3\n"),
                (["r.yaml:3", "train.lr", '"-1"'], "train:\n  lr: -1\n"),
                (["r.yaml:3", "student.net", '"cnn"', "textbag"], "student:\n  net: cnn\n"),
                (["r.yaml:4", "train.lr"], "train:\n  lr: 1\n  lr: 2\n"),
                (["r.yaml:"], "train: [\n"),
                (["r.yaml:"], "\ttrain: 1\n")):
            self.refused(said, self.recipe_of(manifest + text), "-o", "o")

    def test_files_that_do_not_exist(self):
        self.refused(["r.yaml", "data.manifest is missing", "e.g."],
                     self.recipe_of("train: {epochs: 3}\n"), "-o", "o")
        self.refused(["r.yaml:1: data.manifest", "nowhere.tsv", "does not exist", "prepare"],
                     self.recipe_of("data: {manifest: nowhere.tsv}\n"), "-o", "o")
        self.refused(["-s: teacher.model", "nobody", "does not exist", "train the teacher"],
                     self.recipe, "-s", "teacher.model=nobody", "-o", "o")
        self.refused(["student.init", "nothing", "does not exist"],
                     self.recipe, "-s", "student.init=nothing", "-o", "o")

    def test_settings_that_do_not_fit_together(self):
        self.refused(["distill.l2.lambda is 1", "there is no teacher.model"], self.recipe, "-o", "o",
                     *settings(SPEECH, distill__l2__lambda=1))
        self.refused(["weight.terms", "'loudness'", "snr"], self.recipe, "-o", "o",
                     *settings(SPEECH, weight__terms="loudness"))
        self.refused(["weight.terms", "'teacher_norm'"], self.recipe, "-o", "o",
                     *settings(SPEECH, weight__terms="teacher_norm"))
        table = write_manifest(self.path("m.tsv"), [["1", "train", "a", "words"]],
                               ("id", "split", "label", "text"))
        self.refused(["m.tsv", "no column 'speech'"], self.recipe, "-o", "o",
                     *settings(SPEECH, data__manifest=table))

    def test_folder_in_use(self):
        self.train("a", TEXT, train__epochs=1)
        before = sorted(os.listdir(self.path("a")))
        _, err = self.train("a", TEXT, code=2)
        self.says(err, "a: already holds a run", "--resume", "-o")
        self.assertEqual(sorted(os.listdir(self.path("a"))), before)

    def test_commands(self):
        for said, words in (
                (['"fly"', "retort --help"], ["fly"]), (["usage: retort"], []),
                (["a model and a manifest"], ["eval", "x"]), (["which manifest or run?"], ["inspect"]),
                (["-o X.npy is missing"], ["embed", "a", "b"]), (["-o FILE"], ["export", "a"]),
                ([".safetensors"], ["export", "a", "-o", "x"]),
                (["--head needs"], ["inspect", self.manifest, "-n", "few"]),
                (["--where", '"nose"'], ["inspect", self.manifest, "--where", "nose < 1"]),
                (["--split evening"], ["eval", self.trained(), self.manifest, "--split", "evening"])):
            with self.subTest(words):
                out, err = self.retort(*words, code=2)
                self.assertEqual(out, "")
                self.says(err, *said)

    def trained(self):
        if not os.path.exists(self.path("model")):
            self.train("model", TEXT, train__epochs=1)
        return "model"


if __name__ == "__main__":
    unittest.main()
