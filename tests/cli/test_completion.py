#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completion in bash, zsh and fish offers what the program itself says it has. Usage: test_completion.py PATH/TO/retort

Each shell is asked in its own way, without its start files: bash by the function that `complete` names, zsh by the
function with its builtins replaced by ones that print (they exist only while a key is handled), fish by complete -C."""

import os
import subprocess
import sys
import tempfile
import unittest

RETORT = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/tui/retort")
PAGES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", "completion")

BASH = """
source "$1"/retort.bash; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_retort 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -rl -- "$@" }
_files() {
    local wanted=$words[CURRENT] pattern='*'
    [[ $1 != -g ]] || pattern=$2
    [[ $1 == -/ ]] || print -rl -- ${~wanted}*(N) | while read -r one; do
        [[ ${one:t} != ${~pattern} || -d $one ]] || print -r -- $one
    done
    print -rl -- ${~wanted}*(N/)
}
source "$1"/_retort; shift
words=("$@") CURRENT=$#
_retort
"""
FISH = """
source "$argv[1]"/retort.fish
complete -C (string join ' ' -- retort $argv[3..-1])
"""


def offered(shell, words):
    if shell == "bash" and len(words) > 1 and "=" in words[-2]:  # bash makes three words of KEY=VALUE
        words = words[:-2] + words[-2].replace("=", " = ").split() + words[-1:]
    start = {"bash": ["bash", "--norc", "-c", BASH, "bash"], "zsh": ["zsh", "-f", "-c", ZSH, "zsh"],
             "fish": ["fish", "--no-config", "-c", FISH]}[shell]
    path = os.path.dirname(RETORT) + os.pathsep + os.environ["PATH"]
    done = subprocess.run(start + [PAGES, RETORT] + words, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"})
    lines = [line.split("\t")[0].rstrip("/") for line in done.stdout.splitlines()]
    return {line for line in lines if line and line.startswith(words[-1].rstrip("/"))}, done


class Completion(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = held.name
        os.mkdir(os.path.join(held.name, "sub"))
        for name in ("one.yaml", "two.tsv", "three.txt", "four.onnx"):
            open(os.path.join(held.name, name), "w", encoding="ascii").close()

    def offers(self, expected, *words):
        for shell in ("bash", "zsh", "fish"):
            with self.subTest(shell=shell, words=words):
                found, done = offered(shell, [w.replace("@", self.folder) for w in words])
                if isinstance(expected, int):
                    self.assertEqual(len(found), expected, found)
                else:
                    self.assertIn(expected.replace("@", self.folder), found, done.stderr)

    def test_commands(self):
        listed = subprocess.run([RETORT, "--list-commands"], capture_output=True, text=True, check=True).stdout.split()
        self.assertGreater(len(listed), 9)
        for command in listed:
            self.assertIn(command, offered("bash", [command[:2]])[0])
            self.assertIn("--help", offered("bash", [command, "--he"])[0])
        self.offers("sweep", "sw")
        self.offers("--help", "sweep", "--he")
        self.offers("--version", "--")
        self.offers(0, "no-such-command", "")

    def test_options_and_their_values(self):
        self.offers("--output", "run", "--o")
        self.offers("train.lr=", "run", "-s", "train.l")
        self.offers("seed=", "run", "recipe.yaml", "--set", "se")
        self.offers(0, "run", "-s", "no.such.key")
        self.offers("valid", "eval", "x.safetensors", "two.tsv", "--split", "va")
        self.offers("teacher.front.layout=", "eval", "x.safetensors", "two.tsv", "-s", "teacher.front.la")
        self.offers(0, "eval", "x.safetensors", "two.tsv", "-s", "train.")

    def test_kinds_of_a_command(self):
        self.offers("folders", "manifest", "f")
        self.offers("--delimiter", "manifest", "csv", "table.csv", "--de")
        self.offers(0, "manifest", "folders", "photos", "--de")

    def test_files_by_what_is_read(self):
        self.offers("@/one.yaml", "run", "@/")
        self.offers("@/sub", "run", "@/")
        self.offers(2, "run", "@/")
        self.offers("@/two.tsv", "inspect", "@/")
        self.offers("@/four.onnx", "export", "--check", "@/")
        self.offers("@/three.txt", "eval", "x.safetensors", "--trials", "@/")
        self.offers(0, "eval", "x.safetensors", "@/three")
        self.offers("@/two.tsv", "inspect", "--sort", "snr", "@/")
        self.offers("@/one.yaml", "run", "-s", "train.lr=0.1", "@/")

    def test_arguments(self):
        self.offers("pause", "ctl", "runs/a", "pau")
        self.offers("cnn1d", "bench", "--threads", "2", "cn")
        self.offers(0, "bench", "--threads", "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
