"""Puts into the package what lies beside it: app.py, pages, settings and trained models.

They keep their place at the top level of the repository; an installed copy has them in
``radioviz/_app`` (see ``radioviz.paths``). Everything else is in pyproject.toml.
"""

from setuptools import find_packages, setup

setup(
    script_name="setup.py",  # so that the folder of app.py is packed without this file
    packages=[*find_packages(include=["radioviz*", "train*"]), "radioviz._app"],
    package_dir={"radioviz._app": "."},
    package_data={
        "": ["*.bib", "*.css", "*.html", "*.js", "*.lark", "*.png", "*.svg"],
        "radioviz.data": ["splits/*.csv"],
        "radioviz.ui.pages.benchmarks": ["*.toml"],
        "radioviz.words": ["*.toml"],
        "radioviz._app": ["pages/*.py", ".streamlit/config.toml", "trained/**"],
        "train": ["*.toml", "runs/*.toml"],
    },
)
