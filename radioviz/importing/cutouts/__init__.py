"""Cutouts from survey services: positions in, checked FITS files out."""

from radioviz.importing.cutouts.download import Cutout, fetch_cutouts
from radioviz.importing.cutouts.services import SERVICES, CutoutRequest, CutoutService
