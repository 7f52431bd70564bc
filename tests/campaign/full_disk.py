#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A run folder on a disk of every size from too small on: the run says so, and with room it goes on to the same bytes.
# Needs root, for a tmpfs.
"""Usage: full_disk.py RETORT [SIZES]   (40)"""

import os
import subprocess
import sys

from campaign import Lab, outcome, verdict


def main():
    sizes = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    lab = Lab(rows=600, train__epochs=6)
    lab.run(*lab.words("whole"))
    expected = outcome(lab.path("whole"))
    small = lab.path("small")
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False).returncode:
        lab.close()
        sys.exit("full_disk.py: cannot mount a tmpfs; run it as root")
    full = good = 0
    try:
        for i in range(sizes):
            kib = 60 + 24 * i
            subprocess.run(["mount", "-o", "remount,size=%dk" % kib, small], check=True)
            first = lab.run(*lab.words("small/run"))
            full += first.returncode == 1 and ("full" in first.stderr or "space" in first.stderr)
            subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
            begun = os.path.exists(lab.path("small/run", "recipe.yaml"))  # before that there is no run to go on with
            done = first if first.returncode == 0 else lab.run(*lab.words("small/run", resume=begun))
            same = done.returncode == 0 and outcome(lab.path("small/run")) == expected
            named = first.returncode == 0 or "full" in first.stderr or "space" in first.stderr
            good += same and named
            if not same or not named:
                print("%d KiB: %s / %s" % (kib, first.stderr.strip()[-200:], done.stderr.strip()[-200:]))
            subprocess.run(["rm", "-rf", lab.path("small/run")], check=True)
    finally:
        subprocess.run(["umount", small], check=False)
    lab.close()
    verdict(good == sizes, "%d of %d sizes: %d said full, all went on to the same bytes" % (good, sizes, full), "all")


main()
