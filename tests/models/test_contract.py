"""What every model in the registry owes, whatever its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from radioviz.models import weights
from radioviz.models.registry import KINDS, build
from tests.models.small import CAPABILITIES, OTHERWISE, SMALL, batch, objective, small_info

KIND = pytest.mark.parametrize("kind", sorted(SMALL))


def test_every_kind_is_held_to_the_contract() -> None:
    assert set(SMALL) == set(CAPABILITIES) == set(KINDS) - OTHERWISE


@KIND
def test_shapes_and_range(kind: str) -> None:
    module = build(kind, SMALL[kind]).eval()
    d, size = SMALL[kind]["latent_dim"], SMALL[kind]["size"]
    x = batch(5, size)
    if "encode" in CAPABILITIES[kind]:
        z = module.encode(x)
        assert z.shape == (5, d)
        assert z.dtype == torch.float32
    if "decode" in CAPABILITIES[kind]:
        y = module.decode(torch.randn(4, d))
        assert y.shape == (4, 1, size, size)
        assert y.min() >= 0 and y.max() <= 1


@KIND
def test_gradients_reach_every_parameter(kind: str) -> None:
    torch.manual_seed(0)
    module = build(kind, SMALL[kind]).train()
    x = batch(8, SMALL[kind]["size"])
    optimiser = torch.optim.SGD(module.parameters(), lr=1e-3)
    for _ in range(3):  # layers that start at zero let gradients through after a step each
        optimiser.zero_grad()
        objective(module, x).backward()
        optimiser.step()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@KIND
def test_a_seed_determines_weights_and_noise(kind: str) -> None:
    found = []
    for _ in range(2):
        torch.manual_seed(7)
        module = build(kind, SMALL[kind]).eval()
        x = batch(4, SMALL[kind]["size"])
        generator = torch.Generator().manual_seed(3)
        found.append((module.encode(x), module.elbo(x, generator).value))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


@KIND
def test_evaluation_does_not_depend_on_random_state(kind: str) -> None:
    module = build(kind, SMALL[kind]).eval()
    x = batch(4, SMALL[kind]["size"])
    torch.manual_seed(1)
    first = module.decode(module.encode(x))
    torch.manual_seed(2)
    assert torch.equal(first, module.decode(module.encode(x)))


@KIND
def test_save_and_load_round_trip(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = build(kind, SMALL[kind]).eval()
    saved = weights.save(tmp_path / "tiny", module, small_info(kind), "# Card\n")
    loaded, info = weights.load(tmp_path / "tiny")
    assert info == saved
    assert not loaded.training
    for (name, before), after in zip(
        module.state_dict().items(), loaded.state_dict().values(), strict=True
    ):
        assert after.dtype == before.dtype, name
        assert torch.equal(before.half().to(before.dtype), after), name
    x = batch(4, SMALL[kind]["size"])
    again, _ = weights.load(tmp_path / "tiny")
    assert torch.equal(loaded.encode(x), again.encode(x))
    torch.testing.assert_close(loaded.encode(x), module.encode(x), rtol=0.02, atol=0.02)


@KIND
@pytest.mark.gpu
def test_cpu_and_gpu_agree(kind: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU here")
    module = build(kind, SMALL[kind]).eval()
    x = batch(4, SMALL[kind]["size"])
    on_cpu = module.decode(module.encode(x))
    module = module.cuda()
    on_gpu = module.decode(module.encode(x.cuda())).cpu()
    torch.testing.assert_close(on_cpu, on_gpu, rtol=1e-3, atol=1e-3)
