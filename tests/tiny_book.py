"""A book of a few pages, built as the real one is: its conf.py, extensions and styles.

Only the pages, the scripts and the package are small.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FROM_THE_REAL_BOOK = (
    *("docs/conf.py", "docs/_ext", "docs/_static", "docs/_templates", "docs/tools"),
    *("pyproject.toml", "CHANGELOG.md", "LICENSE", "weight_decay/py.typed"),
)

FILES = {
    "constraints.txt": "numpy==1\n",
    "weight_decay/__init__.py": "from .inner import VALUE, shrink\n",
    "weight_decay/inner.py": '''"""What the pages print."""

VALUE = 13


def shrink(w):
    """Return a shorter `w`.

    Parameters
    ----------
    w : float
        A weight.

    Returns
    -------
    float
        The weight, a tenth shorter.
    """
    return 0.9 * w
''',
    "docs/index.md": """\
# A tiny book

Read {ref}`first` and {doc}`two`; the number is {glue:text}`two.md::number:d`.

```{toctree}
one
two
auto_examples/plot_1_first
auto_examples/plot_2_second
reference/api
reference/bibliography
```

```{eval-rst}
.. minigallery:: ../examples/plot_*.py
```
""",
    "docs/one.md": """\
---
file_format: mystnb
kernelspec: {name: python3}
---
(first)=
# One

Prose with $w^2$, after {cite:t}`krogh1991simple`.

```{code-cell} python
import time
from weight_decay import VALUE
print("one ", end="", flush=True)
time.sleep(0.3)
print("sees", VALUE)
```
""",
    "docs/two.md": """\
---
file_format: mystnb
kernelspec: {name: python3}
---
# Two

See {py:func}`weight_decay.inner.shrink` and {ref}`first`.

```{code-cell} python
import matplotlib.pyplot as plt
from myst_nb import glue
from weight_decay import VALUE

glue("number", VALUE, display=False)
```

```{code-cell} python
---
mystnb:
  image:
    alt: "A line rises."
---
plt.plot([1, 2, VALUE])
plt.show()
```
""",
    "docs/reference/api.md": """\
# Code

```{eval-rst}
.. autofunction:: weight_decay.inner.shrink

.. minigallery:: weight_decay.inner.shrink
```
""",
    "docs/reference/bibliography.md": "# Literature\n\n```{bibliography}\n```\n",
    "docs/reference/references.bib": """\
@article{krogh1991simple,
  author = {Krogh, A. and Hertz, J. A.},
  title = {A Simple Weight Decay},
  journal = {NIPS},
  year = {1991},
}
@article{hoerl1970ridge,
  author = {Hoerl, A. E. and Kennard, R. W.},
  title = {Ridge Regression},
  journal = {Technometrics},
  year = {1970},
}
""",
    "examples/GALLERY_HEADER.rst": "Scripts\n=======\n",
    "examples/plot_1_first.py": '''\
"""
The first script
================

It prints a number.
"""

from weight_decay.inner import VALUE, shrink

print("the script sees", VALUE, shrink(10))
''',
    "examples/plot_2_second.py": '''\
"""
The second script
=================

It draws a line.
"""

import matplotlib.pyplot as plt

plt.plot([1, 2, 3])
plt.title("A line rises.")
plt.show()
''',
}


@dataclass
class Build:
    """How one build ended, and what it printed."""

    code: int
    log: str


class TinyBook:
    """A tiny book in a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the book that is in a folder."""
        self.root = folder
        self.html = folder / "docs" / "_build" / "html"

    @classmethod
    def written(cls, folder: Path) -> TinyBook:
        """Write a book into a folder."""
        book = cls(folder)
        for name in FROM_THE_REAL_BOOK:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, target, ignore=ignore)
            else:
                shutil.copy(source, target)
        for name, text in FILES.items():
            book.write(name, text)
        # What is only faster, and slow where next to nothing is computed.
        book.edit("docs/conf.py", ', "forked_kernels"]', "]")
        book.edit("docs/conf.py", ', "gallery.reset_torch"', "")
        return book

    def write(self, name: str, text: str) -> None:
        """Write a file of the book."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file, which must hold it."""
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def start(self, **environ: str) -> subprocess.Popen[str]:
        """Start to build the book, as the docs session does."""
        return subprocess.Popen(
            [sys.executable, "docs/tools/build.py"],
            cwd=self.root,
            # Two edits within a second must not meet the byte code of the first.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environ},
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def build(self, **environ: str) -> Build:
        """Build the book."""
        process = self.start(**environ)
        log, _ = process.communicate(timeout=120)
        return Build(process.returncode, log)

    def good_build(self, **environ: str) -> dict[str, bytes]:
        """Build the book without a warning; return its files."""
        done = self.build(**environ)
        assert done.code == 0, done.log
        return self.files()

    def files(self) -> dict[str, bytes]:
        """Return the files of the built book."""
        files = (path for path in self.html.rglob("*") if path.is_file())
        return {str(path.relative_to(self.html)): path.read_bytes() for path in files}
