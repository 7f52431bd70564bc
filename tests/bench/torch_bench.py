#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Times the networks of `retort bench` in PyTorch (Debian's python3-torch); nn_compare runs both.

Usage: torch_bench.py NET train|infer THREADS nchw|channels-last SECONDS
Prints one line of JSON as `retort bench --json` does: "ms" is the time that a tenth of the steps stay
below, "peak_bytes" the largest resident set of this process less what it was before the network.
"""
import json
import resource
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden"))
import torch_nets  # noqa: E402

BATCH, CLASSES, EMBEDDING = 32, 14, 128
NETS = {
    "cnn1d": lambda: (torch_nets.Cnn1d(144, 64, 96, EMBEDDING, CLASSES), (64, 144)),
    "cnn2d-64": lambda: (torch_nets.Cnn2d(64, 64, 3, 16, EMBEDDING, CLASSES), (3, 64, 64)),
    "resnet34-8": lambda: (torch_nets.Resnet(80, 1, 8, 0, EMBEDDING, CLASSES), (1, 200, 80)),
    "resnet34-16": lambda: (torch_nets.Resnet(80, 1, 16, 0, EMBEDDING, CLASSES), (1, 200, 80)),
    "resnet34-32": lambda: (torch_nets.Resnet(80, 1, 32, 0, EMBEDDING, CLASSES), (1, 200, 80)),
    "tdnn-512": lambda: (torch_nets.Tdnn(80, 512, EMBEDDING, CLASSES), (80, 200)),
}


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def main():
    name, mode, threads, layout, seconds = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    before = resident()
    net, shape = NETS[name]()
    x = torch.randn(BATCH, *shape)
    if layout == "channels-last" and len(shape) == 3:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    label = torch.arange(BATCH) % CLASSES
    loss = torch.nn.CrossEntropyLoss()
    optim = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)

    def train():
        optim.zero_grad()
        loss(net(x), label).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optim.step()

    def infer():
        with torch.no_grad():
            net(x)

    net.train(mode == "train")
    step = train if mode == "train" else infer
    times, end = [], time.perf_counter() + float(seconds)
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    print(json.dumps({"net": name, "mode": mode, "threads": int(threads), "layout": layout,
                      "ms": round(sorted(times)[len(times) // 10] * 1e3, 3), "peak_bytes": peak}))


if __name__ == "__main__":
    main()
