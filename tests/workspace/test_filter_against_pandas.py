"""The filter keeps the rows that pandas keeps, on random tables and random filters."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radioviz.workspace.evaluation import matching_rows
from radioviz.workspace.expression import quoted, text_literal
from radioviz.workspace.table_columns import TableColumns

Mask = Callable[[pd.DataFrame], pd.Series]
Filter = tuple[str, Mask]

NUMBERS = ("las", "flux density", "n", "short")
TEXTS = ("label", "survey")
WORDS = ("FRI", "FRII", "Bent", "bent", "Ω 7", 'say "x"', "100%", "a\\b")
SIGNS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
         ">": operator.gt, ">=": operator.ge}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(0, 12))
    value = st.one_of(st.just(np.nan), st.sampled_from([0.0, -1.5, 2.0, 30.1, 80.0, np.inf]),
                      st.floats(-100, 100, width=32))  # fmt: skip

    def column(values: st.SearchStrategy) -> list:  # type: ignore[type-arg]
        return draw(st.lists(values, min_size=n, max_size=n))

    word = st.sampled_from(("", *WORDS))
    return pd.DataFrame(
        {
            "las": np.array(column(value), dtype=np.float64),
            "flux density": np.array(column(value), dtype=np.float64),
            "short": np.array(column(value), dtype=np.float32),
            "n": np.array(column(st.integers(-5, 5)), dtype=np.int64),
            "label": pd.Series(column(st.one_of(st.none(), word)), dtype=object),
            "survey": pd.Series(column(word), dtype="str"),
            "good": np.array(column(st.booleans()), dtype=bool),
        }
    )


def written(value: float) -> str:
    return f"-{-value!r}" if value < 0 else repr(value)


@st.composite
def number_filters(draw: st.DrawFn) -> Filter:
    name, sign = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(sorted(SIGNS)))
    value = draw(st.one_of(st.integers(-5, 90), st.sampled_from([0.5, -1.5, 80.0, 1e-3, 30.1])))
    form = draw(st.sampled_from(["plain", "reversed", "sum", "ratio", "between", "in", "columns"]))
    column = quoted(name)
    if form == "reversed":
        return f"{written(value)} {sign} {column}", lambda t: SIGNS[sign](value, t[name])
    if form == "sum":
        return (
            f"{column} * 2 + las {sign} {written(value)}",
            lambda t: SIGNS[sign](t[name].astype(float) * 2 + t["las"], value),
        )
    if form == "ratio":
        return (
            f"{column} / n {sign} {written(value)}",
            lambda t: SIGNS[sign](t[name].astype(float) / t["n"].astype(float), value),
        )
    if form == "between":
        return (
            f"{column} between {written(value)} and {written(value + 30)}",
            lambda t: t[name].between(value, value + 30),
        )
    if form == "in":
        return (  # isin of pandas finds no 30.1 in float32
            f"{column} in ({written(value)}, 2, 80.0)",
            lambda t: (t[name] == value) | (t[name] == 2) | (t[name] == 80.0),
        )
    if form == "columns":
        return f"{column} {sign} las", lambda t: SIGNS[sign](t[name], t["las"])
    return f"{column} {sign} {written(value)}", lambda t: SIGNS[sign](t[name], value)


def text_of(table: pd.DataFrame, name: str) -> pd.Series:
    """A text column as pandas compares it: missing where empty."""
    text = table[name].astype(object)
    return text.where(text.notna() & (text != ""), None)


@st.composite
def text_filters(draw: st.DrawFn) -> Filter:
    name, word = draw(st.sampled_from(TEXTS)), draw(st.sampled_from(WORDS))
    literal = text_literal(word)

    def by(test: Callable[[str], bool], missing: bool = False) -> Mask:
        return lambda t: text_of(t, name).map(
            lambda w: missing if w is None else test(w)
        ).astype(bool)  # fmt: skip

    forms: list[Filter] = [
        (f"{name} == {literal}", by(lambda w: w == word)),
        (f"{name} != {literal}", by(lambda w: w != word, missing=True)),
        (f"{name} >= {literal}", by(lambda w: w >= word)),
        (f"{name} in ({literal}, 'FRI')", by(lambda w: w in (word, "FRI"))),
        (f"{name} not in ({literal})", by(lambda w: w != word, missing=True)),
        (f"{name} contains {text_literal(word[1:])}", by(lambda w: word[1:] in w)),
        (f"{name} starts with {text_literal(word[:2])}", by(lambda w: w.startswith(word[:2]))),
        (f"{name} ends with 'I'", by(lambda w: w.endswith("I"))),
        (f"lower({name}) == 'bent'", by(lambda w: w.lower() == "bent")),
        (f"length({name}) < 4", by(lambda w: len(w) < 4)),
        (f"{name} is missing", by(lambda w: False, missing=True)),
        ("label == survey", lambda t: pd.Series(
            [a is not None and a == b
             for a, b in zip(text_of(t, "label"), text_of(t, "survey"), strict=True)],
            dtype=bool, index=t.index)),
    ]  # fmt: skip
    return draw(st.sampled_from(forms))


def joined(children: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    def both(pair: tuple[Filter, Filter], word: str) -> Filter:
        (a, left), (b, right) = pair
        join = operator.and_ if word == "and" else operator.or_
        return f"({a}) {word} {b}", lambda t: join(left(t).astype(bool), right(t).astype(bool))

    def negated(one: Filter) -> Filter:
        return f"not ({one[0]})", lambda t: ~one[1](t).astype(bool)

    pairs = st.tuples(children, children)
    return st.one_of(
        st.builds(both, pairs, st.just("and")),
        # "or" binds less than "and": its right side needs no parentheses here, its left has them.
        st.builds(both, pairs, st.just("or")),
        st.builds(negated, children),
    )


LEAVES = st.one_of(
    number_filters(),
    text_filters(),
    st.sampled_from(NUMBERS).map(
        lambda name: (f"{quoted(name)} is not missing", lambda t: t[name].notna())
    ),
    st.just(("good", lambda t: t["good"])),
)
FILTERS = st.recursive(LEAVES, joined, max_leaves=1) | joined(LEAVES)


@given(tables(), FILTERS)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_same_rows_as_pandas(table: pd.DataFrame, asked: Filter) -> None:
    text, mask = asked
    with np.errstate(all="ignore"):
        wanted = mask(table).to_numpy(bool)
    assert matching_rows(text, TableColumns(table)).tolist() == wanted.tolist(), text


@given(tables(), st.sampled_from([*NUMBERS, *TEXTS]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_same_order_as_pandas(table: pd.DataFrame, name: str, descending: bool) -> None:
    column = text_of(table, name) if name in TEXTS else table[name]
    wanted = column.sort_values(ascending=not descending, kind="stable", na_position="last")
    assert TableColumns(table).order(name, descending=descending).tolist() == list(wanted.index)


@given(st.text(max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_text_and_name_can_be_written(text: str) -> None:
    table = pd.DataFrame({"label": ["x", text or "y"]})
    found = matching_rows(f"label == {text_literal(text or 'y')}", TableColumns(table))
    assert found.tolist() == [table.label[0] == table.label[1], True]
    if text and "`" not in text:
        table = pd.DataFrame({text: [1.0, 3.0]})
        found = matching_rows(f"{quoted(text)} > 2", TableColumns(table))
        assert found.tolist() == [False, True]


@given(st.text(alphabet="las>=<()&|!~`'\"\\;,. 0123456789eEandornt*/+-%^", max_size=60))
@settings(max_examples=600, deadline=None)
def test_any_text_is_a_filter_or_a_clear_error(text: str) -> None:
    from radioviz.errors import FilterError

    columns = TableColumns(pd.DataFrame({"las": [1.0, np.nan], "e": ["a", ""]}))
    try:
        assert matching_rows(text, columns).shape == (2,)
    except FilterError as error:
        assert str(error)
        assert error.position is None or 0 <= error.position <= len(text)
