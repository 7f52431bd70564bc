#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Two ranks of a run with a wire of their own between them: one of them is in a network namespace, behind a virtual
# cable whose rate can be limited and which can be pulled. How long it takes to exchange gradients against their size
# over the rate; and the cable pulled in the middle of a run: both ends notice it within 15 seconds, say who is lost
# and end with 3, and what is left goes on to the bytes of a run that nothing happened to. Needs mpirun (Open MPI), ip
# and tc, and root, else it says that it was skipped.
"""Usage: wire.py RETORT [ROUNDS]   (2)"""

import json
import os
import random
import subprocess
import sys
import time

from campaign import MPI, Lab, outcome, verdict, wait_for

SPACE, NEAR, FAR = "retort-far", "10.77.61.1", "10.77.61.2"
CABLE = ("retort-near", "retort-end")
RATES = (("1gbit", 1e9), ("100mbit", 1e8))
NETS = ("cnn1d", "cnn2d-64", "tdnn-512")
BOUND = 1.3

AGENT = """#!/bin/sh
# As ssh: host, command. The far end has a host name of its own, by which Open MPI tells machines apart.
shift
exec ip netns exec %s unshare --uts sh -c "hostname far; $*"
"""

# What a rank said and how it ended, also where nobody can be told of it any more.
RANK = """#!/bin/sh
%s "$@" > "%s/said.$OMPI_COMM_WORLD_RANK" 2>&1
echo $? > "%s/code.$OMPI_COMM_WORLD_RANK"
"""


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


def far(*words, check=True):
    return ip("netns", "exec", SPACE, *words, check=check)


def wire_lay():
    """None, or what is missing."""
    try:
        ip("netns", "add", SPACE)
        ip("link", "add", CABLE[0], "type", "veth", "peer", "name", CABLE[1], "netns", SPACE)
        ip("addr", "add", NEAR + "/24", "dev", CABLE[0])
        ip("link", "set", CABLE[0], "up")
        far("ip", "addr", "add", FAR + "/24", "dev", CABLE[1])
        far("ip", "link", "set", CABLE[1], "up")
        far("ip", "link", "set", "lo", "up")
        return None
    except FileNotFoundError:
        return "there is no ip (iproute2)"
    except subprocess.CalledProcessError as e:
        return e.stderr.strip()


def wire_limit(rate):
    """At both ends; a bucket of 64 kB, so that bursts do not pass for speed."""
    words = ["qdisc", "replace", "dev", None, "root", "tbf", "rate", rate, "burst", "64kb", "latency", "50ms"]
    near, end = words[:3] + [CABLE[0]] + words[4:], words[:3] + [CABLE[1]] + words[4:]
    subprocess.run(["tc", *near], check=True, capture_output=True)
    far("tc", *end)


def wire_free():
    subprocess.run(["tc", "qdisc", "del", "dev", CABLE[0], "root"], check=False, capture_output=True)
    far("tc", "qdisc", "del", "dev", CABLE[1], "root", check=False)


def wire_take_up():
    ip("link", "del", CABLE[0], check=False)
    ip("netns", "del", SPACE, check=False)


def script(lab, name, text):
    path = lab.path(name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def start(lab, *words):
    agent = script(lab, "agent", AGENT % SPACE)
    rank = script(lab, "rank", RANK % (lab.program, lab.root, lab.root))
    for n in range(2):
        for name in ("said", "code"):
            if os.path.exists(lab.path("%s.%d" % (name, n))):
                os.unlink(lab.path("%s.%d" % (name, n)))
    net = NEAR.rsplit(".", 1)[0] + ".0/24"
    return subprocess.Popen(
        ["mpirun", "-n", "2", "--host", NEAR + "," + FAR, "--bind-to", "none", "--mca", "plm_rsh_agent", agent,
         "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", net, "--mca", "oob_tcp_if_include", net, rank, *words],
        env=dict(lab.environment(), **MPI), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def said(lab, rank):
    with open(lab.path("said.%d" % rank), encoding="utf-8", errors="replace") as f:
        return f.read()


def code(lab, rank):
    try:
        with open(lab.path("code.%d" % rank), encoding="utf-8") as f:
            return int(f.read() or "-1")
    except FileNotFoundError:
        return None


def end(process):
    """mpirun waits for a far end that it cannot reach; whether it does is not ours."""
    try:
        return process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def measure(lab, net):
    process = start(lab, "bench", net, "--ranks", "--batch", "8", "--threads", "1", "--seconds", "0", "--json")
    process.wait(timeout=600)
    return json.loads(said(lab, 0))


def rates(lab):
    """Each network at each rate: the ratio to what the wire takes for the bytes alone."""
    good = True
    for name, bits in RATES:
        wire_limit(name)
        for net in NETS:
            line = measure(lab, net)
            least = line["sent_megabytes"] * 8e6 / bits * 1e3
            ratio = line["exchange_ms"] / least
            good = good and ratio <= BOUND
            print("%-8s at %-7s: %6.2f MB in %7.1f ms, at the full rate %7.1f ms: %.2f" %
                  (net, name, line["sent_megabytes"], line["exchange_ms"], least, ratio), flush=True)
    wire_free()
    return good


def cut(lab, run, delay, expected):
    process = start(lab, *lab.words(run))
    wait_for(lambda: os.path.exists(lab.path(run, "run.db")) or process.poll() is not None)
    time.sleep(delay)
    ip("link", "set", CABLE[0], "down")
    pulled = time.monotonic()
    try:
        wait_for(lambda: code(lab, 0) is not None and code(lab, 1) is not None, 60)
    finally:
        took = time.monotonic() - pulled
        ip("link", "set", CABLE[0], "up")
    mpirun = end(process)
    ends = [code(lab, n) for n in range(2)]
    named = "rank 1 on far is lost" in said(lab, 0) and "rank 0 on " in said(lab, 1) and "is lost" in said(lab, 1)
    rest = lab.run(*lab.words(run, resume=True))
    same = rest.returncode == 0 and outcome(lab.path(run)) == expected
    print("pulled: ranks ended after %.1f s with %s, %s; mpirun %s; then %s" %
          (took, ends, "each names the other" if named else said(lab, 0)[-300:] + said(lab, 1)[-300:],
           "ended with %s" % mpirun if mpirun is not None else "had to be ended",
           "the same bytes" if same else rest.stderr[-300:]), flush=True)
    return took < 15 and ends == [3, 3] and named and same


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    lab = Lab(rows=300, train__shards=4, train__epochs=400, eval__interval=100, run__checkpoint=50)
    missing = wire_lay()
    try:
        if missing:
            print("skipped: no network namespace with a cable to it can be had here: %s" % missing)
            return
        fast = rates(lab)
        lab.run(*lab.words("whole"))
        draw = random.Random(4)
        held = [cut(lab, "c%d" % n, draw.uniform(0, 1), outcome(lab.path("whole"))) for n in range(rounds)]
    finally:
        wire_take_up()
        lab.close()
    verdict(fast and all(held), "exchanges near the wire's rate: %s; %d of %d pulled cables noticed and gone on from" %
            ("yes" if fast else "no", sum(held), rounds), "%.1f, all" % BOUND)


main()
