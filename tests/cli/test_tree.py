#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The source tree keeps the rules that CONTRIBUTING.md states and that a program can check: includes
# point one way and those between rooms are written down, one room per third-party header, heads, lengths,
# unique names, tests where they belong, and pages that name what is there.
# RT_WRITE_GOLDEN=1 tests/cli/test_tree.py writes the list of includes between rooms (golden/rooms.txt) anew.

import collections
import glob
import os
import re
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The rooms, and which others each may include. A room's folders below it belong to it; `stages` is the four
# stages at its root.
ROOMS = {
    "formats": "",
    "pipeline/flow": "formats",
    "pipeline/data": "formats pipeline/flow",
    "pipeline/live": "formats pipeline/flow pipeline/data",
    "pipeline/ranks": "formats",
    "pipeline/run": "formats pipeline/flow pipeline/data pipeline/live",
    "stages/nn": "formats",
    "stages/onnx/kernels": "formats stages/nn",
    "stages/onnx/frozen": "formats stages/nn stages/onnx/kernels",
    "stages/onnx/thaw": "formats stages/nn stages/onnx/kernels stages/onnx/frozen",
    "stages/onnx/map": "formats stages/nn",
    "stages/onnx": "formats stages/onnx/kernels",
    "stages/tokenizer": "formats",
    "stages/modality": "formats pipeline/data stages/nn stages/tokenizer",
    "stages/metrics": "formats",
    "stages/model": "formats pipeline/data pipeline/run stages/nn stages/onnx stages/onnx/frozen stages/onnx/thaw "
                    "stages/onnx/map stages/tokenizer stages/modality",
    "library": "formats stages/modality stages/metrics stages/model",
    "stages/distill": "formats pipeline/data stages/nn stages/modality stages/model stages/metrics",
    "stages": "formats pipeline stages/nn stages/model stages/modality stages/metrics stages/distill",
    "stages/session": "formats pipeline stages",
    "tui/report": "formats pipeline stages",
    "tui/screen/base": "formats",
    "tui/screen/widgets": "formats tui/report tui/screen/base",
    "tui/screen": "formats pipeline tui/report tui/screen/base tui/screen/widgets",
    "tui/screen/screens": "formats pipeline stages tui/report tui/screen/base tui/screen/widgets tui/screen",
    "tui/screen/ui": "formats pipeline tui/report tui/screen/base tui/screen/widgets tui/screen",
    "tui/manifest": "formats pipeline/data",
    "tui/cli": "formats pipeline stages tui/report tui/screen tui/screen/ui tui/manifest",
}
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
          "xxhash.h": ("formats/", "pipeline/data/"),
          "jansson.h": ("formats/", "pipeline/live/")}
# Who prints texts without formats/plain.h, and why that is safe.
DIRECT = {
    "pipeline/data/override.c": "a text to be kept",
    "pipeline/data/table.c": "cells are made plain while they are cut; CSV and JSON by their own rules",
    "pipeline/live/control_changes.c": "a text to be kept",
    "pipeline/live/control_save.c": "a text to be kept",
    "tui/cli/detach.c": "what a run of ours said",
    "tui/cli/options_print.c": "help: our own words",
    "tui/manifest/made_table.c": "a table to be read by programs",
    "tui/manifest/from_voxceleb.c": "a list for programs, and notes that are printed plain",
    "tui/report/det_plot.c": "SVG, escaped by its rules",
    "tui/report/sweep_plot.c": "SVG, escaped by its rules",
    "tui/screen/base/canvas.c": "cells hold plain characters only",
    "tui/screen/keys.c": "help: our own words",
    "tui/screen/ui/terminal.c": "what the terminal shall obey",
    "tui/screen/widgets/prompt.c": "the history's file",
}
# Public functions that the program itself does not call, and why they are there.
WATCHED = {
    "rt_exec_bytes": "memory has a bound, which tests look at",
    "rt_frozen_input": "the fuzz target feeds whatever inputs a file has",
    "rt_frozen_shapes_bytes": "memory has a bound, which tests look at",
    "rt_frozen_shapes_made": "what is kept and what is made anew is told apart by it",
    "rt_onnx_attr_string": "one of the builder's, for each kind of attribute",
    "rt_onnx_attr_tensor": "one of the builder's, for each kind of attribute",
    "rt_onnx_parse": "the reader from memory, which is fuzzed",
}
TOPS = ("formats", "pipeline", "stages", "library", "tui")
LONGEST = 600
LONGEST_FUNCTION = 60
LONGEST_TEST = 800
WIDEST = 120
DOORS = os.path.join("tests", "cli", "golden", "rooms.txt")
# Folders of tests that are no room: of the program from outside, of bytes, of numbers, of speed.
NO_ROOMS = ("bench", "campaign", "cli", "data", "fuzz", "golden", "support")


def sources(*tops):
    for top in tops:
        for folder, _, files in os.walk(os.path.join(TREE, top)):
            for file in files:
                if file.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, file), TREE)


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        return f.read()


def room(path):
    """The room that a file lies in: the longest name that fits."""
    return max((x for x in ROOMS if path.startswith(x + "/")), key=len, default=None)


def may_include(path, header):
    here, there = room(path), room(header)
    allowed = ROOMS[here].split() + [here]
    # "pipeline" and "stages" in the list of a room stand for all that is in them.
    whole = [x for x in allowed if x == "pipeline" or (x == "stages" and here != "stages")]
    return there in allowed or (there is not None and there.startswith(tuple(x + "/" for x in whole)))


def call_words(text, start):
    """What stands between the parentheses of a call, of which start is the first character."""
    depth, at = 1, start
    while depth:
        if text[at] in "\"'":
            quote, at = text[at], at + 1
            while text[at] != quote:
                at += 2 if text[at] == "\\" else 1
        depth += (text[at] == "(") - (text[at] == ")")
        at += 1
    return text[start:at - 1]


def doors():
    """Each room and the headers of others that it includes, as text: by header, not by who includes it, so
    that only a new tie between two rooms changes it."""
    found = collections.defaultdict(set)
    for path in sources(*TOPS):
        for kind, name in INCLUDE.findall(read(path)):
            if kind == '"' and room(name) not in (None, room(path)):
                found[room(path), room(name)].add(os.path.basename(name))
    lines = ["# Which headers of a room another one includes. RT_WRITE_GOLDEN=1 tests/cli/test_tree.py writes this."]
    for here in ROOMS:
        for there in ROOMS:
            if (here, there) in found:
                lines.append("%s -> %s: %s" % (here, there, " ".join(sorted(found[here, there]))))
    return "\n".join(lines) + "\n"


def pages():
    for pattern in ("*.md", "docs/*.md", "recipes/*/*.md", "tests/*/README.md"):
        for path in sorted(glob.glob(os.path.join(TREE, pattern))):
            yield os.path.relpath(path, TREE)


class Tree(unittest.TestCase):
    maxDiff = None

    def none_of(self, wrong):
        self.assertEqual(wrong, [], "\n" + "\n".join(map(str, wrong)))

    def test_there_are_sources(self):
        self.assertGreater(len(list(sources("formats", "pipeline", "stages"))), 30)

    def test_includes_point_one_way(self):
        wrong = []
        for path in sources(*TOPS):
            for kind, name in INCLUDE.findall(read(path)):
                if kind != '"':
                    continue
                if not os.path.exists(os.path.join(TREE, name)):
                    wrong.append("%s includes %s: give its path from the root" % (path, name))
                elif not may_include(path, name):
                    wrong.append("%s includes %s" % (path, name))
        self.none_of(wrong)

    def test_rooms_have_no_circle(self):
        """Every room stands behind those that it may include."""
        names = list(ROOMS)
        for at, name in enumerate(names):
            before = names[:at]
            for other in ROOMS[name].split():
                self.assertTrue(other in before or any(x.startswith(other + "/") for x in before),
                                "%s may include %s, which stands behind it" % (name, other))

    def test_screens_know_no_other(self):
        """A screen is one file, known by its row; what it has besides bears its name. So no name of a screen stands
        in another's files but where a key leads there."""
        folder = "tui/screen/screens/"
        names = re.findall(r"^RT_SCREEN\(\w+, (\w+),", read("tui/screen/screens.def"), re.M)
        self.assertGreater(len(names), 5)
        files = [os.path.basename(x) for x in sources("tui/screen/screens")]
        owner = {f: [n for n in names if f in (n + ".c",) or f.startswith(n + "_")] for f in files}
        wrong = ["%s%s is no screen's" % (folder, f) for f in files if len(owner[f]) != 1]
        wrong += ["there is no %s%s.c" % (folder, n) for n in names if n + ".c" not in files]
        for f in files:
            for _, header in INCLUDE.findall(read(folder + f)):
                if header.startswith(folder) and owner[os.path.basename(header)] != owner[f]:
                    wrong.append("%s%s includes %s" % (folder, f, header))
        for path in sources("tui"):
            wrong += ["%s names %s" % (path, name) for name in re.findall(r"\brt_screen_(?:%s)\b" % "|".join(names),
                      read(path)) if not path.startswith(folder + name[len("rt_screen_"):] + ".")]
        self.none_of(wrong)

    def test_includes_between_rooms_are_written_down(self):
        now = doors()
        if os.environ.get("RT_WRITE_GOLDEN"):
            with open(os.path.join(TREE, DOORS), "w", encoding="utf-8") as f:
                f.write(now)
        self.assertEqual(read(DOORS), now, "rooms are tied otherwise than %s says. Meant? Then\n"
                         "    RT_WRITE_GOLDEN=1 tests/cli/test_tree.py\nand commit the list" % DOORS)

    def test_one_folder_includes_a_library(self):
        users = collections.defaultdict(set)
        for path in sources(*TOPS):
            for kind, name in INCLUDE.findall(read(path)):
                if kind == "<" and not LIBC.fullmatch(name):
                    users[name].add(room(path))
        wrong = []
        for name, folders in sorted(users.items()):
            homes = SHARED.get(name)
            strays = [f for f in folders if homes and not (f + "/").startswith(homes)]
            if strays or (not homes and len(folders) > 1):
                wrong.append("<%s> is included from %s" % (name, ", ".join(sorted(strays or folders))))
        self.none_of(wrong)

    def test_names_in_a_run_folder_have_one_owner(self):
        rows = re.findall(r'^RT_RUN_FILE\(\w+, *"([^"]+\.[^"]+)"', read("pipeline/run/run_files.def"), re.M)
        self.assertGreater(len(rows), 5)
        spelled = re.compile(r'"(?:[^"\n]*/)?(?:%s)"' % "|".join(re.escape(x.split("/")[-1]) for x in rows))
        self.none_of(["%s spells %s" % (path, name) for path in sources(*TOPS)
                      for name in spelled.findall(read(path))])

    def test_text_from_outside_is_printed_plain(self):
        """What people read may quote anything: it goes through formats/plain.h. A literal may be printed
        directly, and numbers; a text only by the files in DIRECT, each with its reason."""
        wrong = []
        for path in sources("tui", "pipeline"):
            if path in DIRECT or not path.endswith(".c"):
                continue
            text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
            for call in re.finditer(r"(?<!\w)(v?f?printf|dprintf|fputs|puts|fwrite|perror)\(", text):
                words = call_words(text, call.end())
                literal = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', words))
                if call[1] in ("printf", "fprintf", "dprintf"):
                    bad = '"' not in words or re.search(r"%[-+ #0-9.*]*s", literal)
                else:
                    bad = not re.match(r'\s*(?:[^"]*\?\s*)?"', words)
                if bad:
                    wrong.append("%s: %s(%s)" % (path, call[1], " ".join(words.split())[:60]))
        self.none_of(wrong)
        self.none_of([path for path in DIRECT if not os.path.exists(os.path.join(TREE, path))])

    def test_text_that_found_no_memory_is_heard_of(self):
        """A stream of open_memstream() and json_dumps() say nothing of it: what they leave is cut, or NULL. Those who
        know are rt_memstream_close (formats/file.h) and rt_json_write (formats/jsonread.h)."""
        wrong = []
        for path in sources(*TOPS):
            text = read(path)
            if text.count("open_memstream(") > text.count("rt_memstream_close(") and path != "formats/file.h":
                wrong.append("%s: a stream of open_memstream is closed by rt_memstream_close" % path)
            if re.search(r"(?<!\w)json_dump\w*\(", text) and path != "formats/jsonread.c":
                wrong.append("%s: JSON is written by rt_json_write, or formats/jsontext.h" % path)
        self.none_of(wrong)

    def test_heads(self):
        head = re.compile(r"/\* SPDX-License-Identifier: MIT\n \* \S")
        self.none_of([path for path in sources(*TOPS, "tests")
                      if not head.match(read(path))])

    def test_lengths(self):
        wrong = []
        for path in sources(*TOPS, "tests"):
            lines = read(path).count("\n")
            if lines > (LONGEST_TEST if path.startswith("tests/") else LONGEST):
                wrong.append("%s has %d lines: split it" % (path, lines))
        self.none_of(wrong)

    def test_functions_fit_a_screen(self):
        body = re.compile(r"^{\n(.*?)^}\n", re.M | re.S)
        self.none_of(["%s:%d: a function of %d lines" % (path, read(path)[:m.start()].count("\n"), m[1].count("\n"))
                      for path in sources(*TOPS) for m in body.finditer(read(path))
                      if m[1].count("\n") > LONGEST_FUNCTION])

    def test_public_functions_are_called(self):
        """Not by tests alone: these use what the program uses."""
        declared, words = set(), collections.Counter()
        for path in sources(*TOPS):
            text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
            words.update(re.findall(r"\brt_[a-z0-9_]+\b", text))
            if path.endswith(".h"):
                declared.update(re.findall(r"^(?!static)[a-z][\w *]*\b(rt_[a-z0-9_]+)\(", text, re.M))
        idle = {name for name in declared if words[name] <= 2}  # declared and defined
        self.assertEqual(idle, set(WATCHED))

    def test_lines(self):
        self.none_of(["%s:%d has %d columns" % (path, number, len(line))
                      for path in sources(*TOPS, "tests")
                      for number, line in enumerate(read(path).split("\n"), 1) if len(line) > WIDEST])

    def test_tests_lie_where_what_they_test_lies(self):
        wrong = []
        for path in sources("tests"):
            folder = os.path.dirname(os.path.relpath(path, "tests"))
            if folder and folder.split(os.sep)[0] not in NO_ROOMS and \
                    not os.path.isdir(os.path.join(TREE, folder)):
                wrong.append("%s: there is no folder %s" % (path, folder))
        self.none_of(wrong)

    def test_pages_name_what_is_there(self):
        """Links of the pages, and paths that begin with a folder of ours; NAME and * stand for something."""
        named = re.compile(r"(?<![\w/.-])((?:%s)/[\w./*-]+)" % "|".join(TOPS + ("tests", "docs", "recipes")))
        wrong = []
        for page in pages():
            text, here = read(page), os.path.join(TREE, os.path.dirname(page))
            for link in re.findall(r"\]\(([^)#\s]+)", text):
                if "://" not in link and not os.path.exists(os.path.join(here, link)):
                    wrong.append("%s links to %s" % (page, link))
            for path in sorted(set(named.findall(text))):
                path = os.path.join(TREE, path.rstrip("."))
                if "NAME" not in path and not glob.glob(path) and not glob.glob(path + ".*"):
                    wrong.append("%s names %s" % (page, os.path.relpath(path, TREE)))
        self.none_of(wrong)

    def test_debian_package_builds_with_what_bootstrap_installs(self):
        with open(os.path.join(TREE, "bootstrap"), encoding="utf-8") as f:
            installed = set(re.search(r"BUILD_PACKAGES=\(([^)]*)\)", f.read()).group(1).split())
        with open(os.path.join(TREE, "debian", "control"), encoding="utf-8") as f:
            needs = re.search(r"Build-Depends:((?:.*\n[ ])*.*)\n", f.read()).group(1)
        named = {word.split()[0] for word in needs.replace("\n", "").split(",")} - {"debhelper-compat"}
        self.assertEqual(named, installed - {"gcc", "libc6-dev"}, "debian/control and bootstrap differ")
        with open(os.path.join(TREE, "meson.build"), encoding="utf-8") as f:
            version = re.search(r"version: '([^']*)'", f.read()).group(1)
        with open(os.path.join(TREE, "debian", "changelog"), encoding="utf-8") as f:
            self.assertIn("retort (%s) " % version, f.readline())

    def test_names_are_unique(self):
        seen = collections.Counter(os.path.basename(p) for p in sources(*TOPS, "tests"))
        self.none_of([name for name, count in seen.items() if count > 1])


if __name__ == "__main__":
    unittest.main()
