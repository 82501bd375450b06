"""Rows of identifiers: found, unknown, repeated, and with hashes that collide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.store import identifiers
from radioviz.store.identifiers import Identifiers, as_lines, digest_of


@pytest.mark.parametrize("collide", [False, True])
@pytest.mark.parametrize("kind", ["str", object])
def test_rows_are_those_of_the_texts(
    collide: bool, kind: str | type, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = identifiers._hashes
    if collide:  # seven hashes for all
        monkeypatch.setattr(identifiers, "_hashes", lambda texts: hashes(texts) % np.uint64(7))
    monkeypatch.setattr(identifiers, "_AT_ONCE", 64)
    texts = [f"Größe-{i}" for i in np.random.default_rng(0).permutation(1000)]
    known = Identifiers(pd.Series(texts, dtype=kind).array)
    asked = ["nobody", *texts[::-3], "", "Größe-5 ", texts[0]]
    wanted = pd.Index(texts).get_indexer(pd.Index(asked))
    np.testing.assert_array_equal(known.rows_of(asked), wanted)
    assert known.rows_of(np.array(["x", 5], dtype=object)).tolist() == [-1, -1]
    assert known.rows_of([]).tolist() == []
    assert Identifiers(np.array([], dtype=object)).rows_of(["a"]).tolist() == [-1]
    assert known.first_repeated() is None
    again = Identifiers(np.array([*texts, texts[17], texts[3]], dtype=object))
    assert again.first_repeated() == texts[17]


def test_lines_and_digest_do_not_depend_on_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Atlases on disk hold this digest."""
    texts = pd.Series([f"ä{i}" for i in range(130)]).array
    whole = b"".join(as_lines(texts))
    assert whole == "\n".join(texts).encode()
    digest = digest_of("mine", [whole])
    monkeypatch.setattr(identifiers, "_AT_ONCE", 64)
    assert digest_of("mine", as_lines(texts)) == digest
    assert digest_of("first", [b"a", b"\nb"]) == "7b00b63292d91c3a"
