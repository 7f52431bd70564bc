#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Clients that ask as fast as they can: a run keeps 95 % of its speed. Each kind of flood is measured beside the same
# run left alone, in turns, since other work on the machine is not constant either.
"""Usage: flood.py RETORT [SECONDS]   (10, of each turn)"""

import json
import multiprocessing
import os
import socket
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


def ask(path, requests, end):
    os.nice(0)
    number = 0
    while time.monotonic() < end:
        try:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(30)
            s.connect(path)
            if not requests:
                s.close()
                continue
            file = s.makefile("rw")
            while time.monotonic() < end:
                number += 1
                verb, *args = requests[number % len(requests)]
                args = [a.replace("%d", str(number % 5)) for a in args]
                file.write(json.dumps({"verb": verb, "args": args}) + "\n")
                file.flush()
                file.readline()
        except OSError:
            time.sleep(0.01)


def step(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        s.sendall(b'{"verb":"status"}\n')
        return json.loads(s.makefile().readline())["result"]["step"], time.monotonic()


def speed(path, seconds, clients=0, requests=()):
    end = time.monotonic() + seconds
    first, began = step(path)
    crowd = [multiprocessing.Process(target=ask, args=(path, requests, end)) for _ in range(clients)]
    for c in crowd:
        c.start()
    time.sleep(max(0, end - time.monotonic()))
    for c in crowd:
        c.join()
    last, ended = step(path)
    return (last - first) / (ended - began)


def main():
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    worst = 1
    for name, (clients, requests) in FLOODS.items():
        lab = Lab(rows=3000, train__steps=100000000, train__batch=256, student__width=64, text__buckets=4096,
                  eval__interval=100000)
        run = lab.start(*lab.words("run"))
        path = lab.path("run", "socket")
        wait_for(lambda: os.path.exists(path))
        wait_for(lambda: step(path)[0] > 20)
        alone, flooded = [], []
        for _ in range(TURNS):
            alone.append(speed(path, seconds))
            flooded.append(speed(path, seconds, clients, requests))
        run.kill()
        run.communicate()
        lab.close()
        share = statistics.median(flooded) / statistics.median(alone)
        worst = min(worst, share)
        print("%-18s %2d clients: %.1f steps/s alone, %.1f flooded: %.1f %%"
              % (name, clients, statistics.median(alone), statistics.median(flooded), 100 * share))
    verdict(worst >= 0.95, "at worst %.1f %% of the speed is left" % (100 * worst), "95 %")


main()
