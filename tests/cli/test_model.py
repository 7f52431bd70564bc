#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What `retort model` says of files of other programs: of one that can be run all, of one that cannot all of the rest.
# Models of retort: test_commands.py.
"""Usage: test_model.py PATH/TO/retort"""

import json
import os
import unittest

from end_to_end import EndToEnd
from onnx_file import constant, field, node, value
from test_init import png

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")


def model(opset, *nodes):
    graph = b"".join(nodes) + field(2, "g") + value(11, "x", "batch", 3, "side", "side") + value(12, "y", "batch")
    return field(1, 9) + field(2, "somebody") + field(8, field(2, opset)) + field(7, graph)


def picky():
    """A picture's colours, from 0 to 1, become rows 0, 1 or 2 of a table of two: a light picture has none. Its weights
    are nodes, and its output are probabilities, as Paddle's exporter writes them."""
    cast = field(5, field(1, "to") + field(3, 7) + field(20, 2))
    graph = node("GlobalAveragePool", "p", "x", "pool") + node("Flatten", "f", "pool", "flat") + \
        field(1, field(1, "flat") + field(1, "scale") + field(2, "at") + field(4, "Mul")) + \
        field(1, field(1, "at") + field(2, "row") + field(4, "Cast") + cast) + \
        field(1, field(1, "table") + field(1, "row") + field(2, "seen") + field(3, "look") + field(4, "Gather")) + \
        field(1, field(1, "seen") + field(1, "weight") + field(2, "logits") + field(4, "MatMul")) + \
        node("Softmax", "s", "logits", "y") + \
        constant("weight", 1, 0, 0, 0, 1, 0, 0, 0, 1, dims=(3, 3)) + \
        field(2, "g") + constant("scale", 2.4, dims=(1,)) + constant("table", 1.0, 4.0, dims=(2,)) + \
        value(11, "x", "batch", 3, 16, 16) + value(12, "y", "batch", 3)
    return field(1, 9) + field(2, "somebody") + field(8, field(2, 13)) + field(7, graph)


class Model(EndToEnd):
    def card(self, *words, code=0):
        out, _ = self.retort("model", "--json", *words, code=code)
        return [json.loads(line) for line in out.splitlines()]

    def put(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def test_a_file_that_runs(self):
        path = os.path.join(GOLDEN, "onnx_resnet.onnx")
        card, = self.card(path)
        self.assertEqual(card["inputs"], [{"name": "input", "type": "float32", "shape": ["batch", 3, 33, 40]}])
        self.assertEqual((card["operators"]["Conv"], card["missing"], card["opset"]), (20, [], 11))
        # By hand, from the network in torch_onnx.py: 8 to 16 channels, stages of 9x10, 5x5, 3x3 and 2x2 places.
        macs = 17 * 20 * 8 * 147 + 90 * 4 * 576 + 25 * (8 * 144 + 3 * 2304 + 128) + 9 * (4 * 2304 + 256) + \
            4 * (4 * 2304 + 256) + 96
        self.assertEqual(card["macs"], macs)
        self.assertEqual([o["shape"] for o in card["sample"]["outputs"]], ["[1, 16]", "[1, 6]"])
        # Attention that is fused counts all the same: 2 layers on 9 words of 24 numbers, and the pooler.
        card, = self.card(os.path.join(GOLDEN, "arch_bert.onnx"), "--size", "sequence=9")
        self.assertEqual(card["macs"], 2 * (4 * 9 * 24 * 24 + 2 * 9 * 24 * 48 + 2 * 9 * 9 * 24) + 24 * 24)
        self.assertEqual(card["sample"]["inputs"]["attention_mask"], "[1, 9]")
        out, _ = self.retort("model", path, "--size", "batch=3", "--value", "input=0")
        self.says(out, "pytorch 1.13.0", "[batch, 3, 33, 40]", "Conv 20", "embedding [3, 16]", "2.81 M multiply-adds")
        for words, why in ((("--size", "width=9"), "no input or axis has this name"),
                           (("--size", "input=1,3"), "one for each dimension"),
                           (("--size", "batch=x"), "a whole number is wanted")):
            self.says(self.retort("model", path, *words, code=1)[0], "refused", why)
        self.says(self.retort("model", "--size", "batch", path, code=2)[1], "NAME=NUMBER is wanted")

    def test_as_a_teacher(self):
        path = os.path.join(GOLDEN, "onnx_picture.onnx")
        card, = self.card(path, "-s", "teacher.front.preset=imagenet")
        self.says(card["teacher"], "224 x 224", "(12), logits 'logits' (3)")
        self.says(card["front end"], "imagenet", "mean=0.485")
        self.says(self.card(path)[0]["no teacher"], "its side is open", "teacher.front.size=N")
        card, = self.card(os.path.join(GOLDEN, "arch_arcface.onnx"))
        self.says(card["teacher"], "embedding 'output' (24)", "teacher.logits=none")
        self.says(card["no logits"], "not from a linear classifier")

    def test_files_that_do_not(self):
        good = node("Relu", "r", "x", "a")
        files = [self.put("op.onnx", model(13, good, node("Frobnicate", "f", "a", "y"))),
                 self.put("ms.onnx", model(17, good, node("FusedGelu", "f", "a", "y", "com.microsoft"))),
                 self.put("new.onnx", model(99, good, node("Relu", "f", "a", "y"))),
                 self.put("old.onnx", model(13, good, node("HardSwish", "f", "a", "y"))),
                 self.put("page.onnx", b"<!DOCTYPE html>")]
        op, ms, new, old, page = self.card(*files, code=1)
        for card in (op, ms, new, old):
            self.assertEqual((card["producer"], card["operators"]["Relu"]), ("somebody", 2 if card is new else 1))
            self.assertEqual(card["inputs"][0]["shape"], ["batch", 3, "side", "side"])
            self.assertNotIn("sample", card)
        self.assertEqual(op["missing"], [{"operator": "Frobnicate", "node": "f", "why": "unknown operator"}])
        self.assertEqual(ms["missing"][0]["operator"], "com.microsoft.FusedGelu")
        self.says(ms["missing"][0]["why"], "optimised or quantised for ONNX Runtime")
        self.says(old["missing"][0]["why"], "read in opset 14 to")
        self.says(op["refused"], 'node "f" (Frobnicate, opset 13): unknown operator')
        self.says(new["refused"], "opset 99")
        self.assertEqual(new["missing"], [])
        self.says(page["refused"], "not an ONNX file")
        # Sizes that were nobody's wish are said where they may be why.
        card, = self.card(os.path.join(GOLDEN, "arch_bert.onnx"), "--size", "sequence=2000", code=1)
        self.assertEqual((card["tried"]["input_ids"], "--size" in card["hint"]), ("[1, 2000]", True))
        self.assertNotIn("tried", op)
        out, _ = self.retort("model", files[0], self.path("none.onnx"), code=1)
        self.says(out, 'Frobnicate, 1 node, the first "f": unknown operator', "none.onnx", "refused")

    def test_a_graph_that_refuses_one_sample_of_a_batch(self):
        """It is named with its reason, its neighbours have the answers that they have without it."""
        path = self.put("picky.onnx", picky())
        colours = {"red": (255 * 3 // 4, 0, 0), "white": (255, 255, 255), "blue": (0, 0, 255 * 3 // 4)}
        files = {name: self.path(name + ".png") for name in colours}
        for name, colour in colours.items():
            png(files[name], colour)
        ask = ("predict", "--json", path)
        alone = {name: self.retort(*ask, files[name], code=name == "white")[0] for name in files}
        out, _ = self.retort(*ask, *files.values(), code=1)
        self.assertEqual(out, "".join(alone.values()))
        red, white, blue = map(json.loads, out.splitlines())
        card, = self.card(path, "--value", "x=0.5")
        self.assertEqual((card["operators"]["Constant"], card["weights"]), (1, 1 + 2 + 9))  # one holds a single number
        self.says(card["teacher"], "embedding 'seen' (3), logits 'logits' (3)")
        self.says(white["error"], "look", "index 2 into 2 entries")
        self.assertEqual([x["label"] for x in (red, blue)], ["0", "2"])


if __name__ == "__main__":
    unittest.main()
