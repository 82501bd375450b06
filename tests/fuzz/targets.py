"""What is fuzzed: every reader of RadioViz, with good files, mutations and strategies.

``read`` gets a folder that holds one input and reads it as the program does. It returns, or raises
an error of :mod:`radioviz.errors`; anything else is a finding.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.fuzz import mutation, seeds
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
        Reads the input in a folder.
    strategy : callable, optional
        Inputs from nothing, as a hypothesis strategy.
    confined : bool
        Whether it reads in a confined process, which may die and needs no guard.
    """

    name: str
    seeds: Callable[[], Sequence[Files]]
    mutators: Sequence[tuple[str, Mutator]]
    read: Callable[[Path], object]
    strategy: Callable[[], st.SearchStrategy[Files]] | None = None
    confined: bool = False

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


# -- readers ---------------------------------------------------------------------------------


def _image(name: str, folder: Path) -> None:
    from radioviz.errors import ImageError
    from radioviz.images.reading import read_image
    from radioviz.similarity.query_image import (
        Box,
        holds_noise,
        images_in,
        prepare_picture,
        read_picture,
    )

    payload = (folder / name).read_bytes()
    read_image(folder / name)
    for extension, _ in images_in(payload, name)[:3] or [(None, "")]:
        try:
            image = read_picture(payload, name, extension)
        except ImageError:
            continue
        from radioviz.data.catalogue import SurveyInfo
        from radioviz.data.preprocess import Preprocess

        survey = SurveyInfo("first", "FIRST", 1.8, beam=5.4)
        scale = image.pixel_scale or 1.8
        beam = image.beam.fwhm if image.beam else None
        prepare_picture(
            image,
            Box.whole(image.data),
            pixel_scale=scale,
            beam=beam,
            noisy=holds_noise(image),
            survey=survey,
            chain=Preprocess(),
        )


def _answer(folder: Path) -> None:
    from radioviz.importing.cutouts.cutout_cache import check_cutout
    from radioviz.importing.cutouts.services import SERVICES, CutoutRequest

    request = CutoutRequest(187.7, 12.4, 24, 1.8)
    check_cutout((folder / "x").read_bytes(), SERVICES["first"], request)


def _table(name: str, folder: Path) -> None:
    from radioviz.importing.readers.user_tables import read_table
    from radioviz.importing.source_rows import read_sources

    table = read_table(folder / name)
    read_sources(table, {"ra_unit": "deg", "dec_unit": "deg"} if len(table) % 2 else {})


def _sent_table(mtype: str, folder: Path) -> None:
    """A table that another program sends by SAMP."""
    from radioviz.api.samp_messages import Message, fetch_table

    fetch_table(Message(mtype, "TOPCAT", (folder / "t").as_uri(), "t"))


def _cube(name: str, folder: Path) -> None:
    from radioviz.importing.readers.cube_formats import is_cube, open_cube

    path = folder / name
    if not path.exists() or not is_cube(path):
        return
    cube = open_cube(path)
    cube.table()
    for i, block in enumerate(cube.blocks(1 if cube.shape[0] > 1 else 0)):
        np.asarray(block, dtype=np.float32).sum()
        if i > 2:
            break


def _zarr(folder: Path) -> None:
    """Blosc may end its process."""
    from radioviz.api import confined
    from radioviz.importing import Source

    confined.inspect_source(Source(folder / "c.zarr"))


def _archive(folder: Path) -> None:
    from radioviz.importing.file_reader import summarise_files
    from radioviz.importing.image_files import ImageFiles

    files = ImageFiles(folder / "a")
    summarise_files(files)
    for entry in files.entries():
        assert entry.refused or entry.content is not None


def _batch(folder: Path) -> None:
    from radioviz.data.datasets.cifar import read_batch

    read_batch(folder / "data_batch_1")


def _session(folder: Path) -> None:
    from radioviz.export.session import here, read_session, session_bytes

    session = read_session((folder / "s.radioviz").read_bytes())
    kept, missing = here(session, {"first": {"first-7", "first-9"}})
    missing.sentences()
    assert read_session(session_bytes(session)) == session
    assert kept.sources == () or kept.data_sets()


def _model_list(folder: Path) -> None:
    from radioviz.models.registry import encoders, list_models

    models = list_models(folder)
    encoders(models)
    for info in models.values():
        json.dumps(info.to_dict())
        assert f"{info.title} {info.latent_dim:d} {info.kind} {info.weights_sha256[:12]}"
        info.preprocess(np.zeros((1, 40, 40), np.float32), 2.0)


def _weights(folder: Path) -> None:
    import torch

    from radioviz.encode import Encoder

    if not (folder / "tiny").is_dir():
        return
    encoder = Encoder.load("tiny", folder=folder)
    size = encoder.info.preprocess.size
    if size <= 64 and encoder.info.can("encode"):
        with torch.inference_mode():
            encoder.encode(np.zeros((1, size, size), np.float32))


def _atlas(folder: Path) -> None:
    from radioviz.atlas.atlas import list_atlases, open_atlas
    from radioviz.atlas.scores import read_scores
    from radioviz.errors import AtlasError

    list_atlases(folder)
    try:
        scores = read_scores("synthetic", folder=folder)
        scores.of(["synthetic-1", "nowhere"])
    except AtlasError:
        pass
    atlas = open_atlas("synthetic", "tiny", folder=folder)
    atlas.rows_of(["synthetic-3"])
    np.asarray(atlas.latents[:3], np.float32)
    for name, layout in atlas.layouts.items():
        assert layout.shape == (len(atlas), 2)
        assert atlas.layout_title(name) is not None
    assert atlas.latents.ndim == 2
    if atlas.orientation_stats is not None:
        np.asarray(atlas.orientation_stats[0], np.float32)
    _ = atlas.scores


def _home(folder: Path) -> None:
    """Everything that the pages read of the user's folder."""
    from radioviz.api import survey_job as job
    from radioviz.data import user_surveys as store
    from radioviz.errors import RadioVizError
    from radioviz.importing.run_import import resume_import

    os.environ["RADIOVIZ_HOME"] = str(folder)
    for one in job.list_jobs():
        assert one.request.key is not None and one.seconds >= 0
        stand = one.progress
        f"{stand.state} {stand.step} {stand.done:d} {stand.total:d} {stand.error}"
        f"{', '.join(stand.encoded)} {stand.imported}"
    for key, survey in store.list_surveys().items():
        try:
            catalogue = store.open_survey(key)
            _exported(catalogue)
        except RadioVizError:
            pass
        f"{survey.title} {survey.n:,}"
        with suppress(RadioVizError):
            store.read_report(key)
    for one in store.unfinished_imports():
        f"{one.key} {one.done:,} {one.path} {one.table}"
        resume_import(one.key)


def _exported(catalogue: Any) -> None:
    from radioviz import export

    group = export.Group(catalogue, np.arange(min(len(catalogue), 3)))
    for way in (export.fits_bytes, export.votable_bytes, export.csv_bytes, export.zip_bytes):
        way([group])


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
        _exported(result.catalogue)


def _pasted(folder: Path) -> None:
    from radioviz.importing.readers.user_tables import read_table
    from radioviz.importing.source_rows import read_sources
    from radioviz.ui.pages.your_data.uploads import positions_csv

    text = (folder / "p.txt").read_bytes().decode("utf-8", "replace")
    path = folder / "p.csv"
    path.write_bytes(positions_csv(text))
    read_sources(read_table(path), {"ra_unit": "deg", "dec_unit": "deg"})


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


def _simulated(folder: Path) -> None:
    """The request in the header of a generated image."""
    from radioviz.encode.generation import GenerationRequest
    from radioviz.images.hdus import open_source

    with open_source(folder / "g.fits") as file:
        header = file.hdus[0].header
        values = {key: header.get(key) for key in header}
        GenerationRequest.from_header({k: v for k, v in values.items() if v is not None})


def _index(folder: Path) -> None:
    """What is known of a search index; its bytes are trusted as long as the note agrees."""
    from radioviz.similarity.approximate import open_index

    index = open_index(folder / "search")
    if index is not None and index.n < 1000:
        index.nearest(np.zeros((1, index.dimension), np.float32), 3)


# -- inputs -----------------------------------------------------------------------------------


def _simulated_seeds() -> Sequence[bytes]:
    from radioviz.encode.generation import GenerationRequest

    cards: dict[str, Any] = {"SIMULAT": True, "SEED": 3, "INDEX": 1}
    from astropy.io import fits

    header = fits.Header()
    for keyword, value in (cards | GenerationRequest(n=2, mode="prior").cards()).items():
        header[keyword] = value
    return [seeds.as_bytes(fits.PrimaryHDU(np.zeros((4, 4), np.float32), header))]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def _sessions() -> st.SearchStrategy[Files]:
    source = st.fixed_dictionaries(
        {"data_set": st.text(max_size=9) | _json, "source_id": st.text(max_size=9) | _json},
        optional={"mark": st.integers(-2, 9) | _json, "kind": _json},
    )
    document = st.fixed_dictionaries(
        {
            "format": st.just("radioviz-selection"),
            "version": st.just(1),
            "sources": st.lists(source, max_size=4) | _json,
        },
        optional={
            "marks": st.lists(source, max_size=4) | _json,
            "view": st.dictionaries(st.text(max_size=5), _json, max_size=3) | _json,
        },
    )
    return document.map(lambda d: {"s.radioviz": json.dumps(d).encode("utf-8", "surrogatepass")})


def _cells() -> st.SearchStrategy[str]:
    return st.one_of(
        st.text(max_size=12),
        st.floats().map(str),
        st.integers(-400, 400).map(str),
        st.sampled_from(("12:30:49.4", "+12 23 28", "12h30m", "nan", "1,5", '"', "=1+1", "")),
    )


def _csvs(name: str) -> st.SearchStrategy[Files]:
    heads = st.lists(
        st.sampled_from(
            (
                "ra",
                "dec",
                "RA",
                "RAJ2000",
                "DEJ2000",
                "LAS",
                "z",
                "name",
                "class",
                "flux",
                "RAh",
                "RAm",
                "RAs",
                "DE-",
                "DEd",
                "glon",
                "image",
                "split",
                "",
            )
        )
        | _cells(),
        min_size=1,
        max_size=7,
    )
    rows = st.lists(st.lists(_cells(), max_size=7), max_size=6)
    mark = st.sampled_from((",", ";", "\t", "|", " "))
    made = st.tuples(heads, rows, mark).map(
        lambda t: "\n".join(t[2].join(r) for r in [t[0], *t[1]]).encode("utf-8", "surrogatepass")
    )
    return (made | st.binary(max_size=300)).map(lambda b: {name: b})


def _lines(name: str) -> st.SearchStrategy[Files]:
    line = st.lists(_cells(), max_size=7).map(" ".join) | st.text(max_size=40)
    return st.lists(line, max_size=6).map(
        lambda ls: {name: "\n".join(ls).encode("utf-8", "surrogatepass")}
    )


def _headers(name: str) -> st.SearchStrategy[Files]:
    """FITS headers of any cards, with some data behind them."""
    value = st.sampled_from(mutation._CARD_TEXTS + mutation.NUMBERS[:30])
    card = st.tuples(st.sampled_from(mutation._CARDS), value).map(
        lambda t: f"{t[0]:<8}= {t[1]:>20}"
    )
    start = st.sampled_from(
        (
            (
                "SIMPLE  =                    T",
                "BITPIX  =                  -32",
                "NAXIS   =                    2",
                "NAXIS1  =                    8",
                "NAXIS2  =                    8",
            ),
            ("SIMPLE  =                    T",),
        )
    )

    def made(drawn: tuple[tuple[str, ...], list[str], int]) -> Files:
        first, more, blocks = drawn
        lines = [c.encode("latin-1", "replace")[:80].ljust(80) for c in (*first, *more, "END")]
        head = b"".join(lines)
        return {name: head.ljust(-(-len(head) // 2880) * 2880) + b"\x3f\x80\0\0" * (720 * blocks)}

    return st.tuples(start, st.lists(card, max_size=30), st.integers(0, 3)).map(made)


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
    return [several, drawn, listed, *({n: c} for n, c in single), *seeds.zarr()[:1], seeds.rgz()]


_PACKED = [
    (".fits", mutation.fits_cards),
    (".zip", mutation.zip_members(mutation.fits_cards)),
    (".tar.gz", mutation.tar_members(mutation.fits_cards, "gz")),
    (".npy", mutation.npy),
    (".npz", mutation.zip_members(mutation.npy)),
    (".csv", mutation.text),
    (".vot", mutation.text),
    (".png", mutation.png),
    (".json", mutation.json_tree),
    ("zarr.json", mutation.json_tree),
    (".zarray", mutation.json_tree),
    (".zgroup", mutation.json_tree),
    (".zattrs", mutation.json_tree),
    (".txt", mutation.text),
    (".md", mutation.text),
    (".jsonl", mutation.text),
]


def _single(
    name: str,
    file: str,
    contents: Callable[[], Sequence[bytes]],
    mutator: Mutator,
    read: Callable[[Path], object],
    strategy: Callable[[], st.SearchStrategy[Files]] | None = None,
) -> Target:
    return Target(name, _one(file, contents), [("", mutator)], read, strategy)


def _gz(contents: Callable[[], Sequence[bytes]]) -> Callable[[], Sequence[bytes]]:
    return lambda: [gzip.compress(c, 1, mtime=0) for c in contents()]


TARGETS: dict[str, Target] = {
    t.name: t
    for t in (
        _single(
            "FITS images",
            "x.fits",
            seeds.images,
            mutation.fits_cards,
            partial(_image, "x.fits"),
            lambda: _headers("x.fits"),
        ),
        _single(
            "gzipped FITS",
            "x.fits.gz",
            _gz(seeds.images),
            mutation.gzipped,
            partial(_image, "x.fits.gz"),
        ),
        _single("PNG and JPEG", "x.png", seeds.pictures, mutation.png, partial(_image, "x.png")),
        _single(
            "cutout answers",
            "x",
            lambda: [*seeds.images()[:7], b"<html><title>no", b'{"title": "no"}'],
            mutation.fits_cards,
            _answer,
            lambda: _headers("x"),
        ),
        _single(
            "CSV",
            "t.csv",
            seeds.csv,
            mutation.text,
            partial(_table, "t.csv"),
            lambda: _csvs("t.csv"),
        ),
        _single(
            "gzipped CSV",
            "t.csv.gz",
            _gz(seeds.csv),
            mutation.gzipped_text,
            partial(_table, "t.csv.gz"),
        ),
        _single("VOTable", "t.vot", seeds.votable, mutation.text, partial(_table, "t.vot")),
        _single(
            "VOTable by SAMP",
            "t",
            seeds.votable,
            mutation.text,
            partial(_sent_table, "table.load.votable"),
        ),
        _single(
            "FITS table by SAMP",
            "t",
            seeds.fits_tables,
            mutation.fits_cards,
            partial(_sent_table, "table.load.fits"),
        ),
        _single("ECSV", "t.ecsv", seeds.ecsv, mutation.text, partial(_table, "t.ecsv")),
        _single(
            "FITS table",
            "t.fits",
            seeds.fits_tables,
            mutation.fits_cards,
            partial(_table, "t.fits"),
        ),
        _single("Parquet", "t.parquet", seeds.parquet, mutation.text, partial(_table, "t.parquet")),
        _single("npy", "c.npy", seeds.npy, mutation.npy, partial(_cube, "c.npy")),
        _single(
            "npz", "c.npz", seeds.npz, mutation.zip_members(mutation.npy), partial(_cube, "c.npz")
        ),
        _single("HDF5", "c.h5", seeds.hdf5, mutation.raw, partial(_cube, "c.h5")),
        Target("zarr", seeds.zarr, _PACKED, _zarr, confined=True),
        _single("ZIP", "a", seeds.zips, mutation.zip_members(mutation.fits_cards), _archive),
        *(
            _single(
                f"tar {mode}".strip(),
                "a",
                partial(seeds.tars, mode),
                mutation.tar_members(mutation.fits_cards, mode),
                _archive,
            )
            for mode in ("", "gz", "bz2", "xz")
        ),
        _single("batch pickles", "data_batch_1", seeds.batches, mutation.raw, _batch),
        _single(
            "session files", "s.radioviz", seeds.sessions, mutation.json_tree, _session, _sessions
        ),
        Target("model configs", seeds.models, _PACKED, _model_list),
        Target("model weights", seeds.models, _PACKED, _weights),
        Target("Atlases", seeds.atlases, _PACKED, _atlas),
        Target("surveys and jobs", seeds.surveys, _PACKED, _home),
        Target("whole imports", _folders(_import_seeds), _PACKED, _import),
        _single(
            "pasted positions",
            "p.txt",
            lambda: [b"187.7 12.4\nM31, 10.68, 41.27\n12 30 49 12 23 28", b"ra,dec\n1,2"],
            mutation.text,
            _pasted,
            lambda: _lines("p.txt"),
        ),
        _single(
            "names of uploads",
            "names.txt",
            lambda: [b"a.fits\n../x.fits\nC:\\a\\b.csv\nz.zarr/.zarray"],
            mutation.text,
            _uploaded,
            lambda: _lines("names.txt"),
        ),
        _single("generated headers", "g.fits", _simulated_seeds, mutation.fits_cards, _simulated),
    )
}
