"""The latents of one data set with what a search needs beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import Atlas
from radioviz.data.catalogue import Catalogue
from radioviz.errors import SimilarityError
from radioviz.jobs.progress import Progress
from radioviz.similarity.approximate import LARGE, Approximate, cached_index
from radioviz.store.identifiers import Identifiers
from radioviz.store.mapped import mapped_rows

BLOCK = 65_536  # rows at a time where a product yields several numbers per row


@dataclass(frozen=True, eq=False)
class LatentIndex:
    """The latents of one data set with what a search needs beside them."""

    # data_set, model, model_sha256: data set, and the model that computed the latents
    data_set: str
    source_ids: Any  # text, shape ``(n,)``: rows and array of the Catalogue
    # Shape ``(n, d)``, float32, or as stored where :attr:`large`; may be memory-mapped.
    latents: np.ndarray
    # Float32, shape ``(n,)``; 0 where a latent has no direction (zero or not finite). Such rows are
    # never results.
    inverse_norms: np.ndarray
    # ra, dec: degrees, shape ``(n,)``, NaN without a position
    ra: np.ndarray
    dec: np.ndarray
    # Number of the source of each row, int32 ``(n,)``: rows of one source have the same number.
    source: np.ndarray
    identifiers: Identifiers  # where each of ``source_ids`` stands
    model: str = ""
    model_sha256: str = ""
    approximate: Approximate | None = None  # finds candidates where exact search would be too slow

    def __len__(self) -> int:
        return len(self.source_ids)

    @classmethod
    def of(cls, catalogue: Catalogue, atlas: Atlas) -> LatentIndex:
        """Index of a data set under one model.

        Raises SimilarityError if the rows of the Atlas are not those of the Catalogue.
        """
        table = catalogue.table
        if atlas.data_set != catalogue.info.key or not np.array_equal(
            atlas.rows_of_catalogue(catalogue), np.arange(len(atlas))
        ):
            raise SimilarityError(
                f"the Atlas of '{atlas.data_set}' does not list the sources of "
                f"'{catalogue.info.key}' in their order; build it again"
            )
        ra, dec = (table[name].to_numpy(dtype=float) for name in ("ra", "dec"))
        if "matched_ra" in table and "matched_dec" in table:
            # Positions of sources that were recognised in another survey by their image.
            known = np.isfinite(ra) & np.isfinite(dec)
            ra = np.where(known, ra, table["matched_ra"].to_numpy(dtype=float))
            dec = np.where(known, dec, table["matched_dec"].to_numpy(dtype=float))
        return cls.create(
            catalogue.info.key,
            table["source_id"].array,
            atlas.latents,
            ra=ra,
            dec=dec,
            same_as=table["same_as"].array if "same_as" in table else None,
            identifiers=catalogue.identifiers,
            model=atlas.model,
            model_sha256=str(atlas.meta.get("weights_sha256", "")),
        )

    @classmethod
    def create(
        cls,
        data_set: str,
        source_ids: Any,
        latents: np.ndarray,
        *,
        ra: np.ndarray | None = None,
        dec: np.ndarray | None = None,
        same_as: Any = None,
        identifiers: Identifiers | None = None,
        model: str = "",
        model_sha256: str = "",
    ) -> LatentIndex:
        """Index of plain arrays; latents are converted to float32 unless they are large.

        Above :data:`~radioviz.similarity.approximate.LARGE` values they stay in their file.

        ``same_as`` is the identifier of the first row of the same source, '' for first or only
        rows. Raises SimilarityError if shapes do not match, or no latent has a direction.
        """
        n = len(source_ids)
        if latents.ndim != 2 or len(latents) != n or latents.shape[1] < 1:
            raise SimilarityError(
                f"data set '{data_set}': latents of shape {latents.shape} for {n} sources; "
                f"expected ({n}, d)"
            )
        if latents.dtype != np.float32 and latents.size < LARGE:
            latents = mapped_rows(lambda part: part, latents, latents.shape[1])
        inverse = inverse_norms(latents)
        if n and not inverse.any():
            raise SimilarityError(
                f"data set '{data_set}': none of {n} latents has a direction (all are zero or "
                "not finite), so they cannot be compared; build its Atlas again"
            )
        nowhere = np.full(n, np.nan)
        columns = {"ra": nowhere if ra is None else ra, "dec": nowhere if dec is None else dec}
        for name, column in (*columns.items(), ("same_as", same_as)):
            if column is not None and len(column) != n:
                raise SimilarityError(
                    f"data set '{data_set}': {len(column)} values of {name} for {n} sources"
                )
        known = identifiers or Identifiers(source_ids)
        return cls(
            data_set,
            source_ids,
            latents,
            inverse,
            np.asarray(columns["ra"], dtype=float),
            np.asarray(columns["dec"], dtype=float),
            _numbered(same_as, known),
            known,
            model,
            model_sha256,
        )

    def with_approximate(self, folder: Path, progress: Progress | None = None) -> LatentIndex:
        """The same with a search index in ``folder``, built there once; unchanged unless large.

        Raises SimilarityError if the folder cannot be written.
        """
        if not self.large:
            return self
        on_progress = progress or (lambda done, total, what: None)
        index = cached_index(self.latents, self.inverse_norms, folder, on_progress)
        return dataclasses.replace(self, approximate=index)

    @property
    def large(self) -> bool:
        """True where exact search takes more than about a tenth of a second."""
        return int(self.latents.size) >= LARGE

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean latent vector of the rows with a direction, or of a sample, float32 ``(d,)``."""
        rows = np.flatnonzero(self.inverse_norms > 0)
        rows = rows[:: max(1, len(rows) // BLOCK)]
        mean: np.ndarray = np.asarray(self.latents[rows], np.float64).mean(axis=0)
        return mean.astype(np.float32)

    def row_of(self, source_id: str) -> int:
        """Row of an identifier.

        Raises SimilarityError if there is no such source.
        """
        row = int(self.identifiers.rows_of([source_id])[0])
        if row < 0:
            raise SimilarityError(f"data set '{self.data_set}' has no source '{source_id}'")
        return row

    def rows_among(self, pairs: Iterable[tuple[str, str]]) -> np.ndarray:
        """Rows of those ``(data set, source_id)`` that are here, int64."""
        rows = self.identifiers.rows_of([s for d, s in pairs if d == self.data_set])
        return rows[rows >= 0]

    def ids_of(self, rows: np.ndarray) -> np.ndarray:
        """Identifiers of some rows, as an array of text."""
        return np.asarray(self.source_ids[rows], dtype=object)


def inverse_norms(latents: np.ndarray) -> np.ndarray:
    """One over the length of each row of ``(n, d)``, float32; 0 where it has no direction."""
    inverse = np.zeros(len(latents), dtype=np.float32)
    for part in blocks(len(latents)):
        # float64, because squares of large float32 overflow. Beyond 1e37 the products of the
        # search would overflow, too.
        block = np.asarray(latents[part], np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64))
        good = (norms > 1e-37) & (norms < 1e37)
        inverse[part][good] = 1.0 / norms[good]
    return inverse


def _numbered(same_as: Any, identifiers: Identifiers) -> np.ndarray:
    """Number of the source of each row: the row of its first one, or beyond all rows where that
    is not here.
    """
    n = len(identifiers)
    number = np.arange(n, dtype=np.int32)
    if same_as is None:
        return number
    repeats = np.flatnonzero(np.asarray(same_as != ""))
    names = np.asarray(same_as[repeats], dtype=object)
    rows = identifiers.rows_of(names)
    number[repeats] = np.where(rows < 0, n + pd.factorize(names)[0], rows)
    return number


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices that cover ``n`` rows, ``size`` at a time."""
    for start in range(0, n, size):
        yield slice(start, min(n, start + size))
