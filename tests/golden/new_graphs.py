# SPDX-License-Identifier: MIT
# Graphs as exporters write them that are newer than Debian's PyTorch, written out by hand from ONNX's specification and
# public examples: opsets 18 to 21, functions of the model's own, axes as inputs, Split by num_outputs, Reshape with
# allowzero, LayerNormalization, Gelu, GroupNormalization, half-precision weights, metadata on every node. What they
# compute is said a second time with PyTorch's functions. Called by torch_architectures.py.
import os
import struct

import torch
import torch.nn.functional as F

from torch_onnx import HERE

FLOAT, INT64, HALF = 1, 7, 10


# ---- protobuf: fields of a message, by their numbers in onnx.proto ----

def varint(v):
    v &= (1 << 64) - 1
    out = b""
    while v > 127:
        out += bytes([v & 127 | 128])
        v >>= 7
    return out + bytes([v])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, t):
    kind = {torch.float32: FLOAT, torch.int64: INT64, torch.float16: HALF}[t.dtype]
    return b"".join(field(1, d) for d in t.shape) + field(2, kind) + field(8, name) + \
        field(9, t.contiguous().numpy().tobytes())


def attribute(name, value):
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    return field(1, name) + b"".join(field(8, v) for v in value) + field(20, 7)


def value(name, kind, shape):
    dims = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


class Graph:
    """Nodes and weights as they are added; the same of a function, whose weights are Constants."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0

    def add(self, op, *inputs, outputs=1, domain="", **attributes):
        self.count += 1
        outs = ["%s_%d%s" % (op.lower(), self.count, "_%d" % i if outputs > 1 else "") for i in range(outputs)]
        trace = field(1, "pkg.torch.onnx.name_scopes") + field(2, "['', '%s']" % op)
        self.nodes.append(b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outs) +
                          field(3, "node_%s" % outs[0]) + field(4, op) +
                          b"".join(field(5, attribute(k, v)) for k, v in attributes.items()) +
                          (field(7, domain) if domain else b"") + field(9, trace))
        return outs[0] if outputs == 1 else outs

    def weight(self, name, t):
        self.weights.append(tensor(name, t))
        return name

    def ints(self, *v, scalar=False):
        """A constant of whole numbers, in the graph's initialisers."""
        return self.weight("val_%d" % len(self.weights), torch.tensor(v[0] if scalar else list(v)))

    def bytes(self, inputs, outputs):
        return b"".join(field(1, n) for n in self.nodes) + field(2, "main_graph") + \
            b"".join(field(5, w) for w in self.weights) + b"".join(field(11, value(*i)) for i in inputs) + \
            b"".join(field(12, value(*o)) for o in outputs)


def write(name, opset, ir, graph, functions=(), domains=()):
    imports = field(8, field(1, "") + field(2, opset)) + b"".join(field(8, field(1, d) + field(2, 1)) for d in domains)
    data = field(1, ir) + field(2, "pytorch") + field(3, "2.9.0") + field(7, graph) + imports + \
        b"".join(field(25, f) for f in functions)
    with open(os.path.join(HERE, "arch_%s.onnx" % name), "wb") as f:
        f.write(data)


# ---- a ViT in opset 18 ----

def vit18(c=16, heads=2, length=10, frames=20):
    """A transformer on frames, every shape written as the newer exporter does: no Shape nodes but for the batch."""
    g, w = Graph(), {}
    for layer in range(2):
        for name, shape in (("norm1.weight", (c,)), ("norm1.bias", (c,)),
                            ("qkv.weight", (3 * c, c)), ("qkv.bias", (3 * c,)),
                            ("out.weight", (c, c)), ("out.bias", (c,)), ("norm2.weight", (c,)), ("norm2.bias", (c,)),
                            ("up.weight", (2 * c, c)), ("up.bias", (2 * c,)),
                            ("down.weight", (c, 2 * c)), ("down.bias", (c,))):
            name = "blocks.%d.%s" % (layer, name)
            w[name] = torch.randn(shape) * 0.3 + (1 if name.endswith("norm1.weight") else 0)
            g.weight(name, w[name])
    x, y = "x", torch.randn(2, length, c)
    given = y
    batch = g.add("Shape", x, start=0, end=1)

    def linear(name, v):  # MatMul with the transposed weight, then Add
        return g.add("Add", g.add("MatMul", v, g.add("Transpose", name + ".weight", perm=[1, 0])), name + ".bias")

    half = g.weight("half", torch.tensor(0.5))
    one, root = g.weight("one", torch.tensor(1.0)), g.weight("root", torch.tensor(2 ** 0.5))
    scale = g.weight("scale", torch.tensor((c // heads) ** -0.25))
    for layer in range(2):
        p = "blocks.%d." % layer
        n = g.add("LayerNormalization", x, p + "norm1.weight", p + "norm1.bias", axis=-1, epsilon=1e-5, stash_type=1)
        parts = g.add("Split", linear(p + "qkv", n), outputs=3, axis=-1, num_outputs=3)
        shape = g.add("Concat", batch, g.ints(length), g.ints(heads), g.ints(c // heads), axis=0)
        q, k, v = (g.add("Transpose", g.add("Reshape", t, shape, allowzero=1), perm=[0, 2, 1, 3]) for t in parts)
        k = g.add("Transpose", k, perm=[0, 1, 3, 2])
        score = g.add("Softmax", g.add("MatMul", g.add("Mul", q, scale), g.add("Mul", k, scale)), axis=-1)
        mixed = g.add("Transpose", g.add("MatMul", score, v), perm=[0, 2, 1, 3])
        mixed = g.add("Reshape", mixed, g.add("Concat", batch, g.ints(length), g.ints(c), axis=0), allowzero=1)
        x = g.add("Add", x, linear(p + "out", mixed))
        n = linear(p + "up", g.add("LayerNormalization", x, p + "norm2.weight", p + "norm2.bias", axis=-1))
        erf = g.add("Add", g.add("Erf", g.add("Div", n, root)), one)
        x = g.add("Add", x, linear(p + "down", g.add("Mul", g.add("Mul", n, erf), half)))
        n = F.layer_norm(y, (c,), w[p + "norm1.weight"], w[p + "norm1.bias"])
        qkv = F.linear(n, w[p + "qkv.weight"], w[p + "qkv.bias"])
        q, k, v = qkv.view(2, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
        score = (q @ k.transpose(-1, -2) * (c // heads) ** -0.5).softmax(-1)
        y = y + F.linear((score @ v).transpose(1, 2).reshape(2, length, c), w[p + "out.weight"], w[p + "out.bias"])
        n = F.layer_norm(y, (c,), w[p + "norm2.weight"], w[p + "norm2.bias"])
        n = F.gelu(F.linear(n, w[p + "up.weight"], w[p + "up.bias"]))
        y = y + F.linear(n, w[p + "down.weight"], w[p + "down.bias"])
    mean = g.add("ReduceMean", x, g.ints(1), keepdims=0)
    wide = g.add("ReduceMax", x, g.ints(1, 2), keepdims=1)
    both = g.add("Add", mean, g.add("Squeeze", wide, g.ints(2)))
    g.nodes.append(field(1, both) + field(2, "y") + field(4, "Identity"))
    write("vit_opset18", 18, 10, g.bytes([("x", FLOAT, ("s77", length, c))], [("y", FLOAT, ("s77", c))]))
    y = y.mean(1) + y.amax((1, 2), keepdim=True).squeeze(2)
    return {"vit_opset18.0.in.x": given, "vit_opset18.0.out.y": y}


# ---- a text encoder in opset 20, whose layers are functions ----

def function(name, domain, opset, graph, inputs, outputs, attributes=(), imports=()):
    return field(1, name) + b"".join(field(4, i) for i in inputs) + b"".join(field(5, o) for o in outputs) + \
        b"".join(field(6, a) for a in attributes) + b"".join(field(7, n) for n in graph.nodes) + \
        field(9, field(1, "") + field(2, opset)) + b"".join(field(9, field(1, d) + field(2, 1)) for d in imports) + \
        field(10, domain)


def bert20(c=12, words=30):
    domain, layer_domain = "pkg.onnxscript.torch_lib", "pkg.transformers.4.44"
    linear = Graph()
    linear.add("Transpose", "weight", perm=[1, 0])
    linear.nodes.append(field(1, linear.add("MatMul", "self", "transpose_1")) + field(1, "bias") + field(2, "result") +
                        field(4, "Add"))
    gelu = Graph()  # an attribute that the call gives
    gelu.nodes.append(field(1, "self") + field(2, "result") + field(4, "Gelu") +
                      field(5, field(1, "approximate") + field(21, "approximate") + field(20, 3)))
    layer = Graph()
    up = layer.add("aten_linear", "x", "up.weight", "up.bias", domain=domain)
    inner = layer.add("aten_gelu", up, domain=domain, approximate="tanh")
    down = layer.add("aten_linear", inner, "down.weight", "down.bias", domain=domain)
    total = layer.add("Add", down, "x")
    layer.nodes.append(field(1, total) + field(1, "norm.weight") + field(1, "norm.bias") + field(2, "y") +
                       field(4, "LayerNormalization") + field(5, attribute("epsilon", 1e-12)) +
                       field(5, attribute("axis", -1)))
    names = ("up.weight", "up.bias", "down.weight", "down.bias", "norm.weight", "norm.bias")
    functions = [function("aten_linear", domain, 20, linear, ("self", "weight", "bias"), ("result",)),
                 function("aten_gelu", domain, 20, gelu, ("self",), ("result",), attributes=("approximate",)),
                 function("BertLayer", layer_domain, 20, layer, ("x",) + names, ("y",), imports=(domain,))]
    g, w = Graph(), {"words": torch.randn(words, c), "types": torch.randn(2, c)}
    for i in range(2):
        for name, shape in zip(names, ((2 * c, c), (2 * c,), (c, 2 * c), (c,), (c,), (c,))):
            w["%d.%s" % (i, name)] = torch.randn(shape) * 0.4
    for name, t in w.items():
        g.weight(name, t)
    x = g.add("Add", g.add("Gather", "words", "input_ids", axis=0), g.add("Gather", "types", "token_type_ids", axis=0))
    for i in range(2):
        x = g.add("BertLayer", x, *["%d.%s" % (i, n) for n in names], domain=layer_domain)
    mask = g.add("Unsqueeze", g.add("Cast", "attention_mask", to=FLOAT), g.ints(-1))
    total = g.add("ReduceSum", g.add("Mul", x, mask), g.ints(1), keepdims=0)
    least = g.weight("least", torch.tensor(1e-9))
    count = g.add("Clip", g.add("ReduceSum", mask, g.ints(1), keepdims=0), least)
    mean = g.add("Div", total, count)
    norm = g.add("ReduceL2", mean, g.ints(-1), keepdims=1)
    wide = g.add("Expand", norm, g.add("Shape", mean))
    g.nodes.append(field(1, mean) + field(1, wide) + field(2, "sentence_embedding") + field(4, "Div"))
    shape = ("batch_size", "sequence_length")
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    write("bert_opset20", 20, 10, g.bytes([(n, INT64, shape) for n in inputs],
                                          [("sentence_embedding", FLOAT, ("batch_size", c))]), functions,
          (domain, layer_domain))
    found = {}
    for number, (batch, length) in enumerate(((1, 5), (3, 8))):
        ids = torch.randint(0, words, (batch, length))
        seen = (torch.arange(length)[None] < torch.tensor([[length], [2], [4]])[:batch]).long()
        kinds = (torch.arange(length) > 2).long().expand(batch, -1).contiguous()
        x = w["words"][ids] + w["types"][kinds]
        for i in range(2):
            up, ub, down, db, nw, nb = (w["%d.%s" % (i, n)] for n in names)
            y = F.linear(x, up, ub)
            y = 0.5 * y * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (y + 0.044715 * y ** 3)))
            x = F.layer_norm(F.linear(y, down, db) + x, (c,), nw, nb, 1e-12)
        mean = (x * seen[..., None]).sum(1) / seen.sum(1, keepdim=True)
        for n, t in zip(inputs, (ids, seen, kinds)):
            found["bert_opset20.%d.in.%s" % (number, n)] = t
        found["bert_opset20.%d.out.sentence_embedding" % number] = F.normalize(mean)
    return found


# ---- a small picture network in opset 21, with weights in half precision ----

def half(g, name, t):
    """Kept as FLOAT16, as a converter to half precision leaves it, and used as float; returns also what it then is."""
    t = t.half()
    return g.add("Cast", g.weight(name, t), to=FLOAT), t.float()


def picture21():
    g = Graph()
    x, given = "pixels", torch.randn(2, 3, 14, 18)
    stem, w1 = half(g, "stem.weight", torch.randn(8, 3, 3, 3) * 0.3)
    scale, ws = half(g, "norm.scale", torch.rand(8) + 0.5)
    shift, wb = half(g, "norm.bias", torch.randn(8) * 0.2)
    deep, w2 = half(g, "deep.weight", torch.randn(8, 1, 5, 5) * 0.3)
    head, w3 = half(g, "head.weight", torch.randn(6, 8) * 0.4)
    padded = g.add("Pad", x, g.ints(1, 0, 1, 2), "", g.ints(2, 3), mode="reflect")
    a = g.add("Conv", padded, stem, kernel_shape=[3, 3], strides=[1, 1])
    a = g.add("Mish", g.add("GroupNormalization", a, scale, shift, num_groups=4, epsilon=1e-5))
    b = g.add("Conv", a, deep, group=8, kernel_shape=[5, 5], pads=[2, 2, 2, 2])
    b = g.add("HardSwish", b)
    up = g.add("Resize", b, "", "", g.ints(7, 9), axes=[2, 3], mode="linear",
               coordinate_transformation_mode="half_pixel", keep_aspect_ratio_policy="stretch")
    first, second, third = g.add("Split", up, outputs=3, axis=1, num_outputs=3)
    joined = g.add("Concat", third, g.add("Relu", first), second, axis=1)
    pooled = g.add("ReduceMean", joined, g.ints(2, 3), keepdims=0)
    g.nodes.append(field(1, pooled) + field(1, head) + field(2, "logits") + field(4, "Gemm") +
                   field(5, attribute("transB", 1)))
    write("picture_opset21", 21, 11, g.bytes([("pixels", FLOAT, ("batch", 3, "height", "width"))],
                                             [("logits", FLOAT, ("batch", 6))]))
    y = F.conv2d(F.pad(given, (0, 2, 1, 1), mode="reflect"), w1)
    y = F.mish(F.group_norm(y, 4, ws, wb))
    y = F.hardswish(F.conv2d(y, w2, padding=2, groups=8))
    y = F.interpolate(y, size=(7, 9), mode="bilinear", align_corners=False)
    first, second, third = y[:, :3], y[:, 3:6], y[:, 6:]
    y = torch.cat([third, F.relu(first), second], 1).mean((2, 3))
    return {"picture_opset21.0.in.pixels": given, "picture_opset21.0.out.logits": y @ w3.T}


def new_graphs():
    torch.manual_seed(5)
    return {**vit18(), **bert20(), **picture21()}
