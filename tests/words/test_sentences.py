"""Sentences as filters: the sixty written ones, and what must never go wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radioviz.errors import FilterError
from radioviz.words.answers import answer, ask
from radioviz.words.sentence import LONGEST, AskedQuestion
from radioviz.words.vocabulary import Vocabulary, read_vocabulary
from radioviz.workspace.table_columns import TableColumns

HERE = Path(__file__).parent


def read_queries(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / name, sep="\t", dtype=str, keep_default_na=False, quoting=3)


@pytest.fixture(scope="module")
def galaxies() -> pd.DataFrame:
    table = pd.read_csv(HERE / "galaxies.csv", keep_default_na=False, na_values={"las": [""]})
    for name in table:
        if name not in ("source_id", "name", "label", "note"):
            table[name] = pd.to_numeric(table[name], errors="coerce")
    return table


@pytest.fixture(scope="module")
def similar(galaxies: pd.DataFrame) -> Any:
    z = galaxies[["z0", "z1", "z2", "z3"]].to_numpy()
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    rows = dict(zip(galaxies["source_id"], range(len(galaxies)), strict=True))
    return lambda source_id: z @ z[rows[source_id]]


@pytest.fixture(scope="module")
def columns(galaxies: pd.DataFrame, similar: Any) -> TableColumns:
    return TableColumns(galaxies).extended({}, similarity=similar)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return read_vocabulary()


def separations(galaxies: pd.DataFrame, source_id: str) -> np.ndarray:
    """Degrees from a galaxy to each."""
    ra, dec = (np.radians(galaxies[c].to_numpy()) for c in ("ra", "dec"))
    unit = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    here = unit[np.flatnonzero(galaxies["source_id"] == source_id)[0]]
    return np.degrees(np.arccos(np.clip(unit @ here, -1, 1)))


def is_right(
    query: pd.Series,
    asked: AskedQuestion,
    galaxies: pd.DataFrame,
    columns: TableColumns,
    similar: Any,
) -> bool:
    named = {str(c): galaxies[c].to_numpy() for c in galaxies}
    named |= {"isnan": np.isnan, "none": np.zeros(len(galaxies), bool), "similar": similar}
    named["near"] = lambda source_id, degrees: separations(galaxies, source_id) <= degrees
    wanted = np.flatnonzero(eval(query["rows"], {"__builtins__": {}}, named))
    try:
        found = answer(asked, columns)
    except FilterError:
        return False
    if query["order"]:
        by = eval(query["order"], {"__builtins__": {}}, named)[found.rows]
        by = np.nan_to_num(by, nan=-np.inf)  # unknown ones come last
        if not (by[1:] <= by[:-1] + 1e-12).all():
            return False
    reported = " ".join(asked.unknown).lower().split()
    same_words = all(word.lower() in reported for word in query["unknown"].split())
    quiet = bool(query["unknown"]) or not asked.unknown
    said = query.get("remark", "") in " ".join(asked.remarks)
    return said and same_words and quiet and np.array_equal(np.sort(found.rows), wanted)


@pytest.mark.parametrize(("name", "wrong_at_most"), [("queries.tsv", 5), ("more_queries.tsv", 0)])
def test_written_sentences_are_read_right(
    name: str,
    wrong_at_most: int,
    galaxies: pd.DataFrame,
    columns: TableColumns,
    similar: Any,
    vocabulary: Vocabulary,
) -> None:
    wrong = []
    queries = read_queries(name)
    assert len(queries) == 60
    for _, query in queries.iterrows():
        asked = ask(query["sentence"], columns, vocabulary)
        if not is_right(query, asked, galaxies, columns, similar):
            wrong.append((query["sentence"], asked))
    print(f"{len(queries) - len(wrong)} of {len(queries)}")
    assert len(wrong) <= wrong_at_most, "\n".join(map(str, wrong))


@pytest.mark.parametrize(
    ("sentence", "condition", "ranking"),
    [
        ("bent or straight, larger than 80 arcsec", "(bent >= 0.5 or straight >= 0.5) and las > 80",
         "max(bent, straight)"),
        ("without hot spots or wings", "hot_spots < 0.5 and wings < 0.5",
         "(1 - hot_spots) * (1 - wings)"),
        ("no visible core", "core_dominated < 0.5", "(1 - core_dominated)"),
        ("not without wings", "wings >= 0.5", "wings"),
        ("80 arcsec or larger", "las >= 80", ""),
        ("20 < las <= 80", "20 < las <= 80", ""),
        ("the 20 largest bent galaxies", "bent >= 0.5", "las"),
        ('"bent" >= 0.6 and "bright core" and las > 80',
         "bent >= 0.6 and core_dominated >= 0.5 and las > 80", "bent * core_dominated"),
        ("within 5 deg of J0747+1717", "cone(116.785, 17.291, 18000 arcsec)", ""),
        ("note mentions merger", 'lower(note) contains "merger"', ""),
        ("tagged ring", 'tag("ring")', ""),
        ("smaller than half an arcmin", "las < 30", ""),
        ("bent doubles or compact sources",
         "((bent >= 0.5 and double >= 0.5) or compact >= 0.5)", "max(bent * double, compact)"),
        ("bent or straight doubles", "(bent >= 0.5 or straight >= 0.5) and double >= 0.5",
         "max(bent, straight) * double"),
        ("FRIIs with z>1 or FRIs with z<0.1",
         '((label == "FRII" and redshift > 1) or (label == "FRI" and redshift < 0.1))', ""),
        ("compact or (bent and double)", "(compact >= 0.5 or (bent >= 0.5 and double >= 0.5))",
         "max(compact, bent * double)"),
        ("not (bent and compact)", "not (bent >= 0.5 and compact >= 0.5)", ""),
        ("no wings, tails or hot spots", "wings < 0.5 and tail < 0.5 and hot_spots < 0.5",
         "(1 - wings) * (1 - tail) * (1 - hot_spots)"),
        ("neither bent, nor one-sided, nor compact",
         "bent < 0.5 and one_sided < 0.5 and compact < 0.5",
         "(1 - bent) * (1 - one_sided) * (1 - compact)"),
        ("without a core or with wings", "(core_dominated < 0.5 or wings >= 0.5)",
         "max((1 - core_dominated), wings)"),
        ("wingless, resolved", "wings < 0.5 and compact < 0.5", "(1 - wings) * (1 - compact)"),
        ("like first-12 and first-7 but not first-3",
         'source_id != "first-12" and source_id != "first-7" and source_id != "first-3"',
         'similar("first-12") + similar("first-7") - similar("first-3")'),
        ("brighter than J0747+1717", "flux > 15.91", ""),
        ("fewer components than first-2", "n_components < 1", ""),
        ("more than 5 deg from J0747+1717", "not cone(116.785, 17.291, 18000 arcsec)", ""),
        ("redshift below 0.1 or above 0.5", "(redshift < 0.1 or redshift > 0.5)", ""),
        ("more than two and fewer than five components",
         "n_components > 2 and n_components < 5", ""),
        ("larger than one and a half arcmin", "las > 90", ""),
        ("a hundred and twenty mJy or more", "flux >= 120", ""),
        ("between 1 and 2 minutes of arc", "las between 60 and 120", ""),
        ("at most 1.5 x 10^25 W/Hz", "luminosity <= 1.5e+25", ""),
        ("45 ± 5 arcsec", "las between 40 and 50", ""),
        ("between 1 arcmin and 2", "las between 60 and 120", ""),
        ("between 1 and 2 Jy", "flux between 1000 and 2000", ""),
        ("flux 1,000 ± 50 mJy", "flux between 950 and 1050", ""),
        ("within 5 arcsec of 180.12345 43.12345", "cone(180.12345, 43.12345, 5 arcsec)", ""),
        ("within 5 arcsec of 180.1 -43.1", "cone(180.1, -43.1, 5 arcsec)", ""),
        ("bent, more than 2 deg from RA 180.1, Dec -43.1",
         "bent >= 0.5 and not cone(180.1, -43.1, 7200 arcsec)", "bent"),
        ("within 5 arcsec of (180.1, 43.1), bent",
         "cone(180.1, 43.1, 5 arcsec) and bent >= 0.5", "bent"),
        ("right ascension between 350 and 10", "(ra < 10 or ra > 350)", ""),
        ("right ascension not from 350 to 10", "ra between 10 and 350", ""),
        ("right ascension between 10 and 350", "ra between 10 and 350", ""),
        ("less than 20 % bent", "bent < 0.2", "(1 - bent)"),
        ("not less than 80 % bent", "bent >= 0.8", "bent"),
        ("not bent with a probability above 0.9", "bent <= 0.9", "(1 - bent)"),
        ("not larger than 80 arcsec or smaller than 10 arcsec", "las <= 80 and las >= 10", ""),
        ("not bent or larger than 40 arcsec", "bent < 0.5 and las <= 40", "(1 - bent)"),
        ("more luminous than 3 X 10^24 W/Hz", "luminosity > 3e+24", ""),
        ("not (bent and compact", "not (bent >= 0.5 and compact >= 0.5)", ""),
        ("flux not above 10 mJy", "flux <= 10", ""),
        ("80 % bent", "bent >= 0.8", "bent"),
        ("the five most bent", "bent >= 0.5", "bent"),
        ("sorted by size, !bent", "bent < 0.5", "las"),
        ("las > 80 && bent", "las > 80 and bent >= 0.5", "bent"),
        ("redshift unknown, class FRII", 'redshift is missing and label == "FRII"', ""),
    ],
)  # fmt: skip
def test_what_a_sentence_becomes(
    sentence: str, condition: str, ranking: str, columns: TableColumns, vocabulary: Vocabulary
) -> None:
    asked = ask(sentence, columns, vocabulary)
    assert (asked.filter, asked.ranking, asked.unknown) == (condition, ranking, ())


@pytest.mark.parametrize(
    "sentence",
    ["80", "larger than", "galaxies", "; DROP TABLE", "__import__('os').system('ls')",
     "弯曲的星系", "Größe über 80 arcsec", "source double sans coeur", "between 20", "1e999 arcsec",
     "larger than 80 furlongs", '" or 1==1', "p" * LONGEST],
)  # fmt: skip
def test_nothing_is_guessed(sentence: str, columns: TableColumns, vocabulary: Vocabulary) -> None:
    asked = ask(sentence, columns, vocabulary)
    assert not asked.understood
    assert len(answer(asked, columns).rows) == 0


def test_what_cannot_be_done_is_said(columns: TableColumns, vocabulary: Vocabulary) -> None:
    with pytest.raises(FilterError, match="empty"):
        ask("  ", columns, vocabulary)
    with pytest.raises(FilterError, match="characters"):
        ask("bent " * LONGEST, columns, vocabulary)
    assert "German" in ask("zeige gebogene Galaxien", columns, vocabulary).remarks[-1]
    assert "against it" in ask("bent but not bent", columns, vocabulary).remarks[-1]
    assert "two classes" in ask("FRI and FRII", columns, vocabulary).remarks[-1]
    assert "contradict" in ask("las > 90, below 30 arcsec", columns, vocabulary).remarks[-1]
    assert "no column" in ask("bent by more than 30 degrees", columns, vocabulary).remarks[-1]
    assert "no column" in ask("two peaks", columns, vocabulary).remarks[-1]
    few = columns.extended({})
    few.names = [n for n in few.names if n != "bent"]
    assert "not been computed" in ask("bent, double", few, vocabulary).remarks[-1]


def test_own_tags_are_words_too(columns: TableColumns, vocabulary: Vocabulary) -> None:
    mask = np.zeros(len(columns), dtype=bool)
    mask[:3] = True
    own = columns.extended({}, tags={'odd & "new"': mask, "dying giant": mask})
    asked = ask("dying giants, not bent", own, vocabulary, list(own.tags))
    assert asked.filter == 'tag("dying giant") and bent < 0.5'
    assert set(answer(asked, own).rows) <= {0, 1, 2}
    gone = ask("dying giant", columns, vocabulary)  # deleted
    assert not gone.understood and gone.unknown
