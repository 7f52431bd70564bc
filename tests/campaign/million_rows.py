#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A manifest of a million rows: how long until the first update, with caches cold and warm, what a checkpoint weighs
# beside model and optimiser, and how much memory it takes.
"""Usage: million_rows.py RETORT [ROWS]   (1000000)"""

import json
import os
import struct
import sys
import time

from campaign import Lab, verdict

UPDATES = 50
COLD, WARM, MEMORY = 20, 5, 300  # s, s, MiB


def first_update(lab, output):
    """Seconds until the first checkpoint (of step 1), MiB at most; the run goes on to its end."""
    run = lab.start(*lab.words(output))
    began, first, most = time.monotonic(), None, 0
    mark = lab.path(output, "checkpoints", "step-00000001.safetensors")
    while run.poll() is None:
        if first is None and os.path.exists(mark):
            first = time.monotonic() - began
        try:
            with open("/proc/%d/status" % run.pid, encoding="ascii") as f:
                most = max([most] + [int(line.split()[1]) for line in f if line.startswith("VmHWM")])
        except FileNotFoundError:
            pass
        time.sleep(0.01)
    if run.returncode:
        sys.exit(run.stderr.read())
    return first, most / 1024


def checkpoint(path):
    """Bytes of all, of model and optimiser, and rows that were seen."""
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    head.pop("__metadata__")
    size = {name: t["data_offsets"][1] - t["data_offsets"][0] for name, t in head.items()}
    base = sum(n for name, n in size.items() if name.startswith(("model.", "optim.", "objective.", "front.")))
    return os.path.getsize(path), base, head["samples.row"]["shape"][0]


def main():
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    lab = Lab(rows=rows, train__steps=UPDATES, train__batch=64, run__checkpoint=1, run__keep=100, eval__interval=100000)
    cold, memory = first_update(lab, "cold")
    warm, again = first_update(lab, "warm")
    whole, base, seen = checkpoint(lab.path("cold", "checkpoints", "step-%08d.safetensors" % UPDATES))
    lab.close()
    most = 1.2 * base + 8 * seen
    print("first update: %.1f s cold (bound %d), %.1f s warm (bound %d)" % (cold, COLD, warm, WARM))
    print("memory: %.0f MiB (bound %d)" % (max(memory, again), MEMORY))
    print("checkpoint: %d bytes, model and optimiser %d, %d rows seen (bound %d)" % (whole, base, seen, most))
    verdict(cold < COLD and warm < WARM and max(memory, again) < MEMORY and whole <= most,
            "%d rows" % rows, "all of the above")


main()
