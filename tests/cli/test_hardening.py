#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What the compiler and the linker were asked to guard is in the program: read from its ELF headers, with nothing but
# Python, as readelf need not be installed. Only for builds without a sanitizer, which guards otherwise.
"""Usage: test_hardening.py PATH/TO/retort OPTIMISED(0|1)"""

import os
import platform
import struct
import sys
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
OPTIMISED = sys.argv.pop(1) == "1"
ET_DYN, PT_DYNAMIC, PT_GNU_STACK, PT_GNU_RELRO = 3, 2, 0x6474e551, 0x6474e552
PF_X, PF_W = 1, 2
DT_TEXTREL, DT_FLAGS, DT_FLAGS_1 = 22, 30, 0x6ffffffb
DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 8, 1, 0x08000000
ENDBR64 = b"\xf3\x0f\x1e\xfa"  # where an indirect branch may land


@unittest.skipUnless(platform.machine() in ("x86_64", "aarch64"), "written for little-endian ELF64")
class Hardening(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(PROGRAM, "rb") as f:
            cls.bytes = f.read()
        assert cls.bytes[:6] == b"\x7fELF\x02\x01", PROGRAM
        cls.type, = struct.unpack_from("<H", cls.bytes, 16)
        at, = struct.unpack_from("<Q", cls.bytes, 32)
        size, count = struct.unpack_from("<HH", cls.bytes, 54)
        cls.segments = [struct.unpack_from("<IIQQQQQQ", cls.bytes, at + i * size) for i in range(count)]
        _, _, offset, _, _, length, _, _ = cls.segment(PT_DYNAMIC)[0]
        cls.dynamic = dict(struct.unpack_from("<QQ", cls.bytes, offset + i) for i in range(0, length, 16))

    @classmethod
    def segment(cls, kind):
        return [s for s in cls.segments if s[0] == kind]

    def test_position_independent(self):
        self.assertEqual(self.type, ET_DYN)
        self.assertTrue(self.dynamic.get(DT_FLAGS_1, 0) & DF_1_PIE)
        self.assertNotIn(DT_TEXTREL, self.dynamic)

    def test_tables_are_read_only_once_linked(self):
        self.assertEqual(len(self.segment(PT_GNU_RELRO)), 1)
        bound = self.dynamic.get(DT_FLAGS, 0) & DF_BIND_NOW or self.dynamic.get(DT_FLAGS_1, 0) & DF_1_NOW
        self.assertTrue(bound, "without BIND_NOW the table of calls stays writable")

    def test_nothing_is_both_written_and_run(self):
        self.assertEqual(len(self.segment(PT_GNU_STACK)), 1)
        for kind, flags, *_ in self.segments:
            self.assertFalse(flags & PF_W and flags & PF_X and kind, hex(kind))

    def test_guarded_stacks(self):
        self.assertIn(b"\0__stack_chk_fail\0", self.bytes)

    @unittest.skipUnless(OPTIMISED, "glibc's checks need the optimiser")
    def test_checked_calls(self):
        for name in (b"__snprintf_chk", b"__memcpy_chk", b"__vsnprintf_chk"):
            self.assertIn(b"\0" + name + b"\0", self.bytes)

    @unittest.skipUnless(platform.machine() == "x86_64", "CET is x86's")
    def test_marked_landing_places(self):
        self.assertGreater(self.bytes.count(ENDBR64), 1000)  # without it 0 to 2, of libc's own start files


if __name__ == "__main__":
    unittest.main()
