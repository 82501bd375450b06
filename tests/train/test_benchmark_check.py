"""The guides and the cards quote the record; how new measurements are judged."""

from __future__ import annotations

from functools import partial

import pytest

from radioviz.models import weights
from radioviz.models.registry import list_models, model_folder
from train.__main__ import _parser, main
from train.evaluate import benchmark_check, benchmarks
from train.methods.fr_head_card import head_card
from train.methods.maf import MafTask
from train.publish import card, module_size


def test_the_guides_quote_the_record() -> None:
    text = benchmark_check.guides()
    assert list(benchmark_check.misquoted(text, benchmarks.read())) == []


def test_a_figure_that_was_mistyped_is_found() -> None:
    text = benchmark_check.guides()
    assert "| 0.57; 0.71 |" in text
    wrong = text.replace("| 0.57; 0.71 |", "| 0.65; 0.71 |")
    assert [row for row, _, _ in benchmark_check.misquoted(wrong, benchmarks.read())] == [
        "retrieval within FIRST"
    ]


def test_cards_quote_their_configs() -> None:
    assert list(benchmark_check.misquoted_in_cards()) == []


def test_shipped_cards_are_what_publishing_writes() -> None:
    """A card may have further lines, written by hand."""
    for name, info in list_models().items():
        if info.kind == "two-peak-side":  # its card quotes ten seeds, which are not kept
            continue
        module, _ = weights.load(model_folder(name))
        write = partial(MafTask.card, None) if info.kind == "maf" else card
        write = (lambda own, _: head_card(own)) if info.kind == "survey-fr" else write
        shipped = (model_folder(name) / "CARD.md").read_text(encoding="utf-8").splitlines()
        assert set(write(info, module_size(module)).splitlines()) <= set(shipped), name


def test_every_recorded_command_is_known() -> None:
    for name, entry in benchmarks.read().items():
        assert benchmark_check.kind_of(entry["command"]) in ("figure", "training", "timing"), name
        words = entry["command"].split()
        if words[2] == "train":
            assert _parser().parse_args(words[3:]).command == words[3], name


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.5, "same"), (0.50001, "same"), (0.52, "within its interval"), (0.7, "differs")],
)
def test_verdicts(value: float, verdict: str) -> None:
    recorded = {"value": 0.5, "low": 0.4, "high": 0.6}
    assert benchmark_check.compare(recorded, {"value": value}) == verdict
    assert benchmark_check.compare(recorded, None) == "missing"
    assert benchmark_check.compare({"value": None}, {"value": None}) == "same"
    assert benchmark_check.compare({"value": None}, {"value": 1.0}) == "differs"


@pytest.mark.slow
@pytest.mark.parametrize(("model", "layout"), [("vae2", "latent"), ("simclr", "pca")])
def test_a_model_comes_out_again(
    model: str, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is scored by itself, one that is scored by its training galaxies."""
    assert main(["reproduce", model, "--quick"]) == 0
    said = capsys.readouterr().out
    assert "DIFFERS" not in said
    assert f"{model}: latents of first: same" in said
    assert f"{model}: layout {layout} of first: same" in said


def test_what_changed_since_a_training_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A validation image more than then changes the scores, and is no fault of the model."""
    assert main(["reproduce", "maf-vae32", "--quick"]) == 0
    assert "scores: left out (133 validation images today, 132 then)" in capsys.readouterr().out
