"""Latent map: clusters in latent space, found on request, and whether the map names them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from radioviz.atlas.clusters import LIMIT_S, Clusters, typical_rows
from radioviz.errors import CancelledError, RadioVizError, ReaderError
from radioviz.jobs.reader_process import read_confined
from radioviz.jobs.sandbox import Limits
from radioviz.ui import cache, clustering, controls, state, url_state
from radioviz.ui.cache.kept_clusters import ClusterSearch, keep_clusters
from radioviz.ui.controls import View
from radioviz.ui.in_line import in_line, place
from radioviz.ui.map.layers import MapView
from radioviz.ui.state import page_state

SMALLEST = (0.005, 0.01, 0.02, 0.05)
COMPONENTS = (4, 8, 16)
TYPICAL = 24
_LIMITS = Limits(seconds=4 * LIMIT_S, mapped_files=True)


@dataclass
class ClusterMenuState:
    """The search that was asked for and is not finished, and why the last one failed."""

    wanted: ClusterSearch | None = None
    refused: str = ""


def cluster_menu(view: View, given: dict[str, str | None]) -> bool:
    """Search for clusters and show what was found; whether the map names them."""
    own, data_set, model = page_state(ClusterMenuState), view.data_set, str(view.model)
    st.markdown("**Clusters**")
    places = st.columns(2)
    smallest = places[0].selectbox(
        "Smallest cluster", SMALLEST, index=1, format_func=lambda s: f"{s:.1%} of all",
        key="cluster_smallest", persist_state="session",
    )  # fmt: skip
    components = places[1].selectbox(
        "Components", COMPONENTS, index=1, key="cluster_components", persist_state="session",
        help="Principal components of the latents that are compared; fewer give more clusters",
    )  # fmt: skip
    search = ClusterSearch(data_set, model, float(smallest), int(components))
    asked = st.button("Find clusters", icon=":material/bubble_chart:", key="cluster_find")
    if asked:
        own.wanted, own.refused = search, ""
    with place():
        if own.wanted == search:
            _find(search, own, asked)
    if own.refused:
        st.error(controls.escape(own.refused), icon=":material/error:")
    found, shown = clustering.found_clusters(data_set), clustering.current_search(data_set)
    if found is None or shown is None:
        given["names"] = None
        st.caption(
            "HDBSCAN of the latent vectors of up to 10,000 galaxies; the others join their "
            "neighbours. It needs 20 s at most."
        )
        return False
    _say(found, shown)
    _draw_members(found, shown)
    url_state.linked_toggle("cluster_names", "names", True)
    named = st.toggle("Names on the map", key="cluster_names")
    given["names"] = None if named else "0"
    st.button(
        "Remove", icon=":material/close:", key="cluster_remove",
        on_click=clustering.forget_clusters, args=(data_set,),
    )  # fmt: skip
    return bool(named)


def _find(search: ClusterSearch, own: ClusterMenuState, asked: bool) -> None:
    path = cache.located(search.data_set, search.model).atlas.folder / "latents.npy"
    looks = int(LIMIT_S / 0.1)  # ten a second at whether the reader cancelled it or left
    try:
        title = f"Finding clusters, {LIMIT_S:g} s at most"
        with in_line(title, looks, "cluster", repr(search), asked=asked) as progress:
            found: Clusters = read_confined(
                "radioviz.atlas.clusters:find_clusters_in", path, search.smallest,
                search.components, read=(path,), classes=(Clusters,), limits=_LIMITS,
                cancelled=lambda: bool(progress(0, 0, "")),
            )  # fmt: skip
        keep_clusters(search, found)
    except CancelledError as error:
        st.caption(controls.escape(str(error)))
        return
    except ReaderError:
        own.wanted, own.refused = (
            None,
            (
                "the search for clusters ended too early: the server has too little memory or is "
                "busy; try again later"
            ),
        )
        return
    except RadioVizError as error:
        own.wanted, own.refused = None, str(error)
        return
    own.wanted = None
    clustering.show_clusters(search)
    st.rerun()


def _say(found: Clusters, search: ClusterSearch) -> None:
    number = len(found)
    if not number:
        st.caption("No clusters: no group of this size is denser than what surrounds it.")
        return
    noun = "cluster holds" if number == 1 else "clusters hold"
    st.caption(
        f"{number} {noun} {found.share:.0%} of the galaxies. Agreement of two samples: "
        f"{found.agreement:.2f} (adjusted Rand index; 1 is the same, 0 is chance). Colour by "
        f"Cluster, or filter: `cluster == 1`, `cluster is missing`."
    )


def _draw_members(found: Clusters, search: ClusterSearch) -> None:
    """Each cluster with its number of galaxies, and buttons that select them."""
    names = clustering.names_of(search.data_set)
    if not names:
        return
    counts = np.bincount(found.labels, minlength=len(names) + 1)
    number = st.selectbox(
        "Cluster", range(1, len(names) + 1), key="cluster_shown",
        format_func=lambda k: f"{names[k - 1]} · {counts[k]:,}",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for typical, title in ((True, "Typical galaxies"), (False, "Whole cluster")):
            st.button(
                title, key=f"cluster_select_{typical:d}", on_click=_select,
                args=(search, found, int(number), typical),
                help=f"Selects the {TYPICAL} nearest to its middle" if typical else None,
            )  # fmt: skip


def _select(search: ClusterSearch, found: Clusters, number: int, typical: bool) -> None:
    atlas = cache.located(search.data_set, search.model).atlas
    rows = np.flatnonzero(found.labels == number)
    if typical:
        rows = typical_rows(atlas.latents, found.labels, number, TYPICAL)
    state.set_brush([(search.data_set, str(s)) for s in atlas.source_ids[rows]], "cluster")


def cluster_places(shown: MapView) -> list[tuple[str, float, float]]:
    """Names of the clusters of the first layer, each at a galaxy in its middle on the map."""
    layer = shown.layers[0]
    labels = clustering.labels_by_row(layer.data_set)
    if labels is None:
        return []
    labels = labels[layer.located.rows]
    places = []
    for number, name in enumerate(clustering.names_of(layer.data_set), 1):
        points = layer.positions[labels == number]
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            middle = np.median(points, axis=0)
            nearest = points[np.square(points - middle).sum(axis=1).argmin()]
            places.append((name, float(nearest[0]), float(nearest[1])))
    return places
