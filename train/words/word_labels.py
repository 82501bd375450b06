"""What people called galaxies: words of Horton et al. 2025, MiraBest's morphologies, FIRST classes.

A label is named as in the vocabulary: ``horton:cshaped``, ``mirabest:wide-angle tail``,
``mirabest:hybrid``, ``first:Bent``. Galaxies of all data sets that show each other
(:func:`radioviz.data.matching.sky_groups`) count as one source, and stay together in folds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.atlas.atlas import open_atlas
from radioviz.data.matching import close_pairs, sky_groups
from radioviz.data.registry import open_data_set
from radioviz.models.registry import list_models
from radioviz.paths import REPOSITORY
from radioviz.words.heads import COLUMNS, measured_features
from radioviz.words.tagging import latents_of_rows
from train.core.config import TrainError

HORTON = "horton2025_lotss_dr2_labels.csv"
MATCH = 20.0
"""Arcsec between a position of Horton et al., of a large source at 6 arcsec, and one of FIRST."""
SETS = ("first", "mirabest")
SIDE, BLOCKS = 270.0, 50
"""Arcsec across, and pixels a side, of the raw pictures that the baseline sees."""


def catalogue_file(name: str = HORTON) -> Path:
    """A catalogue of labels, in ``RADIOVIZ_SHARED_DATA`` or beside this repository."""
    root = os.environ.get("RADIOVIZ_SHARED_DATA", str(REPOSITORY.parent / "shared" / "data"))
    path = Path(root) / "label_catalogues" / name
    if not path.is_file():
        raise TrainError(
            f"{path} is not here; set RADIOVIZ_SHARED_DATA to the folder that holds "
            f"label_catalogues/{name}"
        )
    return path


@dataclass(frozen=True, eq=False)
class LabelledGalaxies:
    """Galaxies of some data sets with their features and what people called them."""

    # ``n`` rows: ``data_set``, ``row``, ``split``, ``label``, ``morphology``, measured columns.
    table: pd.DataFrame
    latents: np.ndarray  # ``(n, d)``
    source: np.ndarray  # number of the source of each row, int64 ``(n,)``
    words: pd.DataFrame  # words of Horton et al., bool, ``n`` rows; all False where ``named`` is
    named: np.ndarray  # rows that Horton et al. labelled, bool ``(n,)``

    def __len__(self) -> int:
        return len(self.table)

    def rows(self, which: np.ndarray) -> LabelledGalaxies:
        """Some rows."""
        return LabelledGalaxies(
            self.table[which].reset_index(drop=True), self.latents[which], self.source[which],
            self.words[which].reset_index(drop=True), self.named[which],
        )  # fmt: skip

    def truth(self, label: str) -> tuple[np.ndarray, np.ndarray]:
        """Rows for which a label is known, and whether it applies; both bool ``(n,)``.

        No word of Horton et al. applies to a source of class Compact, which is not resolved.

        Raises TrainError if there is no such kind of label.
        """
        kind, _, word = label.partition(":")
        here = self.table["data_set"].to_numpy(str) == kind
        if kind == "horton" and word in self.words:
            compact = self.table["label"].to_numpy(str) == "Compact"
            return self.named | compact, self.words[word].to_numpy(bool) & self.named
        if kind == "mirabest" and word == "hybrid":
            return here, self.table["label"].to_numpy(str) == "Hybrid"
        if kind == "mirabest":
            return here, self.table["morphology"].to_numpy(str) == word
        if kind == "first":
            return here, self.table["label"].to_numpy(str) == word
        raise TrainError(f"there is no label '{label}'; expected horton:, mirabest: or first:")

    def joined_truth(self, labels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`truth` for any of several labels."""
        known, applies = np.zeros((2, len(self)), dtype=bool)
        for label in labels:
            have, yes = self.truth(label)
            known, applies = known | have, applies | (have & yes)
        return known, applies


def read_labelled(encoder: str, keys: tuple[str, ...] = SETS) -> LabelledGalaxies:
    """All galaxies of data sets that have an Atlas by an encoder.

    Raises TrainError, AtlasError, CatalogueError if labels, Atlas or data set are not here.
    """
    horton = pd.read_csv(catalogue_file())
    names = list(horton.columns[5:])
    tables, latents, words, named = [], [], [], []
    info = list_models()[encoder]
    for key in keys:
        catalogue = morphology.complete(open_data_set(key))
        table = catalogue.table.reset_index(drop=True)
        atlas = open_atlas(key, encoder, info=info, catalogue=catalogue)
        latents.append(
            np.asarray(latents_of_rows(atlas, table["source_id"].to_numpy(object)), np.float32)
        )
        row, nearest = _nearest(table, horton)
        found = np.zeros((len(table), len(names)), dtype=bool)
        found[row] = horton[names].to_numpy(bool)[nearest]
        words.append(pd.DataFrame(found, columns=names))
        named.append(np.isin(np.arange(len(table)), row))
        kept = table.reindex(columns=["ra", "dec", "split", "label", "morphology", *COLUMNS])
        tables.append(kept.assign(data_set=key, row=np.arange(len(table))))
    joined = pd.concat(tables, ignore_index=True)
    ra, dec = (joined[c].to_numpy(float) for c in ("ra", "dec"))
    return LabelledGalaxies(
        joined, np.concatenate(latents), sky_groups(ra, dec),
        pd.concat(words, ignore_index=True), np.concatenate(named),
    )  # fmt: skip


def _nearest(table: pd.DataFrame, horton: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a table and the row of the catalogue nearest to each."""
    places = [t[c].to_numpy(float) for t in (table, horton) for c in ("ra", "dec")]
    row, other, apart = close_pairs(*places, radius_arcsec=MATCH)
    order = np.lexsort((apart, row))
    first = order[np.unique(row[order], return_index=True)[1]]
    return row[first], other[first]


def raw_pixels(galaxies: LabelledGalaxies) -> np.ndarray:
    """Raw pictures as vectors, ``(n, 2500)``: the middle, averaged, of peak 1."""
    out = np.zeros((len(galaxies), BLOCKS**2), np.float32)
    for key in dict.fromkeys(galaxies.table["data_set"]):
        catalogue = open_data_set(key)
        here = np.flatnonzero(galaxies.table["data_set"] == key)
        scale = float(np.nanmedian(catalogue.pixel_scales))
        side = min(round(SIDE / scale), *catalogue.images.shape[1:])
        y, x = ((n - side) // 2 for n in catalogue.images.shape[1:])
        for at, row in zip(here, galaxies.table["row"].to_numpy()[here], strict=True):
            image = np.nan_to_num(np.asarray(catalogue.images[row], np.float32))
            out[at] = _averaged(image[y : y + side, x : x + side])
    return out


def _averaged(image: np.ndarray) -> np.ndarray:
    edges = np.linspace(0, len(image), BLOCKS + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(image, edges[:-1], 0), edges[:-1], 1)
    areas = np.diff(edges)[:, None] * np.diff(edges)[None]
    small = sums / areas
    return (small / max(float(small.max()), 1e-9)).ravel()


def features(galaxies: LabelledGalaxies) -> tuple[np.ndarray, np.ndarray]:
    """Latents and measured features side by side, ``(n, d + s)``, and what fills gaps ``(s,)``."""
    columns = {c: galaxies.table[c].to_numpy(float) for c in COLUMNS}
    plain = np.stack(list(columns.values()), axis=1)
    with np.errstate(invalid="ignore"):
        plain = np.sign(plain) * np.log1p(np.abs(plain))
    filled = np.nan_to_num(np.nanmedian(np.where(np.isfinite(plain), plain, np.nan), axis=0))
    return np.hstack([galaxies.latents, measured_features(columns, COLUMNS, filled)]), filled
