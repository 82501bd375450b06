"""Shards: some thousand images through an encoder, by this process or by several.

A shard depends on its images, the model, and how its images are grouped into batches, which begin
at its first image; it does not depend on who computes it. So any number of processes and machines
that share a disk can encode shards of one survey at the same time. The result is the same, to the
last bit if each process has the same number of threads (sums are split among them), else to 1e-6.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.channels import model_images
from radioviz.data.registry import open_data_set
from radioviz.encode.encoder import Encoder
from radioviz.errors import CatalogueError, RadioVizError
from radioviz.jobs.progress import Cancelled, Progress, never
from radioviz.metrics.reconstruction import flux_ratio, relative_error
from radioviz.models.abilities import Reconstructs
from radioviz.models.artefact import ModelInfo
from radioviz.store.atomic import atomic_file
from radioviz.store.mapped import write_array

BATCH = 128
"""Images per batch on a CPU: half of what is fastest, for half of the memory."""

BATCH_GPU = 1024
"""Images per batch on a GPU, which smaller batches would leave idle."""

AHEAD = 2
"""Batches that are read and preprocessed while the network computes one."""

ANSWER = 20.0
"""Seconds that a Dask scheduler may take to answer."""

_ROWS = 65_536  # rows copied at a time
_ENVIRONMENT = "distributed.nanny.pre-spawn-environ"  # of a Dask worker

OnBatch = Callable[[int], None]


@dataclass(frozen=True)
class WorkerPool:
    """Processes that encode shards."""

    count: int = 1  # processes on this machine; with 1, this process does the work
    # Address of a Dask scheduler (``tcp://host:8786``) whose workers see the same folders; replaces
    # ``count``.
    scheduler: str = ""
    threads: int = 0  # threads of each process; 0 divides the cores among them


@dataclass(frozen=True)
class ShardPlan:
    """What is encoded, and into which files."""

    # key, digest: the data set, and the digest of its sources
    key: str
    digest: str
    # model, weights: the model, and the hash of its weights
    model: str
    weights: str
    folder: Path  # holds ``shard-<first row>.npy``: float32, latents and reconstruction scores
    # size, batch: images per shard and per batch
    size: int
    batch: int
    plane: str = ""  # which image of each source a model of one channel sees; empty for the first

    def path(self, start: int) -> Path:
        """File of the shard whose first row is ``start``."""
        return self.folder / f"shard-{start:09d}.npy"

    def missing(self, n: int) -> list[int]:
        """First rows of the shards of ``n`` images that are not there."""
        return [s for s in range(0, n, self.size) if not self.path(s).exists()]

    def encode(
        self,
        catalogue: Catalogue,
        encoder: Encoder,
        starts: list[int],
        on_batch: OnBatch,
        cancelled: Cancelled,
    ) -> bool:
        """Encode shards one after the other; False if cancelled.

        ``starts``: first rows of the shards; ``on_batch``: called with the number of images of each
        batch.
        """
        n, info = len(catalogue), encoder.info
        catalogue = catalogue.of_plane(self.plane or 0)
        batches = [
            np.arange(low, min(low + self.batch, start + self.size, n))
            for start in starts
            for low in range(start, min(start + self.size, n), self.batch)
        ]
        parts: list[np.ndarray] = []

        def prepare(rows: np.ndarray) -> np.ndarray:
            return model_images(info.preprocess, info.channels, catalogue, rows, self.batch)

        with closing(_prefetched(prepare, batches)) as prepared:
            for rows, images in zip(batches, prepared, strict=True):
                parts.append(_latents_and_scores(encoder, images))
                end = int(rows[-1]) + 1
                if end % self.size == 0 or end == n:
                    start = (end - 1) // self.size * self.size
                    with atomic_file(self.path(start), parents=False) as scratch:
                        np.save(scratch, np.concatenate(parts))
                    parts = []
                on_batch(len(images))
                if cancelled():
                    return False
        return True

    def joined(self) -> np.ndarray:
        """All shards, memory-mapped from one file: memory does not grow with the survey."""
        paths = sorted(self.folder.glob("shard-*.npy"))
        found = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
        if len(found) == 1:
            return found[0]
        shape = (sum(len(shard) for shard in found), found[0].shape[1])
        return write_array(self.folder / "joined.npy", found, shape, np.float32)


def score_names(info: ModelInfo) -> list[str]:
    """Scores that the shards of a model hold after the latents."""
    reconstructs = info.can("encode", "decode") and not info.can("class")
    return ["reconstruction_error", "flux_ratio"] if reconstructs else []


def default_batch() -> int:
    """Images per batch on this machine."""
    import torch

    return BATCH_GPU if torch.cuda.is_available() else BATCH


def half_precision(latents: np.ndarray, path: Path) -> np.ndarray:
    """Latents as float16, memory-mapped from ``path``.

    This moves a latent vector by less than a thousandth of the prior's width.
    """
    parts = (latents[i : i + _ROWS] for i in range(0, len(latents), _ROWS))
    return write_array(path, parts, latents.shape, np.float16)


def _prefetched(
    prepare: Callable[[np.ndarray], np.ndarray], batches: list[np.ndarray]
) -> Generator[np.ndarray, None, None]:
    """Prepare batches in another thread, a few ahead."""
    pool = ThreadPoolExecutor(1)
    waiting: deque[Future[np.ndarray]] = deque()
    try:
        for rows in batches:
            waiting.append(pool.submit(prepare, rows))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _latents_and_scores(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    """Latents, and reconstruction scores of models that have them: float32 ``(n, d + k)``."""
    latents = encoder.encode(images, len(images))
    if not score_names(encoder.info):
        return latents
    if isinstance(encoder.module, Reconstructs):
        guesses = encoder.reconstruct(images, batch=len(images))
    else:  # the same as reconstruct, without encoding twice
        guesses = encoder.decode(latents, batch=len(images))
    with np.errstate(divide="ignore", invalid="ignore"):  # blank images: NaN
        scores = np.stack([relative_error(images, guesses), flux_ratio(images, guesses)], axis=1)
    return np.hstack([latents, np.where(np.isfinite(scores), scores, np.nan)], dtype=np.float32)


# -- by several processes ----------------------------------------------------------------------


def encode_with_dask(
    plan: ShardPlan,
    starts: list[int],
    workers: WorkerPool,
    on_batch: OnBatch,
    cancelled: Cancelled,
    progress: Progress,
) -> bool:
    """Encode shards in the processes of a Dask cluster; False if cancelled.

    Raises CatalogueError if Dask is not installed or its scheduler does not answer, and
    RadioVizError if a worker raises it.
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
            # Dask makes its workers return every freed array to the system at once. A network
            # allocates tens of megabytes per layer: half of the time would go into page faults.
            with dask.config.set({f"{_ENVIRONMENT}.MALLOC_TRIM_THRESHOLD_": None}):
                cluster = LocalCluster(
                    n_workers=workers.count,
                    threads_per_worker=1,  # one shard at a time; torch has its own threads
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    host="127.0.0.1",
                )
        with Client(cluster or workers.scheduler, timeout=ANSWER, set_as_default=False) as client:
            tasks = [client.submit(_encode_one, plan, s, threads, pure=False) for s in starts]
            for done in as_completed(tasks, loop=client.loop):
                on_batch(int(done.result()))
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


def _encode_one(plan: ShardPlan, start: int, threads: int) -> int:
    """Encode one shard in the process of a worker; the number of its images."""
    catalogue, encoder = _opened(plan.key, plan.model, threads)
    if (catalogue.digest, encoder.info.weights_sha256) != (plan.digest, plan.weights):
        raise RadioVizError(
            f"a worker sees another data set '{plan.key}' or model '{plan.model}': give all "
            "workers the same RADIOVIZ_HOME and RADIOVIZ_CACHE, on a shared disk"
        )
    plan.encode(catalogue, encoder, [start], lambda images: None, never)
    return min(plan.size, len(catalogue) - start)
