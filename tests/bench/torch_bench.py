#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Milliseconds of one training step of nn_bench.c's networks in PyTorch (Debian's python3-torch).

Usage: torch_bench.py [THREADS]...   Prints: network, threads, ms that a tenth of
the steps stay below.
"""
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden"))
import torch_nets  # noqa: E402

BATCH, CLASSES, SECONDS = 32, 14, 3.0


def quiet_step(name, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    if name == "cnn1d":
        net, x = torch_nets.Cnn1d(144, 64, 96, 128, CLASSES), torch.randn(BATCH, 64, 144)
    elif name == "cnn2d":
        net, x = torch_nets.Cnn2d(32, 32, 3, 16, 128, CLASSES), torch.randn(BATCH, 3, 32, 32)
    else:
        net, x = torch_nets.Resnet(64, 1, 8, 2, 128, CLASSES), torch.randn(BATCH, 1, 144, 64)
    label = torch.arange(BATCH) % CLASSES
    loss = torch.nn.CrossEntropyLoss()
    optim = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < 10 or time.perf_counter() < end:
        start = time.perf_counter()
        optim.zero_grad()
        loss(net(x), label).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optim.step()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 10] * 1e3


for net_name in ("cnn1d", "cnn2d", "resnet"):
    for threads in [int(a) for a in sys.argv[1:]] or [1]:
        print(f"{net_name}\t{threads}\t{quiet_step(net_name, threads):.3f}", flush=True)
