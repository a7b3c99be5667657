"""The page "Twenty numbers are enough": its numbers, and what it claims."""

import math

import numpy as np
import pytest
import torch
from reading import agrees, table
from torch.utils._python_dispatch import TorchDispatchMode

from weight_decay import DivergenceError, concise, ridge, scratch, synthetic_data
from weight_decay.data import minibatches
from weight_decay.sweep import sweep

LAMBDAS = (0, 3, 10)


@pytest.fixture(scope="module")
def page(pages):
    return pages["chapter/twenty.html"]


@pytest.fixture(scope="module")
def names(page):
    """What the code of the page defines before its first comparison."""
    names = {}
    for cell in page.article.select(".cell_input pre"):
        if "def " in cell.text and "subplots" not in cell.text:
            code = cell.text.partition("\nprint(")[0]
            exec(code, names)
    return names


# The representation


@pytest.mark.parametrize("batch_size", [1, 3, 5, 20])
@pytest.mark.parametrize("module", [scratch, concise])
def test_the_weight_is_a_shrunk_start_and_a_combination_of_examples(module, batch_size):
    problem = synthetic_data(dtype=torch.float64)
    b_init = torch.tensor([2.0]).double()

    run = module.train(problem, 3, epochs=8, batch_size=batch_size, b_init=b_init)

    kept = (1 - 0.003 * 3) ** (8 * math.ceil(20 / batch_size))
    moved = run.w - kept * run.w_init
    alpha = torch.linalg.lstsq(problem.X_train.T, moved).solution
    assert torch.allclose(problem.X_train.T @ alpha, moved, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lambd", LAMBDAS)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_loop_on_the_page_is_scratch_train(names, lambd, seed):
    problem = synthetic_data(n_train=24, seed=1)
    settings = {"lr": 0.002, "epochs": 12, "seed": seed}

    w_0, kept, alpha, b = names["train_twenty"](problem, lambd, B=8, **settings)

    run = scratch.train(problem, lambd, batch_size=8, **settings)
    assert torch.equal(w_0, run.w_init)
    assert torch.allclose(kept * w_0 + problem.X_train.T @ alpha, run.w, atol=1e-5)
    assert b == pytest.approx(float(run.b), abs=1e-5)


def test_the_table_of_the_two_loops(page, problem):
    head = "λ  ‖w‖₂ from 20  from 200  test loss from 20  from 200  of the mean"

    for row, lambd in zip(table(page, head, 3), LAMBDAS, strict=True):
        run = scratch.train(problem, lambd)
        shown_lambd, ours, theirs, our_loss, their_loss, mean = row
        assert int(shown_lambd) == lambd
        for norm in (ours, theirs):
            assert float(norm) == pytest.approx(run.w_norm, rel=2e-5, abs=0.6e-5)
        for loss in (our_loss, their_loss):
            assert float(loss) == pytest.approx(run.test_loss[-1], rel=2e-5, abs=1e-6)
        error = problem.y_test - problem.y_train.mean()
        assert agrees(mean, float(error.square().mean()) / 2)


# What a step costs


class Multiplications(TorchDispatchMode):
    """Counts the products of numbers in everything that torch computes."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default):
            a, b = args[-2:]
            self.count += a.shape[0] * a.shape[1] * b.shape[1]
        elif func in (torch.ops.aten.mul.Tensor, torch.ops.aten.mul_.Tensor):
            self.count += result.numel()
        return result


@pytest.mark.parametrize(("n", "p"), [(20, 200), (200, 200), (30, 7)])
def test_the_counts_are_those_of_the_loops(names, n, p):
    problem = synthetic_data(n_train=n, num_inputs=p)
    X, y, B = problem.X_train, problem.y_train, 5

    with Multiplications() as one:
        names["train_twenty"](problem, 3, epochs=1)
    with Multiplications() as two:
        names["train_twenty"](problem, 3, epochs=2)
    w, b = torch.zeros(p, 1), torch.zeros(1)
    rows, targets = minibatches(X, y, B, torch.Generator())[0]
    with Multiplications() as in_weights:
        r = rows @ w + b - targets
        w = (1 - 0.003 * 3) * w - rows.T @ (r * (0.003 / B))

    # Once in an epoch of n/B steps. One product, of q, is between plain numbers.
    # The start and K come before the loop.
    steps = n // B
    assert one.count - (two.count - one.count) == n * p + n * n * p
    # `q * Xw_0[batch]` and `lr / B * r` are B products each.
    per_step = (two.count - one.count) / steps + 1
    assert per_step == names["in_examples"](n, p)
    assert in_weights.count == names["in_weights"](n, p)


def test_the_table_of_the_counts(page):
    head = "n  p  in weights  in examples"

    rows = table(page, head, 4)

    for row in rows:
        n, p, weights, examples = (int(text.replace(",", "")) for text in row)
        assert weights == 2 * 5 * p + p + 5
        assert examples == 5 * n + n + 2 * 5 + 1
    assert [row[0] for row in rows] == ["20", "20", "200", "2,000"]
    ratio, table_steps, *_ = page.glued
    assert agrees(ratio, 2205 / 131)
    assert agrees(table_steps, 20 * 20 * 200 / 2205)
    assert rows[0][3] == rows[1][3]  # the number of inputs has left the loop
    assert 12_011 > 2_205  # with many examples the weights are the shorter description


# The sweep


def test_the_table_of_the_sweep(page, problem):
    rows = table(page, "λ  sweep  scratch.train", 3)

    for row in rows:
        run = scratch.train(problem, float(row[0]), seed=3)
        assert agrees(row[1], run.w_norm)
        assert agrees(row[2], run.w_norm)
    assert [row[0] for row in rows] == list(map(str, LAMBDAS))


def test_the_form_is_the_shorter_one():
    for n, p, form in ((20, 200, "examples"), (10, 10, "weights"), (30, 7, "weights")):
        problem = synthetic_data(n_train=n, num_inputs=p)

        assert sweep([problem], [3], epochs=1).form == form


def test_an_explosion_is_marked_and_the_other_run_goes_on(page, problem):
    with pytest.raises(DivergenceError):
        scratch.train(problem, 700)

    start = page.printed.index("diverged: [False, True]")
    norms = f"norms:    ['{scratch.train(problem, 3).w_norm:.3f}', 'nan']"
    assert page.printed[start + 1] == norms


# The picture


@pytest.fixture(scope="module")
def runs():
    """The 2500 runs, in weights this time, and the data."""
    problems = [synthetic_data(seed=seed) for seed in range(100)]
    return problems, sweep(problems, [*range(25)], form="weights")


@pytest.fixture(scope="module")
def ridge_norm(runs):
    """The root mean square of the length of the ridge minimiser, for λ = 1, 5, …"""
    problems, _ = runs
    return {
        lambd: np.sqrt(
            np.mean(
                [
                    float(ridge.fit(problem, lambd)[0].norm()) ** 2
                    for problem in problems
                ]
            )
        )
        for lambd in (1, 5, 6, 10, 20, 24)
    }


def memory(lambd):
    return 180**0.5 * (1 - 0.003 * lambd) ** 400


def test_the_predictions_cross_where_the_page_says(page, ridge_norm):
    assert page.glued[-2:] == ["5", "6"]
    assert memory(5) > ridge_norm[5]
    assert memory(6) < ridge_norm[6]


def test_the_runs_follow_the_higher_of_the_two_predictions(runs, ridge_norm):
    _, result = runs
    rms = result.w_norm.square().mean(1).sqrt()

    for lambd in (0, 1, 2, 3):
        assert float(rms[lambd]) == pytest.approx(memory(lambd), rel=0.02)
    for lambd in (10, 20, 24):
        assert ridge_norm[lambd] < rms[lambd] < 1.3 * ridge_norm[lambd]
    assert rms[20] / ridge_norm[20] < rms[10] / ridge_norm[10]
    # λ = 3: of the squared norm, nearly all is the start; λ = 10: nothing.
    assert memory(3) ** 2 / rms[3] ** 2 > 0.95
    assert memory(10) < 0.01 * rms[10]


def test_most_of_the_excess_over_ridge_is_the_bias_on_its_way(runs, ridge_norm):
    problems, result = runs
    i = result.lambdas.index(10)
    squares = []

    for j, problem in enumerate(problems):
        X, y = problem.X_train.double(), problem.y_train.double()
        # The best weight for the bias that the run has reached.
        dual = torch.linalg.solve(X @ X.T + 200 * torch.eye(20), y - result.b[i, j])
        squares.append(float((X.T @ dual).square().sum()))

    rms = float(result.w_norm[i].square().mean().sqrt())
    with_that_bias = math.sqrt(np.mean(squares))
    share = (with_that_bias - ridge_norm[10]) / (rms - ridge_norm[10])
    assert 0.8 < share < 1  # the rest is what minibatches add: script 6 measures it


def test_every_data_set_has_its_own_start_and_its_own_data(runs):
    problems, result = runs

    assert len({float(problem.y_train[0]) for problem in problems}) == 100
    assert len({float(start[0]) for start in result.w_init}) == 100
