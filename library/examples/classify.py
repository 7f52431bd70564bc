#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""classify.py: what a model says of files, through libretort and ctypes; nothing else is needed.

Usage: classify.py MODEL FILE...     RETORT_LIBRARY=/path/to/libretort.so where it is not installed
Prints a line of JSON for each file: file, label, probability, posteriors, embedding.
"""
import ctypes
import ctypes.util
import json
import os
import sys


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 1000)]


class About(ctypes.Structure):
    _fields_ = [("input", ctypes.c_int), ("embedding", ctypes.c_int), ("classes", ctypes.c_int),
                ("seconds", ctypes.c_double), ("rate", ctypes.c_int), ("width", ctypes.c_int),
                ("height", ctypes.c_int), ("weights", ctypes.c_int64), ("network", ctypes.c_char_p),
                ("read", ctypes.c_char_p)]


class Answer(ctypes.Structure):
    _fields_ = [("embedding", ctypes.POINTER(ctypes.c_float)), ("posteriors", ctypes.POINTER(ctypes.c_float)),
                ("label", ctypes.c_int), ("probability", ctypes.c_float)]


lib = ctypes.CDLL(os.environ.get("RETORT_LIBRARY") or ctypes.util.find_library("retort") or "libretort.so.0")
lib.retort_label.restype = ctypes.c_char_p
lib.retort_label.argtypes = [ctypes.c_void_p, ctypes.c_int]
lib.retort_close.argtypes = [ctypes.c_void_p]


class Model:
    """One handle. Any thread may ask it; they wait for each other."""

    def __init__(self, path):
        self.handle, error = ctypes.c_void_p(), Error()
        if lib.retort_open(ctypes.byref(self.handle), os.fsencode(path), None, ctypes.byref(error)) < 0:
            raise ValueError(error.text.decode())
        self.about = About()
        lib.retort_describe(self.handle, ctypes.byref(self.about))
        self.labels = [lib.retort_label(self.handle, i).decode() for i in range(self.about.classes)]

    def file(self, path):
        """label (or None), its probability, all posteriors, embedding"""
        embedding = (ctypes.c_float * self.about.embedding)()
        posteriors = (ctypes.c_float * max(1, self.about.classes))()
        answer, error = Answer(embedding, posteriors), Error()
        if lib.retort_file(self.handle, os.fsencode(path), ctypes.byref(answer), ctypes.byref(error)) < 0:
            raise ValueError(error.text.decode())
        label = self.labels[answer.label] if answer.label >= 0 else None
        return label, answer.probability, list(posteriors)[:self.about.classes], list(embedding)

    def close(self):
        lib.retort_close(self.handle)
        self.handle = None


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    model, failed = Model(sys.argv[1]), False
    for path in sys.argv[2:]:
        try:
            label, probability, posteriors, embedding = model.file(path)
        except ValueError as error:
            print(error, file=sys.stderr)
            failed = True
            continue
        print(json.dumps({"file": path, "label": label, "probability": probability, "posteriors": posteriors,
                          "embedding": embedding}))
    model.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
