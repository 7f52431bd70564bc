#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Clients that ask as fast as they can, on cores that the run has all: it keeps 95 % of its speed. Turns of the run alone
# and flooded are taken in a circle. What an update takes of the processor, the socket's thread included, is told too: on
# a busy machine it says more than the clock.
"""Usage: flood.py RETORT [SECONDS [KIND...]]   (10, of each turn; all kinds)"""

import bisect
import json
import multiprocessing
import os
import resource
import socket
import sqlite3
import statistics
import sys
import time

from campaign import Lab, verdict, wait_for

FLOODS = {
    "set": (8, [["set", "distill.l2.lambda", "%d"], ["set", "train.clip", "%d"]]),
    "count where": (12, [["count", "where", "snr < 3 or label = red and seen > %d"]]),
    "mute and restore": (8, [["mute", "where", "label = red"], ["restore", "where", "label = red"]]),
    "checkpoint": (8, [["checkpoint"]]),
    "status": (16, [["status"]]),
    "connections": (8, []),
}
TURNS = 5
BOUND = 0.95


def ask(path, requests, end, answers):
    """One client: connects again when it is turned away. With no requests it only comes and goes."""
    number = 0
    while time.monotonic() < end:
        try:
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)  # waits while too many knock
            if not requests:
                s.close()
                number += 1
                continue
            s.settimeout(max(0.01, end - time.monotonic()))
            file = s.makefile("rw")
            while time.monotonic() < end:
                verb, *args = requests[number % len(requests)]
                args = [a.replace("%d", str(number % 5)) for a in args]
                file.write(json.dumps({"verb": verb, "args": args}) + "\n")
                file.flush()
                if not file.readline():
                    break
                number += 1
        except OSError:
            time.sleep(0.01)
    with answers.get_lock():
        answers.value += number


def crowd_run(clients, target, words, until):
    """Seconds of the processor that a crowd used until then."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    crowd = [multiprocessing.Process(target=target, args=words, daemon=True) for _ in range(clients)]
    for c in crowd:
        c.start()
    time.sleep(max(0, until - time.monotonic()))
    for c in crowd:
        c.join(1)
        c.kill()  # it may still wait to be let in
        c.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Run:
    def __init__(self):
        self.lab = Lab(rows=3000, train__steps=100000000, train__batch=256, student__width=64, text__buckets=4096,
                       eval__interval=100000)
        self.socket = self.lab.path("run", "socket")
        self.process = self.lab.start(*self.lab.words("run"))
        wait_for(lambda: os.path.exists(self.socket))
        wait_for(lambda: self.step() > 20)
        self.known = [(self.step(), time.monotonic()) for _ in range(5)]

    def step(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.socket)
            s.sendall(b'{"verb":"status"}\n')
            return json.loads(s.makefile().readline())["result"]["step"]

    def clock(self):
        """Updates by time, as the run itself noted them: who asks the socket is a part of the flood, or waits with it."""
        with sqlite3.connect("file:%s?mode=ro" % self.lab.path("run", "run.db"), uri=True, timeout=30) as db:
            rows = db.execute("SELECT step, seconds FROM clock ORDER BY step").fetchall()
        began = statistics.median(now - between(rows, step) for step, now in self.known)
        return [(began + seconds, step) for step, seconds in rows]

    def used(self):
        """Processor's seconds of the socket's thread, and of all."""
        own = whole = 0
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            with open("/proc/%d/task/%s/stat" % (self.process.pid, task), encoding="ascii") as f:
                name, _, rest = f.read().partition("(")[2].rpartition(")")
            seconds = sum(int(v) for v in rest.split()[11:13]) / os.sysconf("SC_CLK_TCK")
            whole += seconds
            own += seconds if name == "socket" else 0
        return own, whole

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.lab.close()


def between(points, x):
    """The second number at x, on the line through the two points about it."""
    i = min(max(1, bisect.bisect(points, (x,))), len(points) - 1)
    (x0, y0), (x1, y1) = points[i - 1], points[i]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def measure(name, seconds):
    clients, requests = FLOODS[name]
    run, answers, turns = Run(), multiprocessing.Value("q", 0), {"alone": [], "flooded": []}
    cost = asked = socket_seconds = 0.0
    work = {kind: 0.0 for kind in turns}
    for _ in range(TURNS):
        for kind, spans in turns.items():
            began, (used, whole) = time.monotonic(), run.used()
            end = began + seconds
            if kind == "alone":
                time.sleep(seconds)
            else:
                before = answers.value
                cost += crowd_run(clients, ask, (run.socket, requests, end, answers), end)
                asked += answers.value - before
                socket_seconds += run.used()[0] - used
            spans.append((began, end))
            time.sleep(max(0, end - time.monotonic()))
            work[kind] += run.used()[1] - whole
    time.sleep(3)  # for the last of it to be written
    clock = run.clock()
    run.close()
    speed = {kind: statistics.median((between(clock, end) - between(clock, began)) / (end - began)
                                     for began, end in spans)
             for kind, spans in turns.items()}
    total = TURNS * seconds
    made = {kind: sum(between(clock, end) - between(clock, began) for began, end in spans)
            for kind, spans in turns.items()}
    print("%-17s %2d clients: %.1f steps/s alone, %.1f flooded: %.1f %%; %.0f answers/s; of a core: the socket %.1f %%, "
          "the clients %.1f %%; an update takes %.2f ms of the processor alone, %.2f flooded"
          % (name, clients, speed["alone"], speed["flooded"], 100 * speed["flooded"] / speed["alone"], asked / total,
             100 * socket_seconds / total, 100 * cost / total, 1000 * work["alone"] / made["alone"],
             1000 * work["flooded"] / made["flooded"]), flush=True)
    return speed["flooded"] / speed["alone"]


def main():
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    worst = min(measure(name, seconds) for name in (sys.argv[3:] or FLOODS))
    verdict(worst >= BOUND, "at worst %.1f %% of its speed is left" % (100 * worst),
            "%.0f %%" % (100 * BOUND))


main()
