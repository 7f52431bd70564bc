#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Hours of a run with clients that come and go: memory does not grow, and neither do descriptors and threads.
"""Usage: soak.py RETORT [HOURS]   (6; fractions are fine)"""

import json
import os
import random
import socket
import sys
import time

from campaign import Lab, verdict

SLOPE = 1.0  # KiB a minute, of the second half


def look(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        status = dict(line.split(":", 1) for line in f)
    return int(status["VmRSS"].split()[0]), len(os.listdir("/proc/%d/fd" % pid)), int(status["Threads"])


def talk(path, draw):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        file = s.makefile("rw")
        for _ in range(draw.randrange(1, 20)):
            verb = draw.choice((["status"], ["get"], ["set", "distill.l2.lambda", str(draw.randrange(9))], ["undo"],
                                ["count", "where", "label = red"], ["mute", "where", "label = blue"], ["restore", "where",
                                "label = blue"], ["batch", "decode"], ["watch"]))
            file.write(json.dumps({"verb": verb[0], "args": verb[1:]}) + "\n")
            file.flush()
            file.readline()


def slope(points):
    """KiB a minute, least squares."""
    n, x, y = len(points), [p[0] / 60 for p in points], [p[1] for p in points]
    mx, my = sum(x) / n, sum(y) / n
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)


def main():
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 6
    lab = Lab(rows=3000, train__steps=1000000000, run__checkpoint=2000, eval__interval=5000)
    run = lab.start(*lab.words("run"))
    path, draw, seen = lab.wait_socket(run), random.Random(3), []
    began = time.monotonic()
    while time.monotonic() - began < hours * 3600 and run.poll() is None:
        try:
            talk(path, draw)
        except OSError:
            pass
        time.sleep(0.2)
        seen.append((time.monotonic() - began, *look(run.pid)))
    alive = run.poll() is None
    run.kill()
    run.communicate()
    lab.close()
    half = seen[len(seen) // 2:]
    growth = slope(half)
    files, threads = (max(p[i] for p in half) - min(p[i] for p in half) for i in (2, 3))
    verdict(alive and growth < SLOPE and files <= 2 and threads == 0,
            "%.2f h: %.2f KiB a minute, descriptors within %d, threads within %d" % (hours, growth, files, threads),
            "%.0f KiB a minute, 2, 0" % SLOPE)


main()
