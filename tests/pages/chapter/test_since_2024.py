"""The numbers and the claims of the page on the work since 2024."""

import math

import pytest
import torch
from reading import agrees, table

from weight_decay import synthetic_data


@pytest.fixture(scope="module")
def page(pages):
    return pages["chapter/since-2024.html"]


def lengths(page):
    return table(page, "η  λ  noise  √(η/2λ)  run", 3)


def cautious(page):
    return table(page, "n  η  decay  ‖w‖₂  to the fit  train loss", 9)


def turns(page):
    header = "decay  expected angle, half-way  angle  gradient, half-way  at the end"
    lines = page.printed[page.printed.index(header) + 1 :][:3]
    return {name: [*map(float, rest)] for name, *rest in (x.split("  ") for x in lines)}


# -- Noise alone sets a length ------------------------------------------------


def test_the_length_under_noise_is_that_of_the_formula(page):
    rows = lengths(page)

    assert [row[:3] for row in rows] == [
        ["0.02", "0.1", "1"],
        ["0.02", "0.1", "1000"],
        ["0.005", "0.4", "1"],
    ]
    for lr, lambd, _, predicted, run in rows:
        assert agrees(predicted, math.sqrt(float(lr) / (2 * float(lambd))))
        assert float(run) == pytest.approx(float(predicted), rel=0.03)
    assert len({round(float(row[0]) * float(row[1]), 9) for row in rows}) == 1


def test_the_step_of_adam_by_hand_settles_there_too(page):
    lr, lambd, *_, run = map(float, lengths(page)[2])
    generator = torch.Generator().manual_seed(1)
    w = torch.zeros(4000, dtype=torch.float64)
    m, v, squares = w.clone(), w.clone(), []
    for t in range(1, 4001):
        g = 7 * torch.randn(4000, generator=generator, dtype=torch.float64)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        u = m / (1 - 0.9**t) / (v / (1 - 0.999**t)).sqrt()
        w = (1 - lr * lambd) * w - lr * u
        squares.append(float(w.square().mean()))

    assert math.sqrt(squares[-1]) == pytest.approx(run, rel=0.03)
    assert squares[0] == pytest.approx(lr**2, rel=1e-6)  # an update of 1 an entry


# -- Two factors --------------------------------------------------------------


def test_one_matrix_keeps_a_half_and_two_factors_lose_one(page):
    header = "s  s/(1 + λ)  one matrix  max(s − λ, 0)  two factors"
    rows = [[float(cell) for cell in row] for row in table(page, header, 5)]

    assert [row[0] for row in rows] == [5, 3, 2, 1.5, 0.5]
    for s, half, one, cut, two in rows:
        assert half == s / 2
        assert cut == max(s - 1, 0)
        assert one == pytest.approx(half, abs=0.002)
        assert two == pytest.approx(cut, abs=0.002)


@pytest.mark.parametrize("seed", range(5))
def test_half_the_squares_of_the_factors_are_at_least_the_nuclear_norm(seed):
    generator = torch.Generator().manual_seed(seed)
    A, B, C = torch.randn(3, 5, 5, generator=generator, dtype=torch.float64)
    other = A @ C, B @ torch.linalg.inv(C).T  # the same product
    U, s, V = torch.linalg.svd(A @ B.T)
    balanced = U * s.sqrt(), V.T * s.sqrt()

    for left, right in ((A, B), other, balanced):
        assert torch.allclose(left @ right.T, A @ B.T)
        squares = float(left.square().sum() + right.square().sum()) / 2
        assert squares >= float(s.sum()) - 1e-9
    assert squares == pytest.approx(float(s.sum()))


# -- Cautious decay -----------------------------------------------------------


def test_only_plain_decay_moves_the_minimum(page):
    rows = cautious(page)
    names = ["none", "plain", "cautious"]

    assert [row[:3] for row in rows] == [
        [n, lr, name]
        for n, lr in (("400", "0.1"), ("400", "0.01"), ("20", "0.003"))
        for name in names
    ]
    problem = synthetic_data(n_train=400, dtype=torch.float64)
    X, y = problem.X_train, problem.y_train
    fit = torch.linalg.solve(X.T @ X, X.T @ y)
    shrunk = torch.linalg.solve(X.T @ X + 400 * 3 * torch.eye(200).double(), X.T @ y)
    for none, plain, _ in (rows[:3], rows[3:6]):
        assert none[4] == "0.0000"
        assert agrees(none[3], float(fit.norm()))
        assert agrees(plain[3], float(shrunk.norm()))
        assert agrees(plain[4], float((shrunk - fit).norm()))
    jitter, smaller = (float(rows[k][4]) for k in (2, 5))
    assert 5 < jitter / smaller < 20  # "several times smaller"
    assert smaller < float(rows[4][4]) / 20


@pytest.mark.parametrize("seed", range(4))
def test_cautious_decay_forgets_the_start_half_as_fast(page, exact, seed):
    X, y = exact.X_train, exact.y_train
    generator = torch.Generator().manual_seed(seed)
    w = start = torch.randn(200, 1, generator=generator).double()
    for _ in range(400):
        u = X.T @ (X @ w - y) / 20
        for_decay = torch.where(torch.sign(u) == torch.sign(w), w, 0 * w)
        w = w - 0.003 * u - 0.009 * for_decay
    loss = float((X @ w - y).square().mean() / 2)

    (expected,) = page.glued
    assert agrees(expected, math.sqrt(180) * (1 - 0.009 / 2) ** 400)
    assert float(w.norm()) == pytest.approx(float(expected), rel=0.2)
    assert loss < 3e-4
    if seed == 0:
        row = cautious(page)[8]
        assert agrees(row[3], float(w.norm()))
        assert float(row[5]) == pytest.approx(loss, rel=0.02)
        plain = cautious(page)[7]
        assert float(plain[5]) > 5 * loss  # only plain decay charges a price
    assert float(start.norm()) > 5 * float(w.norm())


# -- Fix the norm, or correct the decay ---------------------------------------


def test_the_angle_goes_with_the_root_of_the_schedule_or_with_the_schedule(page):
    rows = turns(page)

    assert [*rows] == ["plain", "corrected", "fixed norm"]
    for name, (expected, angle, half, end) in rows.items():
        factor = math.sqrt(0.5) if name == "plain" else 0.5
        assert expected == pytest.approx(math.sqrt(2 * 0.1 * 0.05) * factor, abs=5e-5)
        assert angle == pytest.approx(expected, rel=0.05)
        if name == "plain":  # the weight gets shorter, the gradient longer
            assert end > half > 1.1
        else:
            assert (half, end) == (1, 1)


def test_a_correction_is_a_fixed_norm_in_the_plane_of_the_step():
    # Without noise in the length: both recursions by Pythagoras.
    length, fixed, corrected = 1.0, [], []
    for t in range(4000):
        lr = 0.1 * (1 + math.cos(math.pi * t / 4000)) / 2
        kept = 1 - lr * 0.05 * lr / 0.1
        corrected.append(math.atan(lr / length / (kept * length)))
        fixed.append(math.atan(0.1 * lr / 0.1))
        length = math.hypot(kept * length, lr / length)

    assert corrected == pytest.approx(fixed, rel=0.01)
    assert length == pytest.approx(1, abs=0.01)


def test_no_right_angle_is_needed(page):
    header = "decay  at first  at the end"
    (_, first, fallen), (_, same, kept) = table(page, header, 2)

    assert first == same
    assert float(first) == pytest.approx(math.sqrt(0.02 / 0.2), rel=0.03)
    assert float(kept) == pytest.approx(float(first), rel=0.03)
    assert float(fallen) < 0.6 * float(first)
    # It follows √(η/2λ) down, but late: the memory grows as η falls.
    assert float(fallen) > math.sqrt(0.002 / 0.2)


# -- Sources ------------------------------------------------------------------


def test_every_source_is_dated(pages, page):
    text = " ".join(page.article.text.split())

    for author, year in (
        ("Kosson et al.", 2024),
        ("Kobayashi et al.", 2024),
        ("Chen et al.", 2025),
        ("Defazio", 2025),
        ("Wen et al.", 2026),
        ("Chou", 2025),
        ("Bergsma et al.", 2025),
        ("Kim et al.", 2025),
        ("Kosson et al.", 2025),
        ("Han et al.", 2026),
    ):
        assert f"{author}, {year}" in text or f"{author} [{year}]" in text
    assert "As of 2026" in text
