#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Memory with a student slower than everything before it: the queues stay below pipeline.memory plus what
# is in work, and the process does not grow with the number of samples.
"""Usage: test_memory.py PATH/TO/retort"""

import os
import re
import subprocess
import unittest

from end_to_end import PROGRAM, EndToEnd, rows, settings, write_manifest

# A batch is 16 x 64 x 144 floats, 576 KiB before compression.
SLOW = {
    "speech.frames": "144", "student.modality": "speech", "student.net": "resnet", "student.width": "4",
    "student.blocks": "1", "student.embedding": "8", "train.batch": "16", "train.epochs": "2",
    "train.threads": "1", "pipeline.decoders": "2", "pipeline.batches": "64", "pipeline.zstd": "0",
}
BATCH_MIB = 16 * 64 * 144 * 4 / 1048576
with open(PROGRAM, "rb") as program:
    SANITIZED = b"__asan_init" in program.read()  # its freed memory stays in quarantine, and all is slow
TIMES = 3 if SANITIZED else 8


class Memory(EndToEnd):
    def times(self, n):
        """The manifest n times over, with other ids."""
        table = [["%d/%s" % (i, row[0])] + row[1:] for i in range(n) for row in rows(self.samples)]
        return write_manifest(self.path("x%d.tsv" % n), table)

    def run_measured(self, n, **more):
        """(peak of the queues, largest memory of the process), MiB."""
        name = "r%d-%s" % (n, "-".join(map(str, more.values())))
        words = [PROGRAM, "run", self.recipe, "-q", "-o", self.path(name),
                 *settings(SLOW, data__manifest=self.times(n), **more)]
        with open(self.path("out"), "w+", encoding="utf-8") as out:
            run = subprocess.Popen(words, env=self.environment(), stdout=out)
            _, status, used = os.wait4(run.pid, 0)
            run.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            said = out.read()
        self.assertEqual(run.returncode, 0, said)
        held, limit = re.search(r"queues held at most ([\d.]+) of (\d+) MiB", said).groups()
        self.assertEqual(int(limit), more["pipeline__memory"])
        return float(held), used.ru_maxrss / 1024

    def test_queues_keep_to_their_limit(self):
        self.run_measured(1, pipeline__memory=64, train__epochs=1)  # fills the caches: the student is left
        free, _ = self.run_measured(TIMES, pipeline__memory=64)
        self.assertGreater(free, 4, "the student is too quick to show anything")
        for limit in (1, 3):
            held, _ = self.run_measured(TIMES, pipeline__memory=limit)
            # Waiting batches and those in work: two decoders, one each in quality and student.
            self.assertLessEqual(held, limit + 4 * BATCH_MIB)
            self.assertLess(held, free)

    @unittest.skipIf(SANITIZED, "sanitizers keep freed memory")
    def test_process_does_not_grow_with_the_data(self):
        """From 9 MiB of features, which fill the queues, to eight times as many."""
        short = {"train__batch": 4, "pipeline__memory": 2, "train__epochs": 1}
        self.run_measured(1, **short)
        _, small = self.run_measured(4, **short)
        # What the allocator keeps varies with the load by some MiB; what grows with the data does so each time.
        for attempt in range(3):
            _, large = self.run_measured(32, **short, seed=attempt + 1)
            if large - small < 12:
                break
        self.assertLess(large - small, 12, "from %.1f to %.1f MiB" % (small, large))


if __name__ == "__main__":
    unittest.main()
