# SPDX-License-Identifier: MIT
# What the end-to-end tests share: a small real data set in a temporary folder, the program run in it,
# and the files it writes read back. Not a test. Standard library only.
"""from end_to_end import EndToEnd, PROGRAM: a test script's first argument is the path of retort."""

import functools
import hashlib
import json
import math
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
STAMPS = "/usr/share/tuxpaint/stamps"
LABELS = ("animals", "food", "household", "vehicles")
LANGUAGES = ("", "_es", "_fr", "_de", "_el", "_gos", "_ca")
COLUMNS = ("id", "split", "label", "group", "speech", "image", "text")
# Under a sanitizer all takes five times as long: runs that are interrupted or steered then have fewer epochs, as they
# last as long; and what asks for the same bytes of the same code is asked of the plain build alone (`plain_only`).
SANITIZED = os.environ.get("RT_SANITIZE", "none") != "none"
LONG = 40 if SANITIZED else 100  # epochs
PATIENCE = 600  # seconds before a run counts as stuck: sanitizers, and other work on the machine, make all slow
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup, and a run keeps what was ignored before

# A student that learns in a second. Threads are given, so that machines with other cores do the same.
SPEECH = {
    "speech.bands": "40", "speech.frames": "48", "student.modality": "speech", "student.net": "cnn1d",
    "student.width": "12", "student.embedding": "16", "train.batch": "12", "train.epochs": "3",
    "train.threads": "1", "pipeline.decoders": "1", "augment.time_masks": "1",
}
TEXT = {
    "student.modality": "text", "student.net": "textbag", "student.width": "16", "text.buckets": "1024",
    "student.embedding": "24", "train.batch": "12", "train.epochs": "6", "train.lr": "0.01",
    "train.threads": "1", "pipeline.decoders": "1",
}


plain_only = unittest.skipIf(SANITIZED, "the same code as in other tests, again: its bytes are compared in the plain build")


def recording(stem):
    for language in LANGUAGES:
        path = os.path.join(STAMPS, stem + "_desc" + language + ".ogg")
        if os.path.exists(path) and os.path.getsize(path) < 40000:
            return path
    return None


@functools.lru_cache(None)
def stamps(count):
    """The first `count` stamps with speech, picture and text, as many of each label."""
    found = {label: [] for label in LABELS}
    for label in LABELS:
        for folder, folders, files in os.walk(os.path.join(STAMPS, label)):
            folders.sort()
            for file in sorted(files):
                stem = os.path.relpath(os.path.join(folder, file), STAMPS)[:-4]
                picture = os.path.join(STAMPS, stem + ".png")
                if file.endswith(".txt") and recording(stem) and os.path.exists(picture):
                    with open(os.path.join(STAMPS, stem + ".txt"), encoding="utf-8", errors="replace") as f:
                        text = " ".join(f.readline().split())
                    found[label].append((stem, label, recording(stem), picture, text))
    every = count // len(LABELS)
    return [stamp for label in LABELS for stamp in found[label][:every]]


def rows(count):
    """Rows of a manifest as lists; of ten in a row six train, two validate, two test."""
    out = []
    for i, (stem, label, speech, image, text) in enumerate(stamps(count)):
        split = "train" if i % 10 < 6 else "valid" if i % 10 < 8 else "test"
        out.append([stem, split, label, "", speech, image, text])
    return out


def write_manifest(path, table, columns=COLUMNS):
    with open(path, "w", encoding="utf-8") as f:
        for row in [columns] + table:
            f.write("\t".join(row) + "\n")
    return path


def read_tensors(path):
    """A safetensors file: ({name: (dtype, shape, bytes)}, texts)."""
    with open(path, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        head = json.loads(f.read(size))
        data = f.read()
    texts = head.pop("__metadata__", {})
    tensors = {name: (t["dtype"], tuple(t["shape"]), data[slice(*t["data_offsets"])])
               for name, t in head.items()}
    return tensors, texts


def read_npy(path):
    """A float32 matrix: (shape, values), by NumPy's documented header."""
    with open(path, "rb") as f:
        magic, major, minor = f.read(6), *f.read(2)
        assert magic == b"\x93NUMPY" and (major, minor) == (1, 0), (magic, major, minor)
        size, = struct.unpack("<H", f.read(2))
        assert (10 + size) % 64 == 0, size
        head, data = f.read(size).decode("latin-1"), f.read()
    assert head.endswith("\n") and "'descr': '<f4'" in head and "'fortran_order': False" in head, head
    shape = tuple(int(n) for n in re.search(r"'shape': \((\d+), (\d+)\)", head).groups())
    assert len(data) == 4 * shape[0] * shape[1], (len(data), shape)
    return shape, struct.unpack("<%df" % (shape[0] * shape[1]), data)


def wav(*channels, rate=16000, size=None):
    body = b"".join(struct.pack("<%dh" % len(frame), *(int(v * 32767) for v in frame)) for frame in zip(*channels))
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, len(channels), rate, rate * len(channels) * 2, len(channels) * 2, 16)
    return (b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVE" + head + b"data" +
            struct.pack("<I", len(body) if size is None else size) + body)


def voice(pitch, seed, seconds=0.4):
    """A buzz with a syllable rhythm, and a little noise."""
    noise = random.Random(seed)
    return [0.2 * (0.6 + 0.4 * math.sin(25 * t / 16000)) * sum(math.sin(2 * math.pi * pitch * k * t / 16000) / k
            for k in range(1, 6)) + noise.uniform(-.005, .005) for t in range(int(seconds * 16000))]


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def last_checkpoint(run):
    folder = os.path.join(run, "checkpoints")
    steps = sorted(n for n in os.listdir(folder) if re.fullmatch(r"step-\d+\.safetensors", n))
    return os.path.join(folder, steps[-1])


def settings(*groups, **more):
    """-s KEY=VALUE for dictionaries of settings; later ones win. more: "a__b" stands for a.b."""
    merged = {}
    for group in groups:
        merged.update(group)
    merged.update({key.replace("__", "."): str(value) for key, value in more.items()})
    return [word for key in sorted(merged) for word in ("-s", key + "=" + merged[key])]


@unittest.skipUnless(os.path.isdir(STAMPS), "needs the package tuxpaint-stamps-default")
class EndToEnd(unittest.TestCase):
    """A folder for each class; each test runs in a folder of its own inside it."""
    samples = 60

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="retort-test-")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.cache = os.path.join(cls.root, "cache")
        cls.manifest = write_manifest(os.path.join(cls.root, "manifest.tsv"), rows(cls.samples))
        cls.recipe = os.path.join(cls.root, "study.yaml")
        with open(cls.recipe, "w", encoding="utf-8") as f:
            f.write("# a small study\ndata:\n  manifest: manifest.tsv\nseed: 7\n")

    def setUp(self):
        self.here = tempfile.mkdtemp(dir=self.root)

    @classmethod
    def environment(cls, cache=None):
        return dict(os.environ, XDG_CACHE_HOME=cache or cls.cache, LC_ALL="C", TERM="dumb",
                    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")

    def path(self, *parts):
        return os.path.join(self.here, *parts)

    def retort(self, *words, code=0, cache=None, here=None, **more):
        """Runs the program and checks its exit code (None: any but 0); gives (stdout, stderr)."""
        done = subprocess.run([PROGRAM, *words], cwd=here or self.here, env=self.environment(cache),
                              capture_output=True, text=True, timeout=PATIENCE, **more)
        wrong = done.returncode == 0 if code is None else done.returncode != code
        self.assertFalse(wrong, "%s: %d\n%s%s" % (" ".join(words), done.returncode, done.stdout, done.stderr))
        return done.stdout, done.stderr

    def train(self, output, *groups, words=(), **more):
        """A run into the folder `output`; gives (stdout, stderr)."""
        options = {key: more.pop(key) for key in ("code", "cache") if key in more}
        return self.retort("run", self.recipe, "-o", output, "-q", *settings(*groups, **more), *words,
                           **options)

    def start(self, *words, **more):
        """The program in the background."""
        return subprocess.Popen([PROGRAM, *words], cwd=self.here, env=self.environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def query(self, run, sql):
        db = sqlite3.connect("file:%s/run.db?mode=ro" % os.path.join(self.here, run), uri=True)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def says(self, text, *words):
        for word in words:
            self.assertIn(word, text)
