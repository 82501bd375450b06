"""Gain by fifty marks: ``python -m train evaluate marks --model vae32 [--split valid]``.

Simulates a reader who looks for Bent galaxies: marks the top of the outlier list five at a time
(Bent 5, all others 0) and has the rest ranked again after each five. The survey has one Bent galaxy
in fifty, drawn at random from held-out ones (``valid``: from the training and validation splits).
The gain compares the number of Bent galaxies in the first 100 of the final list (marked galaxies
by their mark, the others by rank) with the first 100 without marks.
"""

from __future__ import annotations

import numpy as np

from radioviz.atlas.atlas import open_atlas, orientation_summary
from radioviz.data.registry import open_data_set
from radioviz.models.registry import encoders, list_models
from radioviz.outliers.marking import BEST, MarkSpace, stack_latents
from radioviz.outliers.thresholds import percentile_rank
from train.evaluate.benchmarks import record
from train.evaluate.ood_samples import samples
from train.scores.outlier_scores import fitted_detector

MODEL = "vae32"
MARKS, STEP, TOP = 50, 5, 100
RARITY = 50
SURVEYS = 20


def marks(model: str = MODEL, split: str = "test") -> dict[str, float]:
    """Simulate the reader and record ``marks.*``."""
    sample = samples(model)["first"]
    table = open_data_set("first").table
    splits = table["split"].to_numpy(str)
    bent = table["label"].eq("Bent").to_numpy()
    parts = ("test",) if split == "test" else ("train", "valid")
    here = np.isin(splits, parts) & sample.figures["complexity"].notna().to_numpy()
    found = fitted_detector(f"maf-{model}")
    scores = found.scores(sample)["strangeness"].to_numpy()
    strange = percentile_rank(scores, found.learned["strangeness"].to_numpy())
    second = next(iter(encoders()))
    first = open_atlas("first", second, info=list_models()[second])
    spaces = stack_latents(
        [orientation_summary(sample.latents), first.latents]
    )  # as on the Outliers page
    # Ordinary galaxies of every split; only the Bent ones must be held out.
    usual = np.flatnonzero(~bent & (splits != "excluded") & (splits != ""))
    pool = np.flatnonzero(bent & here)
    rare = min(len(usual) // (RARITY - 1), len(pool))
    rng = np.random.default_rng(0)
    before, after, rest = [], [], []
    for _ in range(SURVEYS):
        rows = np.concatenate([usual, rng.choice(pool, rare, replace=False)])
        truth = bent[rows]
        plain = np.argsort(-scores[rows], kind="stable")
        order, marked = session(spaces[rows], strange[rows], scores[rows], truth)
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
        for name, value in (
            ("marks.gain", (float(gain), float(low), float(high))),
            ("marks.gain_unmarked", float(others)),
        ):
            record(
                name, value, n=len(usual) + rare, split="first/test", seeds=[0],
                command=f"python -m train evaluate marks --model {model}",
            )  # fmt: skip
    return {"gain": float(gain), "gain_unmarked": float(others)}


def session(
    latents: np.ndarray, strange: np.ndarray, scores: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, set[int]]:
    """One reader: rows in the order of the final list, and which of them are marked."""
    space = MarkSpace.of(latents, strange)
    marked: dict[int, float] = {}
    order = np.argsort(-scores, kind="stable")
    while len(marked) < MARKS:
        for row in [int(i) for i in order if int(i) not in marked][:STEP]:
            marked[row] = BEST if truth[row] else 0.0
        ranking = space.rerank(list(marked), list(marked.values()))
        rank = ranking.rank.copy()
        rank[list(marked)] = np.array(list(marked.values())) / BEST
        order = np.argsort(-rank, kind="stable")
    return order, set(marked)
