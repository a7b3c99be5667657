"""Arguments that nobody should pass, and what has to hold when somebody does."""

import random
import re
from fractions import Fraction

import numpy as np
import torch
from hypothesis import strategies as st

from weight_decay import DivergenceError, RegressionProblem

NAN, INF = float("nan"), float("inf")
REFUSED = object()

anything = st.sampled_from(
    [
        *("3", None, True, 1 + 0j, [3], (), torch.tensor(3.0), np.array([3.0, 4.0])),
        *(NAN, INF, -INF, 1.7e308, -1.7e308, 1e160, 1e40, 1e-40, 1e-160, 5e-324),
        *(0, -0.0, -1, 2.0, Fraction(1, 3), np.float32(3), np.int64(2)),
    ]
)
scales = st.sampled_from([0.0, 1e-310, 1e-170, 1e-40, 1e-20, 1.0, 1e20, 1e160, 1e307])
dtypes = st.sampled_from([torch.float32, torch.float64])


def hostile(good):
    """Mostly a good value, now and then anything at all."""
    return st.one_of(good, good, good, anything)


def normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    """Normal numbers of this size, or of the largest that the dtype holds."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.normal(0.0, 1.0, shape, generator=generator, dtype=torch.float64)
    return (min(scale, torch.finfo(dtype).max / 32) * drawn).to(dtype)


def all_that_could_change(arguments):
    """What is global, and for each tensor passed: its memory, graph and gradient."""
    held = list(arguments)
    for value in arguments:
        held += vars(value).values() if isinstance(value, RegressionProblem) else []
    return (
        torch.get_rng_state().numpy().tobytes(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        random.getstate(),
        [(t._version, t.requires_grad, t.grad) for t in held if torch.is_tensor(t)],
    )


def attempt(function, **arguments):
    """The result, or REFUSED after an error that names an argument and a value.

    Either way the call has changed nothing that went in, and nothing global.
    """
    before, told = all_that_could_change(arguments.values()), None
    try:
        result = function(**arguments)
    except (ValueError, TypeError, IndexError, DivergenceError) as error:
        result, told = REFUSED, str(error)
    assert all_that_could_change(arguments.values()) == before
    if told is not None:
        names = "|".join([*arguments, "X_train"])  # X_train is a part of the problem
        assert re.search(rf"\b({names})\b.* (got|give) ", told), told
    return result
