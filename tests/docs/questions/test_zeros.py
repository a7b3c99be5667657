"""The page "Does weight decay make weights zero?"."""

import math
from dataclasses import replace

import pytest
import torch
from reading import agrees, numbers_of

from weight_decay import scratch, synthetic_data


@pytest.fixture
def page(pages):
    return pages["questions/zeros.html"]


def table(page, header, count):
    start = page.printed.index(header) + 1
    return [line.split() for line in page.printed[start : start + count]]


def test_the_counts_are_those_of_fresh_runs(page, problem):
    header = "  λ   exactly 0   below 0.001   below 0.01   smallest |w|"
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
    lines = [line for line in page.printed if "trained" in line]

    for line, lambd in zip(lines, (0, 3, 10), strict=True):
        predicted, trained = line.split(": predicted")[1].split(", trained")
        assert agrees(predicted.strip(), float(w_init[0]) * (1 - 0.003 * lambd) ** 400)
        assert agrees(trained.strip(), float(scratch.train(dead, lambd).w[0]))
        assert predicted.split() == trained.split()


def test_where_decay_gets_stuck(page):
    expected, stuck = page.printed[
        (start := next(i for i, s in enumerate(page.printed) if "expected" in s)) :
    ][:2]

    steps = int(expected.split()[-1])
    assert 0.991**steps < 2**-149 < 0.991 ** (steps - 1)
    # On the multiples of 2⁻¹⁴⁹: k − round(0.009 k) stays at the k below.
    k = next(k for k in range(1000, 0, -1) if round(0.009 * k) == 0)
    value, shown_k, *_, step = numbers_of(stuck.replace("2⁻¹⁴⁹", ""))
    assert shown_k == k == 55
    assert value == pytest.approx(k * 2**-149, rel=0.02)
    # Decay alone passes 55 · 2⁻¹⁴⁹ a little later: rounding helped on the way.
    assert step == pytest.approx(math.log(k * 2**-149) / math.log(0.991), rel=0.01)
    assert start > 0


def test_it_is_what_the_optimiser_of_pytorch_does():
    # From the last thousand steps on, so that it does not take long.
    w = torch.full((1,), 1e-41, requires_grad=True)
    by_hand = w.detach().clone()
    w.grad = torch.zeros(1)
    trainer = torch.optim.SGD([w], lr=0.003, weight_decay=3)
    for _ in range(1000):
        trainer.step()
        by_hand -= 0.003 * (3 * by_hand)
        assert w.item() == by_hand.item()

    assert w.item() == 55 * 2**-149


def test_what_is_kept_with_data(page, problem):
    X = problem.X_train.double()
    d = torch.linalg.eigvalsh((X - X.mean(0)) @ (X - X.mean(0)).T / 20)[1:]

    rows = table(page, "    λ   kept of the fit: least   most", 5)
    for row in rows:
        kept = d / (d + float(row[0]))
        assert all(map(agrees, row[1:], [float(kept.min()), float(kept.max())]))
        assert float(row[1]) > 0
    largest = float(d.max())
    assert largest / (largest + 99 * largest) == pytest.approx(0.01)


def test_a_threshold_would_cut_weights_that_matter(page, problem):
    cut = scratch.train(problem, 10).w.abs() < 0.001

    assert 0.4 < float(cut.double().mean()) < 0.6  # "about half"
    assert len(problem.w_true.unique()) == 1
