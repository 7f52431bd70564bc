#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# libretort as others meet it: installed and found by pkg-config, linked shared and static, from Python, on a stream; the
# bits of `retort embed`; which libraries it needs and which names it shows.
"""Usage: test_library.py PATH/TO/retort BUILD"""

import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import unittest

BUILD = os.path.abspath(sys.argv.pop(2))
from end_to_end import PATIENCE, SPEECH, EndToEnd, read_npy, read_tensors  # noqa: E402

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "library", "examples")
SHARED = os.path.join(BUILD, "library", "libretort.so")
FOREIGN = re.compile(r"lib(uv|ncurses\w*|tinfo|sqlite\w*|zstd|chafa|glib\S*)\.so")


def run(*command, code=0, **how):
    """Standard output of a command, as bytes, and its standard error as text."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, **how)
    if done.returncode != code:
        raise AssertionError("%s: %d\n%s" % (" ".join(command), done.returncode, done.stderr.decode()))
    return done.stdout, done.stderr.decode()


def float32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


class Library(EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = os.path.join(cls.root, "words")
        first = cls("test_examples_give_the_bits_of_embed")
        first.here = cls.root
        first.train(cls.model, SPEECH)
        ids, _ = first.retort("embed", cls.model, cls.manifest, "-o", "all.npy")
        (count, cls.dim), values = read_npy(os.path.join(cls.root, "all.npy"))
        with open(cls.manifest, encoding="utf-8") as f:
            head, *lines = [line.rstrip("\n").split("\t") for line in f]
        sound = {line[head.index("id")]: os.path.join(cls.root, line[head.index("speech")]) for line in lines}
        cls.files = [sound[i] for i in ids.split()][:8]
        cls.embeddings = [list(values[i * cls.dim:(i + 1) * cls.dim]) for i in range(len(cls.files))]

    def test_only_what_inference_needs_is_linked(self):
        needed = re.findall(r"NEEDED +(\S+)", run("objdump", "-p", SHARED)[0].decode())
        self.assertIn("libc.so.6", needed)
        self.assertEqual([name for name in needed if FOREIGN.match(name)], [])
        for names in (("nm", "-D", "--defined-only", SHARED), ("nm", "-g", "--defined-only", SHARED[:-3] + ".a")):
            shown = [line.split()[-1] for line in run(*names)[0].decode().split("\n") if len(line.split()) == 3]
            self.assertIn("retort_open", shown)
            self.assertEqual([name for name in shown if not name.startswith("retort_")], [])

    def test_examples_give_the_bits_of_embed(self):
        env = dict(os.environ, RETORT_LIBRARY=SHARED)
        said, _ = run(sys.executable, os.path.join(EXAMPLES, "classify.py"), self.model, *self.files, env=env)
        answers = [json.loads(line) for line in said.decode().splitlines()]
        self.assertEqual([a["embedding"] for a in answers], self.embeddings)
        for a in answers:
            self.assertAlmostEqual(math.fsum(a["posteriors"]), 1, places=5)
            self.assertEqual(a["probability"], max(a["posteriors"]))
        for program in ("classify", "classify_static"):
            said, _ = run(os.path.join(BUILD, "library", program), self.model, *self.files)
            lines = [line.split("\t") for line in said.decode().splitlines()]
            self.assertEqual([(line[0], line[1], float32(float(line[2])), float32(float(line[3]))) for line in lines],
                             [(a["file"], a["label"], a["probability"], a["embedding"][0]) for a in answers])

    def test_posteriors_are_those_of_predict(self):
        """Of a model that was calibrated, too: the temperature is in its file, where `eval --calibrate` puts it."""
        self.retort("export", self.model, "-o", "cal.safetensors")
        with open(self.path("cal.safetensors"), "rb") as f:
            size, = struct.unpack("<Q", f.read(8))
            head, weights = json.loads(f.read(size)), f.read()
        head["__metadata__"].pop("retort.digest")
        head["__metadata__"]["retort.temperature"] = "2.5"
        text = json.dumps(head).encode()
        with open(self.path("cal.safetensors"), "wb") as f:
            f.write(struct.pack("<Q", len(text) + -len(text) % 8) + text + b" " * (-len(text) % 8) + weights)
        env = dict(os.environ, RETORT_LIBRARY=SHARED)
        for model in (self.model, self.path("cal.safetensors")):
            said, _ = run(sys.executable, os.path.join(EXAMPLES, "classify.py"), model, *self.files, env=env)
            library = [json.loads(line) for line in said.decode().splitlines()]
            said, _ = self.retort("predict", model, *self.files, "--json", "--top", "1000")
            for have, line in zip(library, said.splitlines(), strict=True):
                want = json.loads(line)
                self.assertEqual(have["label"], want["label"])
                # Nine digits of a double, here, and the nearest float there.
                for p, q in zip(sorted(have["posteriors"]), sorted(top["p"] for top in want["top"]), strict=True):
                    self.assertAlmostEqual(p, q, delta=1e-7)

    def test_half_as_large(self):
        """Half the weights' bytes, nearly the same answers, and the library reads it."""
        for words in ((), ("--half", "--on", self.manifest)):
            said, _ = self.retort("export", self.model, "-o", "half%d.safetensors" % len(words), *words)
        self.assertRegex(said, r"top-1 [\d.]+ % before, [\d.]+ % after, \d+ samples")
        self.assertRegex(said, r"cosine (1\.0|0\.999)\d* on average")
        whole, half = (sum(len(t[-1]) for t in read_tensors(self.path("half%d.safetensors" % n))[0].values())
                       for n in (0, 3))
        self.assertLess(half, 0.6 * whole)  # batch-norm's statistics stay as they are
        said, _ = run(os.path.join(BUILD, "library", "classify"), self.path("half3.safetensors"), self.files[0])
        self.assertAlmostEqual(float(said.split()[-1]), self.embeddings[0][0], places=2)
        said, _ = self.retort("export", self.model, "-o", "half.onnx", "--half", "--on", self.manifest)
        self.assertRegex(said, r"cosine (1\.0|0\.999)\d* on average")
        self.retort("export", self.model, "-o", "whole.onnx")
        saved = os.path.getsize(self.path("whole.onnx")) - os.path.getsize(self.path("half.onnx"))
        self.assertAlmostEqual(saved, whole - half, delta=0.1 * saved)
        self.retort("export", "--check", "half.onnx")

    def test_a_file_that_fails_stops_no_other(self):
        said, err = run(os.path.join(BUILD, "library", "classify"), self.model, "none.wav", self.files[0], code=1)
        self.assertEqual(len(said.splitlines()), 1)
        self.says(err, "none.wav")
        _, err = run(os.path.join(BUILD, "library", "classify"), "no-model", self.files[0], code=1)
        self.says(err, "no-model")

    def test_a_stream_has_a_label_every_half_second(self):
        samples = [int(8000 * math.sin(i * 0.05) * (1 + math.sin(i * 0.0003))) for i in range(3 * 16000)]
        said, err = run(os.path.join(BUILD, "library", "stream"), self.model, "16000", "1",
                        input=struct.pack("<%dh" % len(samples), *samples))
        lines = [line.split("\t") for line in said.decode().splitlines()]
        self.assertEqual([line[0] for line in lines], ["%.2f s" % (0.5 * i) for i in range(1, 7)])
        self.assertTrue(all(re.fullmatch(r"[\d.]+ ms", line[3]) for line in lines), lines)
        self.assertRegex(err, r"6 answers: median [\d.]+ ms, 99th percentile [\d.]+ ms, longest [\d.]+ ms")

    def test_installed_it_is_found(self):
        """What is installed is enough: header, pkg-config file, library."""
        place = self.path("installed")
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", place)
        found = [os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names]
        header, = [f for f in found if f.endswith("/include/retort.h")]
        pc, = [f for f in found if f.endswith("/retort.pc")]
        prefix = os.path.dirname(os.path.dirname(header))
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(pc))
        how = ["pkg-config", "--define-variable=prefix=" + prefix, "retort", "--cflags", "--libs"]
        flags = run(*how, env=env)[0].decode().split()
        compiler = shutil.which("cc") or shutil.which("gcc")
        run(compiler, os.path.join(EXAMPLES, "classify.c"), "-o", self.path("classify"), *flags)
        env["LD_LIBRARY_PATH"] = os.path.dirname([f for f in found if f.endswith("libretort.so.0")][0])
        said, _ = run(self.path("classify"), self.model, self.files[0], env=env)
        self.assertEqual(float32(float(said.split()[-1])), self.embeddings[0][0])


if __name__ == "__main__":
    unittest.main()
