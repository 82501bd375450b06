"""The rules of the recorded splits, applied to all data sets at once.

Rules, by priority:

1. Test: every test source of the literature, for FIRST the 200 galaxies of the package's
   test split and its balanced 400 for cross-validation, for MiraBest the test batch of 157
   (of which 104 are MiraBest Confident), for FR-DEEP the test batches of 50.
2. Excluded from training and validation: other images within 60 arcsec of a test source of
   any data set, directly or in a chain, and images that may show one.
3. Validation: the package's validation split for FIRST, and every other image of those
   sources. MiraBest and FR-DEEP get further sources, drawn with a fixed seed, until a tenth
   of their training batches is for validation; first those not used to train on FIRST.
4. Excluded from training: images within 60 arcsec of a validation source, or that may show
   one.
5. Excluded from training: empty images.

FR-DEEP has no positions; :mod:`train.splits.duplicates` finds them. Those that it found wrongly
are corrected afterwards (:data:`CORRECTED`): what is drawn for validation stays, so that models
trained before keep their validation set.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from radioviz.data import matching as links
from radioviz.data.catalogue import Catalogue
from radioviz.data.datasets import first, frdeep, mirabest
from radioviz.jobs.progress import Progress, no_progress
from radioviz.sky import separation_arcsec
from train.splits import duplicates

SEED = 20231115
VALID_SHARE = 0.1
CORRECTED = {
    "config-fr1-17": "first-122",  # 3C 305
    "config-fr2-45": "first-1226",  # 3C 241
    "config-fr2-46": "first-1060",  # 4C 59.13
    "config-fr2-224": "first-1049",
    "config-fr2-230": "first-658",
    "config-fr2-258": "first-955",
    "fricat-182": "first-48",
}
"""By list and number of FR-DEEP, the galaxy of FIRST that an image shows, where the pixels of the
8-bit images fit another one as well or better. They are those of the raw image of that galaxy in
FR-DEEP v2: the correlation is 1.0000, and 0.975 to 0.990 with the next best of all 658."""
KEYS = (first.INFO.key, mirabest.INFO.key, frdeep.FIRST.key, frdeep.NVSS.key)


@dataclass
class _Sources:
    """Every image of every data set in one table, and pairs of the same source."""

    table: pd.DataFrame
    pairs: list[tuple[int, int]] = field(default_factory=list)
    possible: list[tuple[int, int]] = field(default_factory=list)

    def rows(self, key: str) -> np.ndarray:
        return np.flatnonzero(self.table["key"] == key)


def apply_rules(
    catalogues: dict[str, Catalogue], progress: Progress = no_progress
) -> dict[str, pd.DataFrame]:
    """Splits of all data sets by the rules above.

    ``catalogues``: catalogues of :data:`KEYS`. Returns for each key the table that is recorded:
    ``source_id``, ``split``, ``reason``; for FIRST also ``cv_fold`` and ``cv_test``; for FR-DEEP
    also ``matched_id``, ``match_score``, ``match_method``, ``matched_ra`` and ``matched_dec``.
    Under ``test-positions`` the positions of all test sources: ``source_id``, ``ra``, ``dec``.
    """
    sources = _collect(catalogues)
    extra = {first.INFO.key: _cross_validation(catalogues[first.INFO.key])}
    sources.table.loc[sources.rows(first.INFO.key), "cv_test"] = extra["first"][
        "cv_test"
    ].to_numpy()
    extra |= _match_frdeep(catalogues, sources, progress)
    drawn = _decide(sources)
    for key in (frdeep.FIRST.key, frdeep.NVSS.key):
        _correct(sources, key, extra[key])
    _decide(sources, drawn)
    out = {}
    for key in KEYS:
        mine = sources.table.iloc[sources.rows(key)][["source_id", "split", "reason"]]
        mine = mine.reset_index(drop=True)
        out[key] = pd.concat([mine, extra[key]], axis=1) if key in extra else mine
    known = sources.table[(sources.table["split"] == "test") & sources.table["ra"].notna()]
    positions = known[["source_id", "ra", "dec"]].round({"ra": 6, "dec": 6})
    out["test-positions"] = positions.reset_index(drop=True)
    return out


def _collect(catalogues: dict[str, Catalogue]) -> _Sources:
    wanted = ["source_id", "ra", "dec", "label", "official_split", "flag"]
    parts = [catalogues[key].table[wanted].assign(key=key) for key in KEYS]
    sources = _Sources(pd.concat(parts, ignore_index=True).assign(cv_test=False))
    for key in KEYS:
        rows = sources.rows(key)
        i, j = frdeep.equal_images(np.asarray(catalogues[key].images))
        sources.pairs += zip(rows[i].tolist(), rows[j].tolist(), strict=True)
    return sources


def _cross_validation(catalogue: Catalogue) -> pd.DataFrame:
    raw, _ = first.read_package(first.package_file())
    ids = "first-" + raw["number"].astype(str)
    paths = raw["path"].set_axis(ids).loc[catalogue.table["source_id"]]
    found = first.cross_validation().reindex(paths)
    return pd.DataFrame(
        {
            "cv_fold": found["cv_fold"].fillna(-1).astype(int).to_numpy(),
            "cv_test": found["cv_test"].eq(True).to_numpy(),
        }
    )


def _match_frdeep(
    catalogues: dict[str, Catalogue], sources: _Sources, progress: Progress
) -> dict[str, pd.DataFrame]:
    """Positions of FR-DEEP; adds them, and pairs of its images, to the sources."""
    sharp, wide = catalogues[frdeep.FIRST.key], catalogues[frdeep.NVSS.key]
    reference = [catalogues[first.INFO.key].images, catalogues[mirabest.INFO.key].images]
    # The references are the first rows of the table of sources, in this order.
    known = sources.table[sources.table["key"].isin([first.INFO.key, mirabest.INFO.key])]
    ra, dec = known["ra"].to_numpy(), known["dec"].to_numpy()
    lists, numbers = sharp.table["list"].to_numpy(), sharp.table["number"].to_numpy()
    found = duplicates.search(sharp.images, lists, numbers, reference, ra, dec, progress)
    tables = {sharp.info.key: _match_table(found, known)}

    sharp_rows, wide_rows = sources.rows(sharp.info.key), sources.rows(wide.info.key)
    entry = {(a, b): k for k, (a, b) in enumerate(zip(lists, numbers, strict=True))}
    sure = np.array([match.row >= 0 for match in found] + [False])
    found_ra = np.array([ra[match.row] for match in found] + [np.nan])
    taken = {match.row for match in found if match.row >= 0}
    seen = np.concatenate([duplicates.smoothed(np.asarray(images)) for images in reference])
    through_pair: list[duplicates.Match] = []
    for k, (name, number) in enumerate(zip(wide.table["list"], wide.table["number"], strict=True)):
        partner = entry.get((name, number))
        match = duplicates.Match(-1, np.nan, np.nan, "")
        if partner is not None:
            sources.pairs.append((int(sharp_rows[partner]), int(wide_rows[k])))
            if found[partner].row >= 0:
                through_pair.append(dataclasses.replace(found[partner], method="pair"))
                continue
            match = duplicates.Match(-1, np.nan, np.nan, "", found[partner].candidates)
        place = duplicates.between_neighbours(
            len(found), np.append(lists, name), np.append(numbers, number), sure, found_ra, ra
        )
        free = np.array([row for row in place if row not in taken], dtype=np.int64)
        may_be = duplicates.smoothed_candidates(wide.images[k], seen, free)
        through_pair.append(duplicates.Match(-1, np.nan, np.nan, "", (*match.candidates, *may_be)))
    tables[wide.info.key] = _match_table(through_pair, known)

    for rows, matches in ((sharp_rows, found), (wide_rows, through_pair)):
        for row, match in zip(rows, matches, strict=True):
            sources.possible += [(int(row), candidate) for candidate in match.candidates]
    for key, table in tables.items():
        sources.table.loc[sources.rows(key), ["ra", "dec"]] = table[
            ["matched_ra", "matched_dec"]
        ].to_numpy()
    return tables


def _match_table(matches: list[duplicates.Match], known: pd.DataFrame) -> pd.DataFrame:
    rows = np.array([match.row for match in matches])
    there = rows >= 0
    return pd.DataFrame(
        {
            "matched_id": np.where(there, known["source_id"].to_numpy(dtype=object)[rows], ""),
            "match_score": np.where(there, [match.score for match in matches], np.nan).round(4),
            "match_method": [match.method for match in matches],
            "matched_ra": np.where(there, known["ra"].to_numpy()[rows], np.nan).round(6),
            "matched_dec": np.where(there, known["dec"].to_numpy()[rows], np.nan).round(6),
        }
    )


def _correct(sources: _Sources, key: str, matches: pd.DataFrame) -> None:
    """Put :data:`CORRECTED` into the matches of a FR-DEEP and into the sources."""
    table, start = sources.table, sources.rows(key)[0]
    row_of = pd.Series(table.index, index=table["source_id"])
    for entry, right in CORRECTED.items():
        row = row_of.get(f"{key}-{entry}")
        if row is None:  # of one of both surveys alone
            continue
        ra, dec = table.loc[row_of[right], ["ra", "dec"]].astype(float).round(6)
        table.loc[row, ["ra", "dec"]] = ra, dec
        sources.possible = [pair for pair in sources.possible if row not in pair]
        place = [right, 1.0, ra, dec]
        matches.loc[
            matches.index[row - start],
            ["matched_id", "match_score", "matched_ra", "matched_dec"],
        ] = place
        if key == frdeep.FIRST.key:
            matches.loc[matches.index[row - start], "match_method"] = "pixels of FR-DEEP v2"


def _decide(sources: _Sources, drawn: np.ndarray | None = None) -> np.ndarray:
    """Fill ``split`` and ``reason``; gives, or takes, which rows are for validation by draw."""
    table = sources.table
    group = _groups(sources)
    key, official = table["key"], table["official_split"]
    literature, balanced = official == "test", table["cv_test"].astype(bool)
    test = (literature | balanced).to_numpy()
    split = np.where(test, "test", "train").astype(object)
    reason = np.full(len(table), "", dtype=object)
    reason[test] = np.where(
        key[test] == first.INFO.key,
        np.where(
            literature[test] & balanced[test],
            "test set of the literature and of the cross-validation",
            np.where(
                literature[test], "test set of the literature", "test set of the cross-validation"
            ),
        ),
        "test batch",
    )

    near_test = np.isin(group, group[test]) | _possibly(sources, test)
    excluded = ~test & near_test
    split[excluded] = "excluded"
    for row in np.flatnonzero(excluded).tolist():
        reason[row] = _why(row, test, "test", group, table, sources)

    valid = ~test & ~excluded & (official == "valid").to_numpy()
    not_first = (key != first.INFO.key).to_numpy()
    valid |= (split == "train") & np.isin(group, group[valid]) & not_first
    if drawn is None:
        drawn = np.zeros(len(table), dtype=bool)
        for drawing in (mirabest.INFO.key, frdeep.FIRST.key):
            groups = _draw(table, drawing, group, split, valid | drawn)
            drawn |= (split == "train") & np.isin(group, groups) & not_first
    valid |= (split == "train") & drawn
    split[valid] = "valid"
    from_first = valid & (key == first.INFO.key).to_numpy()
    reason[from_first] = "validation set of the literature"
    reason[valid & ~from_first] = "source of a validation set or drawn for one"

    near_valid = (split == "train") & (np.isin(group, group[valid]) | _possibly(sources, valid))
    split[near_valid] = "excluded"
    for row in np.flatnonzero(near_valid).tolist():
        reason[row] = _why(row, valid, "validation", group, table, sources)

    empty = (split == "train") & (table["flag"] == "empty image").to_numpy()
    split[empty], reason[empty] = "excluded", "empty image"
    table["split"], table["reason"] = split, reason
    return drawn


def _groups(sources: _Sources) -> np.ndarray:
    """First row of the connected group of each row: the same source or close neighbours."""
    table = sources.table
    i, j, _ = links.close_pairs(
        table["ra"].to_numpy(), table["dec"].to_numpy(), radius_arcsec=links.SPLIT_ARCSEC
    )
    pairs = np.array(sources.pairs, dtype=np.int64).reshape(-1, 2)
    return links.first_of_group(
        len(table),
        np.concatenate([i, pairs[:, 0]]),
        np.concatenate([j, pairs[:, 1]]),
    )


def _possibly(sources: _Sources, marked: np.ndarray) -> np.ndarray:
    """Rows that may show the source of a marked row."""
    out = np.zeros(len(sources.table), dtype=bool)
    for i, j in sources.possible:
        out[i] |= marked[j]
        out[j] |= marked[i]
    return out


def _why(
    row: int,
    marked: np.ndarray,
    what: str,
    group: np.ndarray,
    table: pd.DataFrame,
    sources: _Sources,
) -> str:
    """Sentence that names the marked source because of which a row is excluded."""
    near = np.flatnonzero(marked & (group == group[row]))
    if not len(near):
        other = next(
            (b if a == row else a)
            for a, b in sources.possible
            if row in (a, b) and marked[b if a == row else a]
        )
        return f"may show the {what} source {table['source_id'][other]}"
    away = separation_arcsec(
        table["ra"].to_numpy()[near],
        table["dec"].to_numpy()[near],
        np.full(len(near), table["ra"][row]),
        np.full(len(near), table["dec"][row]),
    )
    if np.isnan(away).all():
        return f"shows the {what} source {table['source_id'][near[0]]}"
    best = int(np.nanargmin(away))
    return f"{away[best]:.1f} arcsec from the {what} source {table['source_id'][near[best]]}"


def _draw(
    table: pd.DataFrame, key: str, group: np.ndarray, split: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """Groups drawn for the validation of one data set, each label by its share.

    Returns group numbers; their members that are not in FIRST are for validation.
    """
    mine = (table["key"] == key).to_numpy()
    label = table["label"].to_numpy()
    open_ = mine & (split == "train")
    wanted = round(VALID_SHARE * int((mine & (table["official_split"] == "train")).sum()))
    in_first = (table["key"] == first.INFO.key).to_numpy() & (split == "train")
    costly = np.isin(group, group[in_first])
    generator = np.random.default_rng(SEED)
    drawn: list[int] = []
    for name in np.unique(label[open_]):
        of_label = open_ & (label == name)
        count = round(of_label.sum() / open_.sum() * wanted) - int((of_label & valid).sum())
        rows = generator.permutation(np.flatnonzero(of_label & ~valid))
        rows = np.concatenate([rows[~costly[rows]], rows[costly[rows]]])
        drawn += rows[: max(count, 0)].tolist()
    return np.unique(group[drawn]) if drawn else np.zeros(0, dtype=np.int64)
