"""Grid walk: the straight line between two places as a strip and an animation; exports."""

from __future__ import annotations

import base64
import io
from functools import partial
from typing import IO

import numpy as np
import streamlit as st

from radioviz.atlas import latent_plane
from radioviz.jobs.progress import Progress
from radioviz.ui import (
    cache,
    class_probabilities,
    controls,
    detail,
    gallery,
    state,
    synthetic,
    url_state,
)
from radioviz.ui.controls import View
from radioviz.ui.exports.export_job import Write
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.grid_walk.state import (
    Pair,
    Point,
    Walk,
    end_points,
    mapped,
    set_sliders,
    walk_state,
)


def path_panel(walk: Walk, view: View) -> None:
    """Images along the line from A to B."""
    start, end = end_points(walk)
    _tray_button(walk)
    if start is None or end is None:
        st.caption(
            "A path runs from A to B in a straight line. Set its ends with “Path from here” and "
            "“Path to here”, or click one place and Shift-click another."
            + (" A is set." if start else " B is set." if end else "")
        )
        return
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        url_state.linked_integer("walk_frames", "frames", 3, 60, 16)
        frames = int(st.slider("Steps of the path", 3, 60, key="walk_frames"))
    right.button(
        "Clear the path", icon=":material/close:", key="walk_clear_path",
        on_click=_set_ends, args=(None, None),
    )  # fmt: skip
    z = latent_plane.path(start.z, end.z, frames)
    with in_line("Decoding the path", -(-frames // cache.DECODED), "walk_path") as progress:
        images = cache.decoded(walk.info.name, z, walk.conditions, progress)
    notes = synthetic.size_notes(synthetic.measure_decoded(images, walk.info))
    if name := class_probabilities.shown_classifier():
        with controls.show_errors():
            found = class_probabilities.classify_images(name, images)
            likeliest = [class_probabilities.likeliest_class(found, i) for i in range(frames)]
            notes = [f"{n} · {c} {p:.0%}" for n, (c, p) in zip(notes, likeliest, strict=True)]
    names = ["A", *(f"{i / (frames - 1):.0%}" for i in range(1, frames - 1)), "B"]
    st.caption(
        f"A: {_where(start)} · B: {_where(end)} · "
        f"{float(np.linalg.norm(end.z - start.z)):.3g} apart in latent space"
    )
    strip, moving = st.columns([3, 1], gap="medium")
    with strip:
        gallery.gallery(
            synthetic.synthetic_cells(images, walk.info, view.style, names, notes),
            key="walk_strip",
            label="Images along the path",
            width=84,
            on_open=lambda pair: _walk_to(walk, z[int(pair[1])]),
        )
    animation = partial(synthetic.animation, images, walk.info, view.style)
    gif = animation("gif")
    moving.html(
        f'<img src="data:image/gif;base64,{base64.b64encode(gif).decode("ascii")}" '
        'alt="The path as an animation" style="width:100%;border-radius:8px;display:block">'
    )
    strip_png = partial(synthetic.sheet_png, images, walk.info, view.style, columns=frames)
    fits = partial(walk_fits, walk, z, images, f"Straight line in latent space, {frames} steps.")
    _buttons(
        ("Animation (GIF)", whole(lambda: gif), "path.gif", "walk_gif", 1),
        ("Animation (APNG)", whole(partial(animation, "apng")), "path.png", "walk_apng", 1),
        ("Strip (PNG)", whole(strip_png), "path-strip.png", "walk_strip_png", 1),
        ("FITS", whole(fits), "path.fits", "walk_path_fits", 1),
    )


def _buttons(*files: tuple[str, Write, str, str, int]) -> None:
    """Buttons of files, each given by its label, its content, the end of its name and its key.

    And by the number of slices that it takes.
    """
    with st.container(horizontal=True, gap="small"):
        for label, write, name, key, slices in files:
            export_button(label, f"radioviz-simulated-{name}", write, key=key, slices=slices)


def _tray_button(walk: Walk) -> None:
    known = [p for p in state.tray() if p[0] in mapped(walk.info.name)]
    if len(known) >= 2:
        st.button(
            "Path between the first two galaxies of the tray",
            icon=":material/conversion_path:",
            key="walk_path_tray",
            on_click=_set_ends,
            args=(known[0], known[1]),
        )


def _set_ends(start: Pair | None, end: Pair | None) -> None:
    walk_state().ends = [start, end]


def _walk_to(walk: Walk, z: np.ndarray) -> None:
    """Walk to an image of the strip (in two dimensions it lies on the plane)."""
    walk_state().galaxy = None
    set_sliders(walk, walk.plane.place(z[None])[0][0])


def _where(point: Point) -> str:
    galaxy = f"{point.galaxy[1]} at " if point.galaxy else ""
    return controls.escape(galaxy + point.title)


def walk_export_panel(walk: Walk, view: View, point: Point) -> None:
    """The place looked at, and the whole plane, as files."""
    st.caption(
        "Decoded images are marked SIMULAT = T and have no sky position. The header and the table "
        "SIMULATED hold the model, the hash of its weights, the latent vector and the condition: "
        "decoding that vector by itself gives the same pixels again."
    )
    z = point.z[None]
    image = cache.decoded(walk.info.name, z, walk.conditions)
    note = f"Place {point.title.replace('−', '-')} of the plane of {_axes(walk)}."
    place_fits = partial(walk_fits, walk, z, image, note)
    place_png = partial(synthetic.marked_png, image[0], walk.info, view.style)
    plane_png = partial(plane_picture, walk, view)
    cells = walk.plane.side**2
    slices = -(-cells // cache.DECODED)
    _buttons(
        ("This place (FITS)", whole(place_fits), "place.fits", "walk_place_fits", 1),
        ("This place (PNG)", whole(place_png), "place.png", "walk_place_png", 1),
        (f"All {cells:,} cells (FITS)", partial(plane_fits, walk), "plane.fits",
         "walk_plane_fits", slices),
        ("The plane (PNG)", whole(plane_png), "plane.png", "walk_plane_png", 1),
    )  # fmt: skip
    vector = ", ".join(f"{v:.6g}" for v in point.z[:8])
    st.html(
        detail.facts_html(
            [
                ("Model", f"{walk.info.title} ({walk.info.name})"),
                ("Weights, SHA-256", walk.info.weights_sha256),
                ("Latent vector", f"({vector}{', …' if len(point.z) > 8 else ''})"),
                ("Pixel", f"{synthetic.pixel_scale(walk.info):g} arcsec"),
            ]
        )
    )


def _axes(walk: Walk) -> str:
    return " and ".join(title.replace("σ", "sigma") for title in walk.plane.titles)


def plane_fits(walk: Walk, file: IO[bytes], progress: Progress) -> None:
    """Write FITS of every cell, decoded by itself, with its latent vector."""
    z = walk.plane.grid()
    images = cache.decoded(walk.info.name, z, walk.conditions, progress)
    note = (
        f"Plane of {_axes(walk)}, {walk.plane.side} by {walk.plane.side} cells in steps of "
        f"{walk.plane.step:g}; the first coordinate runs fastest."
    )
    file.write(walk_fits(walk, z, images, note))


def plane_picture(walk: Walk, view: View) -> bytes:
    """The whole plane as a PNG, marked."""
    from PIL import Image, ImageDraw, ImageFont

    images = cache.plane_images(walk.info.name, walk.plane, walk.conditions)
    drawn = synthetic.draw_plane(images, walk.plane.side, view.style)
    with Image.open(io.BytesIO(drawn)) as opened:
        picture = opened.convert("RGB")
    low, high = walk.plane.values[[0, -1]]
    text = (
        f"{synthetic.MARK} · {walk.info.title} · {walk.plane.titles[0]} (right) and "
        f"{walk.plane.titles[1]} (up) from {low:g} to {high:g}"
    )
    frame = Image.new("RGB", (picture.width, picture.height + 44), "white")
    frame.paste(picture, (0, 0))
    font = ImageFont.load_default(20)
    ImageDraw.Draw(frame).text((8, picture.height + 10), text, fill="black", font=font)
    out = io.BytesIO()
    frame.save(out, "PNG")
    return out.getvalue()


def walk_fits(walk: Walk, z: np.ndarray, images: np.ndarray, note: str) -> bytes:
    """FITS of decoded images, from which each can be decoded again."""
    from radioviz.export import simulated_fits_bytes

    return simulated_fits_bytes(
        images,
        model=walk.info.name,
        model_sha256=walk.info.weights_sha256,
        seed=None,
        conditions=walk.conditions or None,
        latents=z,
        pixel_scale=synthetic.pixel_scale(walk.info),
        note=f"{note} Decoded one by one from the latent vectors in the table SIMULATED.",
    )
