"""Search of more latents than can be compared one by one: an inverted file of faiss.

Latents of unit length are put into cells about ``nlist`` centres (k-means); a search looks into
the ``nprobe`` cells nearest to the query alone (Sivic & Zisserman 2003; Jegou, Douze & Schmid
2011, section IV). In the cells each component is held in 8 bits. What is found is scored again
from the latents themselves, so that scores are exact and only *which* galaxies are found is
approximate: see ``python -m tests.benchmarks.bench_scale search`` for how many are missed.

An index is a folder of files that are mapped into memory, not read; :func:`stored` makes it once
for the latents of an Atlas and finds it again by their checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import SimilarityError

LARGE = 100_000_000
"""Values (galaxies times dimensions) from which comparing all takes more than a tenth of a
second; below, nothing is approximated."""

CHUNK = 1 << 20
"""Galaxies put into cells at a time: what bounds the memory of making an index."""

_VERSION = 1
_TRAINING = 40  # galaxies a cell that the centres are found from; faiss asks for 39 or more
_STEPS = 8  # of k-means
_INDEX, _LISTS, _ABOUT = "index.faiss", "lists.bin", "index.json"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Approximate:
    """An index on the disk.

    Attributes
    ----------
    folder : pathlib.Path
    n, dimension : int
    nlist, nprobe : int
        Cells, and how many of them a search looks into.
    """

    folder: Path
    n: int
    dimension: int
    nlist: int
    nprobe: int

    @cached_property
    def _faiss(self) -> Any:
        import faiss

        # Lists stay in their file; only the centres (some megabytes) are read.
        how = faiss.IO_FLAG_MMAP
        if (self.folder / _LISTS).exists():
            how = faiss.IO_FLAG_READ_ONLY | faiss.IO_FLAG_ONDISK_SAME_DIR
        return faiss.read_index(str(self.folder / _INDEX), how)

    def nearest(
        self, directions: np.ndarray, count: int, allowed: np.ndarray | None = None
    ) -> np.ndarray:
        """Rows with the highest product with each direction, about best first.

        Parameters
        ----------
        directions : numpy.ndarray
            Float32, shape ``(q, d)``; their lengths do not matter.
        count : int
            Rows wanted a direction.
        allowed : numpy.ndarray, optional
            Bool of shape ``(n,)``: rows that may be found.

        Returns
        -------
        numpy.ndarray
            Int64, shape ``(q, min(count, n))``; -1 where the cells held no more.

        Raises
        ------
        SimilarityError
            If the directions have another number of dimensions.
        """
        import faiss

        directions = np.ascontiguousarray(directions, np.float32)
        if directions.ndim != 2 or directions.shape[1] != self.dimension:
            raise SimilarityError(
                f"directions of shape {directions.shape} for a search index of "
                f"{self.dimension} dimensions"
            )
        count = min(count, self.n)
        # Many results need many cells: as many as hold some times what is wanted.
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
    """Cells and cells looked into for ``n`` galaxies: two square roots up to 2048, and one in 32.

    More cells would be looked into faster and take longer to make: every galaxy is compared with
    every centre.
    """
    nlist = 1 << max(0, round(np.log2(max(1.0, 2.0 * np.sqrt(n)))))
    nlist = int(min(nlist, 2048, max(1, n // 39)))
    return nlist, max(1, min(nlist, max(16, nlist // 32)))


def build(
    latents: np.ndarray,
    inverse_norms: np.ndarray,
    folder: Path,
    progress: Progress = lambda done, total, what: None,
) -> Approximate:
    """Make an index in a folder that is not there yet, in one atomic step.

    Parameters
    ----------
    latents : numpy.ndarray
        Shape ``(n, d)``, float16 or float32; may be memory-mapped.
    inverse_norms : numpy.ndarray
        Float32, shape ``(n,)``; rows with 0 are never found.

    Raises
    ------
    SimilarityError
        If there are no usable latents, or the folder cannot be written.
    """
    import faiss

    n, d = latents.shape
    usable = np.flatnonzero(inverse_norms > 0)
    if not len(usable):
        raise SimilarityError("a search index of latents none of which has a direction")
    nlist, nprobe = cells_for(len(usable))

    def unit(rows: np.ndarray | slice) -> np.ndarray:
        return np.asarray(latents[rows], np.float32) * inverse_norms[rows, None]

    what = "making the search index"
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(usable, min(len(usable), _TRAINING * nlist), replace=False))
    index: Any = faiss.index_factory(d, f"IVF{nlist},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.seed = _STEPS, 1
    progress(0, n, what)
    index.train(unit(chosen))
    scratch = ""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)
        target = Path(scratch)
        target.chmod(0o755)
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

            # From the disk to the disk, into one file that the index then takes its lists from.
            merge_ondisk(index, [str(p) for p in parts], str(target / _LISTS))
            for path in parts:
                path.unlink()
        faiss.write_index(index, str(target / _INDEX))
        about = {"version": _VERSION, "n": n, "dimension": d, "nlist": nlist, "nprobe": nprobe}
        (target / _ABOUT).write_text(json.dumps(about), "utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        os.rename(target, folder)  # noqa: PTH104
    except OSError as error:
        raise SimilarityError(f"the search index {folder} cannot be written: {error}") from error
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    progress(n, n, what)
    return Approximate(folder, n, d, nlist, nprobe)


def opened(folder: Path) -> Approximate | None:
    """The index of a folder; None where there is none that this version reads."""
    try:
        about = json.loads((folder / _ABOUT).read_text("utf-8"))
        if about["version"] != _VERSION or not (folder / _INDEX).is_file():
            return None
        numbers = (about["n"], about["dimension"], about["nlist"], about["nprobe"])
        return Approximate(folder, *map(int, numbers))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def checksum(latents: np.ndarray) -> str:
    """Hash of the content of latents, in hexadecimal (a gigabyte takes about a second)."""
    sum_ = hashlib.blake2b(f"{latents.dtype}{latents.shape}".encode(), digest_size=16)
    for start in range(0, len(latents), 65_536):
        sum_.update(np.ascontiguousarray(latents[start : start + 65_536]).data)
    return sum_.hexdigest()


def stored(
    latents: np.ndarray,
    inverse_norms: np.ndarray,
    folder: Path,
    progress: Progress = lambda done, total, what: None,
) -> Approximate:
    """The index of these latents, made where it is not there yet or is of other latents.

    ``folder`` is beside the latents; ``search.json`` in it names their checksum, and the size and
    time of their file, so that it need not be computed anew at each start.

    Raises
    ------
    SimilarityError
        As :func:`build`.
    """
    note = folder.with_suffix(".json")
    known: dict[str, Any] = {}
    try:
        known = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    stamp = _stamp(latents)
    index = opened(folder)
    if index is not None and (index.n, index.dimension) == latents.shape:
        if stamp and known.get("stamp") == stamp:
            return index
        if known.get("checksum") == checksum(latents):
            _note(note, {"checksum": known["checksum"], "stamp": stamp})
            return index
    index = build(latents, inverse_norms, folder, progress)
    _note(note, {"checksum": checksum(latents), "stamp": stamp})
    return index


def whitened_file(
    latents: np.ndarray, whitening: Callable[[np.ndarray], np.ndarray], path: Path
) -> np.ndarray:
    """Latents in another space, float16 in a file that is mapped; written where it is not there.

    ``path`` names the space: what it holds is not looked at again.

    Raises
    ------
    SimilarityError
        If it cannot be written.
    """
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            k = whitening(np.asarray(latents[:1], np.float32)).shape[1]
            scratch = path.with_name(f".{path.name}.{os.getpid()}")
            out = np.lib.format.open_memmap(scratch, "w+", np.float16, (len(latents), k))
            for start in range(0, len(latents), 65_536):
                part = slice(start, start + 65_536)
                out[part] = whitening(np.asarray(latents[part], np.float32))
            out.flush()
            scratch.replace(path)
        mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped
    except (OSError, ValueError) as error:
        raise SimilarityError(f"{path} cannot be written: {error}") from error


def _stamp(latents: np.ndarray) -> list[Any]:
    """Size and time of the file that is mapped; nothing for arrays in memory."""
    name = getattr(latents, "filename", None)
    if name is None:
        return []
    about = Path(name).stat()
    return [about.st_size, about.st_mtime_ns]


def _note(path: Path, values: dict[str, Any]) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_text(json.dumps(values), "utf-8")
        scratch.replace(path)
    except OSError as error:
        raise SimilarityError(f"the search index {path} cannot be written: {error}") from error
