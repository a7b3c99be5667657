"""The reading order of the gallery: by number, so that script 10 follows script 9."""

from __future__ import annotations

import re
from pathlib import Path


def by_number(file: str) -> tuple[int, str]:
    """Return the key by which sphinx-gallery sorts its scripts.

    Parameters
    ----------
    file : str
        Path or name of a script, as in ``plot_10_adam.py``.

    Returns
    -------
    tuple of int and str
        The number in the name, 0 where there is none, and the name.
    """
    name = Path(file).name
    number = re.match(r"\D*(\d+)", name)
    return (int(number[1]) if number else 0), name
