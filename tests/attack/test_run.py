"""Both `train`, a `Run`, and the error of a run that fails, under attack."""

import math
import pickle

import pytest
import torch
from attack.hostile import (
    INF,
    NAN,
    REFUSED,
    anything,
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

from weight_decay import (
    DivergenceError,
    RegressionProblem,
    Run,
    concise,
    scratch,
    synthetic_data,
)
from weight_decay.run import largest_curvature

UNIT = {scratch: 0.5, concise: 1.0}


def problem_of(n, p, dtype, scale):
    scale = min(scale, torch.finfo(dtype).max / 32)
    X, y = normal(n, p, scale=scale, dtype=dtype), normal(n, 1, seed=1, dtype=dtype)
    return RegressionProblem(X, y, X, y, normal(p, 1, dtype=dtype), 0.0)


# Training


@given(
    data=st.data(),
    dtype=dtypes,
    scale=scales,
    lambd=hostile(st.floats(0, 30)),
    lr=hostile(st.floats(1e-4, 0.1)),
    epochs=st.integers(1, 3) | st.sampled_from([0, -1, 2.0, None, NAN, True]),
    batch_size=counts(4) | st.just(10**30),
    seed=hostile(st.integers(0, 2**30 - 1)),
    start=st.booleans(),
)
def test_a_run_is_finite_and_its_losses_are_its_own_or_what_is_wrong_is_named(
    implementation, data, dtype, scale, start, **settings
):
    problem = problem_of(3, 2, dtype, scale)
    if start:
        largest = torch.finfo(dtype).max / 32
        w_init = normal(2, 1, seed=2, scale=min(data.draw(scales), largest)).to(dtype)
        settings["w_init"] = maybe(data.draw, w_init, "w_init")
        settings["b_init"] = maybe(data.draw, normal(1, dtype=dtype), "b_init")

    run = attempt(implementation.train, problem=problem, **settings)

    if run is not REFUSED:
        assert_finite(run.w, run.b, run.w_init, run.b_init, run.w_norm)
        assert_finite(run.train_loss, run.test_loss)
        residual = problem.X_train @ run.w + run.b - problem.y_train
        loss = UNIT[implementation] * float(residual.square().mean())
        assert run.train_loss[-1] == pytest.approx(loss, rel=1e-5)
        assert run.train_loss == run.test_loss
        if settings.get("w_init") is not None:
            assert bits(run.w_init) == bits(settings["w_init"])


@given(
    dtype=dtypes,
    lambd=st.floats(0, 1e3),
    lr=st.floats(1e-6, 1e3),
    scale=st.floats(1e-9, 1e9),
)
def test_one_full_batch_step_is_the_formula_at_any_size(
    implementation, dtype, lambd, lr, scale
):
    problem = problem_of(3, 2, dtype, scale)
    w, b = normal(2, 1, seed=2, dtype=dtype), normal(1, seed=3, dtype=dtype)

    run = attempt(
        implementation.train,
        problem=problem,
        lambd=lambd,
        lr=lr,
        epochs=1,
        batch_size=3,
        w_init=w,
        b_init=b,
    )

    if run is REFUSED:  # the squares of a step this long overflow
        assert dtype == torch.float32
        return
    X, y, w, b = (t.double() for t in (problem.X_train, problem.y_train, w, b))
    residual = 2 * UNIT[implementation] * (X @ w + b - y) / 3
    terms = [w, -lr * lambd * w, -lr * (X.T @ residual)]
    size = 1e-30 + sum(float(term.abs().max()) for term in terms)
    error = float((run.w.double() - sum(terms)).abs().max())
    assert error <= 20 * torch.finfo(dtype).eps * size * (1 + scale)


@pytest.mark.parametrize("inside", [True, False])
def test_inference_mode_changes_no_run(implementation, inside):
    expected = implementation.train(synthetic_data(4, 2, 3), 3, epochs=2)

    with torch.inference_mode():
        problem = synthetic_data(4, 2, 3)
        start = {"w_init": expected.w_init.clone(), "b_init": expected.b_init.clone()}
        if inside:
            run = implementation.train(problem, 3, epochs=2, **start)
    if not inside:
        run = implementation.train(problem, 3, epochs=2, **start)

    assert torch.equal(run.w, expected.w)
    assert run.test_loss == expected.test_loss


def test_minus_zero_is_zero(implementation):
    run = implementation.train(synthetic_data(4, 2, 3), -0.0, epochs=1)

    assert math.copysign(1, run.lambd) == 1


# What a run is


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("loss_unit", "mse", "loss_unit must be one of .*, got 'mse'"),
        ("epochs", [5, 10], r"of one length of at least 1, got \(2, 1, 1\)"),
        ("train_loss", [NAN], "train_loss must hold finite .*, got nan"),
        ("test_loss", [-1.0], "test_loss must hold .* at least 0, got -1.0"),
    ],
)
def test_a_run_names_what_is_wrong_with_it(field, value, message):
    w = torch.zeros(1, 1)
    fields = {"loss_unit": "squared error", "epochs": [5]}
    fields |= {"train_loss": [1.0], "test_loss": [1.0], field: value}

    with pytest.raises(ValueError, match=message):
        Run(lambd=3, lr=0.1, w=w, b=w[0], w_init=w, b_init=w[0], **fields)


@given(
    lambd=st.floats(0, 9),
    loss_unit=st.sampled_from(["half squared error", "squared error", "mse", ""]),
    epochs=st.lists(st.integers(1, 9), max_size=2),
    train_loss=st.lists(st.floats(), max_size=2),
    test_loss=st.lists(st.floats(), max_size=2),
    scale=scales,
)
def test_a_run_can_be_shown_or_what_is_wrong_with_it_is_named(scale, **fields):
    w, b = normal(3, 1, scale=scale), torch.zeros(1).double()

    run = attempt(Run, lr=0.1, w=w, b=b, w_init=w, b_init=b, **fields)

    if run is not REFUSED:
        assert_finite(run.train_loss, run.test_loss, run.w_norm)
        assert run.w_norm == math.hypot(*w[:, 0].tolist())
        assert repr(run).startswith("Run(λ = ")
    else:
        lists = [fields[k] for k in ("epochs", "train_loss", "test_loss")]
        assert (
            "squared" not in fields["loss_unit"]
            or len(set(map(len, lists))) > 1
            or not lists[0]
            or not all(0 <= loss < INF for loss in lists[1] + lists[2])
        )


@given(
    n=st.integers(1, 3),
    p=st.integers(1, 3),
    data=st.data(),
    scale=scales,
    dtype=dtypes,
)
def test_the_curvature_is_an_eigenvalue_or_what_is_wrong_is_named(
    n, p, data, scale, dtype
):
    X = normal(n, p, scale=scale, dtype=dtype)

    X = maybe(data.draw, X, "X")

    curvature = attempt(largest_curvature, X=X)

    if curvature is not REFUSED:
        A = torch.nn.functional.pad(X.detach().double(), (0, 1), value=1.0)
        top = float(A.abs().max())
        scaled = torch.linalg.eigvalsh((A / top).T @ (A / top))[-1]
        unit = top / len(X) * top  # X may have got twice as long
        assert curvature == pytest.approx(unit * float(scaled), rel=1e-12)


@given(
    epoch=st.integers(1, 99),
    lr=st.floats(),
    lambd=st.floats(),
    d_max=st.floats(),
)
def test_the_error_can_always_be_read_and_sent(epoch, lr, lambd, d_max):
    error = DivergenceError(epoch, lr, lambd, d_max)

    assert f"in epoch {epoch}:" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@given(name=st.sampled_from(["problem", "lambd", "lr", "seed"]), value=anything)
def test_train_never_raises_an_error_without_a_name(implementation, name, value):
    problem = problem_of(2, 2, torch.float64, 1)

    attempt(
        implementation.train,
        **{"problem": problem, "lambd": 3, "epochs": 1, "batch_size": 2, name: value},
    )


@pytest.mark.parametrize("lr", [NAN, INF, -INF, 0, 1e39])
def test_a_rate_beyond_float32_is_refused(implementation, lr):
    problem = problem_of(2, 2, torch.float32, 1)

    assert attempt(implementation.train, problem=problem, lambd=0, lr=lr) is REFUSED
