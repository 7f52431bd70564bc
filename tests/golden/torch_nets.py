# SPDX-License-Identifier: MIT
"""retort's preset networks written again in PyTorch, and the way between both layouts of weights.

Used by torch_steps.py (golden values) and tests/bench/torch_bench.py (speed). Inputs are channels
first here; retort's are channels last. ours() gives every parameter under retort's name.
"""
import torch
from torch import nn


class Net(nn.Module):
    """A trunk of named layers; layer "1.conv" of retort is attribute "1_conv"."""

    def __init__(self):
        super().__init__()
        self.order = []

    def layer(self, name, module):
        setattr(self, name.replace(".", "_"), module)
        self.order.append((name, module))
        return module

    def heads(self, features, embedding, classes):
        self.layer("embedding", nn.Linear(features, embedding))
        self.layer("logits", nn.Linear(embedding, classes))

    def forward(self, x):
        return self.logits(self.embedding(self.trunk(x)))

    def ours(self):
        """retort's name -> (tensor of this net, function to retort's layout)."""
        table = {}
        for name, module in self.order:
            if isinstance(module, nn.BatchNorm1d) or isinstance(module, nn.BatchNorm2d):
                for what, tensor in (("weight", module.weight), ("bias", module.bias),
                                     ("mean", module.running_mean), ("var", module.running_var)):
                    table[f"{name}.{what}"] = (tensor, lambda t: t)
            elif isinstance(module, (nn.Conv1d, nn.Conv2d)):
                # [units, c, k...] -> [units, k..., c]
                table[f"{name}.weight"] = (module.weight, lambda t: t.movedim(1, -1))
            elif name == "embedding":
                table[f"{name}.weight"] = (module.weight, self.embedding_layout)
                table[f"{name}.bias"] = (module.bias, lambda t: t)
            else:
                table[f"{name}.weight"] = (module.weight, lambda t: t)
                if getattr(module, "bias", None) is not None:
                    table[f"{name}.bias"] = (module.bias, lambda t: t)
        return table

    def embedding_layout(self, weight):
        return weight


class Cnn1d(Net):
    def __init__(self, time, channels, width, embedding, classes):
        super().__init__()
        rest, c = (4 * width + 2) // 3, channels
        for i, (units, kernel) in enumerate(((width, 5), (rest, 3), (rest, 3), (rest, 3))):
            self.layer(f"{i + 1}.conv", nn.Conv1d(c, units, kernel, 2, kernel // 2, bias=False))
            self.layer(f"{i + 1}.bn", nn.BatchNorm1d(units))
            c, time = units, (time - 1) // 2 + 1
        self.map = (c, time)
        self.heads(c * time, embedding, classes)

    def trunk(self, x):
        for i in range(4):
            x = torch.relu(self.order[2 * i + 1][1](self.order[2 * i][1](x)))
        return x.flatten(1)

    def embedding_layout(self, weight):
        return weight.reshape(-1, *self.map).transpose(1, 2).reshape(weight.shape)


class Cnn2d(Net):
    def __init__(self, height, width_in, channels, width, embedding, classes):
        super().__init__()
        c, h, w = channels, height, width_in
        for i, (times, stride) in enumerate(((1, 2), (2, 2), (4, 1), (6, 2))):
            self.layer(f"{i + 1}.conv", nn.Conv2d(c, times * width, 3, stride, 1, bias=False))
            self.layer(f"{i + 1}.bn", nn.BatchNorm2d(times * width))
            c, h, w = times * width, (h - 1) // stride + 1, (w - 1) // stride + 1
        self.map = (c, h, w)
        self.heads(c * h * w, embedding, classes)

    def trunk(self, x):
        for i in range(4):
            x = torch.relu(self.order[2 * i + 1][1](self.order[2 * i][1](x)))
        return x.flatten(1)

    def embedding_layout(self, weight):
        return weight.reshape(-1, *self.map).permute(0, 2, 3, 1).reshape(weight.shape)


def statistics_pool(x):
    """[n, c, t, ...] -> [n, 2 * ... * c] in retort's order: means, then deviations, c innermost."""
    mean = x.mean(2)
    deviation = (x.var(2, unbiased=False) + 1e-5).sqrt()
    return torch.cat([m.movedim(1, -1).flatten(1) for m in (mean, deviation)], 1)


class Resnet(Net):
    def __init__(self, width_in, channels, width, blocks, embedding, classes):
        super().__init__()
        self.layer("stem.conv", nn.Conv2d(channels, width, 3, 1, 1, bias=False))
        self.layer("stem.bn", nn.BatchNorm2d(width))
        self.blocks, c, w = [], width, width_in
        for s in range(4):
            for i in range(blocks or (3, 4, 6, 3)[s]):
                units, stride, p = width << s, 2 if s and not i else 1, f"{s + 1}.{i + 1}"
                parts = [self.layer(f"{p}.a.conv", nn.Conv2d(c, units, 3, stride, 1, bias=False)),
                         self.layer(f"{p}.a.bn", nn.BatchNorm2d(units)),
                         self.layer(f"{p}.b.conv", nn.Conv2d(units, units, 3, 1, 1, bias=False)),
                         self.layer(f"{p}.b.bn", nn.BatchNorm2d(units))]
                if stride != 1 or c != units:
                    parts += [self.layer(f"{p}.short.conv", nn.Conv2d(c, units, 1, stride, bias=False)),
                              self.layer(f"{p}.short.bn", nn.BatchNorm2d(units))]
                self.blocks.append(parts)
                c, w = units, (w - 1) // stride + 1
        self.heads(2 * c * w, embedding, classes)

    def trunk(self, x):
        x = torch.relu(self.order[1][1](self.order[0][1](x)))
        for a, an, b, bn, *short in self.blocks:
            y = bn(b(torch.relu(an(a(x)))))
            x = torch.relu(y + (short[1](short[0](x)) if short else x))
        return statistics_pool(x)


class Tdnn(Net):
    def __init__(self, channels, width, embedding, classes):
        super().__init__()
        c, last = channels, width * 1500 // 512
        for i, (k, d) in enumerate(((5, 1), (3, 2), (3, 3), (1, 1), (1, 1))):
            units = width if i < 4 else last
            self.layer(f"{i + 1}.conv", nn.Conv1d(c, units, k, dilation=d, bias=False))
            self.layer(f"{i + 1}.bn", nn.BatchNorm1d(units))
            c = units
        self.heads(2 * c, embedding, classes)

    def trunk(self, x):
        for i in range(5):
            x = torch.relu(self.order[2 * i + 1][1](self.order[2 * i][1](x)))
        return statistics_pool(x)


class Textbag(Net):
    """Takes (bucket, offset, weight), as torch's EmbeddingBag."""

    def __init__(self, buckets, width, embedding, classes):
        super().__init__()
        self.layer("bag", nn.EmbeddingBag(buckets, width, mode="sum"))
        self.heads(width, embedding, classes)

    def trunk(self, x):
        bucket, offset, weight = x
        return torch.relu(self.bag(bucket, offset, per_sample_weights=weight))
