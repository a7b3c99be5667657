"""The problem under attack."""

import pytest
import torch
from attack.hostile import (
    DEFECTS,
    GUISES,
    REFUSED,
    Unshowable,
    assert_finite,
    attempt,
    bits,
    counts,
    dtypes,
    hostile,
    maybe,
    normal,
    scales,
)
from hypothesis import given
from hypothesis import strategies as st

from weight_decay import RegressionProblem, synthetic_data
from weight_decay.data import minibatches

SHAPES = {
    "X_train": (3, 2),
    "y_train": (3, 1),
    "X_test": (4, 2),
    "y_test": (4, 1),
    "w_true": (2, 1),
}


@given(data=st.data(), dtype=dtypes, scale=scales, b_true=hostile(st.floats(-9, 9)))
def test_a_problem_holds_what_it_was_given_or_names_what_is_wrong(
    data, dtype, scale, b_true
):
    good = {name: normal(*shape, dtype=dtype) for name, shape in SHAPES.items()}
    good["X_train"] = normal(3, 2, scale=scale).to(dtype)
    fields = {name: maybe(data.draw, tensor, name) for name, tensor in good.items()}

    problem = attempt(RegressionProblem, **fields, b_true=b_true)

    if problem is not REFUSED:
        for name, tensor in fields.items():
            held = getattr(problem, name)
            assert_finite(held)
            assert bits(held) == bits(tensor)
            assert not held.requires_grad
        assert problem.b_true == float(b_true)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_of_each_tensor_is_refused(name, defect):
    fields = {field: normal(*shape) for field, shape in SHAPES.items()}

    fields[name] = DEFECTS[defect](fields[name])

    assert attempt(RegressionProblem, **fields, b_true=0) is REFUSED


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("guise", GUISES)
def test_no_guise_of_a_tensor_matters(name, guise):
    fields = {field: normal(*shape) for field, shape in SHAPES.items()}

    problem = attempt(
        RegressionProblem, **{**fields, name: GUISES[guise](fields[name])}, b_true=0
    )

    assert torch.equal(getattr(problem, name), fields[name])


@given(
    n_train=counts(5),
    n_test=counts(5),
    num_inputs=counts(5),
    noise_std=hostile(st.floats(0, 1e308)),
    seed=hostile(st.integers(0, 2**30 - 1)),
    dtype=hostile(dtypes) | st.sampled_from([float, torch.int64, torch.tensor([1])]),
    device=st.sampled_from(["cpu"] * 9 + ["meta", "nowhere", 7, None, Unshowable()]),
)
def test_data_are_the_draws_of_the_seed_or_what_is_wrong_is_named(**arguments):
    problem = attempt(synthetic_data, **arguments)

    if problem is not REFUSED:
        n, p = arguments["n_train"], arguments["num_inputs"]
        generator = torch.Generator().manual_seed(arguments["seed"] + 2**30)
        X = torch.normal(0, 1, (n, p), generator=generator, dtype=torch.float64)
        noise = torch.normal(0, 1, (n, 1), generator=generator, dtype=torch.float64)
        y = X @ torch.full((p, 1), 0.01).double() + 0.05
        y += float(arguments["noise_std"]) * noise
        dtype = arguments["dtype"]
        assert torch.equal(problem.X_train, X.to(dtype))
        torch.testing.assert_close(problem.y_train, y.to(dtype), rtol=1e-6, atol=1e-6)
        assert_finite(problem.X_test, problem.y_test, problem.y_train)


@pytest.mark.parametrize("sizes", [(10**30, 1, 1), (1, 10**30, 1), (2**20, 1, 2**21)])
def test_data_that_no_machine_can_hold_are_refused(sizes):
    n_train, n_test, num_inputs = sizes

    result = attempt(
        synthetic_data, n_train=n_train, n_test=n_test, num_inputs=num_inputs
    )

    assert result is REFUSED


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_up_to_the_range_of_the_dtype_is_drawn_and_more_is_refused(dtype):
    largest = torch.finfo(dtype).max / 32

    problem = synthetic_data(50, 50, 2, noise_std=largest, dtype=dtype)

    assert_finite(problem.y_train, problem.y_test)
    with pytest.raises(ValueError, match="noise_std must be at most"):
        synthetic_data(2, 2, 2, noise_std=1.001 * largest, dtype=dtype)


@given(
    n=st.integers(1, 5),
    rows=st.integers(1, 5),
    batch_size=counts(6) | st.just(10**30),
    generator=st.sampled_from([torch.Generator(), None, 3, Unshowable()]),
)
def test_an_epoch_is_every_example_once_or_what_is_wrong_is_named(
    n, rows, batch_size, generator
):
    X, y = torch.arange(2.0 * n).view(n, 2), torch.arange(float(rows)).view(rows, 1)

    batches = attempt(minibatches, X=X, y=y, batch_size=batch_size, generator=generator)

    if batches is not REFUSED:
        assert n == rows
        shown = torch.cat([torch.cat(batch, dim=1) for batch in batches])
        assert sorted(shown.tolist()) == torch.cat([X, y], dim=1).tolist()
        assert {len(X) for X, _ in batches[:-1]} <= {batch_size}
    elif n == rows and isinstance(generator, torch.Generator):
        assert not isinstance(batch_size, int) or batch_size < 1 or batch_size is True
