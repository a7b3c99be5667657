"""Checks of arguments: each error names the argument and the value it had."""

import math
import numbers
from collections.abc import Callable
from typing import Any

import torch

FLOAT_DTYPES = (torch.float32, torch.float64)

# Seeds stay below this so that the streams of `_random` never meet.
SEED_LIMIT = 2**30

# In float64 as many numbers fill 8 TiB: no machine holds them.
SIZE_LIMIT = 2**40


def shown(value: Any) -> str:
    """Return the value as an error shows it: arrays by type and shape, all else short.

    Whatever its own `repr` does: that of an int of more than 4300 digits is an error.
    """
    kind = type(value)
    try:
        if shape := tuple(getattr(value, "shape", ())):
            return f"{kind.__module__}.{kind.__qualname__} of shape {shape}"
        text = repr(value)
    except Exception:
        return f"{kind.__name__} that cannot be shown"
    return text if len(text) <= 200 else f"{text[:200]} …"


def plain(value: Any) -> Any:
    """Return the number in a tensor or an array of no axis; all else as it is."""
    holds_one = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    return value.item() if holds_one and not getattr(value, "is_meta", False) else value


def check_finite(name: str, value: Any) -> float:
    """Return `value` as a float; it must be a finite real number."""
    plain_value = plain(value)
    if isinstance(plain_value, bool) or not isinstance(plain_value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {shown(value)}")
    try:
        number = float(plain_value)
    except OverflowError:  # an int or a fraction beyond the range of a float
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    return number


def check_not_negative(name: str, value: Any) -> float:
    """Return `value` as a float; it must be finite and at least 0."""
    number = check_finite(name, value)
    if value < 0:  # not number: the float of a tiny negative fraction is −0
        raise ValueError(f"{name} must be zero or positive, got {shown(value)}")
    return abs(number)  # 0 for −0


def check_positive(name: str, value: Any) -> float:
    """Return `value` as a float; it must be finite and above 0."""
    number = check_finite(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {shown(value)}")
    return number


def check_in_range(name: str, number: float, dtype: torch.dtype) -> float:
    """Return the number; its absolute value must be in the range of the dtype."""
    limit = torch.finfo(dtype).max
    if not abs(number) <= limit:  # NaN is in no range
        raise ValueError(
            f"{name} must be at most {limit:.3g} for {dtype}, got {number!r}"
        )
    return number


def check_count(name: str, value: Any) -> int:
    """Return `value` as an int; it must be a whole number of at least 1."""
    number = check_integer(name, value)
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {shown(value)}")
    return number


def check_size(name: str, value: Any) -> int:
    """Return `value` as an int, at least 1; no tensor has more entries than 2⁴⁰."""
    number = check_count(name, value)
    if number > SIZE_LIMIT:
        raise ValueError(f"{name} must be at most 2**40, got {shown(value)}")
    return number


def check_seed(name: str, value: Any) -> int:
    """Return the seed as an int; 0 ≤ seed < 2³⁰."""
    number = check_integer(name, value)
    if not 0 <= number < SEED_LIMIT:
        raise ValueError(
            f"{name} must be at least 0 and below 2**30 = {SEED_LIMIT}, "
            f"got {shown(value)}"
        )
    return number


def check_integer(name: str, value: Any) -> int:
    """Return `value` as an int; it must be a whole number, of any sign."""
    plain_value = plain(value)
    if isinstance(plain_value, bool) or not isinstance(plain_value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    return int(plain_value)


def check_flag(name: str, value: Any) -> bool:
    """Return the value; it must be True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return value


def check_list(name: str, value: Any) -> list[Any]:
    """Return the values of a sequence, or of any other iterable, as a list."""
    try:
        return list(value)
    except TypeError:  # a tensor of no axis, for one, is an Iterable and is none
        raise TypeError(f"{name} must be a sequence, got {shown(value)}") from None


def check_dtype(name: str, dtype: Any) -> torch.dtype:
    """Return the dtype; it must be torch.float32 or torch.float64."""
    if not isinstance(dtype, torch.dtype) or dtype not in FLOAT_DTYPES:
        raise TypeError(
            f"{name} must be torch.float32 or torch.float64, got {shown(dtype)}"
        )
    return dtype


def check_device(name: str, value: Any) -> torch.device:
    """Return the device; it must be one of this machine."""
    try:
        device = torch.empty(0, device=torch.device(value)).device
        if device.type == "meta":
            raise ValueError("a tensor holds no numbers there")
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        raise ValueError(
            f"{name} must be a device of this machine, got {shown(value)}"
        ) from error
    return device


def check_generator(name: str, value: Any) -> torch.Generator:
    """Return the generator; it must be one of the CPU."""
    if not isinstance(value, torch.Generator) or value.device.type != "cpu":
        raise TypeError(f"{name} must be a CPU torch.Generator, got {shown(value)}")
    return value


def check_tensor(
    name: str,
    value: Any,
    shape: tuple[int | str, ...],
    like: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return `value` without its graph; check type, dtype, shape, device, values.

    A str in `shape` names a size that is free, as in ``("n", 1)``; the dtype and the
    device of `like` are those to have.
    """
    if not isinstance(value, torch.Tensor):
        told = f"{name} must be a torch.Tensor, got {shown(value)}"
        if hasattr(value, "__array__") or isinstance(value, list):
            data = f"{name}.to_numpy()" if hasattr(value, "to_numpy") else name
            dtype = torch.float32 if like is None else like.dtype
            told += f": torch.as_tensor({data}, dtype={dtype}) makes one of it"
        raise TypeError(told)
    check_dtype(f"{name}.dtype", value.dtype)
    if like is not None and value.dtype != like.dtype:
        raise TypeError(f"{name} must have dtype {like.dtype}, got {value.dtype}")
    if value.layout != torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got {value.layout}")
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
    if value.is_meta:
        raise ValueError(f"{name} must hold numbers, got a tensor on {value.device}")
    finite = torch.isfinite(value)
    if not bool(finite.all()):
        culprit = value[~finite].flatten()[0].item()
        raise ValueError(f"{name} must hold finite numbers only, got {culprit}")
    return value.detach()


def check_matrix(name: str, value: Any) -> torch.Tensor:
    """Return the tensor; it must have the shape (n, p)."""
    return check_tensor(name, value, ("n", "p"))


# What an argument of this name has to be, wherever it is taken.
Check = Callable[[str, Any], Any]
CHECKS: dict[str, Check] = {
    **dict.fromkeys(["lambd", "noise_std", "w_norm"], check_not_negative),
    "lr": check_positive,
    **dict.fromkeys(["epochs", "batch_size"], check_count),
    **dict.fromkeys(["n_train", "n_test"], check_count),
    "num_inputs": check_size,
    "seed": check_seed,
    "bias": check_flag,
    "dtype": check_dtype,
    "device": check_device,
    "generator": check_generator,
    "X": check_matrix,
}
