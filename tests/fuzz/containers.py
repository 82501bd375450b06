"""Packed files made wrong: what lies within them, their members and their own structure."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence

from tests.fuzz.mutation import Mutator, fits_cards, raw, text


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
