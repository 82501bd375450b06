"""Good files of what the program itself keeps: batches, sessions, models, Atlases, surveys."""

from __future__ import annotations

import dataclasses
import json
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from tests.data.batch_files import blobs, write_batch, write_rgz
from tests.fuzz import seeds


@cache
def batches() -> tuple[bytes, ...]:
    """CIFAR-style pickles of every protocol, and one that would run a program."""
    import pickle

    small = blobs(2)
    labels = {"labels": [1, 2], "filenames": ["100_123.251+043.797_0.1281_0034.09.png"] * 2}
    found = [seeds.written(lambda p, k=k: write_batch(p, small, k, **labels)) for k in (2, 3, 4, 5)]

    class Evil:
        def __reduce__(self):
            return os.system, ("touch /tmp/owned",)

    return (*found, pickle.dumps({"data": Evil()}))


@cache
def rgz() -> seeds.Files:
    """A folder of RGZ batches."""
    with TemporaryDirectory() as folder:
        write_rgz(Path(folder) / "rgz108k-batches-py", (3,), 2)
        return seeds.tree(Path(folder))


@cache
def sessions() -> tuple[bytes, ...]:
    """Session files with and without marks and view."""
    from radioviz.export.session import Mark, Session, session_bytes

    sources = (("first", "first-7"), ("mine", "mine-a/b"))
    marks = (Mark("first", "first-9", 4, "interesting"), Mark("first", "first-7", 0))
    view = {"model": "vae32", "layout": "umap", "log": True, "range": [0.1, 2, None]}
    return tuple(
        session_bytes(s) for s in (Session(sources, marks, view), Session(sources), Session())
    )


@cache
def models() -> tuple[seeds.Files, ...]:
    """Folders of small models."""
    import torch

    from radioviz.models.registry import build
    from radioviz.models.weights import save
    from tests.models.small import small_info

    found = []
    for kind in ("vae", "cvae"):
        with TemporaryDirectory() as folder:
            info = small_info(kind)
            torch.manual_seed(0)
            save(Path(folder) / "tiny", build(info.kind, info.architecture), info, "# card\n")
            found.append(seeds.tree(Path(folder)))
    return tuple(found)


@cache
def atlases() -> tuple[seeds.Files, ...]:
    """An Atlas with scores, and the scores of its data set."""
    from radioviz.atlas.atlas import Layout, write_atlas
    from radioviz.atlas.scores import ScoreColumn, add_scores
    from tests.models.small import small_info, synthetic_catalogue

    catalogue = synthetic_catalogue(12)
    info = dataclasses.replace(small_info("vae"), weights_sha256="a" * 64)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(12, info.latent_dim)).astype(np.float16)
    layouts = {"umap": (rng.normal(size=(12, 2)), Layout("UMAP")), "pca": (z[:, :2], Layout("PCA"))}
    with TemporaryDirectory() as folder:
        scores = pd.DataFrame({"elbo": rng.normal(size=12).astype(np.float32)})
        write_atlas(catalogue, info, z, layouts, scores, folder=Path(folder))
        column = ScoreColumn("Strangeness", "how rare", "", "", "python -m train scores")
        add_scores(
            catalogue, pd.DataFrame({"odd": np.arange(12.0)}), {"odd": column}, folder=Path(folder)
        )
        return (seeds.tree(Path(folder)),)


@cache
def surveys() -> tuple[seeds.Files, ...]:
    """The user's folder: a survey, an import that was cut off, a job."""
    from radioviz.importing.inspection import Source
    from radioviz.importing.run_import import import_survey

    before = os.environ.get("RADIOVIZ_HOME")
    with TemporaryDirectory() as folder:
        home, images_folder = Path(folder) / "home", Path(folder) / "in"
        images_folder.mkdir()
        for i in range(3):
            (images_folder / f"{i}.fits").write_bytes(seeds.images()[0])
        os.environ["RADIOVIZ_HOME"] = str(home)
        try:
            import_survey(Source(images_folder), {"key": "mine"})
            asked = iter([False, True, True])
            import_survey(
                Source(images_folder), {"key": "cut"}, cancelled=lambda: next(asked, True)
            )
        finally:
            os.environ.pop("RADIOVIZ_HOME") if before is None else os.environ.update(
                RADIOVIZ_HOME=before
            )
        job = home / "jobs" / "20260101-000000-abcd"
        job.mkdir(parents=True)
        request = {
            "key": "mine",
            "title": "Mine",
            "path": "/nowhere",
            "table": "",
            "answers": {},
            "models": ["vae32"],
            "replace": False,
            "upload": "",
        }
        (job / "request.json").write_text(json.dumps(request))
        (job / "state.json").write_text(
            json.dumps(
                {
                    "state": "done",
                    "step": "",
                    "done": 3,
                    "total": 3,
                    "encoded": ["vae32"],
                    "imported": "mine: 3 read",
                    "began": 1.0,
                    "seconds": 2.0,
                }
            )
        )
        return (seeds.tree(home),)
