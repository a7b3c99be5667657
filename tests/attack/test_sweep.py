"""The sweep under attack: each entry is its single run, or the error has a name."""

import pytest
import torch
from attack.hostile import (
    REFUSED,
    Unshowable,
    anything,
    assert_finite,
    attempt,
    counts,
    dtypes,
    hostile,
    maybe,
    normal,
    scales,
)
from hypothesis import given
from hypothesis import strategies as st

from weight_decay import DivergenceError, RegressionProblem, concise, scratch
from weight_decay.sweep import FORMS, sweep

MODULES = {"scratch": scratch, "concise": concise}
shapes = st.sampled_from([(3, 2), (2, 4), (1, 1)])
forms = hostile(st.sampled_from([None, *FORMS]))


def problem_of(shape, dtype=torch.float64, scale=1.0, seed=0):
    n, p = shape
    scale = min(scale, torch.finfo(dtype).max / 32)
    X, y = normal(n, p, seed=seed, scale=scale, dtype=dtype), normal(n, 1, dtype=dtype)
    return RegressionProblem(X, y, X, y, normal(p, 1, dtype=dtype), 0.0)


@given(
    data=st.data(),
    shape=shapes,
    dtype=dtypes,
    scale=scales,
    lambdas=st.lists(hostile(st.floats(0, 30)), min_size=1, max_size=2),
    implementation=hostile(st.sampled_from([*MODULES])),
    lr=hostile(st.floats(1e-4, 0.1)),
    epochs=st.integers(1, 6),
    batch_size=counts(3),
    seeds=st.none() | st.lists(hostile(st.integers(0, 9)), min_size=2, max_size=2),
    form=forms,
    memory_mib=hostile(st.floats(0.02, 1e300)),
    progress=st.sampled_from([None, False, 0, "no", Unshowable()]),
)
def test_every_entry_is_its_run_or_nan_or_what_is_wrong_is_named(
    data, shape, dtype, scale, lambdas, **settings
):
    problems = [problem_of(shape, dtype, scale), problem_of(shape, dtype, 1, seed=1)]
    w_init = normal(shape[1], 1, seed=2, dtype=dtype)
    settings["w_init"] = data.draw(st.none() | st.just(w_init))
    if settings["w_init"] is not None:
        settings["w_init"] = maybe(data.draw, w_init, "w_init")

    result = attempt(sweep, problems=problems, lambdas=lambdas, **settings)

    if result is REFUSED:
        return
    train = MODULES[settings["implementation"]].train
    same = {k: settings[k] for k in ("lr", "epochs", "batch_size", "w_init")}
    tolerance = 1e-9 if dtype == torch.float64 else 1e-3
    for i, lambd in enumerate(lambdas):
        for j, problem in enumerate(problems):
            entry = result.w_norm[i, j], result.b[i, j], result.weight(i, j)
            losses = result.train_loss[i, j], result.test_loss[i, j]
            if result.diverged[i, j]:
                assert all(bool(tensor.isnan().all()) for tensor in entry)
                assert not any(loss.isinf().any() for loss in losses)
                continue
            assert_finite(*entry, *losses)
            try:
                run = train(problem, lambd, seed=result.seeds[j], **same)
            except DivergenceError:
                continue  # a step later than the sweep looks, or a step earlier
            size = 1 + run.w_norm + abs(float(run.b))
            assert abs(float(entry[0]) - run.w_norm) <= tolerance * size
            assert float((entry[2] - run.w).abs().max()) <= tolerance * size


@given(
    lambd=st.floats(0, 1e3),
    share=st.floats(1e-3, 0.99),
    scale=st.floats(1e-3, 1e3),
    form=st.sampled_from(FORMS),
    implementation=st.sampled_from([*MODULES]),
)
def test_no_entry_diverges_inside_the_bound(lambd, share, scale, form, implementation):
    problem = problem_of((3, 4), scale=scale)
    A = torch.nn.functional.pad(problem.X_train, (0, 1), value=1.0)
    d_max = 2 * float(torch.linalg.matrix_norm(A, ord=2)) ** 2 / 3

    result = sweep(
        [problem],
        [lambd],
        implementation=implementation,
        form=form,
        lr=share * 2 / (d_max + lambd),
        batch_size=3,
        epochs=20,
    )

    assert not result.diverged.any()
    assert_finite(result.train_loss, result.w_norm, result.b)


@given(name=st.sampled_from(["problems", "lambdas", "seeds", "epochs"]), value=anything)
def test_a_wrong_argument_of_any_kind_has_a_name(name, value):
    good = {"problems": [problem_of((2, 2))], "lambdas": [3], "epochs": 1, "seeds": [0]}
    if name == "epochs" and type(value) is int and value > 10:
        return  # no error: it takes for ever, as it was asked to

    attempt(sweep, **{**good, name: value})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("implementation", MODULES)
def test_a_norm_whose_square_overflows_is_divergence_and_no_infinity(
    implementation, form
):
    problem = problem_of((2, 4), torch.float32, 0.0)
    start = {"w_init": torch.full((4, 1), 1e25), "b_init": torch.zeros(1)}

    result = sweep(
        [problem],
        [0.0, 3.0],
        implementation=implementation,
        form=form,
        epochs=1,
        **start,
    )

    assert result.diverged.all()
    assert result.w_norm.isnan().all()
    assert result.weight(0, 0).isnan().all()
    # The single run by hand fails in its penalty; the concise one has none, and its
    # norm is computed without squares.
    if implementation == "scratch":
        with pytest.raises(DivergenceError):
            scratch.train(problem, 0.0, epochs=1, **start)
    else:
        assert concise.train(problem, 0.0, epochs=1, **start).w_norm == pytest.approx(
            2e25
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lambdas": [0, 1e39]}, r"lambdas\[1\] must be at most 3.4e\+38 for"),
        ({"lr": 1e39}, r"lr must be at most 3.4e\+38"),
        (
            {"lr": 3e38, "implementation": "concise"},
            r"2 \* lr must be at most 3.4e\+38",
        ),
    ],
)
def test_settings_beyond_float32_are_refused_as_in_the_single_run(wrong, message):
    arguments = {"problems": [problem_of((2, 2), torch.float32)], "lambdas": [0]}

    with pytest.raises(ValueError, match=message):
        sweep(**(arguments | wrong), epochs=1)


@given(i=anything | st.integers(-4, 4), j=anything | st.integers(-4, 4))
def test_a_weight_is_that_of_the_entry_or_the_wrong_index_is_named(result, i, j):
    w = attempt(result.weight, i=i, j=j)

    if w is not REFUSED:
        norm = result.w_norm[int(i), int(j)]
        assert float(w.norm()) == pytest.approx(float(norm), rel=1e-12)
    elif isinstance(i, int) and isinstance(j, int) and not {i, j} & {True}:
        assert not -2 <= i < 2 or not -3 <= j < 3


@pytest.fixture(scope="module")
def result():
    return sweep([problem_of((2, 4))] * 3, [0, 3], epochs=1)
