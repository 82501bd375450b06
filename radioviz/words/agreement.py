"""Labels of several people: as a table of one tag a row, and how far two of them agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from radioviz.workspace.labels import AGAINST, HIGHEST, MARKS, Label

Pair = tuple[str, str]
DRAWS = 500


def label_rows(
    labels: Iterable[tuple[Pair, Label]], names: Mapping[Pair, str], by: str
) -> pd.DataFrame:
    """One row a tag of a galaxy: which, whether it applies, how sure, who, and when.

    Returns the columns ``data_set``, ``source_id``, ``name``, ``tag``, ``applies`` (yes or no),
    ``sure`` (0 to 1; of a mark, its number over five), ``by``, and ``at`` (UTC, empty where not
    known).
    """
    rows = []
    for pair, label in labels:
        at = ""
        if label.changed:
            at = datetime.fromtimestamp(label.changed, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for tag in label.tags:
            number = label.mark if tag in MARKS and MARKS[tag] and label.mark is not None else None
            rows.append({
                "data_set": pair[0], "source_id": pair[1], "name": names.get(pair, ""),
                "tag": tag.removeprefix(AGAINST),
                "applies": "no" if tag.startswith(AGAINST) else "yes",
                "sure": 1.0 if number is None else number / HIGHEST, "by": by, "at": at,
            })  # fmt: skip
    columns = ["data_set", "source_id", "name", "tag", "applies", "sure", "by", "at"]
    return pd.DataFrame(rows, columns=columns)


def agreement(
    mine: Mapping[Pair, Iterable[str]], theirs: Mapping[Pair, Iterable[str]]
) -> pd.DataFrame:
    """Cohen's kappa of two people for each tag, over the galaxies that both labelled.

    A galaxy that one of them labelled, but not with the tag, does not have it in their eyes.

    Returns the columns ``tag``, ``galaxies`` (of both), ``both``, ``mine``, ``theirs`` (with the
    tag), ``agree`` (share), ``kappa``, and ``low`` and ``high``, its 95 % interval; kappa is NaN
    where both say the same of every galaxy.
    """
    common = [pair for pair in mine if pair in theirs]
    tags = dict.fromkeys(
        tag.removeprefix(AGAINST) for pair in common for tag in (*mine[pair], *theirs[pair])
    )
    rows = []
    for tag in tags:
        a, b = (np.array([tag in set(side[p]) for p in common]) for side in (mine, theirs))
        rng = np.random.default_rng(0)
        drawn = [
            cohen_kappa(a[k], b[k]) for k in rng.integers(0, len(common), (DRAWS, len(common)))
        ]
        known = np.array(drawn)[np.isfinite(drawn)]
        low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
        rows.append({
            "tag": tag, "galaxies": len(common), "both": int((a & b).sum()), "mine": int(a.sum()),
            "theirs": int(b.sum()), "agree": float((a == b).mean()), "kappa": cohen_kappa(a, b),
            "low": float(low), "high": float(high),
        })  # fmt: skip
    columns = ["tag", "galaxies", "both", "mine", "theirs", "agree", "kappa", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def cohen_kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Agreement beyond chance of two bool arrays (Cohen 1960); NaN where chance agrees wholly."""
    observed = float((a == b).mean())
    chance = float(a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean()))
    return (observed - chance) / (1 - chance) if chance < 1 else float("nan")
