#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# libretort as others meet it: installed, found by pkg-config, linked shared and static, from Python; the bits
# of `retort embed`; which libraries it needs and which names it shows. Second argument: the build's folder.

import array
import json
import math
import os
import re
import shutil
import subprocess
import sys
import unittest

BUILD = os.path.abspath(sys.argv.pop(2))
from end_to_end import EndToEnd, SPEECH, npy_read  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "library", "examples")
SHARED = os.path.join(BUILD, "library", "libretort.so")


def output(*command, **how):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, **how)
    if done.returncode:
        raise AssertionError("%s: %s" % (" ".join(map(str, command)), done.stderr.decode()))
    return done.stdout.decode()
