"""The numbers of "Why do scratch and concise differ?"."""

import pytest
import torch
from reading import agrees, table

from weight_decay import concise, synthetic_data
from weight_decay.sweep import sweep

PAGE = "questions/scratch-or-concise.html"
LAMBDAS = (0, 3, 10)


def stages(seeds, **form):
    """The losses (λ, seed) of scratch, of concise with b = 0, and of concise."""
    exact = torch.float64
    problems = [synthetic_data(seed=seed, dtype=exact) for seed in seeds]
    zero = torch.zeros(1, dtype=exact)
    by_hand = sweep(problems, LAMBDAS, seeds=seeds, **form)
    form["implementation"] = "concise"
    no_half = sweep(problems, LAMBDAS, seeds=seeds, b_init=zero, **form)
    as_printed = sweep(problems, LAMBDAS, seeds=seeds, **form)
    return by_hand, no_half, as_printed


@pytest.fixture(scope="module")
def hundred():
    """The page follows 20 numbers a run; here it is all 200 weights."""
    return stages(range(100), form="weights")


def test_the_table_of_the_three_moves(pages, hundred):
    header = "mean of 100  scratch  + unit  + gradient  + bias"
    shown = table(pages[PAGE], header, 6)
    by_hand, no_half, as_printed = hundred

    for name, rows in (("test_loss", shown[:3]), ("train_loss", shown[3:])):
        for i, row in enumerate(rows):
            scratch, half, full = (
                float(getattr(result, name)[i, :, -1].mean())
                for result in (by_hand, no_half, as_printed)
            )
            assert " ".join(row[:4]) == f"{name}, λ = {LAMBDAS[i]}"
            assert all(map(agrees, row[4:], [scratch, 2 * scratch, half, full]))


def test_the_numbers_in_the_prose(pages, hundred):
    by_hand, no_half, as_printed = (result.test_loss[:, :, -1] for result in hundred)
    shown = [text.removesuffix(" %") for text in pages[PAGE].glued]

    gradient = no_half.mean(1) / (2 * by_hand.mean(1)) - 1
    bias, pairs = as_printed.mean(1) / no_half.mean(1), as_printed / no_half
    middle = pairs.sort(1).values[:, 49:51].mean(1)
    values = [100 * gradient[1], 100 * gradient[2]]
    values += [bias[1], bias[2], middle[1], middle[2], pairs[1, 0], pairs[2, 0]]
    assert all(map(agrees, shown, map(float, values)))
    assert len(shown) == len(values)
    assert bool((middle[1:] < 0.6 * bias[1:]).all())  # a few far starts make the mean


def test_in_the_run_of_the_chapter_the_bias_costs_what_the_page_says(pages, problem):
    zero = torch.zeros(1)

    for shown, lambd in zip(pages[PAGE].glued[-2:], (3, 10), strict=True):
        printed, from_zero = (
            concise.train(problem, lambd, b_init=b).test_loss[-1] for b in (None, zero)
        )
        # One digit is shown; float32 here, float64 on the page.
        assert printed / from_zero == pytest.approx(float(shown), abs=0.051)


def test_which_move_counts_where_on_other_seeds_too():
    by_hand, no_half, as_printed = stages(range(1000, 1100))
    test = [r.test_loss[:, :, -1].mean(1) for r in (by_hand, no_half, as_printed)]
    train = [r.train_loss[:, :, -1].mean(1) for r in (by_hand, no_half, as_printed)]

    # Without decay: the unit for the test loss, the gradient for the training loss.
    assert float(test[1][0] / test[0][0]) == pytest.approx(2, rel=0.001)
    assert float(test[2][0] / test[1][0]) == pytest.approx(1, rel=0.02)
    assert float(train[1][0]) < 1e-4 * float(train[0][0])
    assert float(train[2][0] / train[1][0]) == pytest.approx(1, rel=0.5)
    for i in (1, 2):  # with decay: the bias
        assert float(test[1][i] / (2 * test[0][i])) == pytest.approx(1, abs=0.1)
        assert float(test[2][i] / test[1][i]) > 2.5
        factor = float(train[1][i] / (2 * train[0][i]))
        assert float(train[2][i] / train[1][i]) > max(factor, 1 / factor)


def test_a_bias_that_starts_at_the_truth_costs_nothing():
    problems = [synthetic_data(seed=seed) for seed in range(50)]
    at_truth, at_zero = (
        sweep(problems, LAMBDAS, implementation="concise", b_init=torch.tensor([b]))
        for b in (0.05, 0.0)
    )

    ratio = at_truth.test_loss[:, :, -1].mean(1) / at_zero.test_loss[:, :, -1].mean(1)
    assert float(ratio.max()) < 1.01


def test_undone_the_runs_agree(pages):
    problem = synthetic_data(dtype=torch.float64)

    header = "λ  ‖w‖₂, concise  ‖w‖₂, scratch  ratio of the losses"
    for row, lambd in zip(table(pages[PAGE], header, 3), LAMBDAS, strict=True):
        shown_lambd, first, second, ratio = map(float, row)
        norm = concise.train(problem, lambd).w_norm
        assert shown_lambd == lambd
        assert first == second
        assert first == pytest.approx(norm, abs=5e-5)
        assert ratio == 2
