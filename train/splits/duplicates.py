"""Find images of the same source in data sets without positions.

Two images of one source from one survey differ by their processing: clip levels, scaling,
cutouts shifted by a pixel. The normalised cross-correlation of the square roots of their
centres, at the best of small shifts, is insensitive to these.

It cannot distinguish compact sources, which all look like the beam. FR-DEEP gives a second
hint: its images are numbered along the lists of their origin, which are ordered in right
ascension. So a match is accepted in two ways, whose limits were set on the distribution of
scores of the 600 FR-DEEP FIRST images against 3,414 FIRST and MiraBest images (see
:func:`is_same_source`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.jobs.progress import Progress, no_progress
from radioviz.sky import FWHM, separation_arcsec

# Half a side of the compared centre, in pixels of 1.8 arcsec: 144 and 216 arcsec across.
_COARSE, _FINE = 40, 60
_SHIFT = 4


@dataclass(frozen=True)
class Match:
    """Best match of one query image."""

    row: int  # row of the reference, -1 if none was accepted
    score: float  # normalised cross-correlation of the best candidate, 1 for the same image
    runner_up: float  # best score of a reference elsewhere on the sky
    method: str  # 'image', 'image and order', or '' if none was accepted
    candidates: tuple[int, ...] = ()  # other possible references, also if none was accepted


def coarse_scores(query: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Scores of all pairs, at half resolution, best of 81 shifts of up to 14.4 arcsec.

    ``query``, ``reference``: uint8, shapes ``(n, ny, nx)`` and ``(m, ny, nx)``, at the same pixel
    scale. Returns float32, shape ``(n, m)``; 0 for an empty image.
    """
    a = _flat(_halved(query, _COARSE))
    wide = _halved(reference, _COARSE + 2 * _SHIFT)
    best = np.full((len(query), len(reference)), -1.0, dtype=np.float32)
    for dy in range(2 * _SHIFT + 1):
        for dx in range(2 * _SHIFT + 1):
            b = _flat(wide[:, dy : dy + _COARSE, dx : dx + _COARSE])
            np.maximum(best, a @ b.T, out=best)
    return best


def fine_score(query: np.ndarray, reference: np.ndarray) -> float:
    """Score of one pair at full resolution, best of 81 shifts of up to 4 pixels."""
    from scipy import fft

    a = _flat(_centre(np.sqrt(query[None].astype(np.float32)), _FINE))[0]
    root = _centre(np.sqrt(reference[None].astype(np.float32)), _FINE + _SHIFT)[0]
    side = 2 * _FINE
    total, square = _box_sums(root, side), _box_sums(root * root, side)
    spread = np.sqrt(np.maximum(square - total**2 / a.size, 0.0))
    # The query has no mean, so the mean of the reference drops out of the product.
    # Shifts at which the query lies within the reference are free of wrapped pixels.
    spectrum = fft.rfft2(root) * fft.rfft2(a.reshape(side, side), root.shape).conj()
    product = fft.irfft2(spectrum, root.shape)[: total.shape[0], : total.shape[1]]
    # An empty image has no spread, and a product of rounding errors.
    return float(np.max(np.where(spread > 1e-3, product / np.maximum(spread, 1e-3), 0.0)))


def _box_sums(image: np.ndarray, side: int) -> np.ndarray:
    """Sums over every square of the given side, shape ``(ny - side + 1, nx - side + 1)``."""
    c = np.pad(image.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    return c[side:, side:] - c[:-side, side:] - c[side:, :-side] + c[:-side, :-side]


def _centre(images: np.ndarray, half: int) -> np.ndarray:
    y, x = images.shape[1] // 2, images.shape[2] // 2
    return images[:, y - half : y + half, x - half : x + half]


def _halved(images: np.ndarray, half: int) -> np.ndarray:
    """Square root of the centre in pixels twice as large, shape ``(n, half, half)``."""
    part = _centre(images, half).astype(np.float32)
    return np.sqrt(part.reshape(len(part), half, 2, half, 2).mean(axis=(2, 4)))


def _flat(images: np.ndarray) -> np.ndarray:
    """Vectors of zero mean and unit length, shape ``(n, pixels)``; zeros for flat images."""
    flat = images.reshape(len(images), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def is_same_source(score: float, runner_up: float, in_order: bool) -> bool:
    """True if a best score means the same source.

    By the image alone if the next best source on the sky is clearly worse. This accepts 359 of
    the 600 FR-DEEP FIRST images. All but one of them agree with the right ascension expected
    from their place in the list, a range that contains 1.3 % of the references and that this
    rule does not use; the exception is the same source by eye. Without the true source among
    the references, the rule accepts a wrong one for 7 of 586.

    Within the expected range, a high score or a smaller distance suffices: 226 more. This is
    justified because nearly every source is among the references; in a deliberately wrong
    range, the rule accepts another, compact, source for 83 of 241.
    """
    distance = score - runner_up
    if in_order:
        return score >= 0.94 or (score >= 0.6 and distance >= 0.1)
    return (score >= 0.9 and distance >= 0.05) or (score >= 0.5 and distance >= 0.25)


def search(
    query: np.ndarray,
    lists: np.ndarray,
    numbers: np.ndarray,
    reference: np.ndarray | list[np.ndarray],
    ra: np.ndarray,
    dec: np.ndarray,
    progress: Progress = no_progress,
) -> list[Match]:
    """Find the same sources in images with positions.

    Parameters
    ----------
    query : numpy.ndarray
        uint8, shape ``(n, 150, 150)``.
    lists, numbers : numpy.ndarray
        List of origin of each query and its number in it, shape ``(n,)``.
    reference : numpy.ndarray or list of numpy.ndarray
        uint8 images at the same pixel scale, ``m`` in all; a list allows several sizes.
    ra, dec : numpy.ndarray
        Positions of the references in deg, shape ``(m,)``.
    progress : callable

    Returns
    -------
    list of Match
        One for each query.
    """
    stacks = reference if isinstance(reference, list) else [reference]
    coarse = np.concatenate([coarse_scores(query, stack) for stack in stacks], axis=1)
    images = [image for stack in stacks for image in stack]

    def best(k: int, among: np.ndarray) -> tuple[int, float, float, list[tuple[float, int]]]:
        rows = among[np.argsort(-coarse[k, among], kind="stable")][:12]
        fine = sorted(((fine_score(query[k], images[j]), int(j)) for j in rows), reverse=True)
        if not fine:
            return -1, 0.0, 0.0, []
        score, row = fine[0]
        far = [s for s, j in fine if separation_arcsec(ra[j], dec[j], ra[row], dec[row]) > 60.0]
        return row, score, max(far, default=0.0), fine

    everywhere = np.arange(len(images))
    alone = []
    for k in range(len(query)):
        alone.append(best(k, everywhere))
        progress(k + 1, len(query), "comparing images")
    sure = np.array(
        [query[k].any() and is_same_source(*alone[k][1:3], False) for k in range(len(query))]
    )
    found_ra = np.array([ra[a[0]] for a in alone])
    matches = []
    for k in range(len(query)):
        row, score, runner_up, _ = alone[k]
        if sure[k]:
            matches.append(Match(row, score, runner_up, "image"))
            continue
        within = between_neighbours(k, lists, numbers, sure, found_ra, ra)
        row, score, runner_up, fine = best(k, within)
        if query[k].any() and is_same_source(score, runner_up, True):
            rivals = tuple(j for s, j in fine if s >= score - 0.01 and j != row)
            matches.append(Match(row, score, runner_up, "image and order", rivals))
        else:
            # An empty or dissimilar image may be any source in its range.
            may_be = [j for s, j in fine if s >= 0.6] if query[k].any() else within.tolist()
            matches.append(Match(-1, score, runner_up, "", tuple(may_be)))
    return _one_claim_each(matches, lists)


def _one_claim_each(matches: list[Match], lists: np.ndarray) -> list[Match]:
    """Keep the better of two matches by order with one source: a list has no source twice.

    The names of lists of one catalogue begin alike: ``config-fr1`` and ``config-fr2``.
    """
    best: dict[tuple[str, int], int] = {}
    keys = [(str(name).split("-")[0], m.row) for name, m in zip(lists, matches, strict=True)]
    for k, match in enumerate(matches):
        rank = (match.method == "image", match.score)
        held = matches[best[keys[k]]] if keys[k] in best else None
        if held is None or rank > (held.method == "image", held.score):
            best[keys[k]] = k
    return [
        Match(-1, match.score, match.runner_up, "", (match.row, *match.candidates))
        if match.method == "image and order" and best[keys[k]] != k
        else match
        for k, match in enumerate(matches)
    ]


def smoothed_candidates(
    query: np.ndarray, reference: np.ndarray, within: np.ndarray
) -> tuple[int, ...]:
    """References that an NVSS image may show, judged by FIRST images smoothed to its beam.

    Of 529 NVSS images whose source is known from FIRST, the true one is among these for 97 %
    and the best for 41 %. So the result serves to exclude sources, not to identify them.

    ``query``: NVSS image, uint8, 15 arcsec a pixel; ``reference``: output of :func:`smoothed`,
    shape ``(m, 17, 17)``; ``within``: rows of the references to compare with.
    """
    if not len(within):
        return ()
    side, at = reference.shape[1], query.shape[0] // 2 - reference.shape[1] // 2
    b = _flat(reference[within])
    best = np.full(len(within), -1.0)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            cut = query[at + dy : at + dy + side, at + dx : at + dx + side]
            best = np.maximum(best, b @ _flat(cut[None].astype(np.float32))[0])
    limit = max(best.max() - 0.05, 0.6)
    return tuple(int(row) for row in within[best >= limit])


def smoothed(images: np.ndarray) -> np.ndarray:
    """FIRST images (1.8 arcsec, beam 5.4) as NVSS sees them (15 arcsec, beam 45).

    Returns float32, shape ``(n, 17, 17)``: the central 255 arcsec.
    """
    from scipy.ndimage import gaussian_filter1d

    sigma = np.sqrt(45.0**2 - 5.4**2) / FWHM / 1.8
    pad, n = 40, images.shape[1]
    at = (n - 1) / 2 + pad + (np.arange(17) - 8) * 15.0 / 1.8
    low, part = at.astype(int), (at % 1)[:, None]
    # Filter and linear interpolation along one axis, as a matrix: both are separable.
    seen = gaussian_filter1d(np.eye(n + 2 * pad), sigma, axis=0)[:, pad : pad + n]
    seen = ((1 - part) * seen[low] + part * seen[low + 1]).astype(np.float32)
    return np.stack([seen @ image.astype(np.float32) @ seen.T for image in images])


def between_neighbours(
    k: int,
    lists: np.ndarray,
    numbers: np.ndarray,
    sure: np.ndarray,
    found_ra: np.ndarray,
    ra: np.ndarray,
) -> np.ndarray:
    """References whose right ascension lies between the neighbours of a query in its list.

    A list consists of parts, each ordered in right ascension; between two parts the range
    passes through 0 deg.
    """
    mine = np.flatnonzero((lists == lists[k]) & sure)
    before, after = mine[numbers[mine] < numbers[k]], mine[numbers[mine] > numbers[k]]
    low = found_ra[before[np.argmax(numbers[before])]] if len(before) else 0.0
    high = found_ra[after[np.argmin(numbers[after])]] if len(after) else 360.0
    slack = 0.01
    if low <= high:
        return np.flatnonzero((ra >= low - slack) & (ra <= high + slack))
    return np.flatnonzero((ra >= low - slack) | (ra <= high + slack))
