#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Hours of a run with clients and screens that come and go: memory does not grow, and neither do descriptors and threads.
"""Usage: soak.py RETORT [HOURS]   (6; fractions are fine)

It says every minute how far it is. Ended before its time (Ctrl-C, SIGTERM) it gives the verdict of what it saw."""

import json
import os
import pty
import random
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from fcntl import ioctl

from campaign import Lab, verdict

SLOPE = 1.0     # KiB a minute, of the second half
CHANGES = 1100  # RT_CONTROL_UNDO and some
ended = []      # by a signal


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
                                ["count", "where", "label = red"], ["mute", "s7"], ["restore", "s7"], ["batch", "decode"],
                                ["watch"]))
            file.write(json.dumps({"verb": verb[0], "args": verb[1:]}) + "\n")
            file.flush()
            file.readline()


def fill(path):
    """What may grow up to a bound is filled up first: more changes than can be taken back, as long as those to come."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(600)
        s.connect(path)
        file = s.makefile("rw")
        for i in range(CHANGES):
            file.write(json.dumps({"verb": "set", "args": ["distill.l2.lambda", str(i % 9)]}) + "\n")
            file.flush()
            file.readline()


class Screen:
    """`retort attach` in a terminal of its own, looked at for some seconds, through its screens."""

    def __init__(self, lab, draw):
        self.end, there = pty.openpty()
        ioctl(there, termios.TIOCSWINSZ, struct.pack("4H", draw.randrange(10, 50), draw.randrange(40, 160), 0, 0))
        self.process = subprocess.Popen([lab.program, "attach", lab.path("run")], stdin=there, stdout=there,
                                        stderr=there, env=dict(lab.environment(), TERM="xterm-256color"))
        os.close(there)
        self.until = time.monotonic() + draw.uniform(2, 40)
        self.typed, self.shown = b"", b""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        try:
            while new := os.read(self.end, 65536):
                self.shown = (self.shown + new)[-1000:]
        except OSError:
            pass  # nobody is at the other end any more

    def look(self, draw):
        """Presses a key. True when its time is over and it was told to detach."""
        over = time.monotonic() > self.until
        keys = b"qd" if over else draw.choice(b"1234567890jkgG\t").to_bytes(1, "big")
        self.typed += keys
        try:
            os.write(self.end, keys)
        except OSError:
            pass
        return over

    def leave(self):
        """Whether it ended by itself, without a complaint; else what was typed and seen last is told."""
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.reader.join()
        os.close(self.end)
        if code:
            print("a screen ended with %d; typed: %r; shown last: %r" % (code, self.typed, self.shown), flush=True)
        return code == 0


def slope(points):
    """KiB a minute, least squares."""
    n, x, y = len(points), [p[0] / 60 for p in points], [p[1] for p in points]
    mx, my = sum(x) / n, sum(y) / n
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)


def watch(lab, run, path, seconds):
    """What was seen: (seconds, KiB, descriptors, threads), and of the screens how many there were, and went wrong."""
    draw, seen, screen, screens, wrong = random.Random(3), [], None, 0, 0
    began = told = time.monotonic()
    while time.monotonic() - began < seconds and run.poll() is None and not ended:
        try:
            talk(path, draw)
        except OSError:
            pass
        if not screen and draw.random() < 0.1:
            screen, screens = Screen(lab, draw), screens + 1
        if screen and screen.look(draw):
            wrong += not screen.leave()
            screen = None
        time.sleep(0.2)
        if run.poll() is None:
            seen.append((time.monotonic() - began, *look(run.pid)))
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print("%.0f min: %d KiB, %d descriptors, %d threads, %d screens" % (
                (told - began) / 60, *seen[-1][1:], screens), flush=True)
    if screen:
        screen.until = 0
        screen.look(draw)
        wrong += not screen.leave()
    return seen, screens, wrong


def main():
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 6
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.append(True))
    lab = Lab(rows=3000, train__steps=1000000000, run__checkpoint=2000, eval__interval=5000)
    run = lab.start(*lab.words("run"))
    path = lab.wait_socket(run)
    fill(path)
    seen, screens, wrong = watch(lab, run, path, hours * 3600)
    alive = run.poll() is None
    run.kill()
    run.communicate()
    lab.close()
    half = seen[len(seen) // 2:]
    growth = slope(half)
    files, threads = (max(p[i] for p in half) - min(p[i] for p in half) for i in (2, 3))
    verdict(alive and growth < SLOPE and files <= 2 and threads == 0 and wrong == 0,
            "%.2f h, %d screens (%d went wrong)%s: %.2f KiB a minute, descriptors within %d, threads within %d" % (
                seen[-1][0] / 3600, screens, wrong, "" if alive else ", the run ended", growth, files, threads),
            "%.0f KiB a minute, 2, 0" % SLOPE)


main()
