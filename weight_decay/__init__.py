"""Weight decay, explained by code that runs.

The package behind the chapter: one regression problem, the two implementations
of weight decay that textbooks show, and pictures of their runs.
"""

from . import concise, scratch
from .data import RegressionProblem, synthetic_data
from .run import DivergenceError, Run

__version__ = "0.1.0"

__all__ = [
    "DivergenceError",
    "RegressionProblem",
    "Run",
    "concise",
    "scratch",
    "synthetic_data",
]
