"""The page "Does weight decay make weights zero?"."""

import math
from dataclasses import replace

import pytest
import torch
from reading import agrees, table

from weight_decay import scratch, synthetic_data


@pytest.fixture
def page(pages):
    return pages["questions/zeros.html"]


def test_the_counts_are_those_of_fresh_runs(page, problem):
    header = "λ  exactly 0  below 0.001  below 0.01  smallest entry"
    for row in table(page, header, 5):
        w = scratch.train(problem, float(row[0])).w.flatten().tolist()
        assert int(row[1]) == sum(value == 0 for value in w) == 0
        assert int(row[2]) == sum(abs(value) < 0.001 for value in w)
        assert int(row[3]) == sum(abs(value) < 0.01 for value in w)
        # Float32: the smallest weight is a difference of larger ones.
        assert float(row[4]) == pytest.approx(min(map(abs, w)), rel=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_no_weight_is_ever_zero(seed):
    problem = synthetic_data(seed=seed)

    for lambd in (3, 100):
        assert bool((scratch.train(problem, lambd, seed=seed, epochs=20).w != 0).all())


def test_a_weight_without_data_is_the_start_times_the_factor(page, problem):
    X_train = problem.X_train.clone()
    X_train[:, 0] = 0
    dead = replace(problem, X_train=X_train)
    w_init = torch.normal(0, 1, (200, 1), generator=torch.Generator().manual_seed(0))
    rows = table(page, "λ  predicted  trained", 3)

    for (shown, predicted, trained), lambd in zip(rows, (0, 3, 10), strict=True):
        assert int(shown) == lambd
        assert agrees(predicted.strip(), float(w_init[0]) * (1 - 0.003 * lambd) ** 400)
        assert agrees(trained.strip(), float(scratch.train(dead, lambd).w[0]))
        assert predicted.split() == trained.split()


def test_in_bfloat16_a_weight_of_one_does_not_decay(page):
    predicted, in_32, in_16 = (
        next(line for line in page.printed if line.startswith(name)).split()[-1]
        for name in ("predicted    ", "torch.float32", "torch.bfloat16")
    )

    assert agrees(predicted, (1 - 6e-5) ** 1000)
    assert float(in_32) == pytest.approx(math.exp(-0.06), abs=2e-4)
    assert float(in_16) == 1
    # The next number below 1, and what half of the way to it needs.
    below = torch.nextafter(torch.ones(1).bfloat16(), torch.zeros(1).bfloat16())
    assert below.item() == 1 - 2**-8
    for share, moves in ((0.49, False), (0.51, True)):
        rounded = torch.tensor(1 - share * 2**-8).bfloat16().item()
        assert (rounded < 1) == moves


def test_with_a_step_longer_than_one_the_factor_can_be_zero(problem):
    w = torch.ones(1, requires_grad=True)
    w.grad = torch.zeros(1)
    torch.optim.SGD([w], lr=0.5, weight_decay=2).step()

    assert w.item() == 0


def test_a_threshold_would_cut_weights_that_matter(page, problem):
    cut = scratch.train(problem, 10).w.abs() < 0.001

    assert 0.4 < float(cut.double().mean()) < 0.6  # "about half"
    assert len(problem.w_true.unique()) == 1
