"""What the Similar page searches for and remembers in a session, apart from its widgets."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from radioviz.errors import RadioVizError
from radioviz.ui import galaxies

Pair = tuple[str, str]

MAX_EXAMPLES = 200


@dataclass(frozen=True)
class SimilarityQuery:
    """Galaxies to be like and galaxies to be unlike, in order, each once."""

    like: tuple[Pair, ...] = ()
    unlike: tuple[Pair, ...] = ()

    @property
    def examples(self) -> tuple[Pair, ...]:
        """Galaxies of both sides."""
        return (*self.like, *self.unlike)

    def with_like(self, *pairs: Pair) -> SimilarityQuery:
        """More examples to be like; those that were to be unlike change sides."""
        like = tuple(dict.fromkeys([*self.like, *pairs]))[:MAX_EXAMPLES]
        return SimilarityQuery(like, tuple(p for p in self.unlike if p not in like))

    def with_unlike(self, *pairs: Pair) -> SimilarityQuery:
        """More examples to be unlike; those that were to be like change sides."""
        unlike = tuple(dict.fromkeys([*self.unlike, *pairs]))[:MAX_EXAMPLES]
        return SimilarityQuery(tuple(p for p in self.like if p not in unlike), unlike)

    def available(self) -> tuple[SimilarityQuery, list[Pair]]:
        """The part whose galaxies are in an available data set, and the other galaxies."""
        lost = [p for p in self.examples if not _is_available(p)]
        like, unlike = (
            tuple(p for p in side if p not in lost) for side in (self.like, self.unlike)
        )
        return SimilarityQuery(like, unlike), lost


def _is_available(pair: Pair) -> bool:
    try:
        galaxies.row_of(pair)
    except RadioVizError:
        return False
    return True


def to_link(pairs: Sequence[Pair]) -> str:
    """Galaxies as a query parameter: ``first/first-7,mirabest/...``, other characters quoted.

    >>> to_link([("first", "a,b")])
    'first/a%2Cb'
    """
    return ",".join(f"{quote(d, safe='')}/{quote(s, safe='+')}" for d, s in pairs)


def from_link(text: str, default: str) -> tuple[Pair, ...]:
    """Read :func:`to_link`; an identifier alone belongs to data set ``default``.

    >>> from_link("first/a%2Cb,first-7", "mirabest")
    (('first', 'a,b'), ('mirabest', 'first-7'))
    """
    pairs = []
    for part in text.split(",")[:MAX_EXAMPLES]:
        data_set, slash, source_id = part.partition("/")
        if part.strip():
            pairs.append((unquote(data_set), unquote(source_id)) if slash else (default, part))
    return tuple(dict.fromkeys(pairs))


@dataclass(frozen=True, eq=False)
class QueryPicture:
    """A picture that is not a galaxy of a data set."""

    seen: np.ndarray  # as the encoder sees it: float32, shape ``(size, size)``, 0..1
    title: str  # as shown on screen
    digest: str  # of what it was made from: the same digest, the same picture
    position: tuple[float, float] | None = None  # J2000 degrees
    synthetic: bool = False  # True when a model generated it
    # Keywords of :func:`radioviz.find_similar` for it, as the reader set them; for a generated one
    # ``made``, the model, request, number in the batch and clipping.
    example: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class SimilarState:
    """State of the page."""

    query: SimilarityQuery = SimilarityQuery()
    message: str = ""  # about a link
    data_set: str = ""  # in view when the data sets to search in were last chosen
    # What uploads were read and prepared to, and latents, by what they were made from.
    made: dict[tuple[Hashable, ...], Any] = field(default_factory=dict)
