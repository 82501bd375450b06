"""Words that a reader teaches, tables of labels, agreement, groups and galaxies in words."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from radioviz.api.sentence_search import search_words
from radioviz.errors import LabelError, VocabularyError
from radioviz.importing.label_table import read_labels
from radioviz.words import text_encoder
from radioviz.words.agreement import agreement, cohen_kappa, label_rows
from radioviz.words.description import evidence_of, group_names, sentence_of, tags_apart
from radioviz.words.examples import ExampleSpace
from radioviz.words.vocabulary import read_vocabulary
from radioviz.workspace.labels import AGAINST, Labels

N, D = 900, 24


@pytest.fixture(scope="module")
def latents() -> np.ndarray:
    """Galaxies of which those with a positive first latent are of the word."""
    z = np.random.default_rng(3).standard_normal((N, D)).astype(np.float32)
    z[:, 0] += np.sign(z[:, 0]) * 2.0
    return z


@pytest.fixture(scope="module")
def space(latents: np.ndarray) -> ExampleSpace:
    return ExampleSpace.of(latents, {"bending_angle": np.abs(latents[:, 1]) * 20})


def test_a_few_examples_rank_the_rest(space: ExampleSpace, latents: np.ndarray) -> None:
    truth = latents[:, 0] > 0
    yes, no = np.flatnonzero(truth)[:25], np.flatnonzero(~truth)[:25]
    word = space.teach(yes, no)
    rest = np.setdiff1d(np.arange(N), [*yes, *no])
    best = rest[np.argsort(-word.probability[rest])[:50]]
    assert truth[best].mean() > 0.9
    assert ((word.low <= word.probability) & (word.probability <= word.high)).all()
    assert min(word.right) >= 20
    swapped = space.teach(no, yes)
    assert np.allclose(swapped.probability, 1 - word.probability, atol=1e-4)


def test_more_examples_make_it_surer(space: ExampleSpace, latents: np.ndarray) -> None:
    truth = latents[:, 0] > 0
    widths = []
    for number in (4, 200):
        word = space.teach(np.flatnonzero(truth)[:number], np.flatnonzero(~truth)[:number])
        logit = np.log(word.high / (1 - word.high)) - np.log(word.low / (1 - word.low))
        widths.append(float(np.median(logit)))
    assert widths[1] < 0.9 * widths[0]


def test_next_ones_are_doubtful_unlabelled_and_different(space: ExampleSpace) -> None:
    word = space.teach([0, 1, 2, 3], [10, 11, 12, 13])
    asked = space.next_to_label(word, [0, 1, 2, 3, 10, 11, 12, 13], 12)
    assert len(set(asked.tolist())) == 12
    assert not set(asked.tolist()) & {0, 1, 2, 3, 10, 11, 12, 13}
    reach = np.minimum(word.high - 0.5, 0.5 - word.low)
    assert reach[asked].min() >= np.quantile(reach, 0.6)


def test_examples_that_cannot_be_used_are_refused(space: ExampleSpace) -> None:
    with pytest.raises(LabelError, match="needs 2 of each"):
        space.teach([1], [2, 3])
    with pytest.raises(LabelError, match="an example against it"):
        space.teach([1, 2], [2, 3])
    with pytest.raises(LabelError, match="900 galaxies"):
        space.teach([1, 900], [2, 3])


def test_saying_the_opposite_replaces_and_the_same_again_removes() -> None:
    labels = Labels()
    pair = ("first", "first-1")
    labels.say([pair], "ring")
    labels.say([pair], "not ring")
    assert labels.get(pair).tags == ("not ring",)
    labels.say([pair], "not ring")
    assert labels.get(pair).tags == ()


def test_examples_of_the_three_marks() -> None:
    labels = Labels()
    a, b, c, d, e, f = (("first", f"first-{i}") for i in range(6))
    for pair, number, kind in ((a, 5, "interesting"), (b, 3, ""), (c, 2, "interesting"),
                               (d, 0, "boring"), (e, 5, "artefact")):  # fmt: skip
        labels.set_mark(pair, number, kind)
    labels.say([f], "not interesting")
    assert labels.examples("interesting") == ([a, b], [f, c, d, e])
    assert labels.examples("artefact") == ([e], [a, b, c, d])
    assert labels.examples("boring") == ([d], [a, b, c, e])
    labels.set_mark(f, 4, "interesting")  # no longer an example against it
    assert labels.examples("interesting") == ([a, b, f], [c, d, e])
    labels.say([a], "ring")
    labels.say([b], "not ring")
    assert labels.examples("ring") == ([a], [b])
    labels.say([d], "not interesting")  # and boring: one example, not two
    assert sorted(labels.examples("interesting")[1]) == [c, d, e]
    labels.say([b], "not interesting")  # the tag counts, not the number alone
    assert sorted(map(sorted, labels.examples("interesting"))) == [[a, f], [b, c, d, e]]


def test_the_ranking_leaves_out_examples_and_what_is_unknown(latents: np.ndarray) -> None:
    z = latents.copy()
    z[5] = np.nan
    space = ExampleSpace.of(z, {})
    yes, no = (np.flatnonzero(k)[:10] for k in (latents[:, 0] > 0, latents[:, 0] < 0))
    word = space.teach(yes, no)
    order = word.ranked([*yes, *no])
    assert len(order) == N - len({*yes, *no, 5}) and 5 not in order
    assert (np.diff(word.probability[order]) <= 0).all()


def test_labels_as_a_table_and_back(tmp_path: Path) -> None:
    labels = Labels()
    a, b = ("first", "first-1"), ("first", "first-2")
    labels.say([a], "ring")
    labels.say([b], AGAINST + "ring")
    labels.set_mark(a, 4, "interesting")
    rows = label_rows(labels, {a: "J1", b: "J2"}, "AB").set_index(["source_id", "tag"])
    assert rows.loc[("first-1", "interesting"), "sure"] == 0.8
    assert rows.loc[("first-2", "ring"), "applies"] == "no"
    assert rows["at"].str.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").all()
    assert set(rows["by"]) == {"AB"}
    rows.reset_index().to_csv(tmp_path / "one.csv", index=False)
    read = read_labels(tmp_path / "one.csv").set_index("source_id")["tags"]
    assert set(read["first-1"].split("; ")) == {"ring", "interesting"}
    assert read["first-2"] == "not ring"


def test_tables_of_several_people_are_merged_by_majority(tmp_path: Path) -> None:
    votes = [
        ("x", "ring", "yes", 1, "A"), ("x", "ring", "yes", 0.3, "B"), ("x", "ring", "no", 1, "C"),
        ("y", "ring", "yes", 1, "A"), ("y", "ring", "no", 1, "B"), ("y", "tail", "yes", 1, "A"),
        ("z", "ring", "no", 1, "A"),
    ]  # fmt: skip
    table = pd.DataFrame(votes, columns=["source_id", "tag", "applies", "sure", "by"])
    table.to_csv(tmp_path / "all.csv", index=False)
    read = read_labels(tmp_path / "all.csv").set_index("source_id")["tags"]
    assert read.to_dict() == {"x": "ring", "y": "tail", "z": "not ring"}
    table.assign(sure=2).to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(LabelError, match=r"bad\.csv: sure in row 1 is '2'"):
        read_labels(tmp_path / "bad.csv")


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    a = rng.random(200) < 0.3
    b = np.where(rng.random(200) < 0.8, a, rng.random(200) < 0.5)
    assert cohen_kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))
    sides = [{("d", str(i)): ["ring"] if x[i] else ["other"] for i in range(200)} for x in (a, b)]
    found = agreement(*sides).set_index("tag").loc["ring"]
    assert found["kappa"] == pytest.approx(cohen_kappa_score(a, b))
    assert found["low"] < found["kappa"] < found["high"]
    assert found["galaxies"] == 200 and found["both"] == int((a & b).sum())
    assert agreement({("d", "1"): ["x"]}, {("d", "2"): ["x"]}).empty


def test_groups_are_named_by_what_sets_them_apart() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 2, 0], 100)
    tags = pd.DataFrame({"bent": rng.random(300) * 0.4, "double": rng.random(300),
                         "compact": np.full(300, np.nan)})  # fmt: skip
    tags.loc[:99, "bent"] += 0.55
    vocabulary = read_vocabulary()
    assert group_names(labels, tags, vocabulary) == [["bent"], []]
    apart = tags_apart(tags, labels == 1, labels == 2, vocabulary)
    assert apart["column"].tolist() == ["bent"]
    assert apart["inside"].iat[0] == 1.0 and apart["outside"].iat[0] == 0.0


def test_a_galaxy_in_one_sentence_with_its_evidence() -> None:
    values = {"bent": 0.93, "double": 0.7, "compact": 0.1, "bending_angle": 41.0, "las": 80.4,
              "las_error": 6.0, "redshift": 0.123, "n_peaks": 2, "arm_flux_ratio": 0.5}  # fmt: skip
    evidence = evidence_of(values, read_vocabulary(), {"bent": "simclr"})
    text = sentence_of(evidence, values)
    assert text == (
        "Bent (93%) and double (70%); 80 ± 6″ large, arms bent by 41°, at redshift 0.123."
    )
    assert evidence[0].how == "learned" and evidence[0].measured == (("bending_angle", 41.0, 22.0),)
    assert evidence[1].how == "measured"
    nothing = sentence_of([], {"las": 5.0, "las_limit": True})
    assert nothing == "No tag of the vocabulary applies; at most 5″ large."


class StandIn:
    """Not a model: scores are lengths of identifiers."""

    def scores(self, sentence: str, data_set: str, source_ids: np.ndarray) -> np.ndarray:
        return np.array([len(s) for s in source_ids], float)


@pytest.mark.usefixtures("cache_folder_of_the_run")
def test_a_text_encoder_can_be_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("stand-in", f"{__name__}:StandIn", text_encoder.GROUP)
    monkeypatch.setattr(text_encoder, "text_encoders", lambda: {"stand-in": point})
    monkeypatch.setattr(EntryPoint, "load", lambda self: StandIn)
    encoder = text_encoder.load_text_encoder("stand-in")
    ids = np.array(["a", "bbb"], object)
    assert text_encoder.text_scores(encoder, "bent", "first", ids).tolist() == [1.0, 3.0]
    with pytest.raises(VocabularyError, match="known: stand-in"):
        text_encoder.load_text_encoder("clip")
    found = search_words("bent", text_encoder="stand-in", number=3)
    assert found["source_id"].str.len().is_monotonic_decreasing and len(found) == 3
    monkeypatch.setattr(EntryPoint, "load", lambda self: dict)
    with pytest.raises(VocabularyError, match="no method scores"):
        text_encoder.load_text_encoder("stand-in")


def test_identifiers_of_digits_stay_as_they_are(tmp_path: Path) -> None:
    """Also where an empty cell makes numbers with a point of them."""
    (tmp_path / "a.csv").write_text("source_id,tag,applies\n12,bent,1\n13,bent,0\n,bent,\n")
    (tmp_path / "b.csv").write_text("source_id,tag,applies\n012,bent,1\n,bent,0\n")
    assert read_labels(tmp_path / "b.csv")["source_id"].tolist() == ["012", ""]
    pd.DataFrame({"source_id": [12, 13, None], "tags": ["bent", "not bent", "bent"]}).to_parquet(
        tmp_path / "a.parquet"
    )
    for name in ("a.csv", "a.parquet"):
        found = read_labels(tmp_path / name)
        assert found["source_id"].tolist() == ["12", "13", ""]
        assert found["tags"].tolist() == ["bent", "not bent", "bent"]


@pytest.mark.parametrize(
    ("column", "cells", "says"),
    [
        ("applies", ["1.0", "0.0", ""], ""),
        ("applies", ["yes", "absent", "no"], "applies in row 2 is 'absent'; expected yes or no"),
        ("applies", ["-1", "1", "1"], "applies in row 1 is '-1'"),
        ("sure", ["0.5", "", "80 %"], "sure in row 3 is '80 %'; expected a number 0 to 1"),
        ("sure", ["0.5", "1.2", ""], "sure in row 2 is '1.2'"),
    ],
)
def test_what_an_answer_may_be(tmp_path: Path, column: str, cells: list[str], says: str) -> None:
    """What is not understood is refused, and never taken as yes, or as sure."""
    rows = [f"first-{i},bent,{cell}" for i, cell in enumerate(cells)]
    path = tmp_path / "votes.csv"
    path.write_text("\n".join([f"source_id,tag,{column}", *rows]))
    if says:
        with pytest.raises(LabelError, match=says):
            read_labels(path)
        return
    assert read_labels(path)["tags"].tolist() == ["bent", "not bent", "bent"]


def test_rows_of_one_galaxy_are_one_vote_each(tmp_path: Path) -> None:
    """However its rows name it; notes and marks stay, and no is no to each tag of a cell."""
    (tmp_path / "one.csv").write_text(
        "data_set,source_id,name,tag,applies,sure,note\n"
        "first,first-1,J1,ring,yes,,odd\n"
        ",first-1,,ring,no,,odd\n"
        ",,J1,ring,no,,faint\n"
        "first,first-2,J2,not ring,no,,\n"
        "first,first-3,J3,bent;  far  tail,no,,\n"
        "first,first-4,J4,interesting,yes,0.6,\n"
        "first,first-5,J5,,,,only a note\n"
    )
    read = read_labels(tmp_path / "one.csv").set_index("source_id")
    assert read["data_set"].eq("first").all()
    assert read["tags"].to_dict() == {
        "first-1": "not ring", "first-2": "ring", "first-3": "not bent; not far tail",
        "first-4": "interesting", "first-5": "",
    }  # fmt: skip
    assert read["note"].tolist() == ["odd; faint", "", "", "", "only a note"]
    assert read["mark"].tolist()[3] == 3 and read["mark"].isna().sum() == 4


def test_the_last_answer_of_a_person_counts(tmp_path: Path) -> None:
    """Of two exports by one person, say; nameless rows may be of several, and thirds are a tie."""
    (tmp_path / "again.csv").write_text(
        "source_id,tag,applies,sure,by,at\n"
        "x,ring,no,,Ann,2026-02-01T00:00:00Z\nx,ring,yes,,Ann,2026-01-01T00:00:00Z\n"
        "x,bent,yes,,,\nx,bent,yes,,,\nx,bent,no,,Ann,\n"
        "y,ring,yes,,Ann,\ny,ring,no,,Ann,\n"
        "z,ring,yes,0.1,Ann,\nz,ring,yes,0.2,Bob,\nz,ring,no,0.3,Eve,\nz,bent,yes,,Ann,\n"
    )
    read = read_labels(tmp_path / "again.csv").set_index("source_id")["tags"]
    assert read.to_dict() == {"x": "not ring; bent", "y": "not ring", "z": "bent"}


def test_one_name_in_two_data_sets_is_two_galaxies(tmp_path: Path) -> None:
    """An identifier of the other data set would be another galaxy's."""
    (tmp_path / "two.csv").write_text(
        "data_set,source_id,name,tag\na,17,NGC 383,ring\nb,,NGC 383,bent\nb,17,M 87,far\n"
    )
    read = read_labels(tmp_path / "two.csv")
    assert read[["data_set", "source_id", "name", "tags"]].to_numpy().tolist() == [
        ["a", "17", "NGC 383", "ring"], ["b", "", "NGC 383", "bent"], ["b", "17", "M 87", "far"],
    ]  # fmt: skip


def test_a_row_that_cannot_be_read_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("source_id;tag;note\nfirst-1;bent;\nfirst-2;ring;faint;more\nfirst-3;bent;\n")
    with pytest.raises(LabelError, match=r"long\.csv: row 2 cannot be read"):
        read_labels(path)
