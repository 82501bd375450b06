"""A similarity query: positive and negative examples, and sources to exclude."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from radioviz.errors import SimilarityError
from radioviz.similarity.index import LatentIndex
from radioviz.similarity.metric import Whitening

Source = tuple[str, str]

UNLIKE_WEIGHT = 0.35
"""Weight of counter-examples beside examples (Rocchio 1971).

With weight 1, one example and one counter-example of another class among its results find fewer
of the example's class than no counter-example: 52 % of 24 results instead of 64 % (FIRST, SimCLR,
263 test galaxies). With 0.35 it is 66 %, and the results stay as similar to the example.
"""


@dataclass(frozen=True, eq=False)
class Query:
    """Positive and negative examples, and sources to exclude."""

    # positives, negatives: Latents of the examples, shape ``(p, d)``. With shape ``(p, r, d)`` each
    # example has ``r`` views (rotations of its image) and the most similar view counts, so that the
    # search does not depend on position angles. Scores are the mean cosine to the positives minus
    # :data:`UNLIKE_WEIGHT` times that to the negatives.
    positives: np.ndarray
    negatives: np.ndarray | None = None
    # Right ascension and declination of the examples in degrees, shape ``(m, 2)``; sources near
    # them on the sky are excluded from the results.
    positions: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    # The examples themselves, excluded together with their repeats.
    exclude: Collection[Source] = ()

    def __post_init__(self) -> None:
        positives = _directions(self.positives, "positive")
        if not len(positives):
            raise SimilarityError("a query needs at least one positive example; it has none")
        object.__setattr__(self, "positives", positives)
        if self.negatives is not None:
            negatives = _directions(self.negatives, "negative")
            if len(negatives) and negatives.shape[2] != positives.shape[2]:
                raise SimilarityError(
                    f"negative examples have {negatives.shape[2]} latent dimensions, positive ones "
                    f"{positives.shape[2]}; they must come from one model"
                )
            object.__setattr__(self, "negatives", negatives if len(negatives) else None)
        positions = np.asarray(self.positions, dtype=float).reshape(-1, 2)
        object.__setattr__(self, "positions", positions[np.isfinite(positions).all(axis=1)])

    @property
    def dimension(self) -> int:
        """Number of latent dimensions."""
        return int(self.positives.shape[2])


def _directions(vectors: np.ndarray, what: str) -> np.ndarray:
    """Unit vectors, float32 of shape ``(p, views, d)``."""
    array = np.asarray(vectors, dtype=np.float64)
    if array.ndim == 1:
        array = array[None]
    if array.ndim == 2:
        array = array[:, None]
    if array.ndim != 3:
        raise SimilarityError(
            f"{what} examples have shape {np.shape(vectors)}; expected (p, d), or (p, views, d)"
        )
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(array, axis=2)
    for bad, why in ((~np.isfinite(norms), "is not finite"), (norms == 0, "is zero")):
        if bad.any():
            number = int(np.argwhere(bad)[0][0])
            raise SimilarityError(
                f"the latent vector of {what} example {number + 1} {why}, so it has no direction "
                "to compare; choose another galaxy or another encoder"
            )
    return (array / norms[..., None]).astype(np.float32)


def query_of(
    indexes: Sequence[LatentIndex],
    positives: Sequence[Source],
    negatives: Sequence[Source] = (),
    views: Mapping[Source, np.ndarray] | None = None,
) -> Query:
    """Query by galaxies of the indexes.

    ``views``: latents of rotated views, shape ``(r, d)``, by source, for every example and with the
    same ``r``. They replace the latents of the index. Raises SimilarityError if a source is
    unknown, is both positive and negative, or has no usable latent.
    """
    by_key = {index.data_set: index for index in indexes}
    both = set(positives) & set(negatives)
    if both:
        raise SimilarityError(f"'{min(both)[1]}' is both a positive and a negative example")

    def vectors(sources: Sequence[Source]) -> np.ndarray | None:
        found = []
        for data_set, source_id in sources:
            if data_set not in by_key:
                raise SimilarityError(
                    f"no latents of data set '{data_set}'; available: {', '.join(by_key)}"
                )
            index = by_key[data_set]
            row = index.row_of(source_id)
            if views is not None:
                if (data_set, source_id) not in views:
                    raise SimilarityError(f"no rotated views of '{source_id}' were given")
                found.append(np.asarray(views[data_set, source_id]))
            elif index.inverse_norms[row] == 0:
                raise SimilarityError(
                    f"the latent vector of '{source_id}' is zero or not finite, so it has no "
                    "direction to compare; choose another galaxy or another encoder"
                )
            else:
                found.append(np.asarray(index.latents[row]))
        return np.stack(found) if found else None

    examples = [(by_key[d], s) for d, s in [*positives, *negatives] if d in by_key]
    wanted = vectors(positives)
    if wanted is None:
        raise SimilarityError("a query needs at least one positive example; it has none")
    unwanted = vectors(negatives)
    places = [(i.ra[row], i.dec[row]) for i, s in examples for row in [i.row_of(s)]]
    return Query(wanted, unwanted, np.array(places), frozenset([*positives, *negatives]))


def compose_query(
    indexes: Sequence[LatentIndex],
    like: Sequence[Source],
    unlike: Sequence[Source] = (),
    *,
    image: np.ndarray | None = None,
    position: tuple[float, float] | None = None,
    views: Mapping[Source, np.ndarray] | None = None,
    whitening: Whitening | None = None,
) -> Query:
    """One query of examples, counter-examples and an image.

    Parameters
    ----------
    indexes
        Of every data set that an example is from, whitened if ``whitening`` is given.
    image : numpy.ndarray, optional
        Latents of the image's views as the encoder gives them, shape ``(r, d)``.
    position : (float, float), optional
        Position of the image in degrees: results leave out what lies there.
    views
        Latents of rotated views of every example, ``(r, d)`` with the ``r`` of the image.

    Raises
    ------
    SimilarityError
        If there is no example, a galaxy is on both sides, or a latent has no direction.
    """
    both = set(like) & set(unlike)
    if both:
        raise SimilarityError(f"'{min(both)[1]}' is a positive and a negative example at once")
    if not like and image is None:
        raise SimilarityError(
            "nothing to search for yet: name a galaxy or give an image; counter-examples alone are "
            "not enough"
        )
    if whitening is not None and views is not None:
        views = {pair: whitening(v) for pair, v in views.items()}
    positive, negative = (
        query_of(indexes, side, views=views) if side else None for side in (like, unlike)
    )
    positives = [positive.positives] if positive else []
    places = [side.positions for side in (positive, negative) if side]
    if image is not None:
        positives.append((whitening(image) if whitening else np.asarray(image))[None])
    if position is not None:
        places.append(np.array([position]))
    return Query(
        np.concatenate(positives),
        negative.positives if negative else None,
        np.concatenate([*places, np.empty((0, 2))]),
        frozenset([*like, *unlike]),
    )
