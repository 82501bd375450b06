"""Pictures as queries: the upload with its questions, and a galaxy that was generated."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import streamlit as st

from radioviz.api import confined
from radioviz.data.catalogue import SurveyInfo
from radioviz.data.preprocess import Preprocess
from radioviz.images.reading import SkyImage
from radioviz.similarity import query_image
from radioviz.similarity.query_image import Box
from radioviz.ui import controls
from radioviz.ui.image.display import ImageStyle, data_uri, png
from radioviz.ui.image.sky_image import STRETCHED
from radioviz.ui.pages.similar.query_state import Picture

T = TypeVar("T")


def from_file(
    style: ImageStyle, survey: SurveyInfo, chain: Preprocess, on_new: Callable[[], None]
) -> Picture | None:
    """Draw the upload, and whatever has to be asked about it; None until it can be used.

    Parameters
    ----------
    survey : SurveyInfo
        Of the data set that is searched.
    chain : Preprocess
        Of the encoder.
    on_new : callable
        Called before the next run when the file was changed.

    Raises
    ------
    ImageError, PreprocessError
        If the file cannot be a query; the message says why.
    """
    file = st.file_uploader(
        "FITS, PNG or JPEG",
        key="similar_file",
        max_upload_size=query_image.MAX_MEGABYTES,
        on_change=on_new,
        help="It stays in this session and is not stored. North up and east left in pictures.",
    )
    if file is None:
        return None
    payload, name = file.getvalue(), file.name
    digest = hashlib.sha256(payload).hexdigest()[:24]
    images = _kept(("images", digest), lambda: confined.images_in(payload, name))
    extension = None
    if len(images) > 1:
        extension = st.selectbox(
            f"Which of the {len(images)} images of this file?",
            [number for number, _ in images],
            index=None,
            format_func=dict(images).__getitem__,
            placeholder="Choose an extension",
            key=f"similar_extension_{digest}",
        )
        if extension is None:
            st.info(f"{controls.escape(name)} holds {len(images)} images; choose one of them.")
            return None
    image = _kept(
        ("read", digest, extension), lambda: confined.read_query_image(payload, name, extension)
    )
    if image.notes:
        st.caption(controls.escape("; ".join(image.notes)))
    scale = _scale(image, digest)
    if scale is None:
        st.info(
            f"{controls.escape(name)} does not say how large its pixels are. Give the pixel scale, "
            "so that it can be compared at its true angular size.",
            icon=":material/straighten:",
        )
        return None
    beam = st.number_input(
        "Beam FWHM [″]",
        min_value=0.01,
        max_value=3600.0,
        value=image.beam.fwhm if image.beam else None,
        placeholder=f"as {survey.title}: {survey.beam:g}" if survey.beam else "unknown",
        format="%.4g",
        key=f"similar_beam_{digest}_{extension}",
    )
    noisy = st.toggle(
        "Clip the noise at 3σ",
        value=query_image.holds_noise(image),
        key=f"similar_noise_{digest}_{extension}",
        help="As survey images are. Off for images that were clipped already.",
    )
    box = _crop(image, f"{digest}_{extension}", style)
    made = (digest, extension, scale, beam, noisy, box, survey.key, chain.digest)
    seen, note = _kept(
        ("seen", *made),
        lambda: query_image.prepared(
            image, box, pixel_scale=scale, beam=beam, noisy=noisy, survey=survey, chain=chain
        ),
    )
    if note:
        st.caption(controls.escape(note))
    position = _kept(
        ("position", digest, extension, box),
        lambda: confined.position_in(payload, name, extension, box),
    )
    return Picture(seen[0], name, hashlib.sha256(repr(made).encode()).hexdigest()[:24], position)


def _scale(image: SkyImage, digest: str) -> float | None:
    if image.pixel_scale is not None:
        ny, nx = image.data.shape
        st.caption(f"{nx:,} × {ny:,} pixels of {image.pixel_scale:.4g}″, as its WCS says")
        return float(image.pixel_scale)
    scale = st.number_input(
        "Pixel scale [″ a pixel]",
        min_value=0.001,
        max_value=600.0,
        value=None,
        placeholder="FIRST: 1.8, NVSS: 15",
        format="%.4g",
        key=f"similar_scale_{digest}",
    )
    return None if scale is None else float(scale)


def _crop(image: SkyImage, key: str, style: ImageStyle) -> Box:
    """Two sliders and the picture with the box on it."""
    ny, nx = image.data.shape
    whole = Box.whole(image.data)
    with st.expander("Crop", icon=":material/crop:", key="similar_crop"):
        x = st.slider("East to west [pixels]", 0, nx, (0, nx), key=f"similar_box_x_{key}")
        y = st.slider("South to north [pixels]", 0, ny, (0, ny), key=f"similar_box_y_{key}")
        box = Box(int(x[0]), int(x[1]), int(y[0]), int(y[1]))
        st.html(_with_box(image, box, style, key))
        st.caption(
            "The middle of the box is the middle of the query; what lies outside is left out."
        )
    return whole if box == whole else box


def _with_box(image: SkyImage, box: Box, style: ImageStyle, key: str) -> str:
    ny, nx = image.data.shape
    side = max(ny, nx)
    chain = Preprocess(
        clip_sigma=None, field_arcsec=None, field_pixels=side, size=256, stretch=style.stretch
    )
    picture = _kept(
        ("whole", key, style.stretch, style.colour_map),
        lambda: data_uri(png(chain(image.data[None], 1.0)[0], style.colour_map)),
    )
    x0, y0 = (side - nx) / 2, (side - ny) / 2
    left, bottom = (x0 + box.left) / side, (y0 + box.bottom) / side
    width, height = (box.right - box.left) / side, (box.top - box.bottom) / side
    return (
        '<div style="position:relative;line-height:0;border-radius:6px;overflow:hidden">'
        f'<img src="{picture}" alt="The image with the crop box" style="width:100%">'
        f'<div style="position:absolute;left:{100 * left:.2f}%;bottom:{100 * bottom:.2f}%;'
        f"width:{100 * width:.2f}%;height:{100 * height:.2f}%;box-sizing:border-box;"
        'border:2px solid #fff;outline:1px solid #000"></div></div>'
    )


def _kept(key: tuple[object, ...], make: Callable[[], T]) -> T:
    """What was made from the same input in this session, the last few of each kind."""
    kept: dict[tuple[object, ...], T] = st.session_state.setdefault("similar_kept", {})
    if key not in kept:
        for old in [k for k in kept if k[0] == key[0]][:-3]:
            del kept[old]
        kept[key] = make()
    return kept[key]


# -- a generated galaxy ----------------------------------------------------------------------


def generated(survey: SurveyInfo, chain: Preprocess) -> Picture | None:
    """The galaxy that the Generate page left in ``st.session_state["query_image"]``, if any."""
    given = st.session_state.get("query_image")
    if not isinstance(given, dict) or "image" not in given:
        st.info(
            "No generated galaxy yet. Open one on the Generate page and press **Similar** there.",
            icon=":material/auto_awesome:",
        )
        return None
    image = np.asarray(given["image"], dtype=np.float32)
    scale = float(given.get("pixel_scale") or chain.output_scale_arcsec(survey))
    digest = hashlib.sha256(image.tobytes() + repr((scale, chain.digest)).encode()).hexdigest()
    # A generator draws what the chain gives of its survey; at equal scale this changes nothing.
    seen = chain(image[None], scale, beam=None)[0]
    title = str(given.get("title") or "Generated galaxy")
    return Picture(seen, title, digest[:24], synthetic=bool(given.get("synthetic", True)))


def show(picture: Picture, style: ImageStyle) -> None:
    """The picture of a query, as the encoder sees it."""
    levels = STRETCHED[style.stretch](np.clip(picture.seen, 0, 1))
    name = controls.escape(picture.title)
    st.image(png(levels, style.colour_map), width="stretch")
    if picture.synthetic:
        st.caption(f"{name} — simulated, as the encoder sees it")
    else:
        st.caption(f"{name}, as the encoder sees it")
