#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reference values of the log-mel features: Kaldi's definition, written down plainly in numpy.

Usage: tests/golden/fbank.py      (Debian: python3-numpy; reads and writes beside itself)
Reads fbank_in_NAME.wav, writes fbank_NAME_BANDS.npy, float32 [frames, bands]. Every window is a
direct sum over sines and cosines in double precision: no FFT, so nothing is shared with the program
but the definition.

The three inputs are 0.8 s each of spoken descriptions from Debian's tuxpaint-stamps-default (Tux
Paint stamps, Copyright 2002-2022 Bill Kendrick and the speakers, GPL-2), brought to 16 kHz mono
16 bit: es = animals/amphibians/frog-1_desc_es.ogg, fr = symbols/money/japanese/yen005_desc_fr.ogg,
ru = household/wheelie_bin_desc_ru.ogg. They and what is made from
them stay under that licence."""
import os, wave
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
RATE, LENGTH, STEP, POINTS = 16000, 400, 160, 512


def read_wav(path):
    with wave.open(path, "rb") as f:
        assert (f.getnchannels(), f.getsampwidth(), f.getframerate()) == (1, 2, RATE)
        return np.frombuffer(f.readframes(f.getnframes()), "<i2").astype(np.float64)


def mel(hertz):
    return 1127.0 * np.log(1.0 + hertz / 700.0)


def mel_matrix(bands):
    """[bands, POINTS/2 + 1]: triangles, equally spaced in mel between 20 Hz and 8 kHz."""
    corner = np.linspace(mel(20.0), mel(8000.0), bands + 2)
    place = mel(np.arange(POINTS // 2 + 1) * RATE / POINTS)
    rising = (place[None, :] - corner[:-2, None]) / (corner[1:-1] - corner[:-2])[:, None]
    falling = (corner[2:, None] - place[None, :]) / (corner[2:] - corner[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def fbank(samples, bands):
    n = np.arange(LENGTH)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * n / (LENGTH - 1))) ** 0.85
    angle = 2 * np.pi * np.outer(np.arange(POINTS // 2 + 1), n) / POINTS
    frames = []
    for start in range(0, len(samples) - LENGTH + 1, STEP):
        x = samples[start:start + LENGTH]
        x = x - x.mean()
        before = np.concatenate([x[:1], x[:-1]])
        x = (x - 0.97 * before) * window
        power = (np.cos(angle) @ x) ** 2 + (np.sin(angle) @ x) ** 2
        energy = mel_matrix(bands) @ power
        frames.append(np.log(np.maximum(energy, np.finfo(np.float32).eps)))
    return np.array(frames, dtype=np.float32)


def main():
    for name, sizes in (("es", (40, 64, 80)), ("fr", (64,)), ("ru", (64,))):
        recording = read_wav(os.path.join(HERE, "fbank_in_%s.wav" % name))
        for bands in sizes:
            np.save(os.path.join(HERE, "fbank_%s_%d.npy" % (name, bands)), fbank(recording, bands))


if __name__ == "__main__":
    main()
