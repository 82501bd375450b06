"""Match the columns of a user's table to those of the Catalogue: by hand, name or UCD."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import UserTable

# Names of each role in tables, most to least usual; compared without case, blanks,
# punctuation and a trailing unit.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "source_id": ("source_id", "sourceid", "id", "src_id", "component_id", "object_id",
                  "objid", "catid", "uid", "identifier", "recno"),
    "name": ("name", "source_name", "iau_name", "rgz_name", "object", "object_name", "source",
             "designation", "main_id", "target", "target_name", "srcname"),
    "ra": ("ra", "raj2000", "ra_j2000", "alpha_j2000", "_raj2000", "right_ascension", "ra_deg",
           "radeg", "ra_icrs", "ra_hms", "ra_hours", "mean_ra", "meanra", "ra_mean", "raj",
           "alpha", "s_ra", "ra_fk5", "ra_2000", "ra2000", "rightascension", "optical_ra",
           "radio_ra", "racen", "ra_cen", "α"),
    "dec": ("dec", "dej2000", "decj2000", "dec_j2000", "delta_j2000", "_dej2000", "declination",
            "dec_deg", "decdeg", "de_icrs", "dec_icrs", "dec_dms", "mean_dec", "meandec",
            "dec_mean", "decj", "de", "decl", "delta", "s_dec", "dec_fk5", "dec_2000", "dec2000",
            "dedeg", "optical_dec", "radio_dec", "deccen", "dec_cen", "δ"),
    "las": ("las", "largest_angular_size", "angular_size", "angsize", "ang_size", "size_las",
            "las_measured", "angularsize", "theta", "max_angular_extent"),
    "label": ("label", "class", "fr_class", "frclass", "fr", "fr_type", "frtype", "type",
              "fanaroff_riley", "classification", "source_class", "morph_class"),
    "morphology": ("morphology", "morph", "morphological_type", "subclass", "sub_class",
                   "subtype"),
    "redshift": ("redshift", "z", "z_spec", "zspec", "z_best", "zbest", "spec_z", "specz",
                 "z_phot", "zphot", "photo_z", "photoz", "redshift_spec"),
    "flux": ("flux", "total_flux", "int_flux", "integrated_flux", "flux_total", "sint", "s_int",
             "fint", "s_total", "stotal", "flux_density", "total_flux_density", "flux_int", "s_1_4",
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
    "image": ("image", "file", "filename", "file_name", "path", "image_path", "fits", "fits_file",
              "cutout", "image_file", "filepath", "file_path", "img"),
}  # fmt: skip

# First word of the UCD, and a word that must follow; UCD1+ and the older UCD1.
_UCDS: dict[str, tuple[tuple[str, str], ...]] = {
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

_UNIT_WORDS = {
    "deg": "deg", "degree": "deg", "degrees": "deg", "hour": "hour", "hours": "hour",
    "hr": "hour", "hrs": "hour", "h": "hour", "rad": "rad", "radian": "rad", "radians": "rad",
    "arcsec": "arcsec", "asec": "arcsec", "arcseconds": "arcsec", "arcmin": "arcmin",
    "amin": "arcmin", "arcminutes": "arcmin", "mas": "mas", "jy": "Jy", "mjy": "mJy",
    "ujy": "uJy", "µjy": "uJy", "hz": "Hz", "mhz": "MHz", "ghz": "GHz", "hms": "hms",
    "dms": "dms", '"': "arcsec", "'": "arcmin",
}  # fmt: skip
_OPENING, _CLOSING = ("[", "(", "{"), ("]", ")", "}")
_HAVE_UNITS = (
    "ra", "dec", "las", "flux", "beam_major", "beam_minor", "beam_pa", "frequency", "pixel_scale",
)  # fmt: skip


@dataclass(frozen=True)
class ColumnMap:
    """The column of each role.

    Attributes
    ----------
    columns : dict of str to str
        By role: the column. Roles are the Catalogue's columns, and ``image`` for a path.
    how : dict of str to str
        By role: ``given``, ``name`` or the UCD.
    units : dict of str to str
        By role: the unit that the table or the column's name gives.
    """

    columns: dict[str, str]
    how: dict[str, str]
    units: dict[str, str] = field(default_factory=dict)


def map_columns(table: UserTable, given: Mapping[str, str] | None = None) -> ColumnMap:
    """Find the column of each role.

    ``given`` takes precedence, then the Catalogue's own names, the main UCDs, the usual
    names, the other UCDs. An empty name in ``given`` leaves a role out.

    Raises
    ------
    CatalogueError
        If ``given`` names an unknown role or column, or several columns with different cells
        have the name that was found.
    """
    found: dict[str, tuple[str, str]] = {}
    given = dict(given or {})
    for role, name in given.items():
        if role not in SYNONYMS:
            raise CatalogueError(f"columns: unknown role '{role}'; known: {', '.join(SYNONYMS)}")
        if name and name not in table.frame.columns:
            raise CatalogueError(
                f"columns: the table has no column '{name}' for {role}; "
                f"it has {_some(table.frame.columns)}"
            )
        if name:
            found[role] = name, "given"
    for role in SYNONYMS:
        if role not in given:
            used = {name for name, _ in found.values()}
            free = [str(n) for n in table.frame.columns if n not in used]
            names, how = _candidates(table, role, free)
            if names:
                _refuse_ambiguous(table, role, names)
                found[role] = names[0], how
    columns = {role: name for role, (name, _) in found.items()}
    units = {role: _unit(table, role, name) for role, name in columns.items()}
    return ColumnMap(
        columns, {r: how for r, (_, how) in found.items()}, {r: u for r, u in units.items() if u}
    )


def _candidates(table: UserTable, role: str, free: list[str]) -> tuple[list[str], str]:
    """Equally good columns for a role, and how they were found; empty for none."""
    if role in free:
        return [role], "name"
    main, other = _by_ucd(table, role, free)
    if main:
        return main[:1], table.ucds[main[0]]
    plain = [_plain(name, role) for name in free]
    for synonym in SYNONYMS[role]:
        wanted = _plain(synonym, role)
        if named := [name for name, letters in zip(free, plain, strict=True) if letters == wanted]:
            return named, "name"
    return other[:1], table.ucds[other[0]] if other else ""


def _by_ucd(table: UserTable, role: str, free: list[str]) -> tuple[list[str], list[str]]:
    main: list[str] = []
    other: list[str] = []
    for first, then in _UCDS.get(role, ()):
        for name in free:
            words = table.ucds.get(name, "").lower().split(";")
            if words[0] == first and (
                not then or any(f"{w}.".startswith(f"{then}.") for w in words)
            ):
                (main if then or "_" in first else other).append(name)
    return main, other


def _refuse_ambiguous(table: UserTable, role: str, names: list[str]) -> None:
    """Raise CatalogueError where equally good columns have different cells."""
    name = names[0]
    rivals = [*names[1:], *(n for n in _copies(table, name) if n not in names)]
    differing = [n for n in rivals if not table.frame[n].equals(table.frame[name])]
    if differing:
        raise CatalogueError(
            f"columns '{name}' and '{differing[0]}' could both be {role} and differ; "
            f"choose one by mapping {role} by hand"
        )


def _copies(table: UserTable, name: str) -> list[str]:
    if name not in table.repeated:
        return []
    pattern = re.compile(re.escape(name) + r"_\d+")
    return [str(n) for n in table.frame.columns if pattern.fullmatch(str(n))]


def _words(name: str) -> tuple[str, str]:
    """A column's name without its unit, and that unit: ``RA (deg)`` is ``RA`` and ``deg``."""
    # Without a regular expression: blanks on all sides would take minutes for a long name.
    plain = name.rstrip()
    if plain.endswith(_CLOSING):
        body = plain[:-1]
        start = max(body.rfind(c) for c in _CLOSING) + 1
        opened = [at for c in _OPENING if (at := body.find(c, start)) >= 0]
        if opened and (unit := body[min(opened) + 1 :].strip()):
            return body[: min(opened)].rstrip(), _UNIT_WORDS.get(unit.lower(), unit)
    stem, _, last = name.rpartition("_")
    if stem and last.lower() in _UNIT_WORDS:
        return stem, _UNIT_WORDS[last.lower()]
    return name, ""


def _plain(name: str, role: str) -> str:
    if role in _HAVE_UNITS:
        name = _words(name)[0]
    return re.sub(r"[\W_]+", "", name.lower())


def _unit(table: UserTable, role: str, name: str) -> str:
    if role not in _HAVE_UNITS:
        return ""
    unit = table.units.get(name, "")
    if role == "pixel_scale" and re.sub(r"[\W_]", "", name.lower()).startswith("arcsecper"):
        return "arcsec"
    # VizieR writes "h:m:s" as the unit of text; read_positions accepts it.
    return unit or _words(name)[1]


def _some(names: Iterable[object], most: int = 30) -> str:
    listed = [str(n) for n in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(f"'{n}'" for n in listed[:most]) + more
