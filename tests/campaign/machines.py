#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Processes of one run that die or stop, each in turn, at moments drawn at random: the others end within 15 seconds by
# themselves and say which it was, or mpirun ends them; the last checkpoint is whole, and what is left goes on with
# another number of processes to the bytes of a run that nothing happened to; which are those of 2, 4 and 8 processes.
# Needs mpirun (Open MPI).
"""Usage: machines.py RETORT [RANKS [ROUNDS]]   (2, 2)"""

import os
import random
import signal
import subprocess
import sys
import time

from campaign import MPI, Lab, outcome, verdict


def ranks_of(mpirun):
    """{rank: process} of the program's processes below mpirun."""
    found = {}
    for process in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % process, encoding="utf-8") as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
            with open("/proc/%s/environ" % process, "rb") as f:
                words = dict(w.split(b"=", 1) for w in f.read().split(b"\0") if b"=" in w)
        except (OSError, ValueError, IndexError):
            continue
        if parent == mpirun and b"OMPI_COMM_WORLD_RANK" in words:
            found[int(words[b"OMPI_COMM_WORLD_RANK"])] = int(process)
    return found


def begin(lab, count, run, resume=False, more=()):
    words = [*lab.words(run, resume=resume), *more]
    command = (["mpirun", "-n", str(count)] if count > 1 else []) + [lab.program, *words]
    return subprocess.Popen(command, env=dict(lab.environment(), **MPI), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def main():
    count, rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2, int(sys.argv[3]) if len(sys.argv) > 3 else 2
    lab = Lab(rows=300, train__shards=8, train__batch=16, train__epochs=80, eval__interval=20, run__checkpoint=5)
    tried = good = 0
    draw = random.Random(3)
    lab.run(*lab.words("short"), "-s", "train.epochs=4")
    for ranks in (2, 4, 8):
        run, tried = "n%d" % ranks, tried + 1
        said, _ = begin(lab, ranks, run, more=["-s", "train.epochs=4"]).communicate(timeout=600)
        same = os.path.exists(lab.path(run, "model.safetensors")) and outcome(lab.path(run)) == outcome(lab.path("short"))
        good += same
        print("%d ranks: %s" % (ranks, "the same bytes" if same else said[-300:]), flush=True)
    lab.run(*lab.words("whole"))
    expected = outcome(lab.path("whole"))
    for number in range(rounds):
        for rank in range(count):
            for what in (signal.SIGKILL, signal.SIGSTOP):
                run, tried = "r%d" % tried, tried + 1
                process = begin(lab, count, run)
                while not os.path.exists(lab.path(run, "run.db")) and process.poll() is None:
                    time.sleep(0.02)
                time.sleep(draw.uniform(0, 1))
                target = ranks_of(process.pid).get(rank)
                if target is None:
                    print("%s: too short a run to be hit" % run)
                    continue
                os.kill(target, what)
                hit = time.monotonic()
                said, _ = process.communicate(timeout=60)
                took = time.monotonic() - hit
                ended = process.returncode != 0 and took < 15 and \
                    (what == signal.SIGKILL or ("rank %d on " % rank in said and "lost" in said))
                for ranks in (max(1, count // 2), 1):
                    left = begin(lab, ranks, run, resume=True)
                    rest, _ = left.communicate(timeout=600)
                same = left.returncode == 0 and outcome(lab.path(run)) == expected
                good += ended and same
                print("rank %d of %d %s: ended after %.1f s with %d, %s; then %s" %
                      (rank, count, what.name, took, process.returncode, "as promised" if ended else said[-300:],
                       "the same bytes" if same else rest[-300:]), flush=True)
    lab.close()
    verdict(good == tried and tried > 0, "%d of %d ended as promised, and with the same bytes" % (good, tried), "all")


main()
