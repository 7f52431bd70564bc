#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What people really have: recordings of opposite polarity or cut short, files that are something else, labels that are
# near-equal or in no training row. What is done about them is told.
"""Usage: test_reading.py PATH/TO/retort"""

import json
import unittest

from end_to_end import EndToEnd, SPEECH, settings, voice, wav, write_manifest


class Reading(EndToEnd):
    def put(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return name

    def test_recordings(self):
        v = voice(150, 1)
        files = [self.put("plain.wav", wav(v)), self.put("opposed.wav", wav(v, [-x for x in v])),
                 self.put("pipe.wav", wav(v, size=0x7ffff000)), self.put("cut.wav", wav(v)[:9000]),
                 self.put("page.wav", b"<!DOCTYPE html><title>404</title>"),
                 self.put("picture.wav", b"\x89PNG\r\n\x1a\n" + bytes(20))]
        manifest = write_manifest(self.path("m.tsv"), [[f[:-4], f] for f in files], ("id", "speech"))
        out, err = self.retort("inspect", manifest, "--json")
        found = {row["id"]: row for row in json.loads(out)}
        self.says(err, "1 sample: channels of opposite polarity", "channels < -0.5")
        for name in ("plain", "opposed", "pipe"):
            self.assertAlmostEqual(found[name]["duration"], 0.4, 3)
            self.assertAlmostEqual(found[name]["snr"], found["plain"]["snr"], 2)
        for name, words in (("cut", "8956 of 12800 bytes of sound are there"), ("page", "a web page"),
                            ("picture", "a PNG picture; recordings are read as WAV")):
            self.assertEqual(found[name]["reason"], "unreadable")
            self.says(self.retort("inspect", manifest, "--sample", name)[0], words)

    def test_labels(self):
        table = []
        for split, labels in (("train", ("cat", "cat ", "Cat", "cat", "dog", "dog", "dog", "dog")),
                              ("test", ("cat", "dog", "boat"))):
            for i, label in enumerate(labels):
                name = "%s%d" % (split, i)
                self.put(name + ".wav", wav(voice(110 if label.lower().startswith("cat") else 190, len(table))))
                table.append([name, split, label, name + ".wav"])
        manifest = write_manifest(self.path("labels.tsv"), table, ("id", "split", "label", "speech"))
        near = 'near-equal are classes of their own: "Cat" (1 row), "cat" (3 rows), "cat " (1 row)'
        self.says(self.retort("inspect", manifest)[1], near)
        with open(self.path("r.yaml"), "w", encoding="utf-8") as f:
            f.write("data: {manifest: labels.tsv}\n")
        out, err = self.retort("run", self.path("r.yaml"), "-o", self.path("run"), "-q", "--headless",
                               *settings(SPEECH, **{"train.epochs": "1", "train.batch": "4"}))
        self.says(err, near, '1 samples of validation and test have labels that no training sample has ("boat")')
        self.assertRegex(out, r"test +top-1 [\d.]+ %, macro-F1 [\d.]+ %, 3 samples")  # no top-5 of four classes


if __name__ == "__main__":
    unittest.main()
