"""What the exports write, as bytes."""

from functools import partial

from radioviz import export
from radioviz.export.groups import in_memory

fits_bytes = partial(in_memory, export.write_fits)
fits_table_bytes = partial(in_memory, export.write_fits_table)
cube_bytes = partial(in_memory, export.write_cube)
csv_bytes = partial(in_memory, export.write_csv)
parquet_bytes = partial(in_memory, export.write_parquet)
zip_bytes = partial(in_memory, export.write_zip)
contact_sheet_png = partial(in_memory, export.write_contact_sheet)
