"""Puts torch back to a known state before each gallery script."""

from __future__ import annotations

from typing import Any


def reset_torch(gallery_conf: dict[str, Any], fname: str) -> None:
    """Set one thread, float32 and a seed, so that scripts cannot affect others.

    The scripts themselves rely on none of it.

    Parameters
    ----------
    gallery_conf : dict
        The gallery's settings; not used.
    fname : str
        The script that is about to run; not used.
    """
    import torch  # here, so that a build that runs no script does not wait for it

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
