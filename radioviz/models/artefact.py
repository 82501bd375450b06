"""A trained model as a folder: its description, and a hash to verify its weights.

The folder holds ``config.json`` (a :class:`ModelInfo`), ``weights.safetensors`` in half
precision and ``CARD.md``. This module reads the first without torch, so that pages can list models
without importing it; :mod:`radioviz.models.weights` reads the second.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radioviz.data.preprocess import Preprocess
from radioviz.errors import ModelError, PreprocessError
from radioviz.morphology.frame import read_chain
from radioviz.store.records import check_format, read_json_object, to_record

FORMAT_VERSION = 1

CAPABILITIES = (
    *("encode", "decode", "class", "size", "log_prob", "classify", "features", "side", "edit"),
)
"""What a model can do: encode images to latent vectors and decode them, decode for a requested
class or angular size, give log p of a latent vector, give class probabilities of an image and the
features behind them, say on which side of two peaks an image lies, or edit images: fill parts and
change the class or size of a galaxy."""

CONFIG, WEIGHTS, CARD = "config.json", "weights.safetensors", "CARD.md"

_MOST_DIMENSIONS = 1_000_000


@dataclass(frozen=True)
class ModelInfo:
    """Description of a trained model, without its weights.

    Attributes
    ----------
    name : str
        Name of its folder, unique among models.
    title : str
        Name that the app shows.
    kind : str
        Kind of network, a key of :data:`radioviz.models.registry.KINDS`.
    capabilities : tuple of str
        Any of :data:`CAPABILITIES`.
    latent_dim : int
        Length of a latent vector.
    preprocess : Preprocess
        The preprocessing chain of its images.
    architecture : dict
        Arguments of the network's constructor.
    weights_sha256 : str
        SHA-256 of ``weights.safetensors``, which Atlases refer to.
    training : dict
        Data sets and their titles, number of images, seconds, machine kind, seed, commit, command.
    scores : dict
        Score to value; its name ends in the split that it was measured on.
    paper : str
        Source of the method.
    channels : tuple of str
        Names of the planes (bands) that it sees together; empty for a model of one image.
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
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for capability in self.capabilities:
            if capability not in CAPABILITIES:
                raise ModelError(
                    f"model '{self.name}': capability '{capability}' is unknown; "
                    f"there are {', '.join(CAPABILITIES)}"
                )

    def can(self, *capabilities: str) -> bool:
        """True if the model has all of these capabilities."""
        return all(c in self.capabilities for c in capabilities)

    def sees(self, planes: Sequence[str]) -> bool:
        """Whether sources with images of these names have all channels of the model."""
        have = {name.lower() for name in planes}
        return all(name.lower() in have for name in self.channels)

    @property
    def data_titles(self) -> dict[str, str]:
        """Titles by key of the data sets it learned from, as far as its training noted them."""
        return dict(self.training.get("titles", {}))

    @property
    def outside(self) -> str:
        """What its preprocessing does to other sources: ``keep``, or a mask of SourceFrame."""
        return str(getattr(self.preprocess, "outside", "keep"))

    @property
    def draws_detail(self) -> bool:
        """True if a second stage adds detail to the mean image of the decoder."""
        return "refiner" in self.architecture

    @property
    def knows_catalogue_sizes(self) -> bool:
        """True if it learned angular sizes on the scale of catalogues, and not isophotes."""
        return self.architecture.get("size_scale") == "catalogue"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["preprocess"] = self.preprocess.to_dict()
        values["capabilities"] = list(self.capabilities)
        channels = list(values.pop("channels"))
        if channels:  # models of one image are described as ever
            values["channels"] = channels
        return {"format": FORMAT_VERSION, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelInfo:
        """Read what :meth:`to_dict` wrote.

        Raises ModelError if this version does not know the format version, a field or a value.
        """
        values = dict(values)
        name = values.get("name", "?")
        try:
            check_format(values, FORMAT_VERSION)
        except ValueError as error:
            raise ModelError(f"model '{name}': {error}") from None
        values.pop("format")
        try:
            if not isinstance(given := values.get("preprocess"), dict):
                raise ValueError(f"'preprocess' is {str(given)[:60]!r}, expected an object")
            # Records are made of exact types; a chain may be of a derived one.
            info = to_record({**values, "preprocess": Preprocess()}, cls)
            info = dataclasses.replace(info, preprocess=read_chain(given))
            if not 0 <= info.latent_dim <= _MOST_DIMENSIONS:
                raise ValueError(f"'latent_dim' is {info.latent_dim}")
            return info
        except (PreprocessError, TypeError, ValueError) as error:
            fields = ", ".join(f.name for f in dataclasses.fields(cls))
            raise ModelError(
                f"model '{name}': {CONFIG} has a bad value: {error}; its fields are {fields}"
            ) from error


def read_info(folder: Path) -> ModelInfo:
    """Read ``config.json`` of a model folder; the weights must exist but are not read.

    Raises ModelError if the folder, its config or its weights are missing, or the config is
    damaged.
    """
    path = Path(folder) / CONFIG
    try:
        values = read_json_object(path)
    except FileNotFoundError:
        raise ModelError(f"no model in {folder}: {CONFIG} is missing") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); restore it or train again") from error
    info = ModelInfo.from_dict(values)
    if not (Path(folder) / WEIGHTS).is_file():
        raise ModelError(
            f"model '{info.name}': {WEIGHTS} is missing in {folder}; restore it or train again"
        )
    return info


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
