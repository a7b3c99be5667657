"""Kernels that start by fork: warm, but as empty as any other kernel."""

import os
import subprocess
import sys
from pathlib import Path

EXTENSIONS = Path(__file__).parents[2] / "docs" / "_ext"
CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["warm_kernels", "myst_nb"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_output_stderr = "warn"
html_theme = "furo"
"""
PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
---
# A page

```{{code-cell}} python
{code}
```
"""


def build(folder: Path, **pages: str) -> subprocess.CompletedProcess[str]:
    """Build a book of one page per keyword."""
    (folder / "conf.py").write_text(CONF, encoding="utf-8")
    names = ["index", *pages]
    for name, code in zip(names, ["0", *pages.values()], strict=True):
        text = PAGE.format(code=code)
        if name == "index":
            text += "\n```{toctree}\n" + "\n".join(pages) + "\n```\n"
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-W", "-b", "html", ".", "_build/html"]
    environment = {**os.environ, "MARKER": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )


def html(folder: Path, page: str) -> str:
    return (folder / "_build" / "html" / f"{page}.html").read_text(encoding="utf-8")


def processes_of(folder: Path) -> list[str]:
    """Return the commands of all processes that this build has left behind."""
    marker = f"MARKER={folder}".encode()
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (process / "environ").read_bytes().split(b"\0"):
                left.append((process / "cmdline").read_text())
        except OSError:  # not ours, or gone meanwhile
            continue
    return left


def test_kernels_are_warm_and_empty_and_gone_afterwards(tmp_path: Path) -> None:
    done = build(
        tmp_path,
        first="import sys\nx = 1\nprint('warm:', 'torch' in sys.modules)",
        second="import os\nprint('empty:', 'x' not in globals(), os.getcwd())",
        third="import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    )
    assert done.returncode == 0, done.stderr
    assert f"warm: {sys.platform == 'linux'}" in html(tmp_path, "first")
    assert f"empty: True {tmp_path}" in html(tmp_path, "second")
    assert "_images/" in html(tmp_path, "third")
    said = done.stdout + done.stderr  # by the build, not by Jupyter
    assert "Kernel" not in said
    assert "--existing" not in said
    assert "traitlets" not in said
    assert processes_of(tmp_path) == []


def test_a_cell_that_fails_stops_the_build(tmp_path: Path) -> None:
    done = build(tmp_path, page="raise ValueError('planted')")
    assert done.returncode != 0
    assert "ExecutionError" in done.stderr
    assert processes_of(tmp_path) == []
