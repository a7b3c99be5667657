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

    shapes = [tuple(getattr(problem, name).shape) for name in TENSORS]
    assert shapes == [(6, 4), (6, 1), (9, 4), (9, 1), (4, 1)]
    assert {getattr(problem, name).dtype for name in TENSORS} == {dtype}
    assert (problem.num_inputs, problem.dtype) == (4, dtype)
    assert problem.device == torch.device("cpu")


def test_defaults_are_the_chapters_problem(problem):
    assert repr(problem) == (
        "RegressionProblem(20 training and 100 test examples, 200 inputs, "
        "torch.float32, cpu)"
    )
    assert torch.equal(problem.w_true, torch.full((200, 1), 0.01))
    assert problem.b_true == 0.05
    assert torch.equal(problem.X_train, synthetic_data(seed=0).X_train)


def test_the_data_are_the_draws_of_their_seed_in_float64_rounded():
    generator = torch.Generator().manual_seed(2**30 + 3)
    expected = []
    for n in (6, 9):
        X, noise = (
            torch.normal(0, 1, (n, p), generator=generator, dtype=torch.float64)
            for p in (4, 1)
        )
        y = 0.01 * X.numpy().sum(axis=1, keepdims=True) + 0.05 + 0.5 * noise.numpy()
        expected += [X, torch.from_numpy(y)]

    single, double = (
        synthetic_data(6, 9, 4, noise_std=0.5, seed=3, dtype=dtype)
        for dtype in (torch.float32, torch.float64)
    )

    for name, tensor in zip(TENSORS, expected, strict=False):
        torch.testing.assert_close(getattr(double, name), tensor, rtol=0, atol=1e-14)
        assert torch.equal(getattr(single, name), getattr(double, name).float())


def test_targets_without_noise_lie_on_the_truth():
    problem = synthetic_data(30, 40, 12, noise_std=0, dtype=torch.float64)

    for part in ("train", "test"):
        X, y = getattr(problem, f"X_{part}"), getattr(problem, f"y_{part}")
        expected = 0.01 * X.numpy().sum(axis=1, keepdims=True) + 0.05
        np.testing.assert_allclose(y.numpy(), expected, rtol=0, atol=1e-14)


# The bounds below lie six standard errors from the expected value.


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("noise", [{}, {"noise_std": 0.3}], ids=["default", "0.3"])
def test_noise_is_centred_of_its_size_and_independent_of_the_inputs(part, noise):
    n, sigma = 10_000, noise.get("noise_std", 0.01)
    problem = synthetic_data(n, n + 1, 3, **noise, dtype=torch.float64)

    X = getattr(problem, f"X_{part}").numpy()
    y = getattr(problem, f"y_{part}").numpy()
    error = y - 0.01 * X.sum(axis=1, keepdims=True) - 0.05
    assert abs(error.mean()) < 6 * sigma / math.sqrt(n)
    assert abs(error.std() - sigma) < 6 * sigma / math.sqrt(2 * n)
    correlations = np.corrcoef(np.hstack([X, error]).T)[-1, :-1]
    assert np.abs(correlations).max() < 6 / math.sqrt(n)


@pytest.mark.parametrize("part", ["train", "test"])
def test_inputs_are_standard_normal(part):
    X = getattr(synthetic_data(400, 400, 50, dtype=torch.float64), f"X_{part}")

    size = X.numel()
    assert abs(float(X.mean())) < 6 / math.sqrt(size)
    assert abs(float(X.var()) - 1) < 6 * math.sqrt(2 / size)
    assert abs(float(X.pow(4).mean()) - 3) < 6 * math.sqrt(96 / size)


def test_training_and_test_examples_and_those_of_another_seed_are_unrelated():
    one, other = (synthetic_data(500, 500, 1, seed=seed) for seed in (0, 1))

    rows = [X.flatten() for X in (one.X_train, one.X_test, other.X_train, other.X_test)]
    correlations = np.corrcoef(torch.stack(rows).numpy()) - np.eye(4)
    assert np.abs(correlations).max() < 6 / math.sqrt(500)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_up_to_the_range_of_the_dtype_is_drawn_and_more_is_refused(dtype):
    largest = torch.finfo(dtype).max / 32

    synthetic_data(50, 50, 2, noise_std=largest, dtype=dtype)  # else not finite

    with pytest.raises(ValueError, match="noise_std must be at most"):
        synthetic_data(2, 2, 2, noise_std=1.001 * largest, dtype=dtype)


@pytest.mark.parametrize("sizes", [(2**21, 1, 2**21), (1, 2**21, 2**21)])
def test_data_that_no_machine_can_hold_are_refused(sizes):
    with pytest.raises(ValueError, match=r"^n_\w+ times num_inputs must be at most"):
        synthetic_data(*sizes)


def test_a_problem_is_frozen(problem):
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.b_true = 0


def test_of_data_of_ones_own_test_set_and_truth_may_be_unknown(small, implementation):
    train = small.X_train, small.y_train
    bare = RegressionProblem(*train)
    tested = RegressionProblem(*train, small.X_test, small.y_test)

    assert repr(bare) == (
        "RegressionProblem(7 training examples, 10 inputs, torch.float64, cpu)"
    )
    assert [len(part) for part in bare.test_set] == [0, 0]
    of_bare, of_tested, run = (
        implementation.train(each, 3, epochs=7) for each in (bare, tested, small)
    )
    assert of_bare.test_loss == []
    assert of_tested.test_loss == run.test_loss
    for other in (of_bare, of_tested):
        assert other.train_loss == run.train_loss
        assert torch.equal(other.w, run.w)
    assert "test" not in repr(of_bare)


@pytest.mark.parametrize("left_out", ["X_test", "y_test", "w_true", "b_true"])
def test_half_a_test_set_or_half_a_truth_is_none(small, left_out):
    with pytest.raises(TypeError, match=f"^{left_out} must be .*, got None"):
        RegressionProblem(**vars(small) | {left_out: None})


def test_a_problem_cuts_its_tensors_off_the_callers_graph():
    X = torch.ones(2, 3, requires_grad=True)
    y, w = X.sum(1, keepdim=True), torch.zeros(3, 1)

    problem = RegressionProblem(X, y, X, y, w, 0)

    assert not any(getattr(problem, name).requires_grad for name in TENSORS)
    assert X.requires_grad
    assert y.requires_grad


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


def test_an_epoch_needs_a_target_for_each_input():
    with pytest.raises(ValueError, match="y must have a row for each of X: 3, got 2"):
        minibatches(torch.ones(3, 2), torch.ones(2, 1), 2, torch.Generator())
