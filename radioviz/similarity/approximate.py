"""Approximate search of data sets too large for exact search: an inverted file index of faiss.

Latents of unit length are assigned to cells around ``nlist`` k-means centres; a search visits only
the ``nprobe`` cells nearest to the query (Sivic & Zisserman 2003; Jegou, Douze & Schmid 2011,
section IV). The cells store 8 bits per component. Candidates are scored again from the latents
themselves, so scores are exact and only *which* galaxies are found is approximate;
``python -m tests.benchmarks.bench_scale search`` measures how many are missed.

An index is a folder of memory-mapped files; :func:`cached_index` builds it once for the latents of
an Atlas and recognises it by their checksum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import SimilarityError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.store.atomic import atomic_file, atomic_folder, report_unwritable, write_json
from radioviz.store.mapped import write_array
from radioviz.store.records import read_json_object

LARGE = 100_000_000
"""Values (galaxies times dimensions) above which exact search takes more than a tenth of a second;
below, nothing is approximated."""

CHUNK = 1 << 20
"""Galaxies assigned to cells at a time; bounds the memory while an index is built."""

_VERSION = 1
_TRAINING = 40  # galaxies per cell to train the centres with; faiss requires 39 or more
_STEPS = 8  # of k-means
_INDEX, _LISTS, _ABOUT = "index.faiss", "lists.bin", "index.json"


@dataclass(frozen=True, eq=False)
class Approximate:
    """A search index on disk."""

    folder: Path
    n: int
    dimension: int
    # nlist, nprobe: number of cells, and how many of them a search visits
    nlist: int
    nprobe: int

    @cached_property
    def _faiss(self) -> Any:
        import faiss

        # The lists stay in their file; only the centres (some megabytes) are read.
        how = faiss.IO_FLAG_MMAP
        if (self.folder / _LISTS).exists():
            how = faiss.IO_FLAG_READ_ONLY | faiss.IO_FLAG_ONDISK_SAME_DIR
        return faiss.read_index(str(self.folder / _INDEX), how)

    def nearest(
        self, directions: np.ndarray, count: int, allowed: np.ndarray | None = None
    ) -> np.ndarray:
        """Rows with the highest product with each direction, roughly best first.

        ``directions``: float32, shape ``(q, d)``, of any length; ``count``: rows to find per
        direction; ``allowed``: bool of shape ``(n,)``: rows to search. Returns int64, shape
        ``(q, min(count, n))``; -1 where the cells hold fewer rows. Raises SimilarityError if the
        directions have another number of dimensions.
        """
        import faiss

        directions = np.ascontiguousarray(directions, np.float32)
        if directions.ndim != 2 or directions.shape[1] != self.dimension:
            raise SimilarityError(
                f"directions of shape {directions.shape} for a search index of "
                f"{self.dimension} dimensions"
            )
        count = min(count, self.n)
        # Many results need many cells: visit enough to hold four times as many rows.
        needed = int(np.ceil(4 * count * self.nlist / max(1, self.n)))
        given: dict[str, Any] = {"nprobe": min(self.nlist, max(self.nprobe, needed))}
        if allowed is not None:
            bits = np.packbits(np.asarray(allowed, dtype=bool), bitorder="little")
            selector = faiss.IDSelectorBitmap(self.n, faiss.swig_ptr(bits))
            share = max(1e-6, float(np.mean(allowed)))
            given["nprobe"] = min(self.nlist, int(np.ceil(given["nprobe"] / share)))
            given["sel"] = selector
        _, rows = self._faiss.search(directions, count, params=faiss.SearchParametersIVF(**given))
        return np.asarray(rows, dtype=np.int64)


def cells_for(n: int) -> tuple[int, int]:
    """Number of cells for ``n`` galaxies, 2 sqrt(n) up to 2048, and how many of them to visit.

    More cells would make a search faster and building slower, since each galaxy is compared with
    each centre.
    """
    nlist = 1 << max(0, round(np.log2(max(1.0, 2.0 * np.sqrt(n)))))
    nlist = int(min(nlist, 2048, max(1, n // 39)))
    return nlist, max(1, min(nlist, max(16, nlist // 32)))


def build_index(
    latents: np.ndarray,
    inverse_norms: np.ndarray,
    folder: Path,
    progress: Progress = no_progress,
) -> Approximate:
    """Build an index and write its folder in one atomic step.

    ``latents``: shape ``(n, d)``, float16 or float32; may be memory-mapped. ``inverse_norms``:
    float32, shape ``(n,)``; rows with 0 are left out. Raises SimilarityError if there are no usable
    latents, or the folder cannot be written.
    """
    import faiss

    n, d = latents.shape
    usable = np.flatnonzero(inverse_norms > 0)
    if not len(usable):
        raise SimilarityError("none of the latents to index has a direction")
    nlist, nprobe = cells_for(len(usable))

    def unit(rows: np.ndarray | slice) -> np.ndarray:
        return np.asarray(latents[rows], np.float32) * inverse_norms[rows, None]

    what = "building the search index"
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(usable, min(len(usable), _TRAINING * nlist), replace=False))
    index: Any = faiss.index_factory(d, f"IVF{nlist},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.seed = _STEPS, 1
    progress(0, n, what)
    index.train(unit(chosen))
    with (
        report_unwritable(folder, SimilarityError, what="the search index"),
        atomic_folder(folder) as target,
    ):
        parts: list[Path] = []
        for start in range(0, n, CHUNK):
            part = index if n <= CHUNK else faiss.clone_index(index)
            stop = min(n, start + CHUNK)
            for low in range(start, stop, 65_536):
                rows = np.arange(low, min(stop, low + 65_536))
                rows = rows[inverse_norms[rows] > 0]
                part.add_with_ids(unit(rows), rows)
                progress(int(low), n, what)
            if part is not index:
                path = target / f"part{len(parts)}"
                faiss.write_index(part, str(path))
                del part
                parts.append(path)
        if parts:
            from faiss.contrib.ondisk import merge_ondisk

            # From disk to disk, into one file that the index then reads its lists from.
            merge_ondisk(index, [str(p) for p in parts], str(target / _LISTS))
            for path in parts:
                path.unlink()
        faiss.write_index(index, str(target / _INDEX))
        about = {"version": _VERSION, "n": n, "dimension": d, "nlist": nlist, "nprobe": nprobe}
        write_json(target / _ABOUT, about)
    progress(n, n, what)
    return Approximate(folder, n, d, nlist, nprobe)


def open_index(folder: Path) -> Approximate | None:
    """The index in a folder; None where it is missing, damaged or of another version."""
    try:
        about = read_json_object(folder / _ABOUT)
        if about["version"] != _VERSION or not (folder / _INDEX).is_file():
            return None
        numbers = (about["n"], about["dimension"], about["nlist"], about["nprobe"])
        return Approximate(folder, *map(int, numbers))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def checksum(latents: np.ndarray) -> str:
    """Hash of the content of latents, in hexadecimal (about a second per gigabyte)."""
    sum_ = hashlib.blake2b(f"{latents.dtype}{latents.shape}".encode(), digest_size=16)
    for start in range(0, len(latents), 65_536):
        sum_.update(np.ascontiguousarray(latents[start : start + 65_536]).data)
    return sum_.hexdigest()


def cached_index(
    latents: np.ndarray,
    inverse_norms: np.ndarray,
    folder: Path,
    progress: Progress = no_progress,
) -> Approximate:
    """The index of these latents, built if ``folder`` has none or has one of other latents.

    A JSON file beside ``folder`` keeps the checksum of the latents, and size and time of their
    file, so that the checksum is not computed at each start.

    Raises SimilarityError as :func:`build_index`.
    """
    note = folder.with_suffix(".json")
    try:
        known = read_json_object(note)
    except (OSError, ValueError):
        known = {}
    stamp = _stamp(latents)
    index = open_index(folder)
    if index is not None and (index.n, index.dimension) == latents.shape:
        if stamp and known.get("stamp") == stamp:
            return index
        if known.get("checksum") == checksum(latents):
            _write_note(note, known["checksum"], stamp)
            return index
    index = build_index(latents, inverse_norms, folder, progress)
    _write_note(note, checksum(latents), stamp)
    return index


def _write_note(path: Path, checksum_: str, stamp: list[Any]) -> None:
    with report_unwritable(path, SimilarityError, what="the search index"):
        write_json(path, {"checksum": checksum_, "stamp": stamp})


def whitened_file(
    latents: np.ndarray,
    whitening: Callable[[np.ndarray], np.ndarray],
    path: Path,
    progress: Progress = no_progress,
) -> np.ndarray:
    """Whitened latents, float16 in a memory-mapped file that is written if missing.

    ``path`` identifies the whitening; an existing file is not checked.

    Raises SimilarityError if it cannot be written.
    """
    try:
        if not path.is_file():
            k = whitening(np.asarray(latents[:1], np.float32)).shape[1]

            def parts() -> Iterator[np.ndarray]:
                for start in range(0, len(latents), 65_536):
                    progress(start, len(latents), "whitening the latents")
                    yield whitening(np.asarray(latents[start : start + 65_536], np.float32))

            with atomic_file(path) as scratch:
                write_array(scratch, parts(), (len(latents), k), np.float16)
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SimilarityError(f"{path} cannot be written: {error}") from error


def _stamp(latents: np.ndarray) -> list[Any]:
    """Size and time of a memory-mapped file; empty for arrays in memory."""
    name = getattr(latents, "filename", None)
    if name is None:
        return []
    about = Path(name).stat()
    return [about.st_size, about.st_mtime_ns]
