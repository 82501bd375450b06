"""Columns that nearly give a property away are named, and honest ones are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.api.property_prediction import predict_property, property_question
from radioviz.errors import RelationError
from radioviz.relations.leakage import leaks
from radioviz.relations.question import PropertyQuestion, question

N = 600
DRAW = np.random.default_rng(7)
SIZE = DRAW.lognormal(3, 0.7, N)
SCALE = np.where(np.arange(N) % 3 == 0, 1.8, np.where(np.arange(N) % 3 == 1, 1.5, 4.0))
NOISE = DRAW.normal(size=N)


def asked(log: bool = True, **columns: np.ndarray) -> PropertyQuestion:
    return question("size", SIZE, tuple(columns), np.stack(list(columns.values()), 1), log=log)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    ("column", "words"),
    [
        # In pixels of three surveys, against arcsec.
        (SIZE / SCALE, "c is size times one of few factors"),
        (SIZE * np.exp(0.05 * NOISE), "c orders galaxies as size does (rank correlation 0.99"),
        (np.abs(np.log(SIZE) - 3) * np.sign(np.sin(40 * SIZE)), ""),
        ((np.argsort(np.argsort(SIZE)) - 300.5) ** 2 + (np.median(SIZE) > SIZE) * 1e5,
         "c alone gives size"),
        (SIZE + 5 * np.round(NOISE) + 2.5, "c is size plus one of few constants"),
        (SIZE * np.exp(0.5 * NOISE), ""),
        (NOISE, ""),
    ],
)  # fmt: skip
def test_a_column_that_gives_the_property_is_named(
    column: np.ndarray, words: str, log: bool
) -> None:
    found = asked(log, c=column, other=DRAW.normal(size=N)).leaks
    assert len(found) == bool(words)
    assert not words or found[0].startswith(words)


def test_two_columns_that_make_the_property_are_named() -> None:
    scale = DRAW.uniform(1, 5, N)  # of each image its own
    found = asked(True, pixels=SIZE / scale, pixel_scale=scale, z0=NOISE).leaks
    assert found == ("pixels and pixel_scale give size as their product",)
    rest = DRAW.lognormal(2, 0.5, N)
    assert asked(False, whole=SIZE + rest, rest=rest).leaks == (
        "whole and rest give size as their difference",
    )
    assert leaks(asked(False, a=rest, b=scale, c=NOISE)) == ()
    field = 180 + 0.02 * DRAW.normal(size=N)  # values that differ by little are no copies
    narrow = question("size", field, ("c",), 180 + 0.02 * NOISE[:, None], log=False)
    assert narrow.leaks == ()


def test_upper_limits_of_a_column_are_kept_apart() -> None:
    table = pd.DataFrame(
        {"source_id": [f"s{i}" for i in range(N)], "data_set": "mine", "flux": SIZE,
         "las": DRAW.normal(10, 3, N), "las_limit": NOISE > 0, "snr": DRAW.normal(size=N),
         "snr_limit": False}
    )  # fmt: skip
    made = property_question(table, "flux", columns=["las", "snr"], log=True)
    assert made.names == ("las", "snr", "las_limit")  # no snr is a limit
    np.testing.assert_array_equal(made.features[:, 2] > 0, NOISE > 0)
    others = table.drop(columns="las_limit").head(60)
    found = predict_property(table, "flux", columns=["las"], log=True, others=others)
    same = predict_property(
        table, "flux", columns=["las"], log=True, others=others.assign(las_limit=False)
    )
    np.testing.assert_array_equal(found["predicted"], same["predicted"])
    assert found.attrs["leaks"] == []
    with pytest.raises(RelationError, match="the others have no numbers in snr"):
        predict_property(table, "flux", measured=True, log=True, others=others.drop(columns="snr"))
