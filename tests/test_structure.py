"""The shape of the code: no circles of imports, no name twice, a short README."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import grimp
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from radioviz.paths import REPOSITORY

REPEATED_STEMS = {"__init__", "__main__", "registry", "state"}
"""Stems that every room may use."""


def sources(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others."""
    names = sorted(imports)
    number = {name: i for i, name in enumerate(names)}
    pairs = [(number[a], number[b]) for a in names for b in imports[a] if b in number]
    rows, columns = np.array(pairs, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(names), len(names)))
    _, group = connected_components(graph.tocsr(), directed=True, connection="strong")
    return [
        [names[i] for i in np.flatnonzero(group == g)]
        for g in np.flatnonzero(np.bincount(group) > 1)
    ]


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": set()}) == []


@pytest.mark.parametrize("package", ["radioviz", "train"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    imports = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    assert circles(imports) == []


def test_module_names_are_unique() -> None:
    where = defaultdict(list)
    for path in sources("radioviz"):
        where[path.stem].append(str(path.relative_to(REPOSITORY)))
    twice = {s: p for s, p in where.items() if len(p) > 1 and s not in REPEATED_STEMS}
    assert twice == {}


@pytest.mark.parametrize("package", ["radioviz", "train"])
def test_public_class_names_are_unique(package: str) -> None:
    where = defaultdict(list)
    for path in sources(package):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(str(path.relative_to(REPOSITORY)))
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(REPOSITORY)): n
        for package in ("radioviz", "train", "pages")
        for path in sources(package)
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 450
    }
    assert long == {}


def test_pages_have_no_text_that_streamlit_draws() -> None:
    """Streamlit shows text that stands alone in a page's script, below a constant, say."""
    for path in [REPOSITORY / "app.py", *sources("pages")]:
        alone = [n for n in ast.parse(path.read_text("utf-8")).body[1:] if isinstance(n, ast.Expr)]
        assert all(isinstance(n.value, ast.Call) for n in alone), path.name


def test_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").split()) <= 900
