"""Clusters on the Latent map page: found, named, coloured by, filtered by, and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.atlas import clusters
from radioviz.atlas.atlas import open_atlas
from radioviz.atlas.clusters import find_clusters

Open = Callable[..., AppTest]


def test_clusters_are_a_colour_a_column_and_names(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("latent_map")
    model = app.session_state["encoder"]
    wanted = find_clusters(open_atlas("first", model).latents)
    assert len(wanted) >= 2

    def never(*_: object) -> None:
        raise AssertionError("the server's own process, which could not end it")

    monkeypatch.setattr(clusters, "_hdbscan", never)
    app.button(key="cluster_find").click().run()
    app.run()
    assert not app.exception
    said = "\n".join(str(c.value) for c in app.caption)
    assert f"{len(wanted)} clusters hold {wanted.share:.0%}" in said
    assert f"{wanted.agreement:.2f} (adjusted Rand index" in said
    app.selectbox(key="colour").set_value("cluster").run()
    shown = next(e for e in app.get("bidi_component") if "map_gl" in str(e.proto.id))
    data = json.loads(shown.proto.json)
    assert [n["text"].partition(":")[0] for n in data["names"]] == [
        str(i) for i in range(1, len(wanted) + 1)
    ]
    assert data["colour"]["names"][0].startswith("1")
    app.text_area(key="filter_text").set_value("cluster == 1").run()
    said = "\n".join(str(c.value) for c in app.caption)
    assert f"{np.count_nonzero(wanted.labels == 1)} of 2,158 galaxies pass" in said
    app.text_area(key="filter_text").set_value("cluster is missing").run()
    said = "\n".join(str(c.value) for c in app.caption)
    assert f"{np.count_nonzero(wanted.labels == 0):,} of 2,158 galaxies pass" in said
    app.button(key="cluster_remove").click().run()
    assert "cluster" not in app.selectbox(key="colour").options
