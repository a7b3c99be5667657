"""The building blocks under attack: they are the formula, for whatever torch takes.

These four check nothing that the formula does not ask for, so that a learner can type
them in: NaN, infinities and integers go through, as they do in torch.
"""

import math

import pytest
import torch
from attack.hostile import (
    REFUSED,
    anything,
    assert_finite,
    attempt,
    counts,
    dtypes,
    hostile,
    maybe,
    normal,
    outcome,
    portrait,
    scales,
)
from hypothesis import assume, given
from hypothesis import strategies as st

from weight_decay import scratch


def tensor(data, name, *shape):
    """A tensor of any size of numbers, in any guise, or a defect of it."""
    scale, dtype = data.draw(scales), data.draw(dtypes)
    return maybe(data.draw, normal(*shape, scale=scale, dtype=dtype), name)


@given(data=st.data())
def test_the_model_is_its_formula_for_whatever_torch_takes(data):
    X, w, b = (tensor(data, *a) for a in (("X", 3, 2), ("w", 2, 1), ("b", 1)))
    # Of a tensor without numbers torch makes whatever lies in the memory.
    assume(not any(getattr(each, "is_meta", False) for each in (X, w, b)))
    before = portrait([X, w, b])

    assert outcome(scratch.linreg, X, w, b) == outcome(
        lambda X, w, b: X @ w + b, X, w, b
    )
    assert portrait([X, w, b]) == before


@given(data=st.data())
def test_the_loss_is_its_formula_for_whatever_torch_takes_and_equal_shapes(data):
    y_hat, y = tensor(data, "y_hat", 3, 1), tensor(data, "y", 3, 1)
    before = portrait([y_hat, y])

    result = outcome(scratch.squared_loss, y_hat, y)

    assert portrait([y_hat, y]) == before
    shapes = [getattr(tensor, "shape", None) for tensor in (y_hat, y)]
    if None in shapes:
        assert result is AttributeError
    elif shapes[0] != shapes[1]:
        assert result is ValueError
    else:
        assert result == outcome(lambda a, b: (a - b).square() / 2, y_hat, y)


@given(data=st.data())
def test_the_penalty_is_its_formula_for_whatever_torch_takes(data):
    w = tensor(data, "w", 3, 1)
    before = portrait(w)

    assert outcome(scratch.l2_penalty, w) == outcome(lambda w: w.pow(2).sum() / 2, w)
    assert portrait(w) == before


@given(seed=st.integers(0, 999), scale=st.floats(1e-140, 1e140))
def test_the_penalty_is_half_the_squared_norm_to_rounding(seed, scale):
    w = normal(7, 1, seed=seed, scale=scale)

    exact = math.fsum(value**2 for value in w.flatten().tolist()) / 2
    assert float(scratch.l2_penalty(w)) == pytest.approx(exact, rel=1e-14)


@given(
    dtype=dtypes,
    scale=scales,
    lr=st.floats(),
    batch_size=st.integers(1, 9) | st.floats(1e-9, 1e9),
)
def test_a_step_of_sgd_is_its_formula_bit_for_bit(dtype, scale, lr, batch_size):
    w, gradient = normal(3, 1, dtype=dtype), normal(3, 1, seed=1, scale=scale).to(dtype)
    w.requires_grad_().grad = gradient.clone()
    before = w.detach().clone()

    def step(w):
        scratch.sgd([w], lr, batch_size)
        assert w.grad is None
        assert w.requires_grad
        return w

    def formula(w):
        return before.sub(gradient, alpha=lr / batch_size)

    assert outcome(step, w) == outcome(formula, w)


@given(where=st.integers(0, 2))
def test_a_step_of_sgd_without_all_gradients_moves_nothing(where):
    params = [torch.ones(2, requires_grad=True) for _ in range(3)]
    for i, param in enumerate(params):
        param.grad = None if i == where else torch.ones(2)
    before = portrait(params)

    with pytest.raises(ValueError, match="params must have gradients"):
        scratch.sgd(iter(params), lr=1, batch_size=1)

    assert portrait(params) == before


@given(
    num_inputs=counts(5),
    generator=hostile(st.builds(torch.Generator)),
    dtype=hostile(dtypes),
    device=st.sampled_from(["cpu"] * 5 + ["meta", "nowhere"]) | anything,
)
def test_a_start_is_the_draw_of_its_generator_or_what_is_wrong_is_named(
    num_inputs, generator, dtype, device
):
    start = attempt(
        scratch.init_params,
        num_inputs=num_inputs,
        generator=generator,
        dtype=dtype,
        device=device,
    )

    if start is not REFUSED and device == "cpu":
        w, b = start
        drawn = torch.normal(0, 1, (num_inputs, 1), generator=torch.Generator())
        assert torch.equal(w, drawn.to(dtype))
        assert torch.equal(b, torch.zeros(1, dtype=dtype))
        assert_finite(w, b)
