"""Mock fields: generated galaxies with known fluxes and positions on a simulated patch of sky.

:func:`~radioviz.mock_fields.field.write_mock_field` writes an image of any size in strips, and the
catalogue of what is in it; :mod:`radioviz.mock_fields.injection` adds such galaxies to an observed
image; :mod:`radioviz.mock_fields.recovery` reports which of them a finder found.
"""
