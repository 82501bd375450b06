"""A real or generated galaxy changed by a flow: another class or size, or a part filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import streamlit as st

from radioviz.jobs.progress import Progress
from radioviz.models.artefact import ModelInfo
from radioviz.ui import cache, controls, detail, synthetic
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button
from radioviz.ui.in_line import in_line
from radioviz.ui.state import page_state

if TYPE_CHECKING:
    from radioviz.encode.editor import EditedGalaxy

ANY = "any"
MOVE, FILL = "Another class or size", "Fill a part"
_SLICES = 4  # half seconds


@dataclass
class LastEdit:
    """The last change on the page, and what it was of."""

    of: str = ""
    made: EditedGalaxy | None = None


def editors() -> dict[str, ModelInfo]:
    """Models that change images."""
    return cache.models().with_capability("edit")


def edit_panel(
    image_for: Callable[[ModelInfo], np.ndarray],
    name: str,
    label: str,
    view: View,
    pixel_for: Callable[[ModelInfo], float] = synthetic.pixel_scale,
    mark: str = "",
) -> None:
    """Controls, and the galaxy before and after.

    Parameters
    ----------
    image_for : callable
        The galaxy as a model's preprocessing gives it, ``(size, size)``.
    name, label : str
        Of the galaxy, and its class; empty for unknown.
    pixel_for : callable
        Arcsec per pixel of that image; by default those of generated images.
    mark : str
        On the image before; empty for an observed one.
    """
    from radioviz.encode.generation import classes_of, size_range_of

    models = editors()
    info = controls.choose_model("Model", models, "edit_model", "editor")
    classes, bounds = classes_of(info), size_range_of(info) or (5.0, 160.0)
    image, pixel = image_for(info), pixel_for(info)
    what = st.radio("Change", [MOVE, FILL], horizontal=True, key="edit_what")
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    titles, usual = [ANY, *classes], label
    if what == MOVE and label in classes:  # another one than it has
        usual = next((name for name in classes if name != label), label)
    asked = left.selectbox(
        "Class", titles, titles.index(usual) if usual in titles else 0,
        key=f"edit_class_{'move' if what == MOVE else 'fill'}",
    )  # fmt: skip
    sized = middle.toggle(
        "Set a size", key="edit_sized",
        help="Without it: the size measured in the image, where a part is filled in what is left "
        "of it",
    )  # fmt: skip
    size = None
    if sized:
        # Models learned the beam of FIRST; a wider one makes a larger field, and so larger sizes.
        low, high = (bound * pixel / synthetic.pixel_scale(info) for bound in bounds)
        size = middle.slider(
            "Angular size [arcsec]", low, high, min(max(60.0, low), high),
            key=f"edit_size_{low:.3g}_{high:.3g}",
        )  # fmt: skip
    request: tuple[object, ...]
    mask = np.zeros(image.shape, bool)
    if what == MOVE:
        change = right.slider(
            "How much may change", 0.0, 1.0, 0.5, key="edit_change",
            help="0 changes only the scale; at 1 little of the galaxy stays",
        )  # fmt: skip
        request = (asked, size, change)
    else:
        side = image.shape[0]
        x = right.slider("Columns", 0, side, (side // 2, side), key="edit_x")
        y = right.slider("Rows, south to north", 0, side, (0, side), key="edit_y")
        mask[y[0] : y[1], x[0] : x[1]] = True
        seed = left.number_input("Seed", 0, 2**31 - 1, 0, key="edit_seed")
        request = (asked, size, x, y, int(seed))
    seen = hashlib.sha256(image.tobytes()).hexdigest()
    of = repr((info.name, info.weights_sha256, name, seen, pixel, what, request))
    held = page_state(LastEdit)
    if st.button("Change", key="edit_go", type="primary", icon=":material/auto_fix_high:"):
        from radioviz.encode.editor import Editor

        editor = Editor(cache.encoder(info.name))
        wanted = "" if asked == ANY else str(asked)
        with in_line(f"Changing the galaxy with {info.title}", _SLICES, "edit", of, asked=True):
            if what == MOVE:
                held.made = editor.move(image, wanted, size, label if label in classes else "",
                                        float(change), pixel)  # fmt: skip
            else:
                held.made = editor.fill(image, mask, wanted, size, int(seed), pixel)
            held.of = of
    made = held.made if held.of == of else None
    width = pixel * len(image)
    before, after, facts = st.columns([1, 1, 1.3], gap="medium")
    with before:
        picture = synthetic.picture_html(image, width, view.style, alt=f"{name}, before", mark=mark)
        if what == FILL:
            picture = picture.removesuffix("</div>") + _cover(x, y, side) + "</div>"
        st.html(picture)
        st.caption(controls.escape(name) + ", with the part to fill in grey" * int(mask.any()))
    if made is None:
        return
    with after:
        st.html(synthetic.picture_html(made.image, width, view.style, alt=f"{name}, changed"))
        st.caption("Changed: synthetic, not observed")
    with facts:
        st.html(
            detail.facts_html(
                [
                    ("Class requested", made.label or ANY),
                    (
                        "Size requested" if sized else "Size as measured",
                        f"{made.size:.0f} arcsec",
                    ),
                    ("Pixels drawn", f"{int(made.changed.sum()):,} of {made.changed.size:,}"),
                    ("Identity distance", f"{made.distance:.3f}"),
                ]
            )
        )
        st.caption(
            "Identity distance: 0 where only the brightness differs, 1.41 where no pixel is shared."
        )
        _download(made, name)


def _cover(x: tuple[int, int], y: tuple[int, int], side: int) -> str:
    """Grey over the columns and rows of a picture that are filled in."""
    left, width, bottom, height = (100 * n / side for n in (x[0], x[1] - x[0], y[0], y[1] - y[0]))
    return (
        f'<div style="position:absolute;left:{left:.2f}%;width:{width:.2f}%;bottom:{bottom:.2f}%;'
        f'height:{height:.2f}%;background:rgba(128,128,128,.7)"></div>'
    )


def _download(made: EditedGalaxy, name: str) -> None:
    def write(file: IO[bytes], progress: Progress) -> None:
        from radioviz.export import write_simulated_fits

        write_simulated_fits(
            file,
            made.image,
            model=made.model,
            model_sha256=made.weights_sha256,
            seed=made.seed if made.what == "filled" else None,
            conditions={"class": made.label, "size": made.size},
            cards=made.cards(),
            pixel_scale=made.pixel_arcsec,
            drawn=made.changed,
            note=f"Changed from an image ({name}), not observed.",
        )

    export_button("FITS", f"SYNTHETIC-{made.what}.fits", write, key="edit_fits")
