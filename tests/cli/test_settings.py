#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# docs/settings.md and the tables in docs/onnx.md say what the program knows: they equal what docs/settings/make and
# docs/onnx/make print now.

import os
import subprocess
import sys
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RETORT = os.path.abspath(sys.argv.pop(1))


class Settings(unittest.TestCase):
    maxDiff = None

    def test_page_is_up_to_date(self):
        made = subprocess.run([sys.executable, os.path.join(TREE, "docs", "settings", "make"), "-o", "-"],
                              env=dict(os.environ, RETORT=RETORT), check=True, capture_output=True,
                              text=True).stdout
        with open(os.path.join(TREE, "docs", "settings.md"), encoding="utf-8") as f:
            self.assertEqual(f.read(), made, "run docs/settings/make")

    def test_operators_are_up_to_date(self):
        made = subprocess.run([sys.executable, os.path.join(TREE, "docs", "onnx", "make"), "-o", "-"], check=True,
                              capture_output=True, text=True).stdout
        with open(os.path.join(TREE, "docs", "onnx.md"), encoding="utf-8") as f:
            self.assertEqual(f.read(), made, "run docs/onnx/make")


if __name__ == "__main__":
    unittest.main()
