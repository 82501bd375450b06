"""What is looked for: galaxies that it should be like, or unlike, and a picture from outside.

A query is kept in the session as plain values, can be written into a link, and becomes
latent vectors only when it is searched with. Galaxies of a data set bring theirs from its
Atlas; a picture, and the rotated views of a galaxy, have to be encoded, which opens torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError, RadioVizError, SelectionError, SimilarityError
from radioviz.similarity import dihedral_views
from radioviz.sky import separation_arcsec
from radioviz.ui import cache, galaxies
from radioviz.ui import coordinates as sky

Pair = tuple[str, str]

FAR = 3600.0  # arcsec: further from every source than this is outside of a survey
MOST_EXAMPLES = 200


@dataclass(frozen=True, eq=False)
class Picture:
    """A query that is no galaxy of a data set.

    Attributes
    ----------
    seen : numpy.ndarray
        As the encoder sees it: float32, shape ``(size, size)``, 0..1.
    title : str
        For people.
    digest : str
        Of what it was made from: the same digest, the same picture.
    position : (float, float) or None
        J2000 degrees.
    synthetic : bool
        True when a model generated it.
    """

    seen: np.ndarray
    title: str
    digest: str
    position: tuple[float, float] | None = None
    synthetic: bool = False


@dataclass(frozen=True)
class Wish:
    """Galaxies to be like, and galaxies to be unlike, in order and without doubles."""

    like: tuple[Pair, ...] = ()
    unlike: tuple[Pair, ...] = ()

    def with_like(self, *pairs: Pair) -> Wish:
        """More examples; what was to be unlike and now is not changes sides."""
        like = tuple(dict.fromkeys([*self.like, *pairs]))[:MOST_EXAMPLES]
        return Wish(like, tuple(p for p in self.unlike if p not in like))

    def with_unlike(self, *pairs: Pair) -> Wish:
        """More counter-examples, as :meth:`with_like`."""
        unlike = tuple(dict.fromkeys([*self.unlike, *pairs]))[:MOST_EXAMPLES]
        return Wish(tuple(p for p in self.like if p not in unlike), unlike)

    def known(self) -> tuple[Wish, list[Pair]]:
        """The part whose galaxies are at hand, and the others."""
        lost = [p for p in (*self.like, *self.unlike) if not _is_known(p)]
        kept = [tuple(p for p in side if p not in lost) for side in (self.like, self.unlike)]
        return Wish(*kept), lost


def _is_known(pair: Pair) -> bool:
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
    """What :func:`to_link` wrote; an identifier by itself is one of data set ``default``.

    >>> from_link("first/a%2Cb,first-7", "mirabest")
    (('first', 'a,b'), ('mirabest', 'first-7'))
    """
    pairs = []
    for part in text.split(",")[:MOST_EXAMPLES]:
        data_set, slash, source_id = part.partition("/")
        if part.strip():
            pairs.append((unquote(data_set), unquote(source_id)) if slash else (default, part))
    return tuple(dict.fromkeys(pairs))


# -- by name or position --------------------------------------------------------------------


def locate(text: str, data_sets: Sequence[str], radius: float) -> list[Pair]:
    """Galaxies of several data sets that a name, an identifier or a position means.

    Parameters
    ----------
    text : str
        Part of a name or identifier, a J2000 name, degrees, or sexagesimal.
    radius : float
        Cone about a position, arcsec.

    Returns
    -------
    list of (data set, source_id)
        Nearest first for a position, otherwise by data set.

    Raises
    ------
    SelectionError
        If nothing matches: what was looked for and where, and how far the nearest is.
    """
    text = " ".join(text.split())
    position = sky.parse_position(text) if text else None
    catalogues: list[Catalogue] = []
    for key in data_sets:
        try:
            catalogues.append(cache.data_set(key))
        except CatalogueError:
            continue  # not downloaded: its own page says so
    titles = ", ".join(c.info.title for c in catalogues) or "no data set"
    found: list[tuple[float, Pair]] = []
    for catalogue in catalogues:
        try:
            rows = galaxies.find_galaxies(catalogue, text, radius)
        except SelectionError:
            continue
        ids = catalogue.table["source_id"].to_numpy()
        apart = _separations(catalogue, position)
        found += [
            (float(apart[row]) if position else 0.0, (catalogue.info.key, str(ids[row])))
            for row in rows.tolist()
        ]
    if found:
        return [pair for _, pair in sorted(found, key=lambda f: f[0])]
    if not text:
        raise SelectionError("nothing to look for; type a name, or a position: 116.785 +17.291")
    if position is None:
        raise SelectionError(
            f"no source of {titles} is called '{text[:80]}', and it is no position "
            "(degrees: 116.785 +17.291; sexagesimal: 07:47:08.4 +17:17:27)"
        )
    raise SelectionError(nothing_there(position, catalogues, radius))


def _separations(catalogue: Catalogue, position: tuple[float, float] | None) -> np.ndarray:
    table = catalogue.table
    if position is None:
        return np.zeros(len(table))
    return separation_arcsec(*position, table["ra"].to_numpy(float), table["dec"].to_numpy(float))


def nothing_there(
    position: tuple[float, float], catalogues: Sequence[Catalogue], radius: float
) -> str:
    """Why a cone is empty: outside of every survey, or how far its nearest source is."""
    here = sky.sexagesimal(*position)
    nearest: tuple[float, str, str] | None = None
    for catalogue in catalogues:
        apart = _separations(catalogue, position)
        if np.isfinite(apart).any():
            row = int(np.nanargmin(apart))
            one = (float(apart[row]), galaxies.name_of(catalogue.table, row), catalogue.info.title)
            nearest = min(nearest, one) if nearest else one
    if nearest is None:
        return f"none of these data sets has sky positions, so nothing is known about {here}"
    apart_text = separation_text(nearest[0])
    where = f"{nearest[1]} of {nearest[2]}, {apart_text} away"
    if nearest[0] > FAR:
        return f"{here} is outside of the survey: the nearest source is {where}"
    return f"no source within {radius:g}″ of {here}; the nearest is {where}: widen the cone"


def separation_text(arcsec: float) -> str:
    """An angle in the unit that suits it: ``12.3″``, ``4.5′``, ``31.2°``; empty for NaN."""
    if not np.isfinite(arcsec):
        return ""
    if arcsec < 120:
        return f"{arcsec:.1f}″"
    return f"{arcsec / 60:.1f}′" if arcsec < 7200 else f"{arcsec / 3600:.1f}°"


# -- latents --------------------------------------------------------------------------------


def encoded(model: str, seen: np.ndarray, rotated: bool) -> np.ndarray:
    """Latents of one prepared picture, ``(r, d)``: of its eight views, or of itself alone.

    Opens torch.

    Raises
    ------
    SimilarityError
        If the encoder leaves a latent vector that is zero or not finite.
    """
    views = dihedral_views(seen[None])[0] if rotated else seen[None]
    latents = cache.encoder(model).encode(np.ascontiguousarray(views, dtype=np.float32))
    norms = np.linalg.norm(latents.astype(np.float64), axis=1)
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise SimilarityError(
            f"the encoder '{model}' gives this picture a latent vector that is zero or not finite, "
            "so it has no direction to compare; choose another encoder"
        )
    return latents
