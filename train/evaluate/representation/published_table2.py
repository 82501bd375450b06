"""Table 2 of Andrianomena & Tang 2023, as printed."""

from __future__ import annotations

import functools

from train.evaluate.representation.classifiers import CLASSIFIERS, METRICS
from train.evaluate.representation.codes import VIEWS

TABLE = """
mbc VDVAE         76 86 73 78  80 89 80 80  75 88 69 80  73 82 63 82  80 89 76 84  82 90 82 82
mbc SimCLR        63 72 57 69  67 76 55 78  72 82 71 73  71 73 63 78  64 73 69 60  67 75 55 78
mbc BYOL          63 72 67 60  70 77 61 78  73 77 73 73  70 68 61 78  64 68 59 69  69 77 57 80
mbc SimSiam       59 70 61 56  66 81 57 75  67 77 61 73  66 73 69 64  71 76 71 71  73 80 61 84
frdeep-nvss VDVAE   74 83 55 89  80 83 73 86  72 84 55 86  72 85 50 89  76 86 64 86  80 87 73 86
frdeep-nvss SimCLR  72 78 45 93  74 82 50 93  76 83 50 96  86 84 77 93  78 82 64 89  76 82 55 93
frdeep-nvss BYOL    72 78 41 96  72 84 50 89  84 88 68 96  80 84 64 93  76 81 55 93  74 83 55 89
frdeep-nvss SimSiam 74 81 45 96  76 84 55 93  74 86 45 96  82 83 73 89  80 85 64 93  74 83 50 93
"""
"""Data set, method, and in hundredths accuracy, ROC AUC, specificity and recall of knn, rf, svc,
lr, grad and ext."""

BESIDE = {"vdvae": "VDVAE", "simclr": "SimCLR", "byol": "BYOL", "simsiam": "SimSiam"}
"""Our encoder to the corresponding one of the paper."""


@functools.cache
def published_values() -> dict[tuple[str, str, str, str], float]:
    """Values by data set, method, classifier and metric."""
    out = {}
    for line in TABLE.split("\n"):
        data_set, method, *numbers = line.split() or ("", "")
        for k, number in enumerate(numbers):
            classifier, metric = CLASSIFIERS[k // 4], METRICS[k % 4]
            out[data_set, method, classifier, metric] = int(number) / 100
    return out


def paper_value(data_set: str, encoder: str, classifier: str, metric: str) -> float:
    """The value of the paper for one of our results, NaN if there is none."""
    method = BESIDE.get(encoder.removesuffix(VIEWS), "")
    return published_values().get((data_set, method, classifier, metric), float("nan"))
