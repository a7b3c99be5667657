"""The numbers of "In what sense is λ a prior?"."""

import numpy as np
import pytest
from reading import agrees, numbers_of, table

PAGE = "questions/prior.html"
SIGMA, S, P = 0.3, 0.1, 20


def expected_loss(n, multiples, draws=4000):
    """Mean excess loss of ridge: truth lost plus noise learned, exact for each X."""
    X = np.random.default_rng(0).normal(size=(draws, n, P))
    d = np.linalg.eigvalsh(X.transpose(0, 2, 1) @ X / n)
    losses = []
    for multiple in multiples:
        lambd = multiple * SIGMA**2 / (n * S**2)
        lost = S**2 * (lambd / (d + lambd)) ** 2
        noise = SIGMA**2 / n * d / (d + lambd) ** 2
        losses.append(float((lost + noise).sum(1).mean()) / 2)
    return losses


def test_what_each_lambda_believes(pages):
    rows = table(pages[PAGE], "λ  believed size s of an entry  true size", 3)

    for row, lambd in zip(rows, (0.05, 3, 10), strict=True):
        assert all(map(agrees, row, [lambd, 0.01 / (20 * lambd) ** 0.5, 0.01]))


@pytest.fixture
def losses(pages):
    """The excess losses for 20 and for 60 examples."""
    header = "λ in units of σ²/(ns²)  excess loss, n = 20  n = 60"
    multiples, *columns = zip(*table(pages[PAGE], header, 5), strict=True)
    assert [float(multiple) for multiple in multiples] == [0.01, 0.1, 1, 10, 100]
    return [[float(loss) for loss in column] for column in columns]


def test_the_losses_are_those_of_the_formula(pages, losses):
    lines = [line for line in pages[PAGE].printed if "the best is" in line]
    nothing = next(line for line in pages[PAGE].printed if line.startswith("w = 0"))

    assert agrees(nothing.split("= ")[-1], P * S**2 / 2)
    for line, shown, examples in zip(lines, losses, (20, 60), strict=True):
        n, predicted, best = numbers_of(line)
        assert n == examples
        assert predicted == pytest.approx(SIGMA**2 / (examples * S**2), abs=0.005)
        # 500 draws on the page; with n = p and a tiny λ they differ most.
        expected = expected_loss(examples, (0.01, 0.1, 1, 10, 100))
        assert shown == pytest.approx(expected, rel=0.1)
        assert 1 / 1.6 < best < 1.6  # two steps of the grid, of 26 % each


def test_which_side_is_worse_depends_on_the_number_of_examples(losses):
    as_many, three_times = losses

    assert as_many[1] > as_many[3]
    assert as_many[0] > 2 * P * S**2 / 2  # far above w = 0
    assert three_times[1] < three_times[3]
    assert three_times[0] < three_times[3]
    for column in losses:
        assert min(column) == column[2]


@pytest.mark.parametrize("n", [20, 60])
def test_the_minimum_is_exact_and_a_larger_lambda_costs_at_most_what_zero_does(n):
    rng = np.random.default_rng(1)
    for _ in range(5):
        X = rng.normal(size=(n, P))
        d = np.linalg.eigvalsh(X.T @ X / n)
        lambdas = SIGMA**2 / (n * S**2) * np.logspace(-3, 3, 601)[:, None]
        lost = S**2 * (lambdas / (d + lambdas)) ** 2
        losses = (lost + SIGMA**2 / n * d / (d + lambdas) ** 2).sum(1) / 2
        assert losses.argmin() == 300
        assert (np.diff(losses[300:]) > 0).all()
        assert losses[-1] < P * S**2 / 2
