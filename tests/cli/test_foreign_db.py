#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A run.db from anywhere: views that never end, columns that are not there, numbers beyond any step, damage. Every
# command that reads one says what is wrong, or shows what there is; none hangs, none crashes.
"""Usage: test_foreign_db.py PATH/TO/retort"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from end_to_end import PATIENCE, PROGRAM

TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE metrics(step INTEGER, epoch INTEGER, split TEXT, name TEXT, value REAL,
 PRIMARY KEY(name, split, step)) WITHOUT ROWID;
CREATE TABLE samples(row INTEGER PRIMARY KEY, id TEXT, label TEXT, grp TEXT, split TEXT, hidden INTEGER, reason TEXT,
 modality TEXT, detail TEXT, seen INTEGER, quality REAL, weight REAL, snr REAL, snr_pct REAL);
CREATE TABLE journal(number INTEGER PRIMARY KEY, step INTEGER, time REAL, who TEXT, key TEXT, before TEXT, after TEXT);
INSERT INTO meta VALUES('state', 'stopped'), ('version', '1');
INSERT INTO metrics VALUES(1, 0, '', 'loss', 2.5), (2, 0, '', 'loss', 2.25);
INSERT INTO samples(row, id, label, split, seen, snr) VALUES(0, 'a', 'x', 'train', 1, 3.5), (1, 'b', 'y', 'test', 0, 1);
INSERT INTO journal VALUES(1, 2, 1.7e9, 'me', 'train.lr', '0.1', '0.2');
"""
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT "
SAMPLES = ("x AS row, 'a' AS id, '' AS label, '' AS grp, 'train' AS split, 0 AS hidden, '' AS reason, '' AS modality,"
           " '' AS detail, 1 AS seen, 0.5 AS quality, 1 AS weight FROM n")
# What is done to the tables -> what must be said.
REFUSED = {
    "an endless view of samples": ("DROP TABLE samples; CREATE VIEW samples AS " + ENDLESS + SAMPLES,
                                   "'samples' is a view"),
    "an endless view of metrics": ("DROP TABLE metrics; CREATE VIEW metrics AS " + ENDLESS + "x AS step, 0 AS epoch,"
                                   " '' AS split, 'loss' AS name, 1.0 AS value FROM n", "'metrics' is a view"),
    "a virtual table": ("DROP TABLE meta; CREATE VIRTUAL TABLE meta USING fts5(key, value)", "'meta' is a view"),
    "samples without ids": ("ALTER TABLE samples DROP COLUMN id", "'samples' has no column 'id'"),
    "ids that are computed": ("ALTER TABLE samples RENAME COLUMN id TO was; ALTER TABLE samples ADD COLUMN id TEXT AS"
                              " (printf('%.*c', 100000000, 'x'))", "'samples' computes a column"),
    "steps that are text": ("DROP TABLE metrics; CREATE TABLE metrics(step TEXT, epoch INTEGER, split TEXT, name TEXT,"
                            " value REAL, PRIMARY KEY(name, split, step))", "column of another type"),
    "curves without a key": ("DROP TABLE metrics; CREATE TABLE metrics(step INTEGER, epoch INTEGER, split TEXT,"
                             " name TEXT, value REAL)", "another primary key"),
    "no table of ours": ("DROP TABLE samples", "not of a run"),
    "marks that are a view": ("CREATE VIEW marks AS SELECT 1 AS row, 2 AS what", "'marks' is a view"),
}
# What may stand in tables that are as they should be.
READ = {
    "steps beyond any": "INSERT INTO metrics VALUES(9223372036854775807, 9223372036854775807, '', 'loss', 1),"
                        " (-9223372036854775808, 0, 'valid', 'top1', 9e999), (3, 'x', 'valid', 'top1', 'y');"
                        " INSERT INTO journal VALUES(2, 9223372036854775807, 9e99, 'me', 'k', 'a', 'b'),"
                        " (3, -9223372036854775808, NULL, NULL, NULL, NULL, NULL)",
    "rows beyond any": "INSERT INTO samples(row, id) VALUES(9223372036854775807, 'z'), (-5, 'y'), (2147483645, 'w')",
    "stages of another kind": "CREATE TABLE stages(name TEXT PRIMARY KEY, workers, batches, samples, busy, wait_in,"
                              " wait_out, packed_in, packed_out, raw_out, wall, p50, p95, queue_waiting, queue_limit,"
                              " queue_bytes, note); INSERT INTO stages VALUES('decode', 9e99, -9e99, 'x', 9e999, 1, 1,"
                              " 9223372036854775807, 1, 1, 'w', 1, 1, 9223372036854775807, NULL, 1, NULL)",
    "a clock and marks of another kind": "CREATE TABLE clock(step INTEGER PRIMARY KEY, seconds REAL); INSERT INTO clock"
                                         " VALUES(1, 9e999), (2, -5), (3, NULL); CREATE TABLE marks(row INTEGER PRIMARY"
                                         " KEY, what INTEGER); INSERT INTO marks VALUES(9223372036854775807, 77)",
    "a trigger": "CREATE TRIGGER t BEFORE UPDATE ON meta BEGIN DELETE FROM samples; END",
}


class Foreign(unittest.TestCase):
    def setUp(self):
        self.run_folder = tempfile.mkdtemp(prefix="retort-test-")
        self.addCleanup(shutil.rmtree, self.run_folder)

    def write(self, sql):
        path = os.path.join(self.run_folder, "run.db")
        if os.path.exists(path):
            os.unlink(path)
        db = sqlite3.connect(path)
        db.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF;" + TABLES + sql)
        db.close()
        return path

    def retort(self, *words):
        done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, errors="replace", timeout=PATIENCE,
                              env=dict(os.environ, TERM="dumb", LC_ALL="C.UTF-8",
                                       UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1"))
        self.assertIn(done.returncode, (0, 1, 2), (words, done))
        return done

    def test_refused(self):
        for name, (sql, words) in REFUSED.items():
            with self.subTest(name):
                self.write(sql)
                self.assertIn("unreadable", self.retort("ls", self.run_folder).stdout)
                said = self.retort("inspect", self.run_folder)
                self.assertEqual(said.returncode, 1)
                self.assertIn(words, said.stderr)
                self.assertIn("run.db", said.stderr)

    def test_read(self):
        for name, sql in READ.items():
            with self.subTest(name):
                self.write(sql)
                self.assertIn("stopped", self.retort("ls", self.run_folder).stdout)
                said = self.retort("inspect", self.run_folder, "--sample", "a")
                self.assertEqual((said.returncode, "3.5" in said.stdout), (0, True), said)

    def test_long_text(self):
        self.write("INSERT INTO samples(row, id) VALUES(2, printf('%.*c', 70000000, 'x'))")
        said = self.retort("inspect", self.run_folder)
        self.assertEqual(said.returncode, 1)
        self.assertIn("too big", said.stderr)
        self.retort("ls", self.run_folder)


if __name__ == "__main__":
    unittest.main()
