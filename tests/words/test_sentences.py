"""Sentences as filters: the sixty written ones, and what must never go wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radioviz.errors import FilterError
from radioviz.words.search import answer, ask
from radioviz.words.sentence import LONGEST, Question
from radioviz.words.vocabulary import Vocabulary, read_vocabulary
from radioviz.workspace.table_columns import TableColumns

HERE = Path(__file__).parent


def read_queries() -> pd.DataFrame:
    return pd.read_csv(HERE / "queries.tsv", sep="\t", dtype=str, keep_default_na=False, quoting=3)


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


def is_right(
    query: pd.Series, asked: Question, galaxies: pd.DataFrame, columns: TableColumns, similar: Any
) -> bool:
    named = {str(c): galaxies[c].to_numpy() for c in galaxies}
    named |= {"isnan": np.isnan, "none": np.zeros(len(galaxies), bool), "similar": similar}
    wanted = np.flatnonzero(eval(query["rows"], {"__builtins__": {}}, named))
    try:
        found = answer(asked, columns)
    except FilterError:
        return False
    if query["order"]:
        by = eval(query["order"], {"__builtins__": {}}, named)[found.rows]
        if not (np.diff(by) <= 1e-12).all():
            return False
    reported = " ".join(asked.unknown).lower().split()
    same_words = all(word.lower() in reported for word in query["unknown"].split())
    quiet = bool(query["unknown"]) or not asked.unknown
    return same_words and quiet and np.array_equal(np.sort(found.rows), wanted)


def test_at_least_55_of_the_60_sentences_are_read_right(
    galaxies: pd.DataFrame, columns: TableColumns, similar: Any, vocabulary: Vocabulary
) -> None:
    wrong = []
    queries = read_queries()
    assert len(queries) == 60
    assert queries["kind"].value_counts().min() >= 10
    for _, query in queries.iterrows():
        asked = ask(query["sentence"], columns, vocabulary)
        if not is_right(query, asked, galaxies, columns, similar):
            wrong.append((query["sentence"], asked))
    print(f"{len(queries) - len(wrong)} of {len(queries)}")
    assert len(wrong) <= 5, "\n".join(map(str, wrong))
