# SPDX-License-Identifier: MIT
# What the stamps demo and table compare: the same five ways with each of two teachers. Values were tried on
# seeds 1 to 3 with the validation split; the table reports other seeds.
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import experiment  # noqa: E402

HARD = ["distill.l2.lambda=20"]
SOFT = [*HARD, "distill.l2.quantile=20%"]
CLASS = ["distill.kl.lambda=1", "distill.head_kl.lambda=0.5"]
# q is the product of three percentiles; gamma 1/3 makes it their geometric mean.
WEIGHTS = ["weight.terms=snr,clipped,activity", "weight.map=percentile", "weight.gamma=0.33", "weight.floor=0.05"]

TEACHERS = {"text teacher": "text-teacher.yaml", "picture teacher": "picture-teacher.yaml"}

SETTINGS = {"labels only": (None, [])}
for name, short in (("text teacher", "text"), ("picture teacher", "picture")):
    SETTINGS.update({
        short + ": hard l2": (name, HARD),
        short + ": soft feature": (name, SOFT),
        short + ": soft class": (name, CLASS),
        short + ": both soft": (name, SOFT + CLASS),
        short + ": both soft, quality weights": (name, SOFT + CLASS + WEIGHTS),
    })

STAMPS = experiment.Experiment("stamps", TEACHERS, "student.yaml", SETTINGS)
