#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reference values of other programs' front ends, written down plainly in numpy from their definitions (pictures: PIL).

Usage: tests/golden/fronts.py      (Debian: python3-numpy, python3-pil; reads fbank_in_es.wav, writes beside itself)
fronts_NAME.npy, float32: of the recording, what a network would get: its first two frames, then the largest value of
each band over all frames. Kaldi's bands are direct sums over sines and cosines in double precision: no FFT, so nothing
is shared with the program but the definition. fronts_picture_NAME.npy, uint8 [24, 24, 3]: pictures of a formula as PIL
resizes them. The arrays of the recording are under its licence (GPL-2), see README.md."""
import os
import numpy as np
from PIL import Image

from fbank import LENGTH, POINTS, RATE, STEP, mel, read_wav

HERE = os.path.dirname(os.path.abspath(__file__))


def mel_matrix(bands, low, high):
    corner = np.linspace(mel(low), mel(high), bands + 2)
    place = mel(np.arange(POINTS // 2 + 1) * RATE / POINTS)
    rising = (place[None, :] - corner[:-2, None]) / (corner[1:-1] - corner[:-2])[:, None]
    falling = (corner[2:, None] - place[None, :]) / (corner[2:] - corner[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def window_of(name):
    cosine = np.cos(2 * np.pi * np.arange(LENGTH) / (LENGTH - 1))
    hann = 0.5 - 0.5 * cosine
    return {"povey": hann ** 0.85, "hann": hann, "hamming": 0.54 - 0.46 * cosine}[name]


def kaldi(samples, scale, window, bands, emphasis=0.97, low=20.0, high=8000.0, floor=np.finfo(np.float32).eps):
    """samples: full scale 1. [frames, bands]"""
    angle = 2 * np.pi * np.outer(np.arange(POINTS // 2 + 1), np.arange(LENGTH)) / POINTS
    matrix, shape, frames = mel_matrix(bands, low, high), window_of(window), []
    for start in range(0, len(samples) - LENGTH + 1, STEP):
        x = samples[start:start + LENGTH] * scale
        x = x - x.mean()
        x = (x - emphasis * np.concatenate([x[:1], x[:-1]])) * shape
        power = (np.cos(angle) @ x) ** 2 + (np.sin(angle) @ x) ** 2
        frames.append(np.log(np.maximum(matrix @ power, floor)))
    return np.array(frames)


def keep(name, features):
    seen = np.concatenate([features[0], features[1], features.max(axis=0)])
    np.save(os.path.join(HERE, "fronts_%s.npy" % name), seen.astype(np.float32))


def speech():
    samples = read_wav(os.path.join(HERE, "fbank_in_es.wav")) / 32768
    x = kaldi(samples, 32768, "hamming", 80)
    keep("wespeaker", x - x.mean(axis=0))
    x = kaldi(samples, 1, "povey", 80)
    keep("3dspeaker", x - x.mean(axis=0))
    keep("kaldi", kaldi(samples, 32768, "hann", 128, 0.5, 100.0, 7600.0, 1000.0))
    x = kaldi(samples, 32768, "povey", 40)
    keep("variance", (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-5))
    x = kaldi(samples, 32768, "povey", 64)
    keep("retort", 0.28 * (x - x.mean(axis=0)))
    keep("whisper", whisper(samples, 80, 100))
    keep("whisper_cut", whisper(samples, 128, 60))
    wave = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    np.save(os.path.join(HERE, "fronts_wave.npy"), np.concatenate([wave[:100], wave[-100:]]).astype(np.float32))


def slaney(mel_value):
    """Hertz: linear up to 1 kHz, then logarithmic."""
    return np.where(mel_value < 15, 200.0 / 3 * mel_value, 1000.0 * np.exp(np.log(6.4) / 27 * (mel_value - 15)))


def whisper(samples, bands, frames):
    """[frames, bands]: of the recording padded with silence, or cut, to `frames` of 10 ms."""
    total, points = frames * STEP, 400
    samples = np.pad(samples, (0, max(0, total - len(samples))))[:total]
    samples = np.pad(samples, points // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(points) / points)
    hertz = np.arange(points // 2 + 1) * RATE / points
    corner = slaney(np.linspace(0, 15 + np.log(8) * 27 / np.log(6.4), bands + 2))
    rising = (hertz[None, :] - corner[:-2, None]) / (corner[1:-1] - corner[:-2])[:, None]
    falling = (corner[2:, None] - hertz[None, :]) / (corner[2:] - corner[1:-1])[:, None]
    matrix = np.maximum(0.0, np.minimum(rising, falling)) * (2 / (corner[2:] - corner[:-2]))[:, None]
    angle = 2 * np.pi * np.outer(np.arange(points // 2 + 1), np.arange(points)) / points
    cosine, sine, energy = np.cos(angle), np.sin(angle), []
    for t in range(frames):
        x = samples[t * STEP:t * STEP + points] * window
        energy.append(matrix @ ((cosine @ x) ** 2 + (sine @ x) ** 2))
    logarithm = np.log10(np.maximum(np.array(energy), 1e-10))
    return (np.maximum(logarithm, logarithm.max() - 8) + 4) / 4


def picture_of(width, height):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return Image.fromarray(((7 * x + 13 * y + 50 * c + x * y) % 256).astype(np.uint8))


def pictures():
    def save(name, image):
        np.save(os.path.join(HERE, "fronts_picture_%s.npy" % name), np.asarray(image, dtype=np.uint8))

    def crop(picture, shorter, side, how):
        """As torchvision's Resize and CenterCrop."""
        width, height = picture.size
        least, most = min(width, height), max(width, height)
        longer = int(shorter * most / least)
        width, height = (longer, shorter) if width > height else (shorter, longer)
        left, top = int(round((width - side) / 2.0)), int(round((height - side) / 2.0))
        return picture.resize((width, height), how).crop((left, top, left + side, top + side))

    wide, tall = picture_of(61, 45), picture_of(20, 33)
    save("squeezed", wide.resize((24, 24), Image.BILINEAR))
    save("squeezed_cubic", wide.resize((24, 24), Image.BICUBIC))
    save("cropped", crop(wide, 27, 24, Image.BILINEAR))
    save("cropped_cubic", crop(tall, 27, 24, Image.BICUBIC))


if __name__ == "__main__":
    speech()
    pictures()
