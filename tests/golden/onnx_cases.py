#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Writes onnx_cases.txt: small networks of one operator or a few, with inputs and results, for what ONNX's own node
# tests of Debian 12 (opset 17) do not have: opsets 18 to 21, functions of a model's own, narrow numbers. The results
# are worked out here, number by number, from the text of the specification; nothing of retort's takes part.
# tests/stages/onnx/test_frozen_nodes.c reads the file. Standard library only.
"""Run as: tests/golden/onnx_cases.py [-o FILE]"""

import argparse
import itertools
import math
import os
import struct

FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, BOOL, FLOAT16, BFLOAT16 = 1, 2, 3, 4, 5, 6, 7, 9, 10, 16
INT4, UINT4, FLOAT8 = 22, 21, 17
RAW = {FLOAT: "<f", UINT8: "<B", INT8: "<b", UINT16: "<H", INT16: "<h", INT32: "<i", INT64: "<q", BOOL: "<B",
       FLOAT16: "<e", FLOAT8: "<B"}
HELD = {FLOAT: "f32", UINT8: "u8", INT8: "i32", UINT16: "i32", INT16: "i32", INT32: "i32", INT64: "i64", BOOL: "bool",
        FLOAT16: "f32", BFLOAT16: "f32", INT4: "i32", UINT4: "i32"}  # as what retort holds each
OUT = []


class Tensor:
    """Row-major numbers with a shape and ONNX's element type."""

    def __init__(self, shape, data, kind=FLOAT):
        self.shape, self.data, self.kind = list(shape), list(data), kind
        assert len(self.data) == math.prod(shape), (shape, len(self.data))

    def places(self):
        return itertools.product(*map(range, self.shape))

    def at(self, place):
        i = 0
        for p, n in zip(place, self.shape):
            i = i * n + p
        return self.data[i]

    def raw(self):
        if self.kind == BFLOAT16:
            return b"".join(struct.pack("<f", v)[2:] for v in self.data).hex()
        if self.kind in (INT4, UINT4):  # two to a byte, the first in the low bits
            half = [v & 15 for v in self.data] + [0] * (len(self.data) % 2)
            return bytes(a | b << 4 for a, b in zip(half[::2], half[1::2])).hex()
        return b"".join(struct.pack(RAW[self.kind], v) for v in self.data).hex()

    def line(self):
        return "%s %s: %s" % (HELD[self.kind], ",".join(map(str, self.shape)), " ".join(map(repr, self.data)))


def made(shape, value, kind=FLOAT):
    """A tensor whose number at each place is value(place)."""
    return Tensor(shape, [value(p) for p in itertools.product(*map(range, shape))], kind)


def ramp(*shape, start=-1.0, step=0.375):
    return Tensor(shape, [start + step * i * (1 if i % 3 else -0.5) for i in range(math.prod(shape))])


def ints(*values):
    return Tensor([len(values)], values, INT64)


def attribute(name, v):
    """One AttributeProto in the notation of tests/formats/onnx_wire.h."""
    if isinstance(v, float):
        return "5{1'%s'20=1 2~%r}" % (name, v)
    if isinstance(v, int):
        return "5{1'%s'20=2 3=%d}" % (name, v)
    if isinstance(v, str):
        return "5{1'%s'20=3 4'%s'}" % (name, v)
    if isinstance(v, Ref):
        return "5{1'%s'20=%d 21'%s'}" % (name, v.kind, v.name)
    if isinstance(v[0], float):
        return "5{1'%s'20=6 %s}" % (name, " ".join("7~%r" % x for x in v))
    return "5{1'%s'20=7 %s}" % (name, " ".join("8=%d" % x for x in v))


class Ref:
    """An attribute inside of a function that the function's call gives."""

    def __init__(self, name, kind):
        self.name, self.kind = name, kind


def node(op, inputs, outputs, attributes=None, domain=""):
    text = "".join("1'%s'" % i for i in inputs.split(",")) if inputs else ""
    text += "".join("2'%s'" % o for o in outputs.split(","))
    text += "4'%s'" % op + ("7'%s'" % domain if domain else "")
    return text + "".join(attribute(k, v) for k, v in (attributes or {}).items())


def case(name, opset, nodes, inputs, wants=None, refused=None, functions="", domain=""):
    """inputs: name -> Tensor, of the graph; those whose names are capitals lie in the file. wants: name -> Tensor."""
    text = "1=8 8{2=%d} %s%s7{" % (opset, "8{1'%s'2=1} " % domain if domain else "", functions)
    text += "".join("1{%s}" % n for n in (nodes if isinstance(nodes, list) else [nodes]))
    for key, t in inputs.items():
        dims = " ".join("1{1=%d}" % d for d in t.shape)
        if key.isupper():
            text += "5{%s 2=%d 8'%s' 9#%s }" % (" ".join("1=%d" % d for d in t.shape), t.kind, key, t.raw())
        else:
            text += "11{1'%s'2{1{1=%d 2{%s}}}}" % (key, t.kind, dims)
    for key, t in (wants or {"y": Tensor([1], [0])}).items():
        text += "12{1'%s'2{1{1=%d}}}" % (key, t.kind)
    OUT.append("case %s\nmodel %s}\n" % (name, text))
    OUT.extend("input %s\n" % t.line() for key, t in inputs.items() if not key.isupper())
    if refused:
        OUT.append("refused %s\n" % refused)
    else:
        OUT.extend("want %s\n" % t.line() for t in wants.values())


# ---- reductions: axes are an input since opset 18 ----

def reduced(x, axes, keep, f):
    """f of the list of numbers along axes."""
    axes = [a % len(x.shape) for a in axes]
    shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
    groups = {}
    for p in x.places():
        groups.setdefault(tuple(0 if i in axes else v for i, v in enumerate(p)), []).append(x.at(p))
    values = [f(groups[p]) for p in itertools.product(*map(range, shape))]
    return Tensor(shape if keep else [n for i, n in enumerate(shape) if i not in axes], values, x.kind)


def reductions():
    x = ramp(2, 3, 2)
    positive = made([2, 3, 2], lambda p: 0.5 + p[0] + 0.25 * p[1] * p[2])
    each = {
        "ReduceMean": lambda v: sum(v) / len(v), "ReduceSum": sum, "ReduceMax": max, "ReduceMin": min,
        "ReduceProd": math.prod, "ReduceL1": lambda v: sum(map(abs, v)),
        "ReduceL2": lambda v: math.sqrt(sum(a * a for a in v)), "ReduceSumSquare": lambda v: sum(a * a for a in v),
        "ReduceLogSum": lambda v: math.log(sum(v)), "ReduceLogSumExp": lambda v: math.log(sum(map(math.exp, v))),
    }
    for op, f in each.items():
        given = positive if op == "ReduceLogSum" else x
        case(op + "_axes", 18, node(op, "x,AXES", "y", {"keepdims": 0}), {"x": given, "AXES": ints(-2, 0)},
             {"y": reduced(given, [1, 0], False, f)})
        case(op + "_all", 20, node(op, "x", "y"), {"x": given}, {"y": reduced(given, [0, 1, 2], True, f)})
    case("ReduceMean_nothing", 18, node("ReduceMean", "x", "y", {"noop_with_empty_axes": 1}), {"x": x}, {"y": x})
    case("ReduceL2_nothing", 18, node("ReduceL2", "x", "y", {"noop_with_empty_axes": 1}), {"x": x},
         refused="noop_with_empty_axes without axes")
    case("ReduceMean_old_axes", 18, node("ReduceMean", "x", "y", {"axes": [1]}), {"x": x},
         refused="unknown attribute 'axes'")
    big = Tensor([3], [1000.0, 999.0, -1000.0])
    case("ReduceLogSumExp_large", 18, node("ReduceLogSumExp", "x", "y", {"keepdims": 0}), {"x": big},
         {"y": Tensor([], [1000 + math.log(1 + math.exp(-1))])})
    flags = Tensor([2, 3], [0, 1, 0, 0, 0, 0], BOOL)
    case("ReduceMax_flags", 20, node("ReduceMax", "x,AXES", "y"), {"x": flags, "AXES": ints(1)},
         {"y": Tensor([2, 1], [1, 0], BOOL)})


# ---- what moves: Split, Pad, Resize, scatters ----

def padded(x, before, after, mode, fill=0.0):
    shape = [n + b + a for n, b, a in zip(x.shape, before, after)]

    def source(i, n):
        if 0 <= i < n:
            return i
        if mode == "wrap":
            return i % n
        if mode == "edge":
            return min(max(i, 0), n - 1)
        return None

    def value(p):
        at = [source(i - b, n) for i, b, n in zip(p, before, x.shape)]
        return fill if None in at else x.at(at)
    return made(shape, value)


def moves():
    x = ramp(7, 2)
    rows = [Tensor([n, 2], x.data[2 * f:2 * (f + n)]) for f, n in ((0, 3), (3, 3), (6, 1))]
    case("Split_uneven", 18, node("Split", "x", "a,b,c", {"num_outputs": 3}), {"x": x}, dict(zip("abc", rows)))
    case("Split_wrong_number", 18, node("Split", "x", "y", {"num_outputs": 2}), {"x": x},
         refused="2 parts for 1 outputs")
    x = ramp(2, 3, 2)
    case("Pad_axes", 18, node("Pad", "x,PADS,VALUE,AXES", "y"),
         {"x": x, "PADS": ints(1, 0, 2, 1), "VALUE": Tensor([], [9.5]), "AXES": ints(2, -3)},
         {"y": padded(x, [0, 0, 1], [1, 0, 2], "constant", 9.5)})
    case("Pad_edge_axes", 18, node("Pad", "x,PADS,,AXES", "y", {"mode": "edge"}),
         {"x": x, "PADS": ints(2, 1), "AXES": ints(1)}, {"y": padded(x, [0, 2, 0], [0, 1, 0], "edge")})
    case("Pad_wrap", 19, node("Pad", "x,PADS", "y", {"mode": "wrap"}), {"x": x, "PADS": ints(0, 2, 1, 1, 4, 0)},
         {"y": padded(x, [0, 2, 1], [1, 4, 0], "wrap")})
    case("Pad_wrap_too_early", 18, node("Pad", "x,PADS", "y", {"mode": "wrap"}),
         {"x": x, "PADS": ints(0, 2, 1, 1, 4, 0)}, refused="mode 'wrap'")
    base, where = Tensor([2, 3], [1, 2, 3, 4, 5, 6], FLOAT), Tensor([2, 2], [0, 0, 2, -1], INT64)
    new = Tensor([2, 2], [7.0, 0.5, 5.5, 9.0])
    for how, want in (("max", [7.0, 2, 3, 4, 5, 9.0]), ("min", [0.5, 2, 3, 4, 5, 5.5]),
                      ("mul", [3.5, 2, 3, 4, 5, 297.0])):
        case("ScatterElements_" + how, 18, node("ScatterElements", "x,i,u", "y", {"axis": 1, "reduction": how}),
             {"x": base, "i": where, "u": new}, {"y": Tensor([2, 3], want)})
    places = Tensor([2, 1], [1, 1], INT64)
    rows = Tensor([2, 3], [9.0, 0.0, 6.5, 3.0, 8.0, 6.25])
    for how, want in (("max", [1, 2, 3, 9.0, 8.0, 6.5]), ("min", [1, 2, 3, 3.0, 0.0, 6])):
        case("ScatterND_" + how, 18, node("ScatterND", "x,i,u", "y", {"reduction": how}),
             {"x": base, "i": places, "u": rows}, {"y": Tensor([2, 3], want)})
    case("ScatterND_max_too_early", 16, node("ScatterND", "x,i,u", "y", {"reduction": "max"}),
         {"x": base, "i": places, "u": rows}, refused="reduction 'max'")


# ---- Resize ----

def resized(x, shape, place):
    """Linear along every axis: place(axis, i) is a number of the input's own counting."""
    def value(p):
        total = 0.0
        for corner in itertools.product((0, 1), repeat=len(shape)):
            weight, at = 1.0, []
            for axis, (i, c) in enumerate(zip(p, corner)):
                if shape[axis] == x.shape[axis]:
                    low, part = i, 0.0
                else:
                    low = math.floor(place(axis, i))
                    part = place(axis, i) - low
                weight *= part if c else 1 - part
                at.append(min(max(low + c, 0), x.shape[axis] - 1))
            total += weight * x.at(at)
        return total
    return made(shape, value)


def resizes():
    x = ramp(1, 2, 3, 4)
    case("Resize_axes_sizes", 18, node("Resize", "x,,,SIZES", "y", {"axes": [3, 2], "mode": "linear"}),
         {"x": x, "SIZES": ints(6, 2)},
         {"y": resized(x, [1, 2, 2, 6], lambda a, i: (i + 0.5) * x.shape[a] / [1, 2, 2, 6][a] - 0.5)})
    case("Resize_axes_scales", 19, node("Resize", "x,,SCALES", "y", {"axes": [-1], "mode": "linear"}),
         {"x": x, "SCALES": Tensor([1], [1.5])}, {"y": resized(x, [1, 2, 3, 6], lambda a, i: (i + 0.5) / 1.5 - 0.5)})

    def nearest(shape, scale):
        def at(i, s, n, m):  # half_pixel, round_prefer_floor
            return i if n == m else min(max(math.ceil((i + 0.5) / s - 0.5 - 0.5), 0), n - 1)
        return made(shape, lambda p: x.at([at(i, scale, n, m) for i, n, m in zip(p, x.shape, shape)]))
    for policy, scale, shape in (("not_larger", 7 / 4, [1, 2, 5, 7]), ("not_smaller", 9 / 3, [1, 2, 9, 12])):
        case("Resize_" + policy, 18,
             node("Resize", "x,,,SIZES", "y", {"axes": [2, 3], "keep_aspect_ratio_policy": policy}),
             {"x": x, "SIZES": ints(9, 7)}, {"y": nearest(shape, scale)})
    scale = struct.unpack("<f", struct.pack("<f", 0.6))[0]
    wide = ramp(1, 1, 1, 8)

    def symmetric(axis, i):  # 8 * 0.6 = 4.8 places, of which 4 are kept
        return 8 / 2 * (1 - 4 / (8 * scale)) + (i + 0.5) / scale - 0.5
    settings = {"coordinate_transformation_mode": "half_pixel_symmetric", "mode": "linear"}
    case("Resize_symmetric", 19, node("Resize", "x,,SCALES", "y", settings),
         {"x": wide, "SCALES": Tensor([4], [1.0, 1.0, 1.0, 0.6])}, {"y": resized(wide, [1, 1, 1, 4], symmetric)})
    # antialias: the filter is 1 / scale as wide, and its weights are brought to the sum of 1
    def cubic(d):
        return (1.25 * d - 2.25) * d * d + 1 if d <= 1 else ((-0.75 * d + 3.75) * d - 6) * d + 3 if d < 2 else 0

    def smoothed(long, m, reach, filter, outside):
        rows = []
        for i in range(m):
            s, n = m / long.shape[3], long.shape[3]
            at = (i + 0.5) / s - 0.5
            near = [p for p in range(-4 * n, 5 * n) if abs(p - at) * s < reach and (outside or 0 <= p < n)]
            weights = [filter(abs(p - at) * s) for p in near]
            rows.append([(min(max(p, 0), n - 1), w / sum(weights)) for p, w in zip(near, weights)])
        return made([1, 1, 1, m], lambda q: sum(w * long.at([0, 0, 0, p]) for p, w in rows[q[3]]))
    for name, mode, reach, filter in (("linear", "linear", 1, lambda d: 1 - d), ("cubic", "cubic", 2, cubic)):
        for exclude in (0, 1):
            settings = {"antialias": 1, "mode": mode, "exclude_outside": exclude}
            case("Resize_antialias_%s%s" % (name, "_inside" * exclude), 18, node("Resize", "x,,,SIZES", "y", settings),
                 {"x": wide, "SIZES": ints(1, 1, 1, 3)}, {"y": smoothed(wide, 3, reach, filter, not exclude)})
    case("Resize_antialias_larger", 19, node("Resize", "x,,,SIZES", "y", {"antialias": 1, "mode": "linear"}),
         {"x": wide, "SIZES": ints(1, 1, 1, 16)}, {"y": resized(wide, [1, 1, 1, 16], lambda a, i: (i + 0.5) / 2 - 0.5
                                                                if a == 3 else i)})
    case("Upsample_attribute", 7, node("Upsample", "x", "y", {"scales": [1.0, 1.0, 2.0, 1.5]}), {"x": x},
         {"y": made([1, 2, 6, 6], lambda p: x.at([p[0], p[1], p[2] // 2, int(p[3] / 1.5)]))})


# ---- functions of one number, norms, windows ----

def phi(v):
    return 0.5 * (1 + math.erf(v / math.sqrt(2)))


def functions_of_one():
    x = ramp(3, 4, start=-2.5)
    each = [
        ("Gelu", 20, {}, lambda v: v * phi(v)),
        ("Gelu", 20, {"approximate": "tanh"},
         lambda v: 0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v ** 3)))),
        ("Mish", 18, {}, lambda v: v * math.tanh(math.log1p(math.exp(v)))),
        ("HardSwish", 14, {}, lambda v: v * max(0, min(1, v / 6 + 0.5))),
    ]
    for op, opset, settings, f in each:
        case("_".join([op, *settings.values()]), opset, node(op, "x", "y", settings), {"x": x},
             {"y": Tensor(x.shape, map(f, x.data))})
    case("Gelu_too_early", 19, node("Gelu", "x", "y"), {"x": x}, refused="read in opset 20 to 21")
    odd = Tensor([4], [math.nan, math.inf, -math.inf, 1.0])
    case("IsNaN", 20, node("IsNaN", "x", "y"), {"x": odd}, {"y": Tensor([4], [1, 0, 0, 0], BOOL)})
    case("IsInf", 20, node("IsInf", "x", "y", {"detect_negative": 0}), {"x": odd},
         {"y": Tensor([4], [0, 1, 0, 0], BOOL)})


def norms():
    x = ramp(2, 4, 3)

    def grouped(scale, shift, by_group):
        def value(p):
            n, c, _ = p
            group = [x.at((n, k, i)) for k in range(c // 2 * 2, c // 2 * 2 + 2) for i in range(3)]
            mean = sum(group) / 6
            variance = sum((v - mean) ** 2 for v in group) / 6
            k = c // 2 if by_group else c
            return (x.at(p) - mean) / math.sqrt(variance + 1e-3) * scale[k] + shift[k]
        return made(x.shape, value)
    scale, shift = [0.5, 2.0, -1.0, 1.5], [0.25, 0.0, 1.0, -2.0]
    settings = {"num_groups": 2, "epsilon": 1e-3}
    case("GroupNormalization_18", 18, node("GroupNormalization", "x,S,B", "y", settings),
         {"x": x, "S": Tensor([2], scale[:2]), "B": Tensor([2], shift[:2])}, {"y": grouped(scale, shift, True)})
    case("GroupNormalization_21", 21, node("GroupNormalization", "x,S,B", "y", settings),
         {"x": x, "S": Tensor([4], scale), "B": Tensor([4], shift)}, {"y": grouped(scale, shift, False)})
    case("GroupNormalization_wrong", 21, node("GroupNormalization", "x,S,B", "y", settings),
         {"x": x, "S": Tensor([2], scale[:2]), "B": Tensor([2], shift[:2])}, refused="input 1 has 2 numbers, not 4")
    wide = ramp(1, 2, 7)

    def window(p, f):  # 3 taps, 2 apart, one place of padding before
        return f([wide.at((0, p[1], i)) for i in (2 * p[2] - 1, 2 * p[2] + 1, 2 * p[2] + 3) if 0 <= i < 7])
    settings = {"kernel_shape": [3], "dilations": [2], "strides": [2], "pads": [1, 1]}
    case("AveragePool_dilations", 19, node("AveragePool", "x", "y", settings), {"x": wide},
         {"y": made([1, 2, 3], lambda p: window(p, lambda v: sum(v) / len(v)))})
    case("AveragePool_dilations_too_early", 18, node("AveragePool", "x", "y", settings), {"x": wide},
         refused="unknown attribute 'dilations'")
    case("LpPool_dilations", 18, node("LpPool", "x", "y", {**settings, "p": 3}), {"x": wide},
         {"y": made([1, 2, 3], lambda p: window(p, lambda v: sum(abs(a) ** 3 for a in v) ** (1 / 3)))})


# ---- narrow numbers ----

def quantised(v, scale, zero, least, most):
    return int(min(max(round(v / scale) + zero, least), most))  # round: to even


def narrow():
    x = Tensor([2, 4], [-300.0, -1.5, 0.25, 0.75, 1.0, 2.5, 127.0, 40000.0])
    for name, kind, least, most, zero in (("INT16", INT16, -32768, 32767, -5), ("UINT16", UINT16, 0, 65535, 100),
                                          ("INT8", INT8, -128, 127, 3), ("UINT8", UINT8, 0, 255, 128)):
        want = Tensor(x.shape, [quantised(v, 0.5, zero, least, most) for v in x.data], kind)
        case("QuantizeLinear_" + name, 21, node("QuantizeLinear", "x,S,Z", "y"),
             {"x": x, "S": Tensor([], [0.5]), "Z": Tensor([], [zero], kind)}, {"y": want})
        case("DequantizeLinear_" + name, 21, node("DequantizeLinear", "X,S,Z", "y"),
             {"X": want, "S": Tensor([], [0.5]), "Z": Tensor([], [zero], kind)},
             {"y": Tensor(x.shape, [(v - zero) * 0.5 for v in want.data])})
    case("QuantizeLinear_output_dtype", 21, node("QuantizeLinear", "x,S", "y", {"output_dtype": INT16}),
         {"x": x, "S": Tensor([], [0.5])},
         {"y": Tensor(x.shape, [quantised(v, 0.5, 0, -32768, 32767) for v in x.data], INT16)})
    case("QuantizeLinear_two_types", 21, node("QuantizeLinear", "x,S,Z", "y", {"output_dtype": INT16}),
         {"x": x, "S": Tensor([], [0.5]), "Z": Tensor([], [0], INT8)},
         refused="output_dtype is not the zero point's type")
    blocks = Tensor([2, 2], [0.5, 1.0, 2.0, 100.0])
    zeros = Tensor([2, 2], [0, 1, -2, 3], INT8)

    def block(p):
        return p[0], p[1] // 3
    want = made(x.shape, lambda p: quantised(x.at(p), blocks.at(block(p)), zeros.at(block(p)), -128, 127), INT8)
    case("QuantizeLinear_blocks", 21, node("QuantizeLinear", "x,S,Z", "y", {"block_size": 3}),
         {"x": x, "S": blocks, "Z": zeros}, {"y": want})
    case("DequantizeLinear_blocks", 21, node("DequantizeLinear", "X,S,Z", "y", {"block_size": 3}),
         {"X": want, "S": blocks, "Z": zeros},
         {"y": made(x.shape, lambda p: (want.at(p) - zeros.at(block(p))) * blocks.at(block(p)))})
    case("DequantizeLinear_wrong_blocks", 21, node("DequantizeLinear", "X,S,Z", "y", {"block_size": 4}),
         {"X": want, "S": blocks, "Z": zeros}, refused="the scales' shape does not fit blocks of 4")
    for name, kind, low in (("INT4", INT4, -8), ("UINT4", UINT4, 0)):  # weights of an odd number
        narrow = made([3, 5], lambda p: low + (7 * p[0] + 3 * p[1]) % 16, kind)
        shift = made([3, 2], lambda p: low + (5 * p[0] + 2 * p[1]) % 16, kind)
        size = made([3, 2], lambda p: 0.25 * (1 + p[0] + 3 * p[1]))
        case(name, 21, node("DequantizeLinear", "X,S,Z", "y", {"block_size": 3}), {"X": narrow, "S": size, "Z": shift},
             {"y": made([3, 5], lambda p: (narrow.at(p) - shift.at(block(p))) * size.at(block(p)))})
    case("INT4_input", 21, node("DequantizeLinear", "x,S", "y"), {"x": Tensor([2], [1, 2], INT4), "S": Tensor([], [0.5])},
         refused="input 'x': elements of INT4 are not read; 4 bits are read in weights alone; export the network with INT8")
    case("INT4_cast", 21, node("Cast", "x", "y", {"to": INT4}), {"x": Tensor([2], [1, 2])},
         refused='"to" = 22 is not a type that is read')
    case("FLOAT8", 19, node("Cast", "X", "y", {"to": FLOAT}), {"X": Tensor([1], [0], FLOAT8)},
         refused="elements of FLOAT8E4M3FN are not read; export the network in float32 or float16, or quantise its weights "
                 "to INT8")
    whole = Tensor([4], [300, -1, 128, -40000], INT32)
    for name, kind, bits, low in (("UINT8", UINT8, 8, 0), ("INT8", INT8, 8, -128), ("INT16", INT16, 16, -32768)):
        case("Cast_" + name, 19, node("Cast", "x", "y", {"to": kind, "saturate": 1}), {"x": whole},
             {"y": Tensor([4], [(v - low) % (1 << bits) + low for v in whole.data], kind)})
    half = Tensor([2, 2], [0.5, -1.25, 3.0, 65504.0], FLOAT16)
    case("FLOAT16_graph", 18, [node("Mul", "x,W", "a"), node("ReduceSum", "a,AXES", "y", {"keepdims": 0})],
         {"x": half, "W": Tensor([2], [2.0, 0.25], FLOAT16), "AXES": ints(1)},
         {"y": Tensor([2], [0.6875, 16382.0], FLOAT16)})
    case("BFLOAT16_weights", 18, [node("Cast", "W", "w", {"to": FLOAT}), node("Add", "x,w", "y")],
         {"x": Tensor([2], [1.0, 2.0]), "W": Tensor([2], [0.5, -3.0], BFLOAT16)}, {"y": Tensor([2], [1.5, -1.0])})


def integers():
    """A convolution of bytes: two units, each with a scale of its own, and biases."""
    x = Tensor([1, 1, 4], [10, 200, 128, 255], UINT8)
    w = Tensor([2, 1, 2], [5, -7, 50, 63], INT8)
    sums = [[sum((x.data[i + k] - 120) * w.data[2 * u + k] for k in range(2)) for i in range(3)] for u in range(2)]
    case("ConvInteger", 10, node("ConvInteger", "x,W,Z", "y"), {"x": x, "W": w, "Z": Tensor([], [120], UINT8)},
         {"y": Tensor([1, 2, 3], sums[0] + sums[1], INT32)})
    case("ConvInteger_zero_of_floats", 10, node("ConvInteger", "x,W,Z", "y"), {"x": x, "W": w, "Z": Tensor([], [120.0])},
         refused="input 2 has type F32")
    scales, bias = [0.5, 0.125], [40, -300]
    want = [quantised((s + bias[u]) * 0.25 * scales[u], 2.0, 60, 0, 255) for u in range(2) for s in sums[u]]
    case("QLinearConv_channels", 10, node("QLinearConv", "x,XS,XZ,W,WS,WZ,YS,YZ,B", "y"),
         {"x": x, "XS": Tensor([], [0.25]), "XZ": Tensor([], [120], UINT8), "W": w, "WS": Tensor([2], scales),
          "WZ": Tensor([2], [0, 0], INT8), "YS": Tensor([], [2.0]), "YZ": Tensor([], [60], UINT8),
          "B": Tensor([2], bias, INT32)}, {"y": Tensor([1, 2, 3], want, UINT8)})
    a, b = Tensor([2, 2], [1, 250, 7, 130], UINT8), Tensor([2, 2], [-3, 4, 90, -128], INT8)
    zero = [1, -2]
    product = [sum((a.data[2 * i + k] - 128) * (b.data[2 * k + j] - zero[j]) for k in range(2))
               for i in range(2) for j in range(2)]
    case("MatMulInteger_columns", 10, node("MatMulInteger", "a,B,AZ,BZ", "y"),
         {"a": a, "B": b, "AZ": Tensor([], [128], UINT8), "BZ": Tensor([2], zero, INT8)},
         {"y": Tensor([2, 2], product, INT32)})
    case("QLinearMatMul_INT8", 21, node("QLinearMatMul", "a,AS,AZ,B,BS,BZ,YS,YZ", "y"),
         {"a": a, "AS": Tensor([], [0.5]), "AZ": Tensor([], [128], UINT8), "B": b, "BS": Tensor([2], [0.25, 2.0]),
          "BZ": Tensor([2], zero, INT8), "YS": Tensor([], [40.0]), "YZ": Tensor([], [-3], INT8)},
         {"y": Tensor([2, 2], [quantised(v * 0.5 * [0.25, 2.0][i % 2], 40.0, -3, -128, 127)
                               for i, v in enumerate(product)], INT8)})


# ---- older signatures, of which ONNX's node tests have the newest alone ----

def older():
    x = ramp(2, 3, 2)
    case("Clip_7", 7, node("Clip", "x", "y", {"min": -0.5, "max": 0.75}), {"x": x},
         {"y": Tensor(x.shape, [min(max(v, -0.5), 0.75) for v in x.data])})
    case("CastLike_19", 19, node("CastLike", "x,L", "y"), {"x": x, "L": Tensor([1], [0], INT32)},
         {"y": Tensor(x.shape, map(int, x.data), INT32)})
    flat = ramp(1, 4, 1)
    case("Squeeze_11", 11, node("Squeeze", "x", "y", {"axes": [0, -1]}), {"x": flat}, {"y": Tensor([4], flat.data)})
    case("Slice_9", 9, node("Slice", "x", "y", {"axes": [1, 2], "starts": [-2, 0], "ends": [100, -1]}), {"x": x},
         {"y": made([2, 2, 1], lambda p: x.at((p[0], p[1] + 1, 0)))})
    case("Split_11", 11, node("Split", "x", "a,b", {"axis": 1, "split": [1, 2]}), {"x": x},
         {"a": made([2, 1, 2], x.at), "b": made([2, 2, 2], lambda p: x.at((p[0], p[1] + 1, p[2])))})
    case("Pad_10", 10, node("Pad", "x", "y", {"pads": [0, 1, 0, 1, 0, 2], "value": 2.5}), {"x": x},
         {"y": padded(x, [0, 1, 0], [1, 0, 2], "constant", 2.5)})
    picture = ramp(1, 1, 2, 3)
    case("Resize_10", 10, node("Resize", "x,SCALES", "y"),
         {"x": picture, "SCALES": Tensor([4], [1.0, 1.0, 2.0, 1.5])},
         {"y": made([1, 1, 4, 4], lambda p: picture.at((0, 0, p[2] // 2, int(p[3] / 1.5))))})
    base = Tensor([2, 3], [1, 2, 3, 4, 5, 6])
    case("GatherND_11", 11, node("GatherND", "x,i", "y"), {"x": base, "i": Tensor([2, 2], [1, -1, 0, 0], INT64)},
         {"y": Tensor([2], [6, 1])})
    case("ScatterElements_11", 11, node("ScatterElements", "x,i,u", "y"),
         {"x": base, "i": Tensor([1, 2], [1, -2], INT64), "u": Tensor([1, 2], [8, 9])},
         {"y": Tensor([2, 3], [1, 9, 3, 8, 5, 6])})
    case("ScatterND_11", 11, node("ScatterND", "x,i,u", "y"),
         {"x": base, "i": Tensor([1, 1], [-2], INT64), "u": Tensor([1, 3], [7, 8, 9])},
         {"y": Tensor([2, 3], [7, 8, 9, 4, 5, 6])})
    for op, best in (("ArgMax", max), ("ArgMin", min)):
        lines = [[x.at((i, k, j)) for k in range(3)] for i in range(2) for j in range(2)]
        case(op + "_11", 11, node(op, "x", "y", {"axis": 1, "keepdims": 0}), {"x": x},
             {"y": Tensor([2, 2], [v.index(best(v)) for v in lines], INT64)})
    line = Tensor([5], [3.0, 1.0, 4.0, 1.5, 4.0])
    top = {"a": Tensor([3], [4.0, 4.0, 3.0]), "b": Tensor([3], [2, 4, 0], INT64)}
    case("TopK_9", 9, node("TopK", "x", "a,b", {"k": 3}), {"x": line}, top)
    case("TopK_10", 10, node("TopK", "x,K", "a,b"), {"x": line, "K": ints(3)}, top)
    deep = ramp(1, 8, 1, 2)
    case("DepthToSpace_10", 10, node("DepthToSpace", "x", "y", {"blocksize": 2}), {"x": deep},
         {"y": made([1, 2, 2, 4], lambda p: deep.at((0, (p[2] % 2 * 2 + p[3] % 2) * 2 + p[1], 0, p[3] // 2)))})
    case("LpPool_11", 11, node("LpPool", "x", "y", {"kernel_shape": [2], "p": 1}), {"x": x},
         {"y": made([2, 3, 1], lambda p: abs(x.at((p[0], p[1], 0))) + abs(x.at((p[0], p[1], 1))))})
    case("LpNormalization", 11, node("LpNormalization", "x", "y", {"axis": 1, "p": 1}), {"x": x},
         {"y": made(x.shape, lambda p: x.at(p) / sum(abs(x.at((p[0], k, p[2]))) for k in range(3)))})
    case("QuantizeLinear_19", 19, node("QuantizeLinear", "x,S,Z", "y", {"axis": 1, "saturate": 1}),
         {"x": x, "S": Tensor([3], [0.5, 0.01, 0.25]), "Z": Tensor([3], [1, 0, -2], INT8)},
         {"y": made(x.shape, lambda p: quantised(x.at(p), [0.5, 0.01, 0.25][p[1]], [1, 0, -2][p[1]], -128, 127), INT8)})
    numbers = [[1.5, -1.0, 0.5], [0.25, 0.0, 2.0], [0.5, -0.25, 1.0], [1.0, 4.0, 0.25]]  # scale, shift, mean, variance
    for opset, settings in ((7, {"spatial": 1}), (13, {"momentum": 0.5})):
        case("BatchNormalization_%d" % opset, opset, node("BatchNormalization", "x,S,B,M,V", "y", settings),
             {"x": x, **{key: Tensor([3], v) for key, v in zip("SBMV", numbers)}},
             {"y": made(x.shape, lambda p: (x.at(p) - numbers[2][p[1]]) / math.sqrt(numbers[3][p[1]] + 1e-5)
                        * numbers[0][p[1]] + numbers[1][p[1]])})
    case("ReduceSum_12", 12, node("ReduceSum", "x", "y", {"axes": [1], "keepdims": 0}), {"x": x},
         {"y": reduced(x, [1], False, sum)})


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


def recurrent():
    """One unit over three steps; W, R and B have a number (B two) for each of the gates."""
    x = [0.5, -1.0, 2.0]
    w, r = [0.75, -0.5, 1.25, 0.3], [0.4, 0.9, -0.6, 0.2]
    b, rb = [0.1, -0.2, 0.05, 0.3], [0.0, 0.15, -0.1, 0.25]

    def gate(k, v, h):
        return w[k] * v + r[k] * h + b[k] + rb[k]
    h, rnn = 0.0, []
    for v in x:
        h = math.tanh(gate(0, v, h))
        rnn.append(h)
    h, gru = 0.0, []
    for v in x:  # z, r, h
        z, reset = sigmoid(gate(0, v, h)), sigmoid(gate(1, v, h))
        h = (1 - z) * math.tanh(w[2] * v + r[2] * (reset * h) + rb[2] + b[2]) + z * h
        gru.append(h)
    h, cell, lstm = 0.0, 0.0, []
    for v in x:  # i, o, f, c
        cell = sigmoid(gate(2, v, h)) * cell + sigmoid(gate(0, v, h)) * math.tanh(gate(3, v, h))
        h = sigmoid(gate(1, v, h)) * math.tanh(cell)
        lstm.append(h)
    for op, gates, want in (("RNN", 1, rnn), ("GRU", 3, gru), ("LSTM", 4, lstm)):
        case(op + "_13", 13, node(op, "x,W,R,B", "y", {"hidden_size": 1}),
             {"x": Tensor([3, 1, 1], x), "W": Tensor([1, gates, 1], w[:gates]), "R": Tensor([1, gates, 1], r[:gates]),
              "B": Tensor([1, 2 * gates], b[:gates] + rb[:gates])}, {"y": Tensor([3, 1, 1, 1], want)})


# ---- functions of the model's own ----

def own_functions():
    """As PyTorch's newer exporter writes them: in a domain of their own, with references to a call's attributes."""
    x = ramp(2, 3)
    lib = "pkg.onnxscript.torch_lib"
    parts = [node("Add", "t,scaled", "result"), node("Mul", "self,half", "t"), node("Mul", "self,root", "small"),
             node("Erf", "small", "e"), node("Mul", "e,t", "scaled"),  # in no order of execution
             node("Constant", "", "half", {"value_float": 0.5}),
             node("Constant", "", "root", {"value_float": math.sqrt(0.5)}), node("Identity", "t", "unused")]
    gelu = "25{1'aten_gelu'10'%s'4'self'5'result'9{2=18} %s}" % (lib, " ".join("7{%s}" % n for n in parts))
    case("function_gelu", 18, [node("aten_gelu", "x", "a", domain=lib), node("aten_gelu", "a", "y", domain=lib)],
         {"x": x}, {"y": Tensor(x.shape, [v * phi(v) * phi(v * phi(v)) for v in x.data])}, functions=gelu,
         domain=lib)
    clip = ("25{1'leaky'10'own'4'a'5'b'6'slope'9{2=18} 7{%s}}"
            "25{1'twice'10'own'4'a'5'b'6'first'11{1'second'20=1 2~0.5}9{2=18} 7{%s} 7{%s}}" % (
                node("LeakyRelu", "a", "b", {"alpha": Ref("slope", 1)}),
                node("leaky", "a", "t", {"slope": Ref("first", 1)}, "own"),
                node("leaky", "t", "b", {"slope": Ref("second", 1)}, "own")))
    case("function_attributes", 18, node("twice", "x", "y", {"first": 0.25}, "own"), {"x": x},
         {"y": Tensor(x.shape, [v if v > 0 else v * 0.125 for v in x.data])}, functions=clip, domain="own")
    # Softmax has meant another thing before opset 13: over all dimensions behind the first.
    x = ramp(2, 2, 2)
    old = "25{1'old'10'own'4'a'5'b'9{2=12} 7{%s}}" % node("Softmax", "a", "b")

    def softmax(p):
        return math.exp(x.at(p)) / sum(math.exp(x.at((p[0], i, k))) for i in range(2) for k in range(2))
    case("function_opset", 18, node("old", "x", "y", domain="own"), {"x": x}, {"y": made(x.shape, softmax)},
         functions=old, domain="own")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Writes networks of one operator with results.")
    parser.add_argument("-o", default=os.path.join(here, "onnx_cases.txt"), help="the file")
    reductions()
    moves()
    resizes()
    functions_of_one()
    norms()
    narrow()
    integers()
    older()
    recurrent()
    own_functions()
    with open(parser.parse_args().o, "w", encoding="utf-8") as f:
        f.write("# Made by onnx_cases.py beside this file: networks in the notation of tests/formats/onnx_wire.h.\n")
        f.writelines(OUT)


main()
