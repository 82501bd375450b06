"""Parts of the Benchmarks page: targets, comparisons, tables. Nothing here needs torch."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from radioviz.ui import cache, controls
from radioviz.ui.cache.benchmark_files import figure_table
from radioviz.ui.charts import svg_charts
from radioviz.ui.charts.line_chart import Line, lines
from radioviz.ui.pages.benchmarks.benchmark_targets import SECTIONS, TARGETS, Target, number

Figures = Mapping[str, Mapping[str, Any]]

_STATUS = {
    "reached": ("#009E73", "✓ reached"),
    "missed": ("#D55E00", "✗ missed"),
    "absent": ("#9AA0A6", "not measured"),
    "shown": ("", ""),
}
_CELL = "padding:5px 10px;vertical-align:top;border-top:1px solid rgba(128,128,128,.25)"


def status_of(target: Target, entry: Mapping[str, Any] | None) -> str:
    """``reached``, ``missed``, ``absent``, or ``shown`` for figures that have no target."""
    found = target.status(dict(entry) if entry else None)
    return "shown" if found != "absent" and not target.text() else found


def summary(figures: Figures) -> str:
    """How many targets were reached, in a sentence."""
    bound = [t for t in TARGETS if t.text()]
    counts = [status_of(t, figures.get(t.name)) for t in bound]
    return (
        f"{counts.count('reached')} of {len(bound)} targets reached, {counts.count('missed')} "
        f"missed, {counts.count('absent')} not measured yet. {len(figures):,} figures recorded."
    )


def targets(figures: Figures, section: str) -> str:
    """Figures of a section beside their targets, as HTML; all text is escaped."""
    widths = (("", 31), ("Here", 13), ("Target", 11), ("", 11), ("Published", 18))
    head = "".join(
        f'<th style="text-align:left;font-weight:500;opacity:.7;padding:2px 10px;width:{width}%">'
        f"{title}</th>"
        for title, width in (*widths, ("Measured on", 16))
    )
    lines_ = [_row(t, figures.get(t.name)) for t in TARGETS if t.section == section]
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;width:100%;'
        f'min-width:760px;table-layout:fixed;font-size:.9rem"><thead><tr>{head}</tr></thead><tbody>{"".join(lines_)}</tbody>'
        "</table></div>"
    )


def _row(target: Target, entry: Mapping[str, Any] | None) -> str:
    status = status_of(target, entry)
    colour, word = _STATUS[status]
    value, interval, where = "–", "", ""
    if entry is not None:
        value = number(entry.get("value"), target.percent)
        if entry.get("low") is not None and entry.get("high") is not None:
            ends = [number(entry[end], target.percent) for end in ("low", "high")]
            interval = f"{ends[0]} to {ends[1]}"
        where = " · ".join(
            part
            for part in (
                str(entry.get("split", "")),
                f"n = {entry['n']:,}" if entry.get("n") else "",
                f"{len(entry['seeds'])} seeds" if len(entry.get("seeds", ())) > 1 else "",
            )
            if part
        )
        if entry.get("why"):
            where = str(entry["why"])
    command = html.escape(str((entry or {}).get("command", "")), quote=True)
    chip = (
        f'<span style="white-space:nowrap;color:{colour};font-weight:600">{word}</span>'
        if word
        else ""
    )
    return (
        f'<tr title="{command}"><td style="{_CELL}">{html.escape(target.title)}'
        f'<div style="font-size:.76rem;opacity:.6"><code>{html.escape(target.name)}</code></div>'
        f'</td><td style="{_CELL};font-variant-numeric:tabular-nums;white-space:nowrap">'
        f"<b>{html.escape(value)}</b>"
        f'<div style="font-size:.78rem;opacity:.7">{html.escape(interval)}</div></td>'
        f'<td style="{_CELL};white-space:nowrap">{html.escape(target.text())}</td>'
        f'<td style="{_CELL}">{chip}</td>'
        f'<td style="{_CELL};opacity:.85">{html.escape(target.published)}</td>'
        f'<td style="{_CELL};opacity:.85">{html.escape(where)}</td></tr>'
    )


def section(figures: Figures, name: str) -> None:
    """Heading and targets of one section."""
    st.subheader(SECTIONS[name])
    st.html(targets(figures, name))


def with_table(name: str, command: str, draw: Callable[[pd.DataFrame], None]) -> None:
    """Draw a table, or say which command makes it; what fails costs this part alone."""
    with controls.show_errors():
        table = figure_table(name)
        if table is None or not len(table):
            st.info("Not measured here yet. This does it:", icon=":material/science:")
            st.code(command, language="bash")
            return
        draw(table)


def titles() -> dict[str, str]:
    """Names of models as shown to people, and of the baselines."""
    found = {name: info.title for name, info in cache.models().items()}
    return found | {"log-polar": "Log-polar amplitudes (baseline)", "pca": "Pixels, PCA (baseline)"}


def ramis_against_damage(table: pd.DataFrame) -> None:
    """RAMIS of real galaxies against blur, noise and crop (Bastien et al. 2021, Fig. 1)."""
    for place, (experiment, part) in zip(
        st.columns(3), table.groupby("experiment", sort=False), strict=False
    ):
        x, y, low, high = (part[c].to_numpy(float) for c in ("level", "ramis", "low", "high"))
        with place:
            st.markdown(f"**{controls.escape(str(experiment).capitalize())}**")
            svg_charts.draw(
                lines(
                    [Line("RAMIS", x, y, low, high)],
                    x_title=str(part["unit"].iat[0]),
                    y_title="RAMIS",
                    floor=1.0,
                ),
                key=f"ramis_{experiment}",
            )
    first = table[table["experiment"] == "blur"].iloc[0]
    st.caption(
        controls.escape(
            f"RAMIS = exp of the mean KL(p(y|x) || p(y)), by the FR classifier of the app, of "
            f"{int(first['n'])} held-out FRI and FRII; untouched {first['ramis']:.2f}. Bands: "
            "95 %, bootstrap over galaxies. The paper's classifier gives 1.4 untouched, 1.05 at "
            "its strongest blur and 1.25 at the 25 blanked pixels that it trains with."
        )
    )


_GENERATOR_COLUMNS = {
    "ramis_ratio": "RAMIS ratio",
    "fri_fraction": "FRI as asked",
    "frii_fraction": "FRII as asked",
    "size_spearman": "Size, Spearman",
    "size_median_rel_error": "Size error",
    "coverage": "Coverage",
    "density": "Density",
    "kid_sigmas": "KID [sigma]",
    "sharpness": "Sharpness",
    "gap_pixels": "Faint texture",
    "copies_fraction": "Copies",
    "tstr_ratio": "TSTR",
}


def generators(table: pd.DataFrame) -> None:
    """Every generator that was measured, one a row."""
    names = titles()
    shown = pd.DataFrame({"Model": [names.get(m, m) for m in table["model"]]})
    for key, title in _GENERATOR_COLUMNS.items():
        if key in table:
            shown[title] = table[key]
    frame(shown)
    st.caption(
        "By one classifier on held-out galaxies that neither learned from. Sharpness: power at "
        "high spatial frequencies over that of real galaxies. Faint texture: share of pixels "
        "between 5e-5 and 1/255 of the peak, next to none in sigma-clipped maps. Empty cells: "
        "the model takes no class or size."
    )


def blur(table: pd.DataFrame) -> None:
    """Power over that of real galaxies of every decoder that was measured, by frequency."""
    names = titles()
    shown = pd.DataFrame(
        {
            "Model": [names.get(m, m) for m in table["model"]],
            "Images": table["images"],
            "Sharpness": table["sharpness"],
        }
    )
    for column in [c for c in table if str(c).startswith("power_")]:
        shown[f"at {str(column).removeprefix('power_')} / px"] = table[column]
    frame(shown)
    st.caption(
        "Power of reconstructed and of generated galaxies over that of held-out real ones: 1 is as "
        "sharp, below is blurred. Sharpness is the mean beyond 0.15 cycles a pixel; the columns "
        "after it are ratios of medians at single frequencies. Detail of the refining flow is "
        "drawn, not observed."
    )


def vae_dimensions(table: pd.DataFrame) -> None:
    """Test loss and RAMIS against the number of latent dimensions (Tables 3 and 4, Fig. 4)."""
    dimension = next((c for c in ("latent_dim", "dimension", "d") if c in table), table.columns[0])
    x = table[dimension].to_numpy(float)
    charts = [("ramis", "RAMIS"), ("test_loss", "Test loss [nats an image]")]
    for place, (column, title) in zip(st.columns(2), charts, strict=True):
        if column not in table:
            continue
        low, high = (
            table[f"{column}_{end}"].to_numpy(float) if f"{column}_{end}" in table else None
            for end in ("low", "high")
        )
        with place:
            svg_charts.draw(
                lines(
                    [Line(title, x, table[column].to_numpy(float), low, high)],
                    x_title="Latent dimensions",
                    y_title=title,
                    log_x=True,
                ),
                key=f"dimensions_{column}_{len(table.columns)}",
            )
    frame(table.drop(columns=[c for c in ("command", "machine") if c in table]))


def likelihood(table: pd.DataFrame) -> None:
    """How well each score tells strange galaxies from ordinary ones."""
    part = of_one_model(table, "model", "Latents of", "ood_model") if "model" in table else table
    wide = part.pivot_table(index="score", columns="task", values="auroc", sort=False)
    st.html(shaded(wide, low=0.5, high=1.0))
    st.caption(
        "AUROC: how often a strange galaxy scores higher than an ordinary one; 0.5 is chance. "
        "Rows are outlier scores, columns what was to be found."
    )
    with st.expander("With intervals and precision of the first 50"):
        frame(part)


def of_one_model(table: pd.DataFrame, column: str, label: str, key: str) -> pd.DataFrame:
    """Rows of the model that is chosen among those in ``column``; of the only one if it is one."""
    names = titles()
    models = list(dict.fromkeys(table[column]))
    model = models[0]
    if len(models) > 1:
        model = st.segmented_control(
            label,
            models,
            format_func=lambda m: names.get(m, m),
            default=models[0],
            required=True,
            key=key,
        )
    return table[table[column] == model]


def shaded(table: pd.DataFrame, low: float, high: float) -> str:
    """A matrix of numbers as HTML, the background by the value; all text is escaped."""
    style = "padding:3px 9px;font-weight:500;opacity:.85;white-space:nowrap"
    head = "".join(
        f'<th style="{style};white-space:normal">{html.escape(str(c).replace("_", " "))}</th>'
        for c in table.columns
    )
    body = []
    for name, row in table.iterrows():
        cells = []
        for value in row:
            if pd.isna(value):
                cells.append('<td style="text-align:center;opacity:.4">–</td>')
                continue
            share = min(1.0, max(0.0, (float(value) - low) / (high - low)))
            cells.append(
                f'<td style="text-align:center;padding:3px 9px;border-radius:5px;'
                f'font-variant-numeric:tabular-nums;background:rgba(31,136,210,{0.6 * share:.2f})">'
                f"{float(value):.3f}</td>"
            )
        title = html.escape(str(name).replace("_", " "))
        body.append(f'<tr><th style="{style};text-align:left">{title}</th>{"".join(cells)}</tr>')
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:separate;border-spacing:3px;'
        f'font-size:.88rem"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def feature_importance(table: pd.DataFrame) -> None:
    """Fig. 7: how important each latent component is for the angular size; PCA variance."""
    names = titles()
    quantities = list(dict.fromkeys(table["quantity"]))
    for place, quantity in zip(st.columns(len(quantities)), quantities, strict=True):
        part = table[table["quantity"] == quantity]
        series = [
            Line(
                names.get(str(encoder), str(encoder)),
                rows["rank"].to_numpy(float),
                rows["value"].to_numpy(float),
            )
            for encoder, rows in part.groupby("encoder", sort=False)
        ]
        with place:
            title = str(quantity).replace("_", " ")
            st.markdown(f"**{controls.escape(title[:1].upper() + title[1:])}**")
            svg_charts.draw(
                lines(series, x_title="rank", y_title=title, log_x=True), key=f"fig7_{quantity}"
            )


def frame(table: pd.DataFrame, columns: Sequence[str] = ()) -> None:
    """A table that can be sorted and downloaded, numbers to four digits."""
    numeric = [c for c in table.columns if pd.api.types.is_float_dtype(table[c])]
    st.dataframe(
        table[list(columns)] if columns else table,
        hide_index=True,
        width="stretch",
        column_config={c: st.column_config.NumberColumn(format="%.4g") for c in numeric},
    )


def everything(figures: Figures) -> None:
    """All recorded figures, how each was had, and the file itself."""
    rows = [
        {
            "Figure": name,
            "Value": entry.get("value"),
            "Low": entry.get("low"),
            "High": entry.get("high"),
            "n": entry.get("n"),
            "Split": entry.get("split", ""),
            "Seeds": ", ".join(map(str, entry.get("seeds", []))),
            "Command": entry.get("command", ""),
            "Commit": entry.get("commit", ""),
            "Machine": entry.get("machine", ""),
            "Note": entry.get("why", ""),
        }
        for name, entry in figures.items()
    ]
    table = pd.DataFrame(rows)
    text = st.text_input(
        "Find a figure", key="benchmarks_find", placeholder="part of a name, e.g. gen. or auroc"
    )
    if text and len(table):
        table = table[table["Figure"].str.contains(text, case=False, regex=False)]
    frame(table)
    st.download_button(
        "Download as CSV",
        table.to_csv(index=False),
        file_name="radioviz-benchmarks.csv",
        mime="text/csv",
        icon=":material/download:",
        key="benchmarks_csv",
    )
