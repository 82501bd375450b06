"""How numbers are held while networks run."""

from __future__ import annotations

import torch

from radioviz.encode.inference_lock import inference
from radioviz.models.precision import half_where_fast, without_denormals

TINY = torch.full((4,), 1e-39)  # below the smallest normal number of single precision


def test_denormals_are_zero_inside_and_numbers_again_outside() -> None:
    assert (TINY * 1.0 > 0).all()
    with without_denormals():
        assert (TINY * 1.0 == 0).all()
    assert (TINY * 1.0 > 0).all()
    with without_denormals():
        with inference():
            assert (TINY * 1.0 == 0).all()
        assert (TINY * 1.0 == 0).all()
    assert (TINY * 1.0 > 0).all()


def test_half_precision_is_no_matter_of_training_or_of_a_gpu() -> None:
    weight = torch.eye(4)
    for context in (
        half_where_fast(torch.device("cpu"), training=True),
        half_where_fast(torch.device("cuda")),
    ):
        with context:
            assert (weight @ weight).dtype == torch.float32
