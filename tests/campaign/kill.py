#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# kill -9 at the n-th system call of a kind: whatever a run was about to write, it is resumed, and ends in the same
# bytes as one that was never touched. Which calls a run makes is counted first; of each kind the first few numbers are
# tried, then others all over the run, the kinds in turn, so that no moment is tried twice. Needs strace.
"""Usage: kill.py RETORT [MOMENTS]   (200)"""

import collections
import os
import random
import re
import shutil
import sys

from campaign import Lab, outcome, verdict

# What changes files, then what comes between.
CALLS = ("fsync", "fdatasync", "rename", "unlink", "unlinkat", "mkdir", "flock", "ftruncate", "write", "pwrite64", "fcntl",
         "openat", "close", "read", "newfstatat", "futex", "epoll_wait", "munmap")
FIRST = 4  # of each kind in their order: a run's folder is made then


def calls_count(lab):
    """How often a run makes each call: of the thread that does most often, as strace counts for each thread."""
    log, counts = lab.path("calls"), collections.Counter()
    before = ("strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join(CALLS))
    if lab.run(*lab.words("counted"), before=before).returncode:
        sys.exit("kill.py: a run under strace fails")
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            found = re.match(r"(\d+) +(\w+)\(", line)
            counts[found.groups() if found else None] += 1
    return {call: max((n for key, n in counts.items() if key and key[1] == call), default=0) for call in CALLS}


def schedule(counts):
    """(call, number), each once: the kinds in turn."""
    numbers = {}
    for call, count in counts.items():
        later = list(range(FIRST + 1, count + 1))
        random.Random(call).shuffle(later)
        numbers[call] = list(range(1, min(FIRST, count) + 1)) + later
    for turn in range(max(counts.values())):
        for call in CALLS:
            if turn < len(numbers[call]):
                yield call, numbers[call][turn]


def kill_at(lab, call, number):
    """A run killed at its number-th call; False when it has fewer this time."""
    before = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
              "inject=%s:signal=KILL:when=%d" % (call, number))
    return lab.run(*lab.words("run"), before=before).returncode != 0


def main():
    moments = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    if not shutil.which("strace"):
        sys.exit("kill.py: needs strace")
    lab = Lab(rows=120, train__epochs=6)
    lab.run(*lab.words("whole"))
    expected, same, begun = outcome(lab.path("whole")), 0, 0
    tried = collections.Counter()
    for call, number in schedule(calls_count(lab)):
        if tried.total() == moments:
            break
        shutil.rmtree(lab.path("run"), ignore_errors=True)
        if not kill_at(lab, call, number):
            continue
        tried[call] += 1
        resume = os.path.exists(lab.path("run", "recipe.yaml"))  # before that there is no run to go on with
        begun += resume
        done = lab.run(*lab.words("run", resume=resume))
        good = done.returncode == 0 and outcome(lab.path("run")) == expected
        same += good
        if not good:
            print("at %s %d: %s" % (call, number, done.stderr.strip()[-300:]), flush=True)
    lab.close()
    print(", ".join("%s %d" % one for one in tried.items()))
    verdict(same == moments, "%d of %d killed runs ended in the same bytes, %d of them had begun"
            % (same, tried.total(), begun), "all of %d" % moments)


main()
