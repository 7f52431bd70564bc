#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Small networks of the kinds that people start a student from, written as ONNX by PyTorch (Debian's
# python3-torch) for the front ends that retort has, each with an input and PyTorch's own outputs: what
# test_thaw.c and the end-to-end test read. With batch-norm kept apart, with and without a classifier,
# several opsets. Run from any folder; rewrites student_*.onnx and torch_students.safetensors.
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch_onnx import HERE, Ecapa, MobileNet, XVector, settle, write_safetensors


class Attention(nn.Module):
    """A pre-norm encoder block on [batch, time, width], written out, as many exporters see it."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.width = heads, width
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = self.qkv(self.first(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weight = torch.softmax(q @ k.transpose(-1, -2) / (self.width / self.heads) ** 0.5, -1)
        x = x + self.mix((weight @ v).transpose(1, 2).reshape(batch, length, -1))
        return x + self.down(F.gelu(self.up(self.second(x))))


class Encoder(nn.Module):
    """Speech [batch, time, bands]: two strided convolutions, attention over time, mean over time."""

    def __init__(self, bands=40, width=24):
        super().__init__()
        self.a, self.b = nn.Conv1d(bands, width, 3, 2, 1), nn.Conv1d(width, width, 3, 2, 1)
        self.blocks = nn.Sequential(Attention(width, 3), Attention(width, 3))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 16)

    def forward(self, x):
        y = F.gelu(self.b(F.silu(self.a(x.transpose(1, 2))))).transpose(1, 2)
        return self.out(self.norm(self.blocks(y)).mean(1))


class Patches(nn.Module):
    """A vision transformer: patches, a class token, places, PyTorch's own attention (time first)."""

    def __init__(self, side=24, patch=6, width=16):
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.1)
        self.places = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, width) * 0.1)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.attention = nn.MultiheadAttention(width, 2)
        self.mix = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))
        self.logits = nn.Linear(width, 4)

    def forward(self, x):
        y = self.patch(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(x.shape[0], -1, -1), y], 1) + self.places
        z = self.norms[0](y).transpose(0, 1)
        y = y + self.attention(z, z, z, need_weights=False)[0].transpose(0, 1)
        embedding = self.norms[2](y + self.mix(self.norms[1](y)))[:, 0]
        return embedding, self.logits(embedding)


class Activations(nn.Module):
    """Groups, odd padding, every activation, pooling of both kinds; no classifier."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 12, 3, 2, (0, 1)), nn.Conv2d(12, 12, 3, 1, 1, groups=4, bias=False)
        self.norm, self.prelu, self.inst = nn.BatchNorm2d(12), nn.PReLU(12), nn.InstanceNorm2d(12, affine=True)
        self.c, self.out = nn.Conv2d(12, 12, (1, 3), padding=(0, 1), groups=12), nn.Linear(24, 10)

    def forward(self, x):
        y = F.elu(self.a(F.pad(x, (1, 0, 2, 1))))
        y = self.prelu(self.norm(self.b(y)))
        y = F.max_pool2d(y, 3, 2, ceil_mode=True)
        y = F.hardswish(self.inst(self.c(y))) + F.softplus(y) * F.hardsigmoid(y)
        y = F.avg_pool2d(y, 2, 1, 1)
        a, b = torch.tanh(y).mean((2, 3)), F.selu(y).amax((2, 3))
        y = torch.cat([a, torch.sigmoid(b) - torch.min(a, b).abs()], 1)
        return F.normalize(F.leaky_relu(self.out(F.mish(y))))


class Threshold(torch.autograd.Function):
    """What PyTorch has, but does not write as this operator; so is Mean."""

    @staticmethod
    def forward(ctx, x, alpha):
        return torch.where(x > alpha, x, torch.zeros_like(x))

    @staticmethod
    def symbolic(g, x, alpha):
        return g.op("ThresholdedRelu", x, alpha_f=alpha)


class Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b, c):
        return (a + b + c) / 3

    @staticmethod
    def symbolic(g, a, b, c):
        return g.op("Mean", a, b, c)


class Sizes(nn.Module):
    """Pictures made larger and smaller in every way, a mask, sums of absolute values; no classifier."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 2, 1)
        self.d, self.norm, self.out = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.Linear(16, 10)
        self.register_buffer("mask", torch.rand(1, 8, 12, 12) > 0.3)

    def forward(self, x):
        y = torch.tanh(self.a(x))
        small = torch.tanh(self.c(y))
        way = dict(mode="bilinear", align_corners=False)
        up = F.interpolate(small, scale_factor=2, mode="nearest")
        wide = F.interpolate(small, size=(12, 12), **way)
        fit = F.interpolate(F.interpolate(y, size=(17, 7), **way), size=(12, 12), mode="bilinear",
                            align_corners=True)
        less = F.interpolate(F.interpolate(y, size=(5, 9), mode="nearest"), size=(12, 12), mode="nearest")
        y = Mean.apply(self.norm(self.b(y)), self.d(up) + less, wide * fit)
        y = torch.where(self.mask, y, 0.5 * up)
        a, b = y.norm(1, (2, 3)) / 100, Threshold.apply(y, 0.0).mean((2, 3))  # not 0: no slope where it jumps
        return self.out(torch.cat([a, b], 1))


class Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, p, axis):
        return x / x.norm(p, axis, keepdim=True)

    @staticmethod
    def symbolic(g, x, p, axis):
        return g.op("LpNormalization", x, p_i=p, axis_i=axis)


class LogSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sum((2, 3)).log()

    @staticmethod
    def symbolic(g, x):
        return g.op("ReduceLogSum", x, axes_i=[2, 3], keepdims_i=0)


class Choices(nn.Module):
    """Numbers chosen by what others are (everywhere without a jump in the weights, which have slopes), a
    softmax that leaves places out, transposed convolutions, cubic sizes, lengths; no classifier."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1), nn.Linear(32, 10)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1, groups=2)
        self.wide = nn.ConvTranspose2d(8, 8, (2, 3), (1, 3), (0, 2), dilation=(2, 1), bias=False)
        self.register_buffer("left_out", torch.rand(1, 1, 12, 12) > 0.7)

    def forward(self, x):
        bright, red = x > 0.3, F.relu(x[:, :1]).bool()
        y = self.a(torch.where(bright & ~red | (x <= -1), x, 0.5 * x))
        low = self.norm(self.b(y))
        up, wide = self.up(low), self.wide(F.interpolate(low, (8, 5), mode="bicubic", align_corners=True))
        same = F.interpolate(low, (12, 12), mode="bicubic", align_corners=False)
        y = torch.where(y >= up, y, up + 0.1 * (y - up))
        y = torch.where((y > -1) & (y < 1), y, y.clamp(-1, 1)) + wide[:, :, :5, :12].mean((2, 3), keepdim=True)
        y = torch.where(y == torch.maximum(y, same), y, same)
        y = y * torch.logical_xor(bright[:, :1, ::2, ::2], red[:, :, ::2, ::2]).float()
        share = torch.where(self.left_out, torch.full_like(y, float("-inf")), y).flatten(2).softmax(2)
        y = y + torch.floor(4 * x[:, :1, ::2, ::2]) + torch.sign(x[:, 1:2, ::2, ::2])
        sums, lengths = LogSum.apply(y * y + 0.1), Norm.apply(low, 2, 1).mean((2, 3))
        return self.out(torch.cat([(share * same.flatten(2)).sum(2), Norm.apply(y.mean((2, 3)), 1, -1),
                                   sums, lengths], 1))


def networks():
    speech, picture = torch.randn(2, 48, 40), torch.randn(2, 3, 24, 24)
    return [("xvector", XVector(40), speech, 11), ("ecapa", Ecapa(40), speech.transpose(1, 2).contiguous(), 14),
            ("encoder", Encoder(), speech, 17), ("mobile", MobileNet(), picture, 13),
            ("patches", Patches(), picture, 13), ("activations", Activations(), picture, 16)]


def more():
    return [("sizes", Sizes(), torch.randn(2, 3, 24, 24), 13)]


def yet_more():
    return [("choices", Choices(), torch.randn(2, 3, 24, 24), 14)]


def main():
    torch.manual_seed(11)
    tensors = {}
    write(networks(), tensors)
    torch.manual_seed(12)  # on its own, so that the others stay
    write(more(), tensors)
    torch.manual_seed(13)
    write(yet_more(), tensors)
    write_safetensors(os.path.join(HERE, "torch_students.safetensors"), tensors)


def write(all_networks, tensors):
    for name, net, x, opset in all_networks:
        net = settle(net)
        with torch.no_grad():
            y = net(x)
        y = y if isinstance(y, tuple) else (y,)
        outputs = ["embedding", "logits"][:len(y)]
        path = os.path.join(HERE, "student_%s.onnx" % name)
        torch.onnx.export(net, (x,), path, opset_version=opset, input_names=["input"], output_names=outputs,
                          training=torch.onnx.TrainingMode.PRESERVE,
                          dynamic_axes={n: {0: "batch"} for n in ["input"] + outputs})
        tensors.update({name + "." + n: t.detach() for n, t in zip(["input"] + outputs, (x,) + y)})
        print(name, os.path.getsize(path), "bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
