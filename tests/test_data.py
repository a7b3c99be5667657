"""The problem is the textbook's: y = X w* + b* + ε with a known truth."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weight_decay import RegressionProblem, synthetic_data
from weight_decay.data import minibatches

TENSORS = ("X_train", "y_train", "X_test", "y_test", "w_true")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sizes_and_dtype_are_those_asked_for(dtype):
    problem = synthetic_data(n_train=6, n_test=9, num_inputs=4, dtype=dtype)

    shapes = {name: tuple(getattr(problem, name).shape) for name in TENSORS}
    assert shapes == {
        "X_train": (6, 4),
        "y_train": (6, 1),
        "X_test": (9, 4),
        "y_test": (9, 1),
        "w_true": (4, 1),
    }
    assert {getattr(problem, name).dtype for name in TENSORS} == {dtype}
    assert (problem.num_inputs, problem.dtype) == (4, dtype)
    assert problem.device == torch.device("cpu")


def test_defaults_are_the_chapters_problem(problem):
    assert tuple(problem.X_train.shape) == (20, 200)
    assert tuple(problem.X_test.shape) == (100, 200)
    assert problem.dtype == torch.float32
    assert torch.equal(problem.w_true, torch.full((200, 1), 0.01))
    assert problem.b_true == 0.05
    assert torch.equal(problem.X_train, synthetic_data(seed=0).X_train)


@pytest.mark.parametrize("part", ["train", "test"])
def test_targets_without_noise_lie_on_the_truth(part):
    problem = synthetic_data(30, 40, 12, noise_std=0, dtype=torch.float64)

    X, y = getattr(problem, f"X_{part}"), getattr(problem, f"y_{part}")
    expected = 0.01 * X.numpy().sum(axis=1, keepdims=True) + 0.05
    np.testing.assert_allclose(y.numpy(), expected, rtol=0, atol=1e-14)


# The bounds below lie six standard errors from the expected value.


@pytest.mark.parametrize("part", ["train", "test"])
def test_noise_is_centred_of_the_size_asked_for_and_independent_of_the_inputs(part):
    n, sigma = 10_000, 0.3
    problem = synthetic_data(n, n + 1, 3, noise_std=sigma, dtype=torch.float64)

    X = getattr(problem, f"X_{part}").numpy()
    y = getattr(problem, f"y_{part}").numpy()
    noise = y - 0.01 * X.sum(axis=1, keepdims=True) - 0.05
    assert abs(noise.mean()) < 6 * sigma / math.sqrt(n)
    assert abs(noise.std() - sigma) < 6 * sigma / math.sqrt(2 * n)
    correlations = np.corrcoef(np.hstack([X, noise]).T)[-1, :-1]
    assert np.abs(correlations).max() < 6 / math.sqrt(n)


def test_the_default_noise_has_standard_deviation_0_01():
    n = 10_000
    problem = synthetic_data(n, 1, 1, dtype=torch.float64)

    noise = problem.y_train - 0.01 * problem.X_train - 0.05
    assert abs(float(noise.std()) - 0.01) < 6 * 0.01 / math.sqrt(2 * n)


@pytest.mark.parametrize("part", ["train", "test"])
def test_inputs_are_standard_normal(part):
    X = getattr(synthetic_data(400, 400, 50, dtype=torch.float64), f"X_{part}")

    size = X.numel()
    assert abs(float(X.mean())) < 6 / math.sqrt(size)
    assert abs(float(X.var()) - 1) < 6 * math.sqrt(2 / size)
    assert abs(float(X.pow(4).mean()) - 3) < 6 * math.sqrt(96 / size)


def test_float32_data_are_float64_data_rounded():
    single, double = (synthetic_data(dtype=d) for d in (torch.float32, torch.float64))

    for name in TENSORS:
        assert torch.equal(getattr(single, name), getattr(double, name).float())


def test_the_same_seed_gives_the_same_data():
    first, second = synthetic_data(seed=3), synthetic_data(seed=3)

    assert all(torch.equal(getattr(first, n), getattr(second, n)) for n in TENSORS)


@pytest.mark.parametrize("name", ["X_train", "y_train", "X_test", "y_test"])
def test_another_seed_gives_unrelated_data(name):
    first, second = (
        getattr(synthetic_data(500, 500, 1, seed=s, noise_std=1), name).flatten()
        for s in (0, 1)
    )

    correlation = np.corrcoef(first, second)[0, 1]
    assert abs(correlation) < 6 / math.sqrt(500)


def test_training_and_test_examples_are_unrelated():
    problem = synthetic_data(500, 500, 1)

    correlation = np.corrcoef(problem.X_train.flatten(), problem.X_test.flatten())[0, 1]
    assert abs(correlation) < 6 / math.sqrt(500)


def test_a_problem_is_frozen(problem):
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.b_true = 0


def test_a_problem_cuts_its_tensors_off_the_callers_graph():
    X = torch.ones(2, 3, requires_grad=True)
    y, w = X.sum(1, keepdim=True), torch.zeros(3, 1)

    problem = RegressionProblem(X, y, X, y, w, 0)

    assert not any(getattr(problem, name).requires_grad for name in TENSORS)
    assert X.requires_grad
    assert y.requires_grad


def test_a_problem_is_equal_to_itself_alone():
    # Field by field, a comparison of tensors would have no truth value.
    problem = synthetic_data(2, 3, 4)

    assert problem == problem
    assert problem != synthetic_data(2, 3, 4)
    assert hash(problem) == object.__hash__(problem)


def test_repr_tells_the_sizes():
    assert repr(synthetic_data(2, 3, 4)) == (
        "RegressionProblem(2 training and 3 test examples, 4 inputs, "
        "torch.float32, cpu)"
    )


@given(n=st.integers(1, 12), batch_size=st.integers(1, 15), seed=st.integers(0, 99))
def test_an_epoch_shows_each_example_once_in_the_order_of_randperm(n, batch_size, seed):
    X = torch.arange(2.0 * n).reshape(n, 2)
    y = torch.arange(100.0, 100 + n).reshape(n, 1)

    batches = minibatches(X, y, batch_size, torch.Generator().manual_seed(seed))

    sizes = [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
    assert [len(X) for X, _ in batches] == sizes
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(torch.cat([X for X, _ in batches]), X[order])
    assert torch.equal(torch.cat([y for _, y in batches]), y[order])
