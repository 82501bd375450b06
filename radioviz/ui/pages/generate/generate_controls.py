"""Generate: the controls above the pictures. Which model, class, size, and latent vectors."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import streamlit as st

from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import generators
from radioviz.ui import cache, controls, galaxies, state, url_state
from radioviz.ui.controls import View, linked_select
from radioviz.ui.pages.generate.state import generate_state

if TYPE_CHECKING:
    from radioviz.encode import GenerationRequest

MAX_IMAGES = 1024  # on one page: 16 MB each batch that the server keeps
MAX_SEED = 2**31 - 1
MAX_GUIDANCE = 6.0
ANY, GENERATED = "any", "generated"
MODES = {
    "prior": "from the prior",
    "normal": "from a standard normal",
    "uniform": "uniformly over latent space",
    "around": "around a galaxy",
}


def choose_request(view: View) -> tuple[ModelInfo, GenerationRequest, bool] | None:
    """Draw the controls: model, request, whether to clip; None where a choice is missing.

    Raises ModelError if the model cannot fulfil the request.
    """
    from radioviz.encode.generation import GenerationRequest, own_guidance

    names = generators(cache.models())
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
            url_state.linked_integer("generate_n", "n", 1, MAX_IMAGES, 16)
            number = st.number_input(
                "How many", 1, MAX_IMAGES, key="generate_n", on_change=_confirm_number
            )
        with columns[3]:
            url_state.linked_integer("generate_seed", "seed", 0, MAX_SEED, 0)
            seed = st.number_input("Seed", 0, MAX_SEED, key="generate_seed")
        columns[4].button(
            "New seed", icon=":material/casino:", key="generate_dice", on_click=_new_seed,
            width="stretch",
        )  # fmt: skip
        below = st.columns([2, 1.3, 1.4, 0.9], vertical_alignment="bottom")
        with below[0]:
            size = _size(info)
        conditional = info.can("class") or info.can("size")
        modes = {m: title for m, title in MODES.items() if m != "normal" or conditional}
        few = own_guidance(info) is not None
        if few:  # images around a latent vector would have nothing else in common
            modes.pop("around")
        with below[1]:
            mode = linked_select(
                "Latent vectors drawn", modes, "generate_mode", "mode",
                help="Of this generator signal to noise and direction; the rest is noise"
                if few else None,
            )  # fmt: skip
        temperature, spread, centre = 1.0, 0.3, None
        with below[2]:
            if mode == "around":
                url_state.linked_number("generate_spread", "spread", 0.0, 2.0, 0.3)
                spread = st.slider(
                    "Spread around it [σ of the prior]", 0.0, 2.0, key="generate_spread"
                )
            elif mode != "uniform":
                url_state.linked_number("generate_temperature", "temperature", 0.0, 2.0, 1.0)
                temperature = st.slider(
                    "Temperature", 0.0, 2.0, key="generate_temperature",
                    help="Factor on the random numbers of the latent vectors: below 1 images are "
                    "more typical and less varied, above 1 the reverse",
                )  # fmt: skip
        with below[3]:
            url_state.linked_toggle("generate_clip", "clip")
            clip = st.toggle(
                "Sigma clip",
                key="generate_clip",
                help="Set pixels below background + 3σ to 0, as in the training images; a decoder "
                "cannot reproduce the clipping itself",
            )
        if mode == "around":
            centre = _centre(info)
            if centre is None:
                return None
        choices = _choices(info, mode)
    request = GenerationRequest(
        n=int(number),
        seed=int(seed),
        label=None if label == ANY else label,
        size=size,
        mode=mode,
        centre=centre,
        spread=float(spread),
        temperature=float(temperature),
        **choices,
    )
    _publish(view, info, request, bool(clip))
    return info, request, bool(clip)


def confirm_button(number: int) -> None:
    """A button that starts what a link requested."""
    st.info(
        f"This link requests {number:,} images, which may take minutes.",
        icon=":material/hourglass_empty:",
    )
    st.button(
        f"Generate {number:,} images",
        key="generate_start",
        icon=":material/play_arrow:",
        on_click=_confirm_number,
    )


def _confirm_number() -> None:
    held = generate_state()
    held.confirmed = max(held.confirmed, int(st.session_state["generate_n"]))


def _label(info: ModelInfo) -> str:
    from radioviz.encode.generation import classes_of

    classes = {ANY: "as learned", **{c: c for c in classes_of(info)}}
    return linked_select(
        "Class",
        classes,
        "generate_label",
        "class",
        disabled=len(classes) == 1,
        help=None if len(classes) > 1 else f"{info.title} has no classes",
    )


def _size(info: ModelInfo) -> float | None:
    from radioviz.encode.generation import size_range_of

    reach = size_range_of(info)
    if reach is None:
        st.toggle(
            "Set an angular size", value=False, disabled=True, key="generate_no_size",
            help=f"{info.title} accepts no angular size",
        )  # fmt: skip
        return None
    low, high = reach
    url_state.linked_toggle("generate_sized", "sized")
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        sized = st.toggle("Size", key="generate_sized", help="Set an angular size")
    with right:
        url_state.linked_number("generate_size", "size", low, high, min(max(60.0, low), high))
        size = st.slider(
            f"Angular size [{low:.0f}–{high:.0f} arcsec]",
            low, high, step=1.0, key="generate_size", disabled=not sized, format="%.0f″",
        )  # fmt: skip
    return float(size) if sized else None


def _choices(info: ModelInfo, mode: str) -> dict[str, Any]:
    """Switches for what the page does beyond one draw, where the model does it."""
    from radioviz.encode.generation import own_guidance, selects

    chosen: dict[str, Any] = {}
    learned, own = selects(info) and mode == "prior", own_guidance(info)
    if not (learned or own is not None or info.can("size")):
        return chosen
    places = st.columns([2, 1.3, 2.3] if learned else [2, 3.6], vertical_alignment="bottom")
    if learned:
        with places[0]:
            url_state.linked_toggle("generate_select", "select", default=True)
            if not st.toggle(
                "Selection by the class head",
                key="generate_select",
                help="Of several drafts of each image keep the first that the model's own class "
                "head accepts. Without it more images do not look like the requested class, as "
                "among real galaxies",
            ):
                chosen["candidates"] = 1
        with places[1]:
            url_state.linked_toggle("generate_guide", "guide", default=True)
            if not st.toggle(
                "Guidance",
                key="generate_guide",
                help="Strengthen class and size in the prior (classifier-free guidance), so that "
                "images are more typical of their class than real galaxies are",
            ):
                chosen["guidance"] = 1.0
    if own is not None:
        with places[0]:
            # Of each model apart: the guidance of one is not what another ships with.
            key, most = f"generate_guidance_{info.name}", max(MAX_GUIDANCE, own)
            url_state.linked_number(key, "guidance", 0.0, most, own)
            shares = info.training.get("config", {}).get("class_guidance", {})
            part = "".join(f", {label} {share:g}" for label, share in shares.items())
            less = f" (parts of what is above 1 that classes take{part})" * bool(part)
            guidance = st.slider(
                "Guidance", 0.0, most, step=0.1, key=key,
                help=f"How closely images follow the class: 1 as learned, above 1 more typical and "
                f"less varied, 0 as without a class. This model ships with {own:g}{less}; at 1 "
                "images take half the time",
            )  # fmt: skip
            if guidance != own:
                chosen["guidance"] = float(guidance)
    if info.can("size"):
        with places[-1]:
            url_state.linked_toggle("generate_correct", "correct", default=True)
            if not st.toggle(
                "Correction of the size",
                key="generate_correct",
                help="Measure each image, and make those again that came out too large or small",
            ):
                chosen["corrections"] = 0
    return chosen


def _new_seed() -> None:
    st.session_state["generate_seed"] = secrets.randbelow(1_000_000)


def _centre(info: ModelInfo) -> tuple[float, ...] | None:
    """Latent vector to draw around: of a generated galaxy, the one in focus, or one of the tray."""
    pairs = [p for p in (state.focus(), *list(state.tray())[:50]) if p is not None]
    known = {"/".join(p): p for p in pairs if info.name in cache.atlas_names(p[0])}
    own = generate_state().centre
    titles: dict[str, str] = {}
    if own is not None and own.model == info.name:
        titles[GENERATED] = f"generated: {own.title}"
    for key, pair in known.items():
        catalogue, row = galaxies.row_of(pair)
        titles[key] = f"{galaxies.name_of(catalogue.table, row)} ({catalogue.info.title})"
    if not titles:
        st.info(
            "New galaxies can be drawn around the galaxy in focus or one in the tray. Open one on "
            "the latent map or put some into the tray, then come back.",
            icon=":material/scatter_plot:",
        )
        return None
    key = linked_select("Galaxy to draw around", titles, "generate_around", "around")
    if key == GENERATED and own is not None:
        return own.latent
    data_set, source_id = known[key]
    located = cache.located(data_set, info.name)
    row = int(located.places_of([source_id])[0])
    if row < 0:
        raise ModelError(
            f"'{info.name}' has not encoded '{source_id[:100]}'; choose another galaxy"
        )
    return tuple(float(v) for v in located.atlas.latents[row])


def _publish(view: View, info: ModelInfo, request: GenerationRequest, clip: bool) -> None:
    from radioviz.encode.generation import own_guidance

    text, strength = url_state.parameter_text, request.guidance
    guided = own_guidance(info) is not None
    around = st.session_state.get("generate_around") if request.mode == "around" else None
    view.publish(
        model=info.name,
        **{"class": request.label},
        n=str(request.n),
        seed=str(request.seed),
        sized="1" if request.size is not None else None,
        size=text(request.size) if request.size is not None else None,
        mode=request.mode,
        temperature=text(request.temperature) if request.temperature != 1 else None,
        spread=text(request.spread) if request.mode == "around" else None,
        around=around if around != GENERATED else None,
        clip="1" if clip else None,
        select="0" if request.candidates == 1 else None,
        guide="0" if strength == 1 and not guided else None,
        guidance=text(strength) if guided and strength is not None else None,
        correct="0" if request.corrections == 0 else None,
    )
