# SPDX-License-Identifier: MIT
# A synthetic world of people whose face and voice share a part that is a knob. No real person is in it and no
# figure from it is one of a real data set.
#
# A person is two vectors of 16 normal numbers: z, and f, which only the face has. The voice is V z. The
# face with gap g is F [z_1 .. z_(16-g), f_(17-g) .. f_16]: g of its 16 parameters cannot be heard. V and F
# are fixed orthonormal matrices, so every parameter that can be seen or heard mixes all of these, and
# neither voice nor face is distributed otherwise for another g: one face teacher serves every gap.
#
# This file: people, their voices' and their faces' parameters. Siblings: voice.py (parameters -> sound),
# face.py (parameters -> picture), prepare (who is in which split).

import math
import random

SIZE = 16  # parameters of a voice, and of a face
SQUASH = 2.2  # parameters stay within this


def gaussians(rng, n):
    return [rng.gauss(0, 1) for _ in range(n)]


def orthonormal(rng):
    """Gram-Schmidt on random rows."""
    rows = []
    while len(rows) < SIZE:
        x = gaussians(rng, SIZE)
        for row in rows:
            along = sum(a * b for a, b in zip(x, row))
            x = [a - along * b for a, b in zip(x, row)]
        norm = math.sqrt(sum(a * a for a in x))
        rows.append([a / norm for a in x])
    return rows


def product(matrix, x):
    return [sum(a * b for a, b in zip(row, x)) for row in matrix]


def squashed(x):
    return [SQUASH * math.tanh(a / SQUASH) for a in x]


class World:
    """number: another number is another world, with other people, another V and another F."""

    def __init__(self, number):
        self.number = number
        self.voices = orthonormal(self.rng("matrix of voices"))
        self.faces = orthonormal(self.rng("matrix of faces"))

    def rng(self, *what):
        """Random numbers for this purpose alone: who is made when has no say."""
        return random.Random("world %d %s" % (self.number, " ".join(map(str, what))))

    def parts(self, person):
        rng = self.rng("person", person)
        return gaussians(rng, SIZE), gaussians(rng, SIZE)

    def voice(self, person):
        """16 numbers from -2.2 to 2.2 (voice.py says what each does)."""
        z, _ = self.parts(person)
        return squashed(product(self.voices, z))

    def face(self, person, gap):
        """16 numbers from -2.2 to 2.2 (face.py)."""
        z, f = self.parts(person)
        return squashed(product(self.faces, z[:SIZE - gap] + f[SIZE - gap:]))
