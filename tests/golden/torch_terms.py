#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# torch_terms: distances and gradients of every term by PyTorch (python3-torch), in double, on small
# drawn inputs; writes torch_terms.safetensors beside itself. Read by test_terms_golden.c. Formulas are
# PyTorch's own functions wherever it has one. Run again only when a term is added or changed.
import json
import os
import struct

import numpy
import torch
import torch.nn.functional as F

BATCH, CLASSES, DIM = 8, 11, 16
T, SMOOTHING, MARGIN, SCALE = 2.0, 0.1, 0.2, 30.0


def drawn():
    """Inputs as float32, so that both sides start from the same numbers."""
    rng = numpy.random.RandomState(20250716)
    x = {
        "logits": rng.randn(BATCH, CLASSES) * 3,
        "cosines": rng.uniform(-0.95, 0.95, (BATCH, CLASSES)),
        "feature": rng.randn(BATCH, DIM),
        "head": rng.randn(BATCH, CLASSES) * 3,
        "t_feature": rng.randn(BATCH, DIM),
        "t_logits": rng.randn(BATCH, CLASSES) * 3,
    }
    label = rng.randint(0, CLASSES, BATCH)
    x["cosines"][0, label[0]] = -0.99  # past theta + m = pi
    x = {name: value.astype("<f4") for name, value in x.items()}
    x["label"] = label.astype("<i4")
    return x


def aam(x, y):
    hot = F.one_hot(y, CLASSES).bool()
    theta = torch.acos(x)
    shifted = torch.where(theta + MARGIN <= torch.pi, torch.cos(theta + MARGIN),
                          x - MARGIN * torch.sin(torch.tensor(MARGIN, dtype=x.dtype)))
    return F.cross_entropy(SCALE * torch.where(hot, shifted, x), y, label_smoothing=SMOOTHING,
                           reduction="none")


def kl(s, t):
    return T * T * F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="none").sum(1)


def dkd(s, t, y):
    hot = F.one_hot(y, CLASSES).bool()
    p, q = F.softmax(t / T, 1), F.softmax(s / T, 1)
    pair = [torch.stack([v[hot], v[~hot].view(BATCH, -1).sum(1)], 1) for v in (p, q)]
    rest = [v[~hot].view(BATCH, -1) / T for v in (t, s)]
    target = F.kl_div(pair[1].log(), pair[0], reduction="none").sum(1)
    other = F.kl_div(F.log_softmax(rest[1], 1), F.softmax(rest[0], 1), reduction="none").sum(1)
    return T * T * (target + 2 * other)


def dist(s, t):
    p, q = F.softmax(s / T, 1), F.softmax(t / T, 1)
    return torch.stack([1 - torch.corrcoef(torch.stack([a, b]))[0, 1] for a, b in zip(p, q)])


# term: what it reads, and its distance as a function of that and the other inputs
TERMS = {
    "ce": ("logits", lambda x, a: F.cross_entropy(x, a["label"], label_smoothing=SMOOTHING,
                                                  reduction="none")),
    "aam": ("cosines", lambda x, a: aam(x, a["label"])),
    "l2": ("feature", lambda x, a: (F.normalize(x) - F.normalize(a["t_feature"])).pow(2).sum(1)),
    "cosine": ("feature", lambda x, a: 1 - F.cosine_similarity(x, a["t_feature"])),
    "kl": ("logits", lambda x, a: kl(x, a["t_logits"])),
    "head_kl": ("head", lambda x, a: kl(x, a["t_logits"])),
    "head_ce": ("head", lambda x, a: F.cross_entropy(x, a["label"], reduction="none")),
    "dkd": ("logits", lambda x, a: dkd(x, a["t_logits"], a["label"])),
    "dist": ("logits", lambda x, a: dist(x, a["t_logits"])),
}


def write(path, arrays):
    kinds = {"<f4": "F32", "<f8": "F64", "<i4": "I32"}
    header, data = {}, b""
    for name in sorted(arrays):
        value = numpy.ascontiguousarray(arrays[name])
        end = len(data) + value.nbytes
        header[name] = {"dtype": kinds[value.dtype.str], "shape": list(value.shape),
                        "data_offsets": [len(data), end]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


def main():
    arrays = drawn()
    given = {name: torch.from_numpy(value).long() if name == "label"
             else torch.from_numpy(value).double() for name, value in arrays.items()}
    arrays["settings"] = numpy.array([T, SMOOTHING, MARGIN, SCALE], "<f8")
    for term, (reads, distance) in TERMS.items():
        x = given[reads].clone().requires_grad_()
        value = distance(x, given)
        value.sum().backward()
        arrays[term + ".value"] = value.detach().numpy().astype("<f8")
        arrays[term + ".grad"] = x.grad.numpy().astype("<f8")
    write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_terms.safetensors"), arrays)


if __name__ == "__main__":
    main()
