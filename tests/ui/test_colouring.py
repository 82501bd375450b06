"""What points can be coloured by, and how columns become colours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.atlas.scores import ScoreColumn
from radioviz.data.catalogue import complete_columns
from radioviz.ui.map import colouring
from radioviz.ui.map.colouring import Choice, Colour, colour_by, join_colours
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR, category_colours


def table(**columns: object) -> pd.DataFrame:
    ids = [f"s{i}" for i in range(len(next(iter(columns.values()))))]  # type: ignore[call-overload]
    return complete_columns(pd.DataFrame({"source_id": ids, **columns}))


NONE = np.zeros((4, 0), np.float32)


def test_choices_leave_out_what_holds_nothing() -> None:
    sources = table(
        las=[1.0, 2, 3, 4],
        label=["FRI", "", "", "FRII"],
        mine=[1, 2, 3, 4],
        comment=["a", "b", "c", "d"],
        good=[True, False, True, True],
    )
    scores = pd.DataFrame({"log_prob": [1.0, 2, 3, 4], "empty": [np.nan] * 4})
    keys = [c.key for c in colouring.colour_choices(sources, scores, 3)]
    assert keys[:4] == ["las", "label", "score:log_prob", colouring.LATENT]
    assert {"mine", "comment", "good"} <= set(keys)
    assert not {"redshift", "flux", "score:empty", "source_id", "name", "ra_dec"} & set(keys)


def test_text_of_many_values_is_no_category() -> None:
    sources = table(las=np.arange(1.0, 31), remark=[f"r{i}" for i in range(30)])
    assert "remark" not in [c.key for c in colouring.colour_choices(sources, pd.DataFrame(), 0)]


def test_angular_size_is_on_a_log_scale_with_its_unit() -> None:
    sources = table(las=[10.0, 11, np.nan, 12])
    choice = next(c for c in colouring.colour_choices(sources, pd.DataFrame(), 0) if c.key == "las")
    colour = colour_by(choice, sources, pd.DataFrame(), NONE)
    assert colour.log and "arcsec" in colour.title


@pytest.mark.parametrize(
    ("values", "log"),
    [([1.0, 10, 100, 1000], True), ([1.0, 2, 3, 4], False), ([-1.0, 10, 100, 1000], False)],
)
def test_columns_over_decades_are_drawn_in_log(values: list[float], log: bool) -> None:
    sources = table(mine=values)
    assert colour_by(Choice("mine", "mine"), sources, pd.DataFrame(), NONE).log is log


def test_latent_component_and_one_that_is_not_there() -> None:
    latents = np.arange(8, dtype=np.float32).reshape(4, 2)
    sources = table(las=[1.0, 2, 3, 4])
    choice = Choice(colouring.LATENT, "Latent component")
    colour = colour_by(choice, sources, pd.DataFrame(), latents, 1)
    assert colour.values is not None and colour.values.tolist() == [1, 3, 5, 7]
    beyond = colour_by(choice, sources, pd.DataFrame(), latents, 2)
    assert beyond.values is not None and np.isnan(beyond.values).all()


def test_classes_keep_their_colour_and_order() -> None:
    sources = table(label=["Bent", "", "FRII", "FRI"])
    colour = colour_by(Choice("label", "Class", numeric=False), sources, pd.DataFrame(), NONE)
    assert colour.names == ["FRI", "FRII", "Bent", ""]
    assert colour.codes is not None and colour.codes.tolist() == [2, 3, 1, 0]
    assert colour.colours == [*(LABEL_COLOURS[n] for n in colour.names[:3]), MISSING_COLOUR]


def test_classes_of_a_score_and_what_has_none() -> None:
    scores = pd.DataFrame({"fr_class": ["FRII", np.nan, "unknown", ""]})
    sources = table(kind=pd.Categorical(["a", None, "b", "a"]))
    choices = {c.key: c for c in colouring.colour_choices(sources, scores, 0)}
    given = colour_by(choices["score:fr_class"], sources, scores, NONE)
    assert [given.names[code] for code in np.asarray(given.codes)] == ["FRII", "", "unknown", ""]
    own = colour_by(choices["kind"], sources, scores, NONE)
    assert [own.names[code] for code in np.asarray(own.codes)] == ["a", "", "b", "a"]


def test_a_mix_of_class_and_other_names_does_not_take_class_colours_twice() -> None:
    colours = category_colours(["FRI", "something else", ""])
    assert len(set(colours)) == 3 and colours[2] == MISSING_COLOUR


def test_joining_data_sets_with_other_classes() -> None:
    a = colour_by(
        Choice("label", "Class", numeric=False), table(label=["FRII", ""]), pd.DataFrame(), NONE
    )
    b = colour_by(
        Choice("label", "Class", numeric=False),
        table(label=["Hybrid", "FRI"]),
        pd.DataFrame(),
        NONE,
    )
    both = join_colours([a, b])
    assert both.codes is not None
    assert [both.names[c] for c in both.codes] == ["FRII", "", "Hybrid", "FRI"]
    assert both.names == ["FRI", "FRII", "Hybrid", ""]


def test_joining_numbers_where_one_data_set_lacks_the_column() -> None:
    have = colour_by(Choice("mine", "mine"), table(mine=[1.0, 2]), pd.DataFrame(), NONE)
    lack = colour_by(Choice("mine", "mine"), table(las=[1.0, 2]), pd.DataFrame(), NONE)
    both = join_colours([have, lack])
    assert both.values is not None
    np.testing.assert_array_equal(both.values, [1, 2, np.nan, np.nan])


def test_classes_are_told_apart_by_colour_blind_eyes() -> None:
    """FRI and FRII, as seen without green cones (Vienot et al. 1999), differ as plainly."""
    to_deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])

    def seen(colour: str) -> np.ndarray:
        rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        seen_rgb: np.ndarray = to_deutan @ rgb**2.2
        return seen_rgb

    fri, frii = seen(LABEL_COLOURS["FRI"]), seen(LABEL_COLOURS["FRII"])
    assert np.linalg.norm(fri - frii) > 0.4


def test_colour_is_a_plain_record() -> None:
    assert Colour("t", np.zeros(2)).names == []


def test_the_colour_scale_brightens_all_the_way() -> None:
    from radioviz.ui.palette import CONTINUOUS

    rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CONTINUOUS]) / 255
    luminance = rgb**2.2 @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0).all()
    # Its dark end stands out from the dark page (#0E1118), as WCAG measures contrast.
    page = (np.array([0x0E, 0x11, 0x18]) / 255) ** 2.2 @ [0.2126, 0.7152, 0.0722]
    assert (luminance[0] + 0.05) / (page + 0.05) > 1.7


def colour_of(name: str, **columns: object) -> Colour:
    sources = table(**columns)
    choices = {c.key: c for c in colouring.colour_choices(sources, pd.DataFrame(), 0)}
    return join_colours([colour_by(choices[name], sources, pd.DataFrame(), NONE)])


def test_angles_are_cyclic_and_probabilities_linear() -> None:
    angle = colour_of("position_angle", position_angle=[0.5, 90.0, 179.0, 270.0])
    assert angle.cyclic and not angle.log
    assert angle.values is not None and angle.values.tolist() == [0.5, 90.0, 179.0, 90.0]
    chance = Choice("score:p_fr2", "Probability of FRII")
    scores = pd.DataFrame({"p_fr2": [1e-5, 0.2, 0.9, 0.99]})
    assert not colour_by(chance, table(las=[1.0, 2, 3, 4]), scores, NONE).log


@pytest.mark.parametrize(("scale", "log"), [("auto", True), ("linear", False), ("log", True)])
def test_the_reader_may_choose_the_scale(scale: str, log: bool) -> None:
    sources = table(las=[1.0, 2, 3, 4])
    choice = Choice("las", "Angular size", "arcsec")
    assert colour_by(choice, sources, pd.DataFrame(), NONE, scale=scale).log is log


def test_many_categories_have_a_colour_each_and_the_rest_is_other() -> None:
    values = [f"v{i:02d}" for i in range(12) for _ in range(3)]
    twelve = colour_of("kind", kind=values)
    assert len(set(twelve.colours)) == 12
    rare = [*values, *(f"w{i}" for i in range(5)), "v00"]
    many = colour_of("kind", kind=rare)
    assert many.names == [*(f"v{i:02d}" for i in range(11)), "other (6 values)"]
    assert many.codes is not None and np.bincount(many.codes).tolist() == [4, *[3] * 10, 8]


def test_dates_are_years_and_identifiers_are_no_colours() -> None:
    dates = ["2020-01-01", "2020-07-02T00:00:00", "", "2021-01-01"]
    colour = colour_of("observed", observed=dates)
    assert colour.values is not None
    np.testing.assert_allclose(colour.values[[0, 1, 3]], [2020.0, 2020.5, 2021.0], atol=1e-6)
    assert np.isnan(colour.values[2])
    sources = table(
        obj_id=np.arange(2**60, 2**60 + 30), gain=np.arange(30), remark=[f"r{i}" for i in range(30)]
    )
    keys = [c.key for c in colouring.colour_choices(sources, pd.DataFrame(), 0)]
    assert "gain" in keys and not {"obj_id", "remark"} & set(keys)
    assert colouring.left_out(sources) == {
        "obj_id": "an identifier",
        "remark": "a different text for most galaxies",
    }


def test_no_two_choices_have_one_title() -> None:
    names = ["knn_distance", "knn_maf-a", "knn_maf-b"]
    scores = pd.DataFrame({name: [1.0, 2.0] for name in names})
    described = {name: ScoreColumn("Distance to neighbours", "") for name in names[1:]}
    found = colouring.colour_choices(table(las=[1.0, 2]), scores, 0, described)
    assert [c.title for c in found if c.key.startswith("score:")] == [
        *("Distance to neighbours (knn_distance)", "Distance to neighbours (a)"),
        "Distance to neighbours (b)",
    ]


def test_the_value_of_a_point_is_written_with_its_unit() -> None:
    size = Colour("Angular size [arcsec], 12% upper limits", np.array([12.345678, np.nan]))
    assert [size.text_of(i) for i in (0, 1)] == [
        "Angular size: 12.35 arcsec",
        "Angular size: no value",
    ]
    kind = Colour("Class", codes=np.array([1, 0]), names=["", "FRI"], colours=["#1", "#2"])
    assert [kind.text_of(i) for i in (0, 1)] == ["Class: FRI", "Class: no value"]


@pytest.mark.parametrize(
    ("title", "words"),
    [("Angular size [arcsec], 11% upper limits", "no angular size"), ("Class", "no class"),
     ("P(FRII) by the classifier", "no P(FRII) by the classifier"), ("FR class", "no FR class"),
     ("log p [nat]", "no log p")],
)  # fmt: skip
def test_points_without_a_value_are_called_by_what_they_lack(title: str, words: str) -> None:
    assert Colour(title, np.zeros(1)).unknown == words
