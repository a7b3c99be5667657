import numpy as np
import pytest
from reading import agrees, numbers_of

PAGE = "questions/prior.html"


def test_what_each_lambda_believes(pages):
    rows = pages[PAGE].printed[1:4]

    for row, lambd in zip(rows, (0.05, 3, 10), strict=True):
        assert all(map(agrees, row.split(), [lambd, 0.01 / (20 * lambd) ** 0.5, 0.01]))


def test_the_right_belief_is_best(pages):
    printed = pages[PAGE].printed
    true, best = numbers_of(printed[4].partition("=")[2])
    losses = {numbers_of(line)[0]: numbers_of(line)[1] for line in printed[5:10]}
    nothing = numbers_of(printed[10])[0]

    assert true == pytest.approx(0.3**2 / (20 * 0.1**2))
    assert 1 / 1.6 < best / true < 1.6  # two steps of the grid, of 26 % each
    assert nothing == pytest.approx(20 * 0.1**2 / 2)
    assert min(losses, key=losses.get) == 1
    # The lesser evil: bounded above, while too small a λ is not.
    assert losses[1] < losses[10] < losses[100] <= nothing < losses[0.01]
    assert losses[0.1] > losses[10]


def test_the_losses_are_those_of_the_formula(pages):
    # Averaged over X by another generator: truth lost plus noise learned.
    rng = np.random.default_rng(0)
    sigma, s, n, p = 0.3, 0.1, 20, 20
    d = np.stack(
        [np.linalg.eigvalsh(X.T @ X / n) for X in rng.normal(size=(4000, n, p))]
    )
    for line in pages[PAGE].printed[7:10]:
        factor, shown = numbers_of(line)
        lambd = 0.45 * factor
        lost = s**2 * (lambd / (d + lambd)) ** 2
        noise = sigma**2 / n * d / (d + lambd) ** 2
        # 500 draws on the page; the nearest λ of the grid.
        assert shown == pytest.approx((lost + noise).sum(1).mean() / 2, rel=0.08)
