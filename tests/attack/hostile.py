"""Arguments that nobody should pass, and what has to hold when somebody does.

`attempt` calls a function and returns its result, or `REFUSED` if it raised an error
that names an argument; in both cases nothing that went in, and nothing global, may
have changed. What is left to each test is the law that a result obeys.
"""

import dataclasses
import math
import random
import re
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch
from hypothesis import strategies as st

from weight_decay import DivergenceError, RegressionProblem

NAN, INF = float("nan"), float("inf")
REFUSED = object()


class Unshowable:
    """A value that cannot even be shown."""

    def __repr__(self):
        raise RuntimeError("no repr")


# Numbers

NO_NUMBERS = ["3", b"3", None, True, 1 + 0j, [3], (), Decimal(3), Unshowable(), print]
NO_NUMBERS += [torch.tensor(3.0), np.array([3.0, 4.0])]
FAR_NUMBERS = [NAN, INF, -INF, 10**400, -(10**400), 10**5000, Fraction(1, 10**400)]
FAR_NUMBERS += [5e-324, 1e-308, 1e-160, 1e-40, -1e-40, 1e40, 1e160, 1.7e308, -1.7e308]
FAR_NUMBERS += [0, -0.0, Fraction(-1, 10**400), np.float32(3), np.float64("inf")]

anything = st.sampled_from([*NO_NUMBERS, *FAR_NUMBERS])


def hostile(good):
    """Mostly a good value, now and then anything at all."""
    return st.one_of(good, good, good, anything)


def counts(largest):
    """A number of something, up to the largest, or what is none."""
    wrong = [0, -1, -(10**30), 2.0, np.float64(2), np.int64(2)]
    return hostile(st.integers(1, largest)) | st.sampled_from(wrong)


# Tensors


def normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.normal(0.0, 1.0, shape, generator=generator, dtype=torch.float64)
    return (scale * drawn).to(dtype)


def with_first(number):
    def change(tensor):
        changed = tensor.clone()
        changed.view(-1)[:1] = number
        return changed

    return change


def strided(tensor):
    """The same numbers as every other entry of something larger, transposed."""
    wide = tensor.new_full((*tensor.shape[::-1], 2), 7.0)
    wide[..., 0] = tensor.permute(*range(tensor.ndim)[::-1])
    return wide[..., 0].permute(*range(tensor.ndim)[::-1])


def with_gradient(tensor):
    leaf = tensor.clone().requires_grad_()
    leaf.grad = torch.full_like(tensor, 3.0)
    return leaf


# The same numbers in another guise: nobody may notice.
GUISES = {
    "as it is": lambda tensor: tensor,
    "a view with gaps": strided,
    "a leaf with a gradient": with_gradient,
    "with a graph": lambda tensor: with_gradient(tensor) * 1,
    "a parameter": lambda tensor: torch.nn.Parameter(tensor.clone()),
}

# No tensor of finite numbers of this shape and dtype.
DEFECTS = {
    "nan": with_first(NAN),
    "inf": with_first(INF),
    "-inf": with_first(-INF),
    "int64": torch.Tensor.long,
    "float16": torch.Tensor.half,
    "bfloat16": torch.Tensor.bfloat16,
    "complex64": torch.Tensor.cfloat,
    "bool": torch.Tensor.bool,
    "the other float": lambda tensor: tensor.to(
        torch.float32 if tensor.dtype == torch.float64 else torch.float64
    ),
    "numpy": torch.Tensor.numpy,
    "a list": torch.Tensor.tolist,
    "sparse": torch.Tensor.to_sparse,
    "meta": lambda tensor: tensor.to("meta"),
    "empty": lambda tensor: tensor[:0],
    "one more axis": lambda tensor: tensor[None],
    "longer": lambda tensor: torch.cat([tensor, tensor]),
    "no axis": lambda tensor: tensor.flatten()[0],
    "None": lambda tensor: None,
    "text": lambda tensor: "tensor",
    "unshowable": lambda tensor: Unshowable(),
}

guises, defects = st.sampled_from([*GUISES]), st.sampled_from([*DEFECTS])
scales = st.sampled_from([0.0, 1e-310, 1e-170, 1e-40, 1e-20, 1.0, 1e20, 1e160, 1e307])
dtypes = st.sampled_from([torch.float32, torch.float64])


def maybe(draw, tensor, name):
    """The tensor in some guise, or once in a while a defect of it."""
    change = draw(st.one_of(guises, guises, guises, defects), label=name)
    return {**GUISES, **DEFECTS}[change](tensor)


# What must not change


def bits(tensor):
    """The memory of its numbers; none where there is none."""
    if tensor.is_meta:
        return b""
    dense = tensor.detach().to_dense().flatten()
    fresh = dense.clone(memory_format=torch.contiguous_format)
    return fresh.view(torch.uint8).numpy().tobytes()


def portrait(value):
    """Everything about an argument that a call could change."""
    if isinstance(value, torch.Generator):
        return None  # made to be changed
    if isinstance(value, torch.Tensor):
        about = (value.shape, value.requires_grad, value._version, value.is_leaf)
        if value.is_sparse or value.is_meta:
            return about
        grad = value.grad if value.is_leaf else None
        memory = bytes(value.detach().untyped_storage())
        return (*about, value.stride(), memory, grad is not None and bits(grad))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {k: portrait(v) for k, v in vars(value).items()}
    if isinstance(value, list | tuple):
        return [portrait(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, float):
        return value.hex()
    return id(value)


def surroundings():
    return (
        torch.get_rng_state().numpy().tobytes(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        random.getstate(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
    )


def attempt(function, *arguments, **named):
    """The result, or REFUSED after an error that names an argument and shows it."""
    before, around = portrait([arguments, *named.values()]), surroundings()
    try:
        result = function(*arguments, **named)
    except DivergenceError as error:
        assert "η(d_max + λ) < 2" in str(error)  # noqa: PT017
        result = REFUSED
    except (ValueError, TypeError, IndexError) as error:
        message, fields = str(error), []
        if any(isinstance(value, RegressionProblem) for value in named.values()):
            fields = ["X_train"]  # a part of the argument `problem`
        assert any(
            re.search(rf"(?<!\w){name}(?!\w)", message) for name in [*named, *fields]
        ), f"names none of {[*named]}: {message}"
        assert re.search(r"\bgot\b|\bgive\b", message), f"shows no value: {message}"
        result = REFUSED
    assert portrait([arguments, *named.values()]) == before
    assert surroundings() == around
    return result


def assert_finite(*results):
    """No NaN and no infinity anywhere in the results."""
    for result in results:
        if isinstance(result, torch.Tensor):
            assert bool(result.isfinite().all()), result
        elif isinstance(result, list | tuple):
            assert_finite(*result)
        else:
            assert math.isfinite(result), result


def outcome(function, *arguments):
    """What a function makes of its arguments: bits and dtype, or the kind of error."""
    try:
        with warnings.catch_warnings(action="ignore"):  # sparse tensors are beta, once
            result = function(*arguments)
    except Exception as error:
        return type(error)
    if not isinstance(result, torch.Tensor):
        return repr(result)
    return result.dtype, result.shape, bits(result)
