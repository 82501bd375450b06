"""Readers of what the program itself keeps: sessions, models, Atlases, surveys and jobs."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.fuzz import mutation, stored_seeds
from tests.fuzz.seeds import Files
from tests.fuzz.targets.target import PACKED, Target, single


def _session(folder: Path) -> None:
    from radioviz.export.session import here, read_session, session_bytes

    session = read_session((folder / "s.radioviz").read_bytes())
    kept, missing = here(session, {"first": {"first-7", "first-9"}})
    missing.sentences()
    assert read_session(session_bytes(session)) == session
    assert kept.sources == () or kept.data_sets()


def _model_list(folder: Path) -> None:
    from radioviz.models.registry import encoders, list_models

    models = list_models(folder)
    encoders(models)
    for info in models.values():
        json.dumps(info.to_dict())
        assert f"{info.title} {info.latent_dim:d} {info.kind} {info.weights_sha256[:12]}"
        info.preprocess(np.zeros((1, 40, 40), np.float32), 2.0)


def _weights(folder: Path) -> None:
    import torch

    from radioviz.encode import Encoder

    if not (folder / "tiny").is_dir():
        return
    encoder = Encoder.load("tiny", folder=folder)
    size = encoder.info.preprocess.size
    if size <= 64 and encoder.info.can("encode"):
        with torch.inference_mode():
            encoder.encode(np.zeros((1, size, size), np.float32))


def _atlas(folder: Path) -> None:
    from radioviz.atlas.atlas import list_atlases, open_atlas
    from radioviz.atlas.scores import read_scores
    from radioviz.errors import AtlasError

    list_atlases(folder)
    try:
        scores = read_scores("synthetic", folder=folder)
        scores.of(["synthetic-1", "nowhere"])
    except AtlasError:
        pass
    atlas = open_atlas("synthetic", "tiny", folder=folder)
    atlas.rows_of(["synthetic-3"])
    np.asarray(atlas.latents[:3], np.float32)
    for name, layout in atlas.layouts.items():
        assert layout.shape == (len(atlas), 2)
        assert atlas.layout_title(name) is not None
    assert atlas.latents.ndim == 2
    _ = atlas.scores


def _home(folder: Path) -> None:
    """Everything that the pages read of the user's folder."""
    from radioviz.api import survey_job as job
    from radioviz.data import user_surveys as store
    from radioviz.errors import RadioVizError
    from radioviz.importing.run_import import resume_import

    os.environ["RADIOVIZ_HOME"] = str(folder)
    for one in job.list_jobs():
        assert one.request.key is not None and one.seconds >= 0
        stand = one.progress
        f"{stand.state} {stand.step} {stand.done:d} {stand.total:d} {stand.error}"
        f"{', '.join(stand.encoded)} {stand.imported}"
    for key, survey in store.list_surveys().items():
        try:
            catalogue = store.open_survey(key)
            exported(catalogue)
        except RadioVizError:
            pass
        f"{survey.title} {survey.n:,}"
        with suppress(RadioVizError):
            store.read_report(key)
    for one in store.unfinished_imports():
        f"{one.key} {one.done:,} {one.path} {one.table}"
        resume_import(one.key)


def exported(catalogue: Any) -> None:
    """Write a catalogue in every format."""
    from radioviz import export
    from tests.export import written

    group = export.Group(catalogue, np.arange(min(len(catalogue), 3)))
    for way in (written.fits_bytes, export.votable_bytes, written.csv_bytes, written.zip_bytes):
        way([group])


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def _sessions() -> st.SearchStrategy[Files]:
    source = st.fixed_dictionaries(
        {"data_set": st.text(max_size=9) | _json, "source_id": st.text(max_size=9) | _json},
        optional={"mark": st.integers(-2, 9) | _json, "kind": _json},
    )
    document = st.fixed_dictionaries(
        {
            "format": st.just("radioviz-selection"),
            "version": st.just(1),
            "sources": st.lists(source, max_size=4) | _json,
        },
        optional={
            "marks": st.lists(source, max_size=4) | _json,
            "view": st.dictionaries(st.text(max_size=5), _json, max_size=3) | _json,
        },
    )
    return document.map(lambda d: {"s.radioviz": json.dumps(d).encode("utf-8", "surrogatepass")})


TARGETS = (
    single(
        "session files",
        "s.radioviz",
        stored_seeds.sessions,
        mutation.json_tree,
        _session,
        _sessions,
        share=2,
    ),
    Target("model configs", stored_seeds.models, PACKED, _model_list, share=0.3),
    Target("model weights", stored_seeds.models, PACKED, _weights, share=0.1),
    Target("Atlases", stored_seeds.atlases, PACKED, _atlas, share=0.1),
    Target("surveys and jobs", stored_seeds.surveys, PACKED, _home, share=0.03),
)
