"""Good files of every format that RadioViz reads: what the fuzzer starts from.

Made here, small, the same at every run; where the survey files are at hand, some real cutouts
join (``RADIOVIZ_SHARED_DATA``).
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from tests.data.batch_files import blobs
from tests.data.fits_files import as_bytes, cards, compressed, noise, primary

Files = dict[str, bytes]
"""Relative path to content; a format of one file has one entry."""

SHAPE = (24, 24)


@cache
def images() -> tuple[bytes, ...]:
    """FITS images: plain, integer, tile-compressed, cube, several, with SIP, as a survey has it."""
    from astropy.io import fits

    sky = noise(SHAPE)
    header = cards(SHAPE)
    integer = fits.PrimaryHDU((sky * 1e6).astype(np.int16), fits.Header(header))
    integer.header["BLANK"] = -32768
    several = fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.ImageHDU(sky, fits.Header(header), "A"),
            fits.ImageHDU(sky, fits.Header(header), "B"),
        ]
    )
    cube = noise((1, 3, *SHAPE))
    sip = {
        **header,
        "CTYPE1": "RA---TAN-SIP",
        "CTYPE2": "DEC--TAN-SIP",
        "A_ORDER": 2,
        "B_ORDER": 2,
        "A_2_0": 1e-7,
        "B_0_2": 1e-7,
    }
    found = [
        primary(sky, header),
        primary(sky.astype(">f8")),
        as_bytes(integer),
        as_bytes(several),
        primary(cube, {**header, "CTYPE3": "FREQ", "CTYPE4": "STOKES"}),
        primary(sky, sip),
        *(compressed(sky, header, compression_type=t) for t in ("RICE_1", "GZIP_1", "GZIP_2")),
        compressed((sky * 1e6).astype(np.int32), header, compression_type="HCOMPRESS_1"),
        compressed(np.abs(sky * 1e5).astype(np.int16), header, compression_type="PLIO_1"),
    ]
    shared = Path(os.environ.get("RADIOVIZ_SHARED_DATA", "nowhere"))
    for folder in ("mirabest_fits", "mirabest_fits_original"):
        found += [p.read_bytes() for p in sorted((shared / folder).glob("*.fits"))[:2]]
    return tuple(found)


@cache
def pictures() -> tuple[bytes, ...]:
    """PNG of several modes and JPEG."""
    from PIL import Image

    grey = blobs(1)[0][40:110, 40:110]
    found = []
    for mode, form in (
        ("L", "PNG"),
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("L", "JPEG"),
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
    ):
        out = io.BytesIO()
        Image.fromarray(grey).convert(mode).save(out, form)
        found.append(out.getvalue())
    out = io.BytesIO()
    Image.fromarray(grey.astype(np.uint16) * 200).save(out, "PNG")
    return (*found, out.getvalue())


@cache
def frame() -> pd.DataFrame:
    """A table of sources with every kind of column."""
    rng = np.random.default_rng(5)
    n = 8
    return pd.DataFrame(
        {
            "name": [f"J{i:04d}+01" for i in range(n)],
            "ra": rng.uniform(100, 200, n),
            "dec": rng.uniform(-10, 60, n),
            "z": [0.1, np.nan, 0.3, 0.5, 0.2, 1.1, 0.9, 0.05],
            "LAS": rng.uniform(10, 90, n),
            "flux": rng.uniform(1, 100, n),
            "class": ["FRI", "FRII", "2", "WAT", "", "compact", "<b>x</b>", "=1+1"],
            "flag": rng.integers(0, 9, n),
            "ok": rng.random(n) > 0.5,
        }
    )


@cache
def csv() -> tuple[bytes, ...]:
    """Delimited text of several kinds, plain and packed."""
    plain = frame().to_csv(index=False).encode()
    return (
        plain,
        b"# a comment\n" + plain.replace(b",", b";"),
        plain.replace(b",", b"\t").decode().encode("utf-16"),
        b"187.706 12.391 M87\n10.68 41.27 M31\n",
        b"ra,dec\n12:30:49.4,+12:23:28\n00 42 44,+41 16 09\n12h30m49s,+12d23m28s\n",
        b'name|ra|dec\n"a ""b"""|1,5|2,5\n',
        b"RAh,RAm,RAs,DE-,DEd,DEm,DEs\n12,30,49.4,+,12,23,28\n",
    )


@cache
def astronomers_text() -> tuple[bytes, ...]:
    """Text as IPAC, the journals, SExtractor and VizieR write it."""
    from astropy.table import Table

    table = Table.from_pandas(frame()[["name", "ra", "dec", "LAS"]])
    table["ra"].unit = table["dec"].unit = "deg"
    found = []
    for form in ("ascii.ipac", "ascii.mrt"):
        out = io.StringIO()
        table.write(out, format=form)
        found.append(out.getvalue().encode())
    rows = "".join(f"{r.ra:.5f} {r.dec:.5f} {r.LAS:.2f}\n" for r in frame().itertuples())
    names = ("ALPHA_J2000 Right ascension [deg]", "DELTA_J2000 Declination [deg]", "A_IMAGE Size")
    head = "".join(f"#   {i} {name}\n" for i, name in enumerate(names, 1))
    found.append((head + rows).encode())
    tsv = rows.replace(" ", "\t")
    found.append(
        f"#\n#Column\tRAJ2000\t(F10.6)\n\nRAJ2000\tDEJ2000\tLAS\ndeg\tdeg\tarcsec\n"
        f"----------\t----------\t-----\n{tsv}".encode()
    )
    return tuple(found)


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE VOTABLE [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(12))
    + b"]><VOTABLE><DESCRIPTION>&m;</DESCRIPTION></VOTABLE>"
)
EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE V [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<VOTABLE><DESCRIPTION>&x;</DESCRIPTION></VOTABLE>"
)


@cache
def votable() -> tuple[bytes, ...]:
    """VOTables of the three serialisations, a stream kept elsewhere, and bombs."""
    from astropy.table import Table

    found = []
    table = Table.from_pandas(frame())
    table["ra"].unit, table["LAS"].unit = "deg", "arcsec"
    for form in ("tabledata", "binary", "binary2"):
        out = io.BytesIO()
        table.write(out, format="votable", tabledata_format=form)
        found.append(out.getvalue())
    away = found[1].replace(b"<STREAM encoding", b'<STREAM href="http://127.0.0.1:9/x" encoding')
    return (*found, away, BOMB, EXTERNAL)


@cache
def ecsv() -> tuple[bytes, ...]:
    """ECSV with units, masks, coordinates and times."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from astropy.table import Table
    from astropy.time import Time

    table = Table.from_pandas(frame().drop(columns=["ok"]))
    plain = io.StringIO()
    table.write(plain, format="ascii.ecsv")
    rich = Table({"sky": SkyCoord([1, 2] * u.deg, [3, 4] * u.deg), "LAS": [1.0, 2.0] * u.arcsec})
    rich["t"] = Time([50000.0, 50001.0], format="mjd")
    full = io.StringIO()
    rich.write(full, format="ascii.ecsv")
    unsafe = plain.getvalue().replace(
        "# schema", "# meta: !!python/object/apply:os.system ['id']\n# schema"
    )
    return tuple(t.encode() for t in (plain.getvalue(), full.getvalue(), unsafe))


@cache
def fits_tables() -> tuple[bytes, ...]:
    """Binary tables with scaled, null, bit, vector and variable-length columns; an ASCII table."""
    from astropy.io import fits

    f = frame()
    columns = [
        fits.Column("NAME", "12A", array=f["name"].to_numpy(dtype=str)),
        fits.Column("RA", "D", "deg", array=f["ra"]),
        fits.Column("DEC", "D", "deg", array=f["dec"]),
        fits.Column("LAS", "E", "arcsec", array=f["LAS"]),
        fits.Column("flag", "J", null=-1, array=f["flag"]),
        fits.Column("small", "I", array=np.arange(8)),
        fits.Column("ok", "L", array=f["ok"]),
        fits.Column("bits", "8X", array=np.zeros((8, 8), bool)),
        fits.Column("vector", "3E", array=np.zeros((8, 3), np.float32)),
        fits.Column("many", "PE()", array=np.array([np.ones(i) for i in range(8)], dtype=object)),
    ]
    binary = fits.BinTableHDU.from_columns(columns, name="SOURCES")
    ascii_ = fits.TableHDU.from_columns(
        [
            fits.Column("RA", "F12.6", array=f["ra"], ascii=True),
            fits.Column("DEC", "F12.6", array=f["dec"], ascii=True),
        ]
    )
    plain, text = (as_bytes(fits.HDUList([fits.PrimaryHDU(), hdu])) for hdu in (binary, ascii_))
    return plain, plain.replace(b"TUNIT4  = 'arcsec'", b"TSCAL4  =      0.1"), text


@cache
def parquet() -> tuple[bytes, ...]:
    """Parquet of pandas and of astropy, dictionary-encoded and nested."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = []
    plain = io.BytesIO()
    frame().to_parquet(plain, index=False)
    found.append(plain.getvalue())
    table = pa.table(
        {
            "ra": pa.array([1.0, None]),
            "dec": [2.0, 3.0],
            "label": pa.array(["a", "b"]).dictionary_encode(),
            "nested": [[1], [2]],
            "t": pa.array([1, 2], pa.timestamp("s")),
            "b": pa.array([True, None]),
        }
    )
    out = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata({"table_meta_yaml": "datatype:\n- {name: ra}"}), out
    )
    return (*found, out.getvalue())


def written(write: Callable[[Path], object]) -> bytes:
    """What a function writes to a path."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        write(path)
        return path.read_bytes()


@cache
def npy() -> tuple[bytes, ...]:
    """Stacks of images as NumPy arrays of several types and orders."""
    stack = np.stack([noise(SHAPE, seed=i) for i in range(5)])
    found = []
    for array in (stack, (stack * 1e6).astype(">i2"), np.asfortranarray(stack), blobs(3)):
        out = io.BytesIO()
        np.save(out, array)
        found.append(out.getvalue())
    return tuple(found)


@cache
def npz() -> tuple[bytes, ...]:
    """Stacks with columns beside them."""
    stack = np.stack([noise(SHAPE, seed=i) for i in range(5)])
    found = []
    for save in (np.savez, np.savez_compressed):
        out = io.BytesIO()
        save(
            out, images=stack, ra=np.linspace(100, 200, 5), name=np.array(["a", "b", "c", "d", "e"])
        )
        found.append(out.getvalue())
    return tuple(found)


@cache
def hdf5() -> tuple[bytes, ...]:
    """HDF5 with groups, attributes, chunks, compression, links and columns."""
    import h5py

    stack = np.stack([noise(SHAPE, seed=i) for i in range(5)])

    def write(path: Path, **how: object) -> None:
        with h5py.File(path, "w", track_order=True) as file:
            group = file.create_group("data")
            data = group.create_dataset("img", data=stack, **how)
            data.attrs["pixel_scale"], data.attrs["BUNIT"] = 1.8, "Jy/beam"
            file.attrs["survey"] = "EMU"
            group["ra"], group["dec"] = np.linspace(100, 200, 5), np.zeros(5)
            group["name"] = np.array([b"a", b"b", b"c", b"d", b"e"])
            group["also"] = h5py.SoftLink("/data/ra")
            file["away"] = h5py.ExternalLink("/etc/passwd", "/")

    return tuple(
        written(lambda p, h=how: write(p, **h))
        for how in (
            {},
            {"chunks": (2, *SHAPE)},
            {"chunks": (2, *SHAPE), "compression": "gzip", "shuffle": True},
        )
    )


@cache
def zarr() -> tuple[Files, ...]:
    """A zarr array and a zarr group as the files that they are."""
    import zarr as library

    stack = np.stack([noise(SHAPE, seed=i) for i in range(3)])
    found = []
    for version in (2, 3):
        with TemporaryDirectory() as folder:
            root = library.open_group(f"{folder}/c.zarr", mode="w", zarr_format=version)
            array = root.create_array(
                "images", shape=stack.shape, dtype=stack.dtype, chunks=(2, *SHAPE)
            )
            array[:] = stack
            array.attrs["pixel_scale"] = 2.5
            found.append(tree(Path(folder)))
    return tuple(found)


def tree(folder: Path) -> Files:
    """Every file of a folder by its relative path."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def _members() -> list[tuple[str, bytes]]:
    return [
        ("a/100_123.251+043.797_0.1281_0034.09.fits", images()[0]),
        ("a/b.fits.gz", gzip.compress(images()[2], mtime=0)),
        ("c.fits", images()[6]),
        ("readme.txt", b"hello"),
        ("p.png", pictures()[0]),
    ]


@cache
def zips() -> tuple[bytes, ...]:
    """ZIP archives of cutouts and of pictures."""
    found = []
    for members in (_members(), [(f"{i}.png", p) for i, p in enumerate(pictures())]):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, body in members:
                archive.writestr(zipfile.ZipInfo(name), body)
        found.append(out.getvalue())
    return tuple(found)


def tars(mode: str) -> tuple[bytes, ...]:
    """A tar of cutouts, packed as ``gz``, ``bz2``, ``xz`` or not at all."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{mode}") as tar:
        for name, body in _members():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return (out.getvalue(),)
