"""The hierarchical VAE: its levels, its bound against torch.distributions, what it is asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from radioviz.errors import ModelError
from radioviz.models import weights
from radioviz.models.conditions import Conditions
from radioviz.models.vdvae import VDVAE
from radioviz.models.vdvae_blocks import Bottleneck, kl_between
from tests.models.small import SMALL, batch, small_info

CONDITIONED = {**SMALL["vdvae"], "classes": ["FRI", "FRII"], "size_range": [10.0, 160.0]}


def stirred(arguments: dict[str, object] = SMALL["vdvae"]) -> VDVAE:
    """Network whose priors and posteriors are no longer where they start, at N(0, 1)."""
    torch.manual_seed(0)
    module = VDVAE(**arguments)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module.eval()


def test_stages_are_those_of_the_paper() -> None:
    module = VDVAE()
    assert [len(s) for s in module.bottom_up if isinstance(s, nn.Sequential)] == [3, 3, 2, 2, 2, 1]
    names = module.level_names
    counts = {side: sum(n.startswith(f"{side}x") for n in names) for side in (64, 32, 16, 8, 4)}
    assert counts == {64: 5, 32: 5, 16: 4, 8: 3, 4: 2}
    assert names[0] == "z0"
    assert len(names) == 20
    assert module.latent_dim == 256


def test_no_3x3_convolution_on_maps_of_two_pixels_or_less() -> None:
    def sizes(resolution: int) -> list[object]:
        block = Bottleneck(8, 4, 8, resolution)
        return [m.kernel_size for m in block.modules() if isinstance(m, nn.Conv2d)]

    assert sizes(1) == sizes(2) == [(1, 1)] * 4
    assert sizes(4) == [(1, 1), (3, 3), (3, 3), (1, 1)]


def test_untrained_maps_equal_their_priors_and_z0_says_something() -> None:
    torch.manual_seed(0)
    kl = VDVAE(**SMALL["vdvae"]).elbo(batch(4, 16)).kl
    assert kl[:, 1:].abs().max() == 0
    assert kl[:, 0].min() > 1


def test_without_maps_only_z0_is_drawn() -> None:
    module = stirred()
    x = batch(4, 16)
    terms = module.elbo(x, torch.Generator().manual_seed(3), maps=False)
    assert terms.kl[:, 0].min() > 0
    assert terms.kl[:, 1:].abs().max() == 0
    mean, log_variance = module.posterior(x)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(3))
    images = module.decode(mean + (0.5 * log_variance).exp() * noise)
    expected = Bernoulli(images, validate_args=False).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(terms.log_likelihood, expected, rtol=1e-4, atol=1e-4)


def test_kl_between_normals_agrees_with_torch_distributions() -> None:
    torch.manual_seed(0)
    mean, prior_mean = torch.randn(2, 5, 3, 4, 4) * 2
    log_variance, prior_log_variance = torch.randn(2, 5, 3, 4, 4) * 2
    expected = kl_divergence(
        Normal(mean, (0.5 * log_variance).exp()),
        Normal(prior_mean, (0.5 * prior_log_variance).exp()),
    )
    found = kl_between(mean, log_variance, prior_mean, prior_log_variance)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_bound_agrees_with_torch_distributions_level_by_level() -> None:
    module = stirred()
    x = batch(5, 16)
    terms = module.elbo(x, torch.Generator().manual_seed(3))

    generator = torch.Generator().manual_seed(3)
    features = module._features(x)
    mean, log_variance = module.posterior(x)
    q = Normal(mean, (0.5 * log_variance).exp())
    expected = [kl_divergence(q, Normal(0.0, 1.0)).sum(1)]

    def pick(block: nn.Module, h: Tensor, prior: Tensor, prior_log_variance: Tensor) -> Tensor:
        at = next(f for f in features if f.shape[-1] == h.shape[-1])
        found = block.posterior(h, at, prior, prior_log_variance)  # type: ignore[operator]
        q = Normal(found[0], (0.5 * found[1]).exp())
        p = Normal(prior, (0.5 * prior_log_variance).exp())
        expected.append(kl_divergence(q, p).flatten(1).sum(1))
        return q.mean + q.stddev * torch.randn(q.mean.shape, generator=generator)

    z = q.mean + q.stddev * torch.randn(mean.shape, generator=generator)
    logits = module._descend(z, torch.zeros(5, 0), pick)  # type: ignore[arg-type]
    torch.testing.assert_close(terms.kl, torch.stack(expected, 1), rtol=1e-4, atol=1e-4)
    assert terms.kl.min() > 0
    # Grey levels as probabilities: the cross-entropy, which Bernoulli.log_prob writes out.
    likelihood = Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(terms.log_likelihood, likelihood, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(terms.value, likelihood - terms.kl.sum(1))


def test_z0_is_a_vector_and_each_level_a_map() -> None:
    module = stirred()
    assert module.level_shapes == [(3, 4, 4), (2, 8, 8), (1, 16, 16), (1, 16, 16)]
    assert module.extra_noise == 3 * 16 + 2 * 64 + 2 * 256
    units = module.elbo(batch(2, 16)).units
    assert [tuple(u.shape[1:]) for u in units] == [(6, 1, 1), *module.level_shapes]


def test_noise_decides_the_image_and_each_image_alone() -> None:
    module = stirred()
    z, noise = torch.randn(4, 6), torch.randn(4, module.extra_noise)
    with torch.no_grad():
        images = module.generate(z, noise, 1.0)
        assert torch.equal(images, module.generate(z, noise, 1.0))
        other = noise.clone()
        other[2] = torch.randn(module.extra_noise)
        changed = module.generate(z, other, 1.0)
    same = [torch.equal(a, b) for a, b in zip(images, changed, strict=True)]
    assert same == [True, True, False, True]


def test_temperature_zero_is_the_mean_of_the_priors() -> None:
    module = stirred()
    z, noise = torch.randn(3, 6), torch.randn(3, module.extra_noise)
    with torch.no_grad():
        cold = module.generate(z, noise, 0.0)
        assert torch.equal(cold, module.decode(z))
        warm = module.generate(z, noise, 0.5)
        hot = module.generate(z, noise, 1.0)
    assert (warm - cold).abs().mean() < (hot - cold).abs().mean()


def test_reconstruction_through_z0_alone_is_decode_of_encode() -> None:
    module = stirred()
    x = batch(4, 16)
    with torch.no_grad():
        torch.testing.assert_close(
            module.reconstruct(x, levels=1), module.decode(module.encode(x)), rtol=0, atol=1e-6
        )
        assert not torch.equal(module.reconstruct(x, levels=3), module.reconstruct(x, levels=1))
        assert torch.equal(module.reconstruct(x, levels=5), module(x))


def test_the_encoder_never_sees_class_or_size() -> None:
    module = stirred(CONDITIONED)
    z, label, size = torch.randn(2, 6), torch.tensor([0, 1]), torch.tensor([20.0, 80.0])
    with torch.no_grad():
        plain = module.decode(z)
        assert not torch.equal(plain, module.decode(z, label))
        assert not torch.equal(plain, module.decode(z, None, size))
        x = batch(2, 16)
        given = module.elbo(x, torch.Generator().manual_seed(0), label, size)
        without = module.elbo(x, torch.Generator().manual_seed(0))
    assert torch.equal(given.units[0], without.units[0])
    assert not torch.equal(given.units[1], without.units[1])


def test_gradients_reach_the_conditions() -> None:
    module = stirred(CONDITIONED).train()
    label, size = torch.tensor([0, 1, 1, -1]), torch.tensor([20.0, 80.0, torch.nan, 40.0])
    (-module.elbo(batch(4, 16), None, label, size).value.mean()).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_a_conditioned_model_survives_saving(tmp_path: Path) -> None:
    module = stirred(CONDITIONED)
    info = dataclasses.replace(
        small_info("vdvae"),
        architecture=CONDITIONED,
        capabilities=("encode", "decode", "class", "size"),
    )
    weights.save(tmp_path / "tiny", module, info, "# Card\n")
    loaded, _ = weights.load(tmp_path / "tiny")
    z, label, size = torch.randn(2, 6), torch.tensor([0, 1]), torch.tensor([20.0, 80.0])
    with torch.no_grad():
        torch.testing.assert_close(
            loaded.decode(z, label, size), module.decode(z, label, size), rtol=0.02, atol=0.02
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 20}, "take images of 16"),
        ({"encoder_blocks": [1, 1]}, "expected 4, 4, 4 and 3"),
        ({"decoder_blocks": [1, 1, 1, 2]}, "one block for z0"),
        ({"size_range": [50.0, 10.0]}, "a smaller and a larger size"),
    ],
)
def test_misfitting_arguments_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        VDVAE(**{**SMALL["vdvae"], **changes})


def test_misfitting_tensors_are_named() -> None:
    module = stirred()
    with pytest.raises(ModelError, match="images have shape"):
        module.encode(torch.zeros(2, 1, 8, 8))
    with pytest.raises(ModelError, match="latent vectors have shape"):
        module.decode(torch.zeros(2, 5))
    with pytest.raises(ModelError, match="noise has shape None"):
        module.generate(torch.zeros(2, 6), None)
    with pytest.raises(ModelError, match="takes none"):
        module.decode(torch.zeros(2, 6), torch.tensor([0, 1]))


def test_conditions_as_numbers() -> None:
    asked = Conditions(("FRI", "FRII"), (10.0, 160.0))
    found = asked(3, torch.tensor([0, 1, -1]), torch.tensor([40.0, torch.nan, 500.0]))
    expected = [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))
    ends = asked(2, None, torch.tensor([10.0, 160.0]))
    torch.testing.assert_close(ends[:, 3], torch.tensor([-1.0, 1.0]))
    with pytest.raises(ModelError, match="knows 0 to 1"):
        asked(1, torch.tensor([2]))
