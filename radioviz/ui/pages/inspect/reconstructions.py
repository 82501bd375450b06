"""A galaxy reconstructed by a decoder: input, reconstruction, residual. Loads torch on demand."""

from __future__ import annotations

import sys

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.models.artefact import ModelInfo
from radioviz.ui import cache, controls, detail, edit_panel, galaxies
from radioviz.ui.controls import View
from radioviz.ui.image.display import interpolate_colours, png, rgb_png, shown_plane
from radioviz.ui.image.sky_image import STRETCHED
from radioviz.ui.pages.inspect.state import inspect_state

_DIVERGING = ("#2166ac", "#f7f7f7", "#b2182b")  # blue, white, red


def reconstruction_panel(catalogue: Catalogue, row: int, view: View) -> None:
    """A button for each decoder that shows its reconstruction of this galaxy, and one for all."""
    decoders = cache.models().with_capability("encode", "decode")
    if not decoders:
        st.info("No model here can encode and decode. Train one with `python -m train vae`.")
        return
    st.caption(
        "Input, reconstruction and residual (input minus reconstruction), as the model sees them."
        + ("" if "torch" in sys.modules else " The first one needs a few seconds to load torch.")
    )
    wanted = inspect_state().reconstructed
    if not wanted >= set(decoders):
        st.button(
            "Reconstruct with all", key="reconstruct_all", icon=":material/playlist_play:",
            on_click=wanted.update, args=(list(decoders),),
        )  # fmt: skip
    for name in sorted(decoders, key=lambda name: (-decoders[name].latent_dim, name)):
        info = decoders[name]
        with controls.show_errors():
            if name not in wanted:
                st.button(
                    f"Reconstruct with {controls.escape(info.title)}",
                    key=f"reconstruct_{name}",
                    icon=":material/play_arrow:",
                    on_click=wanted.add,
                    args=(name,),
                )
                continue
            with st.spinner(f"Reconstructing with {info.title} …"):
                _show(catalogue, row, name, info, view)


def change_panel(catalogue: Catalogue, row: int, view: View) -> None:
    """The galaxy moved to another class or size, or a part of it filled in."""
    seen = shown_plane(catalogue, view.style)

    def image_for(info: ModelInfo) -> np.ndarray:
        return info.preprocess.apply(seen, np.array([row]))[0]

    def pixel_for(info: ModelInfo) -> float:
        return info.preprocess.output_scale_arcsec(seen.info_of(row))

    name, label = galaxies.name_of(catalogue.table, row), str(catalogue.table["label"].iat[row])
    edit_panel.edit_panel(image_for, name, label, view, pixel_for)


def _show(catalogue: Catalogue, row: int, name: str, info: ModelInfo, view: View) -> None:
    images, reconstructions = cache.reconstruction(catalogue.info.key, row, name, view.style.plane)
    residual = images - reconstructions
    rms = float(np.sqrt(np.mean(residual**2)))
    st.markdown(
        f"**{controls.escape(info.title)}** · residual rms {rms:.3f} of the peak"
        + (" · fine detail is sampled at random from the learned flow" * info.draws_detail)
    )
    facts = shown_plane(catalogue, view.style).info_of(row)
    side = info.preprocess.output_scale_arcsec(facts) * info.preprocess.size
    stretch = STRETCHED[view.style.stretch]
    limit = residual_limit(residual)
    channels = zip(info.channels or ("",), images, reconstructions, residual, strict=True)
    for channel, image, made, left in channels:
        of = f"{channel}: " if channel else ""
        pictures = [
            (f"{of}Input", png(stretch(np.clip(image, 0, 1)), view.style.colour_map)),
            (f"{of}Reconstruction", png(stretch(np.clip(made, 0, 1)), view.style.colour_map)),
            (
                f"{of}Residual, −{limit:g} (blue) to {limit:g} (red) of the peak",
                _signed_png(left / limit),
            ),
        ]
        for place, (title, picture) in zip(st.columns(4), pictures, strict=False):
            place.html(detail.figure_html(picture, title, f"{title}, {side:.0f}″ wide"))


def residual_limit(residual: np.ndarray) -> float:
    """End of the colour scale: the first of some round numbers that few pixels exceed."""
    largest = float(np.percentile(np.abs(residual), 99.5))
    return next((limit for limit in (0.02, 0.05, 0.1, 0.2, 0.5) if largest <= limit), 1.0)


def _signed_png(residual: np.ndarray) -> bytes:
    """Residual −1..1 as RGB, zero white, south at the bottom."""
    level = np.rint(255 * (1 + np.clip(residual, -1, 1))).astype(int)
    return rgb_png(interpolate_colours(_DIVERGING, 511)[level])
