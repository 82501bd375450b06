"""Grid walk: the straight line between two places as a strip and an animation; exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from radioviz.ui import cache, controls, detail, gallery, state, synthetic, url_state, verdicts
from radioviz.ui.controls import View
from radioviz.ui.pages.grid_walk import grid_state, latent_plane
from radioviz.ui.pages.grid_walk.grid_state import Point, Walk


def path_panel(walk: Walk, view: View) -> None:
    """Images along the line from A to B."""
    ends = grid_state.end_points(walk)
    _from_tray(walk)
    start, end = ends
    if start is None or end is None:
        st.caption(
            "A path leads from A to B in a straight line. Set its ends with “Path from here” and "
            "“Path to here”, or click one place and then another with Shift held."
            + (" A is set." if start else " B is set." if end else "")
        )
        return
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        url_state.linked_integer("walk_frames", "frames", 3, 60, 16)
        frames = int(st.slider("Steps of the path", 3, 60, key="walk_frames"))
    right.button("Clear the path", icon=":material/close:", key="walk_clear_path", on_click=_clear)
    z = latent_plane.path(start.z, end.z, frames)
    images = cache.decoded(walk.info.name, z, walk.conditions)
    table = synthetic.measure_decoded(images, walk.info)
    notes = synthetic.size_notes(table)
    if name := verdicts.default_classifier():
        with controls.show_errors():
            found = verdicts.probabilities(name, images)
            said = [verdicts.likeliest_class(found, i) for i in range(frames)]
            notes = [f"{n} · {label} {p:.0%}" for n, (label, p) in zip(notes, said, strict=True)]
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
            on_open=lambda pair: _look(walk, z, pair),
        )
    with moving:
        gif = synthetic.animation(images, walk.info, view.style, "gif")
        st.html(
            f'<img src="data:image/gif;base64,{_base64(gif)}" alt="The path as an animation" '
            'style="width:100%;border-radius:8px;display:block">'
        )
    with st.container(horizontal=True, gap="small"):
        _download("Animation (GIF)", lambda: gif, "path.gif", "image/gif", "walk_gif")
        _download(
            "Animation (APNG)",
            lambda: synthetic.animation(images, walk.info, view.style, "apng"),
            "path.png", "image/apng", "walk_apng",
        )  # fmt: skip
        _download(
            "Strip (PNG)",
            lambda: synthetic.sheet_png(images, walk.info, view.style, columns=frames),
            "path-strip.png", "image/png", "walk_strip_png",
        )  # fmt: skip
        note = f"Straight line in latent space, {frames} steps."
        _download(
            "FITS",
            lambda: fits_of(walk, z, images, note), "path.fits", "application/fits",
            "walk_path_fits",
        )  # fmt: skip


def _from_tray(walk: Walk) -> None:
    known = [p for p in state.tray() if p[0] in grid_state.mapped(walk.info.name)]
    if len(known) >= 2:
        st.button(
            "Path between the first two galaxies of the tray",
            icon=":material/conversion_path:",
            key="walk_path_tray",
            on_click=_between,
            args=(known[0], known[1]),
        )


def _between(first: grid_state.Pair, second: grid_state.Pair) -> None:
    grid_state.ends()[:] = [("galaxy", *first), ("galaxy", *second)]


def _clear() -> None:
    grid_state.ends()[:] = [None, None]


def _look(walk: Walk, z: np.ndarray, pair: grid_state.Pair) -> None:
    """Walk to an image of the strip (in two dimensions it lies on the plane)."""
    place = walk.plane.place(z[[int(pair[1])]])[0][0]
    edge = walk.plane.values[-1]
    st.session_state["walk_galaxy"] = None
    for key, value in zip(("walk_a", "walk_b"), place, strict=True):
        st.session_state[key] = float(np.clip(value, -edge, edge))


def _where(point: Point) -> str:
    if point.galaxy is None:
        return controls.escape(point.title)
    return controls.escape(f"{point.galaxy[1]} at {point.title}")


def export_panel(walk: Walk, view: View, point: Point) -> None:
    """The place looked at, and the whole plane, as files."""
    st.caption(
        "Decoded images are marked SIMULAT = T, without a sky position. The header and the table "
        "SIMULATED hold the model, the hash of its weights, the latent vector and the condition: "
        "decoding that vector by itself gives the same pixels again."
    )
    here = f"Place {point.title.replace('−', '-')} of the plane of {_axes(walk)}."
    with st.container(horizontal=True, gap="small"):
        image = cache.decoded(walk.info.name, point.z[None], walk.conditions)
        _download(
            "This place (FITS)",
            lambda: fits_of(walk, point.z[None], image, here),
            "place.fits", "application/fits", "walk_place_fits",
        )  # fmt: skip
        _download(
            "This place (PNG)",
            lambda: synthetic.marked_png(image[0], walk.info, view.style),
            "place.png", "image/png", "walk_place_png",
        )  # fmt: skip
        number = walk.plane.side**2
        _download(
            f"All {number:,} cells (FITS)",
            lambda: plane_fits(walk),
            "plane.fits", "application/fits", "walk_plane_fits",
        )  # fmt: skip
        _download(
            "The plane (PNG)",
            lambda: plane_picture(walk, view),
            "plane.png", "image/png", "walk_plane_png",
        )  # fmt: skip
    st.html(
        detail.facts_html(
            [
                ("Model", f"{walk.info.title} ({walk.info.name})"),
                ("Weights, SHA-256", walk.info.weights_sha256),
                ("Latent vector", _vector(point.z)),
                ("Pixel", f"{synthetic.pixel_scale(walk.info):g} arcsec"),
            ]
        )
    )


def _vector(z: np.ndarray) -> str:
    shown = ", ".join(f"{v:.6g}" for v in z[:8])
    return f"({shown}{', …' if len(z) > 8 else ''})"


def _axes(walk: Walk) -> str:
    return " and ".join(title.replace("σ", "sigma") for title in walk.plane.titles)


def plane_fits(walk: Walk) -> bytes:
    """Every cell decoded by itself, with its latent vector."""
    z = walk.plane.grid()
    images = cache.decoded(walk.info.name, z, walk.conditions)
    note = (
        f"Plane of {_axes(walk)}, {walk.plane.side} by {walk.plane.side} cells in steps of "
        f"{walk.plane.step:g}; the first coordinate runs fastest."
    )
    return fits_of(walk, z, images, note)


def plane_picture(walk: Walk, view: View) -> bytes:
    """The whole plane as a PNG, marked."""
    import io

    from PIL import Image, ImageDraw, ImageFont

    images = cache.plane_images(walk.info.name, walk.plane, walk.conditions)
    whole = synthetic.draw_plane(images, walk.plane.side, view.style)
    with Image.open(io.BytesIO(whole)) as opened:
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


def fits_of(walk: Walk, z: np.ndarray, images: np.ndarray, note: str) -> bytes:
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


def _download(label: str, make: Callable[[], bytes], name: str, mime: str, key: str) -> None:
    st.download_button(
        label,
        make,
        file_name=f"radioviz-simulated-{name}",
        mime=mime,
        key=key,
        icon=":material/download:",
        on_click="ignore",
    )


def _base64(payload: bytes | Sequence[int]) -> str:
    import base64

    return base64.b64encode(bytes(payload)).decode("ascii")
