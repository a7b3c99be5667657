"""Script 6: what it prints and draws, and what it says about ridge regression."""

import numpy as np
import pytest
import torch
from reading import agrees
from sklearn.linear_model import Ridge

from weight_decay import scratch, synthetic_data
from weight_decay.sweep import sweep

LAMBDAS = (0.05, 3, 10, 100)


@pytest.fixture(scope="module")
def script(gallery):
    return gallery["plot_6_ridge"]


def table(script, head, rows):
    """The lines under the rule below the header of a table."""
    lines = script.printed.splitlines()
    start = [line.split() for line in lines].index(head.split()) + 2
    return lines[start : start + rows]


def minimiser(problem, lambd):
    """w and b from the normal equations in 201 dimensions; ridge.py has an SVD."""
    X, y, n = problem.X_train, problem.y_train, len(problem.X_train)
    A = torch.cat([X, torch.ones(n, 1).to(X)], dim=1)
    penalty = lambd * torch.eye(A.shape[1]).to(X)
    penalty[-1, -1] = 0
    theta = torch.linalg.solve(A.T @ A / n + penalty, A.T @ y / n)
    return theta[:-1], theta[-1]


def three_parts(problem, w, b, target):
    """Lengths in the row space, in the null space, and of the bias."""
    error = w - target[0]
    row = torch.linalg.pinv(problem.X_train) @ (problem.X_train @ error)
    return [float(row.norm()), float((error - row).norm()), abs(float(b - target[1]))]


def variances(problem):
    X = problem.X_train - problem.X_train.mean(0)
    return torch.linalg.eigvalsh(X @ X.T / len(X)).flip(0)[:-1]


# The end


def test_three_ways_print_one_minimiser(script, exact):
    w, b = minimiser(exact, 3)

    for row in table(script, "λ = 3 ‖w‖₂ b", 3):
        norm, bias = row.split()[-2:]
        assert float(norm) == pytest.approx(float(w.norm()), rel=0, abs=1e-10)
        assert float(bias) == pytest.approx(float(b), rel=0, abs=1e-10)


@pytest.mark.parametrize(("lambd", "seed"), [(3, 1), (10, 2)])
def test_training_ends_there_from_every_start(exact, lambd, seed):
    settings = {"lr": 0.05, "epochs": 3000, "batch_size": 20, "seeds": [seed, seed + 9]}

    runs = sweep([exact] * 2, [lambd], **settings)

    w, b = minimiser(exact, lambd)
    for j in range(2):
        assert (runs.weight(0, j) - w).norm() < 1e-10
        assert abs(runs.b[0, j] - b) < 1e-10


def test_the_distances_after_400_steps(script, exact):
    target, run = minimiser(exact, 3), scratch.train(exact, 3)

    rows = table(script, "distance row null bias", 2)

    ends = [(run.w_init, run.b_init), (run.w, run.b)]
    for row, end in zip(rows, ends, strict=True):
        assert all(map(agrees, row.split()[-3:], three_parts(exact, *end, target)))
    (_, length) = script.printed.split("the ridge weight has the length ")
    assert agrees(length.split()[0], float(target[0].norm()))
    # "ten times as long as the whole ridge weight"
    null = float(rows[1].split()[-2])
    assert null == pytest.approx(10 * float(target[0].norm()), rel=0.1)


def test_that_the_bias_is_near_is_luck_and_it_is_the_slowest_of_all(exact):
    problems = [synthetic_data(seed=seed, dtype=torch.float64) for seed in range(100)]
    runs = sweep(problems, [3], form="weights")
    found = []
    for seed, problem in enumerate(problems):
        target = minimiser(problem, 3)
        found.append([abs(float(target[1])), abs(float(runs.b[0, seed] - target[1]))])
    found = torch.tensor(found)

    farther = (found[:, 1] > found[:, 0]).double().mean()
    assert 0.75 <= float(farther) <= 0.85
    assert found[0, 1] < 0.1 * found[0, 0]
    assert (found[:, 1] < found[0, 1]).sum() < 10
    assert 0 < bias_rate(exact) < 0.1 * 3


def test_how_near_minibatches_stay(script, exact):
    w, b = minimiser(exact, 3)

    rows = table(script, "η mean of 20", 3)

    for row in rows:
        lr, mean = map(float, row.replace("%", "").split())
        settings = {"lr": lr, "w_init": w, "b_init": b}
        runs = sweep([exact] * 3, [3], form="weights", **settings)
        ends = [runs.weight(0, j) for j in range(3)]
        away = [100 * float((end - w).norm() / w.norm()) for end in ends]
        assert mean == pytest.approx(sum(away) / 3, rel=0.2)
        # "in proportion to η"
        assert 3.5 < mean / 100 / lr < 4.5
    # It is no matter of time: several half-lives of the bias change nothing.
    runs = sweep([exact], [3], epochs=1500, w_init=w, b_init=b)
    away = 100 * float((runs.weight(0, 0) - w).norm() / w.norm())
    assert away == pytest.approx(float(rows[1].replace("%", "").split()[1]), rel=0.2)
    half_life = np.log(0.5) / np.log(1 - 0.003 * bias_rate(exact))
    assert 4 * half_life < 4 * 1500


def bias_rate(problem):
    """The smallest curvature of the objective over weights and bias, λ = 3."""
    A = torch.cat([problem.X_train, torch.ones(20, 1).double()], dim=1)
    M = A.T @ A / 20 + 3 * torch.diag(torch.cat([torch.ones(200), torch.zeros(1)]))
    return float(torch.linalg.eigvalsh(M)[0])


def test_about_one_per_cent_on_other_data_too():
    for seed in range(1, 11):
        problem = synthetic_data(seed=seed, dtype=torch.float64)
        w, b = minimiser(problem, 3)
        run = scratch.train(problem, 3, w_init=w, b_init=b)
        assert 0.008 < float((run.w - w).norm() / w.norm()) < 0.016


# The shrinkage


def test_each_direction_keeps_its_share(script, exact):
    d = variances(exact)
    ax = script.figures[0].axes[0]
    formulas, marks = ax.get_lines()[::2], ax.get_lines()[1::2]

    assert len(d) == 19
    assert [text.get_text() for text in ax.texts] == [f"λ = {lam:g}" for lam in LAMBDAS]
    for lam, formula, mark in zip(LAMBDAS, formulas, marks, strict=True):
        kept = d / (d + lam)
        assert list(formula.get_ydata()) == pytest.approx(kept.tolist(), rel=1e-6)
        assert list(mark.get_ydata()) == pytest.approx(kept.tolist(), abs=1e-6)
    rows = table(script, f"λ d = {d[0]:.1f} d = {d[-1]:.1f}", 4)
    for lam, row in zip(LAMBDAS, rows, strict=True):
        fresh = [lam, d[0] / (d[0] + lam), d[-1] / (d[-1] + lam)]
        assert all(map(agrees, row.split(), map(float, fresh)))


# Degrees of freedom


def test_degrees_of_freedom_are_the_trace_of_what_predictions_follow(script, exact):
    d = variances(exact)
    for row, lam in zip(
        table(script, "λ all d = 10 measured", 4), LAMBDAS, strict=True
    ):
        shown_lam, rule, measured = row.split()
        assert agrees(shown_lam, lam)
        assert agrees(measured, 1 + float((d / (d + lam)).sum()))
        assert agrees(rule, 1 + 190 / (10 + lam))
        # "good to a few per cent"
        assert float(rule) == pytest.approx(float(measured), rel=0.03)


def test_predictions_follow_their_targets_as_they_are_said_to(exact):
    X, y = exact.X_train.numpy(), exact.y_train.numpy()[:, 0]
    model = Ridge(alpha=60)
    before = model.fit(X, y).predict(X)

    follow = 0
    for i, unit in enumerate(np.eye(20)):
        follow += model.fit(X, y + unit).predict(X)[i] - before[i]

    d = variances(exact)
    assert follow == pytest.approx(1 + float((d / (d + 3)).sum()), rel=1e-9)


def test_the_picture_of_the_degrees_of_freedom(script, exact):
    d = variances(exact)
    ax = script.figures[1].axes[0]
    formula, measured, *dots, parameters = ax.get_lines()

    lambdas = torch.from_numpy(np.array(measured.get_xdata()))[:, None]
    df = 1 + (d / (d + lambdas)).sum(1)
    assert list(measured.get_ydata()) == pytest.approx(df.tolist(), rel=1e-9)
    assert list(formula.get_ydata()) == pytest.approx(df.tolist(), rel=1e-9)
    assert [float(dot.get_xdata()[0]) for dot in dots] == list(LAMBDAS)
    assert set(parameters.get_ydata()) == {exact.num_inputs + 1}
    labels = {text.get_text() for text in ax.texts}
    for lam in LAMBDAS:
        assert f"λ = {lam:g}: {1 + float((d / (d + lam)).sum()):.1f}" in labels
    assert "λ = 3 leaves about 15 of 20" in ax.get_title(loc="left")
    assert [round(1 + float((d / (d + lam)).sum())) for lam in (0, 3, 10)] == [
        20,
        15,
        10,
    ]
