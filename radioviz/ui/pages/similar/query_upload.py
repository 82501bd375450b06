"""Pictures as queries: an uploaded file with the questions about it, or a generated galaxy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np
import streamlit as st

from radioviz.api import confined
from radioviz.data.catalogue import Catalogue, SurveyInfo
from radioviz.data.preprocess import Preprocess
from radioviz.images.reading import SkyImage
from radioviz.similarity import query_image
from radioviz.similarity.query_image import Box
from radioviz.ui import controls
from radioviz.ui.image.display import ImageStyle, data_uri, png
from radioviz.ui.image.sky_image import STRETCHED
from radioviz.ui.pages.similar.state import QueryPicture, SimilarityQuery, SimilarState
from radioviz.ui.state import page_state

T = TypeVar("T")


def uploaded_picture(
    style: ImageStyle, catalogue: Catalogue, chain: Preprocess
) -> QueryPicture | None:
    """Draw the upload and the questions about it; None until it can be used.

    ``catalogue``: the data set that is searched: the picture is smoothed to its beam; ``chain``: of
    the encoder. Raises ImageError or PreprocessError if the file cannot be a query; the message
    says why.
    """
    file = st.file_uploader(
        "FITS, PNG or JPEG", key="similar_file", max_upload_size=query_image.MAX_MEGABYTES,
        on_change=_clear_query,
        help="Kept in this session only. Pictures must have north up and east to the left.",
    )  # fmt: skip
    if file is None:
        return None
    survey = catalogue.info
    payload, name = file.getvalue(), file.name
    digest = hashlib.sha256(payload).hexdigest()[:24]
    extension = None
    found, image, middle = kept(("read", digest, None), lambda: confined.read_query(payload, name))
    images = dict(found)
    if image is None:
        extension = st.selectbox(
            f"Which of the {len(images)} images of this file?", list(images), index=None,
            format_func=images.__getitem__, placeholder="Choose an extension",
            key=f"similar_extension_{digest}",
        )  # fmt: skip
        if extension is None:
            st.info(f"{controls.escape(name)} holds {len(images)} images; choose one of them.")
            return None
        _, image, middle = kept(
            ("read", digest, extension), lambda: confined.read_query(payload, name, extension)
        )
    if image is None:
        return None
    if image.notes:
        st.caption(controls.escape("; ".join(image.notes)))
    scale = _pixel_scale(image, digest)
    if scale is None:
        st.info(
            f"{controls.escape(name)} does not say how large its pixels are. Give the pixel scale, "
            "so that it can be compared at its true angular size.",
            icon=":material/straighten:",
        )
        return None
    key = f"{digest}_{extension}"
    beam = st.number_input(
        "Beam FWHM [″]", 0.01, 3600.0, image.beam.fwhm if image.beam else None, format="%.4g",
        placeholder=f"as {survey.title}: {survey.beam:g}" if survey.beam else "unknown",
        key=f"similar_beam_{key}",
    )  # fmt: skip
    noisy = st.toggle(
        "Clip the noise at 3σ", value=query_image.holds_noise(image), key=f"similar_noise_{key}",
        help="Sets pixels below 3 times the noise of the sky to zero, as in survey images. Off "
        "for images that are already clipped.",
    )  # fmt: skip
    box = _crop(image, key, style)
    made = (digest, extension, scale, beam, noisy, box, survey.key, chain.digest)
    seen, note = kept(
        ("seen", *made),
        lambda: query_image.prepare_picture(
            image,
            box,
            pixel_scale=scale,
            beam=beam,
            noisy=noisy,
            survey=catalogue.info_for(beam),
            chain=chain,
        ),
    )
    if note:
        st.caption(controls.escape(note))
    of = hashlib.sha256(repr(made).encode()).hexdigest()[:24]
    position = middle
    if box != Box.whole(image.data):
        position = kept(
            ("position", digest, extension, box),
            lambda: confined.position_in(payload, name, extension, box),
        )
    whole = box == Box.whole(image.data)
    example = {
        "image": name,
        "pixel_scale": None if image.pixel_scale is not None else scale,
        "beam": beam if image.beam is None or beam != image.beam.fwhm else None,
        "noisy": noisy,
        "box": None if whole else (box.left, box.right, box.bottom, box.top),
        "extension": extension,
    }
    return QueryPicture(seen[0], name, of, position, example=example)


def _clear_query() -> None:
    """Another file is another query: drop the examples of the last one."""
    page_state(SimilarState).query = SimilarityQuery()


def _pixel_scale(image: SkyImage, digest: str) -> float | None:
    if image.pixel_scale is not None:
        ny, nx = image.data.shape
        st.caption(f"{nx:,} × {ny:,} pixels of {image.pixel_scale:.4g}″, from its WCS")
        return float(image.pixel_scale)
    return st.number_input(
        "Pixel scale [″/pixel]", 0.001, 600.0, None, format="%.4g",
        placeholder="FIRST: 1.8, NVSS: 15", key=f"similar_scale_{digest}",
    )  # fmt: skip


def _crop(image: SkyImage, key: str, style: ImageStyle) -> Box:
    """Two sliders, and the picture with the box on it."""
    ny, nx = image.data.shape
    with st.expander("Crop", icon=":material/crop:", key="similar_crop"):
        x = st.slider("East to west [pixels]", 0, nx, (0, nx), key=f"similar_box_x_{key}")
        y = st.slider("South to north [pixels]", 0, ny, (0, ny), key=f"similar_box_y_{key}")
        box = Box(int(x[0]), int(x[1]), int(y[0]), int(y[1]))
        st.html(_box_html(image, box, style, key))
        st.caption("The query is centred on the box; what lies outside is left out.")
    return box


def _box_html(image: SkyImage, box: Box, style: ImageStyle, key: str) -> str:
    ny, nx = image.data.shape
    side = max(ny, nx)
    chain = Preprocess(
        clip_sigma=None, field_arcsec=None, field_pixels=side, size=256, stretch=style.stretch
    )
    picture = kept(
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


def kept(key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
    """A value made from the same input in this session; the last four of each kind are kept."""
    made = page_state(SimilarState).made
    if key not in made:
        for old in [k for k in made if k[0] == key[0]][:-3]:
            del made[old]
        made[key] = make()
    return made[key]


def generated_picture(survey: SurveyInfo, chain: Preprocess) -> QueryPicture | None:
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
    # Generated images look like preprocessed ones; at equal scale this changes nothing.
    seen = chain(image[None], scale, beam=None)[0]
    title = str(given.get("title") or "Generated galaxy")
    made = {"made": given["made"]} if "made" in given else {}
    synthetic = bool(given.get("synthetic", True))
    return QueryPicture(seen, title, digest[:24], synthetic=synthetic, example=made)


def draw_picture(picture: QueryPicture, style: ImageStyle) -> None:
    """The picture of a query, as the encoder sees it."""
    levels = STRETCHED[style.stretch](np.clip(picture.seen, 0, 1))
    st.image(png(levels, style.colour_map), width="stretch")
    simulated = " — simulated" * picture.synthetic
    st.caption(f"{controls.escape(picture.title)}{simulated}, as the encoder sees it")
