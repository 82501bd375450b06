"""The ways in as a whole: an import, and the files that an upload leaves."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.fuzz import mutation, seeds, stored_seeds
from tests.fuzz.seeds import Files
from tests.fuzz.targets.stored import exported
from tests.fuzz.targets.target import PACKED, Target, lines, single


def _import(folder: Path) -> None:
    """The whole way in, and out again."""
    from radioviz.importing.inspection import Source
    from radioviz.importing.recognition import inspect_source
    from radioviz.importing.run_import import import_survey

    os.environ["RADIOVIZ_HOME"] = str(folder / "home")
    given = sorted(p for p in (folder / "in").iterdir())
    source = Source(given[0] if len(given) == 1 else folder / "in")
    answers: dict[str, Any] = {"key": "mine", "attempts": 1}
    for _ in range(3):
        look = inspect_source(source, answers)
        if look.kind == "positions" or not look.missing:
            break
        for question in look.missing:
            answers[question.key] = question.choices[0] if question.choices else "2"
    if look.kind == "positions":  # would go to the network
        return
    result = import_survey(source, answers, inspection=look)
    if result.catalogue is not None:
        exported(result.catalogue)


def _uploaded(folder: Path) -> None:
    from radioviz.images.hdus import find_tables
    from radioviz.ui.pages.your_data.uploads import (
        confined,
        delete_stale_uploads,
        delete_upload,
        stage_files,
    )

    confined.find_fits_tables = find_tables  # no process may be started here
    os.environ["RADIOVIZ_HOME"] = str(folder / "home")
    names = (folder / "names.txt").read_bytes().decode("utf-8", "surrogateescape").split("\n")
    staged = stage_files([(name, io.BytesIO(b"x"), 1) for name in names[:50]])
    for path in staged.folder.rglob("*"):
        assert staged.folder.resolve() in path.resolve().parents
    delete_upload(staged.folder)
    delete_stale_uploads()


def _folders(files: Callable[[], Sequence[Files]]) -> Callable[[], Sequence[Files]]:
    return lambda: [{f"in/{n}": c for n, c in f.items()} for f in files()]


def _import_seeds() -> Sequence[Files]:
    several = {f"{i}.fits": c for i, c in enumerate(seeds.images()[:3])}
    drawn = {f"{i}.png": c for i, c in enumerate(seeds.pictures()[:2])}
    listed = {
        "list.csv": b"image,ra,dec,class\n0.fits,187.7,12.4,FRI\n",
        "0.fits": seeds.images()[0],
    }
    single = [
        ("a.zip", seeds.zips()[0]),
        ("a.tar.gz", seeds.tars("gz")[0]),
        ("c.npy", seeds.npy()[0]),
        ("c.npz", seeds.npz()[0]),
        ("c.h5", seeds.hdf5()[1]),
        ("x.fits", seeds.images()[0]),
        ("t.csv", seeds.csv()[0]),
        ("t.vot", seeds.votable()[0]),
    ]
    return [
        several,
        drawn,
        listed,
        *({n: c} for n, c in single),
        *seeds.zarr()[:1],
        stored_seeds.rgz(),
    ]


TARGETS = (
    Target("whole imports", _folders(_import_seeds), PACKED, _import, share=0.05),
    single(
        "names of uploads",
        "names.txt",
        lambda: [b"a.fits\n../x.fits\nC:\\a\\b.csv\nz.zarr/.zarray"],
        mutation.text,
        _uploaded,
        lambda: lines("names.txt"),
        share=0.3,
    ),
)
