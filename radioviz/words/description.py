"""Galaxies and groups of galaxies in words: one sentence, each word with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.words.vocabulary import APPLIES, Tag, Vocabulary

MOST_WORDS = 4
BESIDE = "near_another"
APART = 0.15
"""Difference in the share of galaxies with a tag from which it sets two groups apart."""
_SIGMAS = 3.0


@dataclass(frozen=True)
class Evidence:
    """Why a tag applies to one galaxy."""

    tag: Tag
    probability: float
    how: str  # ``learned`` or ``measured``
    # Column, value, and the value from which it is as likely as not.
    measured: tuple[tuple[str, float, float], ...]


def evidence_of(
    values: Mapping[str, object], vocabulary: Vocabulary, learned: Mapping[str, str]
) -> list[Evidence]:
    """Tags that apply to a galaxy, the surest first, with what they follow from.

    Parameters
    ----------
    values : mapping
        The galaxy's row: tags and measured columns by name.
    learned : mapping
        Tag to the model that its probability is from; tags that are measured are left out.
    """
    found = []
    for tag in vocabulary.tags:
        p = _number(values, tag.column)
        if p >= APPLIES:
            conditions = tuple(
                (name, _number(values, name), half) for name, half, _ in tag.measured
            )
            how = "learned" if tag.column in learned else "measured"
            found.append(Evidence(tag, p, how, conditions))
    # What the galaxy itself looks like comes before what is beside it.
    return sorted(found, key=lambda one: (one.tag.column == BESIDE, -one.probability))


def sentence_of(evidence: list[Evidence], values: Mapping[str, object]) -> str:
    """One sentence: the surest tags with their probabilities, size, angle and redshift."""
    parts = [f"{e.tag.name} ({e.probability:.0%})" for e in evidence[:MOST_WORDS]]
    words = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
    numbers = []
    las, error = _number(values, "las"), _number(values, "las_error")
    if np.isfinite(las):
        limit = bool(values.get("las_limit", False))
        plus = f" ± {error:.0f}" if np.isfinite(error) and not limit else ""
        numbers.append(f"at most {las:.0f}″ large" if limit else f"{las:.0f}{plus}″ large")
    if np.isfinite(bend := _number(values, "bending_angle")) and bend >= 15:
        numbers.append(f"arms bent by {bend:.0f}°")
    if np.isfinite(size := _number(values, "linear_size")):
        numbers.append(f"{size:.0f} kpc")
    if np.isfinite(redshift := _number(values, "redshift")):
        numbers.append(f"at redshift {redshift:.3g}")
    if not words:
        words = "no tag of the vocabulary applies"
    text = "; ".join([words, ", ".join(numbers)] if numbers else [words])
    return text[:1].upper() + text[1:] + "."


def _number(values: Mapping[str, object], name: str) -> float:
    try:
        return float(values.get(name, np.nan))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


def tags_apart(
    tags: pd.DataFrame, inside: np.ndarray, outside: np.ndarray, vocabulary: Vocabulary
) -> pd.DataFrame:
    """Tags that set one group of galaxies apart from another, the clearest first.

    Parameters
    ----------
    tags : pandas.DataFrame
        Probabilities, ``n`` rows, columns of the vocabulary.
    inside, outside : numpy.ndarray
        Bool ``(n,)``.

    Returns
    -------
    pandas.DataFrame
        ``column``, ``name``, ``inside`` and ``outside`` (share of the galaxies whose tags are
        known that have it), ``difference`` and ``n`` (inside, known). Only differences of at least
        0.15 and of three standard errors.
    """
    rows = []
    for tag in vocabulary.tags:
        if tag.column not in tags:
            continue
        p = tags[tag.column].to_numpy(float)
        known = np.isfinite(p)
        here, there = p[inside & known] >= APPLIES, p[outside & known] >= APPLIES
        if not len(here) or not len(there):
            continue
        a, b = float(here.mean()), float(there.mean())
        both = (here.sum() + there.sum()) / (len(here) + len(there))
        error = np.sqrt(both * (1 - both) * (1 / len(here) + 1 / len(there)))
        if abs(a - b) >= max(APART, _SIGMAS * error):
            rows.append((tag.column, tag.name, a, b, a - b, len(here)))
    found = pd.DataFrame(rows, columns=["column", "name", "inside", "outside", "difference", "n"])
    return found.iloc[np.argsort(-found["difference"].abs(), kind="stable")].reset_index(drop=True)


def group_names(labels: np.ndarray, tags: pd.DataFrame, vocabulary: Vocabulary) -> list[list[str]]:
    """Up to two words for each group 1, 2, ...: the tags that set it apart from all others.

    ``labels``: group of each galaxy, 0 for none, ``(n,)``.
    """
    names = []
    for number in range(1, int(labels.max(initial=0)) + 1):
        inside = labels == number
        apart = tags_apart(tags, inside, ~inside, vocabulary)
        chosen = apart[apart["difference"] > 0]["name"].tolist()[:2]
        names.append(chosen)
    return names
