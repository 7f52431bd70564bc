#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A run.db with random bytes changed, pages of one table in another's place, cut anywhere: every command that reads it
# says something or shows something, within its time; a run that goes on with it does too. (Views, types and numbers
# that are wrong on purpose: tests/cli/test_foreign_db.py.)
"""Usage: hostile_db.py RETORT [FILES]   (300)"""

import os
import random
import shutil
import subprocess
import sys
import time

from campaign import Lab, verdict

PAGE = 4096
PATIENCE = 60


def damage(data, draw):
    data = bytearray(data)
    kind = draw.randrange(4)
    if kind == 0:
        for _ in range(draw.choice((1, 4, 64, 1024))):
            data[draw.randrange(len(data))] = draw.randrange(256)
    elif kind == 1:
        a, b = (draw.randrange(len(data) // PAGE) * PAGE for _ in range(2))
        data[a:a + PAGE], data[b:b + PAGE] = data[b:b + PAGE], data[a:a + PAGE]
    elif kind == 2:
        del data[draw.randrange(len(data)):]
    else:  # the heads of pages, where cells are counted
        at = draw.randrange(len(data) // PAGE) * PAGE
        for i in range(12):
            data[at + i] = draw.randrange(256)
    return bytes(data)


def main():
    files = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    lab = Lab(rows=300, train__epochs=3)
    lab.run(*lab.words("whole"))
    with open(lab.path("whole", "run.db"), "rb") as f:
        whole = f.read()
    commands = (["ls", lab.path("run")], ["inspect", lab.path("run")], ["inspect", lab.path("run"), "--sample", "s7"],
                ["run", "--resume", "-o", lab.path("run"), "-q"])
    wrong, longest, tried = 0, 0, 0
    for i in range(files):
        shutil.rmtree(lab.path("run"), ignore_errors=True)
        shutil.copytree(lab.path("whole"), lab.path("run"))
        with open(lab.path("run", "run.db"), "wb") as f:
            f.write(damage(whole, random.Random(i)))
        for words in commands:
            began = time.monotonic()
            tried += 1
            try:
                code = lab.run(*words, timeout=PATIENCE).returncode
            except subprocess.TimeoutExpired:
                code = "no end"
            longest = max(longest, time.monotonic() - began)
            if code not in (0, 1, 2):
                wrong += 1
                print("file %d: %s: %s" % (i, " ".join(os.path.basename(w) for w in words), code))
    lab.close()
    verdict(wrong == 0, "%d commands on %d files: %d crashed or hung, the longest took %.1f s"
            % (tried, files, wrong, longest), "none; %d s" % PATIENCE)


main()
