"""Weight decay, explained by code that runs.

The package behind the chapter: one regression problem, the two implementations
of weight decay that textbooks show, and pictures of their runs.
"""

import codecs
import io
import sys

from . import concise, scratch
from .data import RegressionProblem, synthetic_data
from .run import DivergenceError, Run
from .sweep import sweep

__version__ = "0.1.0"

__all__ = [
    "DivergenceError",
    "RegressionProblem",
    "Run",
    "concise",
    "scratch",
    "sweep",
    "synthetic_data",
]


def _escape_missing_signs() -> None:
    r"""Let standard output escape signs that its encoding lacks: \u03bb for λ.

    Output redirected on Windows is in cp1252 or gbk, and ``print(run)`` would die of λ
    or of ₂. Only the handling of such errors changes, only on a stream that is not
    Unicode and whose errors nobody has chosen, once, on import.
    """
    out = sys.stdout
    if (
        isinstance(out, io.TextIOWrapper)
        and out.errors in ("strict", "surrogateescape")
        and not codecs.lookup(out.encoding).name.startswith("utf")
    ):
        out.reconfigure(errors="backslashreplace")


_escape_missing_signs()
