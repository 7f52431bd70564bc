# SPDX-License-Identifier: MIT
# Known damage for recordings and pictures, so that what weights and measures are worth can be tried: strong kinds,
# after which little is left of what was said or drawn, and milder ones as they are found in the wild. Decodes
# with sox (Debian packages sox, libsox-fmt-base and, for MP3, libsox-fmt-mp3), pictures with PIL (python3-pil).
# Same sample, same damage: all random numbers follow from the sample's id.
"""Usage: damage.all_of([(kind, source, target, sample), ...])"""

import array
import hashlib
import math
import random
import subprocess
import wave

import cores

RATE = 16000


def noise_at(least, most):
    def noise(x, rng):
        """White noise at so many dB below the speech."""
        power = sum(v * v for v in x) / len(x)
        sigma = math.sqrt(power / 10 ** (rng.uniform(least, most) / 10))
        return [v + rng.gauss(0, sigma) for v in x]
    return noise


def clip_by(least, most):
    def clip(x, rng):
        """So much gain over what the stops allow."""
        peak = max(abs(v) for v in x) or 1
        gain = 32767 / peak * rng.uniform(least, most)
        return [v * gain for v in x]
    return clip


def lowpass(x, rng):
    """Four one-pole low-passes at 250 to 500 Hz."""
    a = 1 - math.exp(-2 * math.pi * rng.uniform(250, 500) / RATE)
    for _ in range(4):
        y, out = 0.0, []
        for v in x:
            y += a * (v - y)
            out.append(y)
        x = out
    return x


def silence(x, rng):
    """All but a tenth of a second is gone; a whisper of noise stays, so that the file can be read."""
    start = rng.randrange(max(1, len(x) - RATE // 10))
    return [v if start <= i < start + RATE // 10 else rng.gauss(0, 20) for i, v in enumerate(x)]


# Kinds that are a program's effect instead of a few lines: arguments of sox between source and target.
REVERBERATION = ("gain", "-6", "reverb", "85", "40", "90", "100", "20")
MP3_16_KBIT = ("mp3", "-C", "16.2")

STRONG = {"noise": noise_at(-5, 5), "clip": clip_by(15, 40), "lowpass": lowpass, "silence": silence}
MILD = {"noise": noise_at(5, 15), "clip": clip_by(2, 5), "reverberation": REVERBERATION, "mp3": MP3_16_KBIT}
KINDS = {**{"strong-" + k: v for k, v in STRONG.items()}, **{"mild-" + k: v for k, v in MILD.items()}}


# ---- pictures ----
# On white, as the program lays them; so many pixels are of the picture as it is (128 in emoji).

def blur_by(least, most):
    def blur(picture, rng):
        """A Gaussian of so many pixels."""
        from PIL import ImageFilter
        return picture.filter(ImageFilter.GaussianBlur(rng.uniform(least, most)))
    return blur


def grain_by(least, most):
    def grain(picture, rng):
        """Grey noise of this standard deviation, of 255."""
        from PIL import Image, ImageChops
        sigma = rng.uniform(least, most)
        field = [round(rng.gauss(0, sigma)) for _ in range(picture.width * picture.height)]
        up, down = (Image.frombytes("L", picture.size, bytes(min(255, max(0, sign * v)) for v in field)).convert("RGB")
                    for sign in (1, -1))
        return ImageChops.subtract(ImageChops.add(picture, up), down)
    return grain


PICTURES = {"blur": blur_by(8, 16), "grain": grain_by(80, 130)}


def make_picture(job):
    from PIL import Image
    name, source, target, sample = job
    with Image.open(source) as file:
        drawn = file.convert("RGBA")
    ground = Image.new("RGBA", drawn.size, "white")
    ground.alpha_composite(drawn)
    PICTURES[name](ground.convert("RGB"), random.Random(hashlib.sha256(sample.encode()).digest())).save(target, "PNG")


def unit(text):
    """0 <= a number < 1 that follows from the text alone."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 16 ** 13


def choose(kinds, sample):
    """Which kind this sample gets."""
    names = list(kinds)
    return names[int(unit("kind " + sample) * len(names))]


def letters(sample):
    """Words of random letters, in place of a text."""
    rng = random.Random("letters " + sample)
    return " ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 8)))
                    for _ in range(rng.randint(1, 3)))


def sox(*arguments, **how):
    return subprocess.run(["sox", "-D", "-R", *arguments], check=True, capture_output=True, **how).stdout


def read(source, *effects):
    raw = sox(source, "-r", str(RATE), "-c", "1", "-b", "16", "-e", "signed", "-t", "raw", "-", *effects)
    return array.array("h", raw[:len(raw) // 2 * 2])


def make(job):
    name, source, target, sample = job
    kind = KINDS[name]
    if kind is MP3_16_KBIT:
        packed = sox(source, "-r", str(RATE), "-c", "1", "-t", *kind, "-")
        y = array.array("h", sox("-t", "mp3", "-", "-b", "16", "-e", "signed", "-t", "raw", "-", input=packed))
    elif isinstance(kind, tuple):
        y = read(source, *kind)
    else:
        rng = random.Random(hashlib.sha256(sample.encode()).digest())
        x = kind(list(read(source)), rng)
        y = array.array("h", (max(-32768, min(32767, round(v))) for v in x))
    with wave.open(target, "wb") as w:
        w.setparams((1, 2, RATE, 0, "NONE", ""))
        w.writeframes(y.tobytes())


def all_of(jobs, done=None, how=make):
    """One process a core; done(n) after each. how=make_picture: of pictures."""
    for n, _ in enumerate(cores.each(how, jobs, 8), 1):
        if done:
            done(n)
