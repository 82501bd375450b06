"""A whole survey through an encoder, in streaming batches, into an Atlas of the user's own.

Latents and figures of a few thousand images at a time are written as shards below
``<user data>/atlas/<data set>/.<model>.part/``; killed at any point, the next run goes on
behind the last whole shard. When all are there they become the Atlas
``<user data>/atlas/<data set>/<model>/`` by one rename.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import (
    Atlas,
    Layout,
    atlas_roots,
    command_of,
    list_atlases,
    open_atlas,
    write_atlas,
)
from radioviz.atlas.latent_scores import latent_outlier_scores
from radioviz.atlas.layouts import REFERENCE, fit_umap_layout, quick_layouts
from radioviz.data.catalogue import Catalogue, Progress
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.data.user_surveys import survey_lock
from radioviz.encode import shards
from radioviz.encode.encoder import Encoder
from radioviz.encode.shards import ALONE, WorkerPool
from radioviz.errors import AtlasError
from radioviz.jobs.progress import no_progress
from radioviz.models import registry
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import list_models
from radioviz.similarity.approximate import LARGE
from radioviz.store.atomic import delete_folder
from radioviz.store.mapped import trim

SHARD = 4096
"""Images a shard: some seconds of work, which is what a kill costs at most."""

FORMAT = 2
_PLAN = "plan.json"


@dataclass(frozen=True)
class EncodingResult:
    """What encoding a data set with a model came to.

    Attributes
    ----------
    data_set, model : str
    atlas : Atlas or None
        None where it was cancelled; the shards are kept for the next run.
    n, resumed : int
        Images, and those that an earlier run had encoded.
    seconds : float
        Of encoding alone.
    """

    data_set: str
    model: str
    atlas: Atlas | None
    n: int
    resumed: int = 0
    seconds: float = 0.0

    @property
    def images_per_second(self) -> float:
        """Of what this run encoded; 0 where there was nothing left to do."""
        return (self.n - self.resumed) / self.seconds if self.seconds else 0.0


def reference_atlas(info: ModelInfo) -> Atlas | None:
    """Atlas of the reference data set by these very weights; None where there is none."""
    try:
        return open_atlas(REFERENCE, info.name, info=info)
    except AtlasError:
        return None


def is_encoded(catalogue: Catalogue, info: ModelInfo) -> bool:
    """True where there is an Atlas of these sources by these weights."""
    try:
        open_atlas(catalogue.info.key, info.name, info=info, catalogue=catalogue)
    except AtlasError:
        return False
    return True


def list_encoders() -> list[str]:
    """Models that encode, the default one first.

    Those with a map of the reference lead, for a survey can be placed on that.
    """
    mapped = {model for data_set, model in list_atlases() if data_set == REFERENCE}
    return sorted(registry.encoders(), key=lambda name: name not in mapped)


def encode_data_set(
    key: str,
    model: str,
    *,
    progress: Progress = no_progress,
    cancelled: Callable[[], bool] = lambda: False,
    again: bool = False,
    umap: bool = True,
    batch: int = 0,
    shard: int = SHARD,
    workers: WorkerPool = ALONE,
) -> EncodingResult:
    """Encode a data set into an Atlas in the user's data folder.

    The Atlas can be seen, on the map of :data:`~radioviz.atlas.layouts.REFERENCE` and as PCA,
    before the survey's own UMAP, the slow part, is added to it.

    Parameters
    ----------
    progress : callable
        ``progress(done, total, what)``.
    cancelled : callable
        Asked after each batch.
    again : bool
        True to encode anew what has a valid Atlas.
    umap : bool
        False leaves the survey's own UMAP out.
    batch, shard : int
        Images in the network at a time (0: what suits this machine), and images a shard.
    workers : WorkerPool
        Processes that share the work.

    Raises
    ------
    CatalogueError, ModelError
        If the data set or the model cannot be opened, or an import of it is under way.
    AtlasError
        If the user's data folder cannot be written.
    """
    with _held(key):
        catalogue = open_data_set(key)
        info = list_models()[model]
        n = len(catalogue)
        root = atlas_roots()[1]
        part = root / key / f".{model}.part"
        # An Atlas whose shards are still there was cut off before it got its own map.
        if is_encoded(catalogue, info) and not again and not part.exists():
            atlas = open_atlas(key, model)
            return EncodingResult(key, model, atlas, n, resumed=n)
        batch = batch or shards.default_batch()
        _prepare(part, catalogue, info, shard, batch)
        started = time.perf_counter()
        with _unwritable(part):
            resumed = _fill(part, catalogue, info, shard, batch, workers, progress, cancelled)
        seconds = time.perf_counter() - started
        trim()
        if resumed is None:
            return EncodingResult(key, model, None, n)
        table = shards.joined(part)
        latents = table[:, : info.latent_dim]
        names = json.loads((part / _PLAN).read_text("utf-8"))["scores"]
        scores = pd.DataFrame(table[:, info.latent_dim :], columns=names)
        progress(n, n, "looking for the unusual")
        scores = pd.concat([pd.DataFrame(latent_outlier_scores(latents)), scores], axis=1)
        layouts = quick_layouts(latents, reference_atlas(info) if key != REFERENCE else None)

        half = shards.halved(latents, part)

        def write() -> Atlas:
            command = command_of(key, model) if key not in DATA_SETS else _command(key, model)
            return write_atlas(
                catalogue, info, half, _at_least_one(layouts, n), scores, command=command,
                folder=root,
            )  # fmt: skip

        if umap and layouts:
            write()  # to be looked at while the slow part runs
        if umap:
            if cancelled():
                return EncodingResult(key, model, None, n, resumed, seconds)
            trim()
            progress(n, n, "drawing a map of its own (UMAP)")
            if own := fit_umap_layout(latents):
                layouts["umap"] = own
        atlas = write()
        _index(catalogue, atlas, progress)
        delete_folder(part)
        return EncodingResult(key, model, atlas, n, resumed, seconds)


def _index(catalogue: Catalogue, atlas: Atlas, progress: Progress) -> None:
    """Make the search index of a survey that needs one, so that no reader has to wait for it."""
    from radioviz.similarity import LatentIndex

    if atlas.latents.size >= LARGE:
        LatentIndex.of(catalogue, atlas).with_approximate(atlas.folder / "search/index", progress)


def _command(key: str, model: str) -> str:
    return f"python -m radioviz.encode --data {key} --model {model}"


def _at_least_one(
    layouts: dict[str, tuple[np.ndarray, Layout]], n: int
) -> dict[str, tuple[np.ndarray, Layout]]:
    """A map has to be drawn of something, of a single galaxy by a two-dimensional model too."""
    return layouts or {"pca": (np.zeros((n, 2), np.float32), Layout("PCA"))}


@contextmanager
def _held(key: str) -> Iterator[None]:
    """Keep others from importing or removing a survey while it is encoded."""
    with nullcontext() if key in DATA_SETS else survey_lock(key):
        yield


@contextmanager
def _unwritable(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AtlasError(
            f"{part.parent} cannot be written: {error.strerror or error}. Free some space or point "
            "RADIOVIZ_HOME at a folder that can be written."
        ) from error


def _prepare(part: Path, catalogue: Catalogue, info: ModelInfo, shard: int, batch: int) -> None:
    """See that the shards in ``part`` are of these images, this model and this size."""
    images = catalogue.folder / "images.npy" if catalogue.folder else None
    plan = {
        "format": FORMAT,
        "digest": catalogue.digest,
        "images": images.stat().st_mtime_ns if images and images.exists() else 0,
        "survey": repr(catalogue.info),
        "weights": info.weights_sha256,
        "preprocess": hashlib.sha256(repr(info.preprocess).encode()).hexdigest()[:16],
        "shard": shard,
        "batch": batch,  # the last digits of a latent depend on it
        "scores": ["reconstruction_error", "flux_ratio"] if shards.reconstructs(info) else [],
    }
    with _unwritable(part):
        try:
            same = json.loads((part / _PLAN).read_text("utf-8")) == plan
        except (OSError, ValueError):
            same = False
        if same:
            return
        if part.is_dir():
            delete_folder(part)
        part.mkdir(parents=True)
        (part / _PLAN).write_text(json.dumps(plan, indent=1), "utf-8")


def _fill(
    part: Path,
    catalogue: Catalogue,
    info: ModelInfo,
    shard: int,
    batch: int,
    workers: WorkerPool,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> int | None:
    """Make the shards that are missing; how many images there were before, None if cancelled."""
    n = len(catalogue)
    missing = [s for s in range(0, n, shard) if not shards.shard_path(part, s).exists()]
    before = n - sum(min(shard, n - s) for s in missing)
    what = f"encoding with {info.title}"
    progress(before, n, what)
    if not missing:
        return before
    done = before

    def told(images: int) -> None:
        nonlocal done
        done += images
        progress(done, n, what)

    if workers.count > 1 or workers.scheduler:
        whole = shards.make_by_workers(
            catalogue.info.key, catalogue.digest, info.name, info.weights_sha256, missing, shard,
            batch, part, workers, told, cancelled, progress,
        )  # fmt: skip
    else:
        encoder = Encoder.load(info.name)
        whole = shards.make(catalogue, encoder, missing, shard, batch, part, told, cancelled)
    return before if whole else None
