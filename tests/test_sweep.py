"""A sweep, against the single runs it stands for."""

import importlib
import inspect
import io
import json
import math
import sys
from dataclasses import FrozenInstanceError, replace
from itertools import accumulate
from operator import itemgetter
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile

from weight_decay import DivergenceError, RegressionProblem, scratch, synthetic_data
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


@pytest.mark.parametrize("form", [None, *FORMS])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [3, 7, 20], ids="B={}".format)
@pytest.mark.parametrize(("n", "p"), [(7, 10), (10, 7), (7, 7)])
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

    assert result.form == (form or ("examples" if n < p else "weights"))
    assert result.epochs == [5, 7]
    for i, lambd in enumerate(LAMBDAS):
        for j, problem in enumerate(problems):
            run = implementation.train(problem, lambd, seed=seeds[j], **settings)
            assert_is_the_run(result, i, j, run)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_the_chapters_runs_by_default(implementation, dtype, form):
    problem = synthetic_data(dtype=dtype)

    result = sweep(
        [problem] * 2, [0, 3, 10], implementation=name_of(implementation), form=form
    )

    assert result.seeds == [0, 1]
    for i, j in [(0, 0), (1, 1), (2, 0)]:
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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("which", ["w_init", "b_init"])
def test_one_start_may_be_passed_and_the_other_drawn(implementation, which, form):
    [problem] = problems_of(5, 8, count=1)
    start = {which: torch.zeros(8, 1) if which == "w_init" else torch.zeros(1)}
    start = {which: start[which].double()}

    result = sweep(
        [problem],
        [5],
        implementation=name_of(implementation),
        epochs=3,
        form=form,
        **start,
    )

    run = implementation.train(problem, 5, epochs=3, **start)
    assert_is_the_run(result, 0, 0, run)


@given(
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 6)),
    lambdas=st.lists(st.floats(0, 30), min_size=1, max_size=3),
    seeds=st.lists(st.integers(0, 2**30 - 1), min_size=1, max_size=2),
    lr=st.floats(1e-4, 0.05),
    epochs=st.integers(1, 6),
    batch_size=st.integers(1, 7),
    name=st.sampled_from(["scratch", "concise"]),
)
def test_both_forms_are_the_single_runs(
    sizes, lambdas, seeds, lr, epochs, batch_size, name
):
    n, m, p = sizes
    problem = synthetic_data(n, m, p, noise_std=0.5, dtype=torch.float64)
    settings = {"lr": lr, "epochs": epochs, "batch_size": batch_size}
    train = importlib.import_module(f"weight_decay.{name}").train

    results = [
        sweep(
            [problem] * len(seeds),
            lambdas,
            implementation=name,
            seeds=seeds,
            form=form,
            **settings,
        )
        for form in FORMS
    ]

    for result in results:
        run = train(problem, lambdas[-1], seed=seeds[-1], **settings)
        assert_is_the_run(result, len(lambdas) - 1, len(seeds) - 1, run)


@pytest.mark.parametrize("form", FORMS)
def test_scratch_is_concise_at_half_the_rate_and_twice_the_decay(form):
    problems, b_init = problems_of(5, 8), torch.zeros(1).double()
    scratch_runs = sweep(problems, [0, 3], form=form, lr=0.02, epochs=10)

    concise_runs = sweep(
        problems,
        [0, 6],
        implementation="concise",
        lr=0.01,
        epochs=10,
        b_init=b_init,
        form=form,
    )

    assert_close(concise_runs.w_norm, scratch_runs.w_norm, torch.float64)
    assert_close(concise_runs.test_loss, 2 * scratch_runs.test_loss, torch.float64)


# Entries do not depend on each other


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_size_above_n_means_the_full_batch(form):
    problems = problems_of(5, 8)

    full, above = (
        sweep(problems, LAMBDAS, epochs=2, batch_size=size, form=form)
        for size in (5, 10**400)
    )

    assert torch.equal(above.train_loss, full.train_loss)
    assert torch.equal(above.w_norm, full.w_norm)


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_the_lambdas_does_not_matter(form):
    problems = problems_of(5, 8)
    lambdas = [7, 0, 3, 0.5, 20]
    order = sorted(range(5), key=lambdas.__getitem__)

    result = sweep(problems, lambdas, epochs=6, form=form)
    ordered = sweep(problems, sorted(lambdas), epochs=6, form=form)

    assert_close(ordered.w_norm, result.w_norm[order], torch.float64)
    assert_close(ordered.train_loss, result.train_loss[order], torch.float64)


@pytest.mark.parametrize("form", FORMS)
def test_one_object_many_times_is_many_equal_problems(form):
    problem = synthetic_data(5, 4, 8, dtype=torch.float64)

    shared = sweep([problem] * 3, LAMBDAS, epochs=6, form=form)
    copies = sweep([replace(problem) for _ in range(3)], LAMBDAS, epochs=6, form=form)

    assert_same(shared, copies, torch.float64)


def test_entries_have_the_dtype_and_the_device_of_the_data():
    for dtype in DTYPES:
        result = sweep(problems_of(5, 8, dtype), [0, 3], epochs=6)

        for tensor in (result.train_loss, result.w_norm, result.b, result.weight(1, 1)):
            assert (tensor.dtype, tensor.device.type) == (dtype, "cpu")
        assert result.train_loss.shape == result.test_loss.shape == (2, 2, 2)
        assert result.w_norm.shape == result.b.shape == result.diverged.shape == (2, 2)


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
    start = {"w_init": torch.full((200, 1), 1e30), "batch_size": 20}
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
    assert form in (None, plan.form)


def test_a_square_matrix_that_does_not_fit_is_done_without():
    problems = [synthetic_data(60, 1, 70)]
    memory = mebibytes(problems, "weights")
    assert memory < mebibytes(problems, "examples")

    result = sweep(problems, [3], epochs=1, memory_mib=memory)

    assert result.form == "weights"
    assert_is_the_run(result, 0, 0, scratch.train(problems[0], 3, epochs=1))


def test_only_a_cpu_has_a_cache_to_stay_in():
    def problem(device):
        X_train, X_test = torch.empty(20, 200), torch.empty(100, 200)
        return SimpleNamespace(X_train=X_train.to(device), X_test=X_test.to(device))

    on_cpu = _plan([problem("cpu")] * 900, 64, 5, None, 2**28)
    elsewhere = _plan([problem("meta")] * 900, 64, 5, None, 2**28)

    assert on_cpu.num_problems < elsewhere.num_problems == 900
    assert on_cpu.form == elsewhere.form == "examples"


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
        with pytest.raises(IndexError):
            result.weight(2, 0)
        with pytest.raises(FrozenInstanceError):
            result.lr = 1


def test_a_result_is_equal_to_itself_alone():
    first, second = (sweep(problems_of(5, 8), [0, 3], epochs=1) for _ in range(2))

    assert first == first
    assert first != second  # of tensors, which do not compare to one truth
    assert len({first, second}) == 2


def test_what_the_docstring_promises_by_default():
    told = " ".join(sweep.__doc__.split())
    memory = inspect.signature(sweep).parameters["memory_mib"].default

    assert memory == 256
    assert "in MiB (2²⁰ bytes); by default 256." in told
    assert "takes longer than two seconds" in told
    assert module.PROGRESS_DELAY == 2


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
        ({"lambdas": 3}, TypeError, r"^lambdas must be a sequence, got 3"),
        ({"lambdas": ()}, ValueError, r"^lambdas must not be empty, got \(\)"),
        ({"lambdas": [0, -1]}, ValueError, r"^lambdas\[1\] .*, got -1"),
        ({"lambdas": ["3"]}, TypeError, r"^lambdas\[0\] .*, got '3'"),
        ({"lambdas": [math.nan]}, ValueError, r"^lambdas\[0\] .*, got nan"),
        ({"seeds": 3}, TypeError, r"^seeds must be a sequence, got 3"),
        ({"seeds": [0, 1, 2]}, ValueError, r"^seeds .* 2 problems, got 3"),
        ({"seeds": [0, -1]}, ValueError, r"^seeds\[1\]: seed .*, got -1"),
        ({"seeds": [0.5, 1]}, TypeError, r"^seeds\[0\]: seed .*, got 0.5"),
        ({"implementation": "d2l"}, ValueError, r"^impl.*'scratch' or.*, got 'd2l'"),
        ({"implementation": scratch}, ValueError, r"^implementation .*, got <module"),
        ({"lr": 0}, ValueError, r"^lr .*, got 0"),
        ({"epochs": 0}, ValueError, r"^epochs .*, got 0"),
        ({"batch_size": 2.0}, TypeError, r"^batch_size .*, got 2.0"),
        ({"w_init": torch.zeros(4)}, ValueError, r"^w_init .*\(4, 1\), got \(4,\)"),
        ({"w_init": torch.zeros(4, 1).double()}, TypeError, r"^w_init .*float64"),
        ({"b_init": 0.0}, TypeError, r"^b_init must be a torch.Tensor, got 0.0"),
        ({"form": "dual"}, ValueError, r"^form .*'examples' or.*, got 'dual'"),
        ({"memory_mib": -1}, ValueError, r"^memory_mib .*, got -1"),
        ({"memory_mib": 1e-4}, ValueError, r"^memory_mib must be at least 0.*0.0001"),
        ({"progress": "yes"}, TypeError, r"^progress .*, got 'yes'"),
    ],
)
def test_wrong_arguments_are_named(wrong, error, message):
    arguments = {"problems": [GOOD] * 2, "lambdas": [0, 3], "epochs": 1} | wrong

    with pytest.raises(error, match=message):
        sweep(**arguments)
