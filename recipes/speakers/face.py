# SPDX-License-Identifier: MIT
# A face's 16 parameters -> a drawn picture of 64x64 pixels (PNG), with what differs between two pictures of
# one person: place, size, turn, expression, light, grain, background, something in front; and damage.
# Standard library only.

import math
import struct
import zlib

SIDE = 64


class Picture:
    """Rows of RGB bytes, drawn on by ellipses."""

    def __init__(self, colour):
        self.rows = [bytearray(bytes(colour) * SIDE) for _ in range(SIDE)]

    def ellipse(self, x, y, width, height, colour, bottom=SIDE):
        """Around (x, y), half of its width and height given; nothing below `bottom`."""
        pixel = bytes(int(max(0, min(255, c))) for c in colour)
        for row in range(max(0, math.floor(y - height)), min(SIDE, math.ceil(y + height) + 1)):
            away = (row - y) / max(height, 0.3)
            if abs(away) >= 1 or row > bottom:
                continue
            half = width * math.sqrt(1 - away * away)
            first, end = max(0, round(x - half)), min(SIDE, round(x + half) + 1)
            if end > first:
                self.rows[row][3 * first:3 * end] = pixel * (end - first)

    def lit(self, gain, slope, grain, rng):
        """Light that rises or falls from top to bottom, and grain of the sensor."""
        for y, row in enumerate(self.rows):
            light = gain * (1 + slope * (y / SIDE - 0.5))
            self.rows[y] = bytearray(
                int(max(0, min(255, light * c + grain * (g - 127.5) / 127.5))) for c, g in zip(row, rng.randbytes(3 * SIDE)))

    def png(self):
        def chunk(tag, body):
            return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))
        raw = b"".join(b"\0" + bytes(row) for row in self.rows)
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(raw, 1)) + chunk(b"IEND", b""))


def draw(u, rng):
    """u: width, height, skin's lightness and hue, hair's lightness, hue, line and length, eyes' spacing, size and colour,
    brows' height and thickness, nose, width of the mouth, lips. Returns a Picture."""
    def some(spread):
        return spread * rng.gauss(0, 1)
    picture = Picture([rng.randrange(40, 230) for _ in range(3)])
    x, y, size, turn = 32 + some(2.2), 33 + some(2.2), 1 + some(0.06), some(1.8)
    width, height = size * (17 + 2.2 * u[0]), size * (22 + 2.2 * u[1])
    skin = 165 + 30 * u[2]
    skin = [skin + 25 + 8 * u[3], skin, skin - 25 - 10 * u[3]]
    hair = 80 + 32 * u[4]
    hair = [hair + 18 + 14 * u[5], hair, hair - 18 - 14 * u[5]]
    length = size * 2.5 * u[7]
    picture.ellipse(x, y - 1 + length, width + 4, height + 3 + length, hair)
    picture.ellipse(x + 0.3 * turn, y + 3, width, height - 1, skin)
    picture.ellipse(x, y, width + 1, height + 2, hair, bottom=y - height * (0.55 + 0.13 * u[6]))
    draw_eyes(picture, u, rng, (x + turn, y - 0.1 * height + some(0.5)), width, size, [0.3 * c for c in hair])
    nose = height * (0.3 + 0.07 * u[13])
    eyes = y - 0.1 * height
    picture.ellipse(x + 1.3 * turn, eyes + nose, 2.6 * size, 1.6 * size, [0.8 * c for c in skin])
    picture.ellipse(x + 1.4 * turn, eyes + nose / 2, size, nose / 2, [0.88 * c for c in skin])
    picture.ellipse(x + turn, y + 0.55 * height + some(0.6),
                    max(1.5, width * (0.42 + 0.08 * u[14]) * (1 + some(0.07))),
                    max(0.7, size * (2 + 0.7 * u[15]) * (1 + some(0.12))), (190, 80, 85))
    if rng.random() < 0.12:
        picture.ellipse(rng.uniform(0, SIDE), rng.uniform(0.3 * SIDE, SIDE), rng.uniform(5, 12), rng.uniform(5, 12),
                        [rng.randrange(256) for _ in range(3)])
    picture.lit(1 + some(0.13), some(0.25), 26, rng)
    return picture


def damaged(picture, rng):
    """Spoils it, and returns how: blurred (the mean of all around), noise in place of most of it, or next to black."""
    kind = rng.choice(("blur", "noise", "dark"))
    if kind == "blur":
        for _ in range(2):  # along the rows, then along the columns
            picture.rows = [bytearray(v for pixel in zip(*(means(row[c::3], 7) for c in range(3))) for v in pixel)
                            for row in picture.rows]
            pixels = [[row[i:i + 3] for i in range(0, len(row), 3)] for row in picture.rows]
            picture.rows = [bytearray(b"".join(column)) for column in zip(*pixels)]
    elif kind == "noise":
        picture.rows = [bytearray(v if rng.random() < 0.2 else rng.randrange(256) for v in row) for row in picture.rows]
    else:
        picture.rows = [bytearray(v // 24 for v in row) for row in picture.rows]
    return kind


def means(x, reach):
    """Of each value and its neighbours up to so far away."""
    sums = [0]
    for v in x:
        sums.append(sums[-1] + v)
    spans = ((max(0, i - reach), min(len(x), i + reach + 1)) for i in range(len(x)))
    return [(sums[end] - sums[first]) // (end - first) for first, end in spans]


def draw_eyes(picture, u, rng, middle, width, size, brows):
    spacing, radius = width * (0.42 + 0.06 * u[8]), size * (2.9 + 0.55 * u[9])
    opened = max(0.3, min(1.6, 1 + 0.25 * rng.gauss(0, 1)))
    for side in (-1, 1):
        x, y = middle[0] + side * spacing, middle[1]
        picture.ellipse(x, y, 1.45 * radius, radius * opened, (240, 240, 240))
        picture.ellipse(x + 0.3 * rng.gauss(0, 1), y, 0.75 * radius, 0.75 * radius * min(1, opened),
                        (90 - 35 * u[10], 90, 95 + 40 * u[10]))
        picture.ellipse(x, y - size * (5.5 + 1.2 * u[11]) + 0.4 * rng.gauss(0, 1), 1.7 * radius,
                        max(0.5, size * (1.15 + 0.45 * u[12])), brows)
