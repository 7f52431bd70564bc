# SPDX-License-Identifier: MIT
# A voice's 16 parameters -> recordings: an espeak-ng variant says random words, a channel lies between mouth and
# file. Needs Debian's espeak-ng; standard library only. Samples are floats, full scale is 1.

import array
import math
import os
import random
import subprocess
import wave

RATE = 22050  # what espeak-ng speaks at
WORDS = 4
LIST = "/usr/share/dict/words"
NOISE = 1 << 17  # samples of the tables that all noise is cut from


def bounded(x, least, most):
    return max(least, min(most, x))


def variant(v):
    """The text of an espeak-ng variant file, and words a minute. Parameters: pitch, its range, all formants, formants
    1 to 4, strengths of formants 2, 3 and the others, width, tilt, breath, roughness, speed, consonants."""
    pitch = 105 * 2 ** (0.32 * v[0])
    whole = 1 + 0.05 * v[2]
    place = [100 * whole * (1 + 0.045 * v[3 + i]) for i in range(4)] + [100 * whole] * 4
    high = max(20, 100 + 25 * v[9])
    strength = [100, max(20, 100 + 22 * v[7]), max(20, 100 + 25 * v[8])] + [high] * 5
    width = 100 + 20 * v[10]
    tilt = bounded(1 + 0.25 * v[11], 0.3, 2)
    breath = bounded(round(3 + 3 * v[12]), 0, 10)
    consonants = 100 + 22 * v[15]
    lines = ["language variant", "name x", "gender male",
             "pitch %d %d" % (pitch, pitch * (1.35 + 0.12 * v[1])), "formant 0 100 100 100"]
    lines += ["formant %d %d %d %d" % (i + 1, place[i], strength[i], width) for i in range(8)]
    lines += ["tone 600 170 1200 %d 2000 %d 3000 %d -1 0" % (135 * math.sqrt(tilt), 110 * tilt, 110 * tilt),
              "breath 0" + 7 * (" %d" % breath),
              "roughness %d" % bounded(round(1.5 + 1.3 * v[13]), 0, 7),
              "consonants %d %d" % (consonants, consonants)]
    return "\n".join(lines) + "\n", 165 * (1 + 0.1 * v[14])


def espeak_data():
    folders = ["/usr/lib/%s-linux-gnu/espeak-ng-data" % os.uname().machine, "/usr/share/espeak-ng-data"]
    return next((f for f in folders if os.path.isdir(f)), folders[0])


def word_list():
    with open(LIST, encoding="utf-8", errors="ignore") as f:
        words = f.read().split()
    return [w for w in words if 4 <= len(w) <= 9 and w.isascii() and w.isalpha() and w.islower()]


def spoken_alike(command):
    """espeak-ng says a sentence otherwise once in thousands of times: what it says twice running is taken."""
    last = None
    while True:
        spoken = subprocess.run(command, check=True, capture_output=True).stdout
        if spoken == last:
            return spoken
        last = spoken


class Speaker:
    """One person's variant in a data folder of its own (espeak-ng finds variants only there)."""

    def __init__(self, v, folder):
        text, self.speed = variant(v)
        self.folder = folder
        data = os.path.join(folder, "espeak-ng-data")
        variants = os.path.join(data, "voices", "!v")
        os.makedirs(variants, exist_ok=True)
        for name in os.listdir(espeak_data()):
            if name != "voices" and not os.path.lexists(os.path.join(data, name)):
                os.symlink(os.path.join(espeak_data(), name), os.path.join(data, name))
        with open(os.path.join(variants, "x"), "w", encoding="ascii") as f:
            f.write(text)

    def say(self, words, rng):
        speed = self.speed * (1 + 0.07 * rng.gauss(0, 1))
        pitch = bounded(round(50 + 7 * rng.gauss(0, 1)), 20, 80)
        text = " ".join(rng.choice(words) for _ in range(WORDS))
        spoken = spoken_alike(["espeak-ng", "--path=" + self.folder, "-v", "en+x", "-s", "%d" % speed,
                               "-p", "%d" % pitch, "--stdout", text])
        pcm = array.array("h", spoken[44:len(spoken) // 2 * 2])
        return [s / 32768 for s in pcm]


def power(x):
    return sum(s * s for s in x) / max(1, len(x))


def scaled(x, gain):
    return [gain * s for s in x]


def levelled(x, rms):
    return scaled(x, rms / math.sqrt(power(x) + 1e-12))


def make_noise(pink):
    rng, last, out = random.Random(7), 0.0, []
    for _ in range(NOISE):
        fresh = rng.gauss(0, 1)
        last = 0.8 * last + 0.6 * fresh  # also of power 1
        out.append(last if pink else fresh)
    return out


TABLES = {}


def noise(n, rng):
    """White noise or, as often, noise that falls off with frequency; of power 1."""
    pink = rng.random() < 0.5
    if pink not in TABLES:
        TABLES[pink] = make_noise(pink)
    table = TABLES[pink]
    start = rng.randrange(NOISE)
    return ((table[start:] + table) * (n // NOISE + 1))[:n]


def mixed(x, other, snr):
    """x with other (of any length) so many dB below it."""
    other = (other * (len(x) // max(1, len(other)) + 1))[:len(x)]
    gain = math.sqrt(power(x) / (power(other) + 1e-12)) * 10 ** (-snr / 20)
    return [a + gain * b for a, b in zip(x, other)]


def channel(x, rng):
    """A room and a microphone: a tilt of the spectrum, two echoes, a level, noise at 18 to 38 dB."""
    tilt, low, out = rng.uniform(-0.45, 0.5), 0.0, []
    for s in x:
        low += 0.25 * (s - low)
        out.append(0.5 * s + tilt * low)
    for _ in range(2):
        delay, gain = int(RATE * rng.uniform(0.008, 0.05)), rng.uniform(-0.4, 0.4)
        out = out[:delay] + [a + gain * b for a, b in zip(out[delay:], out)]
    out = levelled(out, 10 ** rng.uniform(-1.5, -1.05))
    return mixed(out, noise(len(out), rng), rng.uniform(18, 38))


def noisy(x, rng, babble):
    """At 0 to 15 dB: another recording of other people over it, or noise."""
    return mixed(x, babble if babble else noise(len(x), rng), rng.uniform(0, 15))


def damaged(x, rng):
    """(kind, samples): noise louder than the speech, clipping, a low-pass, or next to nothing."""
    kind = rng.choice(("noise", "clip", "lowpass", "silence"))
    if kind == "noise":
        return kind, mixed(x, noise(len(x), rng), rng.uniform(-8, 3))
    if kind == "clip":
        peak = max(abs(s) for s in x) + 1e-9
        return kind, [bounded(s * rng.uniform(15, 40) / peak, -1, 1) for s in x]
    if kind == "lowpass":
        for _ in range(4):
            low, out = 0.0, []
            for s in x:
                low += 0.1 * (s - low)
                out.append(low)
            x = out
        return kind, levelled(x, 0.05)
    return kind, scaled(noise(len(x), rng), 0.0006)


def write(path, x):
    with wave.open(path, "wb") as w:
        w.setparams((1, 2, RATE, 0, "NONE", ""))
        w.writeframes(array.array("h", (round(bounded(32767 * s, -32768, 32767)) for s in x)).tobytes())
