"""Kinds of networks, and the trained models on disk. Imports torch only to build a network."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radioviz.errors import ModelError
from radioviz.models.artefact import CONFIG, ModelInfo, read_info
from radioviz.paths import trained_folder, user_models_folder

if TYPE_CHECKING:
    from torch import nn

KINDS: dict[str, str] = {
    "vae": "radioviz.models.vae:ConvVAE",
    "vae-dense": "radioviz.models.vae:DenseVAE",
    "vae-two-peaks": "radioviz.models.two_peak_vae:TwoPeakVAE",
    "vae-hierarchy": "radioviz.models.two_peak_vae:HierarchicalVAE",
    "two-peak-side": "radioviz.models.two_peak_side:TwoPeakSide",
    "cvae": "radioviz.models.cvae:ConvCVAE",
    "cvae-dense": "radioviz.models.cvae_dense:DenseCVAE",
    "cvae-refined": "radioviz.models.cvae_refined:RefinedCVAE",
    "galaxy-flow": "radioviz.models.galaxy_flow:GalaxyFlow",
    "vdvae": "radioviz.models.vdvae:VDVAE",
    "fr-cnn": "radioviz.models.fr_cnn:FrCnn",
    "fr-resnet": "radioviz.models.fr_cnn:FrResNet",
    "survey-fr": "radioviz.models.survey_fr:SurveyFr",
    "maf": "radioviz.models.maf:MAF",
    "resnet": "radioviz.models.resnet:ResNet",
}
"""Kind of model to ``module:class``; the class takes :attr:`ModelInfo.architecture`."""


class ModelList(Mapping[str, ModelInfo]):
    """Models by name; ``broken`` gives the errors of folders that could not be read."""

    def __init__(self, models: Mapping[str, ModelInfo], broken: Mapping[str, str]) -> None:
        self._models = dict(models)
        self.broken = dict(broken)

    def __getitem__(self, name: str) -> ModelInfo:
        if name in self._models:
            return self._models[name]
        if name in self.broken:
            raise ModelError(self.broken[name])
        known = ", ".join(self._models) or "none"
        raise ModelError(f"no model '{name}'; there are: {known}")

    def __contains__(self, name: object) -> bool:
        return name in self._models

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def get(self, name: str, default: Any = None) -> Any:
        """As in any mapping; broken models count as absent."""
        return self._models.get(name, default)

    def with_capability(self, *capabilities: str) -> dict[str, ModelInfo]:
        """Models that have all of these :data:`radioviz.models.artefact.CAPABILITIES`."""
        return {n: info for n, info in self._models.items() if info.can(*capabilities)}


def list_models(folder: Path | None = None) -> ModelList:
    """Models in ``folder``, by name; by default the shipped ones, then those of the user.

    A folder that cannot be read affects only that model; see :attr:`ModelList.broken`.
    """
    models: dict[str, ModelInfo] = {}
    broken: dict[str, str] = {}
    for config in (c for f in model_folders(folder) for c in sorted(f.glob(f"*/{CONFIG}"))):
        name = config.parent.name
        if name.startswith("."):
            continue  # left by a process that was killed
        if name in models or name in broken:
            continue  # a user's model does not replace a shipped one of the same name
        try:
            info = read_info(config.parent)
            if info.name != name:
                raise ModelError(f"folder '{name}' holds a model named '{info.name}'")
            if info.kind not in KINDS:
                raise ModelError(_unknown_kind(info.kind, f"model '{name}': "))
            models[name] = info
        except ModelError as error:
            broken[name] = str(error)
    return ModelList(models, broken)


def model_folders(folder: Path | None = None) -> tuple[Path, ...]:
    """Folders with models: ``folder``, or by default the shipped and the user's."""
    return (trained_folder(), user_models_folder()) if folder is None else (Path(folder),)


def model_folder(name: str, folder: Path | None = None) -> Path:
    """Folder of one model, the first of :func:`model_folders` that has it.

    Raises ModelError if there is no such model, or its ``config.json`` is damaged.
    """
    _ = list_models(folder)[name]  # raises an error that lists the models
    for place in model_folders(folder):
        if (place / name / CONFIG).is_file():
            return place / name
    raise ModelError(f"model '{name}' was removed just now; reload the page")


def with_capability(*capabilities: str, folder: Path | None = None) -> dict[str, ModelInfo]:
    """Models on disk that have all of these capabilities."""
    return list_models(folder).with_capability(*capabilities)


def encoders(models: ModelList | None = None) -> dict[str, ModelInfo]:
    """Models that encode, the default one first.

    One whose frame follows the source leads, since it also knows other surveys than FIRST; then
    the one with the most latent dimensions; among equals one that did not start from another
    model's weights, whose features are similar; then the one whose neighbours most often share
    the FR class.
    """
    named = (list_models() if models is None else models).with_capability("encode")

    def rank(name: str) -> tuple[bool, float, bool, float, str]:
        info = named[name]
        likeness = info.scores.get("neighbour_accuracy.valid", 0)
        begun = bool(dict(info.training.get("config") or {}).get("init"))
        follows = getattr(info.preprocess, "fit", "") == "source"
        return not follows, -info.latent_dim, begun, -float(likeness), name

    return {name: named[name] for name in sorted(named, key=rank)}


def decoders(models: ModelList | None = None) -> dict[str, ModelInfo]:
    """Models that decode one image, the default one first; those of several channels are left out.

    Those conditioned on class and size lead, then those conditioned on class; among equals one
    with a second stage that sharpens, then the one with the most latent dimensions.
    """
    able = (list_models() if models is None else models).with_capability("decode")
    named = {name: info for name, info in able.items() if not info.channels}

    def rank(name: str) -> tuple[int, bool, int, str]:
        info = named[name]
        conditions = 2 * info.can("class") + info.can("size")
        return -conditions, not info.draws_detail, -info.latent_dim, name

    return {name: named[name] for name in sorted(named, key=rank)}


def generators(models: ModelList | None = None) -> dict[str, ModelInfo]:
    """Models that generate galaxies, the default one first.

    A flow leads, whose images were judged nearest to real ones; then as :func:`decoders`.
    """
    named = decoders(models)
    return dict(sorted(named.items(), key=lambda item: not item[1].can("edit")))


def galaxy_classifier(models: Mapping[str, ModelInfo] | None = None) -> str | None:
    """The classifier of survey images, None without any: one that is calibrated by survey first.

    Generated images have another one, whose input is what generators make:
    :func:`radioviz.encode.default_classifier`.
    """
    named = list_models() if models is None else models
    found = {n: i for n, i in named.items() if i.can("classify")}

    def rank(name: str) -> tuple[bool, float, str]:
        return not surveys_of(found[name]), found[name].scores.get("nll.valid", float("inf")), name

    return min(found, key=rank, default=None)


def surveys_of(info: ModelInfo) -> tuple[str, ...]:
    """Surveys for which a classifier has a calibration of its own."""
    return tuple(info.architecture.get("surveys", ()))


def build(kind: str, architecture: Mapping[str, Any]) -> nn.Module:
    """Untrained network of a kind; imports torch.

    Raises ModelError if the kind is unknown, its class does not accept these arguments, or one of
    them is unreasonably large.
    """
    if kind not in KINDS:
        raise ModelError(_unknown_kind(kind))
    _check_numbers(kind, "architecture", architecture)
    module, name = KINDS[kind].split(":")
    try:
        network: nn.Module = getattr(importlib.import_module(module), name)(**architecture)
    except ModelError:
        raise
    except Exception as error:  # torch has no single error for impossible sizes
        raise ModelError(
            f"kind '{kind}' cannot be built from {str(dict(architecture))[:500]}: {error}"
        ) from error
    return network


# Far beyond every network here, small enough to build layers of it in seconds.
_LARGEST_NUMBER = 1 << 20
_MOST_LAYERS = 256
_DEPTHS = ("blocks", "layers", "components", "views")


def _check_numbers(kind: str, name: str, value: Any) -> None:
    """Refuse unreasonable sizes, also in nested lists and mappings, before layers are built."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_numbers(kind, str(key), inner)
        return
    if isinstance(value, list | tuple):
        if len(value) > _MOST_LAYERS:
            raise ModelError(
                f"kind '{kind}': {name} has {len(value):,} values; up to {_MOST_LAYERS} are taken"
            )
        for inner in value:
            _check_numbers(kind, name, inner)
        return
    most = _MOST_LAYERS if name in _DEPTHS else _LARGEST_NUMBER
    if isinstance(value, int | float) and not -most <= value <= most:
        raise ModelError(
            f"kind '{kind}': {name} is {str(value)[:40]}; numbers up to {most:,} are taken"
        )


def _unknown_kind(kind: str, prefix: str = "") -> str:
    return f"{prefix}kind '{kind}' is unknown; this version knows {', '.join(KINDS)}"
