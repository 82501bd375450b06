"""Search: rank all sources, or the candidates of an index, then exclude examples and repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.data.matching import REPEAT_ARCSEC, close_pairs
from radioviz.errors import SimilarityError
from radioviz.similarity.approximate import LARGE
from radioviz.similarity.index import LatentIndex, blocks
from radioviz.similarity.null import NullDistribution
from radioviz.similarity.query import UNLIKE_WEIGHT, Query
from radioviz.sky import separation_arcsec

MAX_CANDIDATES = 65_536
"""Most candidates requested from an approximate index."""


def scores(index: LatentIndex, query: Query, rows: np.ndarray | None = None) -> np.ndarray:
    """Similarity of every source to the query, float32 of shape ``(n,)``; -inf if unusable.

    ``rows``: int64, shape ``(m,)``: score only these; the result has shape ``(m,)``. Raises
    SimilarityError if the query has another number of dimensions.
    """
    if query.dimension != index.latents.shape[1]:
        raise SimilarityError(
            f"the query has {query.dimension} latent dimensions, data set '{index.data_set}' has "
            f"{index.latents.shape[1]}; they must come from one model"
        )
    parts = _parts(query)
    with np.errstate(over="ignore", invalid="ignore"):  # rows without direction, dropped below
        out = _products(index.latents if rows is None else index.latents[rows], parts)
        inverse = index.inverse_norms if rows is None else index.inverse_norms[rows]
        out *= inverse
    out[inverse == 0] = -np.inf
    # Rounding may leave the range by a part in ten million.
    most = sum(abs(weight) for _, weight in parts)
    np.clip(out, -most, most, out=out, where=np.isfinite(out))
    return out


def _parts(query: Query) -> list[tuple[np.ndarray, float]]:
    """Examples and their weight, then counter-examples and theirs."""
    parts = [(query.positives, 1.0)]
    if query.negatives is not None:
        parts.append((query.negatives, -UNLIKE_WEIGHT))
    return parts


def _products(latents: np.ndarray, parts: Sequence[tuple[np.ndarray, float]]) -> np.ndarray:
    """Similarity times the length of each latent, float32 of shape ``(n,)``."""
    towards = _towards(parts)
    if towards is not None and latents.dtype == np.float32:
        return latents @ towards
    out = np.zeros(len(latents), dtype=np.float32)
    for part in blocks(len(latents), 16_384):
        block = np.asarray(latents[part], dtype=np.float32)
        if towards is not None:
            out[part] = block @ towards
            continue
        for examples, weight in parts:
            for views in examples:
                out[part] += weight / len(examples) * (block @ views.T).max(axis=1)
    return out


def _towards(parts: Sequence[tuple[np.ndarray, float]]) -> np.ndarray | None:
    """The direction equivalent to a query without views; None for one with views."""
    if any(examples.shape[1] > 1 for examples, _ in parts):
        return None
    # A mean of products with unit vectors is the product with their mean.
    towards = sum(weight * e[:, 0].mean(axis=0, dtype=np.float64) for e, weight in parts)
    return np.asarray(towards, dtype=np.float32)


def search(
    indexes: Sequence[LatentIndex],
    query: Query,
    k: int = 100,
    *,
    separation_arcsec: float = REPEAT_ARCSEC,
    repeats: bool = False,
    where: Mapping[str, np.ndarray] | None = None,
    nulls: Mapping[str, NullDistribution] | None = None,
    values: Mapping[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """The ``k`` sources most similar to a query, best first, over all data sets given.

    Excluded are the examples, rows of the same source as an example, and sources within
    ``separation_arcsec`` (great circle) of an example.

    Parameters
    ----------
    indexes
        Indexes of one model. Equal scores are ordered by data set and row.
    repeats
        Whether a source may appear more than once (entries of two data sets, or two rows of one,
        within 10 arcsec); by default only its best entry is kept.
    where
        Masks of shape ``(n,)`` by data set: rows to search.
    nulls
        Null distributions by data set, for the column ``chance``.
    values
        Scores of shape ``(n,)`` by data set to rank by instead of cosines; data sets without are
        searched.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``row``, ``source_id``, ``score``, ``chance`` (fraction of unrelated
        galaxies of its data set that would score as high, NaN without a null distribution)
        and ``separation`` (arcsec to the nearest example, NaN without positions); fewer than
        ``k`` rows where the data sets hold fewer.

    Raises
    ------
    SimilarityError
        If ``k`` or the separation is invalid, or the indexes belong to several models.
    """
    if k < 1:
        raise SimilarityError(f"{k} results requested; expected 1 or more")
    if not separation_arcsec >= 0:
        raise SimilarityError(f"a separation of {separation_arcsec} arcsec; expected 0 or more")
    if not indexes:
        raise SimilarityError("no data set to search in; choose at least one")
    models = {(i.model, i.model_sha256): i.data_set for i in indexes}
    if len(models) > 1:
        named = ", ".join(f"'{d}' by {m or 'an unnamed model'}" for (m, _), d in models.items())
        raise SimilarityError(f"latents of different models cannot be compared: {named}")
    found = [
        _found(index, query, (where or {}).get(index.data_set), (values or {}).get(index.data_set))
        for index in indexes
    ]
    most = sum(len(source) for source in found)
    wanted = 2 * k + 64
    while True:
        best = _candidates(indexes, found, wanted)
        nearest = _nearest(best, query)
        kept = _shown(best, nearest, indexes, query, separation_arcsec, repeats)
        if len(kept) >= k or wanted >= most:
            break
        wanted *= 4
    kept = kept[:k]
    data_set, score = best.data_set[kept], best.score[kept]
    chance = np.full(len(kept), np.nan)
    for key, null in (nulls or {}).items():
        here = data_set == key
        chance[here] = null.chance(score[here])
    return pd.DataFrame(
        {
            "data_set": data_set,
            "row": best.row[kept],
            "source_id": best.source_id[kept],
            "score": score,
            "chance": chance,
            "separation": nearest[kept],
        }
    )


def _found(
    index: LatentIndex, query: Query, mask: np.ndarray | None, values: np.ndarray | None
) -> _Scored | _Looked:
    """The source of the best rows of a data set: the scores of all rows, or its index."""
    if mask is not None:
        if np.shape(mask) != (len(index),):
            raise SimilarityError(
                f"a mask of shape {np.shape(mask)} for data set '{index.data_set}'; "
                f"expected ({len(index)},)"
            )
        mask = np.asarray(mask, dtype=bool)
    if values is None and index.approximate is not None:
        directions = _directions(query)
        if directions is not None:
            if mask is None or int(mask.sum()) * index.latents.shape[1] >= LARGE:
                return _Looked(index, query, directions, mask)
            rows = np.flatnonzero(mask)
            return _Scored(scores(index, query, rows), rows)
    mine = scores(index, query) if values is None else np.array(values, dtype=np.float32)
    if mask is not None:
        mine[~mask] = -np.inf
    return _Scored(mine)


def _directions(query: Query) -> np.ndarray | None:
    """Directions to search an index along; None where they cannot represent the query."""
    parts = _parts(query)
    towards = _towards(parts)
    if towards is not None:
        return towards[None]
    # For one example the score is the best of its views; for several it is a mean of maxima.
    return query.positives[0] if len(parts) == len(query.positives) == 1 else None


@dataclass(frozen=True, eq=False)
class _Scored:
    """Exact scores of every row, or of ``rows``."""

    scores: np.ndarray
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def best(self, wanted: int) -> tuple[np.ndarray, np.ndarray]:
        """The best ``wanted`` rows (and all that tie with the last of them), and their scores."""
        n = len(self.scores)
        least = np.partition(self.scores, n - wanted)[n - wanted] if wanted < n else -np.inf
        places = np.flatnonzero((self.scores >= least) & (self.scores > -np.inf))
        return places if self.rows is None else self.rows[places], self.scores[places]


@dataclass(frozen=True, eq=False)
class _Looked:
    """Rows that an index finds, scored exactly."""

    index: LatentIndex
    query: Query
    directions: np.ndarray
    mask: np.ndarray | None

    def __len__(self) -> int:
        return min(len(self.index), MAX_CANDIDATES)

    def best(self, wanted: int) -> tuple[np.ndarray, np.ndarray]:
        """The best rows that the index finds, more than ``wanted``, and their exact scores."""
        held = self.index.approximate
        if held is None:
            raise SimilarityError(f"data set '{self.index.data_set}' has no search index")
        # Request more than needed, because 8 bits may swap neighbouring ranks.
        count = min(wanted + 128, MAX_CANDIDATES)
        rows = np.unique(held.nearest(self.directions, count, self.mask))
        rows = rows[rows >= 0]
        return rows, scores(self.index, self.query, rows)


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Rows by falling score: arrays, because a pandas table costs more than a small search."""

    data_set: np.ndarray
    row: np.ndarray
    score: np.ndarray
    source_id: np.ndarray
    source: np.ndarray  # number of the source in its data set
    ra: np.ndarray
    dec: np.ndarray


def _candidates(
    indexes: Sequence[LatentIndex], found: Sequence[_Scored | _Looked], wanted: int
) -> _Candidates:
    """The best ``wanted`` rows (and all that tie with the last of them), best first."""
    each = [source.best(wanted) for source in found]
    number = np.repeat(np.arange(len(each)), [len(rows) for rows, _ in each])
    rows = np.concatenate([rows for rows, _ in each])
    score = np.concatenate([values for _, values in each])
    # Each part is ordered by row, so ties stay ordered by data set and row.
    order = np.argsort(-score, kind="stable")
    if wanted < len(order):
        order = order[score[order] >= score[order[wanted - 1]]]
    number, rows, score = number[order], rows[order], score[order]
    ra, dec = np.empty(len(rows)), np.empty(len(rows))
    source_id, source = np.empty(len(rows), dtype=object), np.empty(len(rows), dtype=np.int64)
    for i, index in enumerate(indexes):
        mine = number == i
        chosen = rows[mine]
        ra[mine], dec[mine] = index.ra[chosen], index.dec[chosen]
        source_id[mine], source[mine] = index.ids_of(chosen), index.source[chosen]
    keys = np.array([index.data_set for index in indexes], dtype=object)
    return _Candidates(keys[number], rows, score, source_id, source, ra, dec)


def _nearest(best: _Candidates, query: Query) -> np.ndarray:
    """Separation from the nearest example in arcsec, NaN without a position."""
    ra, dec = np.asarray(query.positions, dtype=float).reshape(-1, 2).T
    apart = separation_arcsec(best.ra[:, None], best.dec[:, None], ra, dec)
    return apart.min(axis=1) if apart.shape[1] else np.full(len(best.row), np.nan)


def _shown(
    best: _Candidates,
    nearest: np.ndarray,
    indexes: Sequence[LatentIndex],
    query: Query,
    separation_arcsec: float,
    repeats: bool,
) -> np.ndarray:
    """Candidates left after removing examples, their neighbours and, optionally, repeats."""
    with np.errstate(invalid="ignore"):
        out = nearest <= separation_arcsec
    for index in indexes:
        examples = index.source[index.rows_among(query.exclude)]
        out |= (best.data_set == index.data_set) & np.isin(best.source, examples)
    kept = np.flatnonzero(~out)
    if repeats or not len(kept):
        return kept
    sources = pd.DataFrame({"data_set": best.data_set[kept], "source": best.source[kept]})
    double = np.array(sources.duplicated())
    # Pairs are ordered, so a better result is decided before it removes a worse one.
    better, worse, _ = close_pairs(best.ra[kept], best.dec[kept])
    for i, j in zip(better.tolist(), worse.tolist(), strict=True):
        if not double[i]:
            double[j] = True
    return kept[~double]
