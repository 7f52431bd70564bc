#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# verification: figures of 10,000 sets of scored trials, random and degenerate, by brute force in numpy and by scipy,
# all of them other ways than retort's: every threshold counts all trials anew, adjacent violators are pooled by the min-max
# formula, logistic regression is BFGS. Needs python3-numpy, python3-scipy. Writes, beside itself,
#   verification_sets.npy         F32 [10000, 7]: 0 = figures, 1 = one kind is missing, 2 = not finite; EER, minDCF at
#                                 0.01 and 0.5, actDCF at 0.05, Cllr, min Cllr (0 where there are none)
#   verification_calibration.npy  F32 [40, 3]: weights of score and duration, offset
# Read by tests/stages/metrics/test_det.c, which draws the same sets: SplitMix64, started with the set's number.
import os

import numpy
import scipy.optimize

SETS, FITS = 10000, 40
HERE = os.path.dirname(os.path.abspath(__file__))


class Draw:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return z ^ (z >> 31)

    def unit(self):
        return (self.next() >> 11) / 2.0**53


def trials(number):
    """Eight kinds in turn: free, few values, all alike, one kind, NaN, infinite, parted, overlapping in quarters."""
    d, kind = Draw(number), number % 8
    score, same = [], []
    for i in range(1 + d.next() % 40):
        target, x = d.next() % 2, d.unit() * 16 - 8
        if kind == 1:
            x = numpy.floor(x / 3)
        elif kind == 2:
            x = 0.5
        elif kind == 3:
            target = number // 8 % 2
        elif kind == 4 and i == 0:
            x = numpy.nan
        elif kind == 5 and i == 0:
            x = numpy.inf
        elif kind == 6:
            x = abs(x) if target else -abs(x)
        elif kind == 7:
            x = numpy.floor(x + 2 * target) / 4
        score.append(x)
        same.append(target)
    return numpy.array(score), numpy.array(same, bool)


def rates(score, same, threshold):
    accepted = score >= threshold
    return (accepted & ~same).sum() / (~same).sum(), (~accepted & same).sum() / same.sum()


def cost(rate, p):
    return (p * rate[1] + (1 - p) * rate[0]) / min(p, 1 - p)


def cllr(target, other):
    return (numpy.logaddexp2(0, -target / numpy.log(2)).mean() + numpy.logaddexp2(0, other / numpy.log(2)).mean()) / 2


def min_cllr(score, same):
    """Isotonic regression of the labels on the scores, ties as one: max over beginnings, min over ends, of means."""
    value = numpy.unique(score)
    hit = numpy.array([same[score == v].sum() for v in value], float)
    all_ = numpy.array([(score == v).sum() for v in value], float)
    h, a = numpy.concatenate(([0], hit.cumsum())), numpy.concatenate(([0], all_.cumsum()))
    p = numpy.empty(len(value))
    for i in range(len(value)):
        p[i] = max(min((h[k + 1] - h[j]) / (a[k + 1] - a[j]) for k in range(i, len(value))) for j in range(i + 1))
    with numpy.errstate(divide="ignore"):
        llr = numpy.log(p / (1 - p)) - numpy.log(same.sum() / (~same).sum())
    each = llr[numpy.searchsorted(value, score)]
    return cllr(each[same], each[~same])


def figures(score, same):
    if not numpy.isfinite(score).all():
        return [2] + 6 * [0]
    if same.all() or not same.any():
        return [1] + 6 * [0]
    points = [rates(score, same, t) for t in [numpy.inf, *numpy.unique(score)[::-1]]]
    alarm, miss = numpy.array(points).T
    eer = numpy.interp(0, alarm - miss, alarm)
    actual = cost(rates(score, same, -numpy.log(0.05 / 0.95)), 0.05)
    return [0, eer, min(cost(x, 0.01) for x in points), min(cost(x, 0.5) for x in points), actual,
            cllr(score[same], score[~same]), min_cllr(score, same)]


def fit(number):
    """Overlapping scores with durations, weighed to a prior of 0.1, with the ridge that retort has."""
    d, x, same = Draw(number + 1000000), [], []
    for i in range(60):
        target = i % 3 == 0
        score = d.unit() + d.unit() + 0.4 * target
        x.append([score, d.unit() * 3 + 0.5 * target])
        same.append(target)
    x, same = numpy.array(x), numpy.array(same)
    mean, deviation = x.mean(0), x.std(0)
    z = (x - mean) / deviation
    weight = numpy.where(same, 0.1 / same.sum(), 0.9 / (~same).sum())

    def loss(w):
        s = z @ w[:2] + w[2] + numpy.log(0.1 / 0.9)
        return (weight * numpy.logaddexp(0, numpy.where(same, -s, s))).sum() + 0.5e-4 * (w[:2] ** 2).sum()

    w = scipy.optimize.minimize(loss, numpy.zeros(3), method="BFGS", options={"gtol": 1e-10}).x
    return [w[0] / deviation[0], w[1] / deviation[1], w[2] - (w[:2] * mean / deviation).sum()]


numpy.save(os.path.join(HERE, "verification_sets.npy"),
           numpy.array([figures(*trials(i)) for i in range(SETS)], "<f4"))
numpy.save(os.path.join(HERE, "verification_calibration.npy"), numpy.array([fit(i) for i in range(FITS)], "<f4"))
