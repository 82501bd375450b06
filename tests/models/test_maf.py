"""The flow: a density that is exact, autoregressive, invertible, and starts in order."""

from __future__ import annotations

import math

import pytest
import torch

from radioviz.errors import ModelError
from radioviz.models.maf import MAF


def flow(**changes: int | float | None) -> MAF:
    torch.manual_seed(0)
    module = MAF(**{"features": 4, "blocks": 3, "hidden": 16, **changes}).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return module


def sample(n: int = 200, d: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    mix = torch.randn(d, d, generator=generator)
    return torch.randn(n, d, generator=generator) @ mix + 3


@pytest.mark.parametrize("method", ["pca", "scale"])
def test_log_prob_is_the_change_of_variables(method: str) -> None:
    module = flow()
    module.standardise(sample(), method)
    x = sample()[:5]
    u = module(x)
    for i in range(len(x)):
        jacobian = torch.autograd.functional.jacobian(lambda v: module(v[None])[0], x[i])
        expected = -0.5 * (u[i] ** 2).sum() - 2 * math.log(2 * math.pi)
        expected = expected + torch.linalg.slogdet(jacobian).logabsdet
        assert module.log_prob(x)[i].item() == pytest.approx(expected.item(), abs=1e-3)


def test_the_density_integrates_to_one() -> None:
    module = flow(features=2, blocks=1)
    module.standardise(sample(d=2))
    axis = torch.linspace(-20, 20, 900)
    grid = torch.cartesian_prod(axis, axis) @ torch.linalg.pinv(module.matrix) + module.mean
    volume = float(axis[1] - axis[0]) ** 2 * math.exp(-float(module._log_volume()))
    assert module.log_prob(grid).exp().sum().item() * volume == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("components", [None, 2])
def test_a_flow_is_invertible(components: int | None) -> None:
    module = flow(components=components)
    module.standardise(sample())
    u = torch.randn(10, components or 4, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(module(module.inverse(u)), u, atol=1e-3, rtol=1e-3)


def test_standardised_latents_are_standard() -> None:
    module = MAF(4, blocks=1, hidden=8)
    x = sample(5000)
    module.standardise(x)
    z = module.standardised(x)
    torch.testing.assert_close(torch.cov(z.T), torch.eye(4), atol=0.02, rtol=0)
    assert z.mean(0).abs().max() < 0.02


def test_a_dimension_that_is_not_used_does_not_blow_up() -> None:
    x = sample()
    x[:, 2] = 1.0
    for method in ("pca", "scale"):
        module = MAF(4, blocks=1, hidden=8)
        module.standardise(x, method)
        assert torch.isfinite(module.log_prob(x)).all()
        assert module.matrix.abs().max() < 1e5


@pytest.mark.parametrize("seed", range(5))
def test_forty_eight_blocks_start_as_the_normal_distribution(seed: int) -> None:
    torch.manual_seed(seed)
    module = MAF(32, blocks=48, hidden=64)
    x = torch.randn(50, 32)
    normal = -0.5 * (x**2).sum(1) - 16 * math.log(2 * math.pi)
    torch.testing.assert_close(module.log_prob(x), normal, atol=1.0, rtol=0)
    torch.manual_seed(seed)
    naive = MAF(32, blocks=48, hidden=64, last_scale=1.0)
    assert naive.log_prob(x).mean() < normal.mean() - 300


def test_bits_per_dimension_of_a_standard_normal() -> None:
    module = MAF(8, blocks=2, hidden=8, last_scale=0.0)
    x = torch.randn(20000, 8, generator=torch.Generator().manual_seed(0))
    expected = 0.5 * math.log2(2 * math.pi * math.e)
    assert module.bits_per_dimension(x).mean().item() == pytest.approx(expected, abs=0.02)


def test_masks_are_not_stored() -> None:
    assert not [key for key in MAF(4, 2, 8).state_dict() if "mask" in key or "degrees" in key]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": 0}, "features of a MAF is 0"),
        ({"features": 3, "components": 4}, "3 features cannot keep 4"),
        ({"features": 3, "layers": 0}, "layers of a MAF is 0"),
    ],
)
def test_sizes_that_make_no_sense(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        MAF(**arguments)


def test_latents_that_make_no_sense() -> None:
    module = MAF(3, 1, 8)
    with pytest.raises(ModelError, match=r"this model takes \(n, 3\)"):
        module.log_prob(torch.zeros(2, 4))
    with pytest.raises(ModelError, match="not finite"):
        module.standardise(torch.full((3, 3), torch.nan))
    with pytest.raises(ModelError, match="expected pca or scale"):
        module.standardise(torch.zeros(3, 3), "zca")
    with pytest.raises(ModelError, match=r"expected \(2 or more, 3\)"):
        module.standardise(torch.zeros(1, 3))
    with pytest.raises(ModelError, match="only pca can keep 2 of 3"):
        MAF(3, 1, 8, components=2).standardise(torch.randn(9, 3), "scale")
