#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# `retort attach` in a real pseudo-terminal: opens, switches screens, dumps, survives resizes, quits; the
# terminal is sane afterwards, also when a signal ends it.

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from pseudo_terminal import Screen

PROGRAM = os.path.abspath(sys.argv.pop(1))

SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE metrics(step INTEGER, epoch INTEGER, split TEXT, name TEXT, value REAL,
    PRIMARY KEY(name, split, step)) WITHOUT ROWID;
CREATE TABLE samples(row INTEGER PRIMARY KEY, id TEXT, label TEXT, grp TEXT, split TEXT, hidden INTEGER,
    reason TEXT, modality TEXT, detail TEXT, seen INTEGER, quality REAL, weight REAL, snr REAL, snr_pct REAL);
CREATE TABLE journal(number INTEGER PRIMARY KEY, step INTEGER, time REAL, who TEXT, key TEXT, before TEXT,
    after TEXT);
INSERT INTO meta VALUES('state', 'done');
"""


def make_run(folder):
    db = sqlite3.connect(os.path.join(folder, "run.db"))
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(SCHEMA)
    db.executemany("INSERT INTO metrics VALUES(?, 0, '', 'loss', ?)", [(i, 9 / i) for i in range(1, 200)])
    db.executemany("INSERT INTO samples VALUES(?, ?, 'cats', '', 'train', 0, '', '', '', 3, 0.5, 1, ?, ?)",
                   [(i, "cat-%d" % i, i * 7 % 50, i * 7 % 50 / 50) for i in range(50)])
    db.commit()
    db.close()


class Attach(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        make_run(self.folder)

    def dump(self, screen):
        path = os.path.join(self.folder, "dump.txt")
        screen.type(":dump %s\r" % path)
        screen.wait("written")
        with open(path, encoding="utf-8") as f:
            return f.read()

    def ends(self, screen, code):
        returned, same, errors = screen.end()
        self.assertEqual((returned, same, errors), (code, True, ""))
        # The last switch of "to the other screen" and "back" is back.
        self.assertEqual(re.findall(rb"\x1b\[\?1049([hl])", screen.seen)[-1:], [b"l"])

    def add_pictures(self):
        """Every sample has the same picture."""
        picture = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "data/good/rgb.png")
        manifest = os.path.join(self.folder, "manifest.tsv")
        with open(manifest, "w", encoding="utf-8") as f:
            f.write("id\timage\n" + "".join("cat-%d\t%s\n" % (i, picture) for i in range(50)))
        db = sqlite3.connect(os.path.join(self.folder, "run.db"))
        db.execute("INSERT INTO meta VALUES('manifest', ?)", (manifest,))
        db.commit()
        db.close()

    def test_pictures(self):
        """In the terminal's own way where it has one, and taken away again; else as cells."""
        self.add_pictures()
        for how, begins, gone in (("kitty", "\x1b_Ga=T", "\x1b_Ga=d"), ("sixel", "\x1bP", ""), ("cells", "", "")):
            with self.subTest(how):
                screen = Screen(PROGRAM, self.folder, RETORT_PICTURES=how, size=(40, 130))
                screen.wait("total loss")
                screen.type("2")
                screen.wait("50 of 50 samples")
                screen.type("\r")
                screen.wait("measures")
                if begins:
                    screen.wait(begins)
                    screen.wait("\x1b\\")  # to its end
                for _ in range(10):
                    screen.read(0.05)
                self.assertIsNone(re.search(rb"\x1b_Ga=T|\x1bP", screen.seen))  # once
                screen.type("1")
                if gone:
                    screen.wait(gone)
                screen.type("q")
                self.ends(screen, 0)

    def test_a_visit(self):
        screen = Screen(PROGRAM, self.folder)
        screen.wait("total loss")
        screen.type("?")
        screen.wait("Everywhere")
        screen.type("1")
        screen.wait("total loss")
        text = self.dump(screen)
        self.assertEqual(len(text.split("\n")), 25)
        self.assertIn("step 199", text)
        self.assertIn("total loss", text)
        screen.type("2")
        screen.wait("50 of 50 samples")
        screen.type(":sort -snr\r")
        screen.wait("by -snr")
        screen.type("/snr < 10\r")
        screen.wait("snr < 10")
        lines = self.dump(screen).split("\n")
        snr = [float(line.split()[1]) for line in lines if line.startswith("   cat-")]  # beside the id
        self.assertEqual(snr, sorted((i * 7 % 50 for i in range(50) if i * 7 % 50 < 10), reverse=True))
        screen.type("q")
        self.ends(screen, 0)

    def test_list_of_runs(self):
        """`retort` alone lists the runs of the folder runs, if there are any; one is opened, and left for the list."""
        screen = Screen(PROGRAM, self.folder, words=())
        screen.wait("usage: retort COMMAND")
        self.assertEqual(screen.end()[:2], (2, True))
        for name in ("a", "b"):
            os.makedirs(os.path.join(self.folder, "runs", name))
            make_run(os.path.join(self.folder, "runs", name))
        os.makedirs(os.path.join(self.folder, "runs", "bad"))
        with open(os.path.join(self.folder, "runs", "bad", "run.db"), "w", encoding="ascii") as f:
            f.write("this is no data base")
        screen = Screen(PROGRAM, self.folder, words=())
        screen.wait("3 of 3 runs in runs")
        screen.type("G\r")
        screen.wait("runs/bad/run.db")  # why not; the list stays
        screen.type("gj ")
        screen.wait("1 marked")
        screen.type("g\r")
        screen.wait("total loss")  # of a, with b over it
        screen.type("8")
        screen.wait("1 marked")
        screen.type("q")
        self.assertEqual(screen.end()[:2], (0, True))

    def test_themes(self):
        """By the ground that the terminal says it has; what is typed meanwhile is not lost."""
        for said, colour in (("rgb:ffff/ffff/ffff", "38;5;26m"), ("rgb:0000/0000/0000", "38;5;75m")):
            screen = Screen(PROGRAM, self.folder, RETORT_THEME="")
            screen.wait("\x1b]11;?")
            screen.type("6\x1b]11;%s\x1b\\\x1b[?62;c" % said)
            screen.wait("show in Losses")
            screen.type("1")
            screen.wait(colour)
            screen.type("q")
            self.ends(screen, 0)
        screen = Screen(PROGRAM, self.folder, RETORT_THEME="mono")
        screen.wait("total loss")
        screen.type("\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62;c")  # answers that come late are no keys
        screen.type(":theme light\r")
        screen.wait("38;5;26m")
        self.assertNotIn(b"]11;?", screen.seen)
        screen.type("q")
        self.ends(screen, 0)

    def test_resized_while_it_shows(self):
        screen = Screen(PROGRAM, self.folder)
        screen.wait("total loss")
        for rows, columns in ((1, 1), (5, 20), (60, 200), (2, 300), (24, 80)):
            screen.resize(rows, columns)
            os.kill(screen.process.pid, signal.SIGWINCH)
            screen.read(0.2)
        screen.type("?")
        screen.wait("Everywhere")
        screen.type("q")
        self.ends(screen, 0)

    def test_signals_leave_the_terminal_sane(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            screen = Screen(PROGRAM, self.folder)
            screen.wait("total loss")
            os.kill(screen.process.pid, number)
            self.ends(screen, 128 + number)

    def test_terminals(self):
        for term in ("linux", "vt100", "screen", "tmux", "xterm"):
            if subprocess.run(["infocmp", term], capture_output=True).returncode:
                continue
            screen = Screen(PROGRAM, self.folder, term)
            screen.wait("total loss")
            if term in ("linux", "vt100"):
                self.dump(screen).encode("ascii")
            screen.type("q")
            self.assertEqual(screen.end(), (0, True, ""))

    def test_refused(self):
        done = subprocess.run([PROGRAM, "attach", self.folder], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("needs a terminal", done.stderr)
        done = subprocess.run([PROGRAM, "attach", "/nowhere"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("holds no run.db", done.stderr)
        screen = Screen(PROGRAM, self.folder, "no-such-terminal")
        code, same, errors = screen.end()
        self.assertEqual((code, same), (2, True))
        self.assertIn("TERM=no-such-terminal", errors)


if __name__ == "__main__":
    unittest.main()
