"""The Atlas: latents, layouts and scores of one data set, in memory-mapped files.

``trained/atlas/<data set>/<model>/``, or ``atlas/<data set>/<model>/`` in the user's data folder,
holds

=====================  ===========================================================
``atlas.json``         format, data set and its digest, model and its hash, layouts
``source_ids.txt``     one identifier per line, in the order of all other files
``latents.npy``        float16 or float32, shape ``(n, d)``
``layout_<name>.npy``  float32, shape ``(n, 2)``, positions on a map
``scores.parquet``     one row per source: reconstruction error, neighbours, ...
=====================  ===========================================================

An Atlas belongs to the weights that made it and to the identifiers of its data set; if either has
changed, it is refused. Reading needs neither torch nor umap nor scikit-learn.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS
from radioviz.errors import AtlasError
from radioviz.models.artefact import ModelInfo
from radioviz.paths import trained_folder, user_data_folder
from radioviz.store import records
from radioviz.store.atomic import atomic_folder, report_unwritable, write_json
from radioviz.store.identifiers import Identifiers, as_lines, digest_of
from radioviz.store.mapped import mapped_frame

FORMAT_VERSION = 1

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")  # file systems allow 255
_ROWS = 65_536  # checked at a time: a million latents would need a quarter of a gigabyte


class _AtlasFile(msgspec.Struct):
    """What ``atlas.json`` must hold."""

    n: int
    layouts: dict[str, dict[str, Any]]
    weights_sha256: str
    catalogue_digest: str
    command: str


@dataclass(frozen=True)
class Layout:
    """Title of a map, and the parameters of the method that placed the points."""

    title: str
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Atlas:
    """Latents, layouts and scores of one data set under one model; arrays are read-only.

    Attributes
    ----------
    data_set, model : str
        Keys of the data set and the model.
    source_ids : array of text
        Identifiers, shape ``(n,)``: the rows of the Catalogue, in its order.
    latents : numpy.ndarray
        Memory-mapped, shape ``(n, d)``, float16 or float32.
    layouts : dict
        Name to positions, each memory-mapped float32 of shape ``(n, 2)``; the first is the
        default.
    meta : dict
        ``atlas.json``: hashes, parameters of the layouts, the command that built it.
    folder : pathlib.Path
    shared : radioviz.store.identifiers.Identifiers or None
        Those of the Catalogue, where it was given and has the same sources in the same order.
    """

    data_set: str
    model: str
    source_ids: Any
    latents: np.ndarray
    layouts: dict[str, np.ndarray]
    meta: dict[str, Any]
    folder: Path
    shared: Identifiers | None = None

    def __len__(self) -> int:
        return len(self.source_ids)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Scores of each source, ``n`` rows; no columns if there are none."""
        if self.meta.get("scores") == []:  # a file without columns has no rows either
            return pd.DataFrame(index=range(len(self)))
        path = self.folder / "scores.parquet"
        try:
            table = records.read_parquet(path)
        except (OSError, ValueError) as error:
            raise AtlasError(f"{path} cannot be read ({error}); {_again(self.meta)}") from error
        if len(table) != len(self):
            raise AtlasError(
                f"{path} has {len(table)} rows for {len(self)} sources; {_again(self.meta)}"
            )
        return mapped_frame(table)

    @cached_property
    def _identifiers(self) -> Identifiers:
        if self.shared is not None:
            return self.shared
        found = Identifiers(self.source_ids)
        if (twice := found.first_repeated()) is not None:
            raise AtlasError(
                f"{self.folder / 'source_ids.txt'} holds '{twice}' twice; {_again(self.meta)}"
            )
        return found

    def rows_of(self, source_ids: Any) -> np.ndarray:
        """Row numbers of identifiers, int64; -1 for those that are not in this Atlas.

        Raises AtlasError if the Atlas is damaged: it holds a source twice.
        """
        return self._identifiers.rows_of(source_ids)

    def rows_of_catalogue(self, catalogue: Catalogue) -> np.ndarray:
        """Row in this Atlas of each row of a Catalogue, int64 of shape ``(len(catalogue),)``.

        -1 for sources that are not in this Atlas; AtlasError as :meth:`rows_of`.
        """
        if self.shared is not None and self.shared is catalogue.identifiers:
            return np.arange(len(self))
        return self.rows_of(catalogue.table["source_id"])

    def layout_title(self, name: str) -> str:
        """Title of a layout, as displayed."""
        return str(self.meta["layouts"].get(name, {}).get("title", name))


def atlas_folder(data_set: str, model: str, folder: Path | None = None) -> Path:
    """Folder of one Atlas below ``folder``.

    By default that of the shipped Atlas if there is one, else below ``atlas`` in the user's data
    folder; a new Atlas of a shipped data set goes to the shipped ones.

    Raises AtlasError if a key is not a plain name (at most 100 letters, digits, ``_ . -``).
    """
    for what, key in (("data set", data_set), ("model", model)):
        if not _NAME.fullmatch(key):
            raise AtlasError(f"{what} '{key}' is not a plain name, so it cannot name an Atlas")
    if folder is not None:
        return Path(folder) / data_set / model
    shipped, own = (root / data_set / model for root in atlas_roots())
    if (shipped / "atlas.json").exists():
        return shipped
    if data_set not in DATA_SETS or (own / "atlas.json").exists():
        return own
    return shipped


def atlas_roots() -> tuple[Path, Path]:
    """Folders of the shipped Atlases and of the user's own."""
    return trained_folder() / "atlas", user_data_folder() / "atlas"


def list_atlases(folder: Path | None = None, data_set: str = "*") -> list[tuple[str, str]]:
    """(data set, model) of every Atlas on disk, or of those of one data set, sorted.

    They are not opened.
    """
    if data_set != "*" and not _NAME.fullmatch(data_set):
        return []
    roots, names = atlas_roots() if folder is None else (Path(folder),), f"{data_set}/*/atlas.json"
    found = {(p.parent.parent.name, p.parent.name) for r in roots for p in r.glob(names)}
    return sorted(pair for pair in found if all(_NAME.fullmatch(name) for name in pair))


def open_atlas(
    data_set: str,
    model: str,
    *,
    info: ModelInfo | None = None,
    catalogue: Catalogue | None = None,
    folder: Path | None = None,
) -> Atlas:
    """Open an Atlas, arrays memory-mapped (milliseconds, whatever its size).

    Parameters
    ----------
    info : ModelInfo, optional
        The current model; if given, its weights must be those that made the Atlas.
    catalogue : Catalogue, optional
        The current data set; if given, its identifiers must be those of the Atlas.
    folder : pathlib.Path, optional
        Root of all Atlases.

    Raises
    ------
    AtlasError
        If it is missing, damaged, of another format, or stale.
    """
    where = atlas_folder(data_set, model, folder)
    name = f"Atlas of '{data_set}' under model '{model}'"
    again = f"make it again with: {command_of(data_set, model)}"
    if not (where / "atlas.json").exists():
        raise AtlasError(f"no {name} in {where}; {again}")
    try:
        meta = _read_meta(where)
        again = _again(meta)
        if info is not None and info.weights_sha256 != meta["weights_sha256"]:
            raise AtlasError(
                f"{name} is stale: it was made with weights {meta['weights_sha256'][:12]}, the "
                f"model now has {info.weights_sha256[:12]}; {again}"
            )
        if catalogue is not None and catalogue.digest != meta["catalogue_digest"]:
            raise AtlasError(
                f"{name} is stale: it was made for sources with digest {meta['catalogue_digest']}, "
                f"the data set now has {catalogue.digest}; {again}"
            )
        n = meta["n"]
        source_ids, shared = _source_ids(where / "source_ids.txt", catalogue)
        latents = records.read_npy(where / "latents.npy")
        layouts = {key: records.read_npy(where / f"layout_{key}.npy") for key in meta["layouts"]}
        shapes: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
        shapes = [(f"layout {k}", v.shape, (n, 2)) for k, v in layouts.items()]
        shapes += [("source_ids", source_ids.shape, (n,))]
        shapes += [("latents", latents.shape, (n, *latents.shape[1:2]))]
        for what, shape, expected in shapes:
            if shape != expected or (what == "latents" and latents.ndim != 2):
                raise ValueError(f"{what} has shape {shape} for {n} sources")
    except (OSError, ValueError) as error:
        raise AtlasError(f"{name} is damaged ({error}); {again}") from error
    return Atlas(data_set, model, source_ids, latents, layouts, meta, where, shared)


def _source_ids(path: Path, catalogue: Catalogue | None) -> tuple[Any, Identifiers | None]:
    """Identifiers of an Atlas: those of the Catalogue, unread, where the file holds the same."""
    if catalogue is not None:
        with path.open("rb") as file:
            parts = iter(lambda: file.read(1 << 20), b"")
            same = digest_of(catalogue.info.key, parts) == catalogue.digest
        if same:
            return catalogue.table["source_id"].array, catalogue.identifiers
    ids = path.read_text(encoding="utf-8").split("\n")
    return np.array(ids if ids != [""] else [], dtype=object), None


def encoded_plane(data_set: str, model: str) -> str:
    """Which of several images of each source an Atlas is of; empty for the first.

    Raises AtlasError if there is no such Atlas, or it is damaged.
    """
    where = atlas_folder(data_set, model)
    try:
        return str(_read_meta(where).get("plane", ""))
    except (OSError, ValueError) as error:
        raise AtlasError(f"Atlas of '{data_set}' under model '{model}': {error}") from error


def _read_meta(where: Path) -> dict[str, Any]:
    meta = records.read_json_object(where / "atlas.json")
    records.check_format(meta, FORMAT_VERSION)
    records.to_record(meta, _AtlasFile)
    for key in meta["layouts"]:
        if not _NAME.fullmatch(key):
            raise ValueError(f"atlas.json: layout {key[:60]!r} is not a plain name")
    return meta


def command_of(data_set: str, model: str) -> str:
    """The command that makes an Atlas."""
    program = "train atlas" if data_set in DATA_SETS else "radioviz.encode"
    return f"python -m {program} --data {data_set} --model {model}"


def _again(meta: Mapping[str, Any]) -> str:
    return f"make it again with: {meta['command']}"


def write_atlas(
    catalogue: Catalogue,
    info: ModelInfo,
    latents: np.ndarray,
    layouts: Mapping[str, tuple[np.ndarray, Layout]],
    scores: pd.DataFrame | None = None,
    *,
    command: str = "",
    folder: Path | None = None,
    plane: str = "",
) -> Atlas:
    """Write an Atlas in one atomic step and open it.

    Parameters
    ----------
    latents : numpy.ndarray
        Shape ``(n, d)``, stored in their own precision; row ``i`` is row ``i`` of the Catalogue.
    layouts : mapping
        Name to positions ``(n, 2)`` and how they were made; the first is the default.
    scores : pandas.DataFrame, optional
        ``n`` rows.
    plane : str
        The image of each source that was encoded, where it is not the first.

    Raises
    ------
    AtlasError
        If shapes disagree, a value is not finite, or the folder cannot be written.
    """
    key = catalogue.info.key
    where = atlas_folder(key, info.name, folder)
    n = len(catalogue)
    name = f"Atlas of '{key}' under model '{info.name}'"
    arrays = {"latents": (np.asarray(latents), info.latent_dim)}
    for layout, (positions, _) in layouts.items():
        if not _NAME.fullmatch(layout):
            raise AtlasError(f"{name}: layout '{layout}' is not a plain name")
        arrays[f"layout_{layout}"] = (np.asarray(positions, np.float32), 2)
    for what, (array, width) in arrays.items():
        if array.shape != (n, width):
            raise AtlasError(f"{name}: {what} has shape {array.shape}; expected {(n, width)}")
        if not all(np.isfinite(array[i : i + _ROWS]).all() for i in range(0, n, _ROWS)):
            raise AtlasError(f"{name}: {what} holds values that are not finite")
    scores = pd.DataFrame(index=range(n)) if scores is None else scores.reset_index(drop=True)
    if len(scores) != n:
        raise AtlasError(f"{name}: {len(scores)} rows of scores; expected {n}")
    meta = {
        "format": FORMAT_VERSION,
        "data_set": key,
        "catalogue_digest": catalogue.digest,
        "model": info.name,
        "weights_sha256": info.weights_sha256,
        "n": n,
        "latent_dim": info.latent_dim,
        "layouts": {k: dataclasses.asdict(layout) for k, (_, layout) in layouts.items()},
        "scores": list(scores.columns),
        "command": command or command_of(key, info.name),
    }
    if plane:
        meta["plane"] = plane
    with report_unwritable(where, AtlasError, what=name), atomic_folder(where) as scratch:
        for what, (array, _) in arrays.items():
            np.save(scratch / f"{what}.npy", array)
        with (scratch / "source_ids.txt").open("wb") as file:
            file.writelines(as_lines(catalogue.table["source_id"].astype(str).array))
        scores.to_parquet(scratch / "scores.parquet", index=False)
        write_json(scratch / "atlas.json", meta)
    return open_atlas(key, info.name, info=info, catalogue=catalogue, folder=folder)
