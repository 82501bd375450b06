"""A judge of the classes of generated galaxies: ``python -m train evaluate judge``.

It learns from the split ``judge`` alone (:mod:`train.splits.judge`), at native pixels: each source
both as its survey has it, 150 pixels wide, and as generators deliver images, resampled to survey
pixels; beyond the field that they draw everything is blank. Each of five networks learns from four
fifths of the sources. Recipes are compared by the answers about the last fifth, and the five
networks of the best, :data:`RECIPE`, judge together. The command compares all recipes, says how
real validation galaxies fare, and writes ``trained/tables/judge_recipes.csv``.

Networks are kept in ``runs/judge``, where they are looked for before any is trained; the hash of
their weights is recorded with what they judged.
"""

from __future__ import annotations

import functools
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from radioviz.data.judge_sources import judge_rows
from radioviz.data.matching import sky_groups
from radioviz.data.preprocess import Preprocess, resampling
from radioviz.metrics.resampling import bootstrap
from radioviz.models.fr_cnn import FrClassifier
from train.core.augment import Augment
from train.core.checkpoint import FILE
from train.core.config import TrainError
from train.core.data import Data, Part, each_source_once
from train.core.loop import fit, load_best
from train.core.machine import device
from train.evaluate.csv_tables import write_table
from train.evaluate.evaluation_set import DATA, evaluation_set
from train.evaluate.tstr import GivenTask
from train.methods.classifier import ClassifierConfig, logits_of
from train.metrics.calibration import negative_log_likelihood, softmax
from train.splits.judge import CLASSES

FOLDS = 5
NATIVE = 150
"""Side of an image in survey pixels."""

RECIPES: dict[str, dict[str, Any]] = {
    "convolutions": {"kind": "fr-cnn", "learning_rate": 1e-3, "weight_decay": 0.02},
    "residual": {
        "kind": "fr-resnet", "architecture": {"width": 16, "features": 32, "views": 8},
        "learning_rate": 2e-3, "weight_decay": 0.05, "smoothing": 0.05,
    },
}  # fmt: skip
RECIPE = "residual"
"""The one with the lowest cross-entropy about sources that its networks have not seen."""

EPOCHS = 40
HOME = Path("runs") / "judge"
_PIXEL = 1.8  # arcsec, of FIRST


@dataclass(frozen=True, eq=False)
class ClassJudge:
    """Networks that learned from the split ``judge`` alone."""

    networks: list[FrClassifier]
    folds: list[np.ndarray]  # rows of ``table`` that a network has not seen, one array for each
    seen: np.ndarray  # what it learned from, as generators deliver images, ``(n, 150, 150)``
    table: pd.DataFrame  # their catalogue rows
    chain: Preprocess  # of the images to judge

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the weights of all networks, first twelve digits."""
        found = hashlib.sha256()
        for network in self.networks:
            for name, values in sorted(network.state_dict().items()):
                found.update(name.encode() + values.cpu().contiguous().numpy().tobytes())
        return found.hexdigest()[:12]

    def judged_as(self, images: np.ndarray) -> np.ndarray:
        """Class number, of :data:`train.splits.judge.CLASSES`, of images of the chain ``(n,)``."""
        seen = _part(to_native(images, self.chain), self.chain, ("",) * len(images))
        chances = [softmax(logits_of(network, seen)) for network in self.networks]
        found: np.ndarray = np.mean(chances, axis=0).argmax(axis=1)
        return found

    def unseen(self) -> np.ndarray:
        """Chances ``(n, 2)`` of each source of the split, by the network that has not seen it."""
        out = np.empty((len(self.table), len(CLASSES)))
        for network, rows in zip(self.networks, self.folds, strict=True):
            part = _part(self.seen[rows], self.chain, self.table["label"].to_numpy()[rows])
            out[rows] = softmax(logits_of(network, part))
        return out


def class_judge(
    chain: Preprocess, recipe: str = RECIPE, home: Path = HOME, epochs: int = EPOCHS
) -> ClassJudge:
    """The judge by a recipe, from its runs in ``home``; trained where they are not there.

    ``chain``: of the generators that it will judge. Raises TrainError if the split is not recorded,
    or a data set is not installed.
    """
    whole, delivered, table = judge_sources(chain)
    ra, dec = table["ra"].to_numpy(float), table["dec"].to_numpy(float)
    _, groups = np.unique(sky_groups(ra, dec), return_inverse=True)
    fold = np.random.default_rng(0).permutation(groups.max() + 1)[groups] % FOLDS
    learned = hashlib.sha256(whole.tobytes() + delivered.tobytes()).hexdigest()[:8]
    networks, folds = [], []
    labels = table["label"].to_numpy(object)
    for number in range(FOLDS):
        kept, rows = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        size = _field(chain)
        config = ClassifierConfig(
            f"judge-{number}", classes=CLASSES, preprocess=Preprocess(size=size), seed=number,
            augment=Augment(shift=3.0), epochs=epochs, checkpoint_every=epochs, batch=64,
            ema=0.98, validate_every=epochs, **RECIPES[recipe],
        )  # fmt: skip
        both = np.concatenate([whole[kept], delivered[kept]])
        part = _part(both, chain, np.tile(labels[kept], 2))
        # Validated at the end alone, so that nothing is chosen by the sources left out.
        data = Data(part, _part(delivered[rows], chain, labels[rows]), {"judge": learned})
        torch.manual_seed(number)
        task = GivenTask(config, data)
        folder = home / f"{recipe}-{learned}-{epochs}" / str(number)
        if not (folder / FILE).exists():
            fit(task, data, folder, device=device(), progress=False)
        load_best(task, folder)
        networks.append(task.module.eval())
        folds.append(rows)
    return ClassJudge(networks, folds, delivered, table, chain)


def judge_sources(chain: Preprocess) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """What the judge learns from, each source once.

    Returns ``whole``, ``delivered``: as the survey has it, and as the chain gives it in survey
    pixels, ``(n, 150, 150)``; ``table``: the catalogue rows.
    """
    native = Preprocess(field_arcsec=None, field_pixels=NATIVE, size=NATIVE)
    side = _field(chain)
    edge = (NATIVE - side) // 2
    wholes, parts, tables = [], [], []
    for key, catalogue, new in each_source_once(DATA):
        rows = np.flatnonzero(judge_rows(key, catalogue.table, "judge") & new)
        whole = np.zeros((len(rows), NATIVE, NATIVE), np.float32)
        inner = slice(edge, edge + side)
        whole[:, inner, inner] = native.apply(catalogue, rows)[:, inner, inner]
        wholes.append(whole)
        parts.append(to_native(chain.apply(catalogue, rows), chain))
        tables.append(catalogue.table.iloc[rows].assign(data_set=key))
    whole, delivered = np.concatenate(wholes), np.concatenate(parts)
    table = pd.concat(tables, ignore_index=True)
    good = (whole.max(axis=(1, 2)) > 0) & (delivered.max(axis=(1, 2)) > 0)
    return whole[good], delivered[good], table[good].reset_index(drop=True)


def to_native(images: np.ndarray, chain: Preprocess) -> np.ndarray:
    """Images of a chain in survey pixels, float32 ``(n, 150, 150)``, blank beyond their field."""
    side = _field(chain)
    step = _PIXEL * chain.size / (chain.field_arcsec or 0.0)
    first, last, weights = resampling(chain.size, side * step, side)
    found = weights @ images[:, first:last, first:last] @ weights.T
    found /= np.maximum(found.max(axis=(1, 2), keepdims=True), 1e-6)
    out = np.zeros((len(images), NATIVE, NATIVE), np.float32)
    edge = (NATIVE - side) // 2
    out[:, edge : edge + side, edge : edge + side] = found
    return out


def judge(model: str = "cvae-sharp") -> pd.DataFrame:
    """Compare all recipes within the split ``judge``; how real validation galaxies fare.

    ``model``: a generator whose images will be judged, for its preprocessing.
    """
    from radioviz.models.registry import list_models

    chain = list_models()[model].preprocess
    rows = []
    for recipe in RECIPES:
        found = class_judge(chain, recipe)
        truth = (found.table["label"] == CLASSES[1]).to_numpy(int)
        chances = found.unseen()
        value, low, high = bootstrap((chances.argmax(1) == truth).astype(float), np.mean)
        row = {
            "recipe": recipe, "n": len(truth), "epochs": EPOCHS,
            "nll": negative_log_likelihood(chances, truth),
            "accuracy": value, "accuracy_low": low, "accuracy_high": high,
            "weights": found.digest, "chosen": recipe == RECIPE,
        }  # fmt: skip
        for number, label in enumerate(CLASSES):
            row[f"{label.lower()}_right"] = float(
                (chances.argmax(1) == truth)[truth == number].mean()
            )
        real = evaluation_set(chain, "valid", CLASSES)
        called = found.judged_as(real.images)
        for number, label in enumerate(CLASSES):
            mine = real.labels == label
            row[f"{label.lower()}_valid"] = float((called[mine] == number).mean())
            row[f"{label.lower()}_valid_n"] = int(mine.sum())
        print(row, flush=True)
        rows.append(row)
    table = pd.DataFrame(rows)
    write_table("judge_recipes", table)
    return table


def _field(chain: Preprocess) -> int:
    """Side of the field of a chain in survey pixels, even so that its middle is that of images."""
    field = chain.field_arcsec or math.inf
    if field > NATIVE * _PIXEL:
        raise TrainError(
            f"preprocess: field_arcsec is {chain.field_arcsec}; the judge sees at most "
            f"{NATIVE * _PIXEL:g} arcsec"
        )
    return 2 * int(field / _PIXEL / 2 + 1e-6)


def _part(native: np.ndarray, chain: Preprocess, labels: Any) -> Part:
    """The field of images in survey pixels, beyond which all of them are blank."""
    edge = (NATIVE - _field(chain)) // 2
    seen = np.ascontiguousarray(native[:, edge : NATIVE - edge, edge : NATIVE - edge], np.float32)
    return Part(torch.from_numpy(seen)[:, None], pd.DataFrame({"label": np.asarray(labels)}))
