"""A seed means the same numbers to everyone, and nothing else means any."""

import math
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import torch

from weight_decay import concise, scratch, synthetic_data
from weight_decay._random import random_stream

LARGEST_SEED = 2**30 - 1


def assert_same(run, other):
    """Two runs are the same run, to the last bit."""
    assert run.train_loss == other.train_loss
    assert run.test_loss == other.test_loss
    for name in ("w", "b", "w_init", "b_init"):
        assert torch.equal(getattr(run, name), getattr(other, name)), name


# What a seed means


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", [0, 1, LARGEST_SEED])
def test_a_run_starts_at_the_first_draw_of_its_seed(implementation, seed, dtype):
    problem = synthetic_data(3, 2, 50, dtype=dtype)

    run = implementation.train(problem, lambd=3, epochs=1, seed=seed)

    generator = torch.Generator().manual_seed(seed)
    drawn = torch.normal(0, 1, (50, 1), generator=generator)
    assert torch.equal(run.w_init, drawn.to(dtype))


def test_a_seed_means_the_same_run_in_both_dtypes(implementation):
    runs = [
        implementation.train(synthetic_data(dtype=dtype, seed=1), lambd=3, seed=1)
        for dtype in (torch.float32, torch.float64)
    ]

    single, double = runs
    assert torch.equal(single.w_init.double(), double.w_init)
    assert torch.equal(single.b_init.double(), double.b_init)
    # The same batches too: only rounding tells the ends apart.
    assert torch.allclose(single.w.double(), double.w, rtol=0, atol=1e-6)
    assert single.test_loss == pytest.approx(double.test_loss, rel=1e-4)


def test_by_hand_the_bias_starts_at_zero(small):
    assert scratch.train(small, 0, epochs=1).b_init.tolist() == [0]


def test_an_explicit_start_leaves_the_batches_unchanged(implementation, small):
    settings = {"lambd": 3, "epochs": 3, "batch_size": 3, "seed": 5}
    run = implementation.train(small, **settings)

    for start in (
        {"w_init": run.w_init},
        {"b_init": run.b_init},
        {"w_init": run.w_init, "b_init": run.b_init},
    ):
        assert_same(implementation.train(small, **settings, **start), run)


def test_another_seed_is_another_start_and_other_batches(implementation, small):
    start = {"w_init": torch.ones(10, 1).double(), "b_init": torch.ones(1).double()}
    first, second = (implementation.train(small, 3, seed=s) for s in (0, 1))
    batches = [implementation.train(small, 3, seed=s, **start) for s in (0, 1)]

    assert not torch.equal(first.w_init, second.w_init)
    assert not torch.equal(batches[0].w, batches[1].w)


# Streams that never meet


@pytest.mark.parametrize("seed", [0, 1, 2, LARGEST_SEED])
def test_the_start_of_a_run_is_unrelated_to_the_data_of_the_same_seed(seed):
    p = 2000
    problem = synthetic_data(20, 20, p, seed=seed, dtype=torch.float64)
    start = scratch.train(problem, lambd=3, epochs=1, seed=seed).w_init

    vectors = torch.cat([start.T, problem.X_train, problem.X_test]).numpy()
    assert np.abs(np.corrcoef(vectors)[0, 1:]).max() < 6 / math.sqrt(p)


def test_the_bias_of_a_concise_run_is_normal_and_unrelated_to_weight_and_data():
    rows = []
    for seed in range(400):
        problem = synthetic_data(1, 1, 2, seed=seed, dtype=torch.float64)
        run = concise.train(problem, lambd=3, epochs=1, seed=seed)
        others = (run.w_init, problem.X_train, problem.X_test)
        rows.append(torch.cat([run.b_init, *(t.flatten() for t in others)]))

    b, n = torch.stack(rows)[:, 0], len(rows)
    assert abs(float(b.mean())) < 6 / math.sqrt(n)
    assert abs(float(b.var()) - 1) < 6 * math.sqrt(2 / n)
    correlations = np.corrcoef(torch.stack(rows).numpy().T)
    assert np.abs(correlations[0, 1:]).max() < 6 / math.sqrt(n)


def test_streams_never_meet_in_the_32_bits_that_a_generator_keeps_of_a_seed():
    seeds = sorted(
        (random_stream(seed, stream).initial_seed(), stream)
        for seed in (0, LARGEST_SEED)
        for stream in ("training", "data", "bias")
    )

    # In order: from the first seed of a stream to its last there is no other stream.
    in_order = [stream for _, stream in seeds]
    assert in_order[::2] == in_order[1::2]
    assert seeds[-1][0] < 2**32


# What else may change, and does not matter


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def other_users_of_the_generator():
    with torch.random.fork_rng():
        torch.manual_seed(1234)
        torch.rand(7)
        yield


SURROUNDINGS = [
    pytest.param(nullcontext, id="once more"),
    pytest.param(lambda: default_dtype(torch.float64), id="default float64"),
    pytest.param(other_users_of_the_generator, id="other users of the generator"),
    pytest.param(torch.no_grad, id="no_grad"),
    pytest.param(torch.inference_mode, id="inference mode"),
    pytest.param(lambda: default_device("meta"), id="another default device"),
    pytest.param(lambda: torch.device("meta"), id="a device around it"),
    pytest.param(lambda: torch.autocast("cpu"), id="autocast"),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_a_seed_gives_the_same_data_and_run_in_any_surroundings(
    implementation, surroundings, dtype
):
    def experiment():
        problem = synthetic_data(dtype=dtype)
        return problem, implementation.train(problem, 3, epochs=5)

    expected_problem, expected_run = experiment()
    with surroundings():
        problem, run = experiment()

    assert torch.equal(problem.X_train, expected_problem.X_train)
    assert torch.equal(problem.y_test, expected_problem.y_test)
    assert_same(run, expected_run)
    assert_same(implementation.train(problem, 3, epochs=5), expected_run)
    assert run.w.dtype == run.b.dtype == dtype


def test_the_number_of_threads_changes_no_more_than_rounding(implementation, problem):
    alone = implementation.train(problem, 3, epochs=10)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together = implementation.train(problem, 3, epochs=10)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

    torch.testing.assert_close(together.w, alone.w, rtol=0, atol=2e-6)
    assert together.test_loss == pytest.approx(alone.test_loss, rel=1e-4)
