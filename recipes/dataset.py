# SPDX-License-Identifier: MIT
# What the prepare scripts of the data sets share: one OUT_DIR, made whole or not at all and only when
# it has to be; manifest.tsv as formats/manifest.h wants it; splits by hash. Each recipes/NAME/prepare
# says what its rows are; nothing here knows a data set. Python 3 standard library only.
"""Usage from a script: dataset.main(dataset.Recipe(name, packages, columns, make), __file__)."""

import argparse
import collections
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

MANIFEST = "manifest.tsv"
PICTURES = "pictures"
RECEIPT = "prepared.txt"
SHARES = {"train": 70, "valid": 10, "test": 20}  # percent of every class

# packages: Debian package -> a path that it installs. make(folder, say) writes any files below
# folder/pictures and returns the rows, each a dict with id, label, group and the other columns; with
# split, too, where the splits are already cut.
# also(folder, rows, say), once the splits are cut: writes what lies beside the manifest, further manifests
# (NAME.tsv) and folders of files.
# few(row): whether it is one of those that --small keeps; without it there is no --small.
Recipe = collections.namedtuple("Recipe", "name packages columns make also few", defaults=(None, None))


class Refusal(Exception):
    """A named reason for which nothing was made."""


def digest(data):
    return hashlib.sha256(data).hexdigest()


def digest_file(path):
    with open(path, "rb") as f:
        return digest(f.read())


class Groups:
    """Union-find: everything joined, directly or over others, ends in one group."""

    def __init__(self):
        self.parent = {}

    def find(self, x):
        self.parent.setdefault(x, x)
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def join(self, a, b):
        self.parent[self.find(b)] = self.find(a)


def assign_splits(rows, name):
    """Sets row["split"]: whole groups, and of every label's rows the shares above. Groups are dealt in
    the order of a hash of their names, so neither file order nor a clock has a say. Each goes where
    Webster's method of dealing out seats puts it: no split is favoured in small classes, and the
    smaller split wins a tie."""
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["group"] or row["id"]].append(row)
    by_label = collections.defaultdict(list)
    for key, members in groups.items():
        count = collections.Counter(r["label"] for r in members)
        label = min(count, key=lambda x: (-count[x], x))
        by_label[label].append((digest(("%s\n%s" % (name, key)).encode()), members))
    for dealt in by_label.values():
        have = dict.fromkeys(SHARES, 0)
        for _, members in sorted(dealt, key=lambda x: x[0]):
            split = min(SHARES, key=lambda s: ((2 * have[s] + len(members)) / SHARES[s], SHARES[s]))
            have[split] += len(members)
            for row in members:
                row["split"] = split


def escape(cell):
    return cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", " ")


def write_manifest(path, columns, rows):
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write("\t".join(columns) + "\n")
        for row in sorted(rows, key=lambda r: r["id"]):
            f.write("\t".join(escape(row[c]) for c in columns) + "\n")


def write_with_known(folder, name, columns, rows):
    """NAME.tsv, and NAME-known.tsv with a column `weight`: 0 for training rows with a cell `damage`, the others at
    mean 1: what weights could do that know all that is wrong."""
    write_manifest(os.path.join(folder, name + ".tsv"), columns, rows)
    train = [row for row in rows if row["split"] == "train"]
    share = sum(not row["damage"] for row in train) / len(train)
    known = [dict(row, weight="" if row["split"] != "train" else "0" if row["damage"] else "%.4f" % (1 / share))
             for row in rows]
    write_manifest(os.path.join(folder, name + "-known.tsv"), (*columns, "weight"), known)


def drop_small_classes(rows, least, what, say):
    count = collections.Counter(r["label"] for r in rows)
    small = sorted(c for c in count if count[c] < least)
    if small:
        say("left out: %d of %d classes, with fewer than %d %s: %s" % (
            len(small), len(count), least, what,
            ", ".join("%s (%d)" % (c, count[c]) for c in small)))
    return [r for r in rows if count[r["label"]] >= least]


def package_version(package):
    try:
        return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], check=True,
                              capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def check_packages(recipe):
    missing = [(p, path) for p, path in recipe.packages.items() if not os.path.exists(path)]
    if missing:
        raise Refusal("not found: %s\ninstall with: apt-get install %s" % (
            ", ".join("%s (package %s)" % (path, p) for p, path in missing),
            " ".join(p for p, _ in missing)))


def origin_of(recipe, script):
    """What OUT_DIR is made from: while these lines stay, it need not be made again."""
    here = os.path.abspath(__file__)
    folders = (os.path.dirname(here), os.path.dirname(script))
    scripts = [script, *sorted(os.path.join(f, x) for f in folders for x in os.listdir(f) if x.endswith(".py"))]
    lines = ["dataset " + recipe.name, "scripts " + digest("".join(map(digest_file, scripts)).encode())]
    lines += ["%s %s" % (p, package_version(p)) for p in sorted(recipe.packages)]
    return "".join(line + "\n" for line in lines)


def contents_of(folder, names):
    """A line for each of these: a manifest's digest, how many files a folder holds, or that it is gone."""
    lines = []
    for name in sorted(names):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            lines.append("folder %s %d" % (name, len(os.listdir(path))))
        elif os.path.exists(path):
            lines.append("manifest %s %s" % (name, digest_file(path)))
        else:
            lines.append("missing %s" % name)
    return "".join(line + "\n" for line in lines)


def names_in(receipt):
    """What a receipt says that the script made."""
    lines = [line.split() for line in receipt.splitlines()]
    return {line[1] for line in lines if len(line) == 3 and line[0] in ("folder", "manifest")}


def is_complete(out, origin, needed=MANIFEST):
    """True: nothing to do. False: make it (again). Refuses a folder that is not ours to replace."""
    entries = set(os.listdir(out)) if os.path.isdir(out) else set()
    if not entries:
        return False
    if RECEIPT not in entries:
        raise Refusal("%s exists, is not empty and was not made by this script (no %s in it): "
                      "give a new folder" % (out, RECEIPT))
    with open(os.path.join(out, RECEIPT), encoding="utf-8") as f:
        receipt = f.read()
    made = names_in(receipt)
    if needed in made and receipt == origin + contents_of(out, made):
        return True
    foreign = sorted(entries - made - {MANIFEST, PICTURES, RECEIPT})
    if foreign:
        raise Refusal("%s has to be made again, but holds %s: move that away first" % (
            out, ", ".join(foreign)))
    for name in sorted(entries & (made | {MANIFEST})):
        path = os.path.join(out, name)
        if os.path.isfile(path) and digest_file(path) not in receipt:
            raise Refusal("%s was changed by hand: keep a copy and remove it, then prepare again" % path)
    return False


def put_in_place(made, out):
    """Renames only: at any moment OUT_DIR is the whole old folder, the whole new one or absent."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(made, 0o777 & ~mask)
    if not os.path.isdir(out):
        os.rename(made, out)
        return
    old = tempfile.mkdtemp(prefix=".old-", dir=os.path.dirname(out))
    os.rename(out, os.path.join(old, "was"))
    os.rename(made, out)
    shutil.rmtree(old)


def report(rows, say):
    splits = collections.Counter(r["split"] for r in rows)
    say("%d samples, %d classes, %d groups: %s" % (
        len(rows), len({r["label"] for r in rows}), len({r["group"] or r["id"] for r in rows}),
        ", ".join("%s %d" % (s, splits[s]) for s in SHARES)))


def prepare(recipe, script, out, say, small=False):
    check_packages(recipe)
    origin = origin_of(recipe, script) + ("small\n" if small else "")
    if is_complete(out, origin):
        return
    parent = os.path.dirname(out)
    os.makedirs(parent, exist_ok=True)
    made = tempfile.mkdtemp(prefix=".%s-" % os.path.basename(out), dir=parent)
    try:
        rows = recipe.make(made, say)
        if not rows:
            raise Refusal("the packages %s hold no usable sample" % ", ".join(recipe.packages))
        if "split" not in rows[0]:
            assign_splits(rows, recipe.name)
        if small:
            rows = [row for row in rows if recipe.few(row)]
        write_manifest(os.path.join(made, MANIFEST), recipe.columns, rows)
        if recipe.also:
            recipe.also(made, rows, say)
        receipt = origin + contents_of(made, os.listdir(made))
        with open(os.path.join(made, RECEIPT), "w", encoding="utf-8") as f:
            f.write(receipt)
        put_in_place(made, out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    report(rows, say)
    say("wrote " + os.path.join(out, MANIFEST))


def main(recipe, script):
    parser = argparse.ArgumentParser(
        prog="recipes/%s/prepare" % recipe.name,
        description="Makes OUT_DIR/%s from the Debian packages %s. Does nothing when OUT_DIR is "
                    "already complete." % (MANIFEST, ", ".join(sorted(recipe.packages))))
    parser.add_argument("out", metavar="OUT_DIR")
    if recipe.few:
        parser.add_argument("--small", action="store_true", help="an eighth of the samples: for a first look")
    given = parser.parse_args()
    out = os.path.abspath(given.out)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        prepare(recipe, os.path.abspath(script), out,
                lambda line: print("%s: %s" % (recipe.name, line), file=sys.stderr), recipe.few and given.small)
    except (Refusal, OSError) as problem:
        print("%s: %s" % (recipe.name, problem), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
