"""What a reader under test is, and how its inputs are made."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz import containers, mutation, structure
from tests.fuzz.mutation import Mutator
from tests.fuzz.seeds import Files


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes
    ----------
    name : str
    seeds : callable
        Good inputs.
    mutators : sequence of (suffix, Mutator)
        For files of a name that ends so; the first that fits.
    read : callable
        Reads the input in a folder: it returns, or raises an error of :mod:`radioviz.errors`;
        anything else is a finding.
    strategy : callable, optional
        Inputs from nothing, as a hypothesis strategy.
    share : float
        Of the inputs of a campaign, beside the others'.
    mortal : bool
        Whether its library is known to end its process, or to ask for any amount of memory: in the
        program, which confines it, that is a sentence.
    """

    name: str
    seeds: Callable[[], Sequence[Files]]
    mutators: Sequence[tuple[str, Mutator]]
    read: Callable[[Path], object]
    strategy: Callable[[], st.SearchStrategy[Files]] | None = None
    share: float = 1.0
    mortal: bool = False

    def mutated(self, rng: random.Random) -> Files:
        """An input: a seed with one to five changes, now and then a file lost or swapped."""
        given = list(self.seeds())
        files = dict(rng.choice(given))
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
            name = rng.choice(sorted(files))
            if len(files) > 1 and rng.random() < 0.04:
                if rng.random() < 0.5:
                    files.pop(name)
                else:
                    files[name] = files[rng.choice(sorted(files))]
                continue
            mutate = next((m for suffix, m in self.mutators if name.endswith(suffix)), mutation.raw)
            others = [other[name] for other in given if name in other]
            files[name] = mutate(files[name], others, rng)
        return files


def write(files: Files, folder: Path) -> None:
    """Lay an input out in a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _one(name: str, contents: Callable[[], Sequence[bytes]]) -> Callable[[], Sequence[Files]]:
    return lambda: [{name: content} for content in contents()]


PACKED = [
    (".fits", mutation.fits_cards),
    (".zip", containers.zip_members(mutation.fits_cards)),
    (".tar.gz", containers.tar_members(mutation.fits_cards, "gz")),
    (".npy", structure.npy),
    (".npz", containers.zip_members(structure.npy)),
    (".csv", mutation.text),
    (".vot", structure.votable),
    (".h5", structure.hdf5),
    (".parquet", structure.parquet),
    (".png", containers.png),
    (".json", mutation.json_tree),
    ("zarr.json", structure.zarr_metadata),
    (".zarray", structure.zarr_metadata),
    (".zgroup", mutation.json_tree),
    (".zattrs", mutation.json_tree),
    (".txt", mutation.text),
    (".md", mutation.text),
    (".jsonl", mutation.text),
]


def cells() -> st.SearchStrategy[str]:
    """Cells of text tables."""
    return st.one_of(
        st.text(max_size=12),
        st.floats().map(str),
        st.integers(-400, 400).map(str),
        st.sampled_from(("12:30:49.4", "+12 23 28", "12h30m", "nan", "1,5", '"', "=1+1", "")),
    )


def lines(name: str) -> st.SearchStrategy[Files]:
    """A text file of some lines of cells."""
    line = st.lists(cells(), max_size=7).map(" ".join) | st.text(max_size=40)
    return st.lists(line, max_size=6).map(
        lambda ls: {name: "\n".join(ls).encode("utf-8", "surrogatepass")}
    )


def single(
    name: str,
    file: str,
    contents: Callable[[], Sequence[bytes]],
    mutator: Mutator,
    read: Callable[[Path], object],
    strategy: Callable[[], st.SearchStrategy[Files]] | None = None,
    share: float = 1.0,
) -> Target:
    """A reader of one file."""
    return Target(name, _one(file, contents), [("", mutator)], read, strategy, share)


def gzipped(contents: Callable[[], Sequence[bytes]]) -> Callable[[], Sequence[bytes]]:
    """The same good files, packed."""
    return lambda: [gzip.compress(c, 1, mtime=0) for c in contents()]
