"""The package as it is installed and imported."""

import doctest
import importlib
import io
import os
import pkgutil
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest

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


def test_the_examples_in_the_docstrings_are_true_each_alone():
    modules = map(importlib.import_module, MODULES)
    results = [doctest.testmod(module, globs={}) for module in modules]

    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) >= 3


@pytest.mark.parametrize(
    ("encoding", "errors", "printed"),
    [
        ("cp1252", "strict", r"\u03bb = ½ \u2082"),
        ("gbk", "strict", r"λ = \xbd \u2082"),
        ("ascii", "surrogateescape", r"\u03bb = \xbd \u2082"),
        ("ascii", "replace", "? = ? ?"),  # somebody's wish
        ("utf-16", "strict", "λ = ½ ₂"),
    ],
)
def test_signs_that_a_terminal_lacks_are_escaped(
    monkeypatch, encoding, errors, printed
):
    out = io.TextIOWrapper(io.BytesIO(), encoding, errors)
    monkeypatch.setattr(sys, "stdout", out)

    weight_decay._escape_missing_signs()

    print("λ = ½ ₂", end="", flush=True)
    assert out.buffer.getvalue().decode(encoding) == printed


def test_a_stream_without_an_encoding_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())

    weight_decay._escape_missing_signs()

    assert type(sys.stdout) is io.StringIO


@pytest.mark.parametrize("encoding", ["cp1252", "gbk"])
def test_a_script_runs_where_the_terminal_lacks_its_signs(encoding):
    script = subprocess.run(
        [sys.executable, ROOT / "examples" / "plot_1_from_scratch.py"],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
    )

    assert script.returncode == 0, script.stderr
    assert rb"\u" in script.stdout
