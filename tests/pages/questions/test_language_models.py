"""The numbers of "What does weight decay do in large language models?"."""

import math

import pytest
from reading import agrees

PAGE = "questions/language-models.html"
STEPS, PEAK, WARM_UP = 100_000, 3e-4, 2000


def rates():
    """The schedule, by a plain loop."""
    for t in range(STEPS):
        progress = (t - WARM_UP) / (STEPS - WARM_UP)
        cosine = 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
        yield PEAK * min((t + 1) / WARM_UP, cosine)


def test_the_memory_of_the_run(pages):
    rows = pages[PAGE].printed[2:6]

    for row, lambd in zip(rows, (0.01, 0.1, 1, 3), strict=True):
        shown_lambd, tau, left, young = row.replace(",", "").split()
        # The average w ← (1 − ηλ) w + ηu, for the start and for all updates u = 1
        # of the first part of the run, forward in time.
        start, old, all_updates = 1.0, 0.0, 0.0
        border = STEPS - int(young)
        for t, lr in enumerate(rates()):
            keep = 1 - lr * lambd
            start, old, all_updates = start * keep, old * keep, all_updates * keep + lr
            old += lr if t < border else 0
        assert float(shown_lambd) == lambd
        assert float(tau) == round(1 / (PEAK * lambd))
        assert agrees(left, start)
        assert old / all_updates == pytest.approx(0.5, abs=1e-3)


def test_with_a_small_lambda_most_of_the_start_is_there(pages):
    (shown,) = pages[PAGE].glued
    left = math.prod(1 - lr * 0.01 for lr in rates())

    assert agrees(shown.removesuffix(" %"), 100 * left)
    assert left > 0.5
    # "Decided by λ Σ η": the same sum, the same start.
    assert left == pytest.approx(math.exp(-0.01 * sum(rates())), rel=1e-5)


def test_a_large_lambda_forgets_the_first_half(pages):
    young = [int(row.replace(",", "").split()[3]) for row in pages[PAGE].printed[2:6]]

    assert young == sorted(young, reverse=True)
    # "With 1 only those of its last half": nearly all of it is younger than that.
    total = old = 0.0
    for t, lr in enumerate(rates()):
        keep = 1 - lr
        total, old = total * keep + lr, old * keep + (lr if t < STEPS // 2 else 0)
    assert old / total < 0.05


def test_thirty_times_the_usual_value_is_the_last_row(pages):
    lambdas = [row.split()[0] for row in pages[PAGE].printed[2:6]]

    assert float(lambdas[-1]) == pytest.approx(30 * 0.1)


def test_recent_work_is_dated_once(pages):
    text = " ".join(pages[PAGE].article.text.split())

    for author, year in (
        ("D'Angelo et al.", 2024),
        ("Kim et al.", 2025),
        ("Wang and Aitchison", 2025),
        ("Bergsma et al.", 2025),
        ("Han et al.", 2026),
    ):
        assert f"{author} [{year}]" in text
        assert f"({year})" not in text
    assert "As of 2026" in text
