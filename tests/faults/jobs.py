"""The runs that are killed: their input, and what must hold at any moment.

Each run is a command in a process of its own. ``check`` is called after every kill: nothing
incomplete may be presented as complete, and everything that existed before must still exist.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from tests.data.fits_files import cards, noise, primary

MODEL = {
    "latent_dim": 3, "width": 8, "multipliers": [1, 1, 1, 1],
}  # fmt: skip


class Work(ABC):
    """One kind of work in a folder of its own."""

    def __init__(self, folder: Path, open_: ExitStack) -> None:
        self.folder, self.open = folder, open_
        self.home = folder / "home"
        self.environment = os.environ | {
            "RADIOVIZ_HOME": str(self.home),
            "RADIOVIZ_TRAINED": str(folder / "trained"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        for name in ("RADIOVIZ_HOME", "RADIOVIZ_TRAINED"):
            os.environ[name] = self.environment[name]

    @abstractmethod
    def prepare(self) -> None:
        """Make what the work needs, once."""

    @abstractmethod
    def command(self) -> list[str]:
        """Start, or resume after a kill."""

    @abstractmethod
    def check(self) -> bool:
        """Raise AssertionError if a rule is broken; True if the result is complete."""

    @abstractmethod
    def away(self) -> None:
        """Delete the result, so that the next run starts from scratch."""

    def python(self, *arguments: str) -> list[str]:
        """A command of this program."""
        return [sys.executable, *arguments]


def require(holds: bool, text: str) -> None:
    """Raise AssertionError, also if Python runs without assertions."""
    if not holds:
        raise AssertionError(text)


def cutouts(folder: Path, count: int) -> Path:
    """A folder of small FITS cutouts."""
    folder.mkdir(parents=True)
    for i in range(count):
        header = cards((40, 40), CRVAL1=150.0 + 0.1 * i)
        (folder / f"{i:04d}.fits").write_bytes(primary(noise((40, 40), seed=i), header))
    return folder


class Import(Work):
    """An import of cutouts next to an existing survey."""

    count = 120

    def prepare(self) -> None:
        from radioviz.importing import Source, import_survey

        cutouts(self.folder / "in", self.count)
        import_survey(Source(cutouts(self.folder / "kept", 5)), {"key": "kept"})
        self.digest = tree_digest(self.home / "surveys" / "kept")

    def command(self) -> list[str]:
        return self.python(
            "-m", "radioviz.data", "import", str(self.folder / "in"), "--key", "mine"
        )

    def check(self) -> bool:
        from radioviz.data import user_surveys as store

        require(
            tree_digest(self.home / "surveys" / "kept") == self.digest, "another survey changed"
        )
        surveys = store.list_surveys()
        require(set(surveys) <= {"kept", "mine"}, f"surveys {sorted(surveys)}")
        if "mine" not in surveys:
            require(not (self.home / "surveys" / "mine").exists(), "a survey that is not shown")
            return False
        catalogue = store.open_survey("mine")
        require(
            len(catalogue) == self.count, f"{len(catalogue)} of {self.count} are shown as whole"
        )
        for i in (0, self.count // 2, self.count - 1):
            row = list(catalogue.table["file"]).index(f"{i:04d}.fits")
            same = np.array_equal(catalogue.image(row), noise((40, 40), seed=i))
            require(same, f"image {i} is not that of its file")
        require(len(store.read_report("mine")) == self.count, "the report is cut short")
        return True

    def away(self) -> None:
        from radioviz.data import user_surveys as store

        store.remove_survey("mine")


class Atlas(Work):
    """An Atlas of an imported survey under a small model."""

    count = 120

    def prepare(self) -> None:
        import torch

        from radioviz.importing import Source, import_survey
        from radioviz.models.registry import build
        from radioviz.models.weights import save
        from tests.models.small import small_info

        info = small_info("vae")
        torch.manual_seed(0)
        save(
            self.folder / "trained" / "tiny", build(info.kind, info.architecture), info, "# Card\n"
        )
        import_survey(Source(cutouts(self.folder / "in", self.count)), {"key": "mine"})
        self.digest = tree_digest(self.home / "surveys" / "mine", "measured.parquet")

    def command(self) -> list[str]:
        return self.python("-m", "radioviz.encode", "--data", "mine", "--model", "tiny")

    def check(self) -> bool:
        from radioviz.atlas.atlas import list_atlases, open_atlas
        from radioviz.data import user_surveys as store

        now = tree_digest(self.home / "surveys" / "mine", "measured.parquet")
        require(now == self.digest, "the survey changed")
        if ("mine", "tiny") not in list_atlases():
            return False
        atlas = open_atlas("mine", "tiny", catalogue=store.open_survey("mine"))
        require(len(atlas) == self.count, "the Atlas is cut short")
        require(bool(np.isfinite(np.asarray(atlas.latents, np.float32)).all()), "latents are NaN")
        require(len(atlas.scores) == self.count, "the scores are cut short")
        return True

    def away(self) -> None:
        shutil.rmtree(self.home / "atlas")


class Latents(Atlas):
    """The same without a UMAP of its own, which each run compiles for ten seconds."""

    def command(self) -> list[str]:
        return [*super().command(), "--no-umap"]


class Training(Work):
    """A small VAE, resumed after each kill, and published at its end."""

    def prepare(self) -> None:
        toml = self.folder / "tiny.toml"
        toml.write_text(
            'title = "Tiny"\nepochs = 12\nbatch = 16\nlimit = 64\ncheckpoint_every = 1\n'
            "[architecture]\n" + "\n".join(f"{k} = {v}" for k, v in MODEL.items())
        )
        (self.folder / "trained").mkdir()

    def command(self) -> list[str]:
        run = self.folder / "run"
        # A run that is killed before its first checkpoint cannot be resumed.
        resume = ["--resume"] if (run / "checkpoint.safetensors").exists() else []
        return self.python(
            "-m", "train", "vae", "--run", str(self.folder / "tiny.toml"), "--out", str(run),
            "--device", "cpu", "--publish", *resume,
        )  # fmt: skip

    def check(self) -> bool:
        from radioviz.models import weights
        from radioviz.models.registry import list_models

        models = list_models()
        require(not models.broken, f"a model that is half there: {models.broken}")
        if "tiny" not in models:
            return False
        _, info = weights.load(self.folder / "trained" / "tiny")
        require(info.training["epochs"] == 12, f"published after {info.training['epochs']} epochs")
        return True

    def away(self) -> None:
        shutil.rmtree(self.folder / "run")
        shutil.rmtree(self.folder / "trained" / "tiny")


class Fetch(Work):
    """A public archive from a slow server on this machine."""

    members = 40

    def prepare(self) -> None:
        from tests.data.http_server import serve

        rng = np.random.default_rng(0)
        content = {f"part_{i}": rng.bytes(20_000) for i in range(self.members)}
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, body in content.items():
                info = tarfile.TarInfo(f"things/{name}")
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))
        packed = out.getvalue()
        self.site = self.open.enter_context(serve({"things.tar.gz": packed}))
        about = {
            "name": "things.tar.gz", "url": f"{self.site.url}/things.tar.gz", "folder": "things",
            "md5": _md5(packed), "size": len(packed),
            "members": {name: _md5(body) for name, body in content.items()},
        }  # fmt: skip
        (self.folder / "archive.json").write_text(json.dumps(about))
        (self.folder / "fetch.py").write_text(
            "import json, sys, time\nfrom pathlib import Path\n"
            "from radioviz.data.downloads import Archive\nfrom radioviz.data.fetch import fetch\n"
            "folder = Path(sys.argv[1])\n"
            "about = Archive(**json.loads((folder / 'archive.json').read_text()))\n"
            "slow = lambda *a: time.sleep(0.02)\n"
            "fetch('things', to=folder / 'to', archives=[about], progress=slow)\n"
        )

    def command(self) -> list[str]:
        return self.python(str(self.folder / "fetch.py"), str(self.folder))

    def check(self) -> bool:
        about = json.loads((self.folder / "archive.json").read_text())
        target = self.folder / "to" / "things"
        if not target.exists():
            return False
        for name, md5 in about["members"].items():
            require((target / name).is_file(), f"{name} is missing in a folder that is shown")
            require(_md5((target / name).read_bytes()) == md5, f"{name} is damaged")
        return True

    def away(self) -> None:
        shutil.rmtree(self.folder / "to")


class Export(Work):
    """A selection exported in three formats."""

    def prepare(self) -> None:
        from radioviz.importing import Source, import_survey

        import_survey(Source(cutouts(self.folder / "in", 80)), {"key": "mine"})
        (self.folder / "export.py").write_text(
            "import io\nimport sys\nfrom pathlib import Path\nimport numpy as np\n"
            "from radioviz import export\nfrom radioviz.data import user_surveys as store\n"
            "catalogue = store.open_survey('mine')\n"
            "groups = [export.Group(catalogue, np.arange(len(catalogue)))]\n"
            "for way in (export.write_fits, export.write_zip, export.write_votable):\n"
            "    way(io.BytesIO(), groups)\n"
            "Path(sys.argv[1], 'done').touch()\n"
        )
        self.digest = tree_digest(self.home / "surveys")

    def command(self) -> list[str]:
        return self.python(str(self.folder / "export.py"), str(self.folder))

    def check(self) -> bool:
        require(tree_digest(self.home / "surveys") == self.digest, "exporting changed the survey")
        stray = {p.name for p in self.folder.iterdir()} - {"in", "home", "export.py", "done"}
        require(not stray, f"files are left behind: {sorted(stray)}")
        return (self.folder / "done").exists()

    def away(self) -> None:
        (self.folder / "done").unlink()


WORK: dict[str, type[Work]] = {
    "import": Import, "atlas": Atlas, "latents": Latents, "training": Training, "fetch": Fetch,
    "export": Export,
}  # fmt: skip


def tree_digest(folder: Path, *but: str) -> str:
    """Hash of the names and contents of all files below a folder, except hidden ones."""
    sum_ = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and path.name not in but and not any(p[0] == "." for p in relative.parts):
            sum_.update(str(relative).encode() + path.read_bytes())
    return sum_.hexdigest()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
