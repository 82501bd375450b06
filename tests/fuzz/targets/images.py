"""Readers of images: FITS, PNG and JPEG, cutout answers, generated images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.fuzz import containers, mutation, seeds
from tests.fuzz.seeds import Files
from tests.fuzz.targets.target import gzipped, single


def _image(name: str, folder: Path) -> None:
    from radioviz.errors import ImageError
    from radioviz.images.reading import read_image
    from radioviz.similarity.query_image import (
        Box,
        holds_noise,
        images_in,
        prepare_picture,
        read_picture,
    )

    payload = (folder / name).read_bytes()
    read_image(folder / name)
    for extension, _ in images_in(payload, name)[:3] or [(None, "")]:
        try:
            image = read_picture(payload, name, extension)
        except ImageError:
            continue
        from radioviz.data.catalogue import SurveyInfo
        from radioviz.data.preprocess import Preprocess

        survey = SurveyInfo("first", "FIRST", 1.8, beam=5.4)
        scale = image.pixel_scale or 1.8
        beam = image.beam.fwhm if image.beam else None
        prepare_picture(
            image,
            Box.whole(image.data),
            pixel_scale=scale,
            beam=beam,
            noisy=holds_noise(image),
            survey=survey,
            chain=Preprocess(),
        )


def _answer(folder: Path) -> None:
    from radioviz.importing.cutouts.cutout_cache import check_cutout
    from radioviz.importing.cutouts.services import SERVICES, CutoutRequest

    request = CutoutRequest(187.7, 12.4, 24, 1.8)
    check_cutout((folder / "x").read_bytes(), SERVICES["first"], request)


def _simulated(folder: Path) -> None:
    """The request in the header of a generated image."""
    from radioviz.encode.generation import GenerationRequest
    from radioviz.images.hdus import open_source

    with open_source(folder / "g.fits") as file:
        header = file.hdus[0].header
        values = {key: header.get(key) for key in header}
        GenerationRequest.from_header({k: v for k, v in values.items() if v is not None})


def _simulated_seeds() -> Sequence[bytes]:
    from radioviz.encode.generation import GenerationRequest

    cards: dict[str, Any] = {"SIMULAT": True, "SEED": 3, "INDEX": 1}
    from astropy.io import fits

    header = fits.Header()
    for keyword, value in (cards | GenerationRequest(n=2, mode="prior").cards()).items():
        header[keyword] = value
    return [seeds.as_bytes(fits.PrimaryHDU(np.zeros((4, 4), np.float32), header))]


def _headers(name: str) -> st.SearchStrategy[Files]:
    """FITS headers of any cards, with some data behind them."""
    value = st.sampled_from(mutation._CARD_TEXTS + mutation.NUMBERS[:30])
    card = st.tuples(st.sampled_from(mutation._CARDS), value).map(
        lambda t: f"{t[0]:<8}= {t[1]:>20}"
    )
    start = st.sampled_from(
        (
            (
                "SIMPLE  =                    T",
                "BITPIX  =                  -32",
                "NAXIS   =                    2",
                "NAXIS1  =                    8",
                "NAXIS2  =                    8",
            ),
            ("SIMPLE  =                    T",),
        )
    )

    def made(drawn: tuple[tuple[str, ...], list[str], int]) -> Files:
        first, more, blocks = drawn
        lines = [c.encode("latin-1", "replace")[:80].ljust(80) for c in (*first, *more, "END")]
        head = b"".join(lines)
        return {name: head.ljust(-(-len(head) // 2880) * 2880) + b"\x3f\x80\0\0" * (720 * blocks)}

    return st.tuples(start, st.lists(card, max_size=30), st.integers(0, 3)).map(made)


TARGETS = (
    single(
        "FITS images",
        "x.fits",
        seeds.images,
        mutation.fits_cards,
        partial(_image, "x.fits"),
        lambda: _headers("x.fits"),
        share=3,
    ),
    single(
        "gzipped FITS",
        "x.fits.gz",
        gzipped(seeds.images),
        containers.gzipped,
        partial(_image, "x.fits.gz"),
        share=0.5,
    ),
    single(
        "PNG and JPEG", "x.png", seeds.pictures, containers.png, partial(_image, "x.png"), share=2
    ),
    single(
        "cutout answers",
        "x",
        lambda: [*seeds.images()[:7], b"<html><title>no", b'{"title": "no"}'],
        mutation.fits_cards,
        _answer,
        lambda: _headers("x"),
    ),
    single(
        "generated headers",
        "g.fits",
        _simulated_seeds,
        mutation.fits_cards,
        _simulated,
        share=0.5,
    ),
)
