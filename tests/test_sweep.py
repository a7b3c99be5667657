"""A sweep, against the single runs it stands for."""

import importlib
import io
import json
import math
import sys
from contextlib import suppress
from dataclasses import FrozenInstanceError, replace
from itertools import accumulate, product
from operator import itemgetter
from types import SimpleNamespace

import pytest
import torch
from hostile import REFUSED, attempt, dtypes, hostile, normal, scales
from hypothesis import given
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile

import weight_decay
from weight_decay import (
    DivergenceError,
    RegressionProblem,
    concise,
    scratch,
    synthetic_data,
)
from weight_decay.sweep import FORMS, _plan, sweep

# The attribute `sweep` of the package may be the function, so not `import as`.
module = importlib.import_module("weight_decay.sweep")

DTYPES = [torch.float32, torch.float64]
LAMBDAS = [3, 0, 40]

# Rounding, relative and in units of y; the loss is compared by its root.
TOLERANCES = {torch.float32: (2e-5, 1e-5), torch.float64: (1e-11, 1e-13)}


def name_of(implementation):
    return implementation.__name__.split(".")[-1]


def problems_of(n, p, dtype=torch.float64, count=2):
    return [
        synthetic_data(n, 4, p, noise_std=0.5, seed=seed, dtype=dtype)
        for seed in range(count)
    ]


def assert_close(actual, expected, dtype):
    rtol, atol = TOLERANCES[dtype]
    expected = torch.as_tensor(expected, dtype=dtype)
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=True)


def assert_is_the_run(result, i, j, run):
    """Entry (i, j) of the result is that run."""
    dtype = run.w.dtype
    assert (result.lambdas[i], result.lr) == (run.lambd, run.lr)
    assert (result.loss_unit, result.epochs) == (run.loss_unit, run.epochs)
    assert torch.equal(result.w_init[j], run.w_init)
    assert torch.equal(result.b_init[j], run.b_init)
    for actual, expected in (
        (result.train_loss, run.train_loss),
        (result.test_loss, run.test_loss),
    ):
        expected = torch.tensor(expected, dtype=dtype)
        assert_close(actual[i, j].sqrt(), expected.sqrt(), dtype)
    assert_close(result.w_norm[i, j], run.w_norm, dtype)
    assert_close(result.b[i, j], run.b[0], dtype)
    assert_close(result.weight(i, j), run.w, dtype)
    assert not result.diverged[i, j]


def assert_same(result, other, dtype):
    """The two results hold the same numbers."""
    for name in ("train_loss", "test_loss"):
        assert_close(getattr(result, name).sqrt(), getattr(other, name).sqrt(), dtype)
    for name in ("w_norm", "b", "w_init", "b_init"):
        assert_close(getattr(result, name), getattr(other, name), dtype)
    assert torch.equal(result.diverged, other.diverged)
    for i, j in torch.cartesian_prod(*map(torch.arange, result.w_norm.shape)).tolist():
        assert_close(result.weight(i, j), other.weight(i, j), dtype)


# Each entry is a run


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [3, 20], ids="B={}".format)
@pytest.mark.parametrize(("n", "p"), [(7, 10), (10, 7)])
def test_every_entry_is_the_single_run(implementation, n, p, batch_size, dtype, form):
    problems = problems_of(n, p, dtype)
    settings = {"lr": 0.01, "epochs": 7, "batch_size": batch_size}
    seeds = [4, 1]

    result = sweep(
        problems,
        LAMBDAS,
        implementation=name_of(implementation),
        seeds=seeds,
        form=form,
        **settings,
    )

    assert (result.form, result.epochs) == (form, [5, 7])
    for i, lambd in enumerate(LAMBDAS):
        for j, problem in enumerate(problems):
            run = implementation.train(problem, lambd, seed=seeds[j], **settings)
            assert_is_the_run(result, i, j, run)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_chapters_runs_by_default(implementation, dtype):
    problem = synthetic_data(dtype=dtype)

    result = sweep([problem] * 2, [0, 3, 10], implementation=name_of(implementation))

    assert (result.seeds, result.form) == ([0, 1], "examples")
    for i, j in [(1, 1), (2, 0)]:
        run = implementation.train(problem, [0, 3, 10][i], seed=j)
        assert_is_the_run(result, i, j, run)


@pytest.mark.parametrize("form", FORMS)
def test_a_start_that_was_passed_is_that_of_every_run(implementation, form):
    problems = problems_of(5, 8)
    start = {"w_init": torch.ones(8, 1).double(), "b_init": torch.full((1,), 2.0)}
    start["b_init"] = start["b_init"].double()

    result = sweep(
        problems,
        [0, 5],
        implementation=name_of(implementation),
        epochs=3,
        form=form,
        **start,
    )

    for i, j in [(0, 0), (1, 1)]:
        run = implementation.train(
            problems[j], result.lambdas[i], epochs=3, seed=j, **start
        )
        assert_is_the_run(result, i, j, run)


@given(
    data=st.data(),
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    dtype=dtypes,
    scale=scales,
    lambdas=st.lists(hostile(st.floats(0, 30)), min_size=1, max_size=2),
    implementation=hostile(st.sampled_from(["scratch", "concise"])),
    lr=hostile(st.floats(1e-4, 0.05)),
    epochs=st.integers(1, 6),
    batch_size=hostile(st.integers(1, 7)),
    seeds=st.none() | st.lists(hostile(st.integers(0, 9)), min_size=2, max_size=2),
    form=hostile(st.sampled_from([None, *FORMS])),
)
def test_every_entry_is_its_run_or_nan_or_what_is_wrong_is_named(
    data, sizes, dtype, scale, lambdas, **settings
):
    (n, p), problems = sizes, []
    for size in (scale, 1.0):
        X, y = normal(n, p, scale=size, dtype=dtype), normal(n, 1, dtype=dtype)
        problems.append(RegressionProblem(X, y, X, y, normal(p, 1, dtype=dtype), 0.0))
    for name, shape in (("w_init", (p, 1)), ("b_init", (1,))):
        start = normal(*shape, seed=2, dtype=dtype)
        settings[name] = data.draw(st.sampled_from([None, start]))

    result = attempt(sweep, problems=problems, lambdas=lambdas, **settings)

    if result is REFUSED:
        return
    module = {"scratch": scratch, "concise": concise}[settings["implementation"]]
    same = {k: settings[k] for k in ("lr", "epochs", "batch_size", "w_init", "b_init")}
    tolerance = 1e-9 if dtype == torch.float64 else 1e-3
    for i, j in product(range(len(lambdas)), range(2)):
        entry = torch.cat([result.weight(i, j)[:, 0], result.b[i, j, None]])
        losses = torch.cat([result.train_loss[i, j], result.test_loss[i, j]])
        if result.diverged[i, j]:
            assert entry.isnan().all()
            assert not losses.isinf().any()
            continue
        assert entry.isfinite().all()
        assert losses.isfinite().all()
        # Near the range of the dtype one may see a divergence that the other misses.
        with suppress(DivergenceError):
            run = module.train(problems[j], lambdas[i], seed=result.seeds[j], **same)
            theta = torch.cat([run.w[:, 0], run.b])
            error = float((entry - theta).abs().max())
            assert error <= tolerance * (1 + run.w_norm + abs(float(run.b)))


# Divergence


@pytest.mark.parametrize("form", FORMS)
def test_a_diverging_run_is_reported_and_spoils_no_other(problem, implementation, form):
    settings = {"implementation": name_of(implementation), "form": form, "epochs": 22}
    with pytest.raises(DivergenceError) as failure:
        implementation.train(problem, 1500, epochs=22)

    mixed = sweep([problem] * 3, [0, 1500, 3], **settings)
    tame = sweep([problem] * 3, [0, 1, 3], **settings)

    assert mixed.diverged.tolist() == [[False] * 3, [True] * 3, [False] * 3]
    for name in ("train_loss", "test_loss", "w_norm", "b"):
        assert torch.equal(getattr(mixed, name)[::2], getattr(tame, name)[::2])
    assert torch.equal(mixed.weight(2, 2), tame.weight(2, 2))
    failed = torch.tensor(mixed.epochs) >= failure.value.epoch
    assert 0 < failed.sum() < len(failed)
    for loss in (mixed.train_loss, mixed.test_loss):
        assert torch.equal(loss[1, 0].isnan(), failed)
        assert not loss.isinf().any()
    assert mixed.w_norm[1].isnan().all()
    assert mixed.b[1].isnan().all()
    assert mixed.weight(1, 0).isnan().all()


@pytest.mark.parametrize("form", FORMS)
def test_a_loss_that_overflows_between_two_records_is_divergence_too(problem, form):
    # w shrinks tenfold a step, and is small again when the losses are recorded.
    start = {"w_init": torch.full((200, 1), 1e21), "batch_size": 20}
    with pytest.raises(DivergenceError, match="epoch 1:"):
        scratch.train(problem, 9e5, lr=1e-6, epochs=40, **start)

    result = sweep([problem], [9e5], lr=1e-6, epochs=40, form=form, **start)

    assert result.diverged.all()
    assert result.train_loss.isnan().all()


@pytest.mark.parametrize("form", FORMS)
def test_a_start_at_the_minimum_stays_there_whatever_the_step(form):
    X, y = torch.ones(2, 3).double(), torch.zeros(2, 1).double()
    problem = RegressionProblem(X, y, X, y, torch.zeros(3, 1).double(), 0)
    settings = {"lr": 1, "epochs": 200, "w_init": problem.w_true}

    result = sweep([problem], [1000], form=form, **settings)

    # (1 − ηλ)ᵗ has left the range of a float64 by now; times 0 it is still 0.
    assert scratch.train(problem, 1000, **settings).w_norm == 0
    assert result.w_norm.tolist() == result.train_loss[..., -1].tolist() == [[0]]
    assert result.weight(0, 0).tolist() == [[0]] * 3


@pytest.mark.parametrize("form", FORMS)
def test_a_norm_whose_square_overflows_is_divergence_and_no_infinity(form):
    X, y, start = torch.zeros(2, 4), torch.ones(2, 1), torch.full((4, 1), 1e25)
    problem = RegressionProblem(X, y, X, y, start, 0)

    result = sweep(
        [problem], [0], implementation="concise", form=form, epochs=1, w_init=start
    )

    assert result.diverged.all()
    assert result.w_norm.isnan().all()
    assert result.weight(0, 0).isnan().all()


# Chunks and memory


def mebibytes(problems, form, lambdas=1, count=1, batch_size=5):
    """The bound into which so many λ and problems just fit."""
    fixed, per_problem, per_run, _ = module._bytes(problems, batch_size, form)
    return (fixed + count * (per_problem + lambdas * per_run)) / 2**20


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("lambdas", "count"), [(1, 1), (2, 1), (3, 1), (3, 2)])
def test_the_cut_into_chunks_changes_nothing(form, shared, lambdas, count):
    problems = problems_of(5, 8, count=1) * 5 if shared else problems_of(5, 8, count=5)
    settings = {"epochs": 6, "form": form, "implementation": "concise"}
    memory = mebibytes(problems, form, lambdas, count)
    plan = _plan(problems, 3, 5, form, memory * 2**20)
    assert (plan.num_lambdas, plan.num_problems) == (lambdas, count)

    result = sweep(problems, LAMBDAS, memory_mib=memory, **settings)

    assert_same(result, sweep(problems, LAMBDAS, **settings), torch.float64)


@given(
    sizes=st.tuples(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50)),
    num_problems=st.integers(1, 40),
    shared=st.booleans(),
    num_lambdas=st.integers(1, 200),
    batch_size=st.integers(1, 60),
    form=st.sampled_from([None, *FORMS]),
    mib=st.floats(1e-3, 2),
)
def test_every_plan_keeps_to_the_memory(
    sizes, num_problems, shared, num_lambdas, batch_size, form, mib
):
    n, m, p = sizes
    problem = synthetic_data(n, m, p)
    problems = [problem if shared else replace(problem) for _ in range(num_problems)]

    try:
        plan = _plan(problems, num_lambdas, batch_size, form, mib * 2**20)
    except ValueError as error:
        needed = float(str(error).split("at least ")[1].split()[0])
        assert mib < needed
        plan = _plan(problems, num_lambdas, batch_size, form, needed * 2**20)
        mib = needed

    assert 1 <= plan.num_lambdas <= num_lambdas
    assert 1 <= plan.num_problems <= num_problems
    assert plan.num_bytes <= mib * 2**20
    assert plan.form == (form or "weights") or (form is None and n < p)


def test_a_square_matrix_that_does_not_fit_is_done_without():
    problems = [synthetic_data(60, 1, 70)]
    memory = mebibytes(problems, "weights")
    assert memory < mebibytes(problems, "examples")

    result = sweep(problems, [3], epochs=1, memory_mib=memory)

    assert result.form == "weights"
    assert_is_the_run(result, 0, 0, scratch.train(problems[0], 3, epochs=1))


def test_only_a_cpu_has_a_cache_to_stay_in():
    def problem(device):
        X_train, X_test = (torch.empty(n, 200, device=device) for n in (20, 100))
        return SimpleNamespace(X_train=X_train, test_set=(X_test, None))

    on_cpu = _plan([problem("cpu")] * 900, 64, 5, None, 2**28)
    elsewhere = _plan([problem("meta")] * 900, 64, 5, None, 2**28)

    assert on_cpu.num_problems < elsewhere.num_problems == 900
    assert on_cpu.form == elsewhere.form == "examples"


@pytest.mark.parametrize("form", FORMS)
def test_many_lambdas_in_one_sweep_are_cut_to_the_cache_too(problem, form):
    plan = _plan([problem], 160_000, 5, form, 2**28)

    *_, per_step = module._bytes([problem], 5, form)
    assert 0.9 < plan.num_lambdas * per_step / module.CACHE_BYTES <= 1


def test_the_lambdas_may_be_a_tensor(small):
    lambdas = torch.logspace(-1, 1, 3)

    result = sweep([small], lambdas, epochs=1, seeds=torch.arange(1))

    assert (result.lambdas, result.seeds) == (lambdas.tolist(), [0])
    assert {type(lambd) for lambd in result.lambdas} == {float}


@pytest.mark.parametrize("form", FORMS)
def test_problems_without_a_test_set_have_training_losses_only(small, form):
    bare = RegressionProblem(small.X_train, small.y_train)

    result, whole = (sweep([each], [0, 3], form=form) for each in (bare, small))

    assert torch.equal(result.train_loss, whole.train_loss)
    assert result.test_loss.shape == (2, 1, 0)
    assert not result.diverged.any()
    with pytest.raises(ValueError, match=r"problems\[1\] must have the shapes"):
        sweep([bare, small], [0])


def test_the_package_offers_the_function():
    assert weight_decay.sweep is sweep


def peak_and_rest(work, folder):
    """The tensor bytes that were in use at most, and at the end, while work ran."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = work()
    profiler.export_chrome_trace(str(folder / "trace.json"))
    events = json.loads((folder / "trace.json").read_text("utf-8"))["traceEvents"]
    changes = [event for event in events if event["name"] == "[memory]"]
    changes.sort(key=itemgetter("ts"))
    in_use = list(accumulate(int(change["args"]["Bytes"]) for change in changes))
    del kept
    return max(in_use), in_use[-1]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("sizes", [(20, 500, 30), (20, 100, 200), (90, 90, 10)])
def test_the_memory_in_use_stays_below_the_bound(sizes, shared, form, tmp_path):
    problem, lambdas = synthetic_data(*sizes), [float(i) for i in range(40)]
    problems = [problem if shared else replace(problem) for _ in range(80)]
    settings = {"epochs": 2, "form": form, "seeds": range(80)}
    plan = _plan(problems, 40, 5, form, 2 * 2**20)
    assert plan.num_problems < 80

    peak, result = peak_and_rest(
        lambda: sweep(problems, lambdas, memory_mib=2, **settings), tmp_path
    )

    assert 0.3 * plan.num_bytes < peak - result < plan.num_bytes <= 2 * 2**20


# The progress bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stderr", "progress", "delay", "shows"),
    [
        (io.StringIO, None, 0, False),
        (io.StringIO, False, 0, False),
        (io.StringIO, True, 0, True),
        (Terminal, None, 0, True),
        (Terminal, None, 600, False),
        (Terminal, False, 0, False),
        (Terminal, True, 600, True),
    ],
)
def test_when_the_progress_bar_shows(monkeypatch, stderr, progress, delay, shows):
    written = stderr()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(module, "PROGRESS_DELAY", delay)
    problems = problems_of(5, 8, count=1) * 3
    memory = mebibytes(problems, "examples")  # for one run: six chunks

    sweep(problems, [0, 3], epochs=4, memory_mib=memory, progress=progress)

    assert ("24/24" in written.getvalue()) == shows
    assert bool(written.getvalue()) == shows


# What a sweep leaves alone, and what it leaves behind


def test_nothing_global_and_no_argument_is_touched():
    problems, seeds, start = problems_of(5, 8), [3, 1], torch.ones(8, 1).double()
    before = [problem.X_train.clone() for problem in problems]
    state = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        in_float64 = sweep(problems_of(5, 8, torch.float32), LAMBDAS, epochs=6)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)

    result = sweep(problems, LAMBDAS, seeds=seeds, w_init=start, epochs=6)

    in_float32 = sweep(problems_of(5, 8, torch.float32), LAMBDAS, epochs=6)
    assert torch.equal(in_float32.train_loss, in_float64.train_loss)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == 1
    assert (LAMBDAS, seeds) == ([3, 0, 40], [3, 1])
    assert torch.equal(start, torch.ones(8, 1).double())
    for problem, X in zip(problems, before, strict=True):
        assert torch.equal(problem.X_train, X)
    assert not result.train_loss.requires_grad


def test_the_result_is_frozen_and_its_weights_are_copies():
    for form in FORMS:
        result = sweep(problems_of(5, 8), [0, 3], epochs=1, form=form)
        w = result.weight(1, 1)

        w.clone().zero_()
        result.weight(1, 1).zero_()

        assert torch.equal(result.weight(1, 1), w)
        assert math.isclose(float(w.norm()), float(result.w_norm[1, 1]))
        with pytest.raises(FrozenInstanceError):
            result.lr = 1


@pytest.mark.parametrize(
    ("i", "j", "error", "told"),
    [
        (2, 0, IndexError, "i must be below 2, got 2"),
        (0, -3, IndexError, "j must be below 2, got -3"),
        (0.0, 0, TypeError, "i must be an integer, got 0.0"),
    ],
)
def test_a_weight_that_is_not_there_is_named(i, j, error, told):
    result = sweep(problems_of(5, 8), [0, 3], epochs=1)

    with pytest.raises(error, match=f"^{told}$"):
        result.weight(i, j)
    assert torch.equal(result.weight(-1, -2), result.weight(1, 0))


def test_a_result_says_what_it_is(problem):
    result = sweep([problem] * 2, [0, 3, 1500], lr=0.003, epochs=22)

    assert repr(result) == (
        "SweepResult(3 λ × 2 problems, η = 0.003, 22 epochs, half squared error: "
        "2 diverged)"
    )


# Wrong arguments

GOOD = synthetic_data(3, 2, 4)
OTHERS = [
    synthetic_data(5, 2, 4),
    synthetic_data(3, 3, 4),
    synthetic_data(3, 2, 5),
    synthetic_data(3, 2, 4, dtype=torch.float64),
]


@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_problems_that_do_not_match_are_named(other):
    with pytest.raises(
        ValueError, match=r"^problems\[2\] must .*problems\[0\]"
    ) as info:
        sweep([GOOD, GOOD, other], [0])

    assert repr(GOOD) in str(info.value)
    assert repr(other) in str(info.value)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"problems": GOOD}, TypeError, r"^problems must be a sequence, got Regr"),
        ({"problems": []}, ValueError, r"^problems must not be empty, got \[\]"),
        ({"problems": [GOOD, 3]}, TypeError, r"^problems\[1\] must be a Regr.* got 3"),
        ({"lambdas": ()}, ValueError, r"^lambdas must not be empty, got \(\)"),
        ({"lambdas": [0, -1]}, ValueError, r"^lambdas\[1\] .*, got -1"),
        ({"lambdas": ["3"]}, TypeError, r"^lambdas\[0\] .*, got '3'"),
        ({"lambdas": [0, 1e39]}, ValueError, r"^lambdas\[1\] must be at most 3.4e\+38"),
        ({"lr": 1e39}, ValueError, r"^lr must be at most 3.4e\+38"),
        (
            {"lr": 3e38, "implementation": "concise"},
            ValueError,
            r"^2 \* lr must be at most 3.4e\+38",
        ),
        ({"seeds": [0, 1, 2]}, ValueError, r"^seeds .* 2 problems, got 3"),
        ({"seeds": [0, -1]}, ValueError, r"^seeds\[1\] must be at .*, got -1"),
        ({"seeds": [0.5, 1]}, TypeError, r"^seeds\[0\] must be an .*, got 0.5"),
        ({"w_init": torch.zeros(4)}, ValueError, r"^w_init .*\(4, 1\), got \(4,\)"),
        ({"memory_mib": 1e-4}, ValueError, r"^memory_mib must be at least 0.*0.0001"),
    ],
)
def test_wrong_arguments_are_named(wrong, error, message):
    arguments = {"problems": [GOOD] * 2, "lambdas": [0, 3], "epochs": 1} | wrong

    with pytest.raises(error, match=message):
        sweep(**arguments)
