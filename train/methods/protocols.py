"""Training, validation and test galaxies of fine-tuned networks.

No training source, of any data set, lies within 60 arcsec of a test source of the protocol.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import SPLIT_ARCSEC, close_pairs
from radioviz.data.registry import open_data_set
from train.core.config import TrainError
from train.evaluate.representation.labelled_sets import frdeep_nvss, positions

SAME_ARCSEC = 10.0
Rows = dict[str, np.ndarray]
"""Key of a data set to row numbers in it."""


@dataclass(frozen=True)
class Protocol:
    """A way to split galaxies for training and testing."""

    classes: tuple[str, ...]  # labels; of two, the second is the positive class
    members: int = 0  # number of folds, or 0 if members differ only in their seed


FR = ("FRI", "FRII")
FOUR = ("Bent", "Compact", "FRI", "FRII")
PROTOCOLS = {
    "mbc": Protocol(FR),
    "mbc-cv": Protocol(FR, 10),
    "mbc145": Protocol(FR),
    "frdeep-nvss": Protocol(FR),
    "first4": Protocol(FOUR, 5),
    "shipped": Protocol(FOUR),
}
"""``mbc``: MiraBest Confident, 729 and 104. ``mbc-cv``: ten folds of all 833. ``mbc145``: 145 of
the 729, a different draw for each seed. ``frdeep-nvss``: FR-DEEP NVSS, 550 and 50. ``first4``: the
five cross-validation files of FIRST with their balanced test set of 400. ``shipped``: the recorded
``train`` splits of FIRST and MiraBest Confident, for the published network."""


@dataclass(frozen=True)
class ProtocolRows:
    """Rows of each part."""

    train: Rows
    valid: Rows
    test: Rows


def protocol_rows(name: str, fold: int, seed: int, others: bool) -> ProtocolRows:
    """Rows of a protocol.

    ``fold``: of protocols that have folds; ``seed``: which draw, for ``mbc145``; ``others``: add
    labelled galaxies of other data sets to the training part (FRI and FRII of the recorded
    ``train`` and ``valid`` splits, including uncertain ones of MiraBest). Raises TrainError if
    there is no such protocol or fold.
    """
    if name not in PROTOCOLS:
        raise TrainError(f"protocol is '{name}'; expected one of {', '.join(PROTOCOLS)}")
    members = PROTOCOLS[name].members
    if members and not 0 <= fold < members:
        raise TrainError(f"fold is {fold}; '{name}' has folds 0 to {members - 1}")
    chosen = {
        "mbc": _mbc,
        "mbc-cv": lambda: _mbc_fold(fold),
        "mbc145": lambda: _mbc_few(seed),
        "frdeep-nvss": _nvss,
        "first4": lambda: _first4(fold),
        "shipped": _shipped,
    }[name]()
    if not others:
        return chosen
    more = dict(chosen.train)
    for key in ("mirabest", "first", "frdeep-first"):
        rows = _others(key, name)
        for part, radius in ((chosen.test, SPLIT_ARCSEC), (chosen.valid, SPLIT_ARCSEC)):
            rows = rows[~_near(key, rows, part, radius)]
        rows = rows[~_near(key, rows, more, SAME_ARCSEC)]
        if len(rows):
            more[key] = np.concatenate([more.get(key, np.array([], np.int64)), rows])
    return ProtocolRows(more, chosen.valid, chosen.test)


def _mbc() -> ProtocolRows:
    table = _open("mirabest").table
    sure, official = table["mbc"].to_numpy(bool), table["official_split"].to_numpy()
    train, test = np.flatnonzero(sure & (official == "train")), sure & (official == "test")
    valid = np.flatnonzero(sure & (table["split"] == "valid").to_numpy())
    tests = {"mirabest": np.flatnonzero(test)}
    train = train[~_near("mirabest", train, tests, SPLIT_ARCSEC)]
    return ProtocolRows({"mirabest": np.setdiff1d(train, valid)}, {"mirabest": valid}, tests)


def _mbc_fold(fold: int) -> ProtocolRows:
    from sklearn.model_selection import StratifiedKFold

    table = _open("mirabest").table
    rows = np.flatnonzero(table["mbc"].to_numpy(bool))
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    a, b = list(folds.split(rows, table["label"].to_numpy()[rows]))[fold]
    test = {"mirabest": rows[b]}
    train = rows[a][~_near("mirabest", rows[a], test, SPLIT_ARCSEC)]
    return ProtocolRows({"mirabest": train}, test, test)


def _mbc_few(seed: int) -> ProtocolRows:
    chosen = _mbc()
    return ProtocolRows(few(chosen.train, 145, seed), chosen.valid, chosen.test)


def _nvss() -> ProtocolRows:
    problem = frdeep_nvss()
    key = problem.key
    train = np.setdiff1d(problem.train, problem.valid)
    return ProtocolRows({key: train}, {key: problem.valid}, {key: problem.test})


def few(train: Rows, number: int, seed: int) -> Rows:
    """A stratified draw of ``number`` galaxies of one data set."""
    from sklearn.model_selection import train_test_split

    ((key, rows),) = train.items()
    labels = _open(key).table["label"].to_numpy()[rows]
    chosen, _ = train_test_split(rows, train_size=number, stratify=labels, random_state=seed)
    return {key: np.sort(chosen)}


def unlabelled(chosen: ProtocolRows) -> Rows:
    """Galaxies of FIRST and MiraBest that may be used without labels, by data set.

    None is a test source of any data set or a validation source of the protocol, or lies within
    60 arcsec of one.
    """
    out = {}
    for key in ("first", "mirabest"):
        table = _open(key).table
        usable = table["split"].isin(["train", "valid"]) & (table["flag"] != "empty image")
        rows = np.flatnonzero(usable.to_numpy())
        for part in (chosen.test, chosen.valid):
            rows = rows[~_near(key, rows, part, SPLIT_ARCSEC)]
        out[key] = rows
    return out


def _first4(fold: int) -> ProtocolRows:
    table = _open("first").table
    folds = table["cv_fold"].to_numpy()
    test = {"first": np.flatnonzero(table["cv_test"].to_numpy(bool))}
    seen = np.flatnonzero((table["flag"] != "empty image").to_numpy() & (folds >= 0))
    seen = seen[~_near("first", seen, test, SPLIT_ARCSEC)]
    valid = seen[folds[seen] == fold]
    train = seen[folds[seen] != fold]
    train = train[~_near("first", train, {"first": valid}, SPLIT_ARCSEC)]
    return ProtocolRows({"first": train}, {"first": valid}, test)


def _shipped() -> ProtocolRows:
    parts: dict[str, Rows] = {"train": {}, "valid": {}, "test": {}}
    for key in ("first", "mirabest"):
        table = _open(key).table
        known = table["label"].isin(FOUR).to_numpy()
        if key == "mirabest":
            known = known & table["mbc"].to_numpy(bool)
        for part, rows in parts.items():
            found = np.flatnonzero(known & (table["split"] == part).to_numpy())
            earlier = {} if key == "first" else {"first": parts[part]["first"]}
            rows[key] = found[~_near(key, found, earlier, SAME_ARCSEC)]
    return ProtocolRows(parts["train"], parts["valid"], parts["test"])


def _others(key: str, protocol: str) -> np.ndarray:
    """Further labelled galaxies; none is a test source of any data set."""
    table = _open(key).table
    if protocol in ("first4", "shipped") and key != "mirabest":
        return np.array([], np.int64)
    usable = table["split"].isin(["train", "valid"]) & table["label"].isin(FR)
    return np.flatnonzero(usable.to_numpy())


def _near(key: str, rows: np.ndarray, others: Rows, radius: float) -> np.ndarray:
    """Which of ``rows`` lie within ``radius`` arcsec of a galaxy of ``others`` or are one."""
    table = _open(key).table
    ra, dec = positions(table, "ra"), positions(table, "dec")
    near = np.zeros(len(rows), dtype=bool)
    for other, there in others.items():
        if other == key:
            near |= np.isin(rows, there)
        far = _open(other).table
        i, _, _ = close_pairs(
            ra[rows],
            dec[rows],
            positions(far, "ra")[there],
            positions(far, "dec")[there],
            radius_arcsec=radius,
        )
        near[i] = True
    return near


@functools.cache
def _open(key: str) -> Catalogue:
    return open_data_set(key)
