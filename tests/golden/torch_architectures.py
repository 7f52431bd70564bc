#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# The architectures that people take for teachers, each cut down to a few channels, with random weights: as ONNX files
# written by PyTorch (Debian's python3-torch), with inputs of one or two shapes and PyTorch's own outputs, which
# test_architectures.c compares with. What matters is the graph: layers, their order and what an exporter makes of them
# are those of the networks named, from their papers and public descriptions; widths and depths are not. Graphs as newer
# exporters write them: new_graphs.py. Run from any folder; rewrites arch_*.onnx and architectures.safetensors.
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from new_graphs import new_graphs
from torch_onnx import HERE, settle, write_safetensors


def norm_act(cout, act):
    return [nn.BatchNorm2d(cout)] + ([act()] if act else [])


def conv(cin, cout, k, stride=1, groups=1, act=None):
    return nn.Sequential(nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False), *norm_act(cout, act))


# ---- pictures: convolutions ----

class Bottleneck(nn.Module):
    """ResNet-50's: 1x1, 3x3 with the stride, 1x1."""

    def __init__(self, cin, mid, stride):
        super().__init__()
        self.body = nn.Sequential(conv(cin, mid, 1, act=nn.ReLU), conv(mid, mid, 3, stride, act=nn.ReLU),
                                  conv(mid, 4 * mid, 1))
        self.short = conv(cin, 4 * mid, 1, stride) if stride > 1 or cin != 4 * mid else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.short(x))


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(3, 8, 7, 2, act=nn.ReLU), nn.MaxPool2d(3, 2, 1), Bottleneck(8, 4, 1),
                                  Bottleneck(16, 4, 1), Bottleneck(16, 6, 2), Bottleneck(24, 6, 1),
                                  Bottleneck(24, 8, 2))
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(32, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.body(x)), 1))


class Squeeze(nn.Module):
    def __init__(self, c, mid, act, gate):
        super().__init__()
        self.pool, self.act, self.gate = nn.AdaptiveAvgPool2d(1), act(), gate()
        self.down, self.up = nn.Conv2d(c, mid, 1), nn.Conv2d(mid, c, 1)

    def forward(self, x):
        return x * self.gate(self.up(self.act(self.down(self.pool(x)))))


class Inverted(nn.Module):
    """Expand, depthwise, squeeze and excite, project: MobileNetV3's and EfficientNet's."""

    def __init__(self, cin, mid, cout, k, stride, act, se_act, gate, se=True):
        super().__init__()
        layers = [conv(cin, mid, 1, act=act)] if mid != cin else []
        layers.append(conv(mid, mid, k, stride, groups=mid, act=act))
        layers += [Squeeze(mid, max(mid // 4, 2), se_act, gate)] if se else []
        self.body = nn.Sequential(*layers, conv(mid, cout, 1))
        self.adds = stride == 1 and cin == cout

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


class MobileNetV3(nn.Module):
    def __init__(self):
        super().__init__()
        h, r, g = nn.Hardswish, nn.ReLU, nn.Hardsigmoid
        self.body = nn.Sequential(conv(3, 8, 3, 2, act=h), Inverted(8, 8, 8, 3, 2, r, r, g),
                                  Inverted(8, 24, 12, 3, 2, r, r, g, se=False), Inverted(12, 32, 12, 5, 1, h, r, g),
                                  Inverted(12, 40, 16, 5, 2, h, r, g), conv(16, 48, 1, act=h))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(nn.Linear(48, 32), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(32, 10))

    def forward(self, x):
        return self.head(torch.flatten(self.pool(self.body(x)), 1))


class EfficientNet(nn.Module):
    def __init__(self):
        super().__init__()
        s, g = nn.SiLU, nn.Sigmoid
        self.body = nn.Sequential(conv(3, 8, 3, 2, act=s), Inverted(8, 8, 8, 3, 1, s, s, g),
                                  Inverted(8, 48, 12, 3, 2, s, s, g), Inverted(12, 72, 12, 5, 1, s, s, g),
                                  Inverted(12, 72, 16, 5, 2, s, s, g), conv(16, 40, 1, act=s))
        self.pool, self.drop, self.fc = nn.AdaptiveAvgPool2d(1), nn.Dropout(0.2), nn.Linear(40, 10)

    def forward(self, x):
        return self.fc(self.drop(torch.flatten(self.pool(self.body(x)), 1)))


class ConvNeXtBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.depth, self.norm = nn.Conv2d(c, c, 7, padding=3, groups=c), nn.LayerNorm(c, eps=1e-6)
        self.up, self.down, self.scale = nn.Linear(c, 4 * c), nn.Linear(4 * c, c), nn.Parameter(torch.rand(c, 1, 1))

    def forward(self, x):
        y = self.norm(self.depth(x).permute(0, 2, 3, 1))
        return x + self.scale * self.down(F.gelu(self.up(y))).permute(0, 3, 1, 2)


class Norm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 4, 4), Norm2d(8), ConvNeXtBlock(8), ConvNeXtBlock(8),
                                  Norm2d(8), nn.Conv2d(8, 16, 2, 2), ConvNeXtBlock(16))
        self.pool, self.norm, self.fc = nn.AdaptiveAvgPool2d(1), Norm2d(16), nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.norm(self.pool(self.body(x))), 1))


class IBasic(nn.Module):
    """insightface's block: norm before all, PReLU inside, nothing behind the sum."""

    def __init__(self, cin, c, stride):
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm2d(cin), nn.Conv2d(cin, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c),
                                  nn.PReLU(c), nn.Conv2d(c, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c))
        self.short = conv(cin, c, 1, stride) if stride > 1 or cin != c else nn.Identity()

    def forward(self, x):
        return self.body(x) + self.short(x)


class ArcFace(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.PReLU(8),
                                  IBasic(8, 8, 2), IBasic(8, 8, 1), IBasic(8, 12, 2), IBasic(12, 16, 2),
                                  nn.BatchNorm2d(16), nn.Dropout(0.4))
        self.fc, self.features = nn.Linear(16 * 4 * 4, 24), nn.BatchNorm1d(24)

    def forward(self, x):
        return self.features(self.fc(torch.flatten(self.body(x), 1)))


# ---- transformers ----

class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Attention(nn.Module):
    """timm's: one projection, [3, batch, heads, places, channels]."""

    def __init__(self, c, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(c, 3 * c), nn.Linear(c, c)

    def forward(self, x, mask=None):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        score = (q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1)
        score = score if mask is None else score + mask
        return self.out((score.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c))


class Block(nn.Module):
    def __init__(self, c, heads=2, act=nn.GELU):
        super().__init__()
        self.n1, self.n2, self.attention = nn.LayerNorm(c), nn.LayerNorm(c), Attention(c, heads)
        self.mlp = nn.Sequential(nn.Linear(c, 2 * c), act(), nn.Linear(2 * c, c))

    def forward(self, x, mask=None):
        x = x + self.attention(self.n1(x), mask)
        return x + self.mlp(self.n2(x))


class DeiT(nn.Module):
    """ViT with a class token and DeiT's distillation token, whose answers are averaged."""

    def __init__(self, c=24):
        super().__init__()
        self.patch, self.tokens = nn.Conv2d(3, c, 8, 8), nn.Parameter(torch.randn(1, 2, c) * 0.1)
        self.places = nn.Parameter(torch.randn(1, 18, c) * 0.1)
        self.blocks = nn.ModuleList([Block(c) for _ in range(2)])
        self.norm, self.head, self.distilled = nn.LayerNorm(c), nn.Linear(c, 10), nn.Linear(c, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.tokens.expand(x.shape[0], -1, -1), x], 1) + self.places
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return (self.head(x[:, 0]) + self.distilled(x[:, 1])) / 2


class ClipImage(nn.Module):
    def __init__(self, c=24):
        super().__init__()
        self.patch, self.token = nn.Conv2d(3, c, 8, 8, bias=False), nn.Parameter(torch.randn(c) * 0.1)
        self.places, self.pre, self.post = nn.Parameter(torch.randn(17, c) * 0.1), nn.LayerNorm(c), nn.LayerNorm(c)
        self.blocks = nn.ModuleList([Block(c, act=QuickGelu) for _ in range(2)])
        self.projection = nn.Parameter(torch.randn(c, 16) * 0.2)

    def forward(self, x):
        x = self.patch(x)
        x = x.reshape(x.shape[0], x.shape[1], -1).permute(0, 2, 1)
        token = self.token.to(x.dtype) + torch.zeros(x.shape[0], 1, x.shape[-1], dtype=x.dtype)
        x = self.pre(torch.cat([token, x], 1) + self.places)
        for block in self.blocks:
            x = block(x)
        x = self.post(x[:, 0, :]) @ self.projection
        return x / x.norm(dim=-1, keepdim=True)


class ClipText(nn.Module):
    """Causal mask; the embedding is that of the place with the largest token, which is the end of the text."""

    def __init__(self, c=24, words=50, length=12):
        super().__init__()
        self.words, self.places = nn.Embedding(words, c), nn.Parameter(torch.randn(length, c) * 0.1)
        self.blocks = nn.ModuleList([Block(c, act=QuickGelu) for _ in range(2)])
        self.register_buffer("mask", torch.full((length, length), float("-inf")).triu_(1))
        self.norm, self.projection = nn.LayerNorm(c), nn.Parameter(torch.randn(c, 16) * 0.2)

    def forward(self, text):
        x = self.words(text) + self.places
        for block in self.blocks:
            x = block(x, self.mask)
        x = self.norm(x)
        x = x[torch.arange(x.shape[0]), text.argmax(dim=-1)] @ self.projection
        return x / x.norm(dim=-1, keepdim=True)


class BertLayer(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(c, c) for _ in range(4))
        self.up, self.down, self.heads = nn.Linear(c, 2 * c), nn.Linear(2 * c, c), heads
        self.n1, self.n2 = nn.LayerNorm(c, eps=1e-12), nn.LayerNorm(c, eps=1e-12)

    def forward(self, x, mask):
        def split(t):
            return t.view(t.size(0), t.size(1), self.heads, -1).permute(0, 2, 1, 3)
        score = torch.matmul(split(self.q(x)), split(self.k(x)).transpose(-1, -2)) / (x.size(-1) / self.heads) ** 0.5
        y = torch.matmul((score + mask).softmax(-1), split(self.v(x))).permute(0, 2, 1, 3).contiguous()
        x = self.n1(self.out(y.view(y.size(0), y.size(1), -1)) + x)
        return self.n2(self.down(F.gelu(self.up(x))) + x)


class Bert(nn.Module):
    """BERT and MiniLM as a feature extractor: hidden states and the pooler."""

    def __init__(self, c=24, words=60, length=32):
        super().__init__()
        self.words, self.types, self.places = nn.Embedding(words, c), nn.Embedding(2, c), nn.Embedding(length, c)
        self.register_buffer("ids", torch.arange(length).expand(1, -1))
        self.norm, self.layers = nn.LayerNorm(c, eps=1e-12), nn.ModuleList([BertLayer(c, 3) for _ in range(2)])
        self.pooler = nn.Linear(c, c)

    def forward(self, input_ids, attention_mask, token_type_ids):
        mask = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * torch.finfo(torch.float32).min
        x = self.words(input_ids) + self.types(token_type_ids) + self.places(self.ids[:, :input_ids.size(1)])
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, mask)
        return x, torch.tanh(self.pooler(x[:, 0]))


# ---- speech ----

class Wav2Vec2(nn.Module):
    """Strided convolutions on the wave, the first with a norm over time, a convolution for places, an encoder."""

    def __init__(self, c=16):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(1 if i == 0 else c, c, k, s, bias=False)
                                    for i, (k, s) in enumerate(((10, 5), (3, 2), (3, 2), (2, 2)))])
        self.first, self.norm, self.project = nn.GroupNorm(c, c), nn.LayerNorm(c), nn.Linear(c, 24)
        self.places = nn.utils.weight_norm(nn.Conv1d(24, 24, 16, padding=8, groups=4), dim=2)
        self.after, self.blocks = nn.LayerNorm(24), nn.ModuleList([BertLayer(24, 2) for _ in range(2)])

    def forward(self, wave):
        x = wave[:, None]
        for i, c in enumerate(self.convs):
            x = c(x)
            x = F.gelu(self.first(x) if i == 0 else x)
        x = self.project(self.norm(x.transpose(1, 2)))
        x = self.after(x + F.gelu(self.places(x.transpose(1, 2))[:, :, :-1]).transpose(1, 2))
        for block in self.blocks:
            x = block(x, torch.zeros(1))
        return x


class Whisper(nn.Module):
    """The encoder: two convolutions, places by sines, pre-norm blocks."""

    def __init__(self, bands=20, c=24, length=24):
        super().__init__()
        self.c1, self.c2 = nn.Conv1d(bands, c, 3, padding=1), nn.Conv1d(c, c, 3, 2, 1)
        turn = torch.arange(length)[:, None] * torch.exp(-torch.arange(c // 2) * 0.8)[None]
        self.register_buffer("places", torch.cat([turn.sin(), turn.cos()], 1))
        self.blocks, self.norm = nn.ModuleList([Block(c, 3) for _ in range(2)]), nn.LayerNorm(c)

    def forward(self, mel):
        x = F.gelu(self.c2(F.gelu(self.c1(mel)))).permute(0, 2, 1) + self.places
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Basic(nn.Module):
    def __init__(self, cin, c, stride):
        super().__init__()
        self.body = nn.Sequential(conv(cin, c, 3, stride, act=nn.ReLU), conv(c, c, 3))
        self.short = conv(cin, c, 1, stride) if stride > 1 or cin != c else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.short(x))


class WespeakerResNet34(nn.Module):
    """[batch, frames, bands] in; means and deviations over time of every band and channel."""

    def __init__(self, bands=20, c=6):
        super().__init__()
        self.body = nn.Sequential(conv(1, c, 3, act=nn.ReLU), Basic(c, c, 1), Basic(c, 2 * c, 2),
                                  Basic(2 * c, 2 * c, 1), Basic(2 * c, 2 * c, 2))
        self.seg = nn.Linear(2 * 2 * c * (bands // 4), 16)

    def forward(self, feats):
        x = self.body(feats.permute(0, 2, 1).unsqueeze(1))
        mean = x.mean(dim=-1).flatten(start_dim=1)
        deviation = torch.sqrt(torch.var(x, dim=-1) + 1e-7).flatten(start_dim=1)
        return self.seg(torch.cat((mean, deviation), 1))


class EcapaBlock(nn.Module):
    def __init__(self, c, dilation, scale=4):
        super().__init__()
        part = c // scale
        self.i, self.ni, self.o, self.no = nn.Conv1d(c, c, 1), nn.BatchNorm1d(c), nn.Conv1d(c, c, 1), nn.BatchNorm1d(c)
        self.parts = nn.ModuleList([nn.Conv1d(part, part, 3, dilation=dilation, padding=dilation)
                                    for _ in range(scale - 1)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(part) for _ in range(scale - 1)])
        self.a, self.b, self.part = nn.Linear(c, 8), nn.Linear(8, c), part

    def forward(self, x):
        pieces = torch.split(self.ni(F.relu(self.i(x))), self.part, 1)
        out, carry = [], pieces[0]
        for i, (c, n) in enumerate(zip(self.parts, self.norms)):
            carry = n(F.relu(c(carry if i == 0 else carry + pieces[i])))
            out.append(carry)
        y = self.no(F.relu(self.o(torch.cat(out + [pieces[-1]], 1))))
        return x + y * torch.sigmoid(self.b(F.relu(self.a(y.mean(dim=2))))).unsqueeze(2)


class EcapaTdnn(nn.Module):
    """wespeaker's, of any length: attentive statistics with global context."""

    def __init__(self, bands=20, c=16):
        super().__init__()
        self.stem, self.n = nn.Conv1d(bands, c, 5, padding=2), nn.BatchNorm1d(c)
        self.blocks, self.cat = nn.ModuleList([EcapaBlock(c, d) for d in (2, 3, 4)]), nn.Conv1d(3 * c, 24, 1)
        self.a, self.b = nn.Conv1d(72, 8, 1), nn.Conv1d(8, 24, 1)
        self.bn, self.fc = nn.BatchNorm1d(48), nn.Linear(48, 12)

    def forward(self, feats):
        x = self.n(F.relu(self.stem(feats.permute(0, 2, 1))))
        outs = []
        for block in self.blocks:
            x = block(x)
            outs.append(x)
        x = F.relu(self.cat(torch.cat(outs, 1)))
        mean = torch.mean(x, dim=-1, keepdim=True).expand_as(x)
        deviation = torch.sqrt(torch.var(x, dim=-1, keepdim=True) + 1e-7).expand_as(x)
        alpha = torch.softmax(self.b(torch.tanh(self.a(torch.cat((x, mean, deviation), 1)))), dim=2)
        mean = torch.sum(alpha * x, dim=2)
        var = torch.sum(alpha * (x ** 2), dim=2) - mean ** 2
        return self.fc(self.bn(torch.cat([mean, torch.sqrt(var.clamp(min=1e-7))], 1)))


class CamLayer(nn.Module):
    """Context-aware masking: the mean over all frames and over segments of 10."""

    def __init__(self, c, cout, dilation):
        super().__init__()
        self.local = nn.Conv1d(c, cout, 3, padding=dilation, dilation=dilation, bias=False)
        self.down, self.up = nn.Conv1d(c, c // 2, 1), nn.Conv1d(c // 2, cout, 1)

    def forward(self, x):
        seg = F.avg_pool1d(x, kernel_size=10, stride=10, ceil_mode=True)
        shape = seg.shape
        seg = seg.unsqueeze(-1).expand(shape[0], shape[1], shape[2], 10).reshape(shape[0], shape[1], -1)
        context = x.mean(-1, keepdim=True) + seg[..., :x.shape[-1]]
        return self.local(x) * torch.sigmoid(self.up(F.relu(self.down(context))))


class CamDense(nn.Module):
    def __init__(self, c, grow, dilation):
        super().__init__()
        self.n1, self.linear, self.n2 = nn.BatchNorm1d(c), nn.Conv1d(c, 16, 1, bias=False), nn.BatchNorm1d(16)
        self.cam = CamLayer(16, grow, dilation)

    def forward(self, x):
        return torch.cat([x, self.cam(F.relu(self.n2(self.linear(F.relu(self.n1(x))))))], 1)


class CamPlus(nn.Module):
    """CAM++: a small 2-D network, a TDNN, dense blocks with transitions, statistics."""

    def __init__(self, bands=20):
        super().__init__()
        self.head = nn.Sequential(conv(1, 6, 3, act=nn.ReLU), nn.Conv2d(6, 6, 3, (2, 1), 1, bias=False),
                                  nn.BatchNorm2d(6), nn.ReLU())
        self.tdnn = nn.Sequential(nn.Conv1d(60, 16, 5, 2, 2, bias=False), nn.BatchNorm1d(16), nn.ReLU())
        self.dense = nn.Sequential(CamDense(16, 8, 1), CamDense(24, 8, 1), nn.BatchNorm1d(32), nn.ReLU(),
                                   nn.Conv1d(32, 16, 1, bias=False), CamDense(16, 8, 2), nn.BatchNorm1d(24), nn.ReLU())
        self.fc, self.bn = nn.Conv1d(48, 12, 1, bias=False), nn.BatchNorm1d(12, affine=False)

    def forward(self, feats):
        x = self.head(feats.permute(0, 2, 1).unsqueeze(1))
        x = self.dense(self.tdnn(x.reshape(x.shape[0], x.shape[1] * x.shape[2], x.shape[3])))
        x = torch.cat([x.mean(dim=-1), x.std(dim=-1, unbiased=True)], dim=-1)
        return self.bn(self.fc(x.unsqueeze(dim=-1)).squeeze(dim=-1))


class VadOf(nn.Module):
    """One rate's network: a Fourier transform as a convolution, an encoder, an LSTM over what it was told before."""

    def __init__(self, window, c=12):
        super().__init__()
        self.basis, self.hop = nn.Parameter(torch.randn(2 * (window // 2 + 1), 1, window) * 0.1), window // 2
        self.bins = window // 2 + 1
        self.encoder = nn.Sequential(nn.Conv1d(self.bins, c, 3, 1, 1), nn.ReLU(), nn.Conv1d(c, c, 3, 2, 1), nn.ReLU())
        self.rnn = nn.LSTM(c, c)
        self.out = nn.Conv1d(c, 1, 1)

    def forward(self, x, state):
        x = F.pad(x.unsqueeze(1), [self.hop, self.hop], mode="reflect")
        spectrum = F.conv1d(x, self.basis, stride=self.hop)
        x = torch.sqrt(spectrum[:, :self.bins] ** 2 + spectrum[:, self.bins:] ** 2)
        y, (h, c) = self.rnn(self.encoder(x).permute(2, 0, 1), (state[0:1], state[1:2]))
        return torch.sigmoid(self.out(F.relu(y.permute(1, 2, 0)))).mean(2), torch.cat([h, c], 0)


class Vad(nn.Module):
    """silero-like: which network is a matter of the sample rate, an input."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(17)
        state = torch.zeros(2, 1, 12)
        self.of16k = torch.jit.trace(settle(VadOf(32)), (torch.randn(1, 128), state), check_trace=False)
        self.of8k = torch.jit.trace(settle(VadOf(16)), (torch.randn(1, 64), state), check_trace=False)

    def forward(self, input, state, sr):
        if sr == 16000:
            out, after = self.of16k(input, state)
        else:
            out, after = self.of8k(input, state)
        return out, after


class Recurrent(nn.Module):
    """Layers in both directions, as older speech networks have them."""

    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.LSTM(10, 8, 2, batch_first=True, bidirectional=True), nn.GRU(16, 8, bidirectional=True)
        self.rnn = nn.RNN(16, 6, nonlinearity="relu")

    def forward(self, x):
        y, _ = self.lstm(x)
        y, h = self.gru(y.transpose(0, 1))
        y, last = self.rnn(y)
        return y.transpose(0, 1), h, last


class Branches(nn.Module):
    """What is computed, and how often, depends on the data."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():  # of its own: the other networks stay as they are
            torch.manual_seed(3)
            self.a, self.b, self.scale = nn.Linear(6, 4), nn.Linear(6, 4), nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        turns = torch.zeros(1)
        if x.sum() > 0:
            y = torch.relu(self.a(x)) + x[:, :4]
        else:
            y = self.b(x) * 2
        while bool(y.abs().max() > 1):
            y = y * self.scale
            turns = turns + 1
        return y, turns


def networks():
    """Name, network, inputs of one or two cases, names of inputs and outputs, open axes, opset."""
    picture, face, side = torch.randn(2, 3, 48, 48), torch.randn(2, 3, 32, 32), torch.randn(1, 3, 32, 32)
    batch, wave = {0: "batch"}, {0: "batch", 1: "samples"}
    feats = [torch.randn(1, 43, 20), torch.randn(2, 58, 20)]
    texts = torch.tensor([[48, 3, 9, 49, 0, 0, 0, 0, 0, 0, 0, 0], [48, 7, 7, 1, 22, 30, 11, 2, 4, 5, 6, 49]])

    def tokens(ids, mask):
        ids = torch.tensor(ids)
        kinds = torch.arange(ids.shape[1]) > ids.shape[1] // 2
        return ids, torch.tensor(mask), kinds.long().expand_as(ids).contiguous()

    bert = [tokens([[2, 17, 5, 3]], [[1, 1, 1, 1]]),
            tokens([[2, 9, 41, 5, 3, 0, 0], [2, 33, 12, 8, 59, 30, 3]], [[1, 1, 1, 1, 1, 0, 0], [1] * 7])]
    words = {0: "batch", 1: "sequence"}
    one = dict(inputs=["input"], outputs=["output"], axes={"input": batch, "output": batch})
    speech = dict(inputs=["feats"], outputs=["embs"], axes={"feats": {0: "B", 1: "T"}, "embs": {0: "B"}})
    state, places = torch.randn(2, 1, 12) * 0.3, torch.arange(18.0).view(3, 6) / 18
    return [
        ("resnet50", ResNet50(), [(picture,)], dict(one, opset=17)),
        ("mobilenetv3", MobileNetV3(), [(picture,)], dict(one, opset=14)),
        ("efficientnet", EfficientNet(), [(picture,)], dict(one, opset=15)),
        ("convnext", ConvNeXt(), [(picture,)], dict(one, opset=17)),
        ("arcface", ArcFace(), [(face,)], dict(one, opset=11)),
        ("deit", DeiT(), [(face,), (side,)], dict(one, opset=17)),
        ("clip_image", ClipImage(), [(face,)], dict(inputs=["pixel_values"], outputs=["image_embeds"], opset=14,
                                                    axes={"pixel_values": batch, "image_embeds": batch})),
        ("clip_text", ClipText(), [(texts,)], dict(inputs=["input_ids"], outputs=["text_embeds"], opset=14,
                                                   axes={"input_ids": batch, "text_embeds": batch})),
        ("bert", Bert(), bert, dict(inputs=["input_ids", "attention_mask", "token_type_ids"], opset=14,
                                    outputs=["last_hidden_state", "pooler_output"],
                                    axes={n: words for n in ("input_ids", "attention_mask", "token_type_ids",
                                                             "last_hidden_state")})),
        ("wav2vec2", Wav2Vec2(), [(torch.randn(1, 640),), (torch.randn(2, 997),)],
         dict(inputs=["input_values"], outputs=["hidden"], axes={"input_values": wave, "hidden": wave}, opset=17)),
        ("whisper", Whisper(), [(torch.randn(1, 20, 48),)],
         dict(inputs=["mel"], outputs=["output"], axes={"mel": batch, "output": batch}, opset=16)),
        ("wespeaker", WespeakerResNet34(), [(f,) for f in feats], dict(speech, opset=14)),
        ("ecapa_tdnn", EcapaTdnn(), [(f,) for f in feats], dict(speech, opset=14)),
        ("campplus", CamPlus(), [(f,) for f in feats], dict(speech, opset=12)),
        ("vad", Vad(), [(torch.randn(1, 128), state, torch.tensor(16000)),
                        (torch.randn(1, 64), state, torch.tensor(8000))],
         dict(inputs=["input", "state", "sr"], outputs=["output", "stateN"], opset=16, script=True,
              axes={"input": wave, "state": {1: "batch"}})),
        ("branches", Branches(), [(places * 9,), (places * -3,), (places * 0.1,)],
         dict(inputs=["input"], outputs=["output", "turns"], opset=15, script=True, axes={})),
        ("recurrent", Recurrent(), [(torch.randn(1, 5, 10),), (torch.randn(3, 9, 10),)],
         dict(inputs=["input"], outputs=["output", "gru", "last"], opset=15,
              axes={"input": {0: "batch", 1: "time"}, "output": {0: "batch", 1: "time"}})),
    ]


def main():
    torch.manual_seed(11)
    tensors, total = {}, 0
    for name, net, cases, how in networks():
        path = os.path.join(HERE, "arch_%s.onnx" % name)
        net = settle(net)
        with torch.no_grad():
            torch.onnx.export(torch.jit.script(net) if how.get("script") else net, cases[0], path,
                              opset_version=how["opset"], input_names=how["inputs"], output_names=how["outputs"],
                              dynamic_axes=how["axes"])
            for i, case in enumerate(cases):
                out = net(*case)
                out = out if isinstance(out, tuple) else (out,)
                for kind, names, values in (("in", how["inputs"], case), ("out", how["outputs"], out)):
                    tensors.update({"%s.%d.%s.%s" % (name, i, kind, n): v for n, v in zip(names, values)})
        total += os.path.getsize(path)
        print(name, os.path.getsize(path), "bytes", file=sys.stderr)
    tensors.update(new_graphs())
    print("all", total, "bytes", file=sys.stderr)
    write_safetensors(os.path.join(HERE, "architectures.safetensors"), tensors)


if __name__ == "__main__":
    main()
