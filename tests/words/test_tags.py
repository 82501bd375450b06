"""Tags of drawn galaxies, the vocabulary's file, and heads on disk."""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.errors import VocabularyError
from radioviz.morphology import measure
from radioviz.paths import REPOSITORY
from radioviz.words.heads import COLUMNS, Heads, heads_file, read_heads, spreads, write_heads
from radioviz.words.tagging import tag_table
from radioviz.words.vocabulary import OWN_FILE, parse_vocabulary, read_vocabulary
from tests.morphology.test_arms import BEAM, SCALE, drawn, line

BAR = line(0, 25, 0.6) + line(180, 25, 0.6)
CIRCLE = [(20 * np.sin(a), 20 * np.cos(a), 0.5) for a in np.linspace(0, 2 * np.pi, 80)]
LIKENESS = {
    "double": [(0, 22, 1.0), (0, -22, 1.0)],
    "triple": [(0, 22, 1.0), (0, -22, 1.0), (0, 0, 0.8)],
    "one_sided": [*line(30, 28, 0.6), (0, 0, 1.5)],
    "edge_brightened": [*line(10, 24, 0.2), *line(190, 24, 0.2), (4, 24, 2.0), (-4, -24, 2.0)],
    "edge_darkened": line(10, 26, 1.0, 0.1) + line(190, 26, 1.0, 0.1),
    "core_dominated": [(0, 0, 8.0), *line(60, 15, 0.2), *line(240, 15, 0.2)],
    "hot_spots": [(0, 26, 2.0), (0, -26, 2.0), *line(0, 20, 0.05), *line(180, 20, 0.05)],
    "straight": BAR,
    "bent": line(50, 25) + line(-50, 25),
    "x_shaped": BAR + line(90, 20, 0.5) + line(270, 20, 0.5),
    "s_shaped": [(9 * np.sin(np.pi * s), 28 * s, 1.0) for s in np.linspace(-1, 1, 60)],
    "ring": CIRCLE,
    "compact": [(0, 0, 3.0)],
    "plume": [
        *line(10, 12, 1.0, 0.12),
        *line(190, 12, 1.0, 0.12),
        *[
            (float(e), float(n), 0.22)
            for n in (18, 22, 26, -18, -22, -26)
            for e in range(-12, 13, 3)
        ],
    ],
    "diffuse": [
        (float(e), float(n), 0.12)
        for e in range(-18, 19, 3)
        for n in range(-24, 25, 3)
        if (e / 18) ** 2 + (n / 24) ** 2 <= 1
    ],
    "blended": [
        (0, 22, 1.0),
        (0, -22, 1.0),
        *line(0, 22, 0.3),
        *line(180, 22, 0.3),
        *line(90, 14, 0.2),
        (14, 0, 1.2),
    ],
    "near_another": [
        (0, 14, 1.0),
        (0, -14, 1.0),
        *line(0, 14, 0.3),
        *line(180, 14, 0.3),
        (48, 48, 0.6),
    ],
    "asymmetric_length": [(0, 30, 1.0), (0, -9, 1.0), (0, 0, 0.6)],
    "asymmetric_brightness": [(0, 24, 1.0), (0, -24, 0.12), (0, 0, 0.3)],
}
"""Tag to points (east, north, brightness) of a source that it describes."""


@pytest.fixture(scope="module")
def tags() -> pd.DataFrame:
    images = np.stack([drawn(points) for points in LIKENESS.values()])
    table = measure(images, SCALE, BEAM, raw=True)
    found = tag_table(table, read_vocabulary())
    return found.set_index(pd.Index(LIKENESS))


@pytest.mark.parametrize("tag", LIKENESS)
def test_a_drawing_has_its_tag(tags: pd.DataFrame, tag: str) -> None:
    assert tags.loc[tag, tag] > 0.5, tags.loc[tag].round(2).to_dict()


def test_tags_tell_drawings_apart(tags: pd.DataFrame) -> None:
    assert tags.loc["straight", ["bent", "x_shaped", "ring", "compact", "one_sided"]].max() < 0.3
    assert tags.loc["compact"].drop(["compact", "core_dominated"]).max() < 0.3
    assert tags.loc["edge_brightened", "edge_darkened"] < 0.2
    assert tags.loc["edge_darkened", "edge_brightened"] < 0.2
    assert tags.loc["bent", "s_shaped"] < 0.3


def test_an_empty_image_has_no_tags() -> None:
    table = measure(np.zeros((1, 60, 60), np.float32), SCALE, BEAM)
    assert tag_table(table, read_vocabulary()).isna().all(axis=None)


def test_where_the_vocabulary_says_that_a_tag_is_right() -> None:
    known = json.loads((REPOSITORY / "trained" / "benchmarks.json").read_text())
    for tag in read_vocabulary().tags:
        where = tag.test.split(":")[0]
        if where == "tests/words/test_tags.py":
            assert tag.column in LIKENESS
        elif where != "yours":
            assert fnmatch.filter(known, where) or f"{where}.auroc" in known, tag


def test_the_vocabulary_is_whole() -> None:
    words = read_vocabulary()
    assert 20 <= len(words.tags) <= 30
    for tag in words.tags:
        assert tag.sentence.endswith(".") and tag.synonyms and tag.test, tag
        assert tag.decided in ("measured", "learned", "both", "yours")
    names = [n.lower() for t in words.tags for n in (t.name, *t.synonyms)]
    assert len(names) == len(set(names))


def test_a_reader_extends_the_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path))
    before = len(read_vocabulary().tags)
    (tmp_path / OWN_FILE).write_text(
        '[giant]\nsentence = "It is very large."\nmeasured = [["las_measured", 200, 300]]\n'
        '[bent]\nsentence = "Mine."\nmeasured = [["bending_angle", 60, 80]]\n'
    )
    words = read_vocabulary()
    assert len(words.tags) == before + 1
    assert words["bent"].sentence == "Mine."
    found = tag_table(pd.DataFrame({"las_measured": [200.0, 300.0], "n_peaks": [2, 2]}), words)
    assert found["giant"].tolist() == pytest.approx([0.5, 0.881], abs=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "[bent",
        "bent = 3",
        "[bent]\nsentence = 3",
        '[bent]\nsentence = "x"\nmeasured = [["a", 1]]',
        '[bent]\nsentence = "x"\nmeasured = [["a", 1, 1]]',
        '[bent]\nsentence = "x"\ncolour = "red"',
        '["two words"]\nsentence = "x"',
    ],
)
def test_a_wrong_vocabulary_is_named(text: str) -> None:
    with pytest.raises(VocabularyError, match=r"mine\.toml"):
        parse_vocabulary(text, "mine.toml")


def heads(weight: float) -> Heads:
    k, width = 2, 3 + len(COLUMNS)
    weights = np.zeros((k, width), np.float32)
    weights[0, 0], weights[1, 3] = weight, 1.0
    arrays = {"centre": np.zeros(width), "scale": np.ones(width), "filled": np.zeros(len(COLUMNS)),
              "weights": weights, "offset": np.array([0.0, -1.0])}  # fmt: skip
    return Heads("encoder", "abc", ("bent", "wings"), COLUMNS, arrays, {})


def test_heads_are_kept_as_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radioviz.words.heads.trained_folder", lambda: tmp_path)
    write_heads(heads(2.0), heads_file("encoder"))
    again = read_heads("encoder", "abc")
    assert again is not None
    latents = np.array([[1, 0, 0], [0, 0, 0], [np.nan, 0, 0]], np.float32)
    measured = {c: np.full(3, np.nan) for c in COLUMNS} | {"bending_angle": np.array([9.0] * 3)}
    found = again.probabilities(latents, measured)
    assert found["bent"][:2] == pytest.approx([1 / (1 + np.exp(-2)), 0.5])
    assert np.isnan(found["bent"][2])
    assert found["wings"][0] == pytest.approx(1 / (1 + np.exp(1 - np.log(10))), rel=1e-4)
    assert read_heads("encoder", "other weights") is None
    heads_file("encoder").write_bytes(b"no arrays")
    with pytest.raises(VocabularyError, match="python -m train tags"):
        read_heads("encoder")
    with pytest.raises(VocabularyError, match="dimensions"):
        again.probabilities(np.zeros((1, 9), np.float32), measured)


def test_a_latent_that_hardly_varies_does_not_drown_the_others() -> None:
    """It does so in one survey, and may vary as much as the others in the next one."""
    x = np.random.default_rng(0).normal(size=(200, 6)) * [1, 2, 1, 1e-6, 1e-3, 5]
    found = spreads(x, 4)
    assert found[3] == pytest.approx(0.05 * np.median(x[:, :4].std(axis=0)))
    np.testing.assert_allclose(found[[0, 1, 2, 4, 5]], x.std(axis=0)[[0, 1, 2, 4, 5]])
