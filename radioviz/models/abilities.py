"""What a network can do beyond ``forward``, ``encode`` and ``decode``: one Protocol per ability.

A network has an ability when it has the methods; it does not inherit from the Protocol.
``isinstance(network, Reconstructs)`` checks this. Images are float32 of shape ``(n, 1, ny, nx)``
in 0..1, latent vectors ``(n, latent_dim)``. A model with conditions accepts the keywords
``label`` (class numbers, int64) and ``size`` [arcsec], both of shape ``(n,)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Drafts(Protocol):
    """Decodes faster than ``decode``, well enough for a thumbnail."""

    def draft(self, z: Tensor, **conditions: Tensor) -> Tensor:
        """Approximate image at each latent vector."""


@runtime_checkable
class Folds(Protocol):
    """Has normalisations that its convolutions can take over once it is trained."""

    def fold(self) -> None:
        """Do so: the same results up to rounding, in less time. State and names change."""


@runtime_checkable
class Reconstructs(Protocol):
    """Has latent variables beyond its latent vector, which a reconstruction uses as well."""

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images through all latent variables and back."""


@runtime_checkable
class Generates(Protocol):
    """Has a learned prior, and detail in its images that the latent vector does not determine.

    Attributes
    ----------
    noise_dim, extra_noise : int
        Standard normal numbers per image for ``draw`` and for ``generate``.
    latent_low, latent_high : torch.Tensor
        Corners, shape ``(latent_dim,)``, of the box that the latent vectors of real galaxies fill.
    """

    latent_low: Tensor
    latent_high: Tensor

    @property
    def noise_dim(self) -> int:
        """Numbers for ``draw``."""

    @property
    def extra_noise(self) -> int:
        """Numbers for ``generate``."""

    def draw(self, noise: Tensor, temperature: float, **conditions: Tensor) -> Tensor:
        """Latent vectors of the learned prior from ``noise``, shape ``(n, noise_dim)``."""

    def generate(
        self, z: Tensor, noise: Tensor, temperature: float, **conditions: Tensor
    ) -> Tensor:
        """Images at ``z`` with detail from ``noise``, shape ``(n, extra_noise)``."""


@runtime_checkable
class Selects(Protocol):
    """Selects among several drafts by its own class head, and guides its prior by the class.

    ``draw`` accepts ``candidates``, ``certainty`` and ``guidance`` then; None is its own value.

    Attributes
    ----------
    candidates : int
        The largest, and usual, number of drafts.
    guidance : torch.Tensor
        Usual strength, a scalar.
    """

    candidates: int
    guidance: Tensor

    def certain(self) -> float:
        """Usual probability of the requested class at which a draft is accepted."""


@runtime_checkable
class GuidesImages(Protocol):
    """Guides its images, and not its prior, by the class, and draws the sky apart from the source.

    ``generate`` accepts ``guidance`` and ``sky``, False for a source alone.

    Attributes
    ----------
    guides_images : bool
        True.
    guidance : torch.Tensor
        Usual strength, a scalar; 1 adds none.
    """

    guides_images: bool
    guidance: Tensor


@runtime_checkable
class Density(Protocol):
    """Gives the probability density of latent vectors."""

    def log_prob(self, latents: Tensor) -> Tensor:
        """Log density in nats, shape ``(n,)``."""


@runtime_checkable
class BoundsEvidence(Protocol):
    """Has an evidence lower bound (ELBO)."""

    def elbo(self, x: Tensor, generator: Any = None) -> Any:
        """Bound and its terms in nats, each of shape ``(n,)``; ``value`` is the sum."""
