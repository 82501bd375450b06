"""Gain by marks: ``python -m train evaluate marks --model survey-simclr [--split valid]``.

Simulates a reader who looks for Bent galaxies: marks the top of the outlier list five at a time
(Bent interesting, all others boring) and has the rest ranked again after each five, as soon as
there are two of each. The survey has one Bent galaxy in fifty, drawn at random from held-out ones
(``valid``: from the training and validation splits). The gain compares the number of Bent galaxies
in the first 100 of the final list (interesting ones, then those not marked) with the first 100
without marks.
"""

from __future__ import annotations

import numpy as np

from radioviz import morphology
from radioviz.atlas.atlas import open_atlas
from radioviz.atlas.scores import read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.models.registry import list_models
from radioviz.words.examples import FEWEST, ExampleSpace
from radioviz.words.heads import COLUMNS
from train.evaluate.benchmarks import record

MODEL = "survey-simclr"
SCORE = "strangeness"
MARKS, STEP, TOP = 50, 5, 100
RARITY = 50
SURVEYS = 20


def marks(model: str = MODEL, split: str = "test") -> dict[str, float]:
    """Simulate the reader and record ``marks.*``."""
    models = list_models()
    catalogue = morphology.complete(open_data_set("first"))
    splits = catalogue.table["split"].to_numpy(str)
    bent = catalogue.table["label"].eq("Bent").to_numpy()
    stored = read_scores("first", catalogue=catalogue, models=models)
    name = next(c for c in stored.columns if c.startswith(SCORE))
    scores = stored.of(catalogue.table["source_id"].to_numpy(object))[name].to_numpy(float)
    atlas = open_atlas("first", model, info=models[model], catalogue=catalogue)
    space = ExampleSpace.joined([(catalogue, atlas)])
    parts = ("test",) if split == "test" else ("train", "valid")
    here = np.isin(splits, parts) & np.isfinite(scores)
    # Ordinary galaxies of every split; only the Bent ones must be held out.
    usual = np.flatnonzero(~bent & np.isfinite(scores) & ~np.isin(splits, ("excluded", "")))
    pool = np.flatnonzero(bent & here)
    rare = min(len(usual) // (RARITY - 1), len(pool))
    rng = np.random.default_rng(0)
    before, after, rest = [], [], []
    for _ in range(SURVEYS):
        rows = np.concatenate([usual, rng.choice(pool, rare, replace=False)])
        truth = bent[rows]
        plain = np.argsort(-scores[rows], kind="stable")
        order, marked = session(ExampleSpace(space.x[rows]), plain, truth)
        before.append(int(truth[plain[:TOP]].sum()))
        after.append(int(truth[order[:TOP]].sum()))
        unseen = [i for i in order if i not in marked]
        untouched = [i for i in plain if i not in marked]
        rest.append((int(truth[unseen[:TOP]].sum()), int(truth[untouched[:TOP]].sum())))
    gain = np.sum(after) / max(np.sum(before), 1)
    drawn = []
    for _ in range(1000):
        some = rng.integers(0, SURVEYS, SURVEYS)
        drawn.append(np.sum(np.array(after)[some]) / max(np.sum(np.array(before)[some]), 1))
    others = np.sum([a for a, _ in rest]) / max(np.sum([b for _, b in rest]), 1)
    print(
        f"{rare} Bent among {len(usual):,}: {np.mean(before):.1f} in the first {TOP}, "
        f"{np.mean(after):.1f} after {MARKS} marks ({gain:.2f} times); among those not marked "
        f"{np.mean([a for a, _ in rest]):.1f} against {np.mean([b for _, b in rest]):.1f}"
    )
    if split == "test":
        low, high = np.percentile(drawn, [2.5, 97.5])
        for title, value in (
            ("marks.gain", (float(gain), float(low), float(high))),
            ("marks.gain_unmarked", float(others)),
        ):
            record(
                title, value, n=len(usual) + rare, split="first/test", seeds=[0],
                command=f"python -m train evaluate marks --model {model}",
            )  # fmt: skip
    return {"gain": float(gain), "gain_unmarked": float(others)}


def session(
    space: ExampleSpace, plain: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, set[int]]:
    """One reader: rows in the order of the final list, and which of them are marked."""
    marked: list[int] = []
    order = plain
    while len(marked) < MARKS:
        marked += [int(i) for i in order if int(i) not in marked][:STEP]
        yes, no = ([i for i in marked if truth[i] == side] for side in (True, False))
        if min(len(yes), len(no)) >= FEWEST:
            ranked = space.teach(yes, no).ranked(marked)
            order = np.concatenate([yes, ranked, no]).astype(int)
    return order, set(marked)


def mgcls_unmarked(
    catalogue: Catalogue, latents: np.ndarray, good: int, split: str
) -> tuple[float, int]:
    """Good sources in the first 100 of MGCLS that were not scored, after the scores of 400.

    Ranked as a reader's marks rank: those scored ``good`` or more are interesting, the other of the
    400 are not. ``valid``: halves of the fields of the 400 teach each other, and the first tenth is
    listed; the mean share of good ones is given.

    Returns the number, and how many sources were ranked.
    """
    table = morphology.complete(catalogue).table
    columns = {c: table[c].to_numpy(float, na_value=np.nan) for c in COLUMNS if c in table}
    space = ExampleSpace.of(latents, columns)
    taught = table["author_ML_score"].to_numpy(float)
    judged = table["evaluation_subset_author_ML_score"].to_numpy(float)
    first = np.flatnonzero(taught >= 0)
    if split == "test":
        rest = np.flatnonzero((judged >= 0) & ~(taught >= 0))
        return float(_found(space, taught, first, judged, rest, good, TOP)), len(rest)
    fields = table["original_image"].to_numpy(str)
    shares = []
    for seed in range(SURVEYS // 2):
        names = np.random.default_rng(seed).permutation(np.unique(fields[first]))
        half = np.isin(fields[first], names[: len(names) // 2])
        for part in (half, ~half):
            other = first[~part]
            top = max(len(other) // 10, 1)
            shares.append(_found(space, taught, first[part], taught, other, good, top) / top)
    return float(np.mean(shares)), len(first)


def _found(
    space: ExampleSpace, taught: np.ndarray, first: np.ndarray, judged: np.ndarray,
    rest: np.ndarray, good: int, top: int,
) -> int:  # fmt: skip
    """Good ones among the first of ``rest``, as taught by the scores of ``first``."""
    yes, no = first[taught[first] >= good], first[taught[first] < good]
    order = space.teach(yes, no).ranked([*yes, *no])
    return int((judged[order[np.isin(order, rest)][:top]] >= good).sum())
