"""Spectral indices of sources that two surveys or bands see, and what their beams do to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.errors import RelationError
from radioviz.relations.cosmology import spectral_index

MATCHED = 1.2
"""Ratio of beams up to which resolutions count as matched."""
_CLOSE = 1.2  # ratio of frequencies below which an index is noise


@dataclass(frozen=True, eq=False)
class SurveyFluxes:
    """Fluxes of sources in one survey or band."""

    name: str
    # flux, frequency, beam: mJy, GHz and arcsec, shape ``(n,)``; NaN where unknown
    flux: np.ndarray
    frequency: np.ndarray
    beam: np.ndarray


def spectral_indices(
    first: SurveyFluxes, second: SurveyFluxes, las: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Spectral index of S proportional to nu^alpha of each source, and what to know about them.

    Parameters
    ----------
    las : numpy.ndarray
        Angular size in arcsec, ``(n,)``.

    Returns
    -------
    index : numpy.ndarray
        Shape ``(n,)``; NaN where a flux or frequency is unknown.
    warnings : list of str

    Raises
    ------
    RelationError
        If no source has both fluxes at frequencies at least 20 % apart.
    """
    both = (first.flux > 0) & (second.flux > 0)
    if not both.any():
        raise RelationError(f"no source has a flux in both {first.name} and {second.name}")
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = first.frequency / second.frequency
        apart = np.maximum(ratio, 1 / ratio) >= _CLOSE
    if not (both & apart).any():
        seen = [np.nanmedian(np.where(both, s.frequency, np.nan)) for s in (first, second)]
        raise RelationError(
            f"{first.name} is at {seen[0]:.3g} GHz and {second.name} at {seen[1]:.3g} GHz; a "
            "spectral index needs frequencies at least 20 % apart"
        )
    index = np.where(
        apart, spectral_index(first.flux, first.frequency, second.flux, second.frequency), np.nan
    )
    return index, _warnings(first, second, las, np.isfinite(index))


def _warnings(
    first: SurveyFluxes, second: SurveyFluxes, las: np.ndarray, known: np.ndarray
) -> list[str]:
    n = int(known.sum())
    lever = np.abs(np.log(first.frequency[known] / second.frequency[known]))
    out = [f"an error of 10 % in one flux changes the index by {0.1 / np.median(lever):.2f}"]
    beams = np.stack([first.beam, second.beam])[:, known]
    unclear = ~np.isfinite(beams).all(axis=0)
    if unclear.any():
        out.append(
            f"the beam is unknown for {int(unclear.sum()):,} of {n:,}, so that their resolutions "
            "may differ"
        )
    with np.errstate(invalid="ignore"):
        unlike = beams.max(axis=0) / beams.min(axis=0) > MATCHED
    if not unlike.any():
        return out
    sharp = int(np.median(beams[0, unlike]) > np.median(beams[1, unlike]))
    names, pair = (first.name, second.name), (first, second)
    fine, coarse = (float(np.median(beams[i, unlike])) for i in (sharp, 1 - sharp))
    higher = np.median(pair[sharp].frequency[known]) > np.median(pair[1 - sharp].frequency[known])
    larger = int((unlike & (las[known] > beams.min(axis=0))).sum())
    out.append(
        f"{names[sharp]} ({fine:.3g}″) resolves what {names[1 - sharp]} ({coarse:.3g}″) does not: "
        f"it misses extended flux, and the index of the {larger:,} of {n:,} sources larger than "
        f"its beam is too {'steep' if higher else 'flat'}; neighbours within the larger beam make "
        "it so, too. Compare images convolved to one beam before you publish it"
    )
    return out
