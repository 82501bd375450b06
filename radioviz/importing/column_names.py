"""Usual names of columns, their UCDs and units, and what bars a column from a role."""

from __future__ import annotations

import re
from functools import cache

# Names of each role in tables, most to least usual; compared without case, blanks,
# punctuation and a trailing unit.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "source_id": ("source_id", "sourceid", "id", "src_id", "component_id", "object_id",
                  "objid", "catid", "uid", "identifier", "recno"),
    "name": ("name", "source_name", "component_name", "island_name", "iau_name", "rgz_name",
             "object_name", "designation", "main_id", "target_name", "srcname", "object", "source",
             "target"),
    "ra": ("ra", "raj2000", "ra_j2000", "alpha_j2000", "_raj2000", "right_ascension", "ra_deg",
           "radeg", "ra_icrs", "ra_hms", "ra_hours", "mean_ra", "meanra", "ra_mean", "raj",
           "alpha", "s_ra", "ra_fk5", "ra_2000", "ra2000", "rightascension", "optical_ra",
           "radio_ra", "racen", "ra_cen", "ra_deg_cont", "ra_cont", "ra_hms_cont", "alphawin_j2000",
           "alphapeak_j2000", "α", "rab1950", "ra_b1950", "ra1950", "ra_1950", "ra_fk4"),
    "dec": ("dec", "dej2000", "decj2000", "dec_j2000", "delta_j2000", "_dej2000", "declination",
            "dec_deg", "decdeg", "de_icrs", "dec_icrs", "dec_dms", "mean_dec", "meandec",
            "dec_mean", "decj", "de", "decl", "delta", "s_dec", "dec_fk5", "dec_2000", "dec2000",
            "dedeg", "optical_dec", "radio_dec", "deccen", "dec_cen", "dec_deg_cont", "dec_cont",
            "dec_dms_cont", "deltawin_j2000", "deltapeak_j2000", "δ", "deb1950", "decb1950",
            "de_b1950", "dec_b1950", "de1950", "dec1950", "dec_1950", "dec_fk4"),
    "las": ("las", "largest_angular_size", "angular_size", "angsize", "ang_size", "size_las",
            "las_measured", "angularsize", "max_angular_extent"),
    "label": ("label", "class", "fr_class", "frclass", "fr", "fr_type", "frtype", "type",
              "fanaroff_riley", "classification", "source_class", "morph_class"),
    "morphology": ("morphology", "morph", "morphological_type", "subclass", "sub_class",
                   "subtype"),
    "redshift": ("redshift", "z", "z_spec", "zspec", "z_best", "zbest", "spec_z", "specz",
                 "z_phot", "zphot", "photo_z", "photoz", "redshift_spec"),
    "flux": ("flux", "total_flux", "int_flux", "integrated_flux", "flux_total",
             "total_flux_source", "sint", "s_int", "fint", "s_total", "stotal",
             "flux_density", "total_flux_density", "flux_int", "s_1_4",
             "s1_4", "s_1400", "flux_1_4ghz", "s_nvss"),
    "survey": ("survey", "survey_name"),
    "origin": ("origin", "reference", "bibcode", "catalogue", "catalog"),
    "split": ("split", "subset"),
    "beam_major": ("beam_major", "bmaj", "beam_maj", "beam_fwhm", "beam"),
    "beam_minor": ("beam_minor", "bmin", "beam_min"),
    "beam_pa": ("beam_pa", "bpa", "beam_angle"),
    "frequency": ("frequency", "freq", "obs_freq", "obsfreq", "nu"),
    "pixel_scale": ("pixel_scale", "pixscale", "pixel_size", "pix_scale", "arcsec_per_px",
                    "arcsec_per_pixel", "arcsec_per_pix", "cdelt"),
    "rms": ("rms", "rms_noise", "image_rms", "local_rms", "isl_rms"),
    "source_box": ("source_box", "box", "box_size", "box_side", "bbox_size"),
    "primary_beam": ("primary_beam", "pbcor", "pb_corrected"),
    "primary_beam_response": ("primary_beam_response", "pb_response", "beam_response", "pb_gain",
                              "primary_beam_gain"),
    "image": ("image", "file", "filename", "file_name", "path", "image_path", "fits", "fits_file",
              "cutout", "image_file", "filepath", "file_path", "img"),
}  # fmt: skip

# First word of the UCD, and a word that must follow; UCD1+ and the older UCD1.
UCDS: dict[str, tuple[tuple[str, str], ...]] = {
    "source_id": (("meta.id", "meta.main"), ("id_main", "")),
    "ra": (("pos.eq.ra", "meta.main"), ("pos_eq_ra_main", ""), ("pos.eq.ra", "")),
    "dec": (("pos.eq.dec", "meta.main"), ("pos_eq_dec_main", ""), ("pos.eq.dec", "")),
    "las": (("phys.angsize", ""), ("extension_diam", "")),
    "label": (("src.class", ""),),
    "morphology": (("src.morph.type", ""), ("src.morph", "")),
    "redshift": (("src.redshift", ""), ("redshift_hc", ""), ("src.redshift.phot", "")),
    "flux": (("phot.flux.density", "em.radio"), ("phot.flux.density", "")),
    "image": (("meta.ref.url", ""), ("meta.file", "")),
}

# Further words that make a column no value of its first word.
BARRING = ("stat", "instr", "arith", "meta.code", "pos.errorellipse", "obs.param")
OTHER_BANDS = ("em.ir", "em.opt", "em.uv", "em.x-ray", "em.gamma", "em.euv")
# Of these only where no column has the usual name; a number is then a part of another name.
SELDOM_NUMBERS = ("source", "object", "target")

# Longitude and latitude in other frames, where there is no RA and Dec: UCDs, then names.
OTHER_FRAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "Galactic": (("pos.galactic.lon", "pos.galactic.lat"), ("pos_gal_lon", "pos_gal_lat"),
                 ("glon", "glat"), ("gallon", "gallat"), ("galacticlon", "galacticlat"),
                 ("galacticlongitude", "galacticlatitude"), ("lii", "bii"), ("l", "b")),
    "Supergalactic": (("pos.supergalactic.lon", "pos.supergalactic.lat"), ("sglon", "sglat"),
                      ("sgl", "sgb")),
    "ecliptic": (("pos.ecliptic.lon", "pos.ecliptic.lat"), ("pos_ec_lon", "pos_ec_lat"),
                 ("elon", "elat"), ("ecllon", "ecllat"),
                 ("eclipticlongitude", "eclipticlatitude")),
}  # fmt: skip

# Units of finders whose output does not write them, by columns that only they have.
FINDERS: tuple[tuple[frozenset[str], dict[str, str]], ...] = (
    (frozenset(("island", "local_rms", "int_flux", "psf_a")),  # Aegean
     {"ra": "deg", "dec": "deg", "int_flux": "Jy", "peak_flux": "Jy/beam"}),
    (frozenset(("Isl_id", "E_RA", "Total_flux", "DC_Maj")),  # PyBDSF
     {"RA": "deg", "DEC": "deg", "Total_flux": "Jy", "Peak_flux": "Jy/beam"}),
    (frozenset(("ra_deg_cont", "flux_int", "component_id")),  # Selavy
     {"flux_int": "mJy", "flux_peak": "mJy/beam"}),
)  # fmt: skip

UNIT_WORDS = {
    "deg": "deg", "degree": "deg", "degrees": "deg", "hour": "hour", "hours": "hour",
    "hr": "hour", "hrs": "hour", "h": "hour", "rad": "rad", "radian": "rad", "radians": "rad",
    "arcsec": "arcsec", "asec": "arcsec", "arcsecs": "arcsec", "arcseconds": "arcsec",
    "arcmin": "arcmin", "amin": "arcmin", "arcminutes": "arcmin", "mas": "mas", "jy": "Jy",
    "mjy": "mJy", "ujy": "uJy", "µjy": "uJy", "hz": "Hz", "mhz": "MHz", "ghz": "GHz",
    "hms": "hms", "dms": "dms", '"': "arcsec",
    "'": "arcmin",
}  # fmt: skip
_EQUINOX = re.compile(r"(?:[BJ]?(?:1875|1900|1950|1975|2000)(?:\.0*)?|ICRS|FK[45])", re.IGNORECASE)
_OPENING, _CLOSING = ("[", "(", "{"), ("]", ")", "}")
HAVE_UNITS = (
    "ra", "dec", "las", "flux", "beam_major", "beam_minor", "beam_pa", "frequency", "pixel_scale",
    "rms", "source_box",
)  # fmt: skip


def is_known(name: str) -> bool:
    """True for a usual name of a column of any role."""
    return any(plain_name(name, role) in plain_synonyms()[role] for role in SYNONYMS)


@cache
def plain_synonyms() -> dict[str, frozenset[str]]:
    return {role: frozenset(plain_name(s, role) for s in names) for role, names in SYNONYMS.items()}


def name_and_unit(name: str) -> tuple[str, str]:
    """A column's name without its unit, and that unit: ``RA (deg)`` is ``RA`` and ``deg``."""
    # Without a regular expression: blanks on all sides would take minutes for a long name.
    plain = name.rstrip()
    if plain.endswith(_CLOSING):
        body = plain[:-1]
        start = max(body.rfind(c) for c in _CLOSING) + 1
        opened = [at for c in _OPENING if (at := body.find(c, start)) >= 0]
        if opened and (unit := body[min(opened) + 1 :].strip()):
            stem = body[: min(opened)].rstrip()
            return (stem, "") if _EQUINOX.fullmatch(unit) else (stem, _unit_word(unit))
    stem, _, last = name.rpartition("_")
    if stem and last.lower() in UNIT_WORDS:
        return stem, _unit_word(last)
    return name, ""


def _unit_word(text: str) -> str:
    """A unit as astropy writes it; M stays mega, unless in a word of small letters."""
    if text[:1] == "M" and text.lower() in ("mjy", "mas"):
        return text
    return UNIT_WORDS.get(text.lower(), text)


def plain_name(name: str, role: str) -> str:
    if role in HAVE_UNITS:
        name = name_and_unit(name)[0]
    return re.sub(r"[\W_]+", "", name.lower())
