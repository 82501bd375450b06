"""Cosmology and spectral indices of the workspace, and the columns that rest on them."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Column
from radioviz.relations.physical_columns import Physics, physical_columns
from radioviz.ui import cache, chosen_hosts, session_workspace
from radioviz.ui.crossmatches import joined_column
from radioviz.workspace.table_columns import Numbers, Truth, Values

PHYSICS, SPECTRA, FLUXES = "physics", "spectra", "fluxes"
INDEX = "spectral_index"

State = tuple[object, ...]


def physics() -> Physics:
    """What sizes and luminosities of this workspace rest on."""
    held = session_workspace.value(PHYSICS, {})
    return Physics(**{k: held[k] for k in ("cosmology", "alpha") if k in held})


def set_physics(new: Physics) -> None:
    """Choose another cosmology or spectral index."""
    if new != physics():
        what = f"take {new.cosmology} and a spectral index of {new.alpha:g}"
        session_workspace.put(PHYSICS, asdict(new), what)


def spectra_of(data_set: str) -> dict[str, Any]:
    """What the spectral indices of a data set were made from; empty without any."""
    return session_workspace.value(SPECTRA, {}).get(data_set, {})


def keep_spectra(data_set: str, title: str, index: np.ndarray, warnings: list[str]) -> None:
    """Keep a spectral index for each row of a data set."""
    own = session_workspace.workspace_state().identifier
    content = np.asarray(index, "<f8").tobytes()
    attached = session_workspace.saved().attach(own, content, SPECTRA)
    digest = cache.data_set(data_set).digest
    held = dict(session_workspace.value(SPECTRA, {}))
    held[data_set] = {"title": title, "attached": attached, "digest": digest, "warnings": warnings}
    session_workspace.put(SPECTRA, held, f"spectral indices of {title[:60]}")


def forget_spectra(data_set: str) -> None:
    """Remove the spectral indices of a data set; they return with undo."""
    held = {k: v for k, v in session_workspace.value(SPECTRA, {}).items() if k != data_set}
    session_workspace.put(SPECTRA, held, "remove the spectral indices")


def spectral_column(data_set: str) -> np.ndarray | None:
    """Spectral index of each row, ``(n,)``; None without any, or of an older data set."""
    held = spectra_of(data_set)
    catalogue = cache.data_set(data_set)
    if not held or held["digest"] != catalogue.digest:
        return None
    own = session_workspace.workspace_state().identifier
    content = session_workspace.saved().attachment(own, held["attached"])
    if content is None or len(content) != 8 * len(catalogue):
        return None
    return np.frombuffer(content, "<f8").astype(float)


def flux_choice(data_set: str) -> dict[str, Any]:
    """Column of fluxes and its frequency that the reader chose for a data set; empty without."""
    return session_workspace.value(FLUXES, {}).get(data_set, {})


def choose_fluxes(data_set: str, column: str, frequency: float) -> None:
    """Take fluxes in mJy at a frequency in GHz from a column, such as a crossmatched one.

    An empty name takes those of the data set again.
    """
    held = {k: v for k, v in session_workspace.value(FLUXES, {}).items() if k != data_set}
    if column:
        held[data_set] = {"column": column, "frequency": float(frequency)}
    session_workspace.put(FLUXES, held, f"take fluxes from {column or 'the data set'}")


def table_with_fluxes(data_set: str) -> pd.DataFrame:
    """Catalogue of a data set with the fluxes and frequency that the reader chose."""
    table, chosen = cache.data_set(data_set).table, flux_choice(data_set)
    name = chosen.get("column", "")
    if not name:
        return table
    column = table[name] if name in table else joined_column(data_set, name)
    if column is None:  # its crossmatch was removed
        return table.assign(flux=np.nan)
    flux = pd.to_numeric(column, errors="coerce").to_numpy(float)
    return table.assign(flux=flux, frequency=chosen["frequency"])


def physics_state(data_set: str) -> State:
    """Changes whenever :func:`own_physical_columns` does, apart from chosen hosts."""
    return physics(), spectra_of(data_set), flux_choice(data_set)


def own_physical_columns(data_set: str) -> tuple[dict[str, Values], dict[str, Column]]:
    """Spectral index, size and luminosity as far as they differ from those of the data set."""
    used, index, chosen = physics(), spectral_column(data_set), flux_choice(data_set)
    redshift = _host_redshifts(data_set)
    values: dict[str, Values] = {}
    about: dict[str, Column] = {}
    title = ""
    if index is not None:
        title = str(spectra_of(data_set)["title"])
        values[INDEX] = Numbers(index)
        about[INDEX] = Column("float64", "", "spect.index", f"Spectral index, {title}")
    if used == Physics() and index is None and redshift is None and not chosen:
        return values, about
    table = table_with_fluxes(data_set)
    made = physical_columns(table, used, redshift=redshift, index=index)
    described = used.described(title, redshift is not None)
    for key, cells in () if made is None else made.items():
        name, column = str(key), cells.to_numpy()
        values[name] = Truth(column) if column.dtype == bool else Numbers(column)
        if name in described:
            about[name] = described[name]
    if chosen and "luminosity" in about:
        text = f"{about['luminosity'].description}; flux: {chosen['column']}"
        about["luminosity"] = dataclasses.replace(about["luminosity"], description=text)
    return values, about


def _host_redshifts(data_set: str) -> np.ndarray | None:
    """Redshifts of chosen hosts, ``(n,)``; None without any."""
    hosts = chosen_hosts.hosts(data_set)
    known = {s: h["host_redshift"] for s, h in hosts.items() if "host_redshift" in h}
    if not known:
        return None
    catalogue = cache.data_set(data_set)
    out = np.full(len(catalogue), np.nan)
    rows = catalogue.known_rows_of(list(known))
    out[rows] = [known[s] for s in catalogue.ids_of(rows)]
    return out
