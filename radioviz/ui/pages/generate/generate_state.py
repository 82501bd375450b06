"""Generate: what is asked for, and the batch that came of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import decoders
from radioviz.ui import cache, controls, galaxies, state, synthetic, url_state, verdicts
from radioviz.ui.controls import View

if TYPE_CHECKING:
    from radioviz.encode import GeneratedGalaxies, GenerationRequest

Pair = tuple[str, str]

MOST = 1024  # images on one page: 16 MB each batch that the server keeps
ANY = "any"
MODES = {
    "prior": "from the prior",
    "normal": "from a standard normal",
    "uniform": "evenly over latent space",
    "around": "around a galaxy",
}
LARGEST_SEED = 2**31 - 1
CLIP_SIGMA = 3.0


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch of generated galaxies and what is known of each.

    Attributes
    ----------
    info : ModelInfo
    made : GeneratedGalaxies
    images : numpy.ndarray
        Float32 ``(n, size, size)``: as made, or sigma-clipped.
    clipped : bool
    measured : pandas.DataFrame
        See :func:`radioviz.ui.synthetic.measure_decoded`.
    classifier : str or None
        Whose verdict ``probabilities`` (class to ``(n,)``) are; empty without one.
    """

    info: ModelInfo
    made: GeneratedGalaxies
    images: np.ndarray
    clipped: bool
    measured: pd.DataFrame
    classifier: str | None
    probabilities: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.images)

    def verdict(self, i: int) -> tuple[str, float] | None:
        """The likeliest class of an image and its probability; None without a classifier."""
        return verdicts.likeliest_class(self.probabilities, i) if self.probabilities else None

    def title(self, i: int) -> str:
        """Name of an image: enough to ask for it again on this page."""
        return f"seed {self.made.request.seed}, number {int(self.made.indices[i])}"


def choose(view: View) -> tuple[ModelInfo, GenerationRequest, bool] | None:
    """Draw the controls: model, request, whether to clip; None where there is nothing to ask.

    Raises
    ------
    ModelError
        If what the controls say cannot be asked for.
    """
    names = decoders(cache.models())
    if not names:
        st.info(
            "There is no trained decoder here. Train one with `python -m train cvae`, "
            "then reload the page.",
            icon=":material/auto_awesome:",
        )
        return None
    with st.container(key="generate_controls"):
        columns = st.columns([2, 1.3, 0.9, 1.1, 0.8], vertical_alignment="bottom")
        with columns[0]:
            info = controls.choose_model("Generator", names, "generate_model", "model")
        with columns[1]:
            label = _label(info)
        with columns[2]:
            url_state.linked_integer("generate_n", "n", 1, MOST, 16)
            number = st.number_input("How many", 1, MOST, key="generate_n")
        with columns[3]:
            url_state.linked_integer("generate_seed", "seed", 0, LARGEST_SEED, 0)
            seed = st.number_input("Seed", 0, LARGEST_SEED, key="generate_seed")
        columns[4].button(
            "New seed",
            icon=":material/casino:",
            key="generate_dice",
            on_click=_dice,
            width="stretch",
        )
        below = st.columns([2, 1.3, 1.4, 0.9], vertical_alignment="bottom")
        with below[0]:
            size = _size(info)
        modes = [m for m in MODES if m != "normal" or info.can("class") or info.can("size")]
        with below[1]:
            url_state.linked_choice("generate_mode", "mode", modes, "prior")
            mode = st.selectbox(
                "Latent vectors drawn",
                modes,
                format_func=MODES.__getitem__,
                key="generate_mode",
                persist_state="session",
            )
        with below[2]:
            temperature, spread, centre = 1.0, 0.3, None
            if mode == "around":
                url_state.linked_number("generate_spread", "spread", 0.0, 2.0, 0.3)
                spread = float(
                    st.slider("Spread about it [σ of the prior]", 0.0, 2.0, key="generate_spread")
                )
            elif mode != "uniform":
                url_state.linked_number("generate_temperature", "temperature", 0.0, 2.0, 1.0)
                temperature = float(
                    st.slider(
                        "Temperature",
                        0.0,
                        2.0,
                        key="generate_temperature",
                        help="Scale of the random numbers: below 1 images are more typical and "
                        "less varied, above 1 the other way round",
                    )
                )
        with below[3]:
            url_state.linked_toggle("generate_clip", "clip")
            clip = st.toggle(
                "Sigma clip",
                key="generate_clip",
                help="Pixels below background + 3σ become 0, as in the images that the model "
                "learned from; a decoder cannot reproduce the clipping itself",
            )
        if mode == "around":
            centre = _centre(info)
            if centre is None:
                return None
    from radioviz.encode import GenerationRequest

    request = GenerationRequest(
        n=int(number),
        seed=int(seed),
        label=None if label == ANY else label,
        size=size,
        mode=str(mode),
        centre=centre,
        spread=spread,
        temperature=temperature,
    )
    _publish(view, info, request, bool(clip))
    return info, request, bool(clip)


def _label(info: ModelInfo) -> str:
    from radioviz.encode.generator import classes_of

    classes = [ANY, *classes_of(info)]
    url_state.linked_choice("generate_label", "class", classes, ANY)
    return str(
        st.selectbox(
            "Class",
            classes,
            format_func=lambda c: "as learned" if c == ANY else c,
            key="generate_label",
            disabled=len(classes) == 1,
            persist_state="session",
            help=None if len(classes) > 1 else f"{info.title} takes no class",
        )
    )


def _size(info: ModelInfo) -> float | None:
    from radioviz.encode.generator import size_range_of

    reach = size_range_of(info)
    if reach is None:
        st.toggle(
            "Ask for an angular size", value=False, disabled=True, key="generate_no_size",
            help=f"{info.title} takes no angular size",
        )  # fmt: skip
        return None
    low, high = reach
    url_state.linked_toggle("generate_sized", "sized")
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        sized = st.toggle("Size", key="generate_sized", help="Ask for an angular size")
    with right:
        url_state.linked_number("generate_size", "size", low, high, min(max(60.0, low), high))
        size = st.slider(
            f"Angular size [{low:.0f}–{high:.0f} arcsec]",
            low, high, step=1.0, key="generate_size", disabled=not sized, format="%.0f″",
        )  # fmt: skip
    return float(size) if sized else None


def _dice() -> None:
    st.session_state["generate_seed"] = secrets.randbelow(1_000_000)


def candidates(info: ModelInfo) -> dict[str, Pair]:
    """Galaxies to draw around: the one in focus, then the tray, as far as the model mapped them."""
    pairs = [p for p in (state.focus(), *list(state.tray())[:50]) if p is not None]
    known = [p for p in dict.fromkeys(pairs) if info.name in cache.atlas_names(p[0])]
    return {"/".join(p): p for p in known}


def _centre(info: ModelInfo) -> tuple[float, ...] | None:
    """Latent vector to draw around: of a real galaxy, or of a generated one."""
    found: dict[str, Any] = dict(candidates(info))
    own = st.session_state.get("generate_centre")
    if own is not None and own["model"] == info.name:
        found = {"generated": own, **found}
    if not found:
        st.info(
            "Galaxies are drawn around the one you look at, or around one in the tray. Open one "
            "on the latent map or put some into the tray, then come back.",
            icon=":material/scatter_plot:",
        )
        return None
    url_state.linked_choice("generate_around", "around", list(found), next(iter(found)))

    def title(key: str) -> str:
        if key == "generated":
            return f"generated: {own['title']}" if own else key
        catalogue, row = galaxies.row_of(found[key])
        return f"{galaxies.name_of(catalogue.table, row)} ({catalogue.info.title})"

    key = str(
        st.selectbox("Galaxy to draw around", list(found), format_func=title, key="generate_around")
    )
    if key == "generated":
        return tuple(own["latent"]) if own else None
    pair = found[key]
    located = cache.located(pair[0], info.name)
    row = int(located.places_of([pair[1]])[0])
    if row < 0:
        raise ModelError(f"'{info.name}' has not encoded '{pair[1]}'; choose another galaxy")
    return tuple(float(v) for v in np.asarray(located.atlas.latents[row], np.float32))


def _publish(view: View, info: ModelInfo, request: GenerationRequest, clip: bool) -> None:
    around = st.session_state.get("generate_around") if request.mode == "around" else None
    view.publish(
        model=info.name,
        **{"class": request.label},
        n=str(request.n),
        seed=str(request.seed),
        sized="1" if request.size is not None else None,
        size=url_state.number_text(request.size) if request.size is not None else None,
        mode=request.mode,
        temperature=url_state.number_text(request.temperature)
        if request.temperature != 1
        else None,
        spread=url_state.number_text(request.spread) if request.mode == "around" else None,
        around=around if around != "generated" else None,
        clip="1" if clip else None,
    )


def made(
    info: ModelInfo,
    request: GenerationRequest,
    clip: bool,
    note: Callable[[str], Any] = lambda message: None,
) -> Batch:
    """Generate, measure and classify; what is missing of a classifier is told to ``note``.

    Raises
    ------
    ModelError
        If the model is missing or cannot do what is asked.
    """
    batch = cache.generated(info.name, request)
    images = synthetic.sigma_clipped(batch.images, CLIP_SIGMA) if clip else batch.images
    name = verdicts.default_classifier()
    probabilities: dict[str, np.ndarray] = {}
    if name is not None:
        try:
            probabilities = verdicts.probabilities(name, images)
        except ModelError as error:
            note(str(error))
    key = (info.name, batch.weights_sha256, repr(request), clip)
    if st.session_state.get("generate_batch") != key:
        st.session_state["generate_batch"] = key
        st.session_state["generate_picks"] = set()
        st.session_state["generate_chosen"] = 0
    measured = _measured(key, images, info)
    return Batch(info, batch, images, clip, measured, name, probabilities)


def _measured(key: Any, images: np.ndarray, info: ModelInfo) -> pd.DataFrame:
    """Measurements of the batch on the page, made once a batch."""
    held = st.session_state.get("generate_measured")
    if held is None or held[0] != key:
        held = (key, synthetic.measure_decoded(images, info))
        st.session_state["generate_measured"] = held
    table: pd.DataFrame = held[1]
    return table


def picks() -> set[int]:
    """Numbers of the images that the reader picked for export."""
    held: set[int] = st.session_state.setdefault("generate_picks", set())
    return held


def chosen(batch: Batch) -> int:
    """The image that is shown large."""
    return min(int(st.session_state.get("generate_chosen", 0)), len(batch) - 1)
