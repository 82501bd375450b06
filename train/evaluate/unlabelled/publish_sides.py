"""``python -m train sides [--data compact,fr]``: publish what separates two classes best.

Of the methods of :mod:`train.evaluate.unlabelled.two_peaks` that are one network, the one with the
best validation AUC in ``trained/tables/two_peaks.csv`` is trained again, and its seed of median
validation AUC becomes ``trained/two-peaks-<name>``. No test label is read.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import torch

from radioviz.data.preprocess import PRESETS
from radioviz.data.registry import open_data_set
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.two_peak_side import TwoPeakSide
from radioviz.models.two_peak_vae import HierarchicalVAE
from radioviz.paths import trained_folder
from train.core import machine
from train.core.config import TrainError
from train.evaluate.csv_tables import table_file
from train.evaluate.unlabelled.methods import (
    CODES,
    HIDDEN,
    NARROWING,
    TERMS,
    Settings,
    trained_sides,
)
from train.evaluate.unlabelled.problems import PROBLEMS, TwoClasses
from train.evaluate.unlabelled.two_peaks import TABLE, auc
from train.methods.vae import PAPERS

TITLES = {
    "compact": "Compact or extended, without labels",
    "fr": "FRI or FRII, without labels",
}
"""Problems whose images every survey has, and the titles of their models."""

_ONE_NETWORK = [*(f"vr-{t}" for t in TERMS), *(f"a+vr-{t}" for t in TERMS)]


def sides(data: str = "", settings: Settings | None = None) -> None:
    """Publish the models of problems, by default all of :data:`TITLES`.

    Raises TrainError if a problem is unknown or was not evaluated yet.
    """
    names = data.split(",") if data else list(TITLES)
    for name in names:
        if name not in TITLES:
            raise TrainError(f"data is '{name}'; expected one of {', '.join(TITLES)}")
        method, epoch = chosen_method(name)
        began = time.monotonic()
        problem = PROBLEMS[name](("train", "valid"))
        networks = trained_sides(problem.images, method, epoch, settings or Settings())
        seconds = time.monotonic() - began
        publish(problem, networks, method, epoch, seconds)


def chosen_method(name: str) -> tuple[str, int]:
    """The best method that is one network by its validation AUC, and its epoch."""
    path = table_file(TABLE)
    table = pd.read_csv(path) if path.exists() else pd.DataFrame({"problem": [], "method": []})
    rows = table[(table["problem"] == name) & table["method"].isin(_ONE_NETWORK)]
    if not len(rows):
        raise TrainError(
            f"'{name}' is not in {path}; run: python -m train evaluate two-peaks --data {name}"
        )
    best = rows.iloc[int(rows["valid_auc"].to_numpy().argmax())]
    return str(best["method"]), int(best["epoch"])


@torch.no_grad()
def publish(
    problem: TwoClasses, networks: list[Any], method: str, epoch: int, seconds: float
) -> ModelInfo:
    """Write ``trained/two-peaks-<name>`` from the network of median validation AUC."""
    images, truth = problem.images["valid"], problem.truth["valid"]
    scores = np.stack([network.side(images).numpy() for network in networks])
    areas = auc(scores, truth)
    oriented = np.maximum(areas, 1 - areas)
    seed = int(np.argsort(oriented)[(len(oriented) - 1) // 2])
    network = networks[seed]
    hierarchical = isinstance(network, HierarchicalVAE)
    arguments: dict[str, Any] = {
        "view": problem.view,
        "classes": list(problem.classes),
        "size": PRESETS["compact64"].size,
        "reverse": bool(areas[seed] < 0.5),
        "hierarchy": hierarchical,
        "latent_dim": 1,
        "term": network.term,
        "dense": True,
        "hidden": list(HIDDEN),
        "dropout": 0.0,
    }
    if hierarchical:
        arguments |= {"codes": CODES, "narrowing": list(NARROWING)}
    module = TwoPeakSide(**arguments)
    module.network.load_state_dict(network.state_dict())
    name = f"two-peaks-{problem.name}"
    number = {part: len(x) for part, x in problem.truth.items()}
    info = ModelInfo(
        name=name,
        title=TITLES[problem.name],
        kind="two-peak-side",
        capabilities=("side",),
        latent_dim=1,
        preprocess=PRESETS["compact64"],
        architecture=arguments,
        training={
            "data": ["first"],
            "catalogue_digests": {"first": open_data_set("first").digest},
            "images": number,
            "epochs": epoch,
            "best_epoch": epoch,
            "seconds": round(seconds, 1),
            "machine": machine.kind(machine.device()),
            "seed": seed,
            "commit": machine.commit(),
            "command": f"python -m train sides --data {problem.name}",
            "config": {"problem": problem.name, "method": method, "seeds": len(networks)},
        },
        scores={
            "auc.valid": round(float(oriented[seed]), 5),
            "lowest_auc.valid": round(float(oriented.min()), 3),
            "highest_auc.valid": round(float(oriented.max()), 3),
        },
        paper=PAPERS["vae-hierarchy" if hierarchical else "vae-two-peaks"],
    )
    info = weights.save(trained_folder() / name, module, info, side_card(info))
    print(f"published {name}: {method}, epoch {epoch}, seed {seed}, {info.scores}")
    return info


def side_card(info: ModelInfo) -> str:
    """Model card."""
    low, high = info.architecture["classes"]
    t = info.training
    chain = ", ".join(f"{k} {v}" for k, v in info.preprocess.to_dict().items() if v is not None)
    method, scores = t["config"]["method"], info.scores
    return f"""# {info.title}

{info.paper}. Kind `{info.kind}`, method `{method}`. One number an image: \
{low} below 0, {high} above; the peaks of the prior are at -3 and 3. Training saw no labels.

## Input

One-channel images, {info.preprocess.size}x{info.preprocess.size} pixels, 0 to 1. \
Preprocessing: {chain}. Of these the network sees the view `{info.architecture["view"]}` \
(`radioviz/models/two_peak_views.py`), 16x16 pixels.

## Training

{t["images"]["train"]} images of FIRST, split `train`; {t["epochs"]} epochs. Ten seeds take \
{t["seconds"]:.0f} s on {t["machine"]}; this is seed {t["seed"]}, commit {t["commit"] or "unknown"}.

    python -m train evaluate two-peaks --data {info.name.removeprefix("two-peaks-")}
    {t["command"]}

## Scores

Labels of the {t["images"]["valid"]} validation images chose method and epoch, and which side \
is which. AUC there: {scores["auc.valid"]:.3f}; the ten seeds reach \
{scores["lowest_auc.valid"]:.3f} to {scores["highest_auc.valid"]:.3f}, and this is the one in the \
middle. Test figures are in `trained/tables/two_peaks.csv`.

## Limits

The model separates what differs most between images of the split it learned from. \
In another survey that may be something else than {low} and {high}: look at galaxies of either \
side on the page Two classes.
`config.json` contains the SHA-256 of the weights; others are refused.
"""
