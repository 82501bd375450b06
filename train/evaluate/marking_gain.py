"""What fifty marks are worth: ``python -m train evaluate marks --model vae32 [--split valid]``.

A reader who looks for Bent galaxies marks the top of the list, five at a time, Bent 5 and all else
0, and has the rest ranked anew after each five. The list is that of the shipped score, over a
survey in which Bent is rare (one in fifty), as such things are; it is made from held-out galaxies
(``valid``: validation ones with the training split). Reported is how many Bent there are in the
first 100 of the list that the reader ends with (marked ones in their place by mark, the rest as
ranked) and in the first 100 without marks, over random draws of which Bent there are.
"""

from __future__ import annotations

import numpy as np

from radioviz.atlas.atlas import open_atlas, orientation_summary
from radioviz.data.registry import open_data_set
from radioviz.models.registry import list_models
from radioviz.outliers.marking import BEST, Space, together
from radioviz.outliers.thresholds import strangeness
from train.evaluate.benchmarks import record
from train.evaluate.ood_samples import samples
from train.scores.outlier_scores import fitted

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
    found = fitted(f"maf-{model}")
    scores = found.scores(sample)["strangeness"].to_numpy()
    strange = strangeness(scores, found.learned["strangeness"].to_numpy())
    first = open_atlas("first", "simclr", info=list_models()["simclr"])
    spaces = together([orientation_summary(sample.latents), first.latents])  # as the page has them
    # Ordinary galaxies of every split: what is asked is whether marks find the held-out Bent.
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
        for name, value, bounds in (
            ("marks.gain", gain, (low, high)),
            ("marks.gain_unmarked", others, (None, None)),
        ):
            record(
                name,
                float(value),
                low=bounds[0],
                high=bounds[1],
                n=len(usual) + rare,
                split="first/test",
                seeds=[0],
                command=f"python -m train evaluate marks --model {model}",
            )
    return {"gain": float(gain), "gain_unmarked": float(others)}


def session(
    latents: np.ndarray, strange: np.ndarray, scores: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, set[int]]:
    """One reader: rows in the order of the list at the end, and which are marked."""
    space = Space.of(latents, strange)
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
