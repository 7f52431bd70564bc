#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Two small text encoders with random weights, written as ONNX by PyTorch (Debian's python3-torch): one of BERT's kind
# (three inputs, any number of tokens, a classifier), one as CLIP's text tower (ids alone, 32 of them, pooled inside).
# With them what PyTorch gives for texts of tokenizers/cases.json, each alone and with nothing filled up, by the ids
# that stand there: what test_trunk_text.c compares with. Rewrites text_*.onnx and torch_texts.safetensors.
import json
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch_onnx import settle, write_safetensors

HERE = os.path.dirname(os.path.abspath(__file__))
DIM, HEADS = 8, 2


class Block(nn.Module):
    def __init__(self, before):
        super().__init__()
        self.qkv, self.out = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)
        self.up, self.down = nn.Linear(DIM, 4 * DIM), nn.Linear(4 * DIM, DIM)
        self.n1, self.n2, self.before = nn.LayerNorm(DIM), nn.LayerNorm(DIM), before

    def attend(self, x, mask):
        q, k, v = [t.view(t.shape[0], t.shape[1], HEADS, DIM // HEADS).transpose(1, 2)
                   for t in self.qkv(x).split(DIM, -1)]
        a = F.softmax(q @ k.transpose(-1, -2) / (DIM // HEADS) ** 0.5 + mask, -1) @ v
        return self.out(a.transpose(1, 2).reshape(x.shape[0], x.shape[1], DIM))

    def forward(self, x, mask):
        if self.before:
            x = x + self.attend(self.n1(x), mask)
            return x + self.down(F.gelu(self.up(self.n2(x))))
        x = self.n1(x + self.attend(x, mask))
        return self.n2(x + self.down(F.gelu(self.up(x))))


class Bert(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.word, self.place, self.kind = nn.Embedding(words, DIM), nn.Embedding(64, DIM), nn.Embedding(2, DIM)
        self.norm, self.blocks = nn.LayerNorm(DIM), nn.ModuleList([Block(False), Block(False)])
        self.pool, self.logits = nn.Linear(DIM, DIM), nn.Linear(DIM, 3)
        self.register_buffer("places", torch.arange(64)[None])

    def forward(self, ids, mask, types):
        x = self.word(ids) + self.kind(types) + self.place(self.places[:, :ids.shape[1]])
        x, mask = self.norm(x), (1.0 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        for block in self.blocks:
            x = block(x, mask)
        pooled = torch.tanh(self.pool(x[:, 0]))
        return x, pooled, self.logits(pooled)


class Clip(nn.Module):
    def __init__(self, words, tokens):
        super().__init__()
        self.word, self.place = nn.Embedding(words, DIM), nn.Parameter(torch.randn(tokens, DIM))
        self.block, self.norm, self.project = Block(True), nn.LayerNorm(DIM), nn.Linear(DIM, 6, bias=False)
        self.register_buffer("places", torch.arange(tokens, dtype=torch.float32))
        self.register_buffer("causal", torch.full((tokens, tokens), float("-inf")).triu_(1))

    def forward(self, ids):
        x = self.norm(self.block(self.word(ids) + self.place, self.causal))
        number, places = ids.to(torch.float32), self.places[None]
        places = torch.where(number == number.amax(1, keepdim=True), places, places + 1000)
        end = (places == places.amin(1, keepdim=True)).to(torch.float32)  # the first token with the largest id
        return self.project((x * end[:, :, None]).sum(1))


def golden(name):
    with open(os.path.join(HERE, "tokenizers", name), encoding="utf-8") as f:
        return json.load(f)


def main():
    torch.manual_seed(11)
    cases = golden("cases.json")
    rows = [0, 30, 100, 200, 333, 480, 511, 520, 523, 530]
    ids = {name: [[cases["ids"][name][r]] for r in rows] for name in ("bert", "clip")}
    ids["bert"] = [[i[0][:63] + i[0][-1:]] if len(i[0]) > 64 else i for i in ids["bert"]]
    bert, clip = golden("bert.json")["model"]["vocab"], golden("clip.json")["model"]["vocab"]
    tensors = {"rows": torch.tensor(rows)}
    net = settle(Bert(len(bert)))
    one = torch.ones(1, 7, dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    outputs = ["last_hidden_state", "pooler_output", "logits"]
    with torch.no_grad():
        torch.onnx.export(net, (one, one, 0 * one), os.path.join(HERE, "text_bert.onnx"), opset_version=14,
                          input_names=names, output_names=outputs, dynamic_axes=dict(
                              {n: {0: "batch", 1: "tokens"} for n in names + outputs[:1]}, pooler_output={0: "batch"},
                              logits={0: "batch"}))
        made = [net(torch.tensor(i), torch.ones(1, len(i[0]), dtype=torch.int64),
                    torch.zeros(1, len(i[0]), dtype=torch.int64)) for i in ids["bert"]]
        tensors["bert.mean"] = torch.cat([x.mean(1) for x, _, _ in made])
        tensors["bert.cls"] = torch.cat([x[:, 0] for x, _, _ in made])
        tensors["bert.eot"] = torch.cat([x[:, -1] for x, _, _ in made])
        tensors["bert.pooled"] = torch.cat([p for _, p, _ in made])
        tensors["bert.logits"] = torch.cat([y for _, _, y in made])
        net = settle(Clip(len(clip), 32))
        padded = [torch.tensor([i[0] + [clip["<|endoftext|>"]] * (32 - len(i[0]))]) for i in ids["clip"]]
        torch.onnx.export(net, (padded[0],), os.path.join(HERE, "text_clip.onnx"), opset_version=14,
                          input_names=["input_ids"], output_names=["text_embeds"],
                          dynamic_axes={"input_ids": {0: "batch"}, "text_embeds": {0: "batch"}})
        tensors["clip.embeds"] = torch.cat([net(i) for i in padded])
    write_safetensors(os.path.join(HERE, "torch_texts.safetensors"), tensors)
    for name in "bert", "clip":
        print(name, os.path.getsize(os.path.join(HERE, "text_%s.onnx" % name)), "bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
