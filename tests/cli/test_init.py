#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# `retort init`, as somebody with data of their own uses it: pictures in folders and a table of texts become a trained
# student and an ONNX file by three commands and no file written by hand; the other kinds of source; what is said of
# data that are not as they should be.
"""Usage: test_init.py PATH/TO/retort"""

import json
import os
import pty
import shlex
import shutil
import struct
import subprocess
import unittest
import wave
import zlib

from end_to_end import PATIENCE, PROGRAM, EndToEnd

KINDS = ("apple", "leaf", "sea")


def png(path, colour, side=16):
    """A picture of one colour with a line through it, by the format's own rules."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    row = b"\0" + bytes(colour) * (side - 2) + bytes(6)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(row * side)) + chunk(b"IEND", b""))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


class Init(EndToEnd):
    def pictures(self, each, folder="photos"):
        """(name, text) of pictures in a folder for each kind."""
        made = []
        for k, kind in enumerate(KINDS):
            os.makedirs(self.path(folder, kind), exist_ok=True)
            for i in range(each):
                colour = [40 + i, 40 + i, 40 + i]
                colour[k] = 220 - i
                png(self.path(folder, kind, "%s%d.png" % (kind, i)), colour)
                made.append(("%s%d.png" % (kind, i), "%s, the %dth" % (kind, i)))
        return made

    def table(self, rows, head="file,words", name="texts.csv"):
        write(self.path(name), head + "\n" + "".join('"%s"\n' % '","'.join(row) for row in rows))

    def rows_of(self, folder="."):
        with open(self.path(folder, "manifest.tsv"), encoding="utf-8") as f:
            head, *lines = [line.rstrip("\n").split("\t") for line in f]
        return {row[0]: dict(zip(head, row)) for row in lines}

    def test_three_commands(self):
        """The commands are those that init prints; only the epochs are cut."""
        made = self.pictures(20)
        self.table(made[:-1] + [("none.png", "nobody")])  # one picture without a text, one text without a picture
        png(self.path("photos", "sea", "broken.png"), (1, 2, 3))
        with open(self.path("photos", "sea", "broken.png"), "r+b") as f:
            f.truncate(30)
        out, err = self.retort("init", "photos", "texts.csv", "-o", "my pets")
        self.says(out, 'image     column "file"', 'text      column "words"', "label     the folder that each file lies in",
                  "classes   3: sea 21, apple 20, leaf 20", "2 cannot be used", "student   reads image",
                  "teacher   reads text")
        self.says(err, "1 of 60 files do not exist", "2 files below")
        rows = self.rows_of("my pets")
        self.assertEqual((rows["apple3.png"]["label"], rows["apple3.png"]["text"]), ("apple", "apple, the 3th"))
        self.assertEqual(rows["sea/sea19.png"]["text"], "")
        splits = [row["split"] for row in rows.values()]
        self.assertTrue(splits.count("train") > 40 and splits.count("valid") > 3 and splits.count("test") > 8, splits)
        commands = [shlex.split(line) for line in out.split("Next:\n")[1].splitlines()]
        self.assertEqual(len(commands), 3)
        for i, words in enumerate(commands[:2]):
            self.assertEqual(words[:2], ["retort", "run"])
            out, err = self.retort(*words[1:], "-s", "train.epochs=8", "-s", "train.threads=1")
            self.says(out, ("model     text textbag", "student   image cnn2d")[i], "test      top-1")
            self.says(err, "student.net: auto is %s" % ("textbag", "cnn2d")[i])
        out, _ = self.retort("run", "my pets/student.yaml", "-o", "again", "--json", "-s", "train.epochs=1")
        found = json.loads(out)
        self.assertEqual([found[key] for key in ("run", "state", "modality", "net", "classes", "samples", "left_out",
                                                 "model")],
                         ["again", "done", "image", "cnn2d", 3, 62, 2, "again/model.safetensors"])
        self.assertEqual(found["test"]["samples"], splits.count("test") - sum(
            row["split"] == "test" and (not row["label"] or "broken" in row["id"]) for row in rows.values()))
        self.assertTrue(0 <= found["test"]["top1"] <= found["test"]["top5"] <= 1)
        out, _ = self.retort("run", "my pets/student.yaml", "-o", "again", "--json", code=2)
        self.assertEqual(json.loads(out)["state"], "failed")
        self.says(json.loads(out)["error"], "already holds a run")
        out, _ = self.retort("export", "--check", "my pets/student.onnx")
        self.says(out, "3 classes", "off the golden outputs by")
        with open(self.path("my pets", "student", "recipe.yaml"), encoding="utf-8") as f:
            self.assertIn("net: cnn2d", f.read())  # what auto was is kept
        for folder in ("plain", "it's \"$HOME\"", "$(date)"):
            out, _ = self.retort("init", "photos", "--unread", "-o", folder)
            for line in out.split("Next:\n")[1].splitlines():
                self.assertIn(folder + "/student", [word.split(".")[0] for word in shlex.split(line)])

    def test_tables(self):
        """Columns by name and by content; what is not clear is asked for by its option."""
        made = self.pictures(4)
        rows = [(str(i), name[:-4], text, name.rstrip("0123456789.png"), "ab"[i % 2], ("training", "dev", "test")[i % 3])
                for i, (name, text) in enumerate(made)]
        self.table(rows, "key,picture,Caption,kind,hand,subset")
        _, err = self.retort("init", "photos", "texts.csv", "--unread", "--teacher", "none")
        self.says(err, "train 4, valid 4, test 4")
        row = self.rows_of()["0"]
        self.assertEqual((row["image"], row["label"], row["text"], row["kind"]),
                         ("photos/apple/apple0.png", "apple", "apple, the 0th", "apple"))
        self.assertFalse(os.path.exists(self.path("teacher.yaml")))
        os.makedirs(self.path("flat"))
        for name, _ in made:
            os.rename(self.path("photos", name.rstrip("0123456789.png"), name), self.path("flat", name))
        _, err = self.retort("init", "flat", "texts.csv", "-o", "f", code=2)
        self.says(err, "kind or hand may be the label: say which with --label COL")
        out, _ = self.retort("init", "flat", "texts.csv", "-o", "f", "--label", "hand", "--unread")
        self.says(out, 'label     column "hand"', "classes   2: a 6, b 6")
        self.table([("1", "a"), ("1", "b")], "n,words")
        _, err = self.retort("init", "texts.csv", "-o", "g", code=2)
        self.says(err, "no column has a name for each row: say which with --id COL")

    def test_questions(self):
        """On a terminal what is open is asked, and nothing else."""
        made = self.pictures(3, "shelf")
        self.table([("%s" % name, text, "ab"[i % 2], "xyz"[i % 3]) for i, (name, text) in enumerate(made)],
                   "file,words,hand,side")
        os.makedirs(self.path("flat"))
        for name, _ in made:
            os.rename(self.path("shelf", name.rstrip("0123456789.png"), name), self.path("flat", name))
        here, there = pty.openpty()
        done = subprocess.Popen([PROGRAM, "init", "flat", "texts.csv", "-o", "a", "--unread"], cwd=self.here, stdin=there,
                                stdout=there, stderr=there, env=self.environment())
        os.close(there)
        answers, said = [b"side\n", b"9\n", b"2\n"], b""  # a word; a number that there is not; a number
        while True:
            try:
                said += os.read(here, 4096)
            except OSError:  # the program has gone
                break
            if said.endswith(b"> ") and answers:
                os.write(here, answers.pop(0))
        os.close(here)
        self.assertEqual(done.wait(PATIENCE), 0, said)
        self.says(said.decode(), "Which column is the label?", "1  hand  (Enter)", 'label     column "side"',
                  "What will the model read when it is used?", "student   reads text", "teacher   reads image")
        self.assertEqual(answers, [])

    def test_copies(self):
        """The same bytes twice: named by init, inspect and run, and left out of a cleaned table."""
        self.pictures(6)
        shutil.copy(self.path("photos", "sea", "sea0.png"), self.path("photos", "apple", "wrong.png"))
        shutil.copy(self.path("photos", "leaf", "leaf1.png"), self.path("photos", "leaf", "leaf1 again.png"))
        write(self.path("photos", "sea", "page.png"), "<html>gone</html>")
        out, _ = self.retort("init", "photos", "-o", "a")
        self.says(" ".join(out.split()), "warning 2 samples have the same picture as one before, 1 with another label",
                  "-w same_as", "1 cannot be used", "-w reason --columns id,reason,detail")
        out, err = self.retort("inspect", "a/manifest.tsv", "-w", "same_as", "--columns", "id,same_as", "--csv")
        same = dict(line.split(",") for line in out.splitlines()[1:])
        self.assertEqual({frozenset(pair) for pair in same.items()},
                         {frozenset(("leaf/leaf1.png", "leaf/leaf1 again.png")),
                          frozenset(("sea/sea0.png", "apple/wrong.png"))})
        self.says(err, "2 samples have the same picture as one before, 1 with another label")
        out, err = self.retort("inspect", "a/manifest.tsv", "-w", "not reason and not same_as", "--manifest", "b.tsv")
        self.assertEqual(out, "")
        self.says(err, "b.tsv: 18 of 21 rows")
        self.assertNotIn("the same picture", err)
        out, err = self.retort("inspect", "b.tsv", "-w", "label = rock")
        self.assertEqual(len(out.splitlines()), 1)
        self.says(err, "none of 18 samples is as --where says: label = rock")
        _, err = self.retort("inspect", "b.tsv", "--manifest", "b.tsv", code=2)
        self.says(err, "b.tsv is there already")
        _, err = self.retort("run", "a/student.yaml", "-o", "r", "--steps", "1")
        self.says(err, "2 samples have the same picture as one before")
        out, err = self.retort("inspect", "r", "-w", "label = leaf and not reason", "--manifest", "c.tsv")
        self.says(err, "c.tsv: 7 of 21 rows")
        _, err = self.retort("run", "a/student.yaml", "-o", "s", "--steps", "1", "-s", "data.manifest=b.tsv")
        self.assertNotIn("the same picture", err)

    def test_folders_and_lists(self):
        """A folder per class, pairs, Kaldi's lists; no label, few of a class, no partner."""
        self.pictures(3)
        out, _ = self.retort("init", "photos", "-o", "a")
        self.says(out, "image     9 rows", "teacher   none", "retort run a/student.yaml")
        _, err = self.retort("init", "photos", "-o", "a", code=2)
        self.says(err, "a/student.yaml is there already", "--replace")
        write(self.path("photos", "sea", "sea0.txt"), "the sea")
        out, _ = self.retort("init", "photos", "-o", "a", "--replace", "--student", "text")
        self.says(out, "text      1 rows; 8 have none", "student   reads text", "teacher   reads image")
        _, err = self.retort("init", "photos", "-o", "b", "--student", "speech", code=2)
        self.says(err, "--student speech: there is none in the data")
        self.pictures(4, "strewn")  # a stray text among them makes no pairs
        write(self.path("strewn", "leaf", "notes.txt"), "bought in May")
        out, _ = self.retort("init", "strewn", "-o", "strewn-out")
        self.says(out, "image     12 rows", "teacher   none")
        shutil.copy(self.path("strewn", "leaf", "leaf0.png"), self.path("strewn", "leaf", "leaf0.jpg"))  # nor two of one name
        out, err = self.retort("init", "strewn", "-o", "strewn-again")
        self.says(out, "image     13 rows", "1 sample has the same picture as one before")
        self.says(err, "left out: 1 file of another kind than image\n")
        write(self.path("lost.csv"), "file,kind\na.wav,x\nb.wav,y\n")
        _, err = self.retort("init", "lost.csv", "-o", "e", code=1)
        self.says(err, 'column "file" names files (a.wav), of which none is in ', "FOLDER TABLE")
        write(self.path("words", "1.txt"), "one")
        write(self.path("words", "2.txt"), "two")
        os.makedirs(self.path("flat"))
        png(self.path("flat", "1.png"), (9, 9, 9))
        out, _ = self.retort("init", "words", "flat", "-o", "c")
        self.says(out, "warning   no row has a label", "image     1 rows; 1 have none")
        with wave.open(self.path("one.wav"), "wb") as f:
            f.setparams((1, 2, 16000, 16000, "NONE", ""))
            f.writeframes(b"\x10\x20\x30\x00" * 8000)
        write(self.path("kaldi", "wav.scp"), "u1 one.wav\nu2 one.wav\n")
        write(self.path("kaldi", "utt2spk"), "u1 anna\nu2 anna\n")
        out, _ = self.retort("init", "kaldi", "-o", "d", "--split", "1/1/0")
        self.says(out, "classes   1: anna 2", "1 class has fewer than 3 rows", "speech    2 rows", "no row is test")
        with open(self.path("d", "student.yaml"), encoding="utf-8") as f:
            self.assertIn("frames: 96 ", f.read())  # of recordings of a second


if __name__ == "__main__":
    unittest.main()
