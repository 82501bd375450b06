"""Some kilobytes that claim gigabytes: one rule for every format."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from PIL import Image

from radioviz.errors import RadioVizError
from radioviz.images.reading import read_image
from radioviz.importing.image_files import ImageFiles
from radioviz.importing.readers.cube_formats import open_cube
from radioviz.importing.readers.user_tables import read_table
from radioviz.store.unpacking import ANY_RATIO, MAX_RATIO, excess

SIDE = 256
COUNT = 160  # images of float32: 42 MB
ZEROS = bytes(40 << 20)


def _cube(path: Path) -> None:
    cube = open_cube(path)
    cube.table()
    next(iter(cube.blocks()))


def _archive(path: Path) -> None:
    for entry in ImageFiles(path).entries():
        if entry.refused:
            raise RadioVizError(entry.refused)


def _hdf5(path: Path, **how) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("img", (COUNT, SIDE, SIDE), "f4", **how)


def _hdf5_column(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["img"] = np.ones((100, 4, 4), "f4")
        file.create_dataset("name", (100,), "S400000")


def _hdf5_of_zeros(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "img", data=np.zeros((COUNT, SIDE, SIDE), "f4"), chunks=(8, SIDE, SIDE), compression=9
        )


def _zarr(path: Path, write: bool = False, version: int = 3) -> None:
    library = pytest.importorskip("zarr")
    array = library.create_array(
        str(path), shape=(COUNT, SIDE, SIDE), dtype="f4", chunks=(8, SIDE, SIDE), fill_value=1.0,
        zarr_format=version,
    )  # fmt: skip
    if write:
        array[:] = 2.0


def _npz(path: Path) -> None:
    np.savez_compressed(path, images=np.zeros((COUNT, SIDE, SIDE), "f4"))


def _parquet(path: Path, text: bool = False) -> None:
    cells = pa.array(["x" * 100] * 500_000) if text else pa.array(np.zeros(6_000_000 // 2))
    pq.write_table(pa.table({"ra": cells, "dec": cells}), path)


def _tiles(path: Path) -> None:
    image = fits.CompImageHDU(
        np.zeros((3500, 3500), "i4"), compression_type="GZIP_1", tile_shape=(3500, 3500)
    )
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)


def _png(path: Path) -> None:
    Image.new("L", (6000, 6000)).save(path, "PNG")


def _image_bytes() -> bytes:
    out = io.BytesIO()
    fits.PrimaryHDU(np.zeros((3300, 3300), "f4")).writeto(out)
    return out.getvalue()


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.fits", _image_bytes())


def _many(path: Path) -> None:
    """No member is large."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(50):
            archive.writestr(f"{i}.fits", bytes(1 << 20))


def _tar(path: Path, mode: str) -> None:
    content = _image_bytes()
    with tarfile.open(path, f"w:{mode}") as tar:
        for i in range(4):
            info = tarfile.TarInfo(f"{i}.fits")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


BOMBS = {
    "HDF5 never written": ("c.h5", _hdf5, _cube),
    "HDF5 of one fill value": ("c.h5", lambda p: _hdf5(p, fillvalue=3), _cube),
    "HDF5 chunks never written": ("c.h5", lambda p: _hdf5(p, chunks=(8, SIDE, SIDE)), _cube),
    "HDF5 of zeros": ("c.h5", _hdf5_of_zeros, _cube),
    "HDF5 column": ("c.h5", _hdf5_column, _cube),
    "zarr never written": ("c.zarr", _zarr, _cube),
    "zarr of one value": ("c.zarr", lambda p: _zarr(p, write=True), _cube),
    "zarr 2 never written": ("c.zarr", lambda p: _zarr(p, version=2), _cube),
    "npz": ("c.npz", _npz, _cube),
    "Parquet": ("t.parquet", _parquet, read_table),
    "Parquet of one text": ("t.parquet", lambda p: _parquet(p, text=True), read_table),
    "gzipped table": ("t.csv.gz", lambda p: p.write_bytes(gzip.compress(ZEROS)), read_table),
    "gzipped FITS": (
        "x.fits.gz", lambda p: p.write_bytes(gzip.compress(_image_bytes())), read_image,
    ),
    "FITS in tiles": ("x.fits", _tiles, read_image),
    "PNG": ("x.png", _png, read_image),
    "ZIP": ("a.zip", _zip, _archive),
    "ZIP of many": ("a.zip", _many, _archive),
    "tar.gz": ("a.tar.gz", lambda p: _tar(p, "gz"), _archive),
    "tar.bz2": ("a.tar.bz2", lambda p: _tar(p, "bz2"), _archive),
    "tar.xz": ("a.tar.xz", lambda p: _tar(p, "xz"), _archive),
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_little_that_unpacks_to_much(kind: str, tmp_path: Path) -> None:
    name, make, read = BOMBS[kind]
    path = tmp_path / name
    make(path)
    files = [path] if path.is_file() else list(path.rglob("*"))
    assert sum(f.stat().st_size for f in files if f.is_file()) < 200_000
    with pytest.raises(RadioVizError, match=r"[\d,]+ stored bytes unpack to [\d,]+, more than 700"):
        read(path)


def test_the_rule() -> None:
    assert excess(0, ANY_RATIO) == ""
    assert "0 stored bytes unpack to 33,554,433" in excess(0, ANY_RATIO + 1)
    assert excess(10**6, MAX_RATIO * 10**6) == ""
    assert "more than 700 times" in excess(10**6, MAX_RATIO * 10**6 + 1)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_images_without_their_noise_may_be_packed(dtype: str, tmp_path: Path) -> None:
    """Some bright pixels among zeros, packed as well as can be: a survey that is read."""
    rng = np.random.default_rng(1)
    images = np.zeros((400, 150, 150), dtype)
    images[:, 60:80, 70:77] = rng.integers(1, 255, (400, 20, 7)) / 255
    assert images.nbytes > ANY_RATIO
    packed = images.tobytes()
    assert 50 < len(packed) / len(lzma.compress(packed, preset=1)) < MAX_RATIO
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("img", data=images, chunks=(20, 150, 150), compression=9)
    np.savez_compressed(tmp_path / "c.npz", images=images)
    for name in ("c.h5", "c.npz"):
        cube = open_cube(tmp_path / name)
        first = next(iter(cube.blocks()))
        np.testing.assert_array_equal(first, images[: len(first)])


def test_chunks_of_a_pixel_are_refused(tmp_path: Path) -> None:
    """HDF5 needs some kilobytes of memory for each chunk that it looks up."""
    for part, read in (((1, 1, 1), False), ((1, 2, 2), True)):
        with h5py.File(tmp_path / "c.h5", "w") as file:
            file.create_dataset("img", data=np.ones((10, 100, 100), "u1"), chunks=part)
        if read:
            blocks = list(open_cube(tmp_path / "c.h5").blocks())
            assert [len(block) for block in blocks] == [1] * 10
        else:
            with pytest.raises(RadioVizError, match=r"chunks of \(1, 1, 1\), 10,000 an image"):
                open_cube(tmp_path / "c.h5")
