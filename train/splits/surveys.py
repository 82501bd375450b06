"""Splits of the imported MGCLS, LoTSS, VLASS and FR-DEEP v2: ``python -m train survey-splits``.

The images of these surveys are imported by the user, so their identifiers depend on that import;
the splits are recorded by file name. Rules, by priority; a group is all images of all data sets
that lie within 60 arcsec of each other, directly or in a chain:

1. A group with a test source of another data set is test, one with a validation source valid.
2. Fields of MGCLS, targets of VLASS and the other groups are drawn by a hash of their name or
   position, so that no other source matters.
3. Sources of LoTSS that have an FR class or are outliers of its map are never trained on: a third
   is valid, the others are test. Where FIRST or MiraBest train on the same source they are
   excluded; any other image of a source that they train on is train.
4. Nothing is train that shows a test or validation image of the first FR-DEEP, whose images have no
   positions: it is found by its pixels in FR-DEEP v2, and its group is excluded.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from radioviz.data import splits
from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import SPLIT_ARCSEC, close_pairs, first_of_group
from radioviz.data.noise_level import noise_level
from radioviz.data.public_surveys import DATA_SETS
from radioviz.data.registry import open_data_set
from radioviz.morphology.noise import CLIP_SIGMA
from train.splits.duplicates import coarse_scores

SHARES = {
    "mgcls": {"test": 0.1, "valid": 0.1},
    "lotss": {"test": 0.1, "valid": 0.1},
    "vlass": {"test": 0.3, "valid": 0.2},
    "frdeep2-first": {"test": 0.0, "valid": 0.0},
}
"""Shares of the groups that are not with a source of an older data set. Nearly all of FR-DEEP v2
is, and follows it."""

PAIRED = {"frdeep2-nvss": "frdeep2-first"}
"""Surveys of the same sources, under the same file names, as another one."""

FIRST_VERSION = {"frdeep-first": "frdeep2-first", "frdeep-nvss": "frdeep2-nvss"}
"""Images without positions, and the raw ones of about the same sources that have them."""

ALIKE, MARGIN = 0.9, 0.005
"""Least correlation of two images of a source, and how far below the best it may be. Of 520 images
of NVSS above it whose position is known otherwise, 508 are within 60 arcsec of their best."""


def record_survey_splits() -> None:
    """Write ``radioviz/data/splits/<key>.csv`` for each of these surveys.

    Raises CatalogueError if one has not been imported under its key.
    """
    tables = {key: open_data_set(key).table for key in SHARES}
    barred: dict[str, np.ndarray] = {}
    for key, newer in FIRST_VERSION.items():
        name = PAIRED.get(newer, newer)  # under which files of the same names are drawn
        shown = shows_held_out(open_data_set(key), open_data_set(newer))
        here = tables[name]["file"].isin(set(open_data_set(newer).table["file"][shown])).to_numpy()
        barred[name] = here | barred.get(name, np.zeros(len(here), dtype=bool))
    drawn = draw(tables, _older(), barred)
    for key, other in PAIRED.items():
        drawn[key] = drawn[other]
    for key, table in drawn.items():
        splits.write_by_file(key, table, "python -m train survey-splits")
        print(f"{key}: {table['split'].value_counts().to_dict()}")


def _older() -> pd.DataFrame:
    """Position and split of every image of the data sets whose splits are fixed."""
    parts = []
    for key, data_set in DATA_SETS.items():
        if data_set.is_here and splits.recorded(key) is not None:
            table = open_data_set(key).table
            near = "matched_" if "matched_ra" in table else ""
            parts.append(table[[near + "ra", near + "dec", "split"]].set_axis(
                ["ra", "dec", "split"], axis=1))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def shows_held_out(older: Catalogue, newer: Catalogue) -> np.ndarray:
    """Bool ``(n,)``: which raw images show a test or validation image of a survey, by pixels.

    ``older`` has 8-bit images that were clipped at 3 sigma; ``newer``, at the same pixel scale, is
    clipped alike before they are compared.
    """
    held = np.flatnonzero(older.table["split"].isin(["test", "valid"]).to_numpy())
    clipped = np.zeros(newer.images.shape, np.float32)
    for image, out in zip(newer.images, clipped, strict=True):
        background, sigma = noise_level(image)
        out[:] = np.nan_to_num(image - background)
        out[out < CLIP_SIGMA * sigma] = 0
    score = coarse_scores(np.asarray(older.images[held]), clipped)
    least = np.maximum(ALIKE, score.max(axis=1, initial=0) - MARGIN)
    shown: np.ndarray = (score >= least[:, None]).any(axis=0)
    return shown


def draw(
    tables: dict[str, pd.DataFrame],
    older: pd.DataFrame,
    barred: dict[str, np.ndarray] | None = None,
) -> dict[str, pd.DataFrame]:
    """Split of each file, by survey.

    Parameters
    ----------
    tables : dict of DataFrame
        By key of :data:`SHARES`, the table of an imported survey: ``file``, ``ra``, ``dec`` [deg];
        for MGCLS also ``original_image``, for LoTSS ``radcat_type`` and ``kind``.
    older : DataFrame
        ``ra``, ``dec`` and ``split`` of the images of the older data sets.
    barred : dict of numpy.ndarray, optional
        By key, bool ``(n,)``: images whose group is never train, but excluded.

    Returns
    -------
    dict of DataFrame
        ``file`` and ``split``, in the order of the tables.
    """
    wanted = ["file", "ra", "dec"]
    parts = [older.assign(key="", field="", kept=False)]
    for key, table in tables.items():
        field = table["original_image"] if key == "mgcls" else ""
        kept: pd.Series | bool = False
        if key == "lotss":
            kept = (table["radcat_type"] != "") | (table["kind"] == "outlier")
        parts.append(table[wanted].assign(key=key, field=field, kept=kept, split=""))
    rows = pd.concat(parts, ignore_index=True)
    group = _groups(rows)
    given = (rows["key"] == "").to_numpy()
    out = np.full(len(rows), "", dtype=object)
    for key, shares in SHARES.items():
        mine = (rows["key"] == key).to_numpy()
        names = _names(rows, group)
        number = np.array([_number(name) for name in names[mine]])
        bounds = np.cumsum(list(shares.values()))
        choice = np.array([*shares, "train"], dtype=object)
        out[mine] = choice[np.searchsorted(bounds, number, "right")]
        judged = np.where(number < 1 / 3, "valid", "test")
        out[mine] = np.where(rows["kept"].to_numpy(dtype=bool)[mine], judged, out[mine])
    # A group has one split: that of its strictest member.
    rank = {"test": 3, "valid": 2, "train": 1, "excluded": 0, "": 0}
    trained = np.isin(group, group[given & (rows["split"] == "train").to_numpy()])
    strict = pd.Series(out).map(rank).groupby(group).transform("max").to_numpy()
    named = {v: k for k, v in rank.items() if k not in ("excluded", "")}
    result = np.array([named.get(value, "") for value in strict], dtype=object)
    judged_only = rows["kept"].to_numpy(dtype=bool)
    result[trained] = np.where(judged_only[trained], "excluded", "train")
    for split in ("valid", "test"):  # later ones win
        members = given & (rows["split"] == split).to_numpy()
        result[np.isin(group, group[members])] = split
    for key, never in (barred or {}).items():
        members = np.flatnonzero((rows["key"] == key).to_numpy())[never]
        result[np.isin(group, group[members]) & (result == "train")] = "excluded"
    return {
        key: pd.DataFrame(
            {
                "file": rows["file"][rows["key"] == key].to_numpy(),
                "split": result[(rows["key"] == key).to_numpy()],
            }
        )
        for key in tables
    }


def _groups(rows: pd.DataFrame) -> np.ndarray:
    """First row of the group of each row: neighbours on the sky, or the same field of MGCLS."""
    i, j, _ = close_pairs(
        rows["ra"].to_numpy(float), rows["dec"].to_numpy(float), radius_arcsec=SPLIT_ARCSEC
    )
    fields = rows.index.to_series().groupby(rows["field"].to_numpy()).transform("min").to_numpy()
    inside = np.flatnonzero((rows["field"] != "").to_numpy())
    return first_of_group(
        len(rows), np.concatenate([i, inside]), np.concatenate([j, fields[inside]])
    )


def _names(rows: pd.DataFrame, group: np.ndarray) -> np.ndarray:
    """What is hashed for each row: its field, or the position of the first image of its group."""
    own = rows[rows["key"] != ""]
    first = pd.Series(own.index, index=own.index).groupby(group[own.index]).transform("min")
    names = np.full(len(rows), "", dtype=object)
    for at, leader in zip(own.index, first, strict=True):
        field = rows["field"].iat[at]
        names[at] = field or f"{rows['ra'].iat[leader]:.4f} {rows['dec'].iat[leader]:.4f}"
    return names


def _number(name: str) -> float:
    """A reproducible number in 0..1."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
