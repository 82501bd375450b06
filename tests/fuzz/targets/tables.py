"""Readers of tables: CSV, VOTable, ECSV, FITS, Parquet, and pasted positions."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz import containers, mutation, seeds, structure
from tests.fuzz.seeds import Files
from tests.fuzz.targets.target import cells, gzipped, lines, single


def _table(name: str, folder: Path) -> None:
    from radioviz.importing.readers.user_tables import read_table
    from radioviz.importing.source_rows import read_sources

    table = read_table(folder / name)
    read_sources(table, {"ra_unit": "deg", "dec_unit": "deg"} if len(table) % 2 else {})


def _sent_table(mtype: str, folder: Path) -> None:
    """A table that another program sends by SAMP."""
    from radioviz.api.samp_messages import Message, fetch_table

    fetch_table(Message(mtype, "TOPCAT", (folder / "t").as_uri(), "t"))


def _pasted(folder: Path) -> None:
    from radioviz.importing.readers.user_tables import read_table
    from radioviz.importing.source_rows import read_sources
    from radioviz.ui.pages.your_data.uploads import positions_csv

    text = (folder / "p.txt").read_bytes().decode("utf-8", "replace")
    path = folder / "p.csv"
    path.write_bytes(positions_csv(text))
    read_sources(read_table(path), {"ra_unit": "deg", "dec_unit": "deg"})


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
        | cells(),
        min_size=1,
        max_size=7,
    )
    rows = st.lists(st.lists(cells(), max_size=7), max_size=6)
    mark = st.sampled_from((",", ";", "\t", "|", " "))
    made = st.tuples(heads, rows, mark).map(
        lambda t: "\n".join(t[2].join(r) for r in [t[0], *t[1]]).encode("utf-8", "surrogatepass")
    )
    return (made | st.binary(max_size=300)).map(lambda b: {name: b})


TARGETS = (
    single(
        "CSV",
        "t.csv",
        seeds.csv,
        mutation.text,
        partial(_table, "t.csv"),
        lambda: _csvs("t.csv"),
        share=2,
    ),
    single(
        "gzipped CSV",
        "t.csv.gz",
        gzipped(seeds.csv),
        containers.gzipped_text,
        partial(_table, "t.csv.gz"),
        share=0.5,
    ),
    single("VOTable", "t.vot", seeds.votable, structure.votable, partial(_table, "t.vot"), share=5),
    single(
        "VOTable by SAMP",
        "t",
        seeds.votable,
        structure.votable,
        partial(_sent_table, "table.load.votable"),
    ),
    single(
        "FITS table by SAMP",
        "t",
        seeds.fits_tables,
        mutation.fits_cards,
        partial(_sent_table, "table.load.fits"),
    ),
    single(
        "IPAC, MRT, SExtractor, VizieR",
        "t.txt",
        seeds.astronomers_text,
        mutation.text,
        partial(_table, "t.txt"),
    ),
    single("ECSV", "t.ecsv", seeds.ecsv, mutation.text, partial(_table, "t.ecsv"), share=0.5),
    single(
        "FITS table",
        "t.fits",
        seeds.fits_tables,
        mutation.fits_cards,
        partial(_table, "t.fits"),
        share=2,
    ),
    single(
        "Parquet",
        "t.parquet",
        seeds.parquet,
        structure.parquet,
        partial(_table, "t.parquet"),
        share=5,
    ),
    single(
        "pasted positions",
        "p.txt",
        lambda: [b"187.7 12.4\nM31, 10.68, 41.27\n12 30 49 12 23 28", b"ra,dec\n1,2"],
        mutation.text,
        _pasted,
        lambda: lines("p.txt"),
        share=0.5,
    ),
)
