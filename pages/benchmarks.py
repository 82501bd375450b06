"""Benchmarks: what was measured, how, with which uncertainty, beside targets and papers."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls
from radioviz.ui.cache.benchmark_files import benchmarks
from radioviz.ui.pages.benchmarks import benchmarks_view as view_of
from radioviz.ui.pages.benchmarks import labels_view, table2_view


def representations() -> None:
    st.subheader("Table 2 of Andrianomena & Tang 2023, redone")
    view_of.with_table(
        "table2",
        "python -m train evaluate table2",
        lambda table: table2_view.show(table, view_of.titles()),
    )
    st.subheader("Which components hold the angular size (their Fig. 7)")
    view_of.with_table("fig7", "python -m train evaluate fig7", view_of.feature_importance)
    st.subheader("How many labels it takes")
    view_of.with_table(
        "label_efficiency", "python -m train evaluate labels", labels_view.efficiency
    )
    st.subheader("Galaxies without labels beside a few with (FixMatch)")
    view_of.with_table(
        "semi_supervised", "python -m train semi --run fixmatch", labels_view.semi_supervised
    )
    st.subheader("How far the surveys lie apart in an encoder's features")
    view_of.with_table("shift", "python -m train evaluate shift", labels_view.shift)


def generation() -> None:
    st.subheader("Every generator, by one classifier")
    view_of.with_table(
        "generators", "python -m train evaluate gen --model cvae-sharp", view_of.generators
    )
    st.subheader("How blurred they are")
    view_of.with_table(
        "blur", "python -m train evaluate blur --model vae32,cvae,cvae-sharp,vdvae", view_of.blur
    )
    st.subheader("RAMIS against blur, noise and crop (Bastien et al. 2021, Fig. 1)")
    view_of.with_table(
        "ramis_degradation", "python -m train evaluate ramis", view_of.ramis_against_damage
    )
    for name, title in (
        ("bastien2021-table3", "VAE: latent dimensions (their Table 3)"),
        ("bastien2021-table4", "CVAE: latent dimensions (their Table 4)"),
    ):
        st.subheader(title)
        view_of.with_table(name, f"python -m train table --run {name}", view_of.vae_dimensions)


def strange() -> None:
    st.subheader("Which score finds what is strange")
    view_of.with_table("ood", "python -m train evaluate ood", view_of.likelihood)


def main() -> None:
    view = controls.draw_sidebar()
    view.publish()
    st.title("Benchmarks")
    with controls.show_errors():
        figures = benchmarks()
        st.markdown(
            controls.escape(view_of.summary(figures))
            + " Held-out test galaxies unless said; intervals are 95 %. Hover over a row for the "
            "command that measures it again."
        )
        tabs = st.tabs(
            ["Targets", "Representations", "Generated galaxies", "Likelihood", "All figures"]
        )
        with tabs[0]:
            for name in view_of.SECTIONS:
                if any(t.section == name for t in view_of.TARGETS):
                    view_of.section(figures, name)
        with tabs[1]:
            representations()
        with tabs[2]:
            generation()
        with tabs[3]:
            strange()
        with tabs[4]:
            view_of.everything(figures)


main()
