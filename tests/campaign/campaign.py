# SPDX-License-Identifier: MIT
# What the campaigns share: a small run of words, its folder, and a last line that says figure and bound. Not a test of
# CI: each script runs for minutes to hours, by hand. Standard library only.
"""from campaign import ...: a script's first argument is the path of retort."""

import atexit
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

WORDS = "red green blue one two three four five six seven eight nine".split()
SETTINGS = {"student.modality": "text", "student.net": "textbag", "student.width": 16, "student.embedding": 24,
            "text.buckets": 1024, "train.batch": 12, "train.threads": 1, "pipeline.decoders": 1, "train.warmup": 0,
            "seed": 5, "run.keep": 3}

# For Open MPI: as root, with more processes than cores, and where one may not read another's memory.
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
       "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}


class Lab:
    """A folder with a manifest and a recipe; gone with the process."""

    def __init__(self, rows=600, **more):
        self.program = os.path.abspath(sys.argv[1])
        self.root = tempfile.mkdtemp(prefix="retort-campaign-")
        self.recipe = os.path.join(self.root, "recipe.yaml")
        self.settings = dict(SETTINGS, **{k.replace("__", "."): v for k, v in more.items()})
        write_words(os.path.join(self.root, "words.tsv"), rows)
        with open(self.recipe, "w", encoding="utf-8") as f:
            f.write("data:\n  manifest: words.tsv\n")

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def environment(self):
        return dict(os.environ, XDG_CACHE_HOME=self.path("cache"), TERM="dumb", LC_ALL="C.UTF-8")

    def words(self, output, resume=False):
        if resume:
            return ["run", "--resume", "-o", self.path(output), "-q"]
        return ["run", self.recipe, "-o", self.path(output), "-q"] + \
            [w for k, v in sorted(self.settings.items()) for w in ("-s", "%s=%s" % (k, v))]

    def run(self, *words, before=(), timeout=600, **more):
        return subprocess.run([*before, self.program, *words], env=self.environment(), capture_output=True,
                              text=True, errors="replace", timeout=timeout, **more)

    def start(self, *words):
        run = subprocess.Popen([self.program, *words], env=self.environment(), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
        atexit.register(run.kill)  # a campaign that fails leaves no run behind
        return run

    def wait_socket(self, run, name="run"):
        """The socket of a run that was started, once it is there; a run that ended instead says why."""
        path = self.path(name, "socket")
        wait_for(lambda: os.path.exists(path) or run.poll() is not None)
        if run.poll() is not None:
            sys.exit("the run ended: %s" % run.communicate()[1])
        return path


def write_words(path, rows):
    draw = random.Random(1)
    with open(path, "w", encoding="utf-8") as f:
        f.write("id\tsplit\tlabel\ttext\n")
        for i in range(rows):
            f.write("s%d\t%s\t%s\t%s\n" % (i, "valid" if i % 10 == 0 else "train", WORDS[i % 3],
                                           " ".join(draw.choices(WORDS, k=8))))


def outcome(run):
    """Digests of the result and of the checkpoints that are left."""
    found = {}
    folder = os.path.join(run, "checkpoints")
    for path in [os.path.join(run, "model.safetensors")] + [os.path.join(folder, n) for n in sorted(os.listdir(folder))]:
        with open(path, "rb") as f:
            found[os.path.relpath(path, run)] = hashlib.sha256(f.read()).hexdigest()
    return found


def wait_for(what, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError("nothing happened for %d s" % seconds)


def verdict(good, figure, bound):
    """The last line, and the exit code."""
    print("%s  %s (bound: %s)" % ("held  " if good else "BROKEN", figure, bound))
    sys.exit(0 if good else 1)
