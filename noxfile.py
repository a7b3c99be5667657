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

# Where programs in the folders of tests/ find what they share.
HELPERS = {"PYTHONPATH": str(ROOT / "tests")}

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
    """Check style and formatting with ruff, the workflows with zizmor."""
    prepare(session, "lint", package=False)
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    prepare(session, "types", "docs")
    session.run("mypy", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run each script and each notebook of the downloaded archive, far from here."""
    prepare(session, "docs")
    build_book(session)
    # By name: the download lies in a folder named by a digest.
    (archive,) = BOOK.glob("_downloads/*/weight-decay-examples.zip")
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as empty:
        shutil.unpack_archive(archive, home)
        unpacked = Path(home, archive.stem)
        by_name = attrgetter("stem")
        scripts = sorted(unpacked.glob("plot_*.py"), key=by_name)
        notebooks = sorted(unpacked.glob("plot_*.ipynb"), key=by_name)
        names = {script.stem for script in ROOT.glob("examples/plot_*.py")}
        if {s.stem for s in scripts} != names or {n.stem for n in notebooks} != names:
            session.error(f"Scripts {scripts} and notebooks {notebooks} do not match.")

        with session.chdir(empty):
            for script in scripts:
                session.run("python", str(script))
        if left := os.listdir(empty):
            session.error(f"The scripts left files behind: {left}")
        for notebook in notebooks:
            session.run("jupyter", "execute", "--timeout=120", str(notebook))


@nox.session(default=False)
def audit(session: nox.Session) -> None:
    """Look at every page in a Chromium: two widths, two themes, http and file."""
    prepare(session, "audit", "docs")
    build_book(session)
    session.run("pytest", *(session.posargs or ["tests/audit"]))


@nox.session(default=False)
def lighthouse(session: nox.Session) -> None:
    """Ask Lighthouse about three pages, as on a phone; -- as-built: uncompressed."""
    prepare(session, "docs", "lighthouse")
    build_book(session)
    packages = str(session.env_dir / "lighthouse")
    session.run("python", "tests/audit/lighthouse.py", packages, *session.posargs)


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
        session.run("python", "tests/benchmarks/book.py", *BUILD, env=HELPERS)


@nox.session(default=False)
def attack(session: nox.Session) -> None:
    """Try to break the package with far more hostile arguments than `tests` does."""
    prepare(session, "test")
    # The database brings back what failed the last time.
    session.run(
        "pytest", "--hypothesis-profile=attack", *(session.posargs or ["tests/attack"])
    )


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Plant faults in the package, one at a time: a test has to notice each."""
    prepare(session, "test", "mutants")
    session.run("pytest", "tests/mutants/check_tool.py")
    session.run("python", "-m", "mutants.run", *session.posargs, env=HELPERS)


@nox.session(default=False)
def epub(session: nox.Session) -> None:
    """Build the book for e-readers, and let epubcheck and tests look into it."""
    prepare(session, "docs", "test", "epub")
    build_book(session)  # what the pages are compared with
    folder = BOOK.parent / "epub"
    # Whatever lies there would be packed, pages of an earlier build too.
    shutil.rmtree(folder, ignore_errors=True)
    doctrees = ("-d", str(folder.with_name("doctrees-epub")))
    session.run(*SPHINX, *doctrees, *STRICT, "-b", "epub", "docs", str(folder))
    session.run("pytest", "tests/forms/test_epub.py", *session.posargs)
    print(f"\nThe book for e-readers: {folder / 'weight-decay.epub'}\n")


@nox.session(default=False)
def pdf(session: nox.Session) -> None:
    """Print the book as one PDF with Chromium, and let tests look into it."""
    prepare(session, "docs", "test", "pdf")
    build_book(session)
    target = BOOK.parent / "pdf" / "weight-decay.pdf"
    session.run("python", "docs/_ext/print_book.py", str(BOOK), str(target))
    session.run("pytest", "tests/forms/test_pdf.py", *session.posargs)
    print(f"\nThe book on paper: {target}\n")


@nox.session(default=False)
def repro(session: nox.Session) -> None:
    """Build the book twice, edited and from clean, and compare every byte.

    Then the same with a tiny book for each kind of edit, failure and interruption;
    arguments after -- go to pytest instead.
    """
    prepare(session, "test", "docs")
    if not session.posargs:
        command = [part for part in BUILD if part not in ("-j", "auto")]
        session.run("python", "tests/repro/book.py", *command, env=HELPERS)
    session.run("pytest", *(session.posargs or ["tests/repro"]))


@nox.session(default=False)
def linkcheck(session: nox.Session) -> None:
    """Ask every external address in the book whether it still answers."""
    prepare(session, "docs")
    output = ROOT / "docs" / "_build" / "linkcheck"
    # Sphinx itself ends with 1 if an address does not answer.
    codes = [0, 1]
    session.run(*SPHINX, "-b", "linkcheck", "docs", str(output), success_codes=codes)
    lines = (output / "output.json").read_text("utf-8").splitlines()
    found = {entry["uri"]: entry["status"] for entry in map(json.loads, lines)}
    skipped = {"local", "unchecked", "ignored"}
    asked = {uri for uri, status in found.items() if status not in skipped}
    dead = sorted(uri for uri in asked if found[uri] in {"broken", "timeout"})
    if not asked or dead == sorted(asked):
        session.error(f"None of {len(asked)} addresses answered: is there a network?")
    if dead:
        session.error("\n".join([f"{len(dead)} of {len(asked)} do not answer:", *dead]))
    print(f"\n{len(asked)} addresses answered.\n")


@nox.session(default=False)
def claims(session: nox.Session) -> None:
    """Build the book and trace every number in it; print how many come from where."""
    prepare(session, "test", "docs")
    build_book(session)
    session.run("pytest", "-s", "tests/docs/test_claims.py", *session.posargs)


@nox.session(default=False)
def font(session: nox.Session) -> None:
    """Make the subset of the mathematics font anew; -- FILE takes another source."""
    prepare(session, "font", package=False)
    find = "import importlib.resources as r; print(r.files('ziamath') / 'fonts')"
    fonts = Path(str(session.run("python", "-c", find, silent=True)).strip())
    source = session.posargs or [str(fonts / "STIXTwoMath-Regular.ttf")]
    target = "docs/_static/fonts/stix-two-math-subset.woff2"
    session.run("python", "docs/_ext/subset_font.py", *source, target)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Write constraints.txt anew; torch stays, unless given: -- torch==2.13.0.

    ``-- check`` changes nothing and fails where the file does not fit pyproject.toml.
    """
    prepare(session, "lock", package=False)
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
            *("--group", "dev", "--universal", "--python-version", "3.11"),
            *([] if check else ["--upgrade"]),
            *("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"),
            *("--constraints", str(kept), "--output-file", str(found)),
            # PyPI's own torch: its number has no local part such as +cpu.
            env={"UV_TORCH_BACKEND": None},
        )
        pins = [
            line
            for line in found.read_text("utf-8").splitlines()
            # Only CUDA builds of torch need them.
            if not re.match("#|cuda|nvidia|triton", line)
        ]
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
        *("pip-audit", "--strict", "--progress-spinner", "off"),
        *("--disable-pip", "--no-deps", "-r", str(CONSTRAINTS)),
    )


if __name__ == "__main__":
    nox.main()
