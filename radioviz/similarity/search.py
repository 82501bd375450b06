"""Exact search: one matrix product, then what may be shown of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.data.links import REPEAT_ARCSEC, close_pairs
from radioviz.errors import SimilarityError
from radioviz.similarity.index import LatentIndex, blocks
from radioviz.similarity.null import NullDistribution
from radioviz.similarity.query import Query

_ARCSEC = 180.0 / np.pi * 3600.0


def scores(index: LatentIndex, query: Query) -> np.ndarray:
    """Similarity of every source to the query, float32 of shape ``(n,)``; -inf if unusable.

    Raises
    ------
    SimilarityError
        If the query has another number of dimensions.
    """
    if query.dimension != index.latents.shape[1]:
        raise SimilarityError(
            f"the query has {query.dimension} latent dimensions, data set '{index.data_set}' has "
            f"{index.latents.shape[1]}; they must come from one model"
        )
    parts = [(query.positives, 1.0)]
    if query.negatives is not None:
        parts.append((query.negatives, -1.0))
    with np.errstate(over="ignore", invalid="ignore"):  # rows without direction, dropped below
        out = _products(index, parts)
        out *= index.inverse_norms
    out[index.inverse_norms == 0] = -np.inf
    # Rounding may leave the range by a part in ten million.
    np.clip(out, -float(len(parts)), float(len(parts)), out=out, where=np.isfinite(out))
    return out


def _products(index: LatentIndex, parts: Sequence[tuple[np.ndarray, float]]) -> np.ndarray:
    """Similarity times the length of each latent, float32 of shape ``(n,)``."""
    if all(examples.shape[1] == 1 for examples, _ in parts):
        # A mean of products with unit vectors is the product with their mean.
        towards = sum(sign * e[:, 0].mean(axis=0, dtype=np.float64) for e, sign in parts)
        product: np.ndarray = index.latents @ np.asarray(towards, dtype=np.float32)
        return product
    out = np.zeros(len(index), dtype=np.float32)
    for part in blocks(len(index)):
        block = index.latents[part]
        for examples, sign in parts:
            for views in examples:
                out[part] += sign / len(examples) * (block @ views.T).max(axis=1)
    return out


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

    Left out are the examples, rows that show the same source as an example, and everything
    within ``separation_arcsec`` (great circle) of an example.

    Parameters
    ----------
    indexes
        Of one model. Equal scores are ordered by data set and row.
    repeats
        Whether results may show one source more than once (entries of two data sets, or two
        rows of one, within 10 arcsec); by default its best entry stands for all.
    where
        Masks of shape ``(n,)`` by data set: rows that may be results.
    nulls
        Null distributions by data set, for the column ``chance``.
    values
        Scores of shape ``(n,)`` by data set that were found in another way, to be ranked by
        instead of cosines.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``row``, ``source_id``, ``score``, ``chance`` (fraction of unrelated
        galaxies of its data set that would score as high, NaN without a null distribution)
        and ``separation`` (arcsec to the nearest example, NaN without positions); fewer than
        ``k`` rows where no more are left.

    Raises
    ------
    SimilarityError
        If ``k`` or the separation has no meaning, or the indexes are of several models.
    """
    if k < 1:
        raise SimilarityError(f"{k} results were asked for; expected 1 or more")
    if not separation_arcsec >= 0:
        raise SimilarityError(f"a separation of {separation_arcsec} arcsec; expected 0 or more")
    if not indexes:
        raise SimilarityError("no data set to search in; choose at least one")
    models = {(i.model, i.model_sha256): i.data_set for i in indexes}
    if len(models) > 1:
        named = ", ".join(f"'{d}' by {m or 'an unnamed model'}" for (m, _), d in models.items())
        raise SimilarityError(f"latents of different models cannot be compared: {named}")
    if values is None:
        found = [scores(index, query) for index in indexes]
    else:
        found = [np.array(values[index.data_set], dtype=np.float32) for index in indexes]
    for index, mine in zip(indexes, found, strict=True):
        mask = (where or {}).get(index.data_set)
        if mask is not None:
            if np.shape(mask) != (len(index),):
                raise SimilarityError(
                    f"a mask of shape {np.shape(mask)} for data set '{index.data_set}'; "
                    f"expected ({len(index)},)"
                )
            mine[~np.asarray(mask, dtype=bool)] = -np.inf
    everything = np.concatenate(found)
    wanted = 2 * k + 64
    while True:
        best = _candidates(indexes, everything, wanted)
        nearest = _nearest(best, query)
        kept = _shown(best, nearest, indexes, query, separation_arcsec, repeats)
        if len(kept) >= k or wanted >= len(everything):
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


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Rows by falling score: arrays of equal length (a table of pandas takes longer to make
    than the search of a small data set)."""

    data_set: np.ndarray
    row: np.ndarray
    score: np.ndarray
    source_id: np.ndarray
    first: np.ndarray  # identifier of the first row that shows the same source
    ra: np.ndarray
    dec: np.ndarray


def _candidates(indexes: Sequence[LatentIndex], everything: np.ndarray, wanted: int) -> _Candidates:
    """The best ``wanted`` rows (and all that tie with the last of them), best first."""
    n = len(everything)
    least = np.partition(everything, n - wanted)[n - wanted] if wanted < n else -np.inf
    places = np.flatnonzero((everything >= least) & (everything > -np.inf))
    places = places[np.argsort(-everything[places], kind="stable")]
    starts = np.cumsum([0, *map(len, indexes)])
    number = np.searchsorted(starts, places, side="right") - 1
    rows = places - starts[number]
    ra, dec = np.empty(len(rows)), np.empty(len(rows))
    source_id, first = np.empty(len(rows), dtype=object), np.empty(len(rows), dtype=object)
    for i, index in enumerate(indexes):
        mine = number == i
        chosen = rows[mine]
        ra[mine], dec[mine] = index.ra[chosen], index.dec[chosen]
        source_id[mine], first[mine] = index.source_ids[chosen], index.first_of(chosen)
    keys = np.array([index.data_set for index in indexes], dtype=object)
    return _Candidates(keys[number], rows, everything[places], source_id, first, ra, dec)


def _nearest(best: _Candidates, query: Query) -> np.ndarray:
    """Separation from the nearest example in arcsec, NaN without a position."""
    apart = separations(best.ra, best.dec, query.positions)
    return apart.min(axis=1) if apart.shape[1] else np.full(len(best.row), np.nan)


def _shown(
    best: _Candidates,
    nearest: np.ndarray,
    indexes: Sequence[LatentIndex],
    query: Query,
    separation_arcsec: float,
    repeats: bool,
) -> np.ndarray:
    """Places of what is no example, no repeat or neighbour of one, and (maybe) no double."""
    examples = set(query.exclude)
    by_key = {index.data_set: index for index in indexes}
    for data_set, source_id in query.exclude:
        if data_set in by_key and source_id in by_key[data_set]:
            index = by_key[data_set]
            row = np.array([index.row_of(source_id)])
            examples.add((data_set, str(index.first_of(row)[0])))
    firsts = list(zip(best.data_set.tolist(), best.first.tolist(), strict=True))
    ids = zip(best.data_set.tolist(), best.source_id.tolist(), strict=True)
    with np.errstate(invalid="ignore"):
        out = nearest <= separation_arcsec
    out |= np.array(
        [f in examples or i in examples for f, i in zip(firsts, ids, strict=True)], dtype=bool
    )
    kept = np.flatnonzero(~out)
    if repeats or not len(kept):
        return kept
    seen: set[tuple[str, str]] = set()
    double = np.zeros(len(kept), dtype=bool)
    for i, place in enumerate(kept.tolist()):
        double[i] = firsts[place] in seen
        seen.add(firsts[place])
    # Pairs come ordered, so a better result has been decided on before it drops a worse one.
    better, worse, _ = close_pairs(best.ra[kept], best.dec[kept])
    for i, j in zip(better.tolist(), worse.tolist(), strict=True):
        if not double[i]:
            double[j] = True
    return kept[~double]


def separations(ra: np.ndarray, dec: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Great-circle separations in arcsec, shape ``(n, m)``; NaN where a position is missing.

    Parameters
    ----------
    ra, dec : numpy.ndarray
        Degrees, shape ``(n,)``.
    positions : numpy.ndarray
        Degrees, shape ``(m, 2)``.
    """
    from astropy.coordinates import angular_separation

    lon, lat = np.radians(ra)[:, None], np.radians(dec)[:, None]
    other = np.radians(np.asarray(positions, dtype=float).reshape(-1, 2))
    return np.asarray(angular_separation(lon, lat, other[:, 0], other[:, 1])) * _ARCSEC
