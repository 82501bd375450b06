"""A trained model as a folder: what it is, and how to be sure it is unaltered.

The folder holds ``config.json`` (a :class:`ModelInfo`), ``weights.safetensors`` in half
precision and ``CARD.md``. This module reads the first without torch, so that pages can list
models before torch is ever imported; :mod:`radioviz.models.weights` reads the second.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radioviz.data.preprocess import Preprocess
from radioviz.errors import ModelError, PreprocessError
from radioviz.store.records import check_types, read_json_object

FORMAT_VERSION = 1

CAPABILITIES = ("encode", "decode", "class", "size", "log_prob", "classify", "features")
"""What a model can do: images to latent vectors and back, decode for an asked class or angular
size, give log p of a latent vector, give class probabilities of an image and the features that
they rest on."""

CONFIG, WEIGHTS, CARD = "config.json", "weights.safetensors", "CARD.md"

_TYPES: dict[str, type | tuple[type, ...]] = {
    "name": str, "title": str, "kind": str, "capabilities": list, "latent_dim": int,
    "preprocess": dict, "architecture": dict, "weights_sha256": str, "training": dict,
    "scores": dict, "paper": str,
}  # fmt: skip
_MOST_DIMENSIONS = 1_000_000


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a trained model without opening its weights.

    Attributes
    ----------
    name : str
        Name of its folder, unique among models.
    title : str
        Name shown to people.
    kind : str
        Which network: a key of :data:`radioviz.models.registry.KINDS`.
    capabilities : tuple of str
        Any of :data:`CAPABILITIES`.
    latent_dim : int
        Length of a latent vector.
    preprocess : Preprocess
        The chain its images went through, at training and ever since.
    architecture : dict
        Arguments of the network's constructor.
    weights_sha256 : str
        SHA-256 of ``weights.safetensors``: what an Atlas is tied to.
    training : dict
        Data sets, number of images, seconds, machine kind, seed, commit, command.
    scores : dict
        Figure of merit to value, measured on the split that its name ends in.
    paper : str
        Where the method comes from.
    """

    name: str
    title: str
    kind: str
    capabilities: tuple[str, ...]
    latent_dim: int
    preprocess: Preprocess
    architecture: dict[str, Any]
    weights_sha256: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    paper: str = ""

    def __post_init__(self) -> None:
        for capability in self.capabilities:
            if capability not in CAPABILITIES:
                raise ModelError(
                    f"model '{self.name}': capability '{capability}' is unknown; "
                    f"there are {', '.join(CAPABILITIES)}"
                )

    def can(self, *capabilities: str) -> bool:
        """True if the model can do all of these."""
        return all(c in self.capabilities for c in capabilities)

    @property
    def draws_detail(self) -> bool:
        """True if a second stage draws what the mean image of the decoder leaves open."""
        return "refiner" in self.architecture

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["preprocess"] = self.preprocess.to_dict()
        values["capabilities"] = list(self.capabilities)
        return {"format": FORMAT_VERSION, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelInfo:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        ModelError
            If the format version, a field or a value is not what this version knows.
        """
        values = dict(values)
        version = values.pop("format", None)
        name = values.get("name", "?")
        if version != FORMAT_VERSION:
            raise ModelError(
                f"model '{name}': format {version!r}; this version reads {FORMAT_VERSION}"
            )
        fields = {f.name: f for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(fields))
        missing = [
            n
            for n, f in fields.items()
            if n not in values
            and f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
        ]
        if unknown or missing:
            what = f"field '{unknown[0]}' is unknown" if unknown else f"'{missing[0]}' is missing"
            raise ModelError(f"model '{name}': {what} in {CONFIG}; expected {', '.join(fields)}")
        try:
            check_types(values, _TYPES)
            if not 0 <= values["latent_dim"] <= _MOST_DIMENSIONS:
                raise ValueError(f"'latent_dim' is {values['latent_dim']}")
            if not all(isinstance(c, str) for c in values["capabilities"]):
                raise ValueError("'capabilities' are not all names")
            check_types(scores := values.get("scores", {}), dict.fromkeys(scores, (int, float)))
            values["preprocess"] = Preprocess.from_dict(values["preprocess"])
            values["capabilities"] = tuple(values["capabilities"])
            return cls(**values)
        except (PreprocessError, TypeError, AttributeError, ValueError) as error:
            raise ModelError(f"model '{name}': {CONFIG} holds a bad value: {error}") from error


def read_info(folder: Path) -> ModelInfo:
    """Read ``config.json`` of a model folder; the weights are only looked for, not read.

    Raises
    ------
    ModelError
        If the folder, its config or its weights are missing, or the config is damaged.
    """
    path = Path(folder) / CONFIG
    try:
        values = read_json_object(path)
    except FileNotFoundError:
        raise ModelError(f"no model in {folder}: {CONFIG} is missing") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); restore it or train anew") from error
    info = ModelInfo.from_dict(values)
    if not (Path(folder) / WEIGHTS).is_file():
        raise ModelError(
            f"model '{info.name}': {WEIGHTS} is missing in {folder}; restore it or train anew"
        )
    return info


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
