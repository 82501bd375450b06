"""What a filter means, and what it says where it fails."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import COLUMNS
from radioviz.errors import FilterError
from radioviz.workspace.evaluation import FUNCTIONS, matching_rows
from radioviz.workspace.expression import parse_filter
from radioviz.workspace.table_columns import TableColumns

TABLE = pd.DataFrame(
    {
        "label": ["Bent", "FRI", "", "Bent", "FRII"],
        "las": [90.0, 20.0, np.nan, 70.0, 130.0],
        "redshift": [0.1, 0.3, 0.1, np.nan, 0.05],
        "ra": [0.001, 10.0, 359.9999, 180.0, np.nan],
        "dec": [0.0, 0.0, 0.0, 0.0, 89.0],
        "id": [9007199254740993, 9007199254740992, 1, 2, 3],
        "RA (J2000)": [1.0, 2.0, 3.0, 4.0, 5.0],
        "short": np.array([30.1, 30.2, -0.1, np.nan, 2.0], np.float32),
    }
)


def kept(text: str) -> list[int]:
    return np.flatnonzero(matching_rows(text, TableColumns(TABLE))).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('label == "Bent" and las > 80 and redshift < 0.2', [0]),
        ("20 < las <= 90", [0, 3]),
        ("las ≥ 90 OR label = 'FRI'", [0, 1, 4]),
        ("las > 60 or las > 10 and label == 'Bent'", [0, 3, 4]),
        ("not las > 60 and redshift is not missing", [1, 2]),
        ("-las + 100 < 2 ** 3 - 1", [4]),
        ("-2 ** 2 == -4 and las % 40 == 10", [0, 4]),
        ("2 ** 3 ** 2 == 512 and label is missing", [2]),
        ("cone(0, 0, 5)", [0, 2]),
        ("cone(360, 0, 0.0011 deg)", [0, 2]),
        ("cone(180, 0.05, 3.1 arcmin)", [3]),
        ("id == 9007199254740993", [0]),
        ("`RA (J2000)` between 2 and 3", [1, 2]),
        ('label matches "^FRI+$"', [1, 4]),
        ('label like "%RI_"', [4]),
        ("log10(las) > 2 or ln(las) < 3", [1, 4]),
        ("max(las, redshift * 1000) > 250", [1]),
        ("redshift / (las - 90) > 1e9", [0]),
        ("short == 30.1 or -0.1 == short", [0, 2]),
        ("short in (30.1, -0.1, 2)", [0, 2, 4]),
        ("30.1 < short <= 30.2", [1]),
        ("short between 30.1 and 30.2", [0, 1]),
    ],
)
def test_rows(text: str, rows: list[int]) -> None:
    assert kept(text) == rows


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("lass > 80", 0, "did you mean las"),
        ("las > 80 and size < 3", 13, "there is no column 'size'"),
        ("label > 3", 8, "one side is text, the other a number"),
        ("las and redshift < 1", 0, "not yes or no"),
        ("las + 1", 0, "a value, not yes or no"),
        ("las > 3; drop table x", 7, "';' does not belong"),
        ("las > (select las from t)", 14, "does not fit here"),
        ("select * from t where 1", 14, "not SQL"),
        ("__import__('os').system('id')", 16, "'.' has no meaning"),
        ("system('id') == 1", 0, "there is no function 'system'"),
        ("las in (select)", 8, "there is no column 'select'"),
        ('label == "Bent', 9, 'no closing "'),
        ("(las > 3", 8, "ends too early"),
        ("las >", 5, "ends too early"),
        ("las > 80 90", 9, "does not fit here"),
        ("label == '\ud800'", 10, "half a character"),
        ("lаs > 1", 0, "did you mean las"),  # a Cyrillic letter
        ("las > (lambda: 80)()", 13, "':' has no meaning"),
        ("las == max(las)", 7, "max has 1 value between its parentheses"),
        ("label == “Bent”", 9, "straight quotes"),
        ("\ufefflas > 80", 0, "the hidden U+FEFF has no meaning"),
        ("las.__class__ == 1", 0, "there is no column 'las.__class__'"),
        ("label contains 3", 15, "not text in quotes"),
        ("las contains '3'", 0, "looks into text"),
        ("label matches '('", 14, "not a regular expression"),
        ("cone(0, 95, 3)", 8, "-90 to 90"),
        ("cone(0, 5, -3)", 11, "positive"),
        ("cone(0, 5)", 0, "cone(ra, dec, radius)"),
        ("sqrt(label) > 3", 5, "is not a number"),
        ('label != ""', 9, "ask whether a column is missing"),
        ('label not in ("FRI", "")', 21, "ask whether a column is missing"),
        ("", None, "empty"),
        ("las > 99999999999999999999", 6, "too large"),
        ("(" * 100 + "1" + ")" * 100, 60, "60 parentheses"),
        ("not " * 1000 + "good", None, ""),
        ("las > 1 " * 1000, None, "4,000"),
    ],
)
def test_errors_point_at_the_character(text: str, position: int | None, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        matching_rows(text, TableColumns(TABLE))
    assert says in str(caught.value)
    if says:
        assert caught.value.position == position


def test_positions_of_a_table_without_them() -> None:
    with pytest.raises(FilterError, match="there is no column 'ra'"):
        matching_rows("cone(0, 0, 5)", TableColumns(pd.DataFrame({"las": [1.0]})))


def test_columns_of_a_filter() -> None:
    node = parse_filter('`RA (J2000)` > las and las < 3 and label == "x"')
    assert node.columns() == ["RA (J2000)", "las", "label"]


def test_every_function_can_be_called() -> None:
    calls = {"cone": "cone(0, 0, 1)", "lower": "lower(label) == 'x'",
             "upper": "upper(label) == 'X'", "length": "length(label) > 0",
             "min": "min(las, ra) > 0", "max": "max(las, ra) > 0",
             "tag": "tag('wide')", "similar": "similar('a') > 0"}  # fmt: skip
    columns = TableColumns(TABLE).extended(
        {}, tags={"wide": np.zeros(5, dtype=bool)}, similarity=lambda source_id: np.zeros(5)
    )
    for name in FUNCTIONS:
        assert matching_rows(calls.get(name, f"{name}(las) > 0"), columns).shape == (5,)


@pytest.mark.parametrize("text", ["id in ({})", "las in ({})", "id not in ({})"])
def test_long_lists_are_asked_at_once(text: str) -> None:
    n = 300_000
    columns = TableColumns(pd.DataFrame({"id": np.arange(n) + 2**53, "las": np.arange(n) / 2}))
    numbers = [*range(2**53, 2**53 + 150), 3.5, -7]
    began = time.process_time()
    mask = matching_rows(text.format(", ".join(map(str, numbers))), columns)
    assert time.process_time() - began < 5, "a pass over the column for each number takes longer"
    if text.startswith("las"):
        assert np.flatnonzero(mask).tolist() == [7]
    else:
        expected = np.arange(n) < 150
        assert (mask == (~expected if "not" in text else expected)).all()


def test_lists_of_words() -> None:
    assert kept('label in ("Bent", "FRII", "never")') == [0, 3, 4]
    assert kept('label not in ("Bent", "FRII")') == [1, 2]
    assert kept('label in ("Bent", label)') == [0, 1, 3, 4]
    with pytest.raises(FilterError, match="one side is text"):
        kept('label in ("Bent", 3)')


def test_tags() -> None:
    bent = np.array([True, False, False, False, True])
    columns = TableColumns(TABLE).extended({}, tags={"bent": bent, "X shape": ~bent})
    assert matching_rows('tag("bent") and las > 100', columns).tolist() == [False] * 4 + [True]
    assert matching_rows('not tag("X shape")', columns).tolist() == bent.tolist()
    for text, position, says in (
        ('tag("bend")', 4, "did you mean bent"),
        ("tag(label)", 4, "in quotes"),
        ('tag("a", "b")', 0, "2 values"),
        ("tag()", 0, "0 values"),
        ("tag('zzz')", 4, "the tags are bent, X shape"),
    ):
        with pytest.raises(FilterError, match=says) as caught:
            matching_rows(text, columns)
        assert caught.value.position == position
    with pytest.raises(FilterError, match="no galaxy has a tag yet"):
        kept('tag("bent")')


def test_missing_integers_are_unknown() -> None:
    table = pd.DataFrame({"n": pd.array([1, None, 3], dtype="Int64")})
    assert matching_rows("n < 2 or n > 2", TableColumns(table)).tolist() == [True, False, True]
    assert matching_rows("n is missing", TableColumns(table)).tolist() == [False, True, False]
    assert matching_rows("-n < 0", TableColumns(table)).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("ra < 30 deg", 0),
        ("30 deg > ra", 9),
        ("las > 0 and abs(dec) <= 30deg", 16),
        ("dec between -10 deg and 10 deg", 0),
        ("ra not in (1, 60 arcmin)", 0),
    ],
)
def test_an_angle_is_not_compared_in_another_unit(text: str, position: int) -> None:
    with pytest.raises(FilterError, match=r"is in deg; .* write the number of deg alone") as caught:
        matching_rows(text, TableColumns(TABLE, COLUMNS))
    assert caught.value.position == position


def test_an_angle_is_compared_in_arcsec() -> None:
    for text in ("las between 1 arcmin and 0.02 deg", "-las <= -1 arcmin and las < 1.2 arcmin"):
        assert np.flatnonzero(matching_rows(text, TableColumns(TABLE, COLUMNS))).tolist() == [3]
    assert kept("las > 2 arcmin") == [4]
