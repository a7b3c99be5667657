import cmath

import torch
from reading import agrees, numbers_of

from weight_decay import ridge, synthetic_data


def test_the_run_follows_the_recursion_and_the_rule_only_nearly(pages):
    recursion, slow, rule, without, run = pages["questions/momentum.html"].printed[1:]
    lr, lambd, mu, steps = 0.0003, 3, 0.9, 400

    # Both roots of z² − (1 + μ − ηλ) z + μ = 0, and the start w₀ = 1, w₁ = 1 − ηλ.
    trace = 1 + mu - lr * lambd
    root = cmath.sqrt(trace**2 - 4 * mu)
    fast, z = (trace - root) / 2, (trace + root) / 2
    share = (1 - lr * lambd - fast) / (z - fast)
    left = (share * z**steps + (1 - share) * fast**steps).real
    assert agrees(recursion.split()[-1], left)
    assert run.split()[-1] == recursion.split()[-1]
    assert agrees(slow.split()[-2], z.real)
    assert agrees(slow.split()[-1], z.real**steps)
    assert agrees(rule.split()[-1], 0.991**steps)
    assert agrees(without.split()[-1], (1 - lr * lambd) ** steps)
    assert numbers_of(rule)[-2] == 0.991  # the factor of the chapter
    # "A fifth": how far the rule is off.
    assert 0.18 < 1 - left / 0.991**steps < 0.25


def test_the_minimum_stays_where_it_was():
    problem = synthetic_data(12, 4, 20, noise_std=0.5, dtype=torch.float64)
    w = torch.zeros(20, 1, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    groups = [{"params": [w], "weight_decay": 3}, {"params": [b], "weight_decay": 0}]
    optimizer = torch.optim.SGD(groups, lr=0.02, momentum=0.9)
    for _ in range(3000):
        optimizer.zero_grad()
        ((problem.X_train @ w + b - problem.y_train) ** 2 / 2).mean().backward()
        optimizer.step()

    w_fit, b_fit = ridge.fit(problem, 3)
    assert torch.allclose(w, w_fit, atol=1e-10)
    assert torch.allclose(b, b_fit, atol=1e-10)
