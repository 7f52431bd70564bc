# SPDX-License-Identifier: MIT
# The settings that the emoji demo and table compare: name -> overrides of student.yaml. They were
# chosen on the validation split with seeds 1 to 3; the table reports others.
HARD = ["distill.l2.lambda=10"]
SOFT = HARD + ["distill.l2.quantile=20%"]
CLASS = ["distill.head_kl.lambda=0.5", "distill.kl.lambda=1"]

SETTINGS = {
    "labels only": None,
    "hard l2": HARD,
    "soft feature": SOFT,
    "soft class": CLASS,
    "hard l2 + class": HARD + CLASS,
    "both soft": SOFT + CLASS,
    "both soft, quality weights": SOFT + CLASS + ["weight.terms=sharpness,teacher_norm"],
}
