"""What a build says last when it fails: which page or script, which line, and why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import clean_end
import pytest
from sphinx.errors import ConfigError, SphinxParallelError

CELL = """\
exceptions.CellExecutionError: An error occurred while executing the following cell:
------------------
x = 1
{code}
------------------

----- stdout -----
------------------
---------------------------------------------------------------------------
ValueError                                Traceback (most recent call last)
Cell In[2], line 2
      1 x = 1
----> 2 {code}

{error}


The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "cache.py", line 89, in start_client
myst_nb.core.execute.base.ExecutionError: {page}
"""


@pytest.fixture
def app(tmp_path: Path) -> SimpleNamespace:
    """What the functions use of an application."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "examples").mkdir()
    gallery = {"examples_dirs": "../examples", "gallery_dirs": "gallery"}
    return SimpleNamespace(
        srcdir=tmp_path / "docs",
        outdir=tmp_path / "docs" / "_build" / "html",
        doctreedir=tmp_path / "docs" / "_build" / "doctrees",
        config=SimpleNamespace(_raw_config={"sphinx_gallery_conf": gallery}),
    )


def test_a_cell_is_found_in_its_page(app: SimpleNamespace) -> None:
    page = app.srcdir / "page.md"
    cell = "```{code-cell}\nx = 1\nraise ValueError('no')\n```\n"
    page.write_text(f"# Page\n\n  ```\n  x = 1\n  ```\n\n{cell}", encoding="utf-8")
    text = CELL.format(code="raise ValueError('no')", error="ValueError: no", page=page)
    # Workers send their traceback as text, with the colours of IPython.
    error = SphinxParallelError("x", text.replace("In[2]", "In[2]\x1b[32m"))
    assert clean_end.why(error, app) == "docs/page.md, line 9: ValueError: no"


def test_a_cell_that_is_not_found_still_has_its_page(app: SimpleNamespace) -> None:
    text = CELL.format(code="y", error="NameError: y", page=app.srcdir / "gone.md")
    error = SphinxParallelError("x", text)
    assert clean_end.why(error, app) == "docs/gone.md: NameError: y"


def test_a_cell_that_takes_too_long(app: SimpleNamespace) -> None:
    text = (
        "nbclient.exceptions.CellTimeoutError: A cell timed out, after 120 seconds.\n"
    )
    text += f"base.ExecutionError: {app.srcdir / 'slow.md'}\n"
    expected = "docs/slow.md: A cell timed out, after 120 seconds."
    assert clean_end.why(SphinxParallelError("x", text), app) == expected


def test_the_line_of_a_script_not_of_what_it_calls(app: SimpleNamespace) -> None:
    script = app.srcdir.parent / "examples" / "plot.py"
    script.write_text("import os\n\nos.stat('nowhere')\n")
    try:
        exec(compile(script.read_text(), script, "exec"))
    except OSError as error:
        said = clean_end.why(error, app)
    assert said.startswith("examples/plot.py, line 3: FileNotFoundError:")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigError("No file."), "No file"),
        (KeyboardInterrupt(), "it was interrupted"),
        (RuntimeError("odd"), "RuntimeError: odd"),
        (
            OSError(28, "No space left on device"),
            "the disk that holds docs/_build is full; make room and build again",
        ),
        (
            PermissionError(13, "Permission denied", "/x/y"),
            f"/x/y {clean_end.HOW_TO_WRITE}",
        ),
        (
            OSError(30, "Read-only file system", "/x/y"),
            f"/x/y {clean_end.HOW_TO_WRITE}",
        ),
    ],
    ids=["settings", "Ctrl-C", "other", "full", "rights", "read-only"],
)
def test_other_reasons(
    error: BaseException, expected: str, app: SimpleNamespace
) -> None:
    assert clean_end.why(error, app) == expected


def test_folders_that_refuse_are_named_before_anything_runs(
    app: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_end.check_folders(app)
    # Rights do not bind the administrator, who often runs tests.
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != app.srcdir)
    with pytest.raises(clean_end.NotWritableError, match=f"^{app.srcdir} cannot be"):
        clean_end.check_folders(app)


def test_the_last_line_comes_last(tmp_path: Path) -> None:
    extensions = str(Path(clean_end.__file__).parent)
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {extensions!r})\nextensions = ['clean_end']\n"
    )
    (tmp_path / "index.rst").write_text("Title\n=====\n\n:doc:`nowhere`\n")
    command = [sys.executable, "-m", "sphinx", "-N", "-W", ".", "_build/html"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stdout.rstrip().splitlines()[-1]
    assert last.startswith("The book was not built: 1 warning, to be found above.")
