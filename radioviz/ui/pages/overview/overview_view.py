"""Cards of the Overview: data sets, sky coverage, models."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.errors import RadioVizError
from radioviz.models.artefact import CARD, ModelInfo
from radioviz.models.registry import model_folder
from radioviz.ui import cache, controls, detail, galaxies, gallery_tools, state
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.html_bars import class_bar
from radioviz.ui.code.script import Expression, Script, call
from radioviz.ui.controls import View
from radioviz.ui.image.display import ImageStyle, field_arcsec
from radioviz.ui.pages.overview.sky_map import SkySample, all_sky
from radioviz.ui.pages.overview.state import OverviewState
from radioviz.ui.state import page_state

ABILITIES = {
    "encode": "image to latent",
    "decode": "latent to image",
    "class": "takes a class",
    "size": "takes a size",
    "log_prob": "log-likelihood",
    "classify": "class probability",
    "features": "features for comparison",
    "side": "one of two classes, without labels",
    "edit": "changes of images",
}

SCORES = {
    "elbo": "ELBO [nats]",
    "kl": "KL divergence [nats]",
    "active_dimensions": "dimensions in use",
    "flux_ratio": "reconstructed over true flux",
    "ssim": "structural similarity",
    "relative_error": "relative squared residual",
    "mse": "mean squared error",
    "accuracy": "accuracy",
    "auc": "ROC AUC",
    "nll": "−log p of the class [nats]",
    "calibration_error": "calibration error",
    "temperature": "calibration temperature (divides the logits)",
}
SPLITS = {"valid": "validation images", "test": "test images", "train": "training images"}


def example_galaxies(catalogue: Catalogue, style: ImageStyle) -> None:
    """A dozen well-resolved galaxies, the same at every visit; a click opens one."""
    table = catalogue.table
    las, widest = table["las"].to_numpy(float), field_arcsec(catalogue.info, style)
    fitting = np.flatnonzero((las > 0.3 * widest) & (las < 0.75 * widest))
    if not len(fitting):
        fitting = np.arange(len(table))
    rows = np.random.default_rng(7).permutation(fitting)[:12]
    pairs = [(catalogue.info.key, str(s)) for s in catalogue.ids_of(rows)]
    gallery_tools.galaxy_gallery(
        galaxies.galaxy_cells(pairs, style),
        style,
        key="examples",
        label="Some galaxies",
        strip=True,
        on_open=_open,
        on_collect=detail.toggle_tray,
        in_tray=state.tray().__contains__,
    )


def _open(pair: tuple[str, str]) -> None:
    page_state(OverviewState).opened = pair


def _range(values: np.ndarray) -> str:
    """The value of all images, or the smallest and the largest; empty if none is known."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ""
    low, high = known.min(), known.max()
    return f"{low:.4g}" if high / low < 1.01 else f"{low:.3g}–{high:.3g}"


def data_set_card(catalogue: Catalogue) -> None:
    """Count, classes, survey and terms of one data set."""
    info, table = catalogue.info, catalogue.table
    described = [
        (catalogue.pixel_scales, "″ pixels"),
        (catalogue.beams, "″ beam"),
        (table["frequency"].to_numpy(float), " GHz"),
    ]
    facts = [f"{shown}{unit}" for values, unit in described if (shown := _range(values))]
    facts += [info.bunit or "uncalibrated 8-bit images"]
    positions = int(np.isfinite(table["ra"].to_numpy()).sum())
    sizes = int(np.isfinite(table["las"].to_numpy()).sum())
    with st.container(border=True, key=f"data_set_{info.key}"):
        st.html(
            f'<div style="display:flex;justify-content:space-between;gap:1em;align-items:baseline">'
            f'<span style="font-weight:600;font-size:1.02rem">{html.escape(info.title)}</span>'
            f"<span><b>{len(catalogue):,}</b> galaxies</span></div>"
            f'<div style="opacity:.72;font-size:.86rem;margin:2px 0 8px">'
            f"{html.escape(' · '.join(facts))} · {positions:,} with a position · "
            f"{sizes:,} with a size</div>{class_bar(Counter(table['label']))}"
        )
        with st.expander("Terms, reference, notes"):
            for title, text in (
                ("Licence", info.licence),
                ("Reference", info.reference),
                ("Origin", info.origin),
            ):
                if text:
                    st.markdown(f"**{title}.** {controls.escape(text)}")
            for note in catalogue.notes[:20]:
                st.caption(controls.escape(note))
            if len(catalogue.notes) > 20:
                st.caption(f"and {len(catalogue.notes) - 20:,} more notes")


def one_map(view: View) -> None:
    """A link to a map of all data sets that the encoder in view has mapped, by survey."""
    others = controls.overlays(view)
    if not others or view.model not in cache.atlas_names(view.data_set):
        return
    st.page_link(
        controls.LATENT_MAP,
        label=f"These {len(others) + 1} data sets on one map, coloured by survey",
        icon=":material/layers:",
        query_params={
            "data": view.data_set, "encoder": str(view.model), "overlay": ",".join(others),
            "colour": "survey",
        },
    )  # fmt: skip


def missing_data_sets(errors: Mapping[str, RadioVizError]) -> None:
    """Data sets that are not installed: why, and the command that downloads them."""
    known = cache.known_data_sets()
    commands: dict[str, list[str]] = {}
    with st.container(border=True, key="data_sets_missing"):
        st.markdown("**Not installed**")
        for key, error in errors.items():
            entry = known[key]
            if entry.fetch and not entry.is_built:
                commands.setdefault(entry.fetch, []).append(entry.title)
            else:
                st.caption(controls.escape(f"{entry.title}: {error}"))
        for fetch, titles in commands.items():
            st.caption(controls.escape(f"{' and '.join(titles)}: free to download, checked by MD5"))
            st.code(f"python -m radioviz.data fetch {fetch}", language="bash", wrap_lines=True)


def sky_coverage(opened: Mapping[str, Catalogue]) -> None:
    """All data sets that have positions, on one map of the sky."""
    colours = plotly_charts.data_set_colours(opened)
    samples, without = [], []
    for key, catalogue in opened.items():
        ra, dec = (catalogue.table[c].to_numpy(float) for c in ("ra", "dec"))
        if np.isfinite(ra).any():
            samples.append(SkySample(catalogue.info.title, ra, dec, colours[key]))
        else:
            without.append(catalogue.info.title)
    if samples:
        alt = "All-sky map of " + ", ".join(sample.title for sample in samples)
        plotly_charts.draw(all_sky(samples), "all_sky", alt, height=300)
        st.caption("Hammer-Aitoff, equatorial J2000, right ascension increasing to the left.")
    if without:
        st.caption(controls.escape("Without positions: " + ", ".join(without)))


def model_cards() -> None:
    """Abilities and scores of each model; broken ones with the reason."""
    found = cache.models()
    if not found and not found.broken:
        st.info(
            "No trained models. They come with the repository in `trained/`; "
            "train one with `python -m train vae`.",
            icon=":material/model_training:",
        )
    for name, info in found.items():
        with st.container(border=True, key=f"model_{name}"):
            _model(info)
    for name, message in found.broken.items():
        st.error(controls.escape(f"{name}: {message}"), icon=":material/error:")


def _model(info: ModelInfo) -> None:
    can = " ".join(f":gray-badge[{ABILITIES[c]}]" for c in info.capabilities)
    dimensions = "" if str(info.latent_dim) in info.title else f" · {info.latent_dim} dimensions"
    st.markdown(f"**{controls.escape(info.title)}**{dimensions}  {can}")
    st.caption(controls.escape(_training(info)))
    card = model_folder(info.name) / CARD
    with st.expander("Model card"):
        if card.exists():
            st.markdown(card.read_text(encoding="utf-8"))
        else:
            st.caption(f"{CARD} is missing")
        for picture in sorted(card.parent.glob("*.png")):
            st.image(str(picture))


def _training(info: ModelInfo) -> str:
    """What the model was trained on and its main scores, in a line."""
    facts = info.training
    parts = []
    if facts.get("data"):
        number = (facts.get("images") or {}).get("train")
        names = ", ".join(controls.data_set_title(str(d)) for d in facts["data"])
        parts.append(f"Trained on {number:,} images of {names}" if number else f"Data: {names}")
    for split, title in SPLITS.items():
        scores = [
            f"{SCORES[name]} {value:.3g}"
            for key, value in info.scores.items()
            for name, _, of in [key.rpartition(".")]
            if of == split and name in SCORES
        ]
        if scores:
            parts.append(f"On the {title}: {', '.join(scores[:5])}")
    return " · ".join(parts)


def overview_script(data_set: str) -> Script:
    """What is installed, and the classes of the data set in view."""
    script = Script()
    script.put("data_sets", call("radioviz.list_data_sets"))
    script.put("models", call("radioviz.list_models"))
    script.put("sample", call("radioviz.open_data_set", data_set))
    script.put("classes", Expression('sample.table["label"].value_counts()'))
    return script
