"""Inspect: what the encoder in view gets to see of a galaxy, and whether it knows such galaxies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.data.channels import model_images, planes_of_model
from radioviz.data.preprocess import Preprocess
from radioviz.models.artefact import ModelInfo
from radioviz.morphology.frame import Framed, SourceFrame, framed_galaxy
from radioviz.similarity.familiarity import FAR, UNUSUAL
from radioviz.ui import cache, controls, detail, galaxies
from radioviz.ui.controls import View
from radioviz.ui.image.display import png
from radioviz.ui.image.sky_image import STRETCHED, sky_image
from radioviz.ui.pages.inspect.state import Pair


def encoder_panel(catalogue: Catalogue, row: int, pair: Pair, view: View) -> None:
    """The square that is cut, what becomes of it, and how near it is to the training galaxies."""
    if view.model is None:
        st.info("Choose an encoder in the sidebar.")
        return
    info = cache.models()[view.model]
    if info.channels:
        _channels_panel(info, pair, view)
        return
    image, frame = framed_galaxy(info.preprocess, catalogue, row)
    left, right, words = st.columns([1.25, 1, 1.1], gap="medium")
    facts = catalogue.info_of(row)
    whole = min(catalogue.images.shape[1:]) * facts.pixel_scale * 5.4 / (facts.beam or 5.4)
    figure = sky_image(
        catalogue.image(row), facts, replace(view.style, field=whole), height=360,
        beam_shape=catalogue.beam_shape(row),
    )  # fmt: skip
    figure["data"][0]["showscale"] = False
    figure["layout"]["margin"]["r"] = 10
    figure["layout"]["shapes"].append(outline(frame, facts.pixel_scale))
    side = max(frame.field, min(catalogue.images.shape[1:]) * facts.pixel_scale)
    away = max(abs(frame.x), abs(frame.y)) * facts.pixel_scale
    half = side / 2 + away
    figure["layout"]["xaxis"]["range"] = [half, -half]
    figure["layout"]["yaxis"]["range"] = [-half, half]
    with left:
        st.plotly_chart(
            figure, key="encoder_square", alt="The square of sky that the encoder gets to see",
            config={"displayModeBar": False},
        )  # fmt: skip
    seen = png(STRETCHED[view.style.stretch](image), view.style.colour_map)
    right.html(detail.figure_html(seen, "What the encoder sees"))
    with words:
        st.markdown(controls.escape(frame_text(info.preprocess, frame)))
        if frame.beyond:
            st.warning(outside_text(image), icon=":material/crop_free:")
        show_familiarity(pair, view.model)


def _channels_panel(info: ModelInfo, pair: Pair, view: View) -> None:
    """The images that a model sees together, all of the same piece of the sky."""
    catalogue, row = galaxies.row_of(pair)
    seen = model_images(info.preprocess, info.channels, catalogue, np.array([row]))[0]
    places = st.columns(max(3, len(info.channels)))
    for place, channel, image in zip(places, info.channels, seen, strict=False):
        drawn = png(STRETCHED[view.style.stretch](image), view.style.colour_map)
        place.html(detail.figure_html(drawn, channel))
    first = catalogue.of_plane(planes_of_model(catalogue, info.channels)[0])
    _, frame = framed_galaxy(info.preprocess, first, row)
    st.markdown(controls.escape(frame_text(info.preprocess, frame)))
    show_familiarity(pair, str(view.model))


def outline(frame: Framed, pixel_scale: float) -> dict[str, object]:
    """The square as a shape of a plot in arcsec, east to the left."""
    east, north, half = -frame.x * pixel_scale, frame.y * pixel_scale, frame.field / 2
    return {
        "type": "rect", "x0": east + half, "x1": east - half, "y0": north - half,
        "y1": north + half, "line": {"color": "#38BDF8", "width": 2},
    }  # fmt: skip


def outside_text(image: np.ndarray) -> str:
    """What an encoder sees, ``(size, size)`` from 0 to 1, where its square leaves the image."""
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    values, counts = np.unique(edge, return_counts=True)
    level = float(values[counts.argmax()])
    seen = "is empty to the encoder. A larger cutout would show it more."
    if level > 0.02:
        seen = (
            f"is grey to the encoder, {level:.0%} of the brightest pixel, because no source was "
            "found whose surroundings are empty. A larger cutout would help."
        )
    return f"The square is larger than the image: what lies outside {seen}"


def frame_text(chain: Preprocess, frame: Framed) -> str:
    """The field of view in words."""
    pixels = f"{chain.size} × {chain.size} pixels"
    text = f"A square of {frame.field:.0f}″ on the sky, {pixels}"
    if not isinstance(chain, SourceFrame):
        return text + ", about the centre of the image."
    where = "centred on the emission" if chain.recentre else "about the centre of the image"
    text += f", {where}"
    if frame.extent:
        text += f"; the source found there measures {frame.extent:.0f}″"
    if chain.outside == "mask others":
        text += ". Islands of other sources are left out"
    elif chain.outside == "mask all":
        text += ". Whatever is not part of the source is left out"
    return text + "."


def familiarity_text(pair: Pair, model: str) -> tuple[str, float]:
    """How near a galaxy is to those that an encoder learned from, and the share that is nearer.

    The text is empty, and the share NaN, where this cannot be said.
    """
    known, found = cache.familiarity(model), cache.located(pair[0], model)
    at = int(found.places_of([pair[1]])[0])
    if known is None or at < 0:
        return "", float("nan")
    share = float(known.share_nearer(np.asarray(found.atlas.latents[at : at + 1], np.float32))[0])
    if not np.isfinite(share):
        return "", share
    title = cache.models()[model].title
    others = f"{len(known.held_out):,} galaxies of the same surveys that it has not seen"
    text = f"Further from what {title} learned from than {share:.0%} of {others}"
    if share > FAR:
        return f"{text}: its features, classes and neighbours may mean little here.", share
    if share > UNUSUAL:
        return f"{text}: unusual to it.", share
    return text + ".", share


def show_familiarity(pair: Pair, model: str) -> None:
    """:func:`familiarity_text`, as a warning where the encoder is out of its depth."""
    text, share = familiarity_text(pair, model)
    if not text:
        return
    if share > FAR:
        st.warning(controls.escape(text), icon=":material/travel_explore:")
    else:
        st.caption(controls.escape(text))
