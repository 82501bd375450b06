"""Model folders: what is refused, and by which words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from radioviz.errors import ModelError
from radioviz.models import registry, weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import build, list_models, with_capability
from tests.models.small import SMALL, small_info


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root with one model, ``tiny``."""
    torch.manual_seed(0)
    weights.save(tmp_path / "tiny", build("vae", SMALL["vae"]), small_info("vae"), "# Card\n")
    return tmp_path


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "tiny" / "config.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_info_survives_json() -> None:
    info = small_info("vae")
    assert ModelInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info


def test_an_altered_weight_is_refused(folder: Path) -> None:
    path = folder / "tiny" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"'tiny'.*altered"):
        weights.load(folder / "tiny")


def test_truncated_weights_are_refused(folder: Path) -> None:
    path = folder / "tiny" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cut short"):
        weights.load(folder / "tiny")


def test_no_safetensors_under_a_matching_hash(folder: Path) -> None:
    from radioviz.models.artefact import file_sha256

    path = folder / "tiny" / "weights.safetensors"
    path.write_bytes(b"\x80\x04not weights")
    edit(folder, lambda v: v.update(weights_sha256=file_sha256(path)))
    with pytest.raises(ModelError, match="cannot be read"):
        weights.load(folder / "tiny")


@pytest.mark.parametrize("file", ["weights.safetensors", "config.json"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / "tiny" / file).unlink()
    with pytest.raises(ModelError, match=file):
        weights.load(folder / "tiny")


def test_another_architecture_is_refused(folder: Path) -> None:
    edit(folder, lambda v: v["architecture"].update(latent_dim=4))
    with pytest.raises(ModelError, match="do not fit the architecture"):
        weights.load(folder / "tiny")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.update(format=99), "format 99"),
        (lambda v: v.pop("kind"), "missing required field kind"),
        (lambda v: v.update(extra=1), "'extra' is unknown"),
        (lambda v: v.update(capabilities=["fly"]), "'fly' is unknown"),
        (lambda v: v["preprocess"].update(size=-1), "bad value.*size"),
        (lambda v: v.update(preprocess=3), "bad value"),
        (lambda v: v.update(kind="gan"), "'gan' is unknown"),
        (lambda v: v["architecture"].update(depth=9), "cannot be built"),
    ],
)
def test_a_bad_config_is_explained(
    folder: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    edit(folder, change)
    with pytest.raises(ModelError, match=words):
        weights.load(folder / "tiny")


@pytest.mark.parametrize("content", ["", "[1]", "{", "\x00\xff"])
def test_a_damaged_config_costs_that_model_alone(folder: Path, content: str) -> None:
    weights.save(
        folder / "other", build("vae", SMALL["vae"]), small_info("vae", "other"), "# Card\n"
    )
    (folder / "tiny" / "config.json").write_text(content)
    models = list_models(folder)
    assert list(models) == ["other"]
    assert "config.json" in models.broken["tiny"]
    with pytest.raises(ModelError, match=r"config\.json"):
        _ = models["tiny"]


def test_models_are_found_by_what_they_can_do(folder: Path) -> None:
    assert list(with_capability("encode", "decode", folder=folder)) == ["tiny"]
    assert with_capability("log_prob", folder=folder) == {}
    with pytest.raises(ModelError, match="no model 'nope'; there are: tiny"):
        _ = list_models(folder)["nope"]
    assert "nope" not in list_models(folder)
    assert list_models(folder).get("nope") is None


def test_a_folder_under_another_name_is_broken(folder: Path) -> None:
    (folder / "tiny").rename(folder / "renamed")
    assert "a model named 'tiny'" in list_models(folder).broken["renamed"]


def test_no_folder_means_no_models(tmp_path: Path) -> None:
    assert len(list_models(tmp_path / "nowhere")) == 0


def test_weights_that_overflow_half_precision_are_refused(tmp_path: Path) -> None:
    module = build("vae", SMALL["vae"])
    with torch.no_grad():
        next(iter(module.parameters())).fill_(1e6)
    with pytest.raises(ModelError, match="not finite in half precision"):
        weights.save(tmp_path / "tiny", module, small_info("vae"), "")
    assert not (tmp_path / "tiny").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be written"):
        weights.save(tmp_path / "file" / "x", build("vae", SMALL["vae"]), small_info("vae"), "")


def test_listing_models_does_not_import_torch(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from radioviz.models.registry import list_models\n"
        f"assert list(list_models(Path({str(folder)!r}))) == ['tiny']\n"
        "assert not {'torch', 'sklearn', 'umap'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "change",
    [
        {"scores": []},
        {"scores": {"neighbour_accuracy.valid": "high"}},
        {"latent_dim": None},
        {"latent_dim": -1},
        {"kind": []},
        {"name": 3},
        {"title": None},
        {"training": "long"},
        {"capabilities": [["encode"]]},
        {"weights_sha256": 0},
    ],
)
def test_a_value_of_another_type_costs_that_model_alone(
    folder: Path, change: dict[str, Any]
) -> None:
    edit(folder, lambda values: values.update(change))
    models = list_models(folder)
    assert not list(models)
    assert "tiny" in models.broken
    assert registry.encoders(models) == {}


def test_a_config_nested_without_end(folder: Path) -> None:
    (folder / "tiny" / "config.json").write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}")
    assert "nested too deeply" in list_models(folder).broken["tiny"]


def test_a_model_is_replaced_in_one_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "tiny" / "weights.safetensors").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("radioviz.store.atomic.put_in_place", full)
    with pytest.raises(ModelError, match="No space left"):
        weights.save(folder / "tiny", build("vae", SMALL["vae"]), small_info("vae"), "# Card\n")
    assert (folder / "tiny" / "weights.safetensors").read_bytes() == before
    assert [p.name for p in folder.iterdir()] == ["tiny"]


def test_a_copy_that_a_killed_process_left_is_no_model(folder: Path) -> None:
    import os
    import shutil

    left = folder / ".tiny.0123abcd"
    shutil.copytree(folder / "tiny", left)
    models = list_models(folder)
    assert list(models) == ["tiny"]
    assert not models.broken
    os.utime(left, (0, 0))
    weights.save(folder / "tiny", build("vae", SMALL["vae"]), small_info("vae"), "# Card\n")
    assert [p.name for p in folder.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        # A terabyte, a minute of layers, and what torch has no word for.
        ("multipliers", [2**31, 2], "multipliers is 2147483648; numbers up to 1,048,576"),
        ("multipliers", [2**20, 2], "weights do not fit the architecture"),
        ("blocks", 1_000_000, "blocks is 1000000; numbers up to 256"),
        ("multipliers", [1] * 300, "multipliers has 300 values"),
        ("width", 10**30, "width is 10{30}; numbers"),
        ("width", float("nan"), "width is nan; numbers"),
        ("width", -8, "cannot be built"),
        ("width", 16, "weights do not fit the architecture"),
    ],
)
def test_an_architecture_that_cannot_be(folder: Path, name: str, value: Any, expected: str) -> None:
    edit(folder, lambda values: values["architecture"].update({name: value}))
    with pytest.raises(ModelError, match=expected):
        weights.load(folder / "tiny")


@pytest.mark.parametrize("value", ["none", ["a", "b"], [None, 1], 3])
def test_a_range_of_sizes_that_is_none(value: Any) -> None:
    with pytest.raises(ModelError, match="size_range"):
        build("cvae", SMALL["cvae"] | {"size_range": value})
