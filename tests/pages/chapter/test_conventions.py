"""The page "One λ, many conventions": what it prints, says and draws."""

import math

import numpy as np
import pytest
import torch
from reading import agrees
from sklearn.linear_model import Ridge

from weight_decay import DivergenceError, concise, ridge, scratch
from weight_decay.conventions import CONVENTIONS
from weight_decay.optimizers import SGD, Adam, coupled, decoupled

N, SIGMA = 20, 0.01

# The factor of Σr² and that of ‖w‖² for the value v, written down once more.
PAIRS = {
    "half mean squared error": (1 / (2 * N), lambda v: v / 2),
    "mean squared error": (1 / N, lambda v: v / 2),
    "keras l2": (1 / N, lambda v: v),
    "sum of half squares": (1 / 2, lambda v: v / 2),
    "scikit-learn alpha": (1, lambda v: v),
    "lambda over 2n": (1 / (2 * N), lambda v: v / (2 * N)),
    "prior std": (1 / (2 * SIGMA**2), lambda v: 1 / (2 * v**2)),
}


def our_lambda(name, value):
    a, k = PAIRS[name]
    return k(value) / a / N


@pytest.fixture(scope="module")
def page(pages):
    return pages["chapter/conventions.html"]


def rows(page, header, how_many):
    start = page.printed.index(header) + 1
    return page.printed[start : start + how_many]


def named_rows(page, header):
    """The rows of a table with one row a convention: its name, and its numbers."""
    found = {}
    for row in rows(page, header, len(PAIRS)):
        name = next(name for name in PAIRS if row.startswith(name + " "))
        found[name] = row.removeprefix(name).split()
    assert list(found) == list(PAIRS)
    return found


# -- The numbers --------------------------------------------------------------


def test_a_three_here_and_a_three_there(page):
    table = named_rows(page, "convention  our λ = 3 there  a 3 there, as our λ")
    for name, (there, here) in table.items():
        assert float(here) == pytest.approx(our_lambda(name, 3), rel=1e-3)
        # The inverse: what is put into the other convention has to come back.
        assert our_lambda(name, float(there)) == pytest.approx(3, rel=1e-3)


def test_the_translated_objectives_are_balanced_and_the_copied_digits_are_not(page):
    table = named_rows(page, "convention  translated  3 as it stands")
    for name, (translated, copied) in table.items():
        assert float(translated) == 0
        assert agrees(copied, 3 / our_lambda(name, 3) - 1)


def test_scikit_learn_has_the_same_minimum_for_sixty_and_for_no_other(exact):
    X, y = exact.X_train.numpy(), exact.y_train.numpy()
    w = ridge.fit(exact, 3)[0].numpy()

    for alpha, same in ((60, True), (3, False), (30, False)):
        coef = Ridge(alpha=alpha).fit(X, y).coef_.reshape(-1, 1)
        assert np.allclose(coef, w, rtol=1e-9) == same


def test_the_prior_and_the_number_of_examples(page):
    for row, n in zip(
        rows(page, "n  λ for s = 0.01  s for λ = 3", 3),
        (20, 200, 2000),
        strict=True,
    ):
        shown_n, lambd, s = row.split()
        assert int(shown_n) == n
        assert agrees(lambd, SIGMA**2 / (n * 0.01**2))
        assert agrees(s, SIGMA / math.sqrt(n * 3))
    times, _, _ = page.glued
    assert agrees(times, 0.01 / (SIGMA / math.sqrt(N * 3)))


def test_the_factors_of_the_learning_rate(page):
    table = named_rows(page, "convention  factor of η  decay per step")
    ours, _ = PAIRS["half mean squared error"]
    for name, (factor, decay) in table.items():
        a, penalty = PAIRS[name]
        assert float(factor) == pytest.approx(ours / a)
        # 2ηk, with the value v that our λ = 3 has there (k grows or falls with v).
        assert float(decay) == pytest.approx(0.003 * 3)
        v = (
            (0.01**2 / (20 * 3)) ** 0.5
            if name == "prior std"
            else 3 / our_lambda(name, 1)
        )
        assert 2 * (0.003 * ours / a) * penalty(v) == pytest.approx(0.009)


def test_the_decay_per_step_in_the_symbols_of_the_rows():
    # ηλ, 2ηλ and ηλ/n, as the page writes them, against 2ηk.
    lr, lambd = 0.01, 0.7
    factors = {"half mean squared error": 1, "mean squared error": 1}
    factors |= {"sum of half squares": 1, "keras l2": 2, "lambda over 2n": 1 / N}
    for name, factor in factors.items():
        k = PAIRS[name][1](lambd)
        assert 2 * lr * k == pytest.approx(factor * lr * lambd)


def test_each_optimiser_has_its_own_translation(page, exact):
    X, y = exact.X_train, exact.y_train
    w_init = torch.randn(200, generator=torch.Generator().manual_seed(0)).double()

    def end(make, times, lambd, lr):
        w, optimiser = w_init[:, None], make(lambd, lr)
        for _ in range(100):
            w = optimiser.step(w, times * X.T @ (X @ w - y) / N)
        return w

    makers = {
        "SGD": lambda lambd, lr: SGD(lr, decay=coupled(lambd)),
        "Adam": lambda lambd, lr: Adam(lr, decay=coupled(lambd)),
        "AdamW": lambda lambd, lr: Adam(lr, decay=decoupled(lambd)),
    }
    table = rows(page, "λ and η  2λ and η  2λ and η/2", 3)
    for row, (name, make) in zip(table, makers.items(), strict=True):
        shown = row.split()
        old = end(make, 1, 3, 0.003)
        gaps = [
            float((end(make, 2, *given) - old).norm() / old.norm())
            for given in ((3, 0.003), (6, 0.003), (6, 0.0015))
        ]
        assert shown[0] == name
        assert all(map(agrees, shown[1:], gaps))
        # "Each has its own zero."
        zeros = [float(gap) == 0 for gap in shown[1:]]
        assert zeros == [name == "AdamW", name == "Adam", name == "SGD"]


def test_the_paper_is_translated(page):
    (values,) = (line for line in page.printed if line.startswith("λ and η of this"))
    (left,) = (line for line in page.printed if line.startswith("left of the start"))
    (taken,) = (line for line in page.printed if line.startswith("taken from the fit"))

    _, numbers = values.split("  ")
    assert [float(number) for number in numbers.split(" and ")] == [5e-5, 0.2]
    share = math.exp(50_000 * math.log1p(-1e-5))
    assert agrees(left.split()[-1], share)
    assert agrees(taken.split()[-1], 5e-5 / (10 + 5e-5))
    theirs, here = (text.removesuffix("%").rstrip() for text in page.glued[-2:])
    assert agrees(theirs, 100 * share)
    assert agrees(here, 100 * 0.991**400)


# -- The sentences ------------------------------------------------------------


def test_the_table_of_objectives_has_the_conventions_in_their_order(page):
    body = page.article.table.tbody.find_all("tr")
    first_cells = [row.td.text for row in body]
    marks = [
        "scratch",
        "concise",
        "Keras",
        "with a sum",
        "scikit-learn",
        "Nielsen",
        "Bayes",
    ]

    assert list(CONVENTIONS) == list(PAIRS)
    for cell, mark in zip(first_cells, marks, strict=True):
        assert mark in cell


def test_a_sum_over_the_batch_has_b_in_place_of_n(exact):
    lr, lambd, size = 0.0005, 6.0, 4
    stream = torch.Generator().manual_seed(0)
    w, b = scratch.init_params(200, stream, dtype=torch.float64)
    w, b = w.detach(), b.detach()
    for _ in range(3):
        for batch in torch.randperm(N, generator=stream).split(size):
            X, y = exact.X_train[batch], exact.y_train[batch]
            r = X @ w + b - y
            # One step on Σ ½r² + λ ½‖w‖², summed over the batch.
            w, b = w - lr * (X.T @ r + lambd * w), b - lr * r.sum()
    run = scratch.train(exact, lambd / size, lr * size, epochs=3, batch_size=size)

    assert torch.allclose(run.w, w, rtol=1e-10)


def test_without_the_half_a_run_near_its_bound_explodes(problem):
    run = scratch.train(problem, 3, lr=0.04)

    assert run.test_loss[-1] < 0.01
    with pytest.raises(DivergenceError):
        concise.train(problem, 3, lr=0.04)


# -- The figure ---------------------------------------------------------------


def test_the_readings_of_the_same_digits_lie_orders_of_magnitude_apart(page):
    readings = [our_lambda(name, 1e-4) for name in PAIRS]

    assert max(readings) / min(readings) > 1e7
    figure = page.article.find(id="fig-conventions-paper")
    assert "orders of magnitude" in figure.figcaption.text
