"""The numbers of "What does weight decay do in large language models?"."""

import math

import pytest
from reading import agrees, table

PAGE = "questions/language-models.html"
STEPS, PEAK, WARM_UP = 100_000, 3e-4, 2000


def rates():
    """The schedule, by a plain loop."""
    for t in range(STEPS):
        progress = (t - WARM_UP) / (STEPS - WARM_UP)
        cosine = 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
        yield PEAK * min((t + 1) / WARM_UP, cosine)


@pytest.fixture(scope="module")
def rows(pages):
    header = "λ  1/(ηλ) at the peak  start left  half is younger than  at constant η"
    return [
        [float(cell.replace(",", "")) for cell in row]
        for row in table(pages[PAGE], header, 4)
    ]


def young_part(schedule, lambd, age):
    """The start, and the share of the updates of the last `age` steps."""
    # The average w ← (1 − ηλ) w + ηu, for the start and for updates u = 1, forward in
    # time.
    start, old, all_updates = 1.0, 0.0, 0.0
    for t, lr in enumerate(schedule):
        keep = 1 - lr * lambd
        start, old, all_updates = start * keep, old * keep, all_updates * keep + lr
        old += lr if t < STEPS - age else 0
    return start, 1 - old / all_updates


def test_the_memory_of_the_run(rows):
    for row, expected in zip(rows, (0.01, 0.1, 1, 3), strict=True):
        lambd, tau, left, young, at_constant = row
        start, share = young_part(rates(), expected, young)
        assert lambd == expected
        assert tau == round(1 / (PEAK * lambd))
        assert agrees(f"{left:.2g}", start)
        assert share == pytest.approx(0.5, abs=1e-3)
        _, share = young_part([PEAK] * STEPS, expected, at_constant)
        assert share == pytest.approx(0.5, abs=1e-3)


def test_half_is_younger_than_ln_2_memories_where_the_rate_is_constant(rows):
    for _, tau, _, young, at_constant in rows:
        if tau < STEPS / 4:  # "much shorter than the run"
            assert at_constant == pytest.approx(math.log(2) * tau, rel=0.01)
        else:
            assert at_constant < math.log(2) * tau
        assert young > at_constant  # "with the schedule it is older"


def test_what_is_forgotten_is_decided_by_the_sum_of_the_rates(rows):
    for lambd, _, left, *_ in rows[:2]:
        assert left == pytest.approx(math.exp(-lambd * sum(rates())), rel=0.02)


def test_thirty_times_the_usual_value_is_the_last_row(rows):
    assert rows[-1][0] == pytest.approx(30 * 0.1)


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
