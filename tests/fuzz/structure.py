"""Formats with a structure of their own, changed by it: npy, HDF5, Parquet, VOTable, zarr.

Links, data that are elsewhere, virtual, never allocated or constant, types that nothing else uses,
and headers that claim what is not there; one change in four is blind.
"""

from __future__ import annotations

import base64
import io
import json
import random
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tests.fuzz.mutation import TEXTS, json_tree, number, raw, text

_LENGTHS = (0, 1, 2, 3, 5, 24, 1000, 10**5, 10**7, 2 * 10**7, 2**31, 2**40)
_AWAY = ("/etc/hostname", "/proc/self/environ", "c.h5", "../c.h5", "/dev/zero", "nowhere.h5", ".")
_NAMES = ("/data/img", "/data/ra", "/", ".", "/data", "/away/x", "loop", "/data/also", "x/../y")


def npy(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """The header of a NumPy array changed, its length made right again; or its bytes."""
    if rng.random() < 0.3 or content[:6] != b"\x93NUMPY" or len(content) < 12:
        return raw(content, others, rng)
    size = int.from_bytes(content[8:10], "little")
    header, rest = content[10 : 10 + size], content[10 + size :]
    if rng.random() < 0.4:
        shape = tuple(
            rng.choice((0, 1, 2, 5, 10**5, 10**9, 2**62)) for _ in range(rng.randrange(5))
        )
        dtype = rng.choice(("<f4", "|u1", "|O", "<U9", ">f8", "<c8", "|V8", "<f2", "<M8[s]", "|b1"))
        header = repr(
            {"descr": dtype, "fortran_order": rng.random() < 0.3, "shape": shape}
        ).encode()
    else:
        header = text(header, others, rng)
    header = header[:65_000] + b"\n"
    version = bytes((rng.choice((1, 1, 1, 2, 3, 9)), 0))
    length = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    return content[:6] + version + length + header + rest


# -- HDF5 -----------------------------------------------------------------------------------------


def hdf5(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One item of an HDF5 file added, replaced, linked or removed; or its bytes."""
    import h5py

    if rng.random() < 0.3:
        return raw(content, others, rng)
    out = io.BytesIO(content)
    try:
        with h5py.File(out, "r+") as file:
            group = file["data"] if rng.random() < 0.8 and "data" in file else file
            rng.choice((_link, _link, _dataset, _dataset, _dataset, _dataset, _attribute, _remove))(
                group, rng
            )
    except Exception:  # changed beyond that by an earlier mutation
        return raw(content, others, rng)
    return out.getvalue()


def _free(group: Any, rng: random.Random) -> str:
    """A name for a new item: that of another, which it replaces, or a new one."""
    names = ["img", "ra", "dec", "name", "also", "x", "y", *list(group)[:5]]
    name = rng.choice(names)
    if name in group or group.get(name, getlink=True) is not None:
        del group[name]
    return name


def _link(group: Any, rng: random.Random) -> None:
    import h5py

    name = _free(group, rng)
    kind = rng.randrange(4)
    if kind == 0:
        group[name] = h5py.SoftLink(rng.choice(_NAMES))
    elif kind == 1:
        group[name] = h5py.ExternalLink(rng.choice(_AWAY), rng.choice(_NAMES))
    elif kind == 2:
        group[name] = rng.choice((group, group.file["/"]))  # a circle
    else:
        group.file.require_group("far")
        group.file["far/away"] = h5py.ExternalLink(rng.choice(_AWAY), "/")
        group[name] = h5py.SoftLink("/far/away/data/img")


def _types() -> list[Any]:
    import h5py

    return [
        "f4", "f4", "f8", ">i2", "u1", "i8", "f2", "c8", "?", "S5", "S50000000", "u8", "V8",
        h5py.string_dtype(), h5py.vlen_dtype("f4"), h5py.ref_dtype, h5py.regionref_dtype,
        h5py.enum_dtype({"A": 1, "B": 2}), h5py.opaque_dtype("M8[s]"),
        np.dtype([("ra", "f8"), ("name", "S9")]), np.dtype([("v", "f4", (10**6,))]),
        np.dtype(("f4", (3,))), np.dtype([("r", h5py.ref_dtype), ("s", h5py.string_dtype())]),
    ]  # fmt: skip


def _dataset(group: Any, rng: random.Random) -> None:
    """A dataset of any layout, mostly of what an image stack or its columns are."""
    import h5py

    name = _free(group, rng)
    if rng.random() < 0.05:
        group[name] = h5py.Empty(rng.choice(("f4", "S3")))
        return
    side = (24, 24) if rng.random() < 0.7 else (rng.choice(_LENGTHS), rng.choice(_LENGTHS))
    shape: tuple[int, ...] = (rng.choice(_LENGTHS), *side)
    if rng.random() < 0.45:
        shape = (5,) if rng.random() < 0.5 else (rng.choice(_LENGTHS),)
    elif rng.random() < 0.1:
        shape = tuple(rng.choice(_LENGTHS) for _ in range(rng.choice((0, 2, 4, 5))))
    options: dict[str, Any] = {"shape": shape, "dtype": rng.choice(_types())}
    kind = rng.randrange(6)
    if kind == 0:
        where = (rng.choice(_AWAY), 0, rng.choice((100, 2**40, h5py.h5f.UNLIMITED)))
        group.create_dataset(name, external=[where], **options)
        return
    if kind == 1:
        layout = h5py.VirtualLayout(shape=(5, 24, 24), dtype="f4")
        source = rng.choice((*_AWAY, "."))
        layout[0:2] = h5py.VirtualSource(source, "/data/img", shape=(5, 24, 24))[0:2]
        if rng.random() < 0.3:
            layout[2:4] = h5py.VirtualSource("part-%b.h5", "x", shape=(2, 24, 24))
        group.create_virtual_dataset(name, layout, fillvalue=rng.choice((None, 1.0)))
        return
    if kind < 5 and shape:
        most = rng.choice((1, 2, 24, 1000, 10**6, 10**9))
        options["chunks"] = tuple(max(1, min(n or 1, most)) for n in shape)
        options["maxshape"] = tuple(rng.choice((max(n, 1), None)) for n in shape)
        filters: tuple[dict[str, Any], ...] = (
            {}, {"compression": "gzip"}, {"compression": "lzf"}, {"shuffle": True},
            {"fletcher32": True}, {"scaleoffset": rng.choice((0, 2, 31))},
            {"compression": "gzip", "shuffle": True, "fletcher32": True},
            {"compression": 32001, "allow_unknown_filter": True},
        )  # fmt: skip
        options |= rng.choice(filters)
    if rng.random() < 0.3 and str(options["dtype"])[:1] in "fi>":
        options["fillvalue"] = rng.choice((0, 1, float("nan")))
    made = group.create_dataset(name, **options)
    if made.size and 0 < made.size < 10**5 and rng.random() < 0.6 and made.dtype.kind in "fiu":
        part = rng.choice((made.shape[0], 1))
        made[:part] = rng.choice((0, 1, 100))
    if rng.random() < 0.2 and shape and options.get("maxshape", (1,))[0] is None:
        made.resize(rng.choice(_LENGTHS), axis=0)


def _attribute(group: Any, rng: random.Random) -> None:
    where = group if rng.random() < 0.3 else group[rng.choice(list(group) or ["/"])]
    names = ("pixel_scale", "BUNIT", "unit", "ucd", "survey", "beam", "bmaj", "", "a" * 5000)
    values = (
        0, -1, float("nan"), 1e308, "", "x" * 5000, b"\xff\xfe", [1, 2, 3], np.zeros(8000), True,
        np.array(["a", "b"], dtype="S"), 1 + 2j, np.zeros(0), np.float16(1),
    )  # fmt: skip
    where.attrs[rng.choice(names)] = rng.choice(values)


def _remove(group: Any, rng: random.Random) -> None:
    name = rng.choice(list(group))
    if rng.random() < 0.5:
        del group[name]
    else:
        group.move(name, rng.choice(("img", "ra", "x", "deep/er/img", "\u202e", "a" * 3000)))


# -- Parquet --------------------------------------------------------------------------------------


def parquet(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A Parquet file of other columns, or with its footer or its pages changed."""
    import pyarrow as pa

    kind = rng.random()
    if kind < 0.35:
        with suppress(pa.ArrowException, ValueError):  # a type that this version has not
            return _parquet_made(rng)
    size = int.from_bytes(content[-8:-4], "little")
    if kind < 0.75 and content[-4:] == b"PAR1" and 0 < size < len(content) - 8:
        body, footer = content[: -8 - size], content[-8 - size : -8]
        if rng.random() < 0.5:  # a number of the footer, each 7 bits with a sign to go on
            at = rng.randrange(len(footer))
            value = rng.choice((0, 1, 2, 7, 127, 10**6, 2**31, 2**40, 2**62)) * 2
            varint = bytearray()
            while value > 127:
                varint.append(value % 128 + 128)
                value //= 128
            varint.append(value)
            footer = footer[:at] + bytes(varint) + footer[at + rng.choice((0, 1, len(varint))) :]
        else:
            footer = raw(footer, (), rng)
        return body + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    if kind < 0.9 and size < len(content) - 12:  # the pages
        return (
            content[:4]
            + raw(content[4 : -8 - size], (), rng)[: len(content)]
            + content[-8 - size :]
        )
    return raw(content, others, rng)


def _parquet_made(rng: random.Random) -> bytes:
    """A table of up to 12 columns of any type, constant or repeated, packed in any way."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = rng.choice((0, 1, 5, 5, 8, 8, 1000, 1000, 10_000))
    columns = {}
    for i in range(rng.choice((1, 2, 3, 5, 12))):
        makers: tuple[Callable[[], Any], ...] = (
            lambda: pa.array(np.full(rows, 180.0)),
            lambda: pa.array(np.linspace(0, 90, rows)),
            lambda: pa.array(np.arange(rows, dtype=rng.choice(("i1", "i8", "u8", "u2")))),
            lambda: pa.nulls(rows, rng.choice((pa.float64(), pa.string(), pa.null()))),
            lambda: pa.array([rng.choice(TEXTS)[:500].encode("utf-8", "ignore").decode()] * rows),
            lambda: pa.array(["x" * (10**6 // max(rows, 1))] * rows),
            lambda: pa.array([b"\xff\xfe"] * rows, pa.binary()),
            lambda: pa.array([b"abc"] * rows, pa.binary(3)),
            lambda: pa.array([[1.0, 2.0]] * rows),
            lambda: pa.array([{"a": 1}] * rows),
            lambda: pa.array([1] * rows, pa.timestamp(rng.choice(("s", "ns")))),
            lambda: pa.array([2**62] * rows, pa.timestamp("us")),
            lambda: pa.array([1] * rows, pa.decimal128(38, rng.choice((0, 10)))),
            lambda: pa.array([3] * rows, pa.duration("s")),
            lambda: pa.array([True, None] * (rows // 2) + [True] * (rows % 2)),
            lambda: pa.array(np.zeros(rows, "f2")),
            lambda: pa.array(["a", "b"] * (rows // 2) + ["a"] * (rows % 2)).dictionary_encode(),
            lambda: pa.array([1] * rows, pa.date64()),
            lambda: pa.array([1] * rows, pa.time32("s")),
        )
        names = ("ra", "dec", "name", "las", "class", "z", "image", "", f"c{i}", "ra.mask")
        columns[rng.choice(names)] = rng.choice(makers)()
    table = pa.table(columns)
    if rng.random() < 0.3:
        meta = ("table_meta_yaml", "PANDAS_ATTRS", "pandas", "ARROW:schema")
        table = table.replace_schema_metadata({rng.choice(meta): rng.choice(TEXTS)[:200]})
    out = io.BytesIO()
    pq.write_table(
        table,
        out,
        compression=rng.choice(("none", "snappy", "gzip", "zstd", "brotli", "lz4")),
        use_dictionary=rng.random() < 0.6,
        row_group_size=rng.choice((1 if rows < 100 else 1000, 100, 10**6)),
        data_page_version=rng.choice(("1.0", "2.0")),
        write_statistics=rng.random() < 0.5,
        version=rng.choice(("1.0", "2.4", "2.6")),
    )
    return out.getvalue()


# -- VOTable --------------------------------------------------------------------------------------

_XML = {
    b"arraysize": "* 1 0 12 12* 3x4 3x* 99999999 2147483648x2 x -1 1e9 4*",
    b"datatype": "double float int long short unsignedByte char unicodeChar boolean bit "
    "floatComplex doubleComplex string x",
    b"nrows": "0 1 8 9 1000000 99999999999 -1 x",
    b"encoding": "base64 gzip dynamic none x",
    b"ref": "x ra sys t1",
    b"ID": "x ra name",
    b"name": "ra dec name las class image RAJ2000",
    b"ucd": "pos.eq.ra;meta.main pos.eq.dec meta.id x",
    b"unit": "deg arcsec rad h Jy mJy x 10+3deg m/s/s",
    b"version": "1.0 1.1 1.3 1.4 1.5 2.0 x",
    b"href": "http://127.0.0.1:9/x file:///etc/hostname",
    b"null": "-1 0 x nan 99999999999999999999",
    b"precision": "3 E5 x 99999999",
    b"width": "3 x 99999999",
}
_ELEMENTS = (
    b'<FIELD name="x" datatype="double"/>',
    b'<FIELD name="s" datatype="char" arraysize="*"/>',
    b'<PARAM name="p" datatype="int" value="1" arraysize="99999999"/>',
    b"<RESOURCE><TABLE nrows='5'><FIELD name='ra' datatype='char' arraysize='9999999'/>"
    b"<DATA><TABLEDATA/></DATA></TABLE></RESOURCE>",
    b"<TR><TD>1</TD></TR>", b"<TD/>", b"<TD>1 2 3</TD>", b"<TABLE ref='x'/>",
    b"<GROUP><FIELDref ref='x'/><PARAMref ref='ra'/></GROUP>",
    b"<INFO name='QUERY_STATUS' value='ERROR'>no</INFO>",
    b"<COOSYS ID='sys' system='eq_FK4' equinox='B1950'/>",
    b"<VALUES null='-1'><MIN value='x'/><OPTION value='1'/></VALUES>",
    b"<LINK href='file:///etc/hostname'/>", b"<![CDATA[ x ]]>", b"<!-- x -->", b"<?x y?>",
    b"<!DOCTYPE x [<!ENTITY y 'z'>]>", b"<FITS extnum='1'><STREAM/></FITS>", b"<MIVOT/>",
)  # fmt: skip


def votable(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One attribute, element or row stream of a VOTable changed; or its text."""
    kind = rng.randrange(8)
    if kind < 3:
        hits = list(re.finditer(rb"""([\w:]+)=(["'])(.*?)\2""", content))
        if hits:
            hit = rng.choice(hits)
            known = _XML.get(hit[1])
            value = rng.choice(known.split()) if known and rng.random() < 0.8 else number(rng)
            name = rng.choice(list(_XML)) if rng.random() < 0.15 else hit[1]
            new = name + b'="' + value.encode() + b'"'
            return content[: hit.start()] + new + content[hit.end() :]
    if kind == 3:
        ends = [m.end() for m in re.finditer(rb">", content)]
        if ends:
            at = rng.choice(ends)
            return content[:at] + rng.choice(_ELEMENTS) * rng.choice((1, 1, 3)) + content[at:]
    if kind == 4:
        hits = list(re.finditer(rb"<(\w+)\b[^>]*>.*?</\1>|<\w+[^>]*/>", content, re.DOTALL))
        if hits:
            hit = rng.choice(hits)
            return content[: hit.start()] + hit[0] * rng.choice((0, 2, 50)) + content[hit.end() :]
    if kind == 5:
        hit = re.search(rb"(<STREAM[^>]*>)([^<]*)(</STREAM>)", content)
        if hit:
            try:
                plain = raw(base64.b64decode(hit[2]), (), rng)
            except ValueError:
                return raw(content, others, rng)
            packed = base64.encodebytes(plain)
            return content[: hit.start(2)] + packed + content[hit.end(2) :]
    if kind == 6 and rng.random() < 0.3:
        codec = rng.choice(("utf-16", "utf-8-sig", "utf-7", "latin-1"))
        said = content.replace(b"utf-8", codec.encode())
        return said.decode("utf-8", "replace").encode(codec, "replace")
    return text(content, others, rng)


# -- zarr -----------------------------------------------------------------------------------------

_ZARR: dict[str, tuple[Any, ...]] = {
    "shape": ([3, 24, 24], [20_000_000, 24, 24], [3, 24], [10**6, 2, 2], [0, 24, 24], [2**62] * 3),
    "chunks": ([2, 24, 24], [10**6, 24, 24], [1, 1, 1], [0, 24, 24], [2, 24]),
    "chunk_shape": ([2, 24, 24], [10**6, 24, 24], [1, 1, 1], [0, 24, 24], [2, 24]),
    "dtype": ("<f4", "<f8", "|O", "|S9", "<U99999999", "|u1", "<M8[s]", [["a", "<f4"]], "|V8"),
    "data_type": ("float32", "float64", "uint8", "string", "bytes", "r8", "numpy.datetime64"),
    "fill_value": (0, 1, None, "NaN", "Infinity", "x", 1e308, [0], "AAAA"),
    "compressor": (
        None, {"id": "zlib", "level": 1}, {"id": "pickle"}, {"id": "blosc", "cname": "lz4"},
        {"id": "json2"}, {"id": "vlen-utf8"}, {"id": "zstd", "level": 1}, {"id": "lzma"},
    ),
    "filters": (
        None, [{"id": "pickle"}], [{"id": "delta", "dtype": "<f4"}], [{"id": "shuffle"}],
        [{"id": "fixedscaleoffset", "offset": 0, "scale": 1, "dtype": "<f4"}],
    ),
    "codecs": (
        [{"name": "bytes", "configuration": {"endian": "little"}}],
        [{"name": "bytes"}, {"name": "zstd", "configuration": {"level": 1, "checksum": False}}],
        [{"name": "sharding_indexed", "configuration": {"chunk_shape": [1, 24, 24]}}],
        [{"name": "bytes"}, {"name": "gzip", "configuration": {"level": 1}}, {"name": "gzip"}],
        [{"name": "transpose", "configuration": {"order": [2, 1, 0]}}, {"name": "bytes"}],
    ),
    "node_type": ("array", "group", "x"),
    "zarr_format": (2, 3, 1, "3"),
    "order": ("C", "F", "x"),
    "dimension_separator": (".", "/", "x"),
    "chunk_key_encoding": ({"name": "v2"}, {"name": "default"}, {"name": "x"}),
    "storage_transformers": ([{"name": "x"}], []),
    "consolidated_metadata": ({"kind": "inline", "must_understand": False, "metadata": {}}, None),
}  # fmt: skip


def zarr_metadata(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A field of the metadata of a zarr array with another value that it knows."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return text(content, others, rng)
    if rng.random() < 0.3 or not isinstance(document, dict):
        return json_tree(content, others, rng)
    field = rng.choice(list(_ZARR))
    value = rng.choice(_ZARR[field])
    if field == "chunk_shape":
        grid = document.get("chunk_grid")
        if isinstance(grid, dict):
            grid["configuration"] = {"chunk_shape": value}
    else:
        document[field] = value
    return json.dumps(document).encode()
