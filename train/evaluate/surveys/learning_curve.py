"""``python -m train evaluate learning-curve``: would more unlabelled images help?

SimCLR that learned from a quarter, half and all of the sources of all surveys, and from FIRST
alone, with as many images seen (``train/surveys-short.toml``), judged by five neighbours in ten
folds over MiraBest Confident. Models that are not published yet are named and passed over.
"""

from __future__ import annotations

import numpy as np

from radioviz.models.registry import list_models
from train.evaluate.benchmarks import bootstrap, record
from train.evaluate.surveys.evaluations import in_ten_folds

STEPS = {
    "25": "survey-simclr-short-25",
    "50": "survey-simclr-short-50",
    "100": "survey-simclr-short-0",
    "first": "survey-simclr-short-first",
}
"""Share of the sources in percent, or the survey that is alone, and the model."""


def learning_curve(split: str = "test") -> None:
    """Record ``curve.mbc.knn5.<step>`` of the models that are here; ``valid`` records nothing."""
    models = list_models()
    for step, model in STEPS.items():
        if model not in models:
            print(f"{step}: no model '{model}' yet; train/surveys-short.toml trains it")
            continue
        right = in_ten_folds(model, split)
        found = bootstrap(right, np.mean)
        print(f"{step}: {found[0]:.3f} ({found[1]:.3f}..{found[2]:.3f}), n {len(right)}")
        if split == "test":
            record(
                f"curve.mbc.knn5.{step}", found, n=len(right), seeds=[0],
                split=f"mirabest, MBC, ten folds; {model}",
                command="python -m train evaluate learning-curve",
            )  # fmt: skip
