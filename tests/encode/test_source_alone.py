"""Galaxies without the emission of other sources."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.preprocess import PRESETS
from radioviz.encode.source_alone import sources_alone
from tests.skies import BEAM, SCALE, double, sky


def test_only_pixels_of_other_sources_change() -> None:
    alone, neighbour = sky(double(40, 60)), sky([*double(40, 60), (70, -70, 80)])
    images = np.stack([neighbour, alone]).astype(np.float32)
    table = complete_columns(pd.DataFrame({"source_id": ["a", "b"]}))
    info = SurveyInfo("s", "S", SCALE, beam=BEAM, bunit="Jy/beam", raw=True)
    made = Catalogue(info, table, images)
    found = sources_alone(made, np.array([1, 0]))
    assert found.table["source_id"].tolist() == ["b", "a"]
    np.testing.assert_array_equal(found.images[0], images[1])
    changed = np.argwhere(found.images[1] != images[0])
    brightest = np.unravel_index((neighbour - alone).argmax(), neighbour.shape)
    apart = np.hypot(*(changed - brightest).T) * SCALE
    assert len(changed) > 10 and apart.max() < 3 * BEAM
    assert np.abs(found.images[1][tuple(changed.T)]).max() < 3 * made.images[1].std()
    assert (images[0] == neighbour.astype(np.float32)).all()  # the survey itself stays
    # What the encoder sees of the two galaxies is nearly the same then, and was not before.
    chain = PRESETS["compact64"]
    seen = chain.apply(found)
    before = chain.apply(made)
    assert np.abs(seen[0] - seen[1]).mean() < 0.2 * np.abs(before[0] - before[1]).mean()


def test_the_page_and_a_script_encode_the_galaxy_alone() -> None:
    pytest.importorskip("torch")
    import radioviz
    from radioviz.encode import Encoder
    from radioviz.encode.source_alone import latents_alone
    from radioviz.errors import ModelError

    catalogue = radioviz.open_data_set("first").catalogue
    rows = np.arange(60)
    changed = (sources_alone(catalogue, rows).images != catalogue.images[rows]).any(axis=(1, 2))
    galaxy = catalogue.table["source_id"].iat[int(np.flatnonzero(changed)[0])]
    plain, own = (
        radioviz.find_similar("first", galaxy=galaxy, model="vae32", number=5, alone=alone)
        for alone in (False, True)
    )
    assert len(own) == 5 and galaxy not in set(own["source_id"])
    assert own["score"].tolist() != plain["score"].tolist()
    encoder = Encoder.load("vae32")
    rows = catalogue.rows_of([galaxy])
    turned = latents_alone(encoder, catalogue, rows, rotated=True)
    assert turned.shape == (1, 8, 32)
    np.testing.assert_allclose(turned[:, :1], latents_alone(encoder, catalogue, rows), atol=1e-3)
    several = dataclasses.replace(encoder, info=dataclasses.replace(encoder.info, channels=("a",)))
    with pytest.raises(ModelError, match="belongs to it is known in one"):
        latents_alone(several, catalogue, rows)


def test_an_encoder_that_masks_others_sees_a_galaxy_as_in_its_survey() -> None:
    """Of a single image nobody can say how its survey was clipped, so the frame would differ."""
    pytest.importorskip("torch")
    import radioviz
    from radioviz.encode import Encoder
    from radioviz.encode.source_alone import latents_alone

    catalogue, encoder = radioviz.open_data_set("first").catalogue, Encoder.load("survey-simclr")
    rows = np.arange(8)
    plain = encoder.encode(encoder.preprocessed_rows(catalogue, rows))
    for row in rows:
        own = latents_alone(encoder, catalogue, np.array([row]))
        np.testing.assert_allclose(own[0, 0], plain[row], atol=1e-3)
