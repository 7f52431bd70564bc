#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A manifest of a million rows: how long until the first update, with caches cold and warm, what a checkpoint weighs
# beside model and optimiser, and how much memory it takes. Seconds of the processor are told beside those of the clock:
# on a machine with other work only the former say something.
"""Usage: million_rows.py RETORT [ROWS]   (1000000)"""

import json
import os
import struct
import sys
import time

from campaign import Lab, verdict

UPDATES = 50
COLD, WARM, MEMORY = 20, 5, 300  # s, s, MiB


def processor_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        field = f.read().rpartition(")")[2].split()
    return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")


def first_update(lab, output):
    """Seconds and processor's seconds until the first checkpoint (of step 1), MiB at most; the run goes on to its end."""
    run = lab.start(*lab.words(output))
    began, first, work, most = time.monotonic(), None, None, 0
    mark = lab.path(output, "checkpoints", "step-00000001.safetensors")
    while run.poll() is None:
        try:
            if first is None and os.path.exists(mark):
                first, work = time.monotonic() - began, processor_seconds(run.pid)
            with open("/proc/%d/status" % run.pid, encoding="ascii") as f:
                most = max([most] + [int(line.split()[1]) for line in f if line.startswith("VmHWM")])
        except FileNotFoundError:
            pass
        time.sleep(0.01)
    if run.returncode:
        sys.exit(run.stderr.read())
    return first, work, most / 1024


def checkpoint(path):
    """Bytes of all, of model and optimiser, and rows that were seen: the first dimension of a frame (formats/frame.h)."""
    with open(path, "rb") as f:
        length, = struct.unpack("<Q", f.read(8))
        head = json.loads(f.read(length))
        head.pop("__metadata__")
        f.seek(8 + length + head["samples.gap"]["data_offsets"][0] + 32)
        seen, = struct.unpack("<q", f.read(8))
    size = {name: t["data_offsets"][1] - t["data_offsets"][0] for name, t in head.items()}
    base = sum(n for name, n in size.items() if name.startswith(("model.", "optim.", "objective.", "front.")))
    return os.path.getsize(path), base, seen


def main():
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    lab = Lab(rows=rows, train__threads=0, pipeline__decoders=0, train__steps=UPDATES, train__batch=64,
              run__checkpoint=1, run__keep=100, eval__interval=100000)
    cold, cold_work, memory = first_update(lab, "cold")
    warm, warm_work, again = first_update(lab, "warm")
    whole, base, seen = checkpoint(lab.path("cold", "checkpoints", "step-%08d.safetensors" % UPDATES))
    lab.close()
    most = 1.2 * base + 8 * seen
    print("first update: %.1f s cold (bound %d), %.1f s warm (bound %d); of the processor %.1f s and %.1f s"
          % (cold, COLD, warm, WARM, cold_work, warm_work))
    print("memory: %.0f MiB (bound %d)" % (max(memory, again), MEMORY))
    print("checkpoint: %d bytes, model and optimiser %d, %d rows seen (bound %d)" % (whole, base, seen, most))
    verdict(cold < COLD and warm < WARM and max(memory, again) < MEMORY and whole <= most,
            "%d rows" % rows, "all of the above")


main()
