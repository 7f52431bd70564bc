#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Small networks of the kinds that teachers are, written as ONNX by PyTorch (Debian's python3-torch), each
# with an input and PyTorch's own outputs: what test_frozen_torch.c compares with. Different opsets and
# dynamic or fixed batches on purpose. Run from any folder; rewrites onnx_*.onnx and torch_onnx.safetensors.
import json
import os
import struct
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))


class Basic(nn.Module):
    """ResNet's basic block."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.a, self.b = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.na, self.nb = nn.BatchNorm2d(cout), nn.BatchNorm2d(cout)
        self.down = None
        if stride != 1 or cin != cout:
            self.down = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = self.nb(self.b(F.relu(self.na(self.a(x)))))
        return F.relu(y + (x if self.down is None else self.down(x)))


class ResNet18(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                                  nn.MaxPool2d(3, 2, 1))
        blocks, cin = [], width
        for stage, stride in enumerate((1, 2, 2, 2)):
            cout = width * min(2 ** stage, 2)
            blocks += [Basic(cin, cout, stride), Basic(cout, cout, 1)]
            cin = cout
        self.blocks = nn.Sequential(*blocks)
        self.pool, self.logits = nn.AdaptiveAvgPool2d(1), nn.Linear(cin, 6)

    def forward(self, x):
        embedding = torch.flatten(self.pool(self.blocks(self.stem(x))), 1)
        return embedding, self.logits(embedding)


class Inverted(nn.Module):
    """MobileNetV2's inverted residual: expand, depthwise, project."""

    def __init__(self, cin, cout, stride, expand):
        super().__init__()
        mid = cin * expand
        self.body = nn.Sequential(
            nn.Conv2d(cin, mid, 1, bias=False), nn.BatchNorm2d(mid), nn.ReLU6(),
            nn.Conv2d(mid, mid, 3, stride, 1, groups=mid, bias=False), nn.BatchNorm2d(mid), nn.ReLU6(),
            nn.Conv2d(mid, cout, 1, bias=False), nn.BatchNorm2d(cout))
        self.adds = stride == 1 and cin == cout

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish(),
            Inverted(8, 8, 1, 2), Inverted(8, 12, 2, 4), Inverted(12, 12, 1, 4), Inverted(12, 16, 2, 4),
            nn.Conv2d(16, 32, 1), nn.Hardsigmoid())
        self.drop, self.logits = nn.Dropout(0.2), nn.Linear(32, 5)

    def forward(self, x):
        embedding = self.body(x).mean([2, 3])
        return embedding, self.logits(self.drop(embedding))


class XVector(nn.Module):
    """TDNN with statistics pooling; x is [batch, time, bands]."""

    def __init__(self, bands=20, width=24):
        super().__init__()
        layers, cin = [], bands
        for kernel, dilation in ((5, 1), (3, 2), (3, 3), (1, 1)):
            layers += [nn.Conv1d(cin, width, kernel, dilation=dilation), nn.LeakyReLU(0.1), nn.BatchNorm1d(width)]
            cin = width
        self.frames = nn.Sequential(*layers)
        self.segment, self.logits = nn.Linear(2 * width, 16), nn.Linear(16, 7)

    def forward(self, x):
        y = self.frames(x.transpose(1, 2))
        mean = y.mean(2)
        deviation = torch.sqrt(((y - mean.unsqueeze(2)) ** 2).mean(2).clamp(min=1e-8))
        embedding = self.segment(torch.cat([mean, deviation], 1))
        return embedding, F.log_softmax(self.logits(F.relu(embedding)), 1)


class Res2(nn.Module):
    """ECAPA's block: 1x1, Res2Net's hierarchy of dilated convolutions, 1x1, squeeze and excite."""

    def __init__(self, width, kernel, dilation, scale=4):
        super().__init__()
        part = width // scale
        self.first, self.last = nn.Conv1d(width, width, 1), nn.Conv1d(width, width, 1)
        self.nf, self.nl = nn.BatchNorm1d(width), nn.BatchNorm1d(width)
        self.parts = nn.ModuleList([nn.Conv1d(part, part, kernel, dilation=dilation,
                                              padding=dilation * (kernel // 2)) for _ in range(scale - 1)])
        self.squeeze, self.excite = nn.Conv1d(width, 8, 1), nn.Conv1d(8, width, 1)
        self.scale = scale

    def forward(self, x):
        chunks = torch.chunk(self.nf(F.relu(self.first(x))), self.scale, 1)
        out, carry = [chunks[0]], None
        for chunk, conv in zip(chunks[1:], self.parts):
            carry = F.relu(conv(chunk if carry is None else chunk + carry))
            out.append(carry)
        y = self.nl(F.relu(self.last(torch.cat(out, 1))))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(y.mean(2, keepdim=True)))))
        return x + y * gate


class Ecapa(nn.Module):
    """Attentive statistics pooling over the concatenated blocks; x is [batch, bands, time]."""

    def __init__(self, bands=20, width=16):
        super().__init__()
        self.stem = nn.Conv1d(bands, width, 5, padding=2)
        self.blocks = nn.ModuleList([Res2(width, 3, d) for d in (2, 3, 4)])
        self.cat = nn.Conv1d(3 * width, 32, 1)
        self.attend = nn.Sequential(nn.Conv1d(96, 12, 1), nn.ReLU(), nn.BatchNorm1d(12), nn.Tanh(),
                                    nn.Conv1d(12, 32, 1))
        self.norm, self.out = nn.BatchNorm1d(64), nn.Linear(64, 12)
        self.speakers = nn.Parameter(torch.randn(9, 12))

    def forward(self, x):
        y, outs = F.relu(self.stem(x)), []
        for block in self.blocks:
            y = block(y)
            outs.append(y)
        y = F.relu(self.cat(torch.cat(outs, 1)))
        frames = y.size(2)
        mean, deviation = y.mean(2, keepdim=True), torch.sqrt(y.var(2, keepdim=True).clamp(min=1e-6))
        context = torch.cat([y, mean.repeat(1, 1, frames), deviation.expand(-1, -1, frames)], 1)
        weight = torch.softmax(self.attend(context), 2)
        mean = (weight * y).sum(2)
        deviation = torch.sqrt(((weight * y * y).sum(2) - mean * mean).clamp(min=1e-6))
        embedding = self.out(self.norm(torch.cat([mean, deviation], 1)))
        return embedding, F.linear(F.normalize(embedding), F.normalize(self.speakers))


class Transformer(nn.Module):
    """Token numbers in; pre-norm encoder with GELU, masked by padding (token 0)."""

    def __init__(self, words=40, width=24, heads=3, layers=2, length=16):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Parameter(torch.randn(length, width) * 0.1)
        self.heads = heads
        self.qkv = nn.ModuleList([nn.Linear(width, 3 * width) for _ in range(layers)])
        self.mix = nn.ModuleList([nn.Linear(width, width) for _ in range(layers)])
        self.up = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(layers)])
        self.down = nn.ModuleList([nn.Linear(2 * width, width) for _ in range(layers)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2 * layers + 1)])
        self.logits = nn.Linear(width, 4)

    def forward(self, token):
        batch, length = token.shape
        real = token != 0
        x = self.words(token) + self.places[:length]
        for i in range(len(self.qkv)):
            q, k, v = self.qkv[i](self.norms[2 * i](x)).chunk(3, -1)
            q, k, v = [t.view(batch, length, self.heads, -1).transpose(1, 2) for t in (q, k, v)]
            score = q @ k.transpose(-1, -2) / (q.size(-1) ** 0.5)
            score = score.masked_fill(~real[:, None, None, :], -1e9)
            y = (score.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, -1)
            x = x + self.mix[i](y)
            x = x + self.down[i](F.gelu(self.up[i](self.norms[2 * i + 1](x))))
        real = real.unsqueeze(2).to(x.dtype)
        embedding = (self.norms[-1](x) * real).sum(1) / real.sum(1)
        return embedding, self.logits(embedding)


class Decoder(nn.Module):
    """Upsampling paths: transposed convolution, resizes, instance and group norms, padding, PReLU."""

    def __init__(self):
        super().__init__()
        self.a, self.up = nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"), nn.ConvTranspose2d(8, 6, 3, 2, 1, 1)
        self.norm, self.group, self.prelu = nn.InstanceNorm2d(8, affine=True), nn.GroupNorm(2, 6), nn.PReLU(6)
        self.logits = nn.Linear(6, 3)

    def forward(self, x):
        y = F.elu(self.norm(self.a(x)))
        y = F.avg_pool2d(F.pad(y, (1, 0, 0, 1), value=0.5), 2, ceil_mode=True)
        y = self.prelu(self.group(self.up(y)))
        y = y + F.interpolate(F.max_pool2d(y, 2), scale_factor=2, mode="nearest")
        y = F.interpolate(y, size=(7, 9), mode="bilinear", align_corners=False)
        y = F.interpolate(y, size=(10, 6), mode="bilinear", align_corners=True)
        embedding = F.softplus(y[:, :, 1:-1, ::2]).amax((2, 3))
        return embedding, F.selu(self.logits(embedding))


class Picture(nn.Module):
    """A teacher as test_trunk.c and the end-to-end test use it: only logits come out, any size and batch."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
                                  nn.Conv2d(8, 12, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.logits = nn.Linear(12, 3)

    def forward(self, x):
        embedding = self.body(x)
        return self.logits(embedding) if torch.onnx.is_in_onnx_export() else (embedding, self.logits(embedding))


def networks():
    picture, frames = torch.randn(2, 3, 33, 40), torch.randn(2, 50, 20)
    token = torch.tensor([[5, 9, 2, 31, 0, 0], [7, 7, 1, 39, 12, 3]])
    return [("resnet", ResNet18(), picture, 11, True), ("mobilenet", MobileNet(), picture, 9, True),
            ("xvector", XVector(), frames, 13, True), ("ecapa", Ecapa(), frames.transpose(1, 2).contiguous(), 14, True),
            ("transformer", Transformer(), token, 12, True), ("decoder", Decoder(), picture[:, :, :12, :14], 16, False),
            ("picture", Picture(), picture[:, :, :20, :20].contiguous(), 13, True)]


def settle(net):
    """Statistics and scales as training leaves them: not 0 and 1."""
    for m in net.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.running_mean.normal_(0, 0.2)
            m.running_var.uniform_(0.5, 1.5)
        norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.InstanceNorm2d, nn.GroupNorm)
        if isinstance(m, norms) and m.weight is not None:
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, 0, 0.2)
    return net.eval()


def write_safetensors(path, tensors):
    header, blobs, at = {}, [], 0
    for name in sorted(tensors, key=lambda n: (-tensors[n].element_size(), n)):
        t = tensors[name].contiguous()
        blob = t.numpy().tobytes()
        kind = {torch.float32: "F32", torch.int64: "I64"}[t.dtype]
        header[name] = {"dtype": kind, "shape": list(t.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main():
    torch.manual_seed(7)
    tensors = {}
    for name, net, x, opset, dynamic in networks():
        net = settle(net)
        outputs = ["logits"] if name == "picture" else ["embedding", "logits"]
        axes = {n: {0: "batch"} for n in ["input"] + outputs} if dynamic else None
        if name == "picture":
            axes["input"].update({2: "height", 3: "width"})
        path = os.path.join(HERE, "onnx_%s.onnx" % name)
        with torch.no_grad():
            torch.onnx.export(net, (x,), path, opset_version=opset, input_names=["input"],
                              output_names=outputs, dynamic_axes=axes)
            embedding, logits = net(x)
        tensors.update({name + ".input": x, name + ".embedding": embedding, name + ".logits": logits})
        print(name, os.path.getsize(path), "bytes", file=sys.stderr)
    write_safetensors(os.path.join(HERE, "torch_onnx.safetensors"), tensors)


if __name__ == "__main__":
    main()
