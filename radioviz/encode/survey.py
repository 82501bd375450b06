"""A whole survey through an encoder, in streaming batches, into an Atlas of the user's own.

Latents and scores of a few thousand images at a time are written as shards below
``<user data>/atlas/<data set>/.<model>.part/``. A run that is killed resumes after its last
complete shard. When all shards are there, they become the Atlas
``<user data>/atlas/<data set>/<model>/`` by one rename.
"""

from __future__ import annotations

import hashlib
import shlex
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import Atlas, Layout, atlas_roots, list_atlases, open_atlas, write_atlas
from radioviz.atlas.latent_scores import latent_outlier_scores
from radioviz.atlas.layouts import REFERENCE, fit_umap_layout, quick_layouts
from radioviz.data.catalogue import Catalogue
from radioviz.data.channels import planes_of_model
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.data.user_surveys import survey_lock
from radioviz.encode.encoder import Encoder
from radioviz.encode.shards import (
    ShardPlan,
    WorkerPool,
    default_batch,
    encode_with_dask,
    half_precision,
    score_names,
)
from radioviz.errors import AtlasError
from radioviz.jobs import scratch
from radioviz.jobs.progress import Cancelled, Progress, never, no_progress
from radioviz.models import registry
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import list_models
from radioviz.similarity.approximate import LARGE
from radioviz.store.atomic import delete_folder, report_unwritable
from radioviz.store.mapped import trim_memory
from radioviz.words.tagging import ensure_tags

SHARD = 4096
"""Images per shard: some seconds of work, which is what a kill costs at most."""

FORMAT = 2


@dataclass(frozen=True)
class EncodingResult:
    """Result of encoding a data set with a model."""

    data_set: str
    model: str
    atlas: Atlas | None  # None if it was cancelled; the shards are kept for the next run
    # n, resumed: images, and those that an earlier run had encoded
    n: int
    resumed: int = 0
    seconds: float = 0.0  # of encoding alone

    @property
    def images_per_second(self) -> float:
        """Speed of this run; 0 if nothing was left to do."""
        return (self.n - self.resumed) / self.seconds if self.seconds else 0.0


def reference_atlas(info: ModelInfo) -> Atlas | None:
    """Atlas of the reference data set with the same weights, or None."""
    with suppress(AtlasError):
        return open_atlas(REFERENCE, info.name, info=info)
    return None


def is_encoded(catalogue: Catalogue, info: ModelInfo, plane: str = "") -> bool:
    """True if there is an Atlas of these sources, in this plane, with these weights."""
    with suppress(AtlasError):
        found = open_atlas(catalogue.info.key, info.name, info=info, catalogue=catalogue)
        return str(found.meta.get("plane", "")) == plane
    return False


def plane_to_encode(catalogue: Catalogue, info: ModelInfo, plane: str) -> str:
    """Name of the plane that a model sees; empty for the first, and where it sees several.

    Raises CatalogueError if the data set has no such plane, or lacks a channel of the model, or a
    source does.
    """
    number = catalogue.plane_number(plane or 0)
    for seen in planes_of_model(catalogue, info.channels) if info.channels else [number]:
        catalogue.of_plane(seen).require_images(np.arange(len(catalogue)))
    return catalogue.planes[number] if number and not info.channels else ""


def list_encoders() -> list[str]:
    """Models that encode, the default one first.

    Those with a map of the reference data set lead, because a survey can be placed on it.
    """
    mapped = {model for data_set, model in list_atlases() if data_set == REFERENCE}
    return sorted(registry.encoders(), key=lambda name: name not in mapped)


def encode_data_set(
    key: str,
    model: str,
    *,
    progress: Progress = no_progress,
    cancelled: Cancelled = never,
    again: bool = False,
    umap: bool = True,
    batch: int = 0,
    shard: int = SHARD,
    workers: WorkerPool | None = None,
    plane: str = "",
) -> EncodingResult:
    """Encode a data set into an Atlas in the user's data folder.

    The Atlas can be opened, with the map of :data:`~radioviz.atlas.layouts.REFERENCE` and PCA,
    before the survey's own UMAP, the slow part, is added to it.

    Parameters
    ----------
    progress : callable
        Called as ``progress(done, total, what)``.
    cancelled : callable
        Polled after each batch.
    again : bool
        True to encode although there is a valid Atlas.
    umap : bool
        False leaves the survey's own UMAP out.
    batch, shard : int
        Images per batch (0: what suits this machine) and per shard.
    workers : WorkerPool, optional
        Processes that share the work; this one by default.
    plane : str
        Which image of each source a model of one channel sees, by its name; the first by default.

    Raises
    ------
    CatalogueError, ModelError
        If the data set or the model cannot be opened, or an import of it is running.
    AtlasError
        If the user's data folder cannot be written.
    """
    with nullcontext() if key in DATA_SETS else survey_lock(key):
        catalogue = open_data_set(key)
        info = list_models()[model]
        n = len(catalogue)
        plane = plane_to_encode(catalogue, info, plane)
        part = atlas_roots()[1] / key / f".{model}.part"
        # Leftover shards belong to an Atlas whose own map is still missing.
        if is_encoded(catalogue, info, plane) and not again and not part.exists():
            atlas = open_atlas(key, model)
            _tag(catalogue, atlas, plane, progress)
            return EncodingResult(key, model, atlas, n, resumed=n)
        plan = ShardPlan(
            key, catalogue.digest, model, info.weights_sha256, part, shard,
            batch or default_batch(), plane,
        )  # fmt: skip
        with report_unwritable(part.parent, AtlasError):
            _prepare(plan, catalogue, info)
            started = time.perf_counter()
            missing = plan.missing(n)
            resumed = n - sum(min(shard, n - start) for start in missing)
            complete = _encode(plan, catalogue, info, missing, workers, progress, cancelled)
            seconds = time.perf_counter() - started
        trim_memory()
        found = None
        if complete:
            found = _write(plan, catalogue, info, umap, progress, cancelled)
        if found is not None:
            _tag(catalogue, found, plane, progress)
        return EncodingResult(key, model, found, n, resumed if complete else 0, seconds)


def _tag(catalogue: Catalogue, atlas: Atlas, plane: str, progress: Progress) -> None:
    """Tags in words of a survey of the user, where this Atlas can add some."""
    if catalogue.info.key not in DATA_SETS:
        ensure_tags(catalogue.of_plane(plane or 0), atlas, list_models(), progress)


def _prepare(plan: ShardPlan, catalogue: Catalogue, info: ModelInfo) -> None:
    """Keep only shards of the same images, model and sizes."""
    images = catalogue.folder / "images.npy" if catalogue.folder else None
    about = {
        "format": FORMAT,
        "digest": catalogue.digest,
        "images": images.stat().st_mtime_ns if images and images.exists() else 0,
        "survey": repr(catalogue.info),
        "weights": info.weights_sha256,
        "preprocess": hashlib.sha256(repr(info.preprocess).encode()).hexdigest()[:16],
        "shard": plan.size,
        "batch": plan.batch,  # the last digits of a latent depend on it
        "scores": score_names(info),
    }
    if plan.plane:
        about["plane"] = plan.plane
    if not scratch.can_resume(plan.folder, about):
        scratch.clear(plan.folder)
        scratch.write_plan(plan.folder, about, {})


def _encode(
    plan: ShardPlan,
    catalogue: Catalogue,
    info: ModelInfo,
    missing: list[int],
    workers: WorkerPool | None,
    progress: Progress,
    cancelled: Cancelled,
) -> bool:
    """Encode the missing shards; False if cancelled."""
    n = len(catalogue)
    done = n - sum(min(plan.size, n - start) for start in missing)
    what = f"encoding with {info.title}"
    progress(done, n, what)

    def on_batch(images: int) -> None:
        nonlocal done
        done += images
        progress(done, n, what)

    if not missing:
        return True
    if workers and (workers.count > 1 or workers.scheduler):
        return encode_with_dask(plan, missing, workers, on_batch, cancelled, progress)
    return plan.encode(catalogue, Encoder.load(info.name), missing, on_batch, cancelled)


def _write(
    plan: ShardPlan,
    catalogue: Catalogue,
    info: ModelInfo,
    umap: bool,
    progress: Progress,
    cancelled: Cancelled,
) -> Atlas | None:
    """Turn all shards into an Atlas; None if cancelled."""
    n = len(catalogue)
    table = plan.joined()
    latents = table[:, : info.latent_dim]
    scores = pd.DataFrame(table[:, info.latent_dim :], columns=score_names(info))
    progress(n, n, "computing outlier scores")
    scores = pd.concat([pd.DataFrame(latent_outlier_scores(latents)), scores], axis=1)
    layouts = quick_layouts(latents, reference_atlas(info) if plan.key != REFERENCE else None)
    half = half_precision(latents, plan.folder / "half.npy")
    # A map needs positions, also for a single galaxy.
    nowhere = {"pca": (np.zeros((n, 2), np.float32), Layout("PCA"))}

    command = f"python -m radioviz.encode --data {plan.key} --model {plan.model}"
    command += f" --plane {shlex.quote(plan.plane)}" * bool(plan.plane)

    def write() -> Atlas:
        return write_atlas(
            catalogue, info, half, layouts or nowhere, scores, folder=atlas_roots()[1],
            command=command, plane=plan.plane,
        )  # fmt: skip

    if umap and layouts:
        write()  # can be opened during the slow part
    if umap:
        if cancelled():
            return None
        trim_memory()
        progress(n, n, "drawing a map of its own (UMAP)")
        if own := fit_umap_layout(latents):
            layouts["umap"] = own
    atlas = write()
    if atlas.latents.size >= LARGE:  # a search index, so that no reader has to wait for it
        from radioviz.similarity import LatentIndex

        LatentIndex.of(catalogue, atlas).with_approximate(atlas.folder / "search/index", progress)
    delete_folder(plan.folder)
    return atlas
