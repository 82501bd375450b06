"""What selection, guidance and size corrections add: ``python -m train evaluate choices``.

Seeds are fresh: no setting of a generator was chosen on images of them. The app's classifier
judges; it learned from the same training split as the generator. ``--split test`` (the default)
writes ``trained/tables/generator_choices.csv``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from radioviz.encode import Classifier, GenerationRequest, Generator
from radioviz.encode.generation import selects
from radioviz.metrics.inception import classified_as
from radioviz.metrics.resampling import bootstrap
from radioviz.morphology import measure
from train.core.config import TrainError
from train.evaluate.csv_tables import write_table

SEEDS = (612_001, 612_002, 612_003)
NUMBER = 128
"""Images of each class and seed."""

CHOICES: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "no selection": {"candidates": 1},
    "no guidance": {"guidance": 1.0},
    "no size correction": {"corrections": 0},
    "none of them": {"candidates": 1, "guidance": 1.0, "corrections": 0},
}


def choices(model: str = "cvae-sharp", split: str = "test") -> pd.DataFrame:
    """Measure a generator with and without each of :data:`CHOICES`.

    Raises ModelError if there is no such model or no classifier; TrainError if the model makes no
    such choices.
    """
    generator, classifier = Generator.load(model), Classifier.load()
    if not selects(generator.info):
        raise TrainError(f"model '{model}' neither selects nor guides; choose cvae or cvae-sharp")
    rows = []
    for name, options in CHOICES.items():
        row: dict[str, object] = {"model": model, "choices": name, "n": NUMBER * len(SEEDS)}
        off = []
        for number, label in enumerate(generator.classes):
            right, shares = [], []
            for seed in SEEDS:
                request = replace(GenerationRequest(NUMBER, seed, label), **options)
                made = generator.sample(request)
                seen = classified_as(classifier.predict_proba(made.images), number).astype(float)
                found = measure(made.images, 2.7, beam=5.4)["las_measured"].to_numpy(float)
                right.append(seen)
                shares.append(float(seen.mean()))
                off.append(np.abs(found / made.sizes - 1))
            value, low, high = bootstrap(np.concatenate(right), np.mean)
            key = f"{label.lower()}_as_requested"
            row |= {key: value, f"{key}_low": low, f"{key}_high": high}
            row |= {f"{key}_seed_low": min(shares), f"{key}_seed_high": max(shares)}
        errors = np.concatenate(off)
        value, low, high = bootstrap(errors[np.isfinite(errors)], np.median, 500)
        row |= {"size_error": value, "size_error_low": low, "size_error_high": high}
        print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
        rows.append(row)
    table = pd.DataFrame(rows)
    if split == "test":
        write_table("generator_choices", table)
    return table
