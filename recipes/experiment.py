# SPDX-License-Identifier: MIT
# What the demo and table scripts of the data sets share: settings x seeds as runs of retort, some at a
# time, each only once (a finished run folder is not run again), and the table of what came out.
# Python 3 standard library only; nothing here knows a data set.
"""Usage from a script: see recipes/emoji/table."""

import concurrent.futures
import math
import os
import sqlite3
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RETORT = os.environ.get("RETORT", os.path.join(ROOT, "build", "tui", "retort"))

# Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom.
T95 = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
       2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086)


class Run:
    """One run: a recipe, overrides, a folder. After train(), metric() reads its results."""

    def __init__(self, recipe, folder, settings=()):
        self.recipe, self.folder, self.settings = recipe, folder, list(settings)

    def command(self):
        overrides = [x for s in self.settings for x in ("-s", s)]
        return [RETORT, "run", self.recipe, "-o", self.folder, "-q", *overrides]

    def done(self):
        return os.path.exists(os.path.join(self.folder, "student.safetensors"))

    def train(self):
        if self.done():
            return self
        command = self.command()
        if os.path.isdir(self.folder):
            command.append("--resume")
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise SystemExit("%s\nfailed (%d): %s" % (" ".join(command), result.returncode,
                                                      result.stderr.strip()))
        return self

    def metric(self, split, name="final.top1"):
        db = sqlite3.connect(os.path.join(self.folder, "run.db"))
        row = db.execute("SELECT value FROM metrics WHERE split = ? AND name = ?"
                         " ORDER BY step DESC LIMIT 1", (split, name)).fetchone()
        db.close()
        return row[0] if row else float("nan")


def train_all(runs, at_once=None):
    """Trains runs, one core each, as many at once as there are cores; tells on stderr as they end."""
    at_once = at_once or len(os.sched_getaffinity(0))
    waiting = [r for r in runs if not r.done()]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        jobs = {pool.submit(r.train): r for r in waiting}
        for n, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            run = job.result()
            print("%3d/%d %s: test %.1f %%" % (n, len(waiting), os.path.relpath(run.folder, ROOT),
                                               100 * run.metric("test")), file=sys.stderr)
    return runs


def mean(x):
    return sum(x) / len(x)


def spread(x):
    return math.sqrt(sum((v - mean(x)) ** 2 for v in x) / (len(x) - 1)) if len(x) > 1 else 0.0


def interval(x):
    """95 % interval of the mean of paired differences."""
    if len(x) < 2:
        return (float("nan"), float("nan"))
    half = T95[min(len(x) - 2, len(T95) - 1)] * spread(x) / math.sqrt(len(x))
    return (mean(x) - half, mean(x) + half)


def row(name, values, base):
    cells = ["%-34s" % name, "%5.1f" % (100 * mean(values)),
             "%4.1f" % (100 * spread(values)) if len(values) > 1 else "   -"]
    if base is None or base is values:
        cells.append("")
    else:
        d = [a - b for a, b in zip(values, base)]
        text = "%+5.1f" % (100 * mean(d))
        if len(d) > 1:
            text += " [%.1f, %.1f]" % tuple(100 * v for v in interval(d))
        cells.append(text)
    return "| " + " | ".join(cells) + " |"


def table(title, results, base):
    """results: {setting: [test top-1 per seed]}; base: the setting the differences are paired to."""
    seeds = len(next(iter(results.values())))
    lines = ["| %s | test top-1 %% | spread | difference to %s%s |"
             % (title, base, " (95 % interval)" if seeds > 1 else ""), "|---|---|---|---|"]
    lines += [row(name, values, results[base]) for name, values in results.items()]
    return "\n".join(lines)
