"""How good generated galaxies and reconstructions are.

Nothing here imports torch at import. One idea a module:

=================================================  ==============================================
:mod:`~radioviz.metrics.inception`                 RAMIS; share classified as requested
:mod:`~radioviz.metrics.copies`                    distance to the nearest training image
:mod:`~radioviz.metrics.reconstruction`            flux ratio, SSIM over the source, errors
:mod:`~radioviz.metrics.resampling`                bootstrap intervals
=================================================  ==============================================
"""

from __future__ import annotations

from radioviz.metrics.copies import copy_threshold, nearest
from radioviz.metrics.inception import classified_as, ramis, ramis_interval
from radioviz.metrics.resampling import bootstrap, bootstrap_of
