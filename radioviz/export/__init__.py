"""Export of selections for DS9, CARTA, TOPCAT, astropy and spreadsheets.

A selection is a list of :class:`Group`, one per data set. ``*_bytes`` return the content of a
file; ``write_*`` stream it to a binary file.
"""

from radioviz.export.archive import write_zip
from radioviz.export.contact_sheet import write_contact_sheet
from radioviz.export.fits import (
    write_cube,
    write_fits,
    write_fits_table,
)
from radioviz.export.groups import Group, SelectionTable, selection_table
from radioviz.export.regions import ds9_regions
from radioviz.export.session import Mark, Missing, Session, here, read_session, session_bytes
from radioviz.export.simulated import (
    simulated_fits_bytes,
    simulated_table,
    write_simulated_fits,
)
from radioviz.export.sky_coverage import SkyCoverage, moc_bytes, sky_coverage
from radioviz.export.source_masks import mask_regions, write_masks
from radioviz.export.tables import (
    votable_bytes,
    write_csv,
    write_parquet,
    write_votable,
)
