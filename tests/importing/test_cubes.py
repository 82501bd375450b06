"""Cubes of every format, streamed; bad shapes, types and files named."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

from radioviz.errors import CatalogueError
from radioviz.importing.image_cubes import CubeReader
from radioviz.importing.readers.cube_formats import is_cube, open_cube
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.source_rows import read_sources
from radioviz.importing.survey_facts import SurveyFacts

N, NY, NX = 37, 12, 10


@pytest.fixture
def stack() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.normal(size=(N, NY, NX)).astype(np.float32)


def _write(kind: str, path, stack: np.ndarray):
    if kind == "npy":
        np.save(path / "c.npy", stack)
        return path / "c.npy"
    if kind == "npz":
        np.savez(path / "c.npz", images=stack, ra=np.linspace(100, 200, len(stack)))
        return path / "c.npz"
    if kind == "npz compressed":
        np.savez_compressed(path / "c.npz", images=stack)
        return path / "c.npz"
    if kind == "hdf5":
        with h5py.File(path / "c.h5", "w") as file:
            group = file.create_group("data")
            data = group.create_dataset("img", data=stack, chunks=(5, *stack.shape[1:]))
            data.attrs["pixel_scale"], data.attrs["BUNIT"] = 2.5, "Jy/beam"
            file.attrs["survey"] = "EMU"
            group["ra"], group["dec"] = np.linspace(100, 200, len(stack)), np.zeros(len(stack))
            group["ra"].attrs["unit"] = "deg"
        return path / "c.h5"
    zarr = pytest.importorskip("zarr")
    array = zarr.open(str(path / "c.zarr"), mode="w", shape=stack.shape, dtype=stack.dtype)
    array[:] = stack
    array.attrs["pixel_scale"] = 2.5
    return path / "c.zarr"


KINDS = ["npy", "npz", "npz compressed", "hdf5", "zarr"]


@pytest.mark.parametrize("start", [0, 1, 17, N - 1])
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_from_any_start(kind, start, stack, tmp_path, monkeypatch):
    from radioviz.importing.readers import cube

    monkeypatch.setattr(cube, "_BLOCK_BYTES", 4 * NY * NX * 4)  # four images a block
    path = _write(kind, tmp_path, stack)
    assert is_cube(path)
    cube = open_cube(path)
    assert cube.shape == stack.shape
    blocks = list(cube.blocks(start))
    np.testing.assert_array_equal(np.concatenate(blocks), stack[start:])
    assert max(len(b) for b in blocks) <= 5


def test_attributes_and_columns_of_hdf5(stack, tmp_path):
    cube = open_cube(_write("hdf5", tmp_path, stack))
    assert cube.attributes == {"survey": "EMU", "pixel_scale": 2.5, "BUNIT": "Jy/beam"}
    table = cube.table()
    assert table is not None
    assert sorted(table.frame.columns) == ["dec", "ra"]
    assert table.units == {"ra": "deg"}


@pytest.mark.parametrize(
    "dtype", ["uint8", "bool", "int16", ">i4", "uint16", "float16", "float64", ">f4", ">f8"]
)
def test_types(dtype, tmp_path):
    stack = np.arange(2 * 4 * 3).reshape(2, 4, 3).astype(dtype)
    np.save(tmp_path / "c.npy", stack)
    reader = CubeReader(open_cube(tmp_path / "c.npy"), SurveyFacts(), None)
    images = [image for _, image in reader.read()]
    assert reader.dtype == (np.uint8 if dtype in ("uint8", "bool") else np.float32)
    np.testing.assert_array_equal(np.stack(images), stack.astype(reader.dtype))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((4, 5)), r"shape \(4, 5\)"),
        (np.zeros((4, 1, 5, 5)), "axis 1 of length 1 is a channel"),
        (np.zeros((4, 5, 5, 1)), "axis 3 of length 1 is a channel"),
        (np.zeros((0, 5, 5)), "0 images"),
        (np.zeros((3, 1, 5)), "5 x 1 pixels"),
        (np.zeros((2, 4, 3), complex), "complex128"),
        (np.zeros((2, 4, 3), "U3"), "holds <U3"),
        (np.zeros((2, 4, 3), [("a", "f4")]), "holds"),
    ],
)
def test_bad_shapes_and_types_are_named(array, expected, tmp_path):
    np.save(tmp_path / "c.npy", array)
    with pytest.raises(CatalogueError, match=expected):
        open_cube(tmp_path / "c.npy")


def test_pickled_objects_are_never_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    np.save(tmp_path / "c.npy", np.array([Evil()] * 2, dtype=object))
    np.savez(tmp_path / "c.npz", images=np.array([Evil()] * 2, dtype=object))
    for name in ("c.npy", "c.npz"):
        with pytest.raises(CatalogueError):
            open_cube(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_truncated_files(stack, tmp_path):
    for kind in ("npy", "npz", "hdf5"):
        path = _write(kind, tmp_path, stack)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(CatalogueError):
            list(open_cube(path).blocks())
        path.write_bytes(content[:20])
        with pytest.raises(CatalogueError):
            open_cube(path)


def test_several_stacks_must_be_told_apart(stack, tmp_path):
    np.savez(tmp_path / "c.npz", a=stack, b=stack)
    with pytest.raises(CatalogueError, match=r"several stacks of images: 'a' .* 'b'"):
        open_cube(tmp_path / "c.npz")
    assert open_cube(tmp_path / "c.npz", "b").shape == stack.shape
    with pytest.raises(CatalogueError, match="no array 'c'"):
        open_cube(tmp_path / "c.npz", "c")


def test_hdf5_that_leads_to_other_files(stack, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["img"] = stack
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["img"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/img")
    with pytest.raises(CatalogueError, match="no stack of images"):
        open_cube(tmp_path / "link.h5")
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("img", shape=(2, 4, 4), dtype="u1", external=[("/etc/passwd", 0, 32)])
    with pytest.raises(CatalogueError, match="lie in other files"):
        open_cube(tmp_path / "external.h5")
    layout = h5py.VirtualLayout(shape=stack.shape, dtype="f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "img", shape=stack.shape)
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("img", layout)
    with pytest.raises(CatalogueError, match="lie in other files"):
        open_cube(tmp_path / "virtual.h5")


def test_hdf5_that_leads_to_other_files_by_a_detour(stack, tmp_path):
    """A soft link whose path passes through an external link."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["group/img"] = stack
        file["group/ra"] = np.zeros(N)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["out"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/group")
        file["img"] = h5py.SoftLink("/out/img")
        file["ra"] = h5py.SoftLink("/out/ra")
        file["all"] = h5py.SoftLink("/out")
    with pytest.raises(CatalogueError, match="no stack of images"):
        open_cube(tmp_path / "c.h5")
    for name in ("img", "out/img", "all/img"):
        with pytest.raises(CatalogueError, match="no array"):
            open_cube(tmp_path / "c.h5", name)
    with h5py.File(tmp_path / "c.h5", "a") as file:
        file["here/images"] = stack
        file["here/dec"] = np.zeros(N)
        file["declination"] = h5py.SoftLink("/here/dec")
        file["lost"] = h5py.SoftLink("/nowhere")
    cube = open_cube(tmp_path / "c.h5")
    assert cube.member == "here/images"
    assert list(cube.table().frame.columns) == ["dec"]


def test_hdf5_that_leads_to_a_pipe(tmp_path):
    """Opening it would wait for ever: links are not followed to see where they lead."""
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["out"] = h5py.ExternalLink(str(tmp_path / "pipe"), "/")
        file["img"] = h5py.SoftLink("/out/img")
        file["images"] = np.ones((3, 4, 4), np.float32)
    program = f"""
from pathlib import Path
from radioviz.importing.readers.cube_formats import open_cube
print(open_cube(Path({str(tmp_path)!r}) / "c.h5").member)
"""
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.strip() == "images"


def test_hdf5_whose_groups_hold_each_other(tmp_path):
    """A hundred names a group, and each is the file itself: every item is looked at once."""
    with h5py.File(tmp_path / "c.h5", "w") as file:
        for i in range(100):
            file[f"a{i}"] = file["/"]
        file["z"] = np.ones((3, 4, 4), np.float32)
        file["same"] = file["z"]
    cube = open_cube(tmp_path / "c.h5")
    assert cube.shape == (3, 4, 4)


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
def test_columns_of_hdf5_that_were_never_written(names, tmp_path):
    """A few kilobytes that declare gigabytes, in one column or in all together."""
    images = np.zeros((100, 4, 4), np.uint8)
    images[:, 1:3] = 7
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["img"] = images
        for name in names:
            file.create_dataset(name, (100,), f"S{50_000_000 // len(names)}")
    assert (tmp_path / "c.h5").stat().st_size < 20_000
    with pytest.raises(
        CatalogueError, match=r"100 rows of \d columns, [45],\d\d\d,\d\d\d,\d\d\d bytes"
    ):
        open_cube(tmp_path / "c.h5").table()


def test_a_column_of_hdf5_in_one_huge_chunk(stack, tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["img"] = stack
        file.create_dataset(
            "ra", (N,), "f8", chunks=(500_000_000,), maxshape=(None,), compression="gzip"
        )
    with pytest.raises(CatalogueError, match="4,000,000,000 bytes"):
        open_cube(tmp_path / "c.h5").table()


def test_chunks_too_large_to_unpack(tmp_path, monkeypatch):
    from radioviz.importing.readers import cube

    monkeypatch.setattr(cube, "MAX_CHUNK_BYTES", 5000)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("img", (100, 40, 40), "f4", chunks=(50, 40, 40), compression="gzip")
    with pytest.raises(CatalogueError, match=r"chunks of .* GB \(50, 40, 40\)"):
        open_cube(tmp_path / "c.h5")


def test_zarr_that_is_not_installed(tmp_path, monkeypatch):
    import sys

    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "zarr.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(CatalogueError, match=r"pip install zarr"):
        open_cube(tmp_path / "c.zarr")


def _sources(rows: int):
    frame = pd.DataFrame({"ra": np.linspace(100, 200, rows), "dec": np.zeros(rows)})
    frame.index = range(1, rows + 1)
    return read_sources(UserTable(frame), positions=False)


def test_table_of_another_length(stack, tmp_path):
    np.save(tmp_path / "c.npy", stack)
    with pytest.raises(CatalogueError, match="37 images but 36 rows"):
        CubeReader(open_cube(tmp_path / "c.npy"), SurveyFacts(), _sources(36))


def test_images_without_data_are_refused_one_by_one(stack, tmp_path):
    stack[3] = np.nan
    stack[5, 2, 2] = np.inf
    stack[6, 0] = np.nan
    np.save(tmp_path / "c.npy", stack)
    reader = CubeReader(open_cube(tmp_path / "c.npy"), SurveyFacts(), _sources(N))
    steps = list(reader.read())
    assert [o.name for o, image in steps if image is None] == ["image 4"]
    assert "NaN" in steps[3][0].refused
    assert steps[5][0].notes == ("1 infinite pixel(s) treated as missing",)
    assert np.isnan(steps[5][1][2, 2])
    assert steps[6][0].notes == ()
    assert [o.row for o, _ in steps] == list(range(N))


def test_pictures_begin_in_the_north(stack, tmp_path):
    np.save(tmp_path / "c.npy", stack)
    reader = CubeReader(open_cube(tmp_path / "c.npy"), SurveyFacts(), None, north_first=True)
    np.testing.assert_array_equal(next(iter(reader.read()))[1], stack[0][::-1])


def test_cells_of_an_archive_that_are_not_there(stack, tmp_path):
    """numpy would ask for two gigabytes for five names."""
    out = io.BytesIO()
    np.save(out, np.array(["a"] * N))
    long = out.getvalue().replace(b"<U1'", b"<U99999999'").replace(b" " * 7 + b"\n", b"\n")
    np.savez(tmp_path / "c.npz", images=stack)
    with zipfile.ZipFile(tmp_path / "c.npz", "a") as archive:
        archive.writestr("name.npy", long)
    cube = open_cube(tmp_path / "c.npz")
    with pytest.raises(CatalogueError, match=r"name.npy\): 37 cells of <U99999999 take 14,7"):
        cube.table()


def test_a_member_of_an_archive_in_a_way_of_packing_that_is_unknown(stack, tmp_path):
    np.savez(tmp_path / "c.npz", images=stack)
    cube = open_cube(tmp_path / "c.npz")
    content = bytearray((tmp_path / "c.npz").read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 10] = 99
    (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(CatalogueError, match="not a readable NumPy archive"):
        next(cube.blocks())
