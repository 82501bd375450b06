"""The Grid walk as lines of the Python API."""

from __future__ import annotations

import streamlit as st

from radioviz.atlas import latent_plane
from radioviz.ui.code.script import Expression, Script, call, literal
from radioviz.ui.pages.grid_walk.grid_controls import GALAXY, PRINCIPAL, ZERO
from radioviz.ui.pages.grid_walk.grid_view import NEAREST
from radioviz.ui.pages.grid_walk.state import Point, Walk, end_points, walk_state


def walk_script(walk: Walk, point: Point, data_set: str) -> Script:
    """The plane, the image at the place looked at, the galaxies nearest to it, and the path.

    ``data_set``: whose galaxies give principal axes and the mean.
    """
    script, name = Script(), walk.info.name
    script.put("plane", _plane_call(walk, data_set))
    grid = Expression("plane.grid()")
    cells = call("radioviz.decode_latents", grid, name, **walk.conditions, thumbnails=True)
    script.put("cells", cells)
    script.note("The place looked at.")
    _put_point(script, walk, "z", point)
    script.put("image", _decoded(walk, "z"))
    if walk.layers:
        script.note("The galaxies nearest to it in latent space.")
        _put_nearest(script, walk, point)
    start, end = end_points(walk)
    if start is not None and end is not None:
        frames = int(st.session_state.get("walk_frames", 16))
        script.needs("import numpy as np")
        script.note("The path from A to B.")
        _put_point(script, walk, "start", start)
        _put_point(script, walk, "end", end)
        script.put("t", Expression(f"np.linspace(0, 1, {frames})[:, None]"))
        line = '(1 - t) * start.astype("float64") + t * end.astype("float64")'
        script.put("line", Expression(line))
        script.put("path", _decoded(walk, "line"))
    return script


def _put_nearest(script: Script, walk: Walk, point: Point) -> None:
    script.needs("import numpy as np")
    script.needs("import pandas as pd")
    opened = call("radioviz.open_atlas", Expression("key"), walk.info.name)
    script.put("parts", Expression("[]"))
    script.line(f"for key in {literal(list(walk.layers))}:")
    for line in (
        f"atlas = {opened}",
        'labels = radioviz.open_data_set(key).table.set_index("source_id")["label"]',
        'part = pd.DataFrame({"data_set": key, "source_id": atlas.source_ids})',
        'part["label"] = labels.loc[part["source_id"]].to_numpy()',
        'latents = np.asarray(atlas.latents, dtype="float32")',
        'part["distance"] = np.linalg.norm(latents - z, axis=1)',
        "parts.append(part)",
    ):
        script.line(f"    {line}")
    script.put("near", Expression('pd.concat(parts).sort_values("distance", kind="stable")'))
    if walk.classes:
        script.put("near", Expression(f'near[near["label"].isin({literal(walk.classes)})]'))
    if point.galaxy is not None:
        data_set, source_id = map(literal, point.galaxy)
        own = f'(near["data_set"] == {data_set}) & (near["source_id"] == {source_id})'
        script.put("near", Expression(f"near[~({own})]"))
    script.put("nearest", Expression(f"near.head({NEAREST})"))


def _decoded(walk: Walk, latents: str) -> Expression:
    return call("radioviz.decode_latents", Expression(latents), walk.info.name, **walk.conditions)


def _plane_call(walk: Walk, data_set: str) -> Expression:
    plane, many = walk.plane, walk.info.latent_dim > 2
    by = str(st.session_state.get("walk_by"))
    axes = tuple(int(str(st.session_state[f"walk_{a}_{by}"])) for a in ("ax", "ay")) if many else ()
    rest = str(st.session_state.get("walk_rest", ZERO)) if many else ZERO
    galaxy = walk_state().plane_galaxy
    through: str | tuple[str, str] | None = None if rest == ZERO else rest
    if rest == GALAXY and galaxy is not None:
        through = galaxy
    needs_data = many and (by == PRINCIPAL or through == "mean")
    return call(
        "radioviz.latent_plane",
        walk.info.name,
        *([axes] if axes else []),
        principal=True if many and by == PRINCIPAL else None,
        through=through,
        data_set=data_set if needs_data and data_set != "first" else None,
        reach=None if plane.reach == latent_plane.REACH else plane.reach,
        step=None if plane.step == latent_plane.STEP else plane.step,
    )


def _put_point(script: Script, walk: Walk, name: str, point: Point) -> None:
    """A latent vector ``(d,)``: of a galaxy, or of a place on the plane."""
    if point.galaxy is None:
        a, b = (float(v) for v in point.place)
        script.put(name, Expression(f"plane.at({a!r}, {b!r})[0]"))
        return
    data_set, source_id = point.galaxy
    script.put("encoded", call("radioviz.open_atlas", data_set, walk.info.name))
    at = call("encoded.rows_of", [source_id])
    script.put(name, Expression(f'encoded.latents[int({at}[0])].astype("float32")'))
