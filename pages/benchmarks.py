"""Benchmarks: what was measured, how, with which uncertainty, beside published ones."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from radioviz.ui import controls, sidebar
from radioviz.ui.cache.benchmark_files import benchmarks
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.pages.benchmarks import benchmark_tables as tables
from radioviz.ui.pages.benchmarks import benchmarks_view

Part = tuple[str, str, str, Callable[[pd.DataFrame], None]]

# Heading, table in trained/tables, command of `python -m train` that makes it, and its drawing.
PARTS: dict[str, tuple[Part, ...]] = {
    "Representations": (
        ("Table 2 of Andrianomena & Tang 2023, measured again", "table2", "evaluate table2",
         tables.classifiers_on_codes),
        ("Which components hold the angular size (their Fig. 7)", "fig7", "evaluate fig7",
         tables.feature_importance),
        ("How many labels are needed", "label_efficiency", "evaluate labels",
         tables.label_efficiency),
        ("Unlabelled galaxies in addition to a few labels (FixMatch)", "semi_supervised",
         "semi --run fixmatch", tables.semi_supervised),
        ("How far apart surveys are in an encoder's features", "shift", "evaluate shift",
         tables.survey_shift),
    ),
    "Generated galaxies": (
        ("Every generator, judged by one classifier", "generators",
         "evaluate gen --model cvae-sharp", tables.generators),
        ("How blurred they are", "blur",
         "evaluate blur --model vae32,cvae,cvae-sharp,vdvae", tables.blur),
        ("RAMIS against blur, noise and crop (Bastien et al. 2021, Fig. 1)",
         "ramis_degradation", "evaluate ramis", tables.ramis_against_damage),
        ("VAE: latent dimensions (their Table 3)", "bastien2021-table3",
         "table --run bastien2021-table3", tables.latent_dimensions),
        ("CVAE: latent dimensions (their Table 4)", "bastien2021-table4",
         "table --run bastien2021-table4", tables.latent_dimensions),
    ),
    "Likelihood": (
        ("Which score finds strange galaxies", "ood", "evaluate ood", tables.outlier_detection),
    ),
}  # fmt: skip


def main() -> None:
    view = sidebar.draw_sidebar()
    view.publish()
    st.title("Benchmarks")
    with controls.show_errors():
        figures = benchmarks()
        st.markdown(
            f"{len(figures):,} figures recorded. Held-out test galaxies unless stated otherwise; "
            "intervals are 95 %. The last column of a table has the command that measures a "
            "figure again."
        )
        first, *others, recorded = st.tabs(["Key figures", *PARTS, "All figures"])
        with first:
            benchmarks_view.key_figures(figures)
        for tab, parts in zip(others, PARTS.values(), strict=True):
            for heading, name, command, draw in parts:
                tab.subheader(heading)
                with tab:
                    benchmarks_view.with_table(name, f"python -m train {command}", draw)
        with recorded:
            benchmarks_view.everything(figures)
        names = [name for parts in PARTS.values() for _, name, _, _ in parts]
        draw_code(view, lambda: benchmarks_view.benchmark_script(names))


main()
