"""Files made wrong: bytes, numbers, cards, JSON, and what lies within packed files.

Every function takes a :class:`random.Random` and changes a copy. A mutation that keeps the outer
layer whole (checksums, lengths) reaches what is behind it; one that does not tests that layer.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

NUMBERS = (
    "0",
    "-1",
    "1",
    "2",
    "7",
    "255",
    "256",
    "65535",
    "65536",
    "1e308",
    "1e309",
    "-1e309",
    "nan",
    "inf",
    "-inf",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1" + "0" * 40,
    "99999999",
    "100000",
    "0.0",
    "-0.0",
    "1e-320",
    "3.5",
    "0x10",
    "1_000",
    "١٢",
    "1" * 400,
)
TEXTS = (
    "",
    " ",
    "\0",
    "\n",
    "'",
    '"',
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "/etc/passwd",
    "=1+1",
    "{}",
    "[]",
    "null",
    "None",
    "%s%n",
    "${jndi:x}",
    "a" * 5000,
    "🌌",
    "\ud7ff",
    "é",
    "\u202e",
    "__import__('os').system('id')",
    "file:///etc/passwd",
    "http://127.0.0.1:9/x",
    "C:\\x",
    "CON",
    ".",
    "..",
    "-",
    "--help",
    "\x1b[31m",
    "O",
    "S",
    "U",
    "V",
    "float128",
    "object",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    5,
    6,
    1 << 31,
    1 << 63,
    1 << 70,
    -(1 << 70),
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "../x",
    "a" * 5000,
    [],
    {},
    [[]],
    [None],
    {"x": 1},
    [1, 2, 3],
    "🌌",
    "<b>",
    "=1+1",
    [[[[[[1]]]]]],
    {"": {"": {}}},
    "/etc/passwd",
    "first",
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_CARDS = _words(
    """
    BITPIX NAXIS NAXIS1 NAXIS2 NAXIS3 NAXIS4 PCOUNT GCOUNT BSCALE BZERO BLANK CTYPE1 CTYPE2 CRVAL1
    CRVAL2 CRPIX1 CRPIX2 CDELT1 CDELT2 CD1_1 CD1_2 CD2_1 PC1_1 PV2_1 LONPOLE LATPOLE WCSAXES
    EQUINOX RADESYS BUNIT BMAJ BMIN BPA SURVEY TFIELDS TFORM1 TFORM2 TTYPE1 TUNIT1 TNULL1 TDIM1
    TSCAL1 TZERO1 THEAP ZIMAGE ZBITPIX ZNAXIS ZNAXIS1 ZNAXIS2 ZTILE1 ZTILE2 ZCMPTYPE ZNAME1 ZVAL1
    ZQUANTIZ ZDITHER0 ZBLANK GROUPS EXTNAME SIMPLE XTENSION EXTEND END A_ORDER A_2_0 CUNIT1 CROTA2
    DATE-OBS INHERIT
    """
)
_CARD_TEXTS = _words(
    """
    'RA---TAN' 'DEC--TAN' 'RA---ZPN' 'RA---TAN-SIP' 'GLON-CAR' 'FREQ' 'RA---XXX' '1PE(999999999)'
    '1QB(9)' '0A' '99999999D' '8X' '1M' 'A' 'GZIP_2' 'RICE_1' 'HCOMPRESS_1' 'PLIO_1' 'NOCOMPRESS'
    'JY/BEAM' 'BINTABLE' 'IMAGE' '(1,1,99999999)' T F 'NO_DITHER' 'unterminated & 'deg' (1,2)
    """
)


def number(rng: random.Random) -> str:
    """A number that is hard on readers, or any other."""
    return rng.choice(NUMBERS) if rng.random() < 0.8 else str(rng.randint(-1000, 100_000))


def raw(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One change of bytes, blind to what they mean."""
    data = bytearray(content)
    n = len(data)
    kind = rng.randrange(9)
    at = _place(n, rng)
    if kind == 0 and n:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        width = rng.choice((1, 2, 4, 8))
        value = rng.choice(
            (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40)
        )
        order: Any = rng.choice(("little", "big"))
        data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, order)
    elif kind == 2:
        del data[at : at + rng.choice((1, 4, 80, 512, n // 3 + 1))]
    elif kind == 3:
        data[at:at] = data[at : at + rng.choice((1, 16, 80, 2880))]
    elif kind == 4:
        data[at:at] = rng.randbytes(rng.choice((1, 4, 64)))
    elif kind == 5:
        del data[at:]
    elif kind == 6 and others:
        other = rng.choice(others)
        start = rng.randrange(len(other) + 1)
        data[at : at + rng.choice((0, 64, 2880))] = other[
            start : start + rng.choice((16, 512, 5760))
        ]
    elif kind == 7:
        text = rng.choice(TEXTS).encode("utf-8", "surrogatepass")
        data[at : at + rng.choice((0, len(text)))] = text
    else:
        width = min(rng.choice((4, 32, 256)), n)
        data[at : at + width] = rng.randbytes(width)
    return bytes(data)


def _place(n: int, rng: random.Random) -> int:
    """Anywhere, but more often where headers are: at the beginning and at the end."""
    if n < 2:
        return 0
    near = rng.random()
    if near < 0.4:
        return rng.randrange(min(n, 256))
    return max(0, n - 1 - rng.randrange(min(n, 128))) if near < 0.6 else rng.randrange(n)


def text(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One change of a text: a number, a word, a line, or bytes."""
    kind = rng.randrange(6)
    if kind < 2:
        found = list(re.finditer(rb"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", content[:200_000]))
        if found:
            hit = rng.choice(found)
            return content[: hit.start()] + number(rng).encode() + content[hit.end() :]
    if kind == 2:
        found = list(re.finditer(rb"[A-Za-z_]{2,}", content[:200_000]))
        if found:
            hit, other = rng.choice(found), rng.choice(found)
            word = other[0] if rng.random() < 0.5 else rng.choice(TEXTS).encode("utf-8", "replace")
            return content[: hit.start()] + word + content[hit.end() :]
    if kind == 3:
        lines = content.split(b"\n")
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        action = rng.randrange(4)
        if action == 0:
            del lines[i]
        elif action == 1:
            lines[i:i] = [lines[j]] * rng.choice((1, 2, 50))
        elif action == 2:
            lines[i], lines[j] = lines[j], lines[i]
        else:
            lines[i] = lines[i] * rng.choice((2, 20))
        return b"\n".join(lines)
    return raw(content, others, rng)


def fits_cards(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One change of a card of a FITS header, the blocks staying whole; or of bytes."""
    places = [
        i
        for i in range(0, min(len(content), 60_000) - 79, 80)
        if re.match(rb"[A-Z0-9_-]{1,8} *[ =]", content[i : i + 9])
    ]
    if not places or rng.random() < 0.25:
        return raw(content, others, rng)
    at = rng.choice(places)
    card = content[at : at + 80]
    keyword = card[:8].decode("latin-1")
    kind = rng.randrange(6)
    if kind == 0:
        keyword = rng.choice(_CARDS)
    if kind == 1:
        new = content[(other := rng.choice(places)) : other + 80]
        return content[:at] + new + content[at + 80 :]
    if kind == 2 and len(places) > 1:  # swap with another card
        other = rng.choice(places)
        both = bytearray(content)
        both[at : at + 80], both[other : other + 80] = content[other : other + 80], card
        return bytes(both)
    value = rng.choice(_CARD_TEXTS) if rng.random() < 0.4 else number(rng)
    if kind == 3:
        value = "'" + rng.choice(TEXTS)[:60] + "'"
    new = f"{keyword[:8]:<8}= {value:>20}".encode("latin-1", "replace")[:80].ljust(80)
    return content[:at] + new + content[at + 80 :]


def json_tree(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One node of a JSON document replaced, removed, renamed or nested; or the text changed."""
    try:
        document = json.loads(content)
    except ValueError:
        return text(content, others, rng)
    if rng.random() < 0.2:
        return text(content, others, rng)
    nodes: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        keys: Any = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            nodes.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    if isinstance(document, (dict, list)):
        walk(document)
    if not nodes or rng.random() < 0.03:
        return json.dumps(rng.choice(VALUES)).encode()
    parent, key = rng.choice(nodes)
    kind = rng.randrange(6)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[rng.choice((*TEXTS, "format", "version"))] = parent.pop(key)
    elif kind == 2:
        parent[key] = [parent[key]] * rng.choice((0, 2, 100))
    elif kind == 3 and len(nodes) > 1:
        other, where = rng.choice(nodes)
        parent[key] = json.loads(json.dumps(other.get(where) if isinstance(other, dict) else None))
    else:
        parent[key] = json.loads(json.dumps(rng.choice(VALUES)))
    out = json.dumps(document).encode()
    if rng.random() < 0.01:
        deep = rng.choice((1000, 100_000))
        return out[:1] + b'"x":' + b"[" * deep + b"]" * deep + b"," + out[1:]
    return out


Mutator = Callable[[bytes, Sequence[bytes], random.Random], bytes]


def within(
    inner: Mutator, unpack: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]
) -> Mutator:
    """Mutation of what a packed file holds, packed again; of the packing one time in four."""

    def mutate(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
        if rng.random() < 0.25:
            return raw(content, others, rng)
        try:
            plain = unpack(content)
        except Exception:  # packed wrong by an earlier mutation
            return raw(content, others, rng)
        return pack(inner(plain, (), rng))

    return mutate


gzipped = within(fits_cards, gzip.decompress, lambda b: gzip.compress(b, 1, mtime=0))
gzipped_text = within(text, gzip.decompress, lambda b: gzip.compress(b, 1, mtime=0))


def png(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One chunk of a PNG changed, its checksum made right again."""
    if rng.random() < 0.25 or content[:8] != b"\x89PNG\r\n\x1a\n":
        return raw(content, others, rng)
    chunks: list[tuple[bytes, bytes]] = []
    at = 8
    while at + 12 <= len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    i = rng.randrange(len(chunks))
    name, body = chunks[i]
    kind = rng.randrange(6)
    if kind == 0:
        chunks.insert(rng.randrange(len(chunks)), chunks[i])
    elif kind == 1:
        bomb = zlib.compress(b"\0" * rng.choice((100, 70_000_000 if rng.random() < 0.02 else 1000)))
        chunks.insert(1, (rng.choice((b"zTXt", b"iCCP")), b"x\0\0" + bomb))
    elif kind == 2 and name == b"IDAT":
        try:
            chunks[i] = (name, zlib.compress(raw(zlib.decompress(body), others, rng)))
        except zlib.error:
            chunks[i] = (name, raw(body, others, rng))
    elif kind == 3:
        chunks[i] = (
            rng.choice((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"gAMA")),
            body,
        )
    else:
        chunks[i] = (name, raw(body, others, rng))
    out = [content[:8]]
    for name, body in chunks:
        out.append(struct.pack(">I", len(body)) + name + body)
        out.append(struct.pack(">I", zlib.crc32(name + body)))
    return b"".join(out)


_NAMES = (
    "../../x.fits",
    "/tmp/x.fits",
    "a/../../x.fits",
    "C:\\x.fits",
    "x.fits/",
    "",
    ".x.fits",
    "x\0.fits",
    "x\n.fits",
    "é.fits",
    "a" * 300 + ".fits",
    "con.fits",
    "x.zip",
    "x.png",
    "<b>.fits",
    "=1.fits",
    "../" * 50 + "etc/cron.d/x.fits",
    "..\\..\\x.fits",
    "./x.fits",
    "//x.fits",
)


def zip_members(inner: Mutator) -> Mutator:
    """A ZIP made again with one member, name or flag changed; or its bytes."""

    def mutate(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
        if rng.random() < 0.35:
            return raw(content, others, rng)
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                entries = [(i.filename, archive.read(i)) for i in archive.infolist()]
        except Exception:
            return raw(content, others, rng)
        if not entries:
            return raw(content, others, rng)
        i = rng.randrange(len(entries))
        name, body = entries[i]
        kind = rng.randrange(5)
        if kind == 0:
            entries[i] = (rng.choice(_NAMES) or "x", body)
        elif kind == 1:
            entries += [entries[i]] * rng.choice((1, 3))
        elif kind == 2 and rng.random() < 0.1:
            entries[i] = (name, b"\0" * rng.choice((30_000_000, 5_000_000)))
        else:
            entries[i] = (name, inner(body, (), rng))
        out = io.BytesIO()
        method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED))
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, body in entries:
                info = zipfile.ZipInfo(name)
                info.compress_type = method
                if kind == 3 and rng.random() < 0.1:
                    info.external_attr = 0o120777 << 16  # a symbolic link
                archive.writestr(info, body)
        return out.getvalue()

    return mutate


def tar_members(inner: Mutator, mode: str) -> Mutator:
    """A tar made again with one member, name or type changed; or its bytes."""

    def mutate(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
        if rng.random() < 0.35:
            return raw(content, others, rng)
        entries: list[tuple[tarfile.TarInfo, bytes]] = []
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    entries.append((member, file.read() if file else b""))
        except Exception:
            return raw(content, others, rng)
        if not entries:
            return raw(content, others, rng)
        i = rng.randrange(len(entries))
        member, body = entries[i]
        kind = rng.randrange(5)
        if kind == 0:
            member.name = rng.choice(_NAMES).replace("\0", "") or "x"
        elif kind == 1:
            types = (
                tarfile.SYMTYPE,
                tarfile.LNKTYPE,
                tarfile.CHRTYPE,
                tarfile.FIFOTYPE,
                tarfile.DIRTYPE,
            )
            member.type, member.linkname = rng.choice(types), rng.choice(_NAMES).replace("\0", "")
        elif kind == 2:
            entries += [entries[i]] * rng.choice((1, 3))
        else:
            entries[i] = (member, inner(body, (), rng))
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=f"w:{mode}") as tar:
            for member, body in entries:
                member.size = len(body) if member.isreg() else 0
                tar.addfile(member, io.BytesIO(body))
        if rng.random() < 0.1 and not mode:
            return raw(out.getvalue(), others, rng)
        return out.getvalue()

    return mutate


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
