"""Shards: some thousand images through an encoder, by this process or by several.

A shard depends on its images, the model, and on how its images are put into batches, never on who
makes it: batches begin at its first image. So any number of processes and machines that share a
disk may make shards of one survey at the same time, and what comes out is the same, to the last
bit where each has the same number of threads (sums are split among them), else to a millionth.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.data.catalogue import Catalogue, Progress
from radioviz.data.registry import open_data_set
from radioviz.encode.encoder import Encoder
from radioviz.errors import CatalogueError, RadioVizError
from radioviz.metrics.reconstruction import flux_ratio, relative_error
from radioviz.models.abilities import Reconstructs
from radioviz.models.artefact import ModelInfo

BATCH = 128
"""Images in the network at a time: half of what is fastest on a CPU, for half of the memory."""

BATCH_GPU = 1024
"""The same where there is a GPU, which smaller batches would leave idle."""

AHEAD = 2
"""Batches that are read and preprocessed while one is in the network."""

ANSWER = 20.0
"""Seconds that a scheduler may take to answer."""

_ENVIRONMENT = "distributed.nanny.pre-spawn-environ"  # of a worker of Dask


@dataclass(frozen=True)
class WorkerPool:
    """Who makes shards, besides or instead of this process.

    Attributes
    ----------
    count : int
        Processes on this machine; 1 is this process alone.
    scheduler : str
        Address of a Dask scheduler (``tcp://host:8786``) whose workers see the same folders;
        then ``count`` does not matter.
    threads : int
        Of each process; 0 shares the cores among them.
    """

    count: int = 1
    scheduler: str = ""
    threads: int = 0


ALONE = WorkerPool()
"""This process and no other."""


def reconstructs(info: ModelInfo) -> bool:
    """Whether figures of the reconstruction stand beside the latents of a model."""
    return info.can("encode", "decode") and not info.can("class")


def default_batch() -> int:
    """Images in the network at a time on this machine."""
    import torch

    return BATCH_GPU if torch.cuda.is_available() else BATCH


def make(
    catalogue: Catalogue,
    encoder: Encoder,
    starts: list[int],
    size: int,
    batch: int,
    part: Path,
    told: Callable[[int], None],
    cancelled: Callable[[], bool],
) -> bool:
    """Make shards one after the other; False where it was cancelled.

    Parameters
    ----------
    starts : list of int
        First rows of the shards.
    size : int
        Images a shard.
    told : callable
        Given the number of images of each batch that is through.
    """
    n = len(catalogue)
    jobs = [
        (start, np.arange(low, min(low + batch, start + size, n)))
        for start in starts
        for low in range(start, min(start + size, n), batch)
    ]

    def prepared(rows: np.ndarray) -> np.ndarray:
        return encoder.info.preprocess.apply(catalogue, rows, batch)

    # The next images are read and preprocessed while these are in the network.
    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[np.ndarray]] = [pool.submit(prepared, r) for _, r in jobs[:AHEAD]]
        rows: list[np.ndarray] = []
        for i, (start, _) in enumerate(jobs):
            images = waiting.pop(0).result()
            if i + AHEAD < len(jobs):
                waiting.append(pool.submit(prepared, jobs[i + AHEAD][1]))
            rows.append(_through(encoder, images))
            if i + 1 == len(jobs) or jobs[i + 1][0] != start:
                path = shard_path(part, start)
                scratch = path.with_suffix(f".{os.getpid()}.tmp")
                with scratch.open("wb") as file:
                    np.save(file, np.concatenate(rows))
                scratch.replace(path)
                rows = []
            told(len(images))
            if cancelled():
                for future in waiting:
                    future.cancel()
                return False
    return True


def _through(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    """Latents, and figures of the reconstruction where there is one: float32 ``(n, d + k)``."""
    latents = encoder.encode(images, len(images))
    if not reconstructs(encoder.info):
        return latents
    if isinstance(encoder.module, Reconstructs):
        guesses = encoder.reconstruct(images, batch=len(images))
    else:  # what reconstruct does, without encoding twice
        guesses = encoder.decode(latents, batch=len(images))
    with np.errstate(divide="ignore", invalid="ignore"):  # blank images: NaN
        figures = np.stack([relative_error(images, guesses), flux_ratio(images, guesses)], axis=1)
    return np.hstack([latents, np.where(np.isfinite(figures), figures, np.nan)], dtype=np.float32)


def shard_path(part: Path, start: int) -> Path:
    """File of the shard whose first row is ``start``."""
    return part / f"shard-{start:09d}.npy"


def paths(part: Path) -> list[Path]:
    """Files of all shards that are there, in the order of their rows."""
    return sorted(part.glob("shard-*.npy"))


def joined(part: Path) -> np.ndarray:
    """All shards in one file that is mapped: memory does not grow with the survey."""
    found = [np.load(p, mmap_mode="r", allow_pickle=False) for p in paths(part)]
    if len(found) == 1:
        return found[0]
    shape = (sum(len(f) for f in found), found[0].shape[1])
    path = part / "joined.npy"
    out = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    at = 0
    for shard in found:
        out[at : at + len(shard)] = shard
        at += len(shard)
    out.flush()
    del out
    joined: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return joined


def halved(latents: np.ndarray, part: Path) -> np.ndarray:
    """Latents in half precision, in a file that is mapped.

    This moves a latent vector by less than a thousandth of the prior's width.
    """
    path = part / "half.npy"
    out = np.lib.format.open_memmap(path, "w+", np.float16, latents.shape)
    for start in range(0, len(latents), 65_536):
        out[start : start + 65_536] = latents[start : start + 65_536]
    out.flush()
    del out
    half: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return half


# -- by several processes ----------------------------------------------------------------------


def make_by_workers(
    key: str,
    digest: str,
    model: str,
    weights: str,
    starts: list[int],
    size: int,
    batch: int,
    part: Path,
    workers: WorkerPool,
    told: Callable[[int], None],
    cancelled: Callable[[], bool],
    progress: Progress,
) -> bool:
    """Make shards by the processes of a Dask cluster; False where it was cancelled.

    Raises
    ------
    CatalogueError
        If Dask is not installed or its scheduler does not answer.
    RadioVizError
        What a worker raised.
    """
    try:
        import dask
        from distributed import Client, LocalCluster, as_completed
    except ImportError:
        raise CatalogueError(
            "several processes need Dask; pip install -r radioviz/encode/requirements.txt"
        ) from None
    threads = workers.threads or max(1, (os.cpu_count() or 1) // max(1, workers.count))
    cluster: Any = None
    try:
        if not workers.scheduler:
            progress(0, 0, f"starting {workers.count} processes")
            # Dask has its workers give back every freed array at once. A network frees and takes
            # tens of megabytes a layer: half of the time would go into pages.
            with dask.config.set({f"{_ENVIRONMENT}.MALLOC_TRIM_THRESHOLD_": None}):
                cluster = LocalCluster(
                    n_workers=workers.count,
                    threads_per_worker=1,  # one shard at a time; torch has threads of its own
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    host="127.0.0.1",
                )
        with Client(cluster or workers.scheduler, timeout=ANSWER, set_as_default=False) as client:
            tasks = [
                client.submit(
                    _shard_of, key, digest, model, weights, start, size, batch, str(part), threads,
                    pure=False,
                )
                for start in starts
            ]  # fmt: skip
            for done in as_completed(tasks, loop=client.loop):
                told(int(done.result()))
                if cancelled():
                    client.cancel(tasks)
                    return False
    except OSError as error:
        raise CatalogueError(
            f"the Dask scheduler '{workers.scheduler}' does not answer ({error})"
        ) from error
    finally:
        if cluster is not None:
            cluster.close()
    return True


@lru_cache(maxsize=2)
def _opened(key: str, model: str, threads: int) -> tuple[Catalogue, Encoder]:
    import torch

    torch.set_num_threads(threads)
    return open_data_set(key), Encoder.load(model)


def _shard_of(
    key: str,
    digest: str,
    model: str,
    weights: str,
    start: int,
    size: int,
    batch: int,
    part: str,
    threads: int,
) -> int:
    """One shard in the process of a worker; the number of its images."""
    catalogue, encoder = _opened(key, model, threads)
    if (catalogue.digest, encoder.info.weights_sha256) != (digest, weights):
        raise RadioVizError(
            f"a worker sees another data set '{key}' or model '{model}': give all the same "
            "RADIOVIZ_HOME and RADIOVIZ_CACHE, on a disk that they share"
        )
    make(catalogue, encoder, [start], size, batch, Path(part), lambda k: None, lambda: False)
    return min(size, len(catalogue) - start)
