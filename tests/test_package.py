"""The package as it is installed and imported."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import weight_decay

ROOT = Path(__file__).parents[1]
MODULES = [
    "weight_decay",
    *(m.name for m in pkgutil.iter_modules(weight_decay.__path__, "weight_decay.")),
]


def test_the_public_names_of_the_design_are_there():
    assert set(weight_decay.__all__) >= {
        "DivergenceError",
        "RegressionProblem",
        "Run",
        "concise",
        "scratch",
        "synthetic_data",
    }
    assert all(hasattr(weight_decay, name) for name in weight_decay.__all__)


def test_the_version_is_that_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert weight_decay.__version__ == project["version"]


def test_type_checkers_are_told_that_the_package_is_typed():
    assert resources.files("weight_decay").joinpath("py.typed").is_file()


def test_importing_never_imports_matplotlib():
    code = (
        f"import sys, {', '.join(MODULES)}\n"
        "print([name for name in sys.modules if name.startswith('matplotlib')])"
    )

    imported = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )

    assert imported.stdout.strip() == "[]", imported.stderr


def test_the_examples_in_the_docstrings_are_true():
    results = [doctest.testmod(importlib.import_module(name)) for name in MODULES]

    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) >= 3
