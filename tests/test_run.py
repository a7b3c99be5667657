"""What holds for every run, whichever implementation made it."""

import copy
import dataclasses
import math
import pickle
import re

import numpy as np
import pytest
import torch
from hostile import NAN, REFUSED, attempt, dtypes, hostile, normal, scales
from hypothesis import example, given
from hypothesis import strategies as st

from weight_decay import (
    DivergenceError,
    RegressionProblem,
    Run,
    concise,
    scratch,
    synthetic_data,
)

# The mean loss is this often (ŷ - y)². Twice it is the weight of the data in a step.
UNIT = {scratch: 0.5, concise: 1.0}
NAME = {scratch: "half squared error", concise: "squared error"}


def mean_loss(X, y, w, b):
    """The mean squared error, by numpy."""
    X, y, w, b = (tensor.double().numpy() for tensor in (X, y, w, b))
    return ((X @ w + b - y) ** 2).mean()


# The losses


@pytest.mark.parametrize(
    ("epochs", "recorded"),
    [
        (1, [1]),
        (5, [5]),
        (7, [5, 7]),
        (23, [5, 10, 15, 20, 23]),
        (100, [*range(5, 101, 5)]),
    ],
)
def test_losses_are_recorded_at_every_fifth_epoch_and_the_last(
    implementation, small, epochs, recorded
):
    run = implementation.train(small, 3, epochs=epochs)

    assert run.epochs == recorded
    assert len(run.train_loss) == len(run.test_loss) == len(recorded)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_losses_are_those_of_the_final_parameters_without_the_penalty(
    implementation, dtype
):
    problem = synthetic_data(dtype=dtype)

    # Few epochs, so that the penalty is large: 3 · ½‖w‖² is about 200.
    run = implementation.train(problem, 3, epochs=6)

    unit = UNIT[implementation]
    train = unit * mean_loss(problem.X_train, problem.y_train, run.w, run.b)
    test = unit * mean_loss(problem.X_test, problem.y_test, run.w, run.b)
    rel = 1e-4 if dtype == torch.float32 else 1e-12
    assert run.train_loss[-1] == pytest.approx(train, rel=rel)
    assert run.test_loss[-1] == pytest.approx(test, rel=rel)
    assert run.loss_unit == NAME[implementation]


def test_each_recorded_loss_is_that_of_a_run_which_stops_there(implementation, small):
    run = implementation.train(small, 3, lr=0.01, epochs=12, batch_size=3)

    for epoch, train, test in zip(
        run.epochs, run.train_loss, run.test_loss, strict=True
    ):
        stopped = implementation.train(small, 3, lr=0.01, epochs=epoch, batch_size=3)
        unit = UNIT[implementation]
        X, y, X_test, y_test = small.X_train, small.y_train, small.X_test, small.y_test
        assert train == pytest.approx(unit * mean_loss(X, y, stopped.w, stopped.b))
        assert test == pytest.approx(
            unit * mean_loss(X_test, y_test, stopped.w, stopped.b)
        )


# What decay does to the weight


@given(
    n=st.integers(1, 6),
    more=st.integers(1, 12),
    batch_size=st.integers(1, 7),
    lambd=st.floats(0, 10),
    lr=st.floats(1e-4, 0.01),
    epochs=st.integers(1, 6),
    seed=st.integers(0, 999),
)
def test_directions_without_data_shrink_by_the_decay_alone(
    implementation, n, more, batch_size, lambd, lr, epochs, seed
):
    problem = synthetic_data(n, 1, n + more, seed=seed, dtype=torch.float64)

    run = implementation.train(
        problem, lambd, lr, epochs=epochs, batch_size=batch_size, seed=seed
    )

    X = problem.X_train.numpy()
    away_from_data = np.eye(n + more) - np.linalg.pinv(X) @ X
    steps = epochs * math.ceil(n / batch_size)
    np.testing.assert_allclose(
        away_from_data @ run.w.numpy(),
        (1 - lr * lambd) ** steps * (away_from_data @ run.w_init.numpy()),
        rtol=0,
        atol=1e-11,
    )


@given(n=st.integers(1, 6), more=st.integers(0, 12), seed=st.integers(0, 999))
def test_without_decay_weight_and_bias_move_within_the_span_of_the_examples(
    implementation, n, more, seed
):
    problem = synthetic_data(n, 1, n + more, seed=seed, dtype=torch.float64)

    run = implementation.train(problem, 0, epochs=5, batch_size=2, seed=seed)

    A = np.hstack([problem.X_train.numpy(), np.ones((n, 1))])
    moved = np.vstack([run.w - run.w_init, run.b[:, None] - run.b_init[:, None]])
    inside = np.linalg.pinv(A) @ A @ moved
    np.testing.assert_allclose(inside, moved, rtol=0, atol=1e-11)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 20, 50])
def test_the_penalty_counts_once_a_step_whatever_the_batch_size(
    implementation, batch_size
):
    # The trap: a penalty that is added to the *summed* loss, or divided by the batch
    # with it, decays by λ/B. Nothing but the penalty acts on a feature of zeros.
    problem = synthetic_data(20, 1, 4, dtype=torch.float64)
    X = problem.X_train.clone()
    X[:, 2] = 0
    problem = dataclasses.replace(problem, X_train=X)

    run = implementation.train(
        problem, lambd=3, lr=0.01, epochs=5, batch_size=batch_size
    )

    steps = 5 * math.ceil(20 / batch_size)
    shrunk = (1 - 0.01 * 3) ** steps * run.w_init[2].item()
    assert run.w[2].item() == pytest.approx(shrunk, rel=1e-12)


def test_the_bias_is_never_decayed(implementation):
    # X = 0 and y = b: the data ask for nothing, so only decay could act.
    X, y = torch.zeros(6, 2).double(), torch.full((6, 1), 0.75).double()
    problem = RegressionProblem(X, y, X, y, X[:1].T, 0.75)

    run = implementation.train(problem, 3, epochs=5, b_init=y[0])

    assert run.b.item() == 0.75
    assert run.w_norm < 0.99 * torch.linalg.vector_norm(run.w_init)


# What goes in stays as it was; what comes out belongs to the caller


def test_a_run_changes_nothing_it_was_given(implementation):
    # Tensors as callers have them: with a graph, or a view of something larger.
    X = torch.ones(5, 8, requires_grad=True).double()
    wide = torch.arange(20.0).double().reshape(4, 5)
    w_init = wide.T[:, :1]
    b_init = torch.ones(1, dtype=torch.float64, requires_grad=True)
    y = X.sum(1, keepdim=True)
    problem = RegressionProblem(X[:, :5], y, X[:, 3:], y, w_init, 1)
    before = copy.deepcopy([t.detach() for t in (X, y, wide, b_init)])
    fields = copy.deepcopy(dataclasses.astuple(problem))

    run = implementation.train(problem, 3, epochs=2, w_init=w_init, b_init=b_init)

    after = [t.detach() for t in (X, y, wide, b_init)]
    assert all(map(torch.equal, before, after))
    assert all(map(torch.equal, fields[:5], dataclasses.astuple(problem)[:5]))
    assert b_init.grad is None
    assert (w_init.requires_grad, b_init.requires_grad) == (False, True)
    assert torch.equal(run.w_init, w_init)
    assert not torch.equal(run.w, w_init)


@pytest.mark.parametrize("requires_grad", [False, True])
def test_the_tensors_of_a_run_are_detached_copies(implementation, small, requires_grad):
    start = {
        "w_init": torch.ones(10, 1, dtype=torch.float64, requires_grad=requires_grad),
        "b_init": torch.ones(1, dtype=torch.float64, requires_grad=requires_grad),
    }

    run = implementation.train(small, 3, epochs=1, **start)

    tensors = [run.w, run.b, run.w_init, run.b_init]
    assert not any(tensor.requires_grad for tensor in tensors)
    assert [tuple(tensor.shape) for tensor in tensors] == [(10, 1), (1,)] * 2
    memory = {t.untyped_storage().data_ptr() for t in (*tensors, *start.values())}
    assert len(memory) == 6


# A run as such


def make_run(w=((3.0,), (-4.0,)), **fields):
    w, b = torch.tensor(w), torch.zeros(1)
    losses = {"train_loss": [0.1, 0.001234], "test_loss": [0.2, 0.07018]}
    fields = {"loss_unit": "half squared error", "epochs": [5, 10], **losses, **fields}
    return Run(lambd=3.0, lr=0.003, w=w, b=b, w_init=w, b_init=b, **fields)


@pytest.mark.parametrize("unit", [1, 1e30, 1e-30])  # squares beyond float32, both ways
def test_the_norm_is_the_length_of_the_weight(unit):
    run = make_run(w=((3 * unit,), (-4 * unit,)))

    assert run.w_norm == pytest.approx(5 * unit, rel=1e-6)
    assert isinstance(run.w_norm, float)


def test_a_run_is_frozen_and_shows_itself_in_one_line():
    run = make_run()

    with pytest.raises(dataclasses.FrozenInstanceError):
        run.lambd = 0
    assert repr(run) == (
        "Run(λ = 3, η = 0.003, 10 epochs: train 0.00123, test 0.0702 "
        "(half squared error), ‖w‖₂ = 5)"
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("loss_unit", "mse", "loss_unit must be one of .*, got 'mse'"),
        ("epochs", [5], r"of one length of at least 1, got \(1, 2, 2\)"),
        ("train_loss", [1.0, NAN], "train_loss must hold finite .*, got nan"),
        ("test_loss", [-1.0, 1.0], "test_loss must hold .* at least 0, got -1.0"),
    ],
)
def test_a_run_names_what_is_wrong_with_it(field, value, message):
    with pytest.raises(ValueError, match=message):
        make_run(**{field: value})


# Hostile arguments


@given(
    data=st.data(),
    dtype=dtypes,
    scale=scales,
    lambd=hostile(st.floats(0, 30)),
    lr=hostile(st.floats(1e-4, 0.1)),
    batch_size=hostile(st.integers(1, 9)),
    seed=hostile(st.integers(0, 2**30 - 1)),
)
def test_a_run_is_finite_and_its_losses_are_its_own_or_what_is_wrong_is_named(
    implementation, data, dtype, scale, **settings
):
    X, y = normal(3, 2, scale=scale, dtype=dtype), normal(3, 1, seed=1, dtype=dtype)
    problem = RegressionProblem(X, y, X, y, normal(2, 1, dtype=dtype), 0.0)
    w_init = normal(2, 1, seed=2, scale=data.draw(scales), dtype=dtype)

    run = attempt(
        implementation.train, problem=problem, epochs=2, w_init=w_init, **settings
    )

    if run is not REFUSED:
        assert all(bool(t.isfinite().all()) for t in (run.w, run.b))
        assert math.isfinite(run.w_norm)
        loss = UNIT[implementation] * mean_loss(X, y, run.w, run.b)
        assert run.train_loss == run.test_loss == [pytest.approx(loss, rel=1e-5)]


# Divergence


def advised_limits(error):
    """The limits in "Take lr below 0.1, or lambd below 18." by name."""
    found = re.findall(r"(lr|lambd) below (\S+?)[,.]?(?= |$)", str(error))
    return {name: float(limit) for name, limit in found}


def curvature(implementation, X):
    """The largest eigenvalue of the Hessian of the mean loss on X, by numpy."""
    A = np.hstack([X.double().numpy(), np.ones((len(X), 1))])
    return 2 * UNIT[implementation] * np.linalg.eigvalsh(A.T @ A / len(A))[-1]


@given(
    n=st.integers(1, 6),
    p=st.integers(1, 12),
    batch_size=st.integers(1, 7),
    lambd=st.floats(0, 1000),
    scale=st.floats(1e-3, 1e3),
    share=st.floats(0.5, 0.999),
    seed=st.integers(0, 999),
)
@example(n=4, p=3, batch_size=4, lambd=0.0, scale=1.0, share=0.999, seed=0)
@example(n=4, p=3, batch_size=4, lambd=500.0, scale=1.0, share=0.999, seed=0)
def test_no_run_diverges_inside_the_bound(
    implementation, n, p, batch_size, lambd, scale, share, seed
):
    problem = synthetic_data(n, 1, p, seed=seed)
    problem = dataclasses.replace(problem, X_train=scale * problem.X_train)
    epochs, generator = 30, torch.Generator().manual_seed(seed)
    torch.normal(0, 1, (p, 1), generator=generator)
    d_max = max(
        curvature(implementation, problem.X_train[rows])
        for _ in range(epochs)
        for rows in torch.randperm(n, generator=generator).split(batch_size)
    )

    implementation.train(
        problem,
        lambd,
        lr=share * 2 / (d_max + lambd),
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
    )


@given(
    n=st.integers(1, 6),
    p=st.integers(1, 12),
    lambd=st.floats(0, 1000),
    excess=st.floats(4, 100),
    seed=st.integers(0, 999),
)
def test_a_run_far_outside_the_bound_diverges_and_its_advice_helps(
    implementation, n, p, lambd, excess, seed
):
    problem = synthetic_data(n, 1, p, seed=seed)
    X, y = problem.X_train, problem.y_train
    problem = dataclasses.replace(problem, X_test=X, y_test=y)
    d_max = curvature(implementation, X)
    lr = excess * 2 / (d_max + lambd)
    same = {"epochs": 40, "batch_size": n, "seed": seed}

    with pytest.raises(DivergenceError) as caught:
        implementation.train(problem, lambd, lr=lr, **same)

    error = caught.value
    assert (error.lr, error.lambd) == (lr, lambd)
    assert error.d_max == pytest.approx(d_max, rel=1e-5)
    assert error.step == pytest.approx(2 * excess, rel=1e-5)

    # Up to that epoch the run cannot get, but to the one before the last it can: an
    # epoch that is not recorded may leave the last step for the next one to notice.
    with pytest.raises(DivergenceError):
        implementation.train(problem, lambd, lr=lr, **{**same, "epochs": error.epoch})
    if error.epoch > 2:
        shorter = {**same, "epochs": error.epoch - 2}
        implementation.train(problem, lambd, lr=lr, **shorter)

    # The advice; 0.5 % is what rounding to three digits may add.
    limits = advised_limits(error)
    implementation.train(problem, lambd, lr=0.995 * limits["lr"], **same)
    if "lambd" in limits:
        implementation.train(problem, 0.995 * limits["lambd"], lr=lr, **same)


def test_the_bound_is_that_of_the_steepest_batch(implementation):
    # One example a batch: curvatures 1 + x² = 2, 101 and 5, twice that without the ½.
    X = torch.tensor([[1.0], [10.0], [2.0]])
    problem = RegressionProblem(X, X, X, X, X[:1], 0)

    with pytest.raises(DivergenceError) as caught:
        implementation.train(problem, 0, lr=10, batch_size=1)

    d_max = {scratch: 101, concise: 202}[implementation]
    assert caught.value.d_max == pytest.approx(d_max)


def test_lambd_is_part_of_the_advice_only_where_it_can_help():
    data_alone = DivergenceError(epoch=3, lr=0.1, lambd=2, d_max=50)
    decay_alone = DivergenceError(epoch=3, lr=0.1, lambd=50, d_max=2)

    # 2 / 52 = 0.03846; without any λ the step is still 0.1 · 50 = 5.
    assert "lr below 0.0384." in str(data_alone)
    assert "lambd below" not in str(data_alone)
    # 2 / 0.1 - 2 = 18
    assert "lr below 0.0384, or lambd below 18." in str(decay_alone)


@pytest.mark.parametrize(("d_max", "lambd"), [(16.476, 811), (2.0, 1.0), (46, 1)])
def test_the_advice_is_never_above_the_bound(d_max, lambd):
    error = DivergenceError(epoch=3, lr=1, lambd=lambd, d_max=d_max)

    assert advised_limits(error)["lr"] * (d_max + lambd) <= 2


def test_divergence_says_where_it_happened_and_what_the_bound_is(
    implementation, problem
):
    with pytest.raises(DivergenceError) as caught:
        implementation.train(problem, lambd=1000, lr=0.0125)

    error, message = caught.value, str(caught.value)
    assert f"in epoch {error.epoch}:" in message
    assert "lr η = 0.0125" in message
    assert "lambd λ = 1000" in message
    assert "η(d_max + λ) < 2" in message
    assert f"= {0.0125 * (error.d_max + 1000):.3g}" in message
    assert isinstance(error, ArithmeticError)


@pytest.mark.parametrize("name", ["X_train", "y_train", "X_test", "y_test"])
def test_data_too_large_for_their_dtype_are_to_be_rescaled(implementation, name):
    problem = synthetic_data(4, 4, 3)
    huge = dataclasses.replace(problem, **{name: 1e30 * getattr(problem, name)})

    with pytest.raises(DivergenceError, match=r"rescale the data, or use float64\.$"):
        implementation.train(huge, 3, lr=1e-70)

    doubles = (tensor.double() for tensor in dataclasses.astuple(huge)[:5])
    implementation.train(RegressionProblem(*doubles, 0.05), 3, lr=1e-70)


@pytest.mark.parametrize("size", [1e200, 1e307])
def test_data_whose_curvature_is_beyond_a_float_are_to_be_rescaled(
    implementation, size
):
    X = torch.full((3, 2), size, dtype=torch.float64)
    y = torch.zeros(3, 1).double()
    problem = RegressionProblem(X, y, X, y, y[:2], 0)

    with pytest.raises(DivergenceError, match="rescale the data"):
        implementation.train(problem, 3)


@pytest.mark.parametrize("settings", [{"lambd": 1e39}, {"lambd": 3, "lr": 1e39}])
def test_settings_beyond_the_range_of_the_dtype_are_named(implementation, settings):
    with pytest.raises(ValueError, match=r"(lambd|lr) must be at most .*1e\+39"):
        implementation.train(synthetic_data(4, 4, 3), **settings)

    doubles = synthetic_data(4, 4, 3, dtype=torch.float64)
    with pytest.raises(DivergenceError, match=r"1e\+39"):
        implementation.train(doubles, **settings)


def test_a_divergence_is_noticed_within_its_epoch_even_if_none_is_recorded(
    implementation, small
):
    with pytest.raises(DivergenceError) as caught:
        implementation.train(small, 3, lr=1e200, epochs=4)

    assert caught.value.epoch < 4


def test_a_divergence_survives_pickling_and_copying():
    error = DivergenceError(epoch=3, lr=0.1, lambd=2.0, d_max=50.0)

    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert isinstance(twin, DivergenceError)
        assert str(twin) == str(error)
        assert (twin.epoch, twin.lr, twin.lambd, twin.d_max) == (3, 0.1, 2, 50)
        assert twin.step == pytest.approx(5.2)
