#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The other commands as a user runs them after a run: inspect, eval, embed, export, and a manifest made
# from folders; what one says must agree with what another one says.
"""Usage: test_commands.py PATH/TO/retort"""

import csv
import io
import json
import math
import os
import re
import shutil
import struct
import subprocess
import unittest
import xml.etree.ElementTree

from end_to_end import COLUMNS, LABELS, SPEECH, TEXT, EndToEnd, digest, read_npy, read_tensors, rows, settings, \
    write_manifest

MODEL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "onnx_mobilenet.onnx")


class Commands(EndToEnd):
    samples = 80

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher, cls.student = (os.path.join(cls.root, name) for name in ("teacher", "student"))
        first = cls("start")
        first.here = cls.root
        first.train(cls.teacher, TEXT)
        cls.said, _ = first.train(cls.student, SPEECH, teacher__model=cls.teacher, distill__l2__lambda=4,
                                distill__kl__lambda=1, weight__terms="snr,level", weight__map="percentile", train__epochs=6)

    def table(self, *words):
        out, _ = self.retort("inspect", *words, "--csv")
        return list(csv.DictReader(io.StringIO(out)))


class Words(EndToEnd):
    samples = 4

    def test_help_of_a_command(self):
        self.assertEqual(self.retort("help", "sweep"), self.retort("sweep", "--help"))
        self.assertEqual(self.retort("help", "manifest", "csv"), self.retort("manifest", "csv", "--help"))
        self.assertEqual(self.retort("help"), self.retort("--help"))

    def test_no_runs(self):
        out, err = self.retort("ls")
        self.assertEqual((len(out.splitlines()), "no run in runs: `retort run RECIPE -o runs/NAME` makes one" in err),
                         (1, True), err)

    def test_wrong_words_name_the_right_ones(self):
        self.says(self.retort("inspct", code=2)[1], 'no command "inspct"', "did you mean inspect?")
        self.says(self.retort("help", "evl", code=2)[1], "did you mean eval?")
        self.says(self.retort("ctl", "status", "runs/a", code=2)[1], "before the verb: retort ctl runs/a status")
        for command, more in (("eval", ()), ("embed", ("-o", "x.npy")), ("predict", ())):
            self.says(self.retort(command, self.manifest, MODEL, *more, code=2)[1],
                      "the model stands first: retort %s %s %s" % (command, MODEL, self.manifest))
        os.mkdir(self.path("a"))
        self.says(self.retort("run", "a", code=2)[1], "a is a folder: name a recipe in it, such as a/student.yaml")
        shutil.copy(self.recipe, self.path("a", "recipe.yaml"))
        self.says(self.retort("run", "a", code=2)[1], "retort run --resume a", "retort run a/recipe.yaml")


class Inspect(Commands):
    def test_plain_csv_and_json_agree(self):
        plain, _ = self.retort("inspect", self.manifest)
        lines = plain.splitlines()
        self.assertEqual(len(lines), 81)
        self.assertLessEqual({"id", "label", "split", "snr", "quality", "reason"}, set(lines[0].split()))
        by_csv = self.table(self.manifest)
        out, _ = self.retort("inspect", self.manifest, "--json")
        by_json = json.loads(out)
        self.assertEqual([row["id"] for row in by_csv], [row[0] for row in rows(80)])
        self.assertEqual([row["id"] for row in by_json], [row["id"] for row in by_csv])
        for a, b in zip(by_csv, by_json):
            self.assertEqual(set(a), set(b))
            self.assertAlmostEqual(float(a["snr"]), b["snr"], places=3)

    def test_runs(self):
        """A run in the list is called with its teacher, by the teacher's name alone."""
        out, _ = self.retort("ls", self.root)
        self.assertRegex(out, r"\n\S+/student +done .* speech \w+ < teacher *\n")

    def test_below_the_knees(self):
        """How many a measure would take weight from, on stderr: in all, and in which groups."""
        out, err = self.retort("inspect", self.manifest, "--csv")
        snr = [(row["label"], float(row["snr"])) for row in csv.DictReader(io.StringIO(out))]
        below = [label for label, value in snr if value < 11]
        if below:
            self.says(err, "of 80 samples, below one half", "snr          %d (%.1f %%), knee 8 14" % (len(below), len(below) / 0.8))
        else:
            self.assertRegex(err, r"(of 80 samples, none below one half of its measure's knee \(|none by .*)snr")
        self.assertNotIn("level", err)  # no knee
        most = sorted(set(below), key=lambda label: (-below.count(label), label))
        if most:
            self.says(err, "by label %s %d of 20" % (most[0], below.count(most[0])))
        middle = sorted(value for _, value in snr)[40]
        out, err = self.retort("inspect", self.manifest, "--by", "split", "--where", "snr > %r" % middle, "-n", "1")
        self.says(err, "of %d samples" % sum(value > middle for _, value in snr))
        _, err = self.retort("inspect", self.manifest, "--by", "nose", code=2)
        self.says(err, "--by", "'nose'")
        _, err = self.retort("inspect", self.student)
        self.says(err, "of 80 samples", "snr")
        _, err = self.retort("inspect", self.manifest, "--where", "label = rock")
        self.assertNotIn("knee", err)
        out, err = self.retort("inspect", self.manifest, "--sample", "nobody", code=2)
        self.assertNotIn("knee", err)

    def test_where_sort_and_head(self):
        everything = self.table(self.manifest)
        snr = sorted(float(row["snr"]) for row in everything)
        middle = snr[40]
        low = self.table(self.manifest, "--where", "snr < %r" % middle, "--sort", "snr")
        self.assertEqual([float(row["snr"]) for row in low], snr[:40])
        both = self.table(self.manifest, "--where", "snr < %r and label = animals" % middle)
        self.assertEqual([row["id"] for row in both],
                         [r["id"] for r in everything if float(r["snr"]) < middle and r["label"] == "animals"])
        best = self.table(self.manifest, "--sort", "-snr", "-n", "3")
        self.assertEqual([float(row["snr"]) for row in best], snr[::-1][:3])
        self.assertEqual(self.table(self.manifest, "--where", "reason"), [])

    def test_columns(self):
        self.assertEqual(list(self.table(self.manifest, "--columns", "id,snr_pct", "-n", "1")[0]),
                         ["id", "snr_pct"])
        every = self.table(self.manifest, "--columns", "all", "-n", "1")[0]
        self.assertLessEqual({"speech", "image", "text", "group", "snr_pct", "sharpness", "length_pct",
                              "detail"}, set(every))
        _, err = self.retort("inspect", self.manifest, "--columns", "id,nose", code=2)
        self.says(err, "nose")
        _, err = self.retort("inspect", self.manifest, "--sort", "nose", code=2)
        self.says(err, "nose")

    def test_percentiles_are_of_the_data_set(self):
        every = self.table(self.manifest, "--columns", "snr,snr_pct,clipped,clipped_pct", "--sort", "snr")
        share = [float(row["snr_pct"]) for row in every]
        self.assertEqual(share, sorted(share))
        self.assertTrue(0 <= share[0] < 0.05 and 0.95 < share[-1] <= 1, (share[0], share[-1]))
        for a in every:
            for b in every:
                if float(a["clipped"]) < float(b["clipped"]):
                    self.assertGreaterEqual(float(a["clipped_pct"]), float(b["clipped_pct"]))

    def test_one_sample(self):
        name = rows(80)[5][0]
        for source in (self.manifest, self.student):
            out, _ = self.retort("inspect", source, "--sample", name)
            self.says(out, name, "snr", "at least as good as", "% of the data set", "quality")
        self.says(out, "weight", "in 6 updates", "l2 ", "kl ")
        _, err = self.retort("inspect", self.manifest, "--sample", "nobody", code=2)
        self.says(err, 'there is no sample "nobody"')
        whole = self.table(self.student)[0]["id"]
        _, err = self.retort("inspect", self.student, "--sample", whole[1:], code=2)
        self.says(err, 'did you mean "%s"?' % whole)
        out, _ = self.retort("inspect", self.student, "--sample", whole)
        self.assertRegex(out, r"\nanswer       \w+ with [\d.e-]+, the label with [\d.e-]+: (right|wrong)\n")

    def test_measures(self):
        out, _ = self.retort("inspect", "--measures")
        for name in ("snr", "clipped", "sharpness", "contrast", "length", "teacher_norm"):
            self.assertRegex(out, r"\b%s\b" % name)

    def test_run(self):
        """A run's table holds what the student made of each sample."""
        seen = self.table(self.student, "--columns", "id,split,quality,weight,seen,loss_ce,loss_l2,inside_l2,snr_pct,level_pct",
                          "--where", "seen > 0")
        self.assertEqual({row["split"] for row in seen}, {"train"})
        self.assertEqual(len(seen), 48)
        for row in seen:
            self.assertEqual(row["seen"], "6")
            self.assertAlmostEqual(float(row["quality"]), float(row["snr_pct"]) * float(row["level_pct"]),
                                   delta=2e-4)
            self.assertTrue(float(row["weight"]) > 0 and 0 <= float(row["loss_l2"]) <= 4)
        self.assertEqual(list(self.table(self.student, "--columns", "id,group", "-n", "1")[0]), ["id", "group"])
        heaviest = self.table(self.student, "--sort", "-weight", "-n", "1")
        self.assertEqual(float(heaviest[0]["weight"]), max(float(row["weight"]) for row in seen))

    def test_second_look_reads_no_file(self):
        """Measures are kept by content."""
        first, _ = self.retort("inspect", self.manifest)
        second, _ = self.retort("inspect", self.manifest)
        self.assertEqual(first, second)
        other, _ = self.retort("inspect", self.manifest, cache=self.path("cold"))
        self.assertEqual(first, other)


class Eval(Commands):
    def shares(self, *words):
        out, _ = self.retort("eval", *words, "--json")
        return json.loads(out)

    def test_agrees_with_the_run(self):
        found = self.shares(self.student, self.manifest)
        top1, f1, count = re.search(  # of four classes: one of the first five is always right
            r"test +top-1 ([\d.]+) %, macro-F1 ([\d.]+) %, (\d+) samples", self.said).groups()
        self.assertEqual(found["samples"], int(count))
        for key, words in (("top1", top1), ("macro_f1", f1)):
            self.assertEqual("%.1f" % (100 * found[key]), words)
        kept, = self.query(self.student, "SELECT value FROM metrics WHERE name='final.top1' AND"
                                         " split='test'")[0]
        self.assertEqual(found["top1"], kept)

    def test_labels_of_others(self):
        table = rows(self.samples)
        for row in table[:7]:
            row[2] = "furniture"
        strange = write_manifest(self.path("strange.tsv"), table)
        out, err = self.retort("eval", self.student, strange, "--split", "all")
        self.says(err, "7 of %d labels are not among the model's 4 classes (\"furniture\", ...): they count as wrong"
                  % self.samples)
        self.assertRegex(out, r"samples with a label +%d\n" % self.samples)
        before, after = (self.shares(self.student, m, "--split", "all", "--confusion") for m in (self.manifest, strange))
        right = sum(row[i] for i, row in enumerate(before["confusion"]))
        self.assertEqual(after["classes"], before["classes"] + ["furniture"])
        self.assertEqual(sum(after["confusion"][4]), 7)
        were = self.query(self.student, "SELECT sum(correct) FROM samples WHERE row < 7")[0][0]
        self.assertAlmostEqual(after["top1"] * self.samples, right - were)
        _, err = self.retort("eval", self.student, self.manifest)
        self.assertNotIn("classes", err)

    def test_words_and_splits(self):
        out, _ = self.retort("eval", self.student, self.manifest, "--split", "all")
        self.says(out, "samples with a label     80", "top-1", "macro-F1", "lowest quality", "highest quality")
        counts = [self.shares(self.student, self.manifest, "--split", s)["samples"]
                  for s in ("train", "valid", "test")]
        self.assertEqual(counts, [48, 16, 16])

    def test_confusion(self):
        out, _ = self.retort("eval", self.student, self.manifest, "--split", "all", "--confusion")
        matrix = {}
        for line in out.split("confusion", 1)[1].splitlines()[1:5]:
            name, *counts = line.split()
            matrix[name] = [int(n) for n in counts]
        self.assertEqual(list(matrix), ["animals", "food", "household", "vehicles"])
        self.assertEqual([sum(m) for m in matrix.values()], [20] * 4)
        right = sum(m[i] for i, m in enumerate(matrix.values()))
        self.assertAlmostEqual(right / 80, self.shares(self.student, self.manifest, "--split", "all")["top1"])
        listed = self.shares(self.student, self.manifest, "--split", "all", "--confusion")
        alone = self.shares(self.student, self.manifest, "--split", "all", "--per-class")
        self.assertEqual((alone["by_class"], "confusion" in alone), (listed["by_class"], False))
        self.assertEqual(listed["confusion"], list(matrix.values()))
        self.assertEqual(listed["classes"], list(matrix))

    def test_quality_thirds(self):
        found = self.shares(self.student, self.manifest, "--split", "all", "--quality", "snr")
        thirds = [found["top1.quality." + name] for name in ("lowest", "middle", "highest")]
        self.assertAlmostEqual(sum(thirds) / 3, found["top1"], delta=0.03)
        _, err = self.retort("eval", self.student, self.manifest, "--quality", "charm", code=2)
        self.says(err, "'charm'", "--measures")

    def test_samples_and_parts(self):
        """A row for each sample, from which the other figures follow."""
        found = self.shares(self.student, self.manifest, "--split", "all", "--samples", "s.csv", "--by", "split,label",
                            "--confusion")
        with open(self.path("s.csv"), encoding="utf-8", newline="") as f:
            table = list(csv.DictReader(f))
        self.assertEqual([row["id"] for row in table], [row[0] for row in rows(80)])
        right = {}
        for row, (_, split, label, *_) in zip(table, rows(80)):
            p = [float(row[c]) for c in LABELS]
            self.assertAlmostEqual(sum(p), 1, places=5)
            self.assertEqual(row["predicted"], LABELS[p.index(max(p))])
            self.assertEqual(int(row["rank"]), 1 + sum(x > float(row[label]) for x in p))
            self.assertTrue(0 <= float(row["quality"]) <= 1 and not row["reason"])
            for part in (split, label):
                right.setdefault(part, []).append(row["predicted"] == label)
        for part in found["by.split"] + found["by.label"]:
            hits = right[part["value"]]
            self.assertEqual(part["samples"], len(hits))
            self.assertAlmostEqual(part["top1"], sum(hits) / len(hits), places=8)
            self.assertTrue(part["top1.interval"][0] <= part["top1"] <= part["top1.interval"][1])
        for of in found["by_class"]:
            self.assertAlmostEqual(of["recall"], sum(right[of["class"]]) / 20)
        for key in ("top1", "top5", "macro_f1", "ece", "top1.quality.lowest"):
            low, high = found[key + ".interval"]
            self.assertTrue(0 <= low <= high <= 1, key)
        self.assertEqual({type(n) for n in (found["samples"], found["ece.bins"][0]["samples"])}, {int})
        out, _ = self.retort("eval", self.student, self.manifest, "--by", "split", "--bins")
        self.assertRegex(out, r"top-1, split test +[\d.]+ %  \[[\d.]+, [\d.]+\]  of 16\n")
        self.says(out, "calibration error", "probability       samples     mean    right")
        _, err = self.retort("eval", self.student, self.manifest, "--by", "nose", code=2)
        self.says(err, "--by nose", "no such column")
        _, err = self.retort("eval", self.student, self.manifest, "--samples", "none/s.csv", code=None)
        self.says(err, "none/s.csv")

    def test_a_group_is_one_fact(self):
        """Samples of one group are alike: the intervals are wider, the figures the same."""
        table = rows(80)
        for i, row in enumerate(table):
            row[3] = "g%d" % (i // 10)
            row[1] = "test"
        grouped = self.shares(self.student, write_manifest(self.path("grouped.tsv"), table))
        apart = self.shares(self.student, self.manifest, "--split", "all")
        self.assertEqual(grouped["top1"], apart["top1"])
        low, high = apart["top1.interval"]
        self.assertGreater(grouped["top1.interval"][1] - grouped["top1.interval"][0], high - low)

    def test_calibrate(self):
        """Fitted on validation, kept in the file, and what predict goes by."""
        self.retort("export", self.student, "-o", "m.safetensors")
        before = self.shares("m.safetensors", self.manifest, "--split", "valid")
        fitted = self.shares("m.safetensors", self.manifest, "--split", "valid", "--calibrate")
        after = self.shares("m.safetensors", self.manifest, "--split", "valid", "--samples", "s.csv")
        self.assertNotEqual(after["ece"], before["ece"])
        self.assertEqual((after["ece"], after["top1"]), (fitted["ece"], before["top1"]))
        kept = float(read_tensors(self.path("m.safetensors"))[1]["retort.temperature"])
        self.assertAlmostEqual(kept, fitted["temperature"], places=8)
        with open(self.path("s.csv"), encoding="utf-8", newline="") as f:
            said = {row["id"]: row for row in csv.DictReader(f)}
        out, _ = self.retort("predict", "m.safetensors", self.manifest, "--json")
        for answer in map(json.loads, out.splitlines()):
            if answer["id"] in said:
                self.assertAlmostEqual(answer["p"], float(said[answer["id"]][answer["label"]]), places=5)
        self.retort("export", "m.safetensors", "-o", "m.onnx")
        self.assertEqual(self.shares("m.onnx", self.manifest, "--split", "valid")["ece"], after["ece"])
        _, err = self.retort("eval", "m.onnx", self.manifest, "--calibrate", code=2)
        self.says(err, "m.onnx", "export that")
        table = [row[:1] + ["test"] + row[2:] for row in rows(80)]
        _, err = self.retort("eval", "m.safetensors", write_manifest(self.path("t.tsv"), table), "--calibrate", code=1)
        self.says(err, "t.tsv: --calibrate: no sample of the split valid")

    def test_trials(self):
        """EER by hand from the embeddings."""
        self.retort("embed", self.student, self.manifest, "-o", "e.npy")
        (count, dim), values = read_npy(self.path("e.npy"))
        vector = [values[i * dim:(i + 1) * dim] for i in range(count)]
        table, scores, lines = rows(80), [], []
        for i in range(0, 80, 3):
            for k in range(1, 80, 7):
                same = table[i][2] == table[k][2]
                lines.append("%d %s %s\n" % (same, table[i][0], table[k][0]))
                length = math.sqrt(sum(x * x for x in vector[i]) * sum(x * x for x in vector[k]))
                scores.append((sum(x * y for x, y in zip(vector[i], vector[k])) / length, same))
        with open(self.path("trials.txt"), "w", encoding="utf-8") as f:
            f.writelines(lines)
        found = self.shares(self.student, self.manifest, "--trials", "trials.txt")
        self.assertEqual((found["trials"], found["trials.left_out"]), (len(lines), 0))
        alone = self.shares(self.student, self.manifest)  # trials name any sample, answers are judged of the test split
        self.assertEqual({key: value for key, value in found.items() if key in alone}, alone)
        targets = sum(same for _, same in scores)
        gaps = []
        for threshold, _ in scores:
            miss = sum(s < threshold and same for s, same in scores) / targets
            alarm = sum(s >= threshold and not same for s, same in scores) / (len(scores) - targets)
            gaps.append((abs(miss - alarm), (miss + alarm) / 2))
        self.assertAlmostEqual(found["eer"], min(gaps)[1], delta=0.02)
        self.assertTrue(0 < found["min_dcf"] <= 1)
        for key in ("eer", "min_dcf"):
            low, high = found[key + ".interval"]
            self.assertTrue(0 <= low <= found[key] <= high, (key, found))
        self.assertEqual(found["trials.people"], len({row[2] for row in table}))
        self.check_scores(lines, [x for x, _ in scores])
        self.check_calibration(lines)

    def check_scores(self, lines, cosines):
        """Scores as a file, several priors, the curve both ways, a threshold, and what a cohort makes of them."""
        out, _ = self.retort("eval", self.student, self.manifest, "--trials", "trials.txt", "--scores", "s.tsv",
                             "--det", "--det-svg", "det.svg", "--p-target", "0.01,0.5", "--false-alarms", "0.1")
        self.says(out, "minDCF, prior 0.01", "minDCF, prior 0.5", "Cllr, not calibrated", "false alarms at it",
                  "miss %")
        with open(self.path("s.tsv"), encoding="utf-8") as f:
            table = [line.rstrip("\n").split("\t") for line in f]
        self.assertEqual(table[0], ["enrol", "test", "same", "score"])
        self.assertEqual(["%s %s %s\n" % (same, a, b) for a, b, same, _ in table[1:]], lines)
        for row, cosine in zip(table[1:], cosines):
            self.assertAlmostEqual(float(row[3]), cosine, places=5)
        xml.etree.ElementTree.parse(self.path("det.svg"))
        normed = self.shares(self.student, self.manifest, "--trials", "trials.txt", "--cohort", "train", "--cohort-top",
                             "3", "--centre")
        same = self.shares(self.student, self.manifest, "--trials", "trials.txt", "--cohort", self.manifest,
                           "--cohort-top", "0")
        plain = self.shares(self.student, self.manifest, "--trials", "trials.txt")
        self.assertEqual(same["eer"], plain["eer"])  # a cohort that is not used
        self.assertNotEqual(normed["cllr"], plain["cllr"])

    def check_calibration(self, lines):
        """Fitted on the one half, stored, used on the other; not for other scores, and never on its own trials."""
        model = self.path("cal.safetensors")
        self.retort("export", self.student, "-o", model)
        for name, part in (("fit.txt", lines[::2]), ("judge.txt", lines[1::2])):
            with open(self.path(name), "w", encoding="utf-8") as f:
                f.writelines(part)
        judge = ["eval", model, self.manifest, "--trials", "judge.txt", "--json"]
        before = json.loads(self.retort(*judge)[0])
        found, err = self.retort(*judge, "--calibrate-trials", "fit.txt", "--calibrate-by", "duration,norm,quality")
        found = json.loads(found)
        self.says(err, "cal.safetensors: calibration fitted on fit.txt is stored")
        self.assertNotIn("act_dcf", before)
        self.assertLess(found["cllr"], before["cllr"])
        self.assertGreaterEqual(found["act_dcf"], found["min_dcf"])
        self.assertEqual(json.loads(self.retort(*judge)[0]), found)  # the model's own now
        self.retort("export", model, "-o", "cal.onnx")  # which goes along
        self.assertIn("act_dcf", json.loads(self.retort("eval", "cal.onnx", *judge[2:])[0]))
        out, err = self.retort(*judge, "--crops", "2")
        self.says(err, "the model's calibration is of other scores", "2 crops of 0.48 s")
        self.assertNotIn("act_dcf", json.loads(out))
        for words, said in ((["--calibrate-trials", "judge.txt"], "these are the trials of"),
                            (["--centre"], "--cohort"), (["--cohort", "none.tsv"], "none.tsv")):
            self.says(self.retort(*judge, *words, code=1 if "none" in said else 2)[1], said)
        self.says(self.retort(*judge, "--p-target", "0.5,2", code=2)[1], "between 0 and 1")
        for words in ([], ["--calibrate-trials", "fit.txt"]):
            self.says(self.retort("eval", model, self.manifest, "--scores", "x.tsv", *words, code=2)[1], "--trials")

    def test_views(self):
        """What does not fit the model is refused by what it is."""
        for words, said in ((["--whole"], "\"flatten\""), (["--flips"], "not pictures"),
                            (["--whole", "--crops", "2"], "one of them")):
            self.says(self.retort("eval", self.student, self.manifest, *words, code=2)[1], said)
        one = self.shares(self.student, self.manifest)
        self.assertEqual(self.shares(self.student, self.manifest, "--crops", "1"), one)
        self.assertNotEqual(self.shares(self.student, self.manifest, "--crops", "4", "--split", "all"),
                            self.shares(self.student, self.manifest, "--split", "all"))

    def test_bad_trials(self):
        for text, said in (("1 nobody noone\n", ["trials.txt:1", "nobody"]), ("2 a b\n", ["trials.txt:1", "2"]),
                           ("", ["trials.txt"]), ("1 %s\n" % rows(80)[0][0], ["trials.txt:1"])):
            with self.subTest(text):
                with open(self.path("trials.txt"), "w", encoding="utf-8") as f:
                    f.write(text)
                _, err = self.retort("eval", self.student, self.manifest, "--trials", "trials.txt", code=1)
                self.says(err, *said)
        table = rows(4)
        table[1][4] = "gone.ogg"
        manifest = write_manifest(self.path("gone.tsv"), table)
        with open(self.path("trials.txt"), "w", encoding="utf-8") as f:
            f.write("1 {0} {1}\n\n0 {0} {2}\n".format(table[0][0], table[2][0], table[1][0]))
        out, err = self.retort("eval", self.student, manifest, "--trials", "trials.txt", code=1)
        self.says(err, "trials.txt:3", table[1][0], "gone.ogg")
        self.assertEqual(out, "")  # before anything is computed

    def test_retrieval(self):
        found = self.shares(self.student, self.manifest, "--split", "all", "--teacher", self.teacher)
        self.assertEqual(found["retrieval.queries"], 80)
        self.assertTrue(0 <= found["r1"] <= found["r5"] <= found["r10"] <= 1)
        for key in ("r1", "r5", "r10"):
            low, high = found[key + ".interval"]
            self.assertTrue(0 <= low <= found[key] <= high <= 1 and low < high, (key, found))
        self.assertGreater(found["r10"], 10 / 80)
        _, err = self.retort("eval", self.student, self.manifest, "--teacher", self.student, code=2)
        self.says(err, "16", "24", "is it this student's teacher?")


class Embed(Commands):
    def test_matrix_and_ids(self):
        out, err = self.retort("embed", self.student, self.manifest, "-o", "e.npy")
        self.says(err, "a crop of 0.48 s from the middle of each recording: node \"flatten\" (reshape)")
        self.assertEqual(out.splitlines(), [row[0] for row in rows(80)])
        shape, values = read_npy(self.path("e.npy"))
        self.assertEqual(shape, (80, 16))
        self.assertTrue(all(math.isfinite(v) for v in values))
        self.assertGreater(len(set(values)), 100)
        self.retort("embed", self.student, self.manifest, "-o", "f.npy", "--feature")
        self.assertEqual(read_npy(self.path("f.npy"))[0], (80, 24))
        out, _ = self.retort("embed", self.student, self.manifest, "-o", "t.npy", "--split", "test")
        self.assertEqual(len(out.splitlines()), 16)
        part = read_npy(self.path("t.npy"))[1]
        self.assertEqual(part[:16], values[8 * 16:9 * 16])  # row 8 is the first of the test split

    def predict(self, *words, code=0, **more):
        out, err = self.retort("predict", *words, "--json", code=code, **more)
        return [json.loads(line) for line in out.splitlines()], err

    def test_predict_by_any_way(self):
        """A manifest, a list on standard input, files, a folder, any batch: the same answers, those that run.db has."""
        table = rows(80)
        found, err = self.predict(self.student, self.manifest)
        self.assertEqual(err, "")
        self.assertEqual([a["id"] for a in found], [row[0] for row in table])
        for a, (name, label, p) in zip(found, self.query(self.student, "SELECT id, predicted, p FROM samples ORDER BY row")):
            self.assertEqual((a["id"], a["label"]), (name, label))
            self.assertAlmostEqual(a["p"], p, places=5)
            self.assertEqual((a["top"][0]["label"], a["top"][0]["p"]), (a["label"], a["p"]))
            self.assertGreaterEqual(a["p"], a["top"][1]["p"])
        files = [row[4] for row in table]
        os.symlink(os.path.dirname(files[0]), self.path("folder"))
        many = [self.predict(self.student, "-", input="\n".join(files) + "\n\n")[0],
                self.predict(self.student, "--batch", "1", "--threads", "3", *files[:40], "-", input="\r\n".join(files[40:]))[0]]
        for answers in many:
            self.assertEqual([a["id"] for a in answers], files)
            for a, b in zip(answers, found):
                self.assertEqual(a["label"], b["label"])
                self.assertAlmostEqual(a["p"], b["p"], places=5)
        walked, err = self.predict(self.student, "folder")
        self.says(err, "passed over: not speech by their ending")
        self.assertEqual([a["id"] for a in walked], sorted(a["id"] for a in walked))
        here = {a["id"]: a["label"] for a in walked}
        for a in many[0]:
            name = os.path.join("folder", os.path.basename(a["id"]))
            self.assertEqual(here.get(name, a["label"]), a["label"])

    def test_predict_forms(self):
        out, _ = self.retort("predict", self.student, self.manifest, "--csv", "--top", "9")
        table = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual(list(table[0]), ["id", "label", "p", "label2", "p2", "label3", "p3", "label4", "p4", "error"])
        for row in table:
            self.assertAlmostEqual(sum(float(row[k]) for k in ("p", "p2", "p3", "p4")), 1, places=5)
        plain, _ = self.retort("predict", self.student, self.manifest, "--top", "1")
        for line, row in zip(plain.splitlines(), table):
            self.assertEqual(line.split(), [row["id"], row["label"], "%.2f" % (100 * float(row["p"])), "%"])

    def test_predict_models(self):
        """A run and its two kinds of exported file; a text, in a manifest and as a file."""
        names = [a["label"] for a in self.predict(self.student, self.manifest)[0]]
        for name in ("m.safetensors", "m.onnx"):
            self.retort("export", self.student, "-o", name)
            self.assertEqual([a["label"] for a in self.predict(name, self.manifest)[0]], names)
        words, _ = self.predict(self.teacher, self.manifest)
        with open(self.path("a.txt"), "w", encoding="utf-8") as f:
            f.write(rows(80)[3][6] + "\n")
        self.assertEqual(self.predict(self.teacher, "a.txt")[0][0]["top"], words[3]["top"])

    def test_predict_sees_what_eval_sees(self):
        """Crops of a recording, a picture and its mirror image: a pass of their own, the same answers."""
        for more in (["--crops", "3"], []):
            self.retort("eval", self.student, self.manifest, "--split", "all", "--samples", "s.csv", *more)
            with open(self.path("s.csv"), encoding="utf-8", newline="") as f:
                seen = list(csv.DictReader(f))
            for a, row in zip(self.predict(self.student, self.manifest, *more)[0], seen):
                self.assertEqual((a["id"], a["label"]), (row["id"], row["predicted"]))
                self.assertAlmostEqual(a["p"], float(row[a["label"]]), places=5)
        for wrong in ("--flips", "--whole"):
            _, err = self.retort("predict", self.student, self.manifest, wrong, code=2)
            self.says(err, wrong)

    def test_predict_bad_files(self):
        """Each has its reason, the rest their answers, the exit code is 1."""
        good = rows(80)[0][4]
        for name, text in (("empty.wav", ""), ("noise.wav", "noise"), ("bad.tsv", "id\tspeech\n"),
                           ("other.tsv", "id\timage\na\tb.png\n"), ("few.tsv", "id\tspeech\nx\t\ny\t%s\n" % good)):
            with open(self.path(name), "w", encoding="utf-8") as f:
                f.write(text)
        os.mkdir(self.path("nothing"))
        words = ["none.wav", "empty.wav", "noise.wav", "bad.tsv", "other.tsv", "few.tsv", "nothing", good]
        found, err = self.predict(self.student, *words, code=1)
        self.says(err, "7 of 9 left out")
        self.assertEqual([a["id"] for a in found], words[:5] + ["x", "y", "nothing", good])
        for a, said in zip(found, ("none.wav", "empty", "noise.wav", "bad.tsv", "no column 'speech'", "no speech", None,
                                   "nothing", None)):
            self.assertEqual("error" in a, said is not None, a)
            self.assertIn(said or "", a.get("error", ""))
        self.assertEqual(found[6]["label"], found[8]["label"])
        out, _ = self.retort("predict", self.student, "none.wav", good, code=1)
        self.assertRegex(out, r"none.wav +left out: cannot read none.wav: No such file")
        _, err = self.retort("predict", self.student, code=2)
        self.says(err, "a model and files are needed")
        self.retort("predict", "nowhere", good, code=1)

    def test_predict_answers_as_they_come(self):
        """Whoever writes a path into the pipe gets its answer before the next one."""
        p = self.start("predict", self.student, "-", "--json", stdin=subprocess.PIPE)
        for row in rows(80)[:3]:
            p.stdin.write(row[4] + "\n")
            p.stdin.flush()
            self.assertEqual(json.loads(p.stdout.readline())["id"], row[4])
        self.assertEqual(p.communicate(), ("", ""))
        self.assertEqual(p.returncode, 0)

    def test_without_a_shared_space(self):
        _, err = self.retort("embed", self.teacher, self.manifest, "-o", "x.npy", "--feature", code=2)
        self.says(err, self.teacher + ": shares no space with a teacher")
        self.assertFalse(os.path.exists(self.path("x.npy")))
        _, err = self.retort("eval", self.teacher, self.manifest, "--teacher", self.teacher, code=2)
        self.says(err, self.teacher + ": shares no space with a teacher")


class Gallery(Commands):
    def test_enrol_and_identify(self):
        """People of one half of the samples, asked with all: each of their own samples is nearest to itself."""
        table = rows(80)
        manifest = write_manifest(self.path("half.tsv"), [row for i, row in enumerate(table) if i % 2 == 0])
        out, err = self.retort("enrol", self.student, manifest, "-o", "g.safetensors")
        self.says(out, "g.safetensors: 4 people of 40 samples, embedding 16", "threshold 0.")
        self.says(err, "a crop of 0.48 s")
        asked = ["identify", self.student, "g.safetensors"]
        out, err = self.retort(*asked, self.manifest, "--json", "--top", "2", "--threshold", "-1")
        found = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([row["id"] for row in found], [row[0] for row in table])
        self.says(err, "80 samples, 0 unknown, 0 left out")
        for row in found:
            best, second = row["nearest"]
            self.assertEqual(row["person"], best["person"])
            self.assertGreaterEqual(best["score"], second["score"])
        self.retort("embed", self.student, manifest, "-o", "e.npy")
        (count, dim), values = read_npy(self.path("e.npy"))
        own = {}
        for i in range(count):
            x = values[i * dim:(i + 1) * dim]
            length = math.sqrt(sum(v * v for v in x))
            mean = own.setdefault(table[2 * i][2], [0] * dim)
            for k in range(dim):
                mean[k] += x[k] / length
        x, mean = values[:dim], own[found[0]["person"]]
        cosine = sum(a * b for a, b in zip(x, mean)) / math.sqrt(sum(a * a for a in x) * sum(b * b for b in mean))
        self.assertAlmostEqual(found[0]["nearest"][0]["score"], cosine, places=5)
        out, err = self.retort(*asked, table[0][4], table[1][4], "gone.ogg", "--threshold", "1", code=1)
        self.says(out, "unknown", "left out: ", "gone.ogg")
        self.says(err, "3 samples, 2 unknown, 1 left out")
        self.says(self.retort(*asked, "x.ogg", "--threshold", "2", code=2)[1], "a cosine from -1 to 1")
        self.says(self.retort("identify", self.teacher, "g.safetensors", "x.ogg", code=2)[1], "another model")
        _, err = self.retort("identify", self.student, self.manifest, "x.ogg", code=1)
        self.says(err, os.path.basename(self.manifest))
        _, err = self.retort("enrol", self.student, manifest, "-o", "g", "--by", "nose", code=2)
        self.says(err, "no column 'nose'")
        with open(self.path("g.safetensors"), "rb") as f:
            data = f.read()
        size = 8 + int.from_bytes(data[:8], "little")
        for what, code, change, numbers in (("views", 2, {"retort.views": "1 0 0"}, data[size:]),
                                            ("not finite", 1, {}, b"\0\0\xc0\x7f" * ((len(data) - size) // 4))):
            header = json.loads(data[8:size])
            del header["__metadata__"]["retort.digest"]
            header["__metadata__"].update(change)
            text = json.dumps(header).encode()
            with open(self.path("h.safetensors"), "wb") as f:
                f.write(len(text).to_bytes(8, "little") + text + numbers)
            _, err = self.retort("identify", self.student, "h.safetensors", table[0][4], code=code)
            self.says(err, "h.safetensors: ", what)

    def test_views_of_files(self):
        """predict shows a file as it is asked to: several crops are other answers, and one is the default's."""
        file = rows(80)[0][4]
        one, _ = self.retort("predict", self.student, file, "--json")
        self.assertEqual(self.retort("predict", self.student, file, "--crops", "1", "--json")[0], one)
        crops, _ = self.retort("predict", self.student, file, "--crops", "3", "--json")
        self.assertNotEqual(crops, one)
        self.says(self.retort("predict", self.student, file, "--whole", code=2)[1], "flatten")


class Export(Commands):
    def test_round_trip(self):
        out, _ = self.retort("export", self.student, "-o", "m.safetensors")
        self.says(out, "m.safetensors: speech cnn1d, embedding 16, 4 classes")
        words = [self.manifest, "--split", "all", "--json", "--teacher", self.teacher]
        self.assertEqual(self.retort("eval", self.student, *words), self.retort("eval", "m.safetensors", *words))
        again, _ = self.retort("export", "m.safetensors", "-o", "n.safetensors")
        self.assertEqual(digest(self.path("m.safetensors")), digest(self.path("n.safetensors")))
        tensors, texts = read_tensors(self.path("m.safetensors"))
        self.assertFalse([name for name in tensors if not name.startswith("model.")])
        self.says(" ".join(texts.values()), "animals", "cnn1d")

    def test_onnx(self):
        out, _ = self.retort("export", self.student, "-o", "m.onnx")
        self.says(out, "m.onnx: speech cnn1d, embedding 16, 4 classes")
        out, _ = self.retort("export", "--check", "m.onnx")
        self.says(out, "m.onnx: speech cnn1d, opset 13", "4 classes; off the golden outputs by")
        self.retort("export", self.student, "-o", "n.onnx")
        self.assertEqual(digest(self.path("m.onnx")), digest(self.path("n.onnx")))
        run, file = [json.loads(self.retort("model", "--json", of)[0]) for of in (self.student, "m.onnx")]
        self.assertEqual((run["kind"], run["network"], len(run["classes"])), ("retort", "cnn1d", 4))
        self.assertEqual((file["graph"]["opset"], file["embedding"]), (13, run["embedding"]))
        self.assertEqual([o["shape"] for o in run["sample"]["outputs"]], ["[16]", "[4]"])

    def test_onnx_as_a_model(self):
        self.retort("export", self.student, "-o", "m.onnx")
        words = [self.manifest, "--split", "all", "--json"]
        self.assertEqual(self.retort("eval", self.student, *words)[0], self.retort("eval", "m.onnx", *words)[0])
        self.retort("export", "m.onnx", "-o", "m.safetensors")
        self.assertEqual(self.retort("eval", self.student, *words)[0],
                         self.retort("eval", "m.safetensors", *words)[0])
        for run, start in (("a", "m.onnx"), ("b", self.student), ("c", "")):
            self.train(run, SPEECH, student__init=start and self.path(start), train__epochs=1)
        a, b, c = (read_tensors(self.path(run, "model.safetensors"))[0] for run in "abc")
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)

    def test_a_wrong_onnx_file_fails_its_check(self):
        self.retort("export", self.student, "-o", "m.onnx")
        with open(self.path("m.onnx"), "rb") as f:
            whole = f.read()
        # Kernels lie in the file as they are: the first becomes another number.
        weight, at = b"1.conv.weight", whole.rindex(b"1.conv.weight")
        changed = bytearray(whole)
        changed[at + len(weight) + 10:at + len(weight) + 50] = bytes(40)
        for name, data, words in (("short.onnx", whole[:1000], "short.onnx: byte"),
                                  ("other.onnx", bytes(changed), "other.onnx: the model rebuilt from it gives other"),
                                  ("text.onnx", b"nothing of the kind", "text.onnx: byte 0")):
            with open(self.path(name), "wb") as f:
                f.write(data)
            _, err = self.retort("export", "--check", name, code=1)
            self.says(err, words)
        _, err = self.retort("export", "--check", "none.onnx", code=1)
        self.says(err, "none.onnx")
        _, err = self.retort("export", "--check", "m.onnx", "-o", "n.onnx", code=2)
        self.says(err, "--check FILE stands alone")

    def test_in_8_bits(self):
        """A quarter as large, nearly the same answers, by the file's own graph too; refused where it costs too much."""
        self.retort("export", self.student, "-o", "m.onnx")
        asked = ["export", self.student, "-o", "i.onnx", "--int8", "--calibrate", self.manifest]
        with open(self.path("trials.txt"), "w", encoding="utf-8") as f:
            table = rows(80)
            f.writelines("%d %s %s\n" % (a[2] == b[2], a[0], b[0]) for a in table[::5] for b in table[1::9])
        out, _ = self.retort(*asked, "--trials", "trials.txt", "--max-loss", "100")
        self.says(out, "ranges of values from", "i.onnx: speech cnn1d", "EER ")
        self.assertRegex(out, r"top-1 [\d.]+ % before, [\d.]+ % after, \d+ samples")
        self.assertRegex(out, r"cosine (1\.0|0\.99)\d* on average")
        # Of so small a network most of the file is metadata: 5,484 weights lose three bytes of four.
        self.assertLess(os.path.getsize(self.path("i.onnx")), os.path.getsize(self.path("m.onnx")) - 2 * 5484)
        self.retort("export", "--check", "i.onnx")
        found, _ = self.retort("eval", "i.onnx", self.manifest, "--json")
        self.assertAlmostEqual(100 * json.loads(found)["top1"], float(re.search(r"([\d.]+) % after", out)[1]), places=1)
        answers, _ = self.retort("predict", "i.onnx", self.manifest, "--json")
        self.assertEqual(len(answers.splitlines()), 80)
        # Refused: what was there before stays.
        before = digest(self.path("i.onnx"))
        few = write_manifest(self.path("few.tsv"), [row[:2] + [""] + row[3:] for row in table])
        _, err = self.retort("export", self.student, "-o", "i.onnx", "--int8", "--calibrate", few, code=1)
        self.says(err, "i.onnx: not written", "--trials, or --force")
        self.assertEqual(digest(self.path("i.onnx")), before)
        self.assertEqual([name for name in os.listdir(self.path(".")) if "unchecked" in name], [])
        self.retort("export", self.student, "-o", "f.onnx", "--int8", "--calibrate", few, "--force")
        _, err = self.retort("export", "i.onnx", "-o", "j.onnx", "--int8", "--calibrate", self.manifest, code=2)
        self.says(err, "i.onnx", "in 8 bits already")
        parts = write_manifest(self.path("parts.tsv"), [row + ["1000", "1001"] for row in table], COLUMNS + ("start", "end"))
        _, err = self.retort("export", self.student, "-o", "p.onnx", "--int8", "--calibrate", parts, code=1)
        self.says(err, "parts.tsv: none of its 48 samples can be read")
        for words, said in ((["-o", "x.onnx", "--int8"], "--calibrate MANIFEST go together"),
                            (["-o", "x.safetensors", "--int8", "--calibrate", few], "only an .onnx file has weights in 8 bits"),
                            (["-o", "x.onnx", "--force"], "--int8 refuses"),
                            (["-o", "x.onnx", "--trials", "trials.txt"], "--on MANIFEST")):
            self.says(self.retort("export", self.student, *words, code=2)[1], said)
        self.says(self.train("s", SPEECH, student__init=self.path("i.onnx"), train__epochs=1, code=2)[1], "in 8 bits")

    def test_as_a_teacher(self):
        self.retort("export", self.teacher, "-o", "t.safetensors")
        self.train("a", SPEECH, teacher__model=self.path("t.safetensors"), distill__kl__lambda=1, train__epochs=1)
        self.train("b", SPEECH, teacher__model=self.teacher, distill__kl__lambda=1, train__epochs=1)
        mine, other = (read_tensors(self.path(run, "model.safetensors"))[0] for run in "ab")
        self.assertEqual(mine, other)


class Bench(EndToEnd):
    def test_json_and_layers(self):
        out, _ = self.retort("bench", "cnn1d", "cnn2d-64", "--seconds", "0", "--batch", "4", "--json")
        found = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([(f["net"], f["mode"], f["batch"], f["threads"]) for f in found],
                         [("cnn1d", "train", 4, 1), ("cnn2d-64", "train", 4, 1)])
        for f in found:
            self.assertGreater(f["ms"], 0)
            self.assertAlmostEqual(f["samples_per_second"] * f["ms"] / 4000, 1, places=2)
        out, _ = self.retort("bench", "cnn1d", "--infer", "--threads", "2", "--seconds", "0", "--layers")
        lines = out.splitlines()
        self.assertRegex(lines[0], r"GFLOP/s a thread; 2 threads; batches of 32$")
        self.assertRegex(lines[1], r"^cnn1d +infer +2 threads")
        self.assertIn("1.conv", [line.split()[0] for line in lines[3:]])
        out, _ = self.retort("bench", MODEL, "--threads", "2", "--batch", "2", "--seconds", "0", "--layers")
        rows = [line[64:].split() for line in out.splitlines()[3:]]
        times = [float(row[1] if len(row) > 1 else row[0]) for row in rows]
        self.assertGreater(len(times), 5)
        self.assertAlmostEqual(sum(times[:-1]), times[-1], delta=0.001 * len(times))

    def test_instruction_set(self):
        os.environ["RETORT_ISA"] = "baseline"
        self.addCleanup(os.environ.pop, "RETORT_ISA")
        out, _ = self.retort("bench", "cnn1d", "--seconds", "0", "--batch", "1", "--json")
        self.assertEqual(json.loads(out)["isa"], "baseline")
        os.environ["RETORT_ISA"] = "mmx"
        _, err = self.retort("bench", "cnn1d", code=2)
        self.says(err, 'RETORT_ISA: "mmx"', "baseline")

    def test_numbers_of_threads_in_turns(self):
        what = ("cnn1d", MODEL, "--threads", "1,3,2", "--seconds", "0", "--batch", "6")
        out, _ = self.retort("bench", *what, "--json")
        found = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([(f["net"], f["mode"], f["threads"]) for f in found],
                         [(net, mode, n) for net, mode in (("cnn1d", "train"), (MODEL, "infer"))
                          for n in (1, 3, 2)])
        self.assertEqual([f["threads"] for f in found if "speedup" in f], [3, 2, 3, 2])
        for f in found:
            low, high = f.get("speedup_quartiles", (0, 0))
            self.assertTrue(low <= f.get("speedup", 0) <= high)
        out, _ = self.retort("bench", *what[1:])
        self.assertEqual(["times 1 thread (" in line for line in out.splitlines()[1:] if " threads " in line],
                         [False, True, True])

    def test_refusals(self):
        for words, said in ((("nonet",), 'no network "nonet"'), ((self.recipe,), "retort model " + self.recipe), (("--threads", "0"), "--threads 0"),
                            (("--threads", "1,"), "--threads 1,"), (("--threads", "1 2"), "--threads 1 2"),
                            ((MODEL, "--threads", "1,3"), "3 threads cannot share a batch of 32"),
                            (("--seconds", "x"), "--seconds x"), (("--layers", "--json"), "exclude")):
            _, errors = self.retort("bench", *words, code=2)
            self.assertIn(said, errors)
        decoder = os.path.join(os.path.dirname(MODEL), "onnx_decoder.onnx")  # two samples at once
        self.says(self.retort("bench", decoder, code=2)[1], "its batch is fixed, and not at 1")

    def test_files_of_any_input(self):
        bert = os.path.join(os.path.dirname(MODEL), "arch_bert.onnx")
        out, _ = self.retort("bench", bert, "--batch", "2", "--threads", "2", "--seconds", "0", "--size", "sequence=5",
                             "--json")
        self.assertEqual(json.loads(out)["batch"], 2)
        out, _ = self.retort("bench", MODEL, "--threads", "2,1", "--seconds", "0", "--batch", "2")
        self.assertRegex(out.splitlines()[0], "; 2 threads; batches of 2$")


class Embeddings(Commands):
    def test_embeddings_teach_without_their_network(self):
        """What embed wrote is a teacher: rows are found by their ids, whatever their order; wrong tables are refused."""
        ids, _ = self.retort("embed", self.teacher, self.manifest, "-o", "e.npy", "--split", "all")
        ids = ids.splitlines()
        (count, dim), values = read_npy(self.path("e.npy"))
        self.assertEqual((count, dim), (len(ids), 24))

        def write_rows(order, name="e"):
            head = ("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }" % (len(order), dim)).ljust(117) + "\n"
            with open(self.path(name + ".npy"), "wb") as f:
                f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
                for row in order:
                    f.write(struct.pack("<%dd" % dim, *values[row * dim:(row + 1) * dim]))
            with open(self.path(name + ".txt"), "w", encoding="utf-8") as f:
                f.writelines(ids[row] + "\n" for row in order)

        def student(folder, *words, code=0):
            return self.train(folder, SPEECH, words=words, code=code, teacher__model="e.npy", distill__l2__lambda=4,
                              distill__nce__lambda=1, train__epochs=2)

        write_rows(range(count))
        student("a")
        write_rows([*range(count // 2, count), *range(count // 2)])
        student("b")
        self.assertEqual(read_tensors(self.path("a", "model.safetensors"))[0],
                         read_tensors(self.path("b", "model.safetensors"))[0])
        self.says(self.retort("replay", "b")[0], "identical")
        known = {row["id"]: row["loss_l2"] for row in self.table("b", "-w", "split = train")}
        self.assertTrue(all(known.values()), known)
        out, err = self.retort("run", "--resume", "b", "--epochs", "3")
        self.says(err, "embeddings of 24 numbers for %d of 80 samples, by the ids in" % count, "speech embeddings from")
        write_rows(range(count // 2))
        _, err = self.retort("run", "--resume", "b", "--epochs", "4", code=2)
        self.says(err, "teacher.model is another model")
        student("c")  # half of them are taught
        losses = [row["loss_l2"] for row in self.table("c", "-w", "split = train")]
        self.assertTrue(any(losses) and not all(losses), losses)
        _, err = student("d", "-s", "distill.kl.lambda=1", code=2)
        self.says(err, "distill.kl needs the teacher's classifier", ".npy")
        for wrong, message in ((ids[:3], "e.txt has 3 lines"), ([ids[0]] * (count // 2), "e.txt:2: ", ),
                               (["x%d" % i for i in range(count // 2)], 'none of its %d ids, such as "x0"' % (count // 2))):
            with open(self.path("e.txt"), "w", encoding="utf-8") as f:
                f.writelines(line + "\n" for line in wrong)
            self.says(student("e", code=2)[1], "teacher.model: ", message)
        os.remove(self.path("e.txt"))
        self.says(student("e", code=2)[1], "e.npy has %d rows" % (count // 2), "the id of each row")
        values = (float("nan"),) + values[1:]
        write_rows(range(count))
        self.says(student("e", code=1)[1], "row 0: number 0 is nan")
        self.says(self.retort("predict", "e.npy", self.manifest, code=2)[1], "embeddings are no network")


class Folders(Commands):
    def test_from_folders_to_a_run(self):
        for i, row in enumerate(rows(80)):
            os.makedirs(self.path("root", row[2]), exist_ok=True)
            shutil.copyfile(row[4], self.path("root", row[2], "%d.ogg" % i))
        self.retort("manifest", "folders", "root", "-o", "m.tsv")
        with open(self.path("m.tsv"), encoding="utf-8") as f:
            head, *lines = f.read().splitlines()
        self.assertEqual(len(lines), 80)
        self.assertLessEqual({"id", "split", "label", "speech"}, set(head.split("\t")))
        with open(self.path("r.yaml"), "w", encoding="utf-8") as f:
            f.write("data: {manifest: m.tsv}\n")
        out, err = self.retort("run", "r.yaml", "-q", *settings(SPEECH))
        self.says(out, "valid     top-1", "test      top-1", "runs/r/model.safetensors")
        self.assertRegex(err, r"\A(retort: \d+ samples have the same recording as one before.*\n)?\Z")


if __name__ == "__main__":
    unittest.main()
