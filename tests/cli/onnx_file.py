# SPDX-License-Identifier: MIT
# ONNX files written by hand, byte by byte, for what no exporter of ours writes: the messages of onnx.proto by the
# numbers of their fields.
import struct


def field(number, value):
    """A field of a protobuf message: a number, or bytes or a text with their length."""
    def varint(v):
        out = b""
        while v > 127:
            out += bytes([v & 127 | 128])
            v >>= 7
        return out + bytes([v])
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(op, name, source, target, domain=""):
    return field(1, field(1, source) + field(2, target) + field(3, name) + field(4, op) +
                 (field(7, domain) if domain else b""))


def value(number, name, *dims):
    shape = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims)
    return field(number, field(1, name) + field(2, field(1, field(1, 1) + field(2, shape))))


def constant(name, *numbers, dims=()):
    """A weight that is a node, as Paddle's exporter writes all of them."""
    tensor = b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name) + \
        field(9, struct.pack("<%df" % len(numbers), *numbers))
    return field(1, field(2, name) + field(4, "Constant") +
                 field(5, field(1, "value") + field(5, tensor) + field(20, 4)))
