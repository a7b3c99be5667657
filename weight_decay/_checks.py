"""Checks of arguments: each error names the argument and the value it had."""

import math
import numbers
from typing import Any

import torch

FLOAT_DTYPES = (torch.float32, torch.float64)

# Seeds stay below this so that the streams of `_random` never meet.
SEED_LIMIT = 2**30


def check_finite(name: str, value: Any) -> float:
    """Return `value` as a float; it must be a finite real number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int or a fraction beyond the range of a float
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def check_not_negative(name: str, value: Any) -> float:
    """Return `value` as a float; it must be finite and at least 0."""
    number = check_finite(name, value)
    if number < 0:
        raise ValueError(f"{name} must be zero or positive, got {value!r}")
    return number


def check_positive(name: str, value: Any) -> float:
    """Return `value` as a float; it must be finite and above 0."""
    number = check_finite(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return number


def check_count(name: str, value: Any) -> int:
    """Return `value` as an int; it must be a whole number of at least 1."""
    number = _check_integer(name, value)
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {value!r}")
    return number


def check_seed(value: Any) -> int:
    """Return the seed as an int; 0 ≤ seed < 2³⁰."""
    number = _check_integer("seed", value)
    if not 0 <= number < SEED_LIMIT:
        raise ValueError(
            f"seed must be at least 0 and below 2**30 = {SEED_LIMIT}, got {value!r}"
        )
    return number


def _check_integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    return int(value)


def check_dtype(name: str, dtype: Any) -> torch.dtype:
    """Return the dtype; it must be torch.float32 or torch.float64."""
    if dtype not in FLOAT_DTYPES:
        raise TypeError(f"{name} must be torch.float32 or torch.float64, got {dtype!r}")
    assert isinstance(dtype, torch.dtype)
    return dtype


def check_tensor(
    name: str,
    value: Any,
    shape: tuple[int | str, ...],
    like: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return `value` without its graph; check type, dtype, shape, device, values.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : Any
        What was passed.
    shape : tuple of int or str
        The shape to have; a str names a size that is free, as in ``("n", 1)``.
    like : torch.Tensor, optional
        A tensor whose dtype and device `value` must share.

    Raises
    ------
    TypeError
        Not a tensor, or not of a floating dtype, or not of the dtype of `like`.
    ValueError
        Wrong shape, an empty tensor, another device, NaN or an infinity.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {value!r}")
    check_dtype(f"{name}.dtype", value.dtype)
    if like is not None and value.dtype != like.dtype:
        raise TypeError(f"{name} must have dtype {like.dtype}, got {value.dtype}")
    fits = len(shape) == value.ndim and all(
        isinstance(size, str) or size == actual
        for size, actual in zip(shape, value.shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name} must have shape {wanted}), got {tuple(value.shape)}")
    if value.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(value.shape)}")
    if like is not None and value.device != like.device:
        raise ValueError(f"{name} must be on {like.device}, got {value.device}")
    finite = torch.isfinite(value)
    if not bool(finite.all()):
        culprit = value[~finite].flatten()[0].item()
        raise ValueError(f"{name} must hold finite numbers only, got {culprit}")
    return value.detach()


def check_start(name: str, value: Any, default: torch.Tensor) -> torch.Tensor:
    """Return a copy of the start that was passed, or `default` if it is None.

    It must have the shape, the dtype and the device of `default`.
    """
    if value is None:
        return default
    start = check_tensor(name, value, tuple(default.shape), like=default).clone()
    return start.requires_grad_(default.requires_grad)
