#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes networks of nn_compare as ONNX files, as a PyTorch user would, with random weights.

Usage: torch_export.py FOLDER   (NET.onnx for each of torch_bench.py's, and arcface-r50.onnx: the
ResNet-50 of face recognition: improved residual blocks 3,4,14,3 with PReLU, 112x112 input, 512 numbers)
"""
import sys
from pathlib import Path

import torch
from torch import nn

sys.argv, folder = sys.argv[:1], Path(sys.argv[1])
sys.path.insert(0, str(Path(__file__).resolve().parent))
import torch_bench  # noqa: E402


class Block(nn.Module):
    def __init__(self, c, units, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(c), nn.Conv2d(c, units, 3, 1, 1, bias=False), nn.BatchNorm2d(units),
            nn.PReLU(units), nn.Conv2d(units, units, 3, stride, 1, bias=False), nn.BatchNorm2d(units))
        self.short = nn.Sequential(nn.Conv2d(c, units, 1, stride, bias=False), nn.BatchNorm2d(units)) \
            if stride != 1 else nn.Identity()

    def forward(self, x):
        return self.body(x) + self.short(x)


def arcface():
    layers, c = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)], 64
    for units, count in ((64, 3), (128, 4), (256, 14), (512, 3)):
        for i in range(count):
            layers.append(Block(c, units, 1 if i else 2))
            c = units
    return nn.Sequential(*layers, nn.BatchNorm2d(512), nn.Flatten(), nn.Linear(512 * 7 * 7, 512),
                         nn.BatchNorm1d(512))


def main():
    torch.manual_seed(1)
    makes = {**torch_bench.NETS, "arcface-r50": lambda: (arcface(), (3, 112, 112))}
    for name, make in makes.items():
        net, shape = make()
        for module in net.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        torch.onnx.export(net.eval(), torch.randn(1, *shape), str(folder / f"{name}.onnx"), opset_version=13,
                          input_names=["input"], output_names=["output"],
                          dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}})


main()
