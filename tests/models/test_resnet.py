"""The residual backbone: features, dihedral averaging, what the contract asks of every model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from radioviz.encode import Encoder
from radioviz.errors import ModelError
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import build
from radioviz.models.resnet import STEMS, ResNet, dihedral_views
from tests.models.small import batch

SMALL = {"size": 32, "width": 4, "blocks": [1, 1, 1], "root": True}


def network(**changes: object) -> ResNet:
    torch.manual_seed(0)
    module = build("resnet", {**SMALL, **changes})
    assert isinstance(module, ResNet)
    return module


def test_resnet34_has_512_features_and_its_number_of_weights() -> None:
    module = ResNet()
    assert module.latent_dim == 512
    # 21.28 million of He et al. 2016 for one channel and without the classifier of 1000.
    assert sum(p.numel() for p in module.parameters()) == 21_797_672 - 513_000 - 2 * 64 * 49


@pytest.mark.parametrize("stem", sorted(STEMS))
def test_features_of_every_stem(stem: str) -> None:
    z = network(stem=stem).eval().encode(batch(5, 32))
    assert z.shape == (5, 16)
    assert z.dtype == torch.float32
    assert torch.isfinite(z).all()


def test_gradients_reach_every_parameter() -> None:
    module = network(classes=["FRI", "FRII"]).train()
    optimiser = torch.optim.SGD(module.parameters(), lr=1e-2)
    for _ in range(2):  # blocks begin as the identity and let gradients through after one step
        optimiser.zero_grad()
        module.logits(batch(8, 32)).square().sum().backward()
        optimiser.step()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_the_eight_views_are_all_different_and_keep_the_pixels() -> None:
    x = torch.rand(3, 1, 8, 8)
    views = dihedral_views(x)
    assert len(views) == 8
    assert torch.equal(views[0], x)
    for i, view in enumerate(views):
        assert torch.equal(view.flatten(1).sort(1).values, x.flatten(1).sort(1).values)
        for other in views[:i]:
            assert not torch.equal(view, other)


def test_dihedral_features_do_not_depend_on_quarter_turns_or_parity() -> None:
    module = network(dihedral=True).eval()
    x = batch(6, 32)
    with torch.no_grad():
        z = module.encode(x)
        for view in dihedral_views(x):
            torch.testing.assert_close(module.encode(view), z, rtol=1e-4, atol=1e-5)
        one = torch.stack([module(view) for view in dihedral_views(x)]).mean(0)
        assert not torch.allclose(module(x), module(torch.rot90(x, 1, (-2, -1))), atol=1e-5)
    torch.testing.assert_close(z, one, rtol=1e-4, atol=1e-6)


def test_the_root_is_a_second_channel() -> None:
    module = network().eval()
    assert module.stem[0].weight.shape[1] == 2  # type: ignore[index, union-attr]
    assert network(root=False).stem[0].weight.shape[1] == 1  # type: ignore[index, union-attr]
    x = torch.zeros(2, 1, 32, 32, requires_grad=True)
    module(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()  # the slope of the root at zero is not


def test_a_seed_determines_the_features() -> None:
    x = batch(4, 32)
    assert torch.equal(network().eval().encode(x), network().eval().encode(x))


def test_save_and_load_round_trip(tmp_path: Path) -> None:
    module = network(dihedral=True, classes=["FRI", "FRII"]).eval()
    info = ModelInfo(
        name="tiny",
        title="Tiny",
        kind="resnet",
        capabilities=("encode",),
        latent_dim=16,
        preprocess=dataclasses.replace(_preprocess(), size=32),
        architecture={**SMALL, "dihedral": True, "classes": ["FRI", "FRII"]},
    )
    weights.save(tmp_path / "tiny", module, info, "# Card\n")
    loaded, _ = weights.load(tmp_path / "tiny")
    assert isinstance(loaded, ResNet)
    assert loaded.dihedral
    x = batch(4, 32)
    torch.testing.assert_close(loaded.encode(x), module.encode(x), rtol=0.02, atol=0.02)
    torch.testing.assert_close(loaded.logits(x), module.logits(x), rtol=0.02, atol=0.02)


def _preprocess():  # type: ignore[no-untyped-def]
    from radioviz.data.preprocess import Preprocess

    return Preprocess()


def test_what_cannot_be_built_is_named() -> None:
    with pytest.raises(ModelError, match="stem is 'wide'; expected one of"):
        network(stem="wide")
    with pytest.raises(ModelError, match="width is 0"):
        network(width=0)
    with pytest.raises(ModelError, match="has no classes"):
        network().logits(batch(2, 32))


def test_folded_normalisations_leave_the_features_as_they_are() -> None:
    module = network(root=True, dihedral=True).eval()
    torch.manual_seed(1)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3)  # type: ignore[union-attr]
            part.running_var.uniform_(0.3, 3)  # type: ignore[union-attr]
            torch.nn.init.uniform_(part.weight, 0.5, 2)
            torch.nn.init.normal_(part.bias)
    x = torch.rand(3, 1, module.size, module.size)
    with torch.no_grad():
        before = module.encode(x)
        module.fold()
        torch.testing.assert_close(module.encode(x), before, rtol=1e-4, atol=1e-5)
    assert not [p for p in module.modules() if isinstance(p, torch.nn.BatchNorm2d)]
    loaded = Encoder.load("survey-simclr").module
    assert not [p for p in loaded.modules() if isinstance(p, torch.nn.BatchNorm2d)]
