"""Clusters on the Latent map page: found, named, coloured by, filtered by, and taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.api.selection import select_galaxies
from radioviz.atlas import clusters
from radioviz.atlas.atlas import open_atlas
from radioviz.atlas.clusters import find_clusters
from radioviz.ui import clustering
from radioviz.words.vocabulary import read_vocabulary
from tests.ui.conftest import session_of

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
    atlas = open_atlas("first", model)
    check_words(data["names"], wanted.labels, atlas.source_ids)
    shown_members = app.selectbox(key="cluster_shown").options
    assert [int(o.rpartition(" · ")[2].replace(",", "")) for o in shown_members] == np.bincount(
        wanted.labels
    )[1:].tolist()
    app.selectbox(key="cluster_shown").select_index(1).run()
    app.button(key="cluster_select_1").click().run()
    second = np.flatnonzero(wanted.labels == 2)
    points = np.asarray(atlas.latents[second], np.float32)
    nearest = second[np.argsort(np.linalg.norm(points - np.median(points, axis=0), axis=1))[:24]]
    assert list(session_of(app).brush) == [("first", s) for s in atlas.source_ids[nearest]]
    app.button(key="cluster_select_0").click().run()
    assert len(session_of(app).brush) == len(second)
    app.text_area(key="filter_text").set_value("cluster == 1").run()
    said = "\n".join(str(c.value) for c in app.caption)
    assert f"{np.count_nonzero(wanted.labels == 1)} of 2,158 galaxies pass" in said
    app.text_area(key="filter_text").set_value("cluster is missing").run()
    said = "\n".join(str(c.value) for c in app.caption)
    assert f"{np.count_nonzero(wanted.labels == 0):,} of 2,158 galaxies pass" in said
    app.button(key="cluster_remove").click().run()
    assert "cluster" not in app.selectbox(key="colour").options


def check_words(names: list[dict[str, str]], labels: np.ndarray, source_ids: np.ndarray) -> None:
    """Every tag in a cluster's name applies there more often than elsewhere, by 15 in 100."""
    table = select_galaxies("first").set_index("source_id").loc[list(source_ids)]
    tags = {tag.name: tag.column for tag in read_vocabulary().tags}
    named = 0
    for number, name in enumerate(names, 1):
        for word in re.split(r"[:,] ", name["text"])[1:]:
            if word not in tags:
                continue
            p = table[tags[word]].to_numpy(float)
            here, there = ((p[k & np.isfinite(p)] >= 0.5).mean() for k in
                           (labels == number, labels != number))  # fmt: skip
            assert here - there >= 0.15, (name, here, there)
            named += 1
    assert named >= 2


def test_the_clusters_of_a_survey_of_24_galaxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are typical of a cluster: each button has a key of its own."""

    def page() -> None:
        import numpy as np

        from radioviz.atlas.clusters import Clusters
        from radioviz.ui.cache.kept_clusters import ClusterSearch
        from radioviz.ui.pages.latent_map import cluster_menu

        found = Clusters(np.ones(cluster_menu.TYPICAL, np.int32), 1.0)
        cluster_menu._draw_members(found, ClusterSearch("mine", "vae32", 0.01, 4))

    monkeypatch.setattr(clustering, "names_of", lambda data_set: ["1: bent"])
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert [b.label for b in app.button] == ["Typical galaxies", "Whole cluster"]
