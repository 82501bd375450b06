"""``python -m train evaluate masks [--split valid]``: which pixels are source, without labels.

Hypercolumns of a VAE, an autoencoder and one with residual connections, a clip at 3 sigma, a lower
one around pixels of 5 sigma and photutils (smoothed by the beam, as its guide does) on synthetic
radio fields. The networks learn from the noisy fields alone: more noise is added, and they
reproduce the field with noise that is independent of it. Sources that touch are parted at the
saddle between their peaks: of the reconstruction, of the smoothed image for clips, and by photutils
itself. Two truths: the known masks of the sources, and a clip at 3 sigma of the image before noise
of 3, 10 and 30 times its own was added. The thresholds of all methods but the clip are chosen on
validation fields.
"""

from __future__ import annotations

import copy
import functools
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import convolve, gaussian_filter, label

from radioviz.models.hypercolumns import KINDS, HypercolumnNet
from train.evaluate.benchmarks import Estimate, bootstrap, record
from train.evaluate.csv_tables import write_table
from train.evaluate.unlabelled.radio_fields import BEAM, RadioFields, beam_noise, radio_fields

NOISE = (3, 10, 30)
FIELDS = {"train": 200, "valid": 60, "test": 200}
SEEDS = {"train": 10, "valid": 11, "test": 12}
FAINT, BRIGHT = 10.0, 20.0
"""Sources with a peak of less, and of more, times the noise."""

CLIP = "3-sigma clip"
LAYERS = (1, 4)
"""Layers of the hypercolumns that are clustered: the reconstruction alone, or all."""

_STEPS, _BATCH = 500, 16
_MORE = 0.5  # noise added to what a network sees, in units of that of the field
_POOL = 400  # maps of noise to draw from
_SEED = 3.0  # sigma that an island of hypercolumns reaches somewhere
_LEAST = 5  # pixels of an island that photutils keeps, and of a source that counts
_FLOOR = 0.3  # sigma: what is fainter has no peaks
_SADDLE = 0.1  # how far, as a logarithm, a saddle lies below the lower peak
_EIGHT = np.ones((3, 3))

Scored = dict[str, np.ndarray]
"""Threshold as text to numbers of sources from 1, 0 for sky: int32 ``(n, size, size)``."""


@dataclass(frozen=True)
class SourceCount:
    """What masks found of known sources."""

    # Intersection over union of each bright source with the parts that have more pixels of it than
    # of any other source.
    iou: np.ndarray
    islands: np.ndarray  # the same with all islands that touch it, neighbours not parted
    faint: np.ndarray  # 1 for each faint source of which a pixel above half its peak is in the mask
    merged: np.ndarray  # 1 for each source that shares a part with a source that it does not touch
    false: np.ndarray  # parts without a source in each field


def masks(split: str = "test", steps: int = _STEPS) -> None:
    """``masks.*``: IoU, faint sources found, sources merged, islands that are none."""
    valid = radio_fields(FIELDS["valid"], SEEDS["valid"])
    fields = radio_fields(FIELDS[split], SEEDS[split]) if split != "valid" else valid
    methods = trained(radio_fields(FIELDS["train"], SEEDS["train"]), steps)
    known, added, trade = [], [], []
    counts: dict[str, SourceCount] = {}
    for name, method in methods.items():
        options = method(valid.noisy)
        quality = {t: count(m, valid) for t, m in options.items()}
        best = max(quality, key=lambda t: merit(quality[t]))
        began = time.perf_counter()
        found = method(fields.noisy)
        speed = len(fields.noisy) / (time.perf_counter() - began)
        print(f"{name}: {speed:,.0f} images/s, all thresholds")
        counts[name] = count(found[best], fields)
        known.append(
            {
                "method": name,
                "threshold": best,
                "valid_iou": quality[best].iou.mean(),
                "valid_merit": merit(quality[best]),
                **means(counts[name]),
            }
        )
        trade += [{"method": name, "threshold": t, **means(count(m, fields))}
                  for t, m in found.items()]  # fmt: skip
        for times in NOISE:
            truth, noisy = before_and_after(fields, times)
            overlap = overlaps(method(noisy)[best] > 0, truth)
            added.append({"method": name, "noise": times, "iou": overlap.mean()})
    for rows in (known, added):
        print(pd.DataFrame(rows).round(3).to_string(index=False))
    if split == "test":
        write_table("masks", pd.DataFrame(known))
        write_table("masks_noise", pd.DataFrame(added))
        write_table("masks_trade", pd.DataFrame(trade))
        _record(known, counts, len(fields.clean))


def trained(fields: RadioFields, steps: int) -> dict[str, Callable[[np.ndarray], Scored]]:
    """Methods by name; each gives the masks of images at several thresholds."""
    methods: dict[str, Callable[[np.ndarray], Scored]] = {
        CLIP: clipped,
        "clip around 5 sigma": clipped_around_peaks,
        "photutils": photutils,
    }
    some = torch.from_numpy(fields.noisy[:60])[:, None]
    for kind in KINDS:
        network = learn(kind, fields, steps)
        for layers in LAYERS:
            own = copy.deepcopy(network)
            own.group(some, layers=layers)
            used = "reconstruction" if layers == 1 else "all layers"
            methods[f"hypercolumns, {kind}, {used}"] = functools.partial(by_score, own)
    return methods


def learn(kind: str, fields: RadioFields, steps: int, seed: int = 0) -> HypercolumnNet:
    """An autoencoder of noisy fields that leaves noise out; no mask and no clean field is seen."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    levels = [1, *NOISE]
    parts = [before_and_after(fields, t, seed)[1] if t > 1 else fields.noisy for t in levels]
    images = torch.from_numpy(np.concatenate(parts))[:, None]
    pool = torch.from_numpy(beam_noise(rng, (_POOL, *fields.noisy.shape[1:])).astype(np.float32))
    network = HypercolumnNet(kind)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(steps):
        rows, drawn = (torch.from_numpy(rng.integers(0, len(x), _BATCH)) for x in (images, pool))
        given = torch.rot90(images[rows], int(rng.integers(4)), (2, 3))
        noise = pool[drawn, None]
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        # The two have independent noise where that of the field has a sigma of 1.
        loss = network.loss(given + _MORE * noise, given - noise / _MORE)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def before_and_after(
    fields: RadioFields, times: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Clip at 3 sigma of fields, and the fields with noise of ``times`` theirs, in its units."""
    rng = np.random.default_rng([seed, int(times)])
    noisy = fields.noisy + times * beam_noise(rng, fields.noisy.shape)
    return fields.noisy > 3, (noisy / np.hypot(1, times)).astype(np.float32)


def clipped(images: np.ndarray) -> Scored:
    """Pixels above 3 sigma."""
    return {"3": parted(images > 3, smoothed(images))}


def clipped_around_peaks(images: np.ndarray) -> Scored:
    """Islands above lower thresholds that reach 5 sigma somewhere."""
    smooth = smoothed(images)
    return {f"{t:g}": parted(seeded(images > t, images > 5), smooth) for t in (1.5, 2.0, 2.5, 3.0)}


def smoothed(images: np.ndarray) -> np.ndarray:
    """Images smoothed by the beam."""
    width = BEAM / math.sqrt(8 * math.log(2))
    made: np.ndarray = gaussian_filter(images, (0, width, width))
    return made


def parted(masks: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Masks ``(n, ny, nx)`` as numbered parts: one for each peak that a saddle sets apart.

    By watersheds of the logarithm of the brightness; an island without a peak is one part.
    """
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    out = np.zeros(masks.shape, np.int32)
    height = np.log(np.maximum(brightness, _FLOOR))
    for found, mask, high in zip(out, masks, height, strict=True):
        if not mask.any():
            continue
        tops = h_maxima(np.where(mask, high, high.min()).astype(np.float64), _SADDLE)
        peaks, _ = label((tops > 0) & mask, _EIGHT)
        found[...] = watershed(-high, peaks, mask=mask, connectivity=2)
        rest, _ = label(mask & (found == 0), _EIGHT)
        found[rest > 0] = rest[rest > 0] + found.max()
    return out


def seeded(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The islands of masks ``(n, ny, nx)`` that hold a seed."""
    out = np.zeros(mask.shape, bool)
    for found, one, seed in zip(out, mask, seeds, strict=True):
        islands, _ = label(one, _EIGHT)
        held = np.unique(islands[seed & one])
        found[...] = np.isin(islands, held)
    return out


def photutils(images: np.ndarray) -> Scored:
    """Islands of images that are smoothed by the beam, above thresholds in sigma, deblended."""
    from photutils.segmentation import deblend_sources, detect_sources, make_2dgaussian_kernel
    from photutils.utils.exceptions import NoDetectionsWarning

    kernel = make_2dgaussian_kernel(BEAM, size=7).array
    # The noise of a smoothed map is lower, by a factor that depends on the beam alone.
    sky = beam_noise(np.random.default_rng(0), (1, 256, 256))[0]
    sigma = convolve(sky, kernel, mode="wrap").std()
    smooth = convolve(images, kernel[None], mode="constant") / sigma
    # One tall image, blank rows between the fields: one call for all.
    tall = np.pad(smooth, ((0, 0), (0, 1), (0, 0)))
    out: Scored = {}
    for threshold in (1.5, 2.0, 2.5, 3.0, 4.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoDetectionsWarning)
            islands = detect_sources(tall.reshape(-1, tall.shape[2]), threshold, n_pixels=_LEAST)
            if islands is not None:
                whole = tall.reshape(-1, tall.shape[2])
                islands = deblend_sources(whole, islands, n_pixels=_LEAST, progress_bar=False)
        found = np.zeros(tall.shape, int) if islands is None else islands.data.reshape(tall.shape)
        out[f"{threshold:g}"] = found[:, :-1].astype(np.int32)
    return out


def by_score(network: HypercolumnNet, images: np.ndarray) -> Scored:
    """Islands beyond points between the two groups that reach 3 sigma; 0.5 is half-way."""
    with torch.no_grad():
        parts = torch.from_numpy(images)[:, None].split(64)
        found = [network.score_and_image(x) for x in parts]
    score = torch.cat([s for s, _ in found]).numpy()
    clean = torch.cat([image for _, image in found])[:, 0].numpy()
    half = float(network.threshold)
    low = float(np.median(score))
    shares = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.65, 0.8)
    seeds = images > _SEED
    return {
        f"{s:g}": parted(seeded(score > low + 2 * s * (half - low), seeds), clean) for s in shares
    }


def count(found: np.ndarray, fields: RadioFields) -> SourceCount:
    """Compare numbered parts ``(n, ny, nx)`` with the known sources."""
    iou, whole, faint, merged, false = [], [], [], [], []
    for parts, source, clean, peaks in zip(
        found, fields.source, fields.clean, fields.peaks, strict=True
    ):
        mask = parts > 0
        islands, _ = label(mask, _EIGHT)
        touching, _ = label(source > 0, _EIGHT)
        # Pixels of each source in each part.
        shared = np.zeros((parts.max() + 1, len(peaks) + 1), int)
        np.add.at(shared, (parts.ravel(), source.ravel()), 1)
        shared[0], shared[:, 0] = 0, 0
        owner = np.where(shared.any(axis=1), shared.argmax(axis=1), 0)
        false.append(len(np.setdiff1d(parts, 0)) - np.count_nonzero(owner))
        for number, peak in enumerate(peaks, 1):
            own = source == number
            if own.sum() < _LEAST:
                continue  # outside the field, or behind a brighter one
            if peak > BRIGHT:
                iou.append(_iou((owner == number)[parts] & mask, own))
                whole.append(_iou(np.isin(islands, np.setdiff1d(islands[own], 0)), own))
            elif peak < FAINT:
                faint.append(mask[own & (clean > clean[own].max() / 2)].any())
            here = shared[shared[:, number] >= _LEAST] >= _LEAST
            others = np.setdiff1d(np.flatnonzero(here.any(axis=0)), number)
            apart = [o for o in others if touching[source == o][0] != touching[own][0]]
            merged.append(bool(apart))
    return SourceCount(*(np.asarray(v, float) for v in (iou, whole, faint, merged, false)))


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def merit(counted: SourceCount) -> float:
    """What validation fields choose by: IoU of bright sources, and few islands that are none."""
    return float(counted.iou.mean() - counted.false.mean() / 10)


def means(counted: SourceCount) -> dict[str, float]:
    """Averages for a table."""
    return {
        "iou_bright": counted.iou.mean(),
        "iou_islands": counted.islands.mean(),
        "faint_found": counted.faint.mean(),
        "merged": counted.merged.mean(),
        "false_per_field": counted.false.mean(),
    }


def overlaps(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intersection over union of whole masks, ``(n,)``; 1 where both are empty."""
    both = (found & truth).sum(axis=(1, 2))
    either = (found | truth).sum(axis=(1, 2))
    ratio: np.ndarray = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    return ratio


def _record(known: list[dict[str, object]], counts: dict[str, SourceCount], n: int) -> None:
    """The best of the hypercolumns and the better baseline, chosen on validation fields."""
    learned = [row for row in known if str(row["method"]).startswith("hypercolumns")]
    plain = [row for row in known if row not in learned]
    for what, rows in (("hypercolumns", learned), ("baseline", plain)):
        best = str(max(rows, key=lambda row: float(str(row["valid_merit"])))["method"])
        counted = counts[best]
        figures: dict[str, Estimate] = {
            "iou": bootstrap(counted.iou, np.mean),
            "islands": bootstrap(counted.islands, np.mean),
            "faint": bootstrap(counted.faint, np.mean),
            "merged": bootstrap(counted.merged, np.mean),
            "false": bootstrap(counted.false, np.mean),
        }
        for name, estimate in figures.items():
            record(
                f"masks.{what}.{name}", estimate, n=n, split=f"synthetic/test, {best}",
                seeds=[0], command="python -m train evaluate masks",
            )  # fmt: skip
