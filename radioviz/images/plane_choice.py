"""Which plane of a cube: by Stokes parameter, frequency or number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from radioviz.images.headers import Header

Plane = int | tuple[int, ...] | str
"""Numbers from 0 along the axes that are not on the sky, or text: ``I``, ``1.4 GHz``, ``I, 3``."""

EVERY_PLANE = "all"
"""The word for all planes along an axis."""

# FITS 4.0, Table 29.
_STOKES = {
    1: "I", 2: "Q", 3: "U", 4: "V", -1: "RR", -2: "LL", -3: "RL", -4: "LR", -5: "XX", -6: "YY",
    -7: "XY", -8: "YX",
}  # fmt: skip
_HERTZ = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9, "thz": 1e12}


def plane_names(header: Header, axis: int, length: int) -> list[str]:
    """What each plane along an axis (from 0) is called: ``I``, ``1.4 GHz`` or its number.

    In cubes that RadioViz wrote, the names of the planes.
    """
    if length > 1 and f"PLANE{length}" in header and f"PLANE{length + 1}" not in header:
        own = [header.string(f"PLANE{k + 1}") for k in range(length)]
        if all(own) and len(set(own)) == length:
            return own
    kind = header.string(f"CTYPE{axis + 1}").upper()
    values = [_value(header, axis, k) for k in range(length)]
    if kind.startswith("STOKES"):
        names = [_STOKES.get(round(v), str(k)) for k, v in enumerate(values)]
    elif kind.startswith("FREQ"):
        unit = _HERTZ.get(header.string(f"CUNIT{axis + 1}").lower(), 1.0)
        names = [f"{v * unit / 1e9:.7g} GHz" for v in values]
    else:
        names = [str(k) for k in range(length)]
    return names if len(set(names)) == length else [str(k) for k in range(length)]


def usual_plane(header: Header, axis: int, length: int) -> str | None:
    """The plane of total brightness along an axis; None if the header does not say."""
    kind = header.string(f"CTYPE{axis + 1}").upper()
    if length > 1 and f"PLANE{length}" in header:  # RadioViz wrote it: images of one source
        return EVERY_PLANE
    if kind.startswith("SPECLNMF"):  # brightness, spectral index, then channels
        return "0"
    names = plane_names(header, axis, length)
    return "I" if kind.startswith("STOKES") and "I" in names else None


def find_planes(
    header: Header, axes: Sequence[int], others: Sequence[int], plane: Plane
) -> dict[int, int]:
    """Index (from 0) along every axis in ``others`` that is longer than 1.

    ``axes``: lengths of all axes, FITS order; ``others``: axes (from 0) that are not on the sky.
    Raises ValueError if the plane is not one of these, or an axis has no choice; the text says what
    would do.
    """
    long = [i for i in others if axes[i] != 1]
    if isinstance(plane, int):
        parts = [str(plane)]
    elif isinstance(plane, str):
        parts = [p.strip() for p in re.split(r"[,;]", plane) if p.strip()]
    else:
        parts = [str(k) for k in plane]
    names = {i: plane_names(header, i, axes[i]) for i in others}
    index: dict[int, int] = {}
    numbers: list[int] = []
    for part in parts:
        if re.fullmatch(r"[+-]?\d+", part):
            numbers.append(int(part))
            continue
        found = _named(header, part, others, axes, names)
        if found is None or found[0] in index:
            raise ValueError(_expected(plane, long, names))
        index[found[0]] = found[1]
    open_axes = [i for i in long if i not in index]
    if len(numbers) != len(open_axes):
        raise ValueError(_expected(plane, long, names))
    for i, k in zip(open_axes, numbers, strict=True):
        if not 0 <= k < axes[i]:
            raise ValueError(_expected(plane, long, names))
        index[i] = k
    return index


def every_plane(
    header: Header, axes: Sequence[int], others: Sequence[int], plane: str, most: int
) -> list[tuple[str, Plane]]:
    """Name and choice of each plane along the axis for which ``plane`` says ``all``.

    The other axes that are longer than 1 need a plane as in :func:`find_planes`: ``I, all``.

    Raises ValueError as :func:`find_planes`, if there is no such axis, or more than ``most`` planes
    along it.
    """
    parts = [p.strip() for p in re.split(r"[,;]", plane) if p.strip()]
    rest = [p for p in parts if p.lower() != EVERY_PLANE]
    long = [i for i in others if axes[i] != 1]
    names = {i: plane_names(header, i, axes[i]) for i in others}
    if len(rest) != len(parts) - 1 or len(parts) != len(long):
        raise ValueError(_expected(plane, long, names) + f", of one axis '{EVERY_PLANE}'")
    named = {f[0]: f[1] for p in rest if (f := _named(header, p, long, axes, names))}
    open_axes = [i for i in long if i not in named]
    words = [p for p in parts if p.lower() == EVERY_PLANE or re.fullmatch(r"[+-]?\d+", p)]
    if len(words) != len(open_axes):
        raise ValueError(_expected(plane, long, names))
    axis = open_axes[[w.lower() for w in words].index(EVERY_PLANE)]
    if axes[axis] > most:
        raise ValueError(
            f"plane {plane!r} is {axes[axis]:,} images of one source; up to {most} are kept: "
            "choose one, or average channels first"
        )
    at = dict(zip(open_axes, words, strict=True))
    out: list[tuple[str, Plane]] = []
    for k, name in enumerate(names[axis]):
        index = tuple(k if i == axis else named.get(i, at.get(i, 0)) for i in long)
        out.append((name, tuple(int(v) for v in index)))
    numbers = out[0][1]
    assert isinstance(numbers, tuple)
    find_planes(header, axes, others, numbers)  # raises where a number is beyond its axis
    return out


def _named(
    header: Header,
    part: str,
    others: Sequence[int],
    axes: Sequence[int],
    names: dict[int, list[str]],
) -> tuple[int, int] | None:
    """Axis and index of a Stokes parameter or a frequency."""
    for i in others:
        lower = [name.lower() for name in names[i]]
        if part.lower().removeprefix("stokes").strip() in lower:
            return i, lower.index(part.lower().removeprefix("stokes").strip())
    match = re.fullmatch(r"([\d.]+(?:e[+-]?\d+)?) *([kmgt]?hz)", part, re.IGNORECASE)
    if not match:
        return None
    try:
        wanted = float(match[1]) * _HERTZ[match[2].lower()]
    except ValueError:
        return None
    for i in others:
        if header.string(f"CTYPE{i + 1}").upper().startswith("FREQ"):
            unit = _HERTZ.get(header.string(f"CUNIT{i + 1}").lower(), 1.0)
            values = [_value(header, i, k) * unit for k in range(axes[i])]
            nearest = min(range(axes[i]), key=lambda k: abs(values[k] - wanted))
            step = abs(values[1] - values[0]) if axes[i] > 1 else wanted / 100
            if abs(values[nearest] - wanted) <= max(step / 2, wanted * 1e-6):
                return i, nearest
    return None


def _value(header: Header, axis: int, k: int) -> float:
    """World coordinate of pixel ``k`` (from 0) along an axis that is not on the sky."""
    n = axis + 1
    reference, step = header.number(f"CRPIX{n}"), header.number(f"CDELT{n}")
    step = header.number(f"CD{n}_{n}") if step is None else step
    start = header.number(f"CRVAL{n}") or 0.0
    return start + (k + 1 - (1.0 if reference is None else reference)) * (
        1.0 if step is None else step
    )


def _expected(plane: Plane, long: Sequence[int], names: dict[int, list[str]]) -> str:
    choices = []
    for i in long:
        shown = names[i] if len(names[i]) <= 8 else [*names[i][:3], "...", names[i][-1]]
        text = ", ".join(shown)
        numbered = f"a number from 0 to {len(names[i]) - 1}"
        choices.append(numbered if names[i][0] == "0" else f"{text}, or {numbered}")
    return f"plane {plane!r}; expected {'; and '.join(choices)}"
