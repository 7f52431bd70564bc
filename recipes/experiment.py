# SPDX-License-Identifier: MIT
# What the demo and table scripts of the data sets share: settings x seeds as runs of retort, some at a
# time, each only once (a finished run is not run again while its recipe stays), and the table of what came out.
# Python 3 standard library only; nothing here knows a data set.
"""Usage from a script: see recipes/emoji/table."""

import argparse
import concurrent.futures
import math
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

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
        """Finished, with the recipe and the teacher as they are now."""
        made = os.path.join(self.folder, "student.safetensors")
        if not os.path.exists(made) or not self.same_recipe():
            return False
        teachers = [s.split("=", 1)[1] for s in self.settings if s.startswith("teacher.model=")]
        return not any(os.path.getmtime(os.path.join(t, "student.safetensors")) > os.path.getmtime(made)
                       for t in teachers)

    def same_recipe(self):
        try:
            with open(os.path.join(self.folder, "recipe.yaml"), encoding="utf-8") as f:
                before = f.read()
        except FileNotFoundError:
            return False
        now = subprocess.run([*self.command(), "--print-recipe"], capture_output=True, text=True,
                             check=False)
        return now.stdout == before

    def train(self):
        if self.done():
            return self
        command = self.command()
        if os.path.exists(os.path.join(self.folder, "recipe.yaml")):
            if self.same_recipe() and not os.path.exists(os.path.join(self.folder, "student.safetensors")):
                command.append("--resume")
            else:
                shutil.rmtree(self.folder)  # of another recipe, or of an older teacher
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
    """Trains runs, one core each, as many at once as there are cores; tells on stderr as they end.
    After a failure or Ctrl-C no further run starts; those under way end first, at a checkpoint."""
    at_once = at_once or len(os.sched_getaffinity(0))
    waiting = [r for r in runs if not r.done()]
    if waiting:
        print("training %d of %d runs, %d at once" % (len(waiting), len(runs), min(at_once, len(waiting))),
              file=sys.stderr)
    pool = concurrent.futures.ThreadPoolExecutor(at_once)
    over = threading.Event()

    def train(run):  # says itself that it failed: its thread takes the next run before anyone else hears of it
        if over.is_set():
            return None
        try:
            return run.train()
        except BaseException:
            over.set()
            raise

    try:
        jobs = {pool.submit(train, r): r for r in waiting}
        for n, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            run = job.result()
            if run is None:
                continue
            print("%3d/%d %s: test %.1f %%" % (n, len(waiting), os.path.relpath(run.folder, ROOT),
                                               100 * run.metric("test")), file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    finally:
        over.set()
        pool.shutdown()
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


def slug(title):
    """A title as a folder's name, one that a shell takes without quotes."""
    return re.sub("[^a-z0-9]+", "-", title.lower())


class Experiment:
    """One data set's comparison. teachers: {name: recipe}; student: recipe; settings: {title: (teacher
    or None, overrides)}, the first being what the others are compared with. Recipes lie beside the
    script. Every seed has its own teachers: they see the labels that its students see."""

    def __init__(self, name, teachers, student, settings, manifest=None, title=None):
        self.title = title or name
        self.name, self.teachers, self.student, self.settings = name, teachers, student, settings
        self.manifest = manifest

    def recipe(self, file):
        return os.path.join(ROOT, "recipes", self.name, file)

    def common(self, seed, extra):
        own = ["seed=%d" % seed, "train.threads=1", *extra]
        return own + (["data.manifest=" + self.manifest] if self.manifest else [])

    def run(self, folder, seeds, extra=()):
        """Returns (teachers, students): {name or title: [Run per seed]}, all trained."""
        self.seeds = list(seeds)
        teachers = {t: [Run(self.recipe(file), os.path.join(folder, "%s-%d" % (slug(t), s)),
                            self.common(s, ())) for s in seeds]
                    for t, file in self.teachers.items()}
        train_all([r for runs in teachers.values() for r in runs])
        students = {}
        for title, (teacher, overrides) in self.settings.items():
            runs = []
            for i, s in enumerate(seeds):
                model = ["teacher.model=" + teachers[teacher][i].folder] if teacher else []
                runs.append(Run(self.recipe(self.student), os.path.join(folder, "%s-%d" % (slug(title), s)),
                                self.common(s, [*model, *overrides, *extra])))
            students[title] = runs
        train_all([r for i in range(len(seeds)) for runs in students.values() for r in [runs[i]]])
        return teachers, students

    def text(self, teachers, students):
        tests = {title: [r.metric("test") for r in runs] for title, runs in students.items()}
        lines = [table(self.title, tests, next(iter(self.settings))),
                 "\nSeed%s %s." % ("s" if len(self.seeds) > 1 else "",
                                  ", ".join(str(s) for s in self.seeds))]
        for name, runs in teachers.items():
            lines.append("\n%s on the test split: %.1f %%." % (
                name[0].upper() + name[1:], 100 * mean([r.metric("test") for r in runs])))
        return "".join(line if line.startswith("\n") else line + "\n" for line in lines) + "\n"


def demo(experiment, extra=()):
    """Every setting once: a first look, some minutes."""
    began = time.monotonic()
    folder = os.path.join(ROOT, "runs", "demo-" + experiment.name)
    teachers, students = experiment.run(folder, [1], extra)
    print(experiment.text(teachers, students))
    print("One seed: differences of a few points are noise; recipes/%s/table runs five.\n"
          "Runs lie in %s; look at one: build/tui/retort inspect %s --sort quality -n 20"
          % (experiment.name, os.path.relpath(folder, ROOT),
             os.path.relpath(list(students.values())[-1][0].folder, ROOT)))
    print("%.0f s" % (time.monotonic() - began), file=sys.stderr)


def write_readme(name, text):
    path = os.path.join(ROOT, "README.md")
    with open(path, encoding="utf-8") as f:
        page = f.read()
    begin, end = "<!-- table %s -->\n" % name, "<!-- end of table %s -->" % name
    if begin not in page or end not in page:
        raise SystemExit("README.md has no place '%s'" % begin.strip())
    head, rest = page.split(begin, 1)
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + begin + text + end + rest.split(end, 1)[1])


def main(experiment, description):
    """The command line of a table script."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--seeds", default="11-15", help="first-last (default %(default)s: not those the "
                   "settings were chosen with)")
    p.add_argument("--readme", action="store_true", help="put the table into README.md")
    p.add_argument("--runs", default=os.path.join(ROOT, "runs", "table-" + experiment.title),
                   help="folder of the runs; finished ones are not run again")
    a = p.parse_args()
    first, last = (int(x) for x in a.seeds.split("-"))
    if last - first < 2:
        p.error("at least 3 seeds")
    text = experiment.text(*experiment.run(os.path.abspath(a.runs), list(range(first, last + 1))))
    print(text)
    if a.readme:
        write_readme(experiment.title, text)
