"""Files made wrong: bytes, numbers, FITS cards and JSON.

Every function takes a :class:`random.Random` and changes a copy. A mutation that keeps the outer
layer whole (checksums, lengths) reaches what is behind it; one that does not tests that layer.
"""

from __future__ import annotations

import json
import random
import re
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
    except (ValueError, RecursionError):
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
