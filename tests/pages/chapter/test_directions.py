"""The page "Every direction at once": its numbers, and what it claims."""

import math
import re
from itertools import combinations

import pytest
import torch
from reading import agrees

from weight_decay import scratch, synthetic_data
from weight_decay.sweep import sweep

LAMBDAS = (0, 3, 10)
ETA = 0.003


@pytest.fixture(scope="module")
def page(pages):
    return pages["chapter/directions.html"]


def line_with(page, words):
    (found,) = (line for line in page.printed if words in line)
    return found


def hessian(problem, lambd):
    """The matrix of second derivatives, by autograd."""

    def objective(theta):
        w, b = theta[:-1, None], theta[-1]
        losses = scratch.squared_loss(
            scratch.linreg(problem.X_train, w, b), problem.y_train
        )
        return losses.mean() + lambd * scratch.l2_penalty(w)

    theta = torch.zeros(problem.num_inputs + 1, dtype=problem.dtype)
    return torch.autograd.functional.hessian(objective, theta)


def half_life(rate):
    return math.log(0.5) / math.log(1 - ETA * rate)


def end_of_run(problem, lambd, steps, start):
    """Weights and bias after full-batch training from there, in one vector."""
    settings = {"w_init": start[:-1, None], "b_init": start[-1:]}
    run = scratch.train(problem, lambd, epochs=steps, batch_size=20, **settings)
    return torch.cat([run.w[:, 0], run.b])


# Without a bias


def test_the_loop_and_the_formula_print_one_norm(page, exact):
    X, y, n = exact.X_train, exact.y_train, 20
    generator = torch.Generator().manual_seed(0)
    w = torch.normal(0.0, 1.0, (200, 1), generator=generator).double()
    # The whole path in one matrix power, in 200 dimensions and without an SVD.
    M = X.T @ X / n + 3 * torch.eye(200)
    end = torch.linalg.solve(M, X.T @ y / n)
    step = torch.linalg.matrix_power(torch.eye(200) - ETA * M, 400)
    norm = (end + step @ (w - end)).norm()

    loop, formula = line_with(page, "by 400 steps"), line_with(page, "by formula")

    assert agrees(loop.split()[-1], float(norm))
    assert agrees(formula.split()[-1], float(norm))


def test_the_example_below_the_formula(exact):
    d, lambd = 10, 3
    v = torch.linalg.svd(exact.X_train)[2][0]
    X = v[None].repeat(20, 1) * d**0.5  # one direction, with this d
    y = X @ v[:, None]  # c_hat = 1

    w, distances = torch.zeros(200, 1).double(), []
    for _ in range(2):
        distances.append(float(v @ w[:, 0]) - d / (d + lambd))
        w = w - ETA * (X.T @ (X @ w - y) / 20 + lambd * w)

    assert 1 - distances[1] / distances[0] == pytest.approx(0.039)
    assert 1 - d / (d + lambd) == pytest.approx(lambd / (d + lambd))
    assert pytest.approx(0.03) == ETA * d


@pytest.mark.parametrize("seed", range(5))
def test_the_direction_with_most_data_arrives_first_and_keeps_most(seed):
    problem = synthetic_data(seed=seed, dtype=torch.float64)
    X, y = problem.X_train, problem.y_train
    U, s, V_t = torch.linalg.svd(X, full_matrices=False)
    d, c_hat = s**2 / 20, (U.T @ y)[:, 0] / s
    w, shares = torch.zeros(200, 1).double(), []

    for _ in range(2000):
        w = w - ETA * (X.T @ (X @ w - y) / 20 + 3 * w)
        shares.append((V_t @ w)[:, 0] / c_hat)

    shares = torch.stack(shares)
    assert torch.allclose(shares[-1], d / (d + 3), rtol=1e-9)
    arrival = (shares > 0.99 * shares[-1]).int().argmax(0)
    assert (arrival.diff() >= 0).all()
    assert arrival[0] < arrival[-1] / 2
    assert (shares[-1].diff() < 0).all()


def test_the_variances_and_the_law_of_marchenko_and_pastur(page, exact):
    d = torch.linalg.eigvalsh(exact.X_train @ exact.X_train.T / 20)
    low, high = (10**0.5 - 1) ** 2, (10**0.5 + 1) ** 2

    assert f"{low:.2f} {high:.2f}" == "4.68 17.32"
    assert {"4.68", "17.32"} <= {tag.text for tag in page.article.select("math mn")}
    shown = line_with(page, "this X: d from").replace(",", "").split()
    assert agrees(shown[4], float(d[0]))
    assert agrees(shown[6], float(d[-1]))
    assert agrees(shown[8], float(d.mean()))
    share = line_with(page, "1000 draws of X").split()[4].rstrip("%")
    # Other draws: of their 20 000 values, and of those on the page, about 1.4 %
    # are outside, give or take a tenth of a per cent.
    generator = torch.Generator().manual_seed(7)
    draws = torch.randn(1000, 20, 200, generator=generator, dtype=torch.float64)
    values = torch.linalg.eigvalsh(draws @ draws.mT / 20)
    inside = ((values > low) & (values < high)).double().mean()
    assert float(share) == pytest.approx(100 * float(inside), abs=0.4)
    # Those outside are just outside, and above λ = 3, in every draw.
    assert 3.5 < values.min() < values.max() < 21


# With the bias


def test_the_table_of_the_rates(page, exact):
    start = page.printed.index(
        "λ  bias, predicted  bias  180 empty  with data, from  to"
    )

    for row, lambd in zip(page.printed[start + 1 : start + 4], LAMBDAS, strict=True):
        rates = torch.linalg.eigvalsh(hessian(exact, lambd))
        assert torch.allclose(rates[1:181], torch.tensor(lambd).double(), atol=1e-12)
        shown = row.split()
        fresh = [lambd, lambd / (lambd + 10), rates[0], lambd, rates[-20], rates[-1]]
        assert all(map(agrees, shown, map(float, fresh)))
        assert len(shown) == len(fresh)


@pytest.mark.parametrize("lambd", [3, 10])
def test_the_predicted_rate_of_the_bias_is_near_on_other_data(lambd):
    for seed in range(10):
        problem = synthetic_data(seed=seed, dtype=torch.float64)

        rate = float(torch.linalg.eigvalsh(hessian(problem, lambd))[0])

        assert rate == pytest.approx(lambd / (lambd + 10), rel=0.2)


def test_the_half_lives_in_the_prose(page, exact):
    rates = torch.linalg.eigvalsh(hessian(exact, 3))
    last, empty, bias = page.glued

    assert agrees(last, half_life(float(rates[-20])))
    assert agrees(empty, half_life(3))
    assert agrees(bias, half_life(float(rates[0])))


@pytest.mark.parametrize("seed", range(5))
def test_the_bias_adds_a_little_to_the_largest_d(seed):
    problem = synthetic_data(seed=seed, dtype=torch.float64)

    with_bias = float(torch.linalg.eigvalsh(hessian(problem, 0))[-1])

    d = float(torch.linalg.eigvalsh(problem.X_train @ problem.X_train.T / 20)[-1])
    assert 0 < with_bias - d < 1


def test_without_decay_the_bias_stays_where_the_weights_have_put_it(exact):
    b_init = torch.tensor([5.0]).double()
    moved = [
        float(sweep([exact], [0], epochs=epochs, b_init=b_init).b)
        - float(sweep([exact], [0], epochs=epochs).b)
        for epochs in (100, 200)
    ]

    # A tenth of a wrong start is learned, at once; the rest never.
    assert moved == pytest.approx([5 * 10 / 11] * 2, rel=0.02)
    assert moved[0] == pytest.approx(moved[1], rel=1e-3)


# The picture


@pytest.mark.parametrize("steps", [25, 400])
def test_the_bars_are_what_training_leaves(exact, steps):
    rates, Q = torch.linalg.eigh(hessian(exact, 3))
    from_zero = end_of_run(exact, 3, steps, torch.zeros(201).double())

    for j in (0, 90, -20, -1):
        # The goal is the same, so the difference is what is left of the start.
        left = end_of_run(exact, 3, steps, Q[:, j]) - from_zero
        factor = (1 - ETA * float(rates[j])) ** steps
        assert torch.allclose(left, factor * Q[:, j], rtol=0, atol=1e-12)


def test_what_the_caption_says_is_gone_is_gone(exact):
    rates = torch.linalg.eigvalsh(hessian(exact, 3))
    left = {t: (1 - ETA * rates) ** t for t in (100, 400, 1600)}

    assert left[100][-20:].max() < 0.1 < 0.3 < left[100][100]
    assert left[400][-20:].max() < 1e-4
    assert left[400][100] < 0.03
    assert left[1600][0] > 0.3 > 1e-5 > left[1600][100]


def test_the_trajectory_is_the_run(page, exact):
    run = scratch.train(exact, 3, epochs=400, batch_size=20)

    for line in (line_with(page, "trained: "), line_with(page, "trajectory: ")):
        norm, b = re.findall(r"= (-?[\d.]+)", line)
        assert agrees(norm, run.w_norm)
        assert float(b) == pytest.approx(float(run.b), abs=1e-10)


def test_for_the_empty_directions_batches_change_nothing(exact):
    full, small = (scratch.train(exact, 3, batch_size=size) for size in (20, 5))
    project = torch.eye(200) - torch.linalg.pinv(exact.X_train) @ exact.X_train
    start = project @ small.w_init

    for run, steps in ((full, 100), (small, 400)):
        assert torch.allclose(project @ run.w, 0.991**steps * start, atol=1e-12)


# Stability


def test_the_limit_of_lambda(page, exact):
    d_max = float(torch.linalg.eigvalsh(hessian(exact, 0))[-1])
    limit = 2 / ETA - d_max

    line = line_with(page, "d_max = ")
    assert agrees(re.search(r"d_max = ([\d.]+),", line)[1], d_max)
    assert agrees(line.split()[-1], limit)
    # "A small batch can have a much larger curvature": every batch of 5, one by one.
    batches = [exact.X_train[list(rows)] for rows in combinations(range(20), 5)]
    rows = torch.stack(batches)
    rows = torch.cat([rows, torch.ones(len(rows), 5, 1).double()], dim=2)
    d_five = max(
        float(torch.linalg.matrix_norm(part, ord=2).square().max()) / 5
        for part in rows.split(2000)
    )
    assert d_five > d_max + 40
    for sign, row in zip((-1, 1), page.printed[-2:], strict=True):
        lambd = limit + 5 * sign
        full = scratch.train(exact, lambd, epochs=1000, batch_size=20)
        fresh = [lambd, 1 - ETA * (d_max + lambd), full.w_norm]
        assert all(map(agrees, row.split(), fresh))
