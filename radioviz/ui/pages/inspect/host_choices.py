"""What a search for hosts rests on, as the reader chooses it: prior, and a catalogue in a file."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from radioviz.api import crossmatching, host_search
from radioviz.api.host_search import HostCatalogue
from radioviz.importing.catalogue_match import CatalogueFacts
from radioviz.relations.hosts import HostPrior
from radioviz.ui import controls
from radioviz.ui.pages.table.crossmatch_panel import TYPES, StagedCatalogue
from radioviz.ui.state import page_state

FILE = "A file"


@dataclass
class HostFiles:
    """What is in the catalogues that were uploaded last, by the key of the panel."""

    facts: dict[str, tuple[str, CatalogueFacts]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class HostFile:
    """A catalogue that was uploaded, and which of its columns say what."""

    where: HostCatalogue
    content: memoryview

    def staged(self) -> StagedCatalogue:
        """The file on disk, as a context."""
        return StagedCatalogue(self.where.title, self.content)


def choose_prior(key: str) -> HostPrior | None:
    """The prior, as the reader sets it; None where it has no range."""
    with st.popover("Assumptions", icon=":material/tune:", key=f"{key}_assumptions"):
        share = st.slider("Share of hosts in the catalogue", 0.05, 0.99, 0.9, key=f"{key}_share")
        bright, faint = st.slider(
            "Magnitudes of hosts, equally many at each", 8.0, 28.0, (14.0, 22.5),
            step=0.5, key=f"{key}_magnitudes",
        )  # fmt: skip
        st.caption(
            "Likelihood ratio: how much more probable an object is the host than a chance object "
            "of its magnitude at its place (Sutherland & Saunders 1992). The surface density is "
            "that of the catalogue itself, within 2 arcminutes."
        )
    if bright == faint:
        st.error("The magnitudes of hosts need a range, such as 14 to 22.5.")
        return None
    return HostPrior(float(share), float(bright), float(faint))


def choose_file(key: str) -> HostFile | None:
    """Upload a catalogue and name its columns; what was chosen when the button is pressed."""
    file = st.file_uploader(
        "Catalogue with positions", type=list(TYPES), key=f"{key}_file",
        help="CSV, ECSV, VOTable, FITS table, Parquet; positions in any common unit and frame.",
    )  # fmt: skip
    held = page_state(HostFiles).facts
    if file is None:
        held.pop(key, None)
        return None
    content = file.getbuffer()
    if key not in held or held[key][0] != file.file_id:
        held.pop(key, None)
        with st.spinner("Reading the catalogue …"), StagedCatalogue(file.name, content) as path:
            held[key] = file.file_id, crossmatching.inspect_catalogue(path)
    facts = held[key][1]
    if unclear := [q.text for q in facts.needed if q.required]:
        st.warning(controls.escape(
            f"{' '.join(unclear)} Match the catalogue on the Table page, or name its columns ra "
            "and dec in degrees."
        ))  # fmt: skip
        return None
    usual = host_search.usual_columns(facts.columns, {})
    with st.form(f"{key}_columns", border=False):
        options = ["", *facts.columns]
        chosen = {
            role: str(at.selectbox(
                role.capitalize(), options, options.index(usual[role]),
                format_func=lambda c: c or "none", key=f"{key}_{role}_{file.file_id}",
            ))
            for at, role in zip(st.columns(3), usual, strict=True)
        }  # fmt: skip
        go = st.form_submit_button("Find candidates", icon=":material/search:", type="primary")
    if not go:
        return None
    where = HostCatalogue(
        file.name, name=chosen["name"], magnitude=chosen["magnitude"], redshift=chosen["redshift"]
    )
    return HostFile(where, content)
