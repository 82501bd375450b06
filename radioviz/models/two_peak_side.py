"""Classes without labels: on which side of two peaks an image lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from radioviz.errors import ModelError
from radioviz.models.tensors import check_images
from radioviz.models.two_peak_vae import HierarchicalVAE, TwoPeakVAE
from radioviz.models.two_peak_views import SIDE, VIEWS


class TwoPeakSide(nn.Module):
    """A network with two peaks over a view of images, its sign fixed.

    Parameters
    ----------
    view : str
        A name of :data:`radioviz.models.two_peak_views.VIEWS`.
    classes : sequence of str
        Names of what lies at -m and at m.
    size : int
        Side of the images in pixels.
    reverse : bool
        Whether the network itself has the second class at -m.
    hierarchy : bool
        True for :class:`HierarchicalVAE`, else :class:`TwoPeakVAE`.
    network : dict
        Arguments of that class but ``size``, which is that of the view.
    """

    def __init__(
        self,
        view: str,
        classes: Sequence[str],
        size: int = 64,
        channels: int = 1,
        reverse: bool = False,
        hierarchy: bool = False,
        **network: Any,
    ) -> None:
        super().__init__()
        if view not in VIEWS:
            raise ModelError(f"view is '{view}'; expected one of {', '.join(VIEWS)}")
        if len(classes) != 2:
            raise ModelError(f"classes are {', '.join(classes) or 'none'}; expected two names")
        kind = HierarchicalVAE if hierarchy else TwoPeakVAE
        self.view, self.size, self.channels, self.reverse = view, size, channels, reverse
        self.network = kind(size=SIDE, channels=channels, **network)

    def side(self, x: Tensor) -> Tensor:
        """First latent coordinate of images ``(n, channels, size, size)``, shape ``(n, 1)``.

        Negative at the first class, positive at the second; the peaks are at -m and m.
        """
        check_images(x, self.size, self.channels)
        found = self.network.side(VIEWS[self.view](x.float()))[:, None]
        return -found if self.reverse else found
