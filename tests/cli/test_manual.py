#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# docs/retort.1 has a section for every command, and in it exactly the options of the command's --help;
# its made parts (synopsis, options, keys) are what the program says now; groff finds nothing to complain about,
# where it is installed.
"""Usage: test_manual.py PATH/TO/retort"""

import os
import re
import shutil
import subprocess
import sys
import unittest

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "retort.1")
PROGRAM = os.path.abspath(sys.argv.pop(1))
OPTION = re.compile(r"(?<![-\w])--[a-z][a-z-]+")


def output(*args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=True)
    return done.stdout


def helps(command):
    """The command's help, and those of its kinds where it has kinds ("KIND --help")."""
    text = output(command, "--help")
    if "KIND --help" in text:
        text += "".join(output(command, kind, "--help")
                        for kind in re.findall(r"^  ([a-z]+) ", text, re.M))
    return text


def sections():
    """Command -> its part of the page, with \\- written as a plain hyphen."""
    with open(PAGE, encoding="utf-8") as f:
        page = f.read().replace("\\-", "-")
    commands = page.split("\n.SH COMMANDS\n")[1].split("\n.SH ")[0]
    parts = [part.split(None, 2) for part in commands.split(".SS retort ")[1:]]
    return {part[0]: " ".join(part[1:]) for part in parts}


class Manual(unittest.TestCase):
    def test_every_command_has_a_section(self):
        self.assertEqual(sorted(sections()), sorted(output("--list-commands").split()))

    def test_options_are_those_of_the_help(self):
        for command, text in sections().items():
            told = set(OPTION.findall(helps(command))) - {"--help"}
            tags = re.findall(r"^\.TP\n(.*)$", text, re.M)
            written = set(OPTION.findall("\n".join(tags)))
            self.assertEqual(written, told, "retort %s" % command)

    def test_made_parts_are_up_to_date(self):
        make = os.path.join(os.path.dirname(PAGE), "manual", "make")
        made = subprocess.run([sys.executable, make, "-o", "-"], env=dict(os.environ, RETORT=PROGRAM), check=True,
                              capture_output=True, text=True).stdout
        with open(PAGE, encoding="utf-8") as f:
            self.assertEqual(f.read(), made, "run docs/manual/make")

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_groff_has_no_complaints(self):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-wall", PAGE], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
