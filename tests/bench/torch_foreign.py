#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes public architectures at their real sizes as ONNX files, as a PyTorch user would, with random weights.

Usage: torch_foreign.py FOLDER [NAME]...    (writes NAME.onnx; those that are there stay)

resnet18, iresnet50 (faces), densenet121, googlenet, mobilenet_v2, mobilenet_v3_small, efficientnet_b0, convnext_tiny: pictures;
vit_tiny: pictures, attention; whisper_encoder: tiny, 30 seconds. Written after their papers; torchvision is not needed.
"""
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F


def conv(c, units, kernel=1, stride=1, groups=1, act=None, eps=1e-5):
    """Convolution and batch-norm (which the exporter folds), and what follows them."""
    layers = [nn.Conv2d(c, units, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(units, eps)]
    return nn.Sequential(*layers, *([act] if act else []))


class Residual(nn.Module):
    def __init__(self, body, short=None, act=None):
        super().__init__()
        self.body, self.short, self.act = body, short or nn.Identity(), act or nn.Identity()

    def forward(self, x):
        return self.act(self.body(x) + self.short(x))


def head(c, classes=1000):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes)]


def resnet18():
    layers, c = [conv(3, 64, 7, 2, act=nn.ReLU()), nn.MaxPool2d(3, 2, 1)], 64
    for units, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for s in (stride, 1):
            short = conv(c, units, 1, s) if s > 1 or c != units else None
            body = nn.Sequential(conv(c, units, 3, s, act=nn.ReLU()), conv(units, units, 3))
            layers.append(Residual(body, short, nn.ReLU()))
            c = units
    return nn.Sequential(*layers, *head(512)), (3, 224, 224)


def iresnet50():
    layers, c = [conv(3, 64, 3, act=nn.PReLU(64))], 64
    for units, count in ((64, 3), (128, 4), (256, 14), (512, 3)):
        for i in range(count):
            body = nn.Sequential(nn.BatchNorm2d(c), conv(c, units, 3, act=nn.PReLU(units)),
                                 conv(units, units, 3, 1 if i else 2))
            layers.append(Residual(body, None if i else conv(c, units, 1, 2)))
            c = units
    return nn.Sequential(*layers, nn.BatchNorm2d(512), nn.Flatten(), nn.Linear(512 * 7 * 7, 512),
                         nn.BatchNorm1d(512)), (3, 112, 112)


class Dense(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), conv(c, 128, act=nn.ReLU()),
                                  nn.Conv2d(128, 32, 3, 1, 1, bias=False))

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def densenet121():
    layers, c = [conv(3, 64, 7, 2, act=nn.ReLU()), nn.MaxPool2d(3, 2, 1)], 64
    for i, count in enumerate((6, 12, 24, 16)):
        if i:
            layers += [nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, c // 2, 1, bias=False), nn.AvgPool2d(2)]
            c //= 2
        for _ in range(count):
            layers.append(Dense(c))
            c += 32
    return nn.Sequential(*layers, nn.BatchNorm2d(c), nn.ReLU(), *head(c)), (3, 224, 224)


class Inception(nn.Module):
    def __init__(self, c, one, three_in, three, five_in, five, pool):
        super().__init__()
        r = nn.ReLU()
        self.ways = nn.ModuleList([
            conv(c, one, act=r), nn.Sequential(conv(c, three_in, act=r), conv(three_in, three, 3, act=r)),
            nn.Sequential(conv(c, five_in, act=r), conv(five_in, five, 3, act=r)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), conv(c, pool, act=r))])

    def forward(self, x):
        return torch.cat([way(x) for way in self.ways], 1)


def googlenet():
    r, pool = nn.ReLU(), lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
    rows = {2: [(192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64)],
            3: [(480, 192, 96, 208, 16, 48, 64), (512, 160, 112, 224, 24, 64, 64), (512, 128, 128, 256, 24, 64, 64),
                (512, 112, 144, 288, 32, 64, 64), (528, 256, 160, 320, 32, 128, 128)],
            4: [(832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128)]}
    layers = [conv(3, 64, 7, 2, act=r), pool(), conv(64, 64, act=r), conv(64, 192, 3, act=r)]
    for row in rows.values():
        layers += [pool(), *(Inception(*sizes) for sizes in row)]
    return nn.Sequential(*layers, *head(1024)), (3, 224, 224)


class Excite(nn.Module):
    def __init__(self, c, squeezed, act, gate):
        super().__init__()
        self.body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, squeezed, 1), act, nn.Conv2d(squeezed, c, 1),
                                  gate)

    def forward(self, x):
        return x * self.body(x)


def inverted(c, wide, units, kernel, stride, act, excite=None):
    body = [] if wide == c else [conv(c, wide, act=act)]
    body += [conv(wide, wide, kernel, stride, wide, act)] + ([excite] if excite else []) + [conv(wide, units)]
    body = nn.Sequential(*body)
    return Residual(body) if stride == 1 and c == units else body


def mobilenet_v2():
    act = nn.ReLU6()
    layers, c = [conv(3, 32, 3, 2, act=act)], 32
    for times, units, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                        (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            layers.append(inverted(c, c * times, units, 3, 1 if i else stride, act))
            c = units
    return nn.Sequential(*layers, conv(c, 1280, act=act), *head(1280)), (3, 224, 224)


def mobilenet_v3_small():
    r, h = nn.ReLU(), nn.Hardswish()
    layers, c = [conv(3, 16, 3, 2, act=h)], 16
    for kernel, wide, units, excite, act, stride in (
            (3, 16, 16, True, r, 2), (3, 72, 24, False, r, 2), (3, 88, 24, False, r, 1), (5, 96, 40, True, h, 2),
            (5, 240, 40, True, h, 1), (5, 240, 40, True, h, 1), (5, 120, 48, True, h, 1), (5, 144, 48, True, h, 1),
            (5, 288, 96, True, h, 2), (5, 576, 96, True, h, 1), (5, 576, 96, True, h, 1)):
        e = Excite(wide, (wide // 4 + 4) // 8 * 8 or 8, r, nn.Hardsigmoid()) if excite else None
        layers.append(inverted(c, wide, units, kernel, stride, act, e))
        c = units
    return nn.Sequential(*layers, conv(c, 576, act=h), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(576, 1024), h,
                         nn.Linear(1024, 1000)), (3, 224, 224)


def efficientnet_b0():
    act = nn.SiLU()
    layers, c = [conv(3, 32, 3, 2, act=act)], 32
    for times, kernel, stride, units, count in ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
                                                (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)):
        for i in range(count):
            e = Excite(c * times, c // 4, act, nn.Sigmoid())
            layers.append(inverted(c, c * times, units, kernel, 1 if i else stride, act, e))
            c = units
    return nn.Sequential(*layers, conv(c, 1280, act=act), *head(1280)), (3, 224, 224)


class Norm2d(nn.LayerNorm):
    """Over channels that stand second."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Next(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.depthwise = nn.Conv2d(c, c, 7, padding=3, groups=c)
        self.body = nn.Sequential(nn.LayerNorm(c, 1e-6), nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c))
        self.scale = nn.Parameter(torch.full((c, 1, 1), 1e-1))

    def forward(self, x):
        return x + self.scale * self.body(self.depthwise(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def convnext_tiny():
    layers, c = [nn.Conv2d(3, 96, 4, 4), Norm2d(96, 1e-6)], 96
    for i, count in enumerate((3, 3, 9, 3)):
        if i:
            layers += [Norm2d(c, 1e-6), nn.Conv2d(c, 2 * c, 2, 2)]
            c *= 2
        layers += [Next(c) for _ in range(count)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), Norm2d(c, 1e-6), nn.Flatten(), nn.Linear(c, 1000)), \
        (3, 224, 224)


class Attention(nn.Module):
    def __init__(self, c, heads, key_bias=True):
        super().__init__()
        self.heads, self.query, self.key = heads, nn.Linear(c, c), nn.Linear(c, c, bias=key_bias)
        self.value, self.out = nn.Linear(c, c), nn.Linear(c, c)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = (f(x).view(n, t, self.heads, c // self.heads).permute(0, 2, 1, 3)
                   for f in (self.query, self.key, self.value))
        weights = F.softmax(q @ k.transpose(2, 3) * (c // self.heads) ** -0.5, -1)
        return self.out((weights @ v).permute(0, 2, 1, 3).flatten(2))


def block(c, heads, key_bias=True):
    return nn.Sequential(
        Residual(nn.Sequential(nn.LayerNorm(c), Attention(c, heads, key_bias))),
        Residual(nn.Sequential(nn.LayerNorm(c), nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c))))


class Vit(nn.Module):
    def __init__(self, c=192, heads=3, depth=12, patch=16):
        super().__init__()
        self.patch = nn.Conv2d(3, c, patch, patch)
        self.cls = nn.Parameter(torch.randn(1, 1, c) * 0.02)
        self.place = nn.Parameter(torch.randn(1, 1 + (224 // patch) ** 2, c) * 0.02)
        self.blocks, self.norm = nn.Sequential(*(block(c, heads) for _ in range(depth))), nn.LayerNorm(c)
        self.out = nn.Linear(c, 1000)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.place
        return self.out(self.norm(self.blocks(x))[:, 0])


class Whisper(nn.Module):
    def __init__(self, c=384, heads=6, depth=4):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(80, c, 3, padding=1), nn.Conv1d(c, c, 3, 2, 1)
        self.place = nn.Parameter(torch.randn(1500, c) * 0.02)
        self.blocks, self.norm = nn.Sequential(*(block(c, heads, False) for _ in range(depth))), nn.LayerNorm(c)

    def forward(self, x):
        x = F.gelu(self.conv2(F.gelu(self.conv1(x)))).permute(0, 2, 1)
        return self.norm(self.blocks(x + self.place))


MODELS = {f.__name__: f for f in (resnet18, iresnet50, densenet121, googlenet, mobilenet_v2, mobilenet_v3_small,
                                  efficientnet_b0, convnext_tiny)}
MODELS |= {"vit_tiny": lambda: (Vit(), (3, 224, 224)), "whisper_encoder": lambda: (Whisper(), (80, 3000))}


def main():
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(MODELS)
    for name in names:
        path = folder / f"{name}.onnx"
        if path.exists():
            continue
        torch.manual_seed(1)
        net, shape = MODELS[name]()
        for module in net.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        torch.onnx.export(net.eval(), torch.randn(1, *shape), str(path), opset_version=14,
                          input_names=["input"], output_names=["output"],
                          dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}})


main()
