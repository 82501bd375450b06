"""The public archives that RadioViz can fetch: addresses, sizes and checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """One ``.tar.gz`` of a public data set."""

    name: str  # file name of the archive
    url: str  # public address
    md5: str  # MD5 of the archive, as its authors published it
    size: int | None  # length of the archive in bytes; None if its authors do not say it
    folder: str  # the one folder that it unpacks to
    members: Mapping[str, str]  # name below ``folder`` and MD5 of every file in it


_F_BATCHES = {
    "batches.meta": "e1b5450577209e583bc43fbf8e851965",
    "data_batch_1": "f7a470b7367e8e0d0c5093d2cf266d54",
    "data_batch_2": "bb65ecd7e748e9fb789419b1efbf1bab",
    "data_batch_3": "32de1078e7cd47f5338c666a1b563ede",
    "data_batch_4": "a1209aceedd8806c88eab27ce45ee2c4",
    "data_batch_5": "1619cd7c54f5d71fcf4cfefea829728e",
    "data_batch_6": "636c2b84649286e19bcb0684fc9fbb01",
    "data_batch_7": "bc67bc37080dc4df880ffe9720d680a8",
    "test_batch": "ac7ea0d5ee8c7ab49f257c9964796953",
}

_NVSS = {
    "batches.meta": "655493bdee948954f3939727b3f9e735",
    "data_batch_1": "3a2a15d88756ba61c796378fc8574540",
    "data_batch_2": "6a04e3985397e1f67f0ad42153dca64e",
    "data_batch_3": "d852c8200f3bbb63beacf31f3e954f9a",
    "data_batch_4": "a5739996ca44a1a1841f2d0e6b844dd6",
    "data_batch_5": "8e2fdb3f60bf7541ca135fc8e2407f7a",
    "data_batch_6": "9e5a82500bd9742f8fefe412ada95336",
    "data_batch_7": "f66af7795265fbe24376f669200412c4",
    "data_batch_8": "75982afc09bf480ecc521acdb39cbe46",
    "data_batch_9": "72aee306fef9acee21a0e5537bb681e4",
    "data_batch_10": "7a039ce8062a533b23b401a612c5f9b7",
    "data_batch_11": "c0013314098c96ca4c7c20c0f17abcd3",
    "test_batch": "39fd167b9a7df12cee1ef9a804f9fa86",
}

_FIRST = {
    "batches.meta": "655493bdee948954f3939727b3f9e735",
    "data_batch_1": "f34da44757c7fa3f6e6cd3d0839a4634",
    "data_batch_2": "f56cda0d9a99305fee2bad7de0560f95",
    "data_batch_3": "93265dd849331af4e1b092f74b06450b",
    "data_batch_4": "0de8f4c18b775251f4e553e2990cd446",
    "data_batch_5": "c6aa87400a1be6007da7cfcefd2c3e5c",
    "data_batch_6": "cebd3fdea93abbc048a3a4d5e58528e0",
    "data_batch_7": "49497445e9380f157e78cf8d74fca1eb",
    "data_batch_8": "88e298eed2d87bbdddad83fef1482723",
    "data_batch_9": "8c40117dbf4d456e63a8a665b245aa63",
    "data_batch_10": "f24d110cc5811ba4651630b9ee9b2989",
    "data_batch_11": "b843dc3b7f48606235029f135d41c85e",
    "test_batch": "4e06889b1e7713deb46e62887eb37727",
}

_RGZ_20K = {
    "batches.meta": "8f3138fbc912134239a779a1f3f6eaf8",
    "data_batch_1": "9ffdcb485fc0c96e1afa1cdc342f00e7",
    "data_batch_2": "8961fa4a2fb5a8482ec5606e3d501fb4",
    "data_batch_3": "8cbf4fa7b34282b8f1522a350df4a882",
    "data_batch_4": "a58c94b5905d0ad2d97ba3a8895538c9",
    "data_batch_5": "13c9132ee374b7b63dac22c17a412d86",
    "data_batch_6": "232ff5854df09d5a68471861b1ee5576",
    "data_batch_7": "bea739fe0f7bd6ffb77b8e7def7f2edf",
    "data_batch_8": "48b23b3f0f37478b61ccca462fe53917",
    "data_batch_9": "2ac1208dec744cc136d0cd7842c180a2",
    "data_batch_10": "4ad68d1d8179da93ca1f8dfa7fe8e11d",
    "test_batch": "35a588227816ad08d37112f23b6e2ea4",
}

SOURCES: dict[str, tuple[Archive, ...]] = {
    # Porter & Scaife 2023 (MiraBest); also Zenodo record 4288837.
    "mirabest": (
        Archive(
            "MiraBest_F_batches.tar.gz",
            "https://www.jb.man.ac.uk/research/MiraBest/MiraBest_F/MiraBest_F_batches.tar.gz",
            "7d4e3a623d29db7204bce81676ee8ce2",
            765_686,
            "F_batches",
            _F_BATCHES,
        ),
    ),
    # Tang et al. 2019 (FR-DEEP); Zenodo DOI 10.5281/zenodo.4255826.
    "fr-deep": (
        Archive(
            "NVSS_PNG_dataset.tar.gz",
            "https://www.jb.man.ac.uk/research/ascaife/NVSS_PNG_dataset.tar.gz",
            "2584ed1e174ea71f581d0e0d6f32ef38",
            370_254,
            "NVSS_PNG_dataset",
            _NVSS,
        ),
        Archive(
            "FIRST_PNG_dataset.tar.gz",
            "https://www.jb.man.ac.uk/research/ascaife/FIRST_PNG_dataset.tar.gz",
            "2f39461e6c62fb45289559915106013a",
            306_842,
            "FIRST_PNG_dataset",
            _FIRST,
        ),
    ),
    # Wong et al. (Radio Galaxy Zoo); checksums as Slijepcevic et al. 2024 publish them.
    "rgz20k": (
        Archive(
            "rgz20k-batches-python.tar.gz",
            "https://www.jb.man.ac.uk/research/ascaife/rgz20k-batches-python.tar.gz",
            "3a85fb4167fb08619e36e77bbba40896",
            None,
            "rgz20k-batches-py",
            _RGZ_20K,
        ),
    ),
}
