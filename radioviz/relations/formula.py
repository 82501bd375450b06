"""A property as a short polynomial of few columns, where that does nearly as well as trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radioviz.errors import RelationError
from radioviz.relations.question import FOLDS, PropertyQuestion

_SMALLEST = 0.003  # by which a further term has to raise R2
MOST_TERMS = 8


@dataclass(frozen=True)
class Formula:
    """A sum of products of standardised columns."""

    name: str  # of the property; of its logarithm where ``log``
    log: bool
    columns: tuple[str, ...]
    # centre, scale: of each column; a column enters as ``(value - centre) / scale``
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    terms: tuple[tuple[tuple[int, ...], float], ...]  # powers of the columns, and the coefficient
    r2: float  # over held-out folds; terms and coefficients chosen again in each

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The property (or its logarithm) of galaxies with these columns, ``(n, k)``."""
        standard = (np.asarray(values, float) - self.centre) / self.scale
        powers = np.array([power for power, _ in self.terms])
        coefficients = np.array([c for _, c in self.terms])
        return _products(standard, powers) @ coefficients

    def __str__(self) -> str:
        left = f"log10({self.name})" if self.log else self.name
        parts = []
        for powers, coefficient in self.terms:
            factors = [
                name if power == 1 else f"{name}^{power}"
                for name, power in zip(self.columns, powers, strict=True) if power
            ]  # fmt: skip
            sign = "-" if coefficient < 0 else "+"
            parts.append(f"{sign} {' · '.join([f'{abs(coefficient):.4g}', *factors])}")
        right = " ".join(parts).removeprefix("+ ")
        where = "; ".join(
            f"{n} = ({n}' - {c:.4g}) / {s:.4g}"
            for n, c, s in zip(self.columns, self.centre, self.scale, strict=True)
        )
        return f"{left} = {right}, with {where}"


def formula(asked: PropertyQuestion, columns: Sequence[str], degree: int = 3) -> Formula:
    """The best short polynomial of up to three columns.

    Terms join one at a time, each the one that lowers the squared error most, as long as R2 grows
    by 0.003 (forward selection of the terms of a response surface).

    ``columns``: one to three of the question's; ``degree``: largest sum of powers of a term, 1 to
    4. Raises RelationError if the columns or the degree are others, or too few galaxies have all of
    them.
    """
    absent = [c for c in columns if c not in asked.names]
    if absent or not 1 <= len(columns) <= 3 or not 1 <= degree <= 4:
        raise RelationError(
            f"a formula takes one to three of the columns {', '.join(asked.names[:12])} and a "
            f"degree of 1 to 4; given are {', '.join(columns) or 'none'} and {degree}"
        )
    values = asked.features[:, [asked.names.index(c) for c in columns]].astype(float)
    rows = np.flatnonzero(asked.known & np.isfinite(values).all(axis=1))
    powers = _powers(len(columns), degree)
    if len(rows) < 5 * len(powers):
        raise RelationError(
            f"{len(rows)} galaxies have {asked.name} and all of {', '.join(columns)}; "
            f"{5 * len(powers)} are needed for degree {degree}"
        )
    values, true, fold = values[rows], asked.target[rows], asked.fold[rows]
    centre, scale = values.mean(axis=0), values.std(axis=0)
    if not (scale > 0).all():
        constant = columns[int(np.argmin(scale))]
        raise RelationError(f"{constant} has one value for all galaxies; leave it out")
    terms = _products((values - centre) / scale, powers)
    found = np.empty(len(rows))
    for k in range(FOLDS):
        held = fold == k
        chosen, coefficients = _select(terms[~held], true[~held])
        found[held] = terms[held][:, chosen] @ coefficients
    chosen, coefficients = _select(terms, true)
    r2 = 1 - float(np.square(found - true).sum() / np.square(true - true.mean()).sum())
    kept = tuple(
        (tuple(int(p) for p in powers[i]), float(c))
        for i, c in zip(chosen, coefficients, strict=True)
    )
    return Formula(
        asked.name, asked.log, tuple(columns), tuple(map(float, centre)), tuple(map(float, scale)),
        kept, r2,
    )  # fmt: skip


def _powers(k: int, degree: int) -> np.ndarray:
    """Powers of every term, the constant first, ``(m, k)``."""
    every = np.indices((degree + 1,) * k).reshape(k, -1).T
    every = every[every.sum(axis=1) <= degree]
    return np.asarray(every[np.lexsort((*every.T, every.sum(axis=1)))])


def _products(standard: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """Values of the terms, ``(n, m)``."""
    return np.prod(standard[:, None, :] ** powers[None], axis=2)


def _select(terms: np.ndarray, true: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Terms by forward selection, the constant always among them, and their coefficients."""
    total = float(np.square(true - true.mean()).sum())
    chosen, coefficients, error = [0], np.array([true.mean()]), total
    while len(chosen) < min(MOST_TERMS, terms.shape[1]):
        best: tuple[float, int, np.ndarray] | None = None
        for i in range(terms.shape[1]):
            if i in chosen:
                continue
            given = terms[:, [*chosen, i]]
            solved = np.linalg.lstsq(given, true, rcond=None)[0]
            left = float(np.square(given @ solved - true).sum())
            if best is None or left < best[0]:
                best = left, i, solved
        if best is None or error - best[0] < _SMALLEST * total:
            break
        error, coefficients = best[0], best[2]
        chosen.append(best[1])
    return chosen, coefficients
