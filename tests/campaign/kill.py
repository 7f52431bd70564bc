#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# kill -9 at the n-th system call of a kind: whatever a run was about to write, it is resumed, and ends in the same
# bytes as one that was never touched. Needs strace.
"""Usage: kill.py RETORT [MOMENTS]   (200)"""

import os
import shutil
import sys

from campaign import Lab, outcome, verdict

CALLS = ("fsync", "fdatasync", "rename", "unlink", "unlinkat", "ftruncate", "openat", "write", "pwrite64", "close")


def kill_at(lab, call, number):
    """A run killed at its number-th call; False when it has fewer."""
    before = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
              "inject=%s:signal=KILL:when=%d" % (call, number))
    return lab.run(*lab.words("run"), before=before).returncode != 0


def main():
    moments = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    if not shutil.which("strace"):
        sys.exit("kill.py: needs strace")
    lab = Lab(rows=120, train__epochs=3)
    lab.run(*lab.words("whole"))
    expected, tried, same, number = outcome(lab.path("whole")), 0, 0, 1
    live = list(CALLS)
    while live and tried < moments:
        for call in list(live):
            shutil.rmtree(lab.path("run"), ignore_errors=True)
            if tried == moments:
                break
            if not kill_at(lab, call, number):
                live.remove(call)
                continue
            tried += 1
            begun = os.path.exists(lab.path("run", "recipe.yaml"))  # before that there is no run to go on with
            done = lab.run(*lab.words("run", resume=begun))
            good = done.returncode == 0 and outcome(lab.path("run")) == expected
            same += good
            if not good:
                print("at %s %d: %s" % (call, number, done.stderr.strip()[-300:]))
        number += 1 + number // 4
    lab.close()
    verdict(same == tried and tried > 0, "%d of %d killed runs ended in the same bytes" % (same, tried), "all")


main()
