#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The source tree keeps the rules that CONTRIBUTING.md states and that a program can check: includes
# point one way, one folder per third-party header, heads, lengths, unique names.

import collections
import os
import re
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Each folder may include itself and those before it.
LAYERS = ("formats", "pipeline/flow", "pipeline/live", "pipeline/run", "stages", "tui")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)
# Headers of libc and the kernel; anything else in <> is a library's.
LIBC = re.compile(r"(assert|complex|ctype|dirent|dlfcn|endian|errno|fcntl|fenv|float|getopt|glob|inttypes|"
                  r"libgen|limits|locale|math|poll|pthread|pwd|regex|sched|search|setjmp|signal|spawn|"
                  r"stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|tgmath|"
                  r"strings|termios|time|unistd|wchar|wctype|[a-z0-9]*intrin|cpuid|fnmatch|malloc|"
                  r"(sys|linux|arpa|netinet|bits)/.*)\.h")
# A library's header belongs to one of our folders. These few to those named here: libuv is our one API
# for threads (formats/ has none), hashes are keys of files and of the store, JSON is also spoken on
# the run's socket.
SHARED = {"uv.h": ("pipeline/", "stages/", "tui/"),
          "xxhash.h": ("formats/", "pipeline/run/"),
          "jansson.h": ("formats/", "pipeline/live/")}
LONGEST = 600
LONGEST_TEST = 800


def sources(*tops):
    for top in tops:
        for folder, _, files in os.walk(os.path.join(TREE, top)):
            for file in files:
                if file.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, file), TREE)


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        return f.read()


def layer(path):
    return next((i for i, x in enumerate(LAYERS) if path.startswith(x + "/")), None)


class Tree(unittest.TestCase):
    maxDiff = None

    def none_of(self, wrong):
        self.assertEqual(wrong, [], "\n" + "\n".join(map(str, wrong)))

    def test_there_are_sources(self):
        self.assertGreater(len(list(sources("formats", "pipeline", "stages"))), 30)

    def test_includes_point_one_way(self):
        wrong = []
        for path in sources(*LAYERS):
            for kind, name in INCLUDE.findall(read(path)):
                if kind != '"':
                    continue
                if not os.path.exists(os.path.join(TREE, name)):
                    wrong.append("%s includes %s: give its path from the root" % (path, name))
                elif layer(name) is None or layer(name) > layer(path):
                    wrong.append("%s includes %s" % (path, name))
        self.none_of(wrong)

    def test_one_folder_includes_a_library(self):
        users = collections.defaultdict(set)
        for path in sources("formats", "pipeline", "stages", "tui"):
            for kind, name in INCLUDE.findall(read(path)):
                if kind == "<" and not LIBC.fullmatch(name):
                    users[name].add(os.path.dirname(path))
        wrong = []
        for name, folders in sorted(users.items()):
            homes = SHARED.get(name)
            strays = [f for f in folders if homes and not (f + "/").startswith(homes)]
            if strays or (not homes and len(folders) > 1):
                wrong.append("<%s> is included from %s" % (name, ", ".join(sorted(strays or folders))))
        self.none_of(wrong)

    def test_heads(self):
        head = re.compile(r"/\* SPDX-License-Identifier: MIT\n \* \S")
        self.none_of([path for path in sources("formats", "pipeline", "stages", "tui", "tests")
                      if not head.match(read(path))])

    def test_lengths(self):
        wrong = []
        for path in sources("formats", "pipeline", "stages", "tui", "tests"):
            lines = read(path).count("\n")
            if lines > (LONGEST_TEST if path.startswith("tests/") else LONGEST):
                wrong.append("%s has %d lines: split it" % (path, lines))
        self.none_of(wrong)

    def test_names_are_unique(self):
        seen = collections.Counter(os.path.basename(p) for p in sources(
            "formats", "pipeline", "stages", "tui", "tests"))
        self.none_of([name for name, count in seen.items() if count > 1])


if __name__ == "__main__":
    unittest.main()
