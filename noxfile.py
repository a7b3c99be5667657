#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.2.9"]
# ///
"""Everything the project can do: ``nox -l`` lists it, ``nox -s NAME`` does it."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import nox
from filelock import FileLock

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
CONSTRAINTS = ROOT / "constraints.txt"
BUILD = ROOT / "docs" / "_build"
BOOK = BUILD / "html"
EPUBS = ("weight-decay.epub", "zh-cn/weight-decay-zh-cn.epub")
# As `jupyter execute`, which in an environment that was copied names the old one.
EXECUTE = ("python", "-c", "from nbclient.cli import main; main()", "--timeout=120")


def prepare(session: nox.Session, *groups: str, package: bool = True) -> None:
    """Install dependency groups, and the package, unless nothing has changed."""
    # Nobody's settings of the interpreter; byte code is written, once.
    foreign = (name for name in os.environ if name.startswith("PYTHON"))
    session.env.update(dict.fromkeys(foreign))
    # The number of threads changes the last printed digits; one is also the fastest.
    session.env.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
    # uv would otherwise take the CUDA build of PyTorch on Linux.
    session.env["UV_TORCH_BACKEND"] = os.environ.get("UV_TORCH_BACKEND", "cpu")

    wanted = nox.project.dependency_groups(PROJECT, *groups)
    if package:
        wanted = ("-e", ".", *wanted)
    # ROOT: an environment that was copied with its folder still names the old one.
    digest = hashlib.sha256(repr((ROOT, wanted)).encode())
    digest.update((ROOT / "pyproject.toml").read_bytes())
    digest.update(CONSTRAINTS.read_bytes())
    stamp = session.env_dir / "installed.sha256"
    with FileLock(session.env_dir / "lock"):  # a second session waits
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        # The digest is written last, so an interrupted installation is done again.
        stamp.unlink(missing_ok=True)
        session.install("--no-compile", "-c", str(CONSTRAINTS), *wanted)
        stamp.write_text(digest.hexdigest())


def build(session: nox.Session, builder: str = "html") -> None:
    """Bring docs/_build/html up to date; a warning is an error."""
    session.run("python", "docs/tools/build.py", builder)


def pytest(session: nox.Session, *default: str) -> None:
    """Run pytest of this environment, with the arguments after --, or these."""
    session.run("python", "-m", "pytest", *(session.posargs or default))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the book, strictly, and say where it is."""
    prepare(session, "docs")
    build(session)
    index = BOOK / "index.html"
    print(f"\nThe book: {index}\n          {index.as_uri()}\n")


@nox.session(name="docs-live", default=False)
def docs_live(session: nox.Session) -> None:
    """Serve the book; rebuild and reload it when anything it is made of changes."""
    prepare(session, "docs", "live")
    live = str(BUILD / "live")
    session.run(
        *("python", "-m", "sphinx_autobuild", "-d", f"{live}-doctrees", "-j", "auto"),
        *("--watch", "examples", "--watch", "weight_decay"),
        *("--ignore", "docs/_build", "--ignore", "docs/auto_examples"),
        *("--re-ignore", "__pycache__"),
        *(*session.posargs, "docs", live),
    )


@nox.session
def tests(session: nox.Session) -> None:
    """Build the book, then run the tests; arguments after -- go to pytest instead."""
    prepare(session, "test", "docs")
    build(session)
    # A file a process: what a file shares is made once.
    pytest(session, "--cov", "-n", "auto", "--dist", "loadfile")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style with ruff, types with mypy, the workflows with zizmor."""
    prepare(session, "lint", "docs")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("zizmor", "--offline", "--quiet", ".github")
    session.run("python", "-m", "mypy")


@nox.session
def examples(session: nox.Session) -> None:
    """Run each script and each notebook of the downloaded archive, far from here."""
    prepare(session, "docs")
    build(session)
    # By name: the download lies in a folder named by a digest.
    (archive,) = BOOK.glob("_downloads/*/weight-decay-examples.zip")
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as empty:
        shutil.unpack_archive(archive, home)
        scripts = sorted(Path(home, archive.stem).glob("plot_*.py"))
        names = sorted(script.name for script in ROOT.glob("examples/plot_*.py"))
        if [script.name for script in scripts] != names:
            session.error(f"The archive holds {scripts}, the book {names}.")
        with session.chdir(empty):
            for script in scripts:
                session.run("python", str(script), env={"MPLBACKEND": "Agg"})
                notebook = str(script.with_suffix(".ipynb"))
                session.run(*EXECUTE, notebook)
        if left := os.listdir(empty):
            session.error(f"The scripts left files behind: {left}")


@nox.session(default=False)
def translate(session: nox.Session) -> None:
    """Bring the Chinese catalogues up to date, and list what is left to translate."""
    prepare(session, "docs")
    session.run("python", "docs/tools/translate.py")


# -- Checks before a release --------------------------------------------------------


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """Look at every page in a Chromium: two widths, two themes, http and file."""
    prepare(session, "browser", "docs")
    build(session)
    pytest(session, "tests/browser")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure training, build, bytes and the figures that move against the budgets."""
    prepare(session, "docs", "browser")
    build(session)  # so that nothing is compiled while the clock runs
    session.run("python", "tests/benchmarks/run.py", *session.posargs)


@nox.session(default=False)
def epub(session: nox.Session) -> None:
    """Build the book for e-readers, and let epubcheck and tests look into it."""
    prepare(session, "docs", "test", "epub")
    build(session)  # what the pages are compared with
    build(session, "epub")
    pytest(session, "tests/forms/test_epub.py")
    print("\nFor e-readers, in docs/_build/epub:", *EPUBS)


@nox.session(default=False)
def pdf(session: nox.Session) -> None:
    """Print the EPUBs into docs/_build/pdf with Chromium, and let tests look."""
    prepare(session, "docs", "test", "pdf")
    build(session, "epub")
    for name in EPUBS:
        pdf = BUILD / "pdf" / f"{Path(name).stem}.pdf"
        session.run("python", "docs/tools/pdf.py", str(BUILD / "epub" / name), str(pdf))
    pytest(session, "tests/forms/test_pdf.py")


@nox.session(default=False)
def repro(session: nox.Session) -> None:
    """Build the book in two places, times and languages; compare every byte."""
    prepare(session, "test", "docs")
    pytest(session, "tests/repro")


@nox.session(default=False)
def linkcheck(session: nox.Session) -> None:
    """Ask every external address in the book whether it still answers."""
    prepare(session, "docs")
    output = BUILD / "linkcheck"
    session.run(
        *("python", "-m", "sphinx", "-b", "linkcheck", "docs", str(output)),
        success_codes=[0, 1],  # 1 if an address does not answer
    )
    lines = (output / "output.json").read_text("utf-8").splitlines()
    found = {entry["uri"]: entry["status"] for entry in map(json.loads, lines)}
    skipped = {"local", "unchecked", "ignored"}
    asked = {uri for uri, status in found.items() if status not in skipped}
    dead = sorted(uri for uri in asked if found[uri] in {"broken", "timeout"})
    if not asked or dead == sorted(asked):
        session.error(f"None of {len(asked)} addresses answered: is there a network?")
    if dead:
        session.error("\n".join([f"{len(dead)} of {len(asked)} do not answer:", *dead]))


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Write constraints.txt anew; torch stays, unless given: -- torch==2.13.0.

    ``-- check`` changes nothing and fails where the file does not fit pyproject.toml.
    """
    prepare(session, "lock", package=False)
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    lines = CONSTRAINTS.read_text("utf-8").splitlines()
    header = [line for line in lines if line.startswith("#")]
    check = session.posargs == ["check"]
    torch = [line for line in lines if line.startswith("torch==")]
    if session.posargs and not check:
        torch = session.posargs

    with tempfile.TemporaryDirectory() as folder:
        kept, found = Path(folder, "kept.txt"), Path(folder, "found.txt")
        kept.write_text("\n".join(torch) + "\n", "utf-8")
        if check:  # what stands in the output file is kept where it fits
            shutil.copy(CONSTRAINTS, found)
        session.run(
            *("uv", "pip", "compile", "pyproject.toml", "--all-extras"),
            *("--group", "dev", "--universal", "--python-version", oldest),
            *([] if check else ["--upgrade"]),
            *("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"),
            *("--constraints", str(kept), "--output-file", str(found)),
            # PyPI's own torch: its number has no local part such as +cpu.
            env={"UV_TORCH_BACKEND": None},
        )
        # Only CUDA builds of torch need the others.
        pins = found.read_text("utf-8").splitlines()
        pins = [line for line in pins if not re.match("#|cuda|nvidia|triton", line)]
    text = "\n".join([*header, *pins]) + "\n"
    if not check:
        CONSTRAINTS.write_text(text, "utf-8")
    elif lines != text.splitlines():
        differing = sorted(set(lines) ^ set(text.splitlines()))
        session.error(f"constraints.txt wants `nox -s lock`: {differing}")


@nox.session(default=False)
def supply(session: nox.Session) -> None:
    """Ask whether the pinned versions have known holes (this needs the network)."""
    prepare(session, "supply", package=False)
    # Without --strict, a package that the database cannot answer for would pass.
    session.run(
        *("python", "-m", "pip_audit", "--strict", "--progress-spinner", "off"),
        *("--disable-pip", "--no-deps", "-r", str(CONSTRAINTS)),
    )


if __name__ == "__main__":
    nox.main()
