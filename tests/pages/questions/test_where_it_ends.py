"""The page "Where does the linear story end?"."""

import math

import pytest
import torch
from reading import agrees, table
from scipy.optimize import minimize

from weight_decay import ridge, scratch, synthetic_data


@pytest.fixture
def page(pages):
    return pages["questions/where-it-ends.html"]


@pytest.fixture
def float64():
    return synthetic_data(dtype=torch.float64)


def labels(problem):
    y = problem.y_train[:, 0]
    return torch.where(y > y.sort().values[9], 1.0, -1.0).double()


def largest_margin(X, s):
    """By the dual problem: the shortest difference of the two convex hulls."""
    K = (X @ X.T * torch.outer(s, s)).numpy()
    up, down = (s.numpy() == 1).astype(float), (s.numpy() == -1).astype(float)
    found = minimize(
        lambda a: a @ K @ a,
        (up + down) / 10,
        jac=lambda a: 2 * K @ a,
        bounds=[(0, 1)] * 20,
        constraints=[
            {"type": "eq", "fun": lambda a, side=side: a @ side - 1}
            for side in (up, down)
        ],
        options={"ftol": 1e-14, "maxiter": 1_000},
    )
    return math.sqrt(found.fun) / 2


def test_without_decay_the_weight_grows_with_the_logarithm_of_the_steps(page, float64):
    *rows, (*_, predicted) = (
        line.split("  ")
        for line in page.printed[
            page.printed.index("steps  ‖w‖₂  added  λ = 0.03") + 1 :
        ][:4]
    )
    X, s = float64.X_train, labels(float64)
    per_decade = math.log(10) / largest_margin(X, s)

    assert agrees(predicted, per_decade)
    # A plain run, by autograd, and ten times as long.
    ends = {}
    for lambd in (0, 0.03):
        w = torch.zeros(200, dtype=X.dtype, requires_grad=True)
        b = torch.zeros(1, dtype=X.dtype, requires_grad=True)
        trainer = torch.optim.SGD(
            [{"params": [w], "weight_decay": lambd}, {"params": [b]}], lr=0.1
        )
        for t in range(1, 3_001):
            trainer.zero_grad()
            torch.nn.functional.softplus(-s * (X @ w + b)).mean().backward()
            trainer.step()
            if t in (10, 100, 300, 1_000, 3_000):
                ends[lambd, t] = float(w.detach().norm())
    for row in rows:
        t = int(row[0])
        assert agrees(row[1], ends[0, t])
        assert agrees(row[-1], ends[0.03, t])
    for row, before in zip(rows[1:], rows, strict=False):
        added = float(row[1]) - float(before[1])
        assert float(row[2]) == pytest.approx(added, abs=2e-3)
        assert added == pytest.approx(per_decade, rel=0.01)
    # "With λ = 0.03 the weight stops."
    assert ends[0.03, 3_000] == pytest.approx(ends[0.03, 1_000], rel=1e-3)
    assert ends[0, 3_000] - ends[0, 300] == pytest.approx(per_decade, rel=0.01)


def test_a_peak_at_n_equal_to_p_which_the_right_lambda_removes(page):
    rows = table(page, "n  λ = 0  λ = 0.01  best λ", 6)
    best = []

    for n, *shown in rows:
        n = int(n)
        lambdas = (0, 0.01, 200 * 0.1**2 / (n * 0.02))
        for text, lambd in zip(shown, lambdas, strict=True):
            losses = sorted(risk(n, lambd, seed) for seed in range(5))
            assert float(text) == pytest.approx(losses[2], rel=0.01, abs=6e-5)
        best.append(float(shown[2]))
    without = {int(row[0]): float(row[1]) for row in rows}
    fixed = {int(row[0]): float(row[2]) for row in rows}
    assert max(without, key=without.get) == max(fixed, key=fixed.get) == 200
    assert without[200] > 50 * without[50]
    assert fixed[200] < without[200] / 20
    assert best == sorted(best, reverse=True)
    # In the limit of many inputs too, for every n.
    tuned = [
        ridge.asymptotic_risk(200 * 0.01 / (n * 0.02), n, 200, 0.1, 0.02**0.5)
        for n in range(20, 600, 10)
    ]
    assert tuned == sorted(tuned, reverse=True)


def risk(n, lambd, seed):
    """The expected loss of ridge with a bias, by matrices of size p."""
    X = synthetic_data(n_train=n, seed=seed).X_train.double()
    centred, mean = X - X.mean(0), X.mean(0)
    U, S, directions = torch.linalg.svd(centred, full_matrices=False)
    positive = S / S[0] > 1e-6
    kept = torch.where(positive, S / (S**2 + n * lambd).clamp(min=1e-30), 0)
    solve = directions.T @ (kept[:, None] * U.T)  # w = solve @ (y − mean of y)
    hat = solve @ centred - torch.eye(200, dtype=X.dtype)  # w − w*, without noise
    noise = solve @ (torch.eye(n, dtype=X.dtype) - 1 / n)
    # The bias makes the prediction right at the mean of the inputs, but for noise.
    at_mean = torch.full((n,), 1 / n, dtype=X.dtype) - mean @ noise
    truth = 0.02 / 200 * ((hat**2).sum() + ((mean @ hat) ** 2).sum())
    learned = 0.01 * ((noise**2).sum() + (at_mean**2).sum())
    return float(truth + learned + 0.01) / 2


def test_the_start_of_the_library_hides_most_of_the_effect(page, float64):
    start = page.printed.index("start  λ = 0  λ = 3  ratio") + 1
    rows = [line.split("  ") for line in page.printed[start : start + 4]]
    stream = torch.Generator().manual_seed(0)
    uniform = torch.empty(200, 1, dtype=torch.float64)
    uniform.uniform_(-(200**-0.5), 200**-0.5, generator=stream)
    ratios = []
    for row, w_init in zip(rows, (None, uniform, 0 * uniform), strict=False):
        losses = [
            scratch.train(float64, lambd, w_init=w_init).test_loss[-1]
            for lambd in (0, 3)
        ]
        assert [float(x) for x in row[1:3]] == pytest.approx(losses, abs=6e-5, rel=1e-3)
        ratios.append(losses[0] / losses[1])
        assert float(row[3]) == pytest.approx(ratios[-1], rel=0.01)
    assert ratios[0] > 500
    assert 10 < ratios[1] < 40
    assert ratios[2] < 1.1
    alone = float(((float64.y_test - float64.y_train.mean()) ** 2).mean() / 2)
    assert agrees(rows[3][1], alone)


def test_what_a_linear_layer_draws():
    torch.manual_seed(0)
    weights = torch.cat([torch.nn.Linear(200, 1).weight.detach() for _ in range(400)])

    assert float(weights.abs().max()) <= 200**-0.5
    assert float(weights.var()) == pytest.approx(1 / 600, rel=0.02)
    assert float(weights.norm(dim=1).mean()) == pytest.approx(3**-0.5, rel=0.01)
