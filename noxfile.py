#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.2.9"]
# ///
"""Everything the project can do: ``nox -l`` lists it, ``nox -s NAME`` does it."""

import hashlib
import os
import re
import shutil
import tempfile
from operator import attrgetter
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
CONSTRAINTS = ROOT / "constraints.txt"
BOOK = ROOT / "docs" / "_build" / "html"

SPHINX = ("python", "-m", "sphinx", "-n", "-T", "-d", "docs/_build/doctrees")
STRICT = ("-W", "--keep-going", "-j", "auto")
BUILD = (*SPHINX, *STRICT, "-b", "html", "docs", "docs/_build/html")

if not os.access(ROOT, os.W_OK):
    # Nox itself would end in a traceback.
    raise SystemExit(
        f"{ROOT} cannot be written to; copy the book to a folder of your own, "
        "or change the rights."
    )

ENVIRONMENT = {
    # The number of threads changes the last printed digits; one is also the fastest.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Draw without a display.
    "MPLBACKEND": "Agg",
    # uv would otherwise take the CUDA build of PyTorch on Linux.
    "UV_TORCH_BACKEND": os.environ.get("UV_TORCH_BACKEND", "cpu"),
    # Packages are installed uncompiled, which halves the wait; what is imported is
    # compiled then, once, also where byte code is switched off.
    "PYTHONDONTWRITEBYTECODE": None,
}


def prepare(session: nox.Session, *groups: str, package: bool = True) -> None:
    """Install dependency groups, and the package, unless nothing has changed."""
    session.env.update(ENVIRONMENT)
    wanted = nox.project.dependency_groups(PROJECT, *groups)
    if package:
        wanted = ("-e", ".", *wanted)

    # The digest is written last, so an interrupted installation is done again.
    stamp = session.env_dir / "installed.sha256"
    digest = hashlib.sha256(repr((ROOT, wanted)).encode())
    digest.update((ROOT / "pyproject.toml").read_bytes())
    digest.update(CONSTRAINTS.read_bytes())
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    session.install("--no-compile", "-c", str(CONSTRAINTS), *wanted)
    write = f"import pathlib; pathlib.Path({str(stamp)!r}).write_text"
    session.run_install(
        "python", "-c", f"{write}({digest.hexdigest()!r})", silent=True, log=False
    )


def build_book(session: nox.Session) -> None:
    """Bring docs/_build/html up to date; a warning is an error."""
    session.run(*BUILD)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the book, strictly, and say where it is."""
    prepare(session, "docs")
    build_book(session)
    index = BOOK / "index.html"
    print(f"\nThe book: {index}\n          {index.as_uri()}\n")


@nox.session(name="docs-live", default=False)
def docs_live(session: nox.Session) -> None:
    """Serve the book; rebuild and reload it when anything it is made of changes."""
    prepare(session, "docs", "live")
    written_by_the_build = (
        "docs/_build",
        "docs/auto_examples",
        "docs/reference/generated",
        "docs/sg_execution_times.rst",
    )
    session.run(
        "sphinx-autobuild",
        *("-n", "-T", "-b", "html", "-d", "docs/_build/doctrees"),
        *("--watch", "examples", "--watch", "weight_decay"),
        *(arg for path in written_by_the_build for arg in ("--ignore", path)),
        *("--re-ignore", "__pycache__"),
        *session.posargs,
        "docs",
        "docs/_build/html",
    )


@nox.session
def tests(session: nox.Session) -> None:
    """Build the book, then run the tests; arguments after -- go to pytest instead."""
    prepare(session, "test", "docs", "font")
    build_book(session)
    session.run("pytest", *(session.posargs or ["--cov"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting with ruff."""
    prepare(session, "lint", package=False)
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    prepare(session, "types", "docs")
    session.run("mypy", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run each example as a script and as the downloaded notebook, far from here."""
    prepare(session, "docs")
    build_book(session)
    # By name: each download lies in a folder named by a digest.
    by_name = attrgetter("stem")
    scripts = sorted(ROOT.glob("examples/plot_*.py"), key=by_name)
    notebooks = sorted(BOOK.glob("_downloads/**/plot_*.ipynb"), key=by_name)
    if not scripts or [n.stem for n in notebooks] != [s.stem for s in scripts]:
        session.error(f"Scripts {scripts} and notebooks {notebooks} do not match.")

    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        for script in scripts:
            session.run("python", str(script))
        if left := os.listdir(elsewhere):
            session.error(f"The scripts left files behind: {left}")
        for notebook in notebooks:
            copy = shutil.copy(notebook, elsewhere)
            session.run("jupyter", "execute", "--timeout=120", copy)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure training time, build time and page weight against the budgets."""
    prepare(session, "docs")
    chosen = session.posargs or ["training", "sweep", "book"]
    if "training" in chosen:
        session.run("python", "tests/benchmarks/training.py")
    if "sweep" in chosen:
        session.run("python", "tests/benchmarks/sweep.py")
    if "book" in chosen:
        build_book(session)  # so that nothing is compiled while the clock runs
        session.run("python", "tests/benchmarks/book.py", *BUILD)


@nox.session(default=False)
def repro(session: nox.Session) -> None:
    """Build the book twice, edited and from clean, and compare every byte.

    Then the same with a tiny book for each kind of edit, failure and interruption;
    arguments after -- go to pytest instead.
    """
    prepare(session, "test", "docs")
    if not session.posargs:
        command = [part for part in BUILD if part not in ("-j", "auto")]
        session.run("python", "tests/repro/book.py", *command)
    session.run("pytest", *(session.posargs or ["tests/repro"]))


@nox.session(default=False)
def linkcheck(session: nox.Session) -> None:
    """Ask every external address in the book whether it still answers."""
    prepare(session, "docs")
    session.run(*SPHINX, "-b", "linkcheck", "docs", "docs/_build/linkcheck")


@nox.session(default=False)
def font(session: nox.Session) -> None:
    """Make the subset of the mathematics font anew; -- FILE takes another source."""
    prepare(session, "font", package=False)
    find = "import importlib.resources as r; print(r.files('ziamath') / 'fonts')"
    fonts = Path(str(session.run("python", "-c", find, silent=True)).strip())
    source = session.posargs or [str(fonts / "STIXTwoMath-Regular.ttf")]
    target = "docs/_static/fonts/stix-two-math-subset.woff2"
    session.run("python", "docs/_ext/subset_font.py", *source, target)


@nox.session(default=False, python="3.11", venv_backend="virtualenv", reuse_venv=False)
def lock(session: nox.Session) -> None:
    """Write constraints.txt anew; torch stays, unless given: -- torch==2.13.0."""
    session.env.update(ENVIRONMENT)
    lines = CONSTRAINTS.read_text("utf-8").splitlines()
    header = [line for line in lines if line.startswith("#")]
    torch = session.posargs or [line for line in lines if line.startswith("torch==")]
    groups = nox.project.dependency_groups(PROJECT, "dev")
    session.install("--no-compile", "-e", ".", *torch, *groups)
    freeze = ("python", "-m", "pip", "freeze", "--exclude-editable")
    found = str(session.run(*freeze, silent=True))
    pins = [
        f"{name}=={version}"  # without a local part such as +cpu
        for name, version in re.findall(r"(?m)^([\w.-]+)==([\w.!]+)", found)
        if not re.match(r"nvidia|triton", name)  # only CUDA builds of torch need them
    ]
    CONSTRAINTS.write_text("\n".join([*header, *pins]) + "\n", "utf-8")


if __name__ == "__main__":
    nox.main()
