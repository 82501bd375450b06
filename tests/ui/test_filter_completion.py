"""What the filter's box offers at the cursor, and what it says of a name; in node."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Column
from radioviz.paths import REPOSITORY
from radioviz.ui.filter_completion import known_names
from radioviz.workspace.evaluation import FUNCTIONS
from radioviz.workspace.table_columns import TableColumns

SCRIPT = REPOSITORY / "radioviz" / "ui" / "filter_completion.js"
TABLE = pd.DataFrame(
    {
        "las": [1.0, 2.0],
        "label": ["Bent", 'say "x"'],
        "RA (J2000)": [1.0, 2.0],
        "flux": [1.0, 2.0],
        "las_error": [1.0, 1.0],
    }
)
ABOUT = {
    "las": Column("float64", "arcsec", "", "Largest angular size"),
    "flux": Column("float64", "mJy", "", "Flux density"),
}
COLUMNS = TableColumns(TABLE, ABOUT).extended({}, tags={"wide tail": np.ones(2, dtype=bool)})


def test_what_the_browser_knows() -> None:
    known = known_names(COLUMNS)
    columns = {c["name"]: c for c in known["columns"]}
    assert columns["las"] == {
        "name": "las", "insert": "las", "about": "Largest angular size [arcsec]", "words": [],
    }  # fmt: skip
    assert columns["RA (J2000)"]["insert"] == "`RA (J2000)`"
    assert columns["label"]["words"] == ["Bent", 'say "x"']
    assert [f["name"] for f in known["functions"]] == list(FUNCTIONS)
    assert known["tags"] == ["wide tail"]
    assert known_names(TableColumns(TABLE, ABOUT))["columns"][1]["words"] == ["Bent", 'say "x"']


def test_words_of_large_tables_are_those_of_columns_in_use() -> None:
    columns = TableColumns(TABLE)
    assert columns.words("label", 10, prepare=False) == []
    columns.values("label")
    assert columns.words("label", 10, prepare=False) == ["Bent", 'say "x"']
    assert columns.words("label", 1, prepare=True) == []


def in_node(call: str) -> object:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    program = f"""
        import {{ options, meaning }} from 'data:text/javascript;base64,{_encoded()}';
        const known = {json.dumps(known_names(COLUMNS))};
        console.log(JSON.stringify({call}));
    """
    done = subprocess.run(
        [node, "--input-type=module", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _encoded() -> str:
    import base64

    return base64.b64encode(SCRIPT.read_bytes()).decode()


@pytest.mark.parametrize(
    ("text", "inserts"),
    [
        ("la", ["las", "label", "las_error", "similar("]),
        ("las", ["las", "las_error"]),
        ("size", ["las"]),
        ("las > 3 and fl", ["flux", "floor("]),
        ('label == "', ['"Bent"', '"say \\"x\\""']),
        ('label in ("Bent", "sa', ['"say \\"x\\""']),
        ('label not in ("b', ['"Bent"']),
        ('label contains "BE', ['"Bent"']),
        ('tag("wi', ['"wide tail"']),
        ('las == "', []),
        ("RA", ["`RA (J2000)`"]),
        ("`ra (", ["`RA (J2000)`"]),
        ("con", ["cone(", "contains"]),
        ('label == "Bent"', None),
        ("3.5", None),
    ],
)
def test_options(text: str, inserts: list[str] | None) -> None:
    found = in_node(f"options({json.dumps(text)}, {len(text)}, known)")
    assert isinstance(found, list)
    shown = [option["insert"] for option in found]
    if inserts is None:
        assert len(shown) > 20, "everything may stand here"
    else:
        assert shown == inserts


def test_meaning() -> None:
    text = "las > 3 and cone(1, 2, 3) and `RA (J2000)` > flux"
    said = [in_node(f"meaning({json.dumps(text)}, {at}, known)") for at in (1, 5, 13, 48)]
    assert said == ["las: Largest angular size [arcsec]", "", FUNCTIONS["cone"],
                    "flux: Flux density [mJy]"]  # fmt: skip
