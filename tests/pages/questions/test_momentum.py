"""The numbers of "What does momentum change?"."""

import cmath
import math
from itertools import pairwise

import pytest
import torch
from reading import agrees, numbers_of, table

from weight_decay import ridge, synthetic_data

PAGE = "questions/momentum.html"
MU = 0.9


def left(step, mu, steps):
    """What is left of a weight that only decays, by the optimiser of PyTorch."""
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0, momentum=mu, weight_decay=step)
    w.grad = torch.zeros_like(w)
    path = [1.0]
    for _ in range(steps):
        optimizer.step()
        path.append(w.item())
    return path


def test_the_run_follows_the_recursion_and_the_rule_only_nearly(pages):
    start = pages[PAGE].printed.index("per step  left after 400 steps") + 1
    run, slow, rule, without = pages[PAGE].printed[start : start + 4]
    lr, lambd, steps = 0.0003, 3, 400

    # Both roots of z² − (1 + μ − ηλ) z + μ = 0, and the start w₀ = 1, w₁ = 1 − ηλ.
    trace = 1 + MU - lr * lambd
    root = cmath.sqrt(trace**2 - 4 * MU)
    fast, z = (trace - root) / 2, (trace + root) / 2
    share = (1 - lr * lambd - fast) / (z - fast)
    kept = (share * z**steps + (1 - share) * fast**steps).real
    assert agrees(run.split()[-1], kept)
    assert agrees(slow.split()[-2], z.real)
    assert agrees(slow.split()[-1], z.real**steps)
    assert agrees(rule.split()[-1], 0.991**steps)
    assert agrees(without.split()[-1], (1 - lr * lambd) ** steps)
    factor, _ = pages[PAGE].glued
    assert float(factor) == 1 - 0.003 * 3  # the factor of the chapter
    assert numbers_of(rule)[-2] == float(factor)


def test_the_table_of_how_much_faster(pages):
    printed = pages[PAGE].printed
    start = next(i for i, line in enumerate(printed) if line.startswith("(1 − √μ)²"))
    limit = (1 - MU**0.5) ** 2

    shown_limit, shown_root = printed[start].partition("= ")[2].split("   √μ = ")
    assert agrees(shown_limit, limit)
    assert agrees("0.0026", limit)  # in the first paragraph
    assert agrees(shown_root, MU**0.5)
    header = "ηλ  left per step, without  with  times as fast"
    rows = table(pages[PAGE], header, 5)
    for step, without, with_momentum, faster in rows:
        # The growth of the recursion as a matrix, from its eigenvalues.
        matrix = torch.tensor(
            [[1 + MU - float(step), -MU], [1, 0]], dtype=torch.float64
        )
        z = float(torch.linalg.eigvals(matrix).abs().max())
        assert agrees(without, 1 - float(step))
        assert agrees(with_momentum, z)
        assert agrees(faster, math.log(z) / math.log(1 - float(step)))
        if float(step) > limit:
            assert z == pytest.approx(MU**0.5)
    assert agrees(pages[PAGE].glued[1], math.log(MU**0.5) / math.log(0.991))
    # About ten times where ηλ is well below the limit; more near it, less beyond.
    speeds = [float(row[-1]) for row in rows]
    assert 10 < speeds[0] < speeds[1] < 11.5 < speeds[2]
    assert speeds[2] > 10 > speeds[3] > speeds[4]


def test_beyond_the_limit_a_larger_lambda_forgets_no_faster():
    for step in (0.009, 0.03, 0.1):
        path = left(step, MU, 200)
        # Of two complex solutions: the square of the size of the swing.
        sizes = [
            later**2 - (1 + MU - step) * later * now + MU * now**2
            for now, later in pairwise(path)
        ]
        assert min(path) < 0 < min(sizes)
        shrinking = (sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1))
        assert shrinking**0.5 == pytest.approx(MU**0.5)
    assert min(left(0.0009, MU, 400)) > 0


def test_the_minimum_stays_where_it_was():
    problem = synthetic_data(12, 4, 20, noise_std=0.5, dtype=torch.float64)
    w = torch.zeros(20, 1, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    groups = [{"params": [w], "weight_decay": 3}, {"params": [b], "weight_decay": 0}]
    optimizer = torch.optim.SGD(groups, lr=0.02, momentum=0.9)
    for _ in range(1500):
        optimizer.zero_grad()
        ((problem.X_train @ w + b - problem.y_train) ** 2 / 2).mean().backward()
        optimizer.step()

    w_fit, b_fit = ridge.fit(problem, 3)
    assert torch.allclose(w, w_fit, atol=1e-10)
    assert torch.allclose(b, b_fit, atol=1e-10)
