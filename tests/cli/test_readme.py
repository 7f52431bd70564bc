#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The README's command lines, run by a shell as they are printed, in their order, on small data of the layout that they
# speak of. What would take minutes is made short where the line does not see it: in the recipes and in the data.
"""Usage: test_readme.py PATH/TO/retort"""

import io
import os
import re
import shutil
import struct
import subprocess
import tarfile
import time
import unittest
import zlib

from end_to_end import PATIENCE, PROGRAM, EndToEnd, voice, wav, write_manifest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Not run: a line that begins so, and why.
LEFT_OUT = {"./bootstrap": "installs packages and trains for minutes", "PATH=": "the test has a path of its own",
            "retort attach": "needs a terminal", "retort bench": "times the machine"}
COLOURS = {"food-fruit": (200, 60, 40), "animal-mammal": (120, 90, 60), "sky": (60, 90, 220), "plant": (40, 160, 60)}


def lines():
    """Of the README's blocks of code, one a command, in their order."""
    with open(os.path.join(TREE, "README.md"), encoding="utf-8") as f:
        text = re.sub(r" *\\\n +", " ", f.read())
    return [line[4:] for line in text.splitlines() if re.match(r"    (retort |find |\./|PATH=)", line)]


def png(colour, seed, size=16):
    """A square of a colour; every third is nearly flat."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    noise = 2 if seed % 3 == 0 else 30
    rows = b"".join(b"\0" + bytes(max(0, min(255, c + (x * 7 + y * 13 + seed * 29) % 61 * noise // 30 - noise))
                                  for x in range(size) for c in colour) for y in range(size))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Readme(EndToEnd):
    def put(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return name

    def shorten(self, source, name):
        """A recipe that trains for a moment."""
        with open(source, encoding="utf-8") as f:
            text = f.read()
        for key, value in (("steps", 40), ("epochs", 8), ("width", 8), ("batch", 16), ("labels", "100%")):
            text = re.sub(r"(?m)^(  %s: +)[\d.%%]+" % key, r"\g<1>%s" % value, text)
        self.put(name, text)

    def lay_emoji(self):
        table = []
        for i in range(48):
            name, label = "%04X" % (0x1F340 + i), list(COLOURS)[(i + (i % 7 == 0)) % 4]  # some are wrong
            self.put("data/emoji/pictures/%s.png" % name, png(list(COLOURS.values())[i % 4], i))
            table.append([name, ("train", "train", "valid", "test")[i // 4 % 4], label, name,
                          "pictures/%s.png" % name, "%s | %s number %d" % (label, label[:3], i)])
        write_manifest(self.path("data/emoji/manifest.tsv"), table, ("id", "split", "label", "group", "image", "text"))
        for name in ("teacher", "student"):
            self.shorten(os.path.join(TREE, "recipes/emoji/%s.yaml" % name), "recipes/emoji/%s.yaml" % name)

    def lay_speakers(self):
        """Six people to learn from, four of them with a label; three each to choose and to judge by."""
        table, people = [], [("train", 6), ("valid", 3), ("test", 3)]
        for split, count in people:
            for p in range(count):
                for k in range(4):
                    name, who = "%s%03d-%02d" % (split, p, k), "%s%03d" % (split, p)
                    seed = 100 * len(split) + 10 * p + k
                    self.put("data/speakers/voice/%s.wav" % name, wav(voice(90 + 25 * p + 7 * len(split), seed, 0.5)))
                    face = "face/%s.png" % who if split == "train" else ""
                    if face:
                        self.put("data/speakers/" + face, png((40 * p, 200 - 30 * p, 90), 3 * p + 1))
                    table.append([name, split, who if split == "train" and p < 4 else "", who,
                                  "voice/%s.wav" % name, face])
        columns = ("id", "split", "label", "person", "speech", "image")
        write_manifest(self.path("data/speakers/few-g8.tsv"), table, columns)
        write_manifest(self.path("data/speakers/faces.tsv"),
                       [[row[0], "valid" if row[0].endswith("3") else "train", row[3], "", "", row[5]]
                        for row in table if row[5]], columns)
        write_manifest(self.path("people.tsv"), [row[:4] + ["data/speakers/" + row[4]] for row in table], columns[:5])
        self.put("voice.wav", wav(voice(115, 5, 0.5)))
        for split in ("valid", "test"):
            trials = ["%d %s%03d-00 %s%03d-%02d" % (p == q, split, p, split, q, k)
                      for p in range(3) for q in range(3) for k in (1, 2, 3)]
            self.put("data/speakers/trials-" + split, "\n".join(trials) + "\n")
        self.put("data/speakers/trials-noisy", "\n".join(trials) + "\n")
        for name in ("teacher", "student"):
            self.shorten(os.path.join(TREE, "recipes/speakers/%s.yaml" % name), "recipes/speakers/%s.yaml" % name)

    def lay_own(self):
        """Pictures in folders with a table of texts; what manifests are made from; somebody else's model."""
        shutil.copyfile(os.path.join(TREE, "tests/golden/onnx_resnet.onnx"), self.path("resnet50.onnx"))
        texts = ["file,text"]
        for i in range(40):
            label = list(COLOURS)[i % 4]
            self.put("photos/%s/%d.png" % (label, i), png(COLOURS[label], i))
            texts.append("%d.png,%s number %d" % (i, label, i))
        self.put("texts.csv", "\n".join(texts) + "\n")
        sounds = [self.put("sounds/%d.wav" % i, wav(voice(100 + 40 * (i % 2), i, 0.2))) for i in range(6)]
        self.put("table.csv", "file,path,speaker\n" + "".join("%d,%s,%s\n" % (i, s, "ab"[i % 2])
                                                               for i, s in enumerate(sounds)))
        self.put("data/train/wav.scp", "".join("u%d %s\n" % (i, self.path(s)) for i, s in enumerate(sounds)))
        self.put("data/train/utt2spk", "".join("u%d %s\n" % (i, "ab"[i % 2]) for i in range(6)))
        os.mkdir(self.path("shards"))
        for k in range(100):
            with tarfile.open(self.path("shards/x-%03d.tar" % k), "w") as tar:
                for ending, data in (("png", png(COLOURS["sky"], k)), ("cls", b"sky\n")):
                    info = tarfile.TarInfo("%d.%s" % (k, ending))
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        for i in range(4):
            self.put("VoxCeleb1/wav/id1000%d/abcdefghijk/0000%d.wav" % (i % 2 + 1, i), wav(voice(100, i, 0.2)))

    def shell(self, line):
        done = subprocess.run(["sh", "-c", line], cwd=self.here, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE, env=dict(self.environment(), PATH=os.path.dirname(PROGRAM) + ":" +
                                                         os.environ["PATH"]))
        self.assertEqual(done.returncode, 0, "%s\n%s%s" % (line, done.stdout[-2000:], done.stderr[-2000:]))
        self.assertNotIn("AddressSanitizer", done.stderr)

    def go_on(self):
        """The run that the lines with `ctl` steer: the student's, made longer; its folder is put back afterwards."""
        shutil.copytree(self.path("runs/student"), self.path("kept"))
        self.live = self.start("run", "--resume", "-o", "runs/student", "--steps", "100000000", "-q")
        self.addCleanup(self.live.communicate)
        self.addCleanup(self.live.kill)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.live.poll() is None:
            asked = self.start("ctl", "runs/student", "status")
            asked.communicate()
            if asked.returncode == 0:
                return
        self.fail("no run to steer: %s" % (self.live.communicate(),))

    def stop(self):
        self.retort("ctl", "runs/student", "stop")
        self.live.communicate()
        shutil.rmtree(self.path("runs/student"))
        os.rename(self.path("kept"), self.path("runs/student"))
        self.live = None

    def test_lines(self):
        if os.path.basename(PROGRAM) != "retort":
            self.skipTest("the program is called otherwise")
        self.lay_emoji()
        self.lay_speakers()
        self.lay_own()
        found, self.live = lines(), None
        self.assertGreater(len(found), 35)
        for line in found:
            if any(line.startswith(begin) for begin in LEFT_OUT):
                continue
            steers = line.startswith("retort ctl runs/student ")
            if steers and not self.live:
                self.go_on()
            elif not steers and self.live:
                self.stop()
            self.shell(line)
            if line.startswith("retort init"):
                for name in ("teacher", "student"):
                    self.shorten(self.path("pets/%s.yaml" % name), "pets/%s.yaml" % name)


if __name__ == "__main__":
    unittest.main()
