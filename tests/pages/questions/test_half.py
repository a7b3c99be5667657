"""The numbers of "Why is there a ½?"."""

import pytest
import torch
from reading import agrees, table

from weight_decay import DivergenceError, concise, scratch

PAGE = "questions/half.html"


def minimum(problem, a, k, lambd):
    """The w of least a/n Σr² + kλ‖w‖², from its normal equations."""
    A = torch.nn.functional.pad(problem.X_train, (0, 1), value=1.0)
    penalty = torch.full((201,), 2.0 * k * lambd, dtype=A.dtype)
    penalty[-1] = 0
    right = 2 * a * A.T @ problem.y_train / len(A)
    return torch.linalg.solve(2 * a * A.T @ A / len(A) + penalty.diag(), right)[:-1]


def test_the_half_makes_the_slope_the_error():
    r = torch.tensor(3.0, requires_grad=True)

    assert torch.autograd.grad(r**2 / 2, r)[0] == 3
    assert torch.autograd.grad(r**2, r)[0] == 6


def test_the_table_of_the_four_objectives(pages, exact):
    header = "a  k  step on the data  decay per step  ‖w‖₂ at the minimum"
    rows = table(pages[PAGE], header, 4)

    shown_norms = []
    for row, (a, k) in zip(rows, [(0.5, 0.5), (1, 0.5), (0.5, 1), (1, 1)], strict=True):
        shown_a, shown_k, data, decay, norm = row
        assert (float(shown_a), float(shown_k)) == (a, k)
        assert agrees(data, 2 * a * 0.003)
        assert agrees(decay.removesuffix("%"), 100 * 2 * k * 0.003 * 3)
        assert agrees(norm, float(minimum(exact, a, k, 3).norm()))
        shown_norms.append(norm)
    assert shown_norms[0] == shown_norms[3]
    assert len(set(shown_norms)) == 3


def test_without_any_half_and_with_half_the_rate_the_run_is_the_same(pages, exact):
    line = next(line for line in pages[PAGE].printed if " and " in line)
    first, second = line.removeprefix("‖w‖₂ = ").split(" and ")

    assert first == second
    assert agrees(first, scratch.train(exact, 3).w_norm)


def test_without_the_half_the_largest_learning_rate_is_about_half(problem):
    scratch.train(problem, 3, lr=0.05)
    concise.train(problem, 3, lr=0.025)
    with pytest.raises(DivergenceError) as double:
        concise.train(problem, 3, lr=0.05)
    with pytest.raises(DivergenceError) as single:
        scratch.train(problem, 3, lr=0.15)

    # The bounds 2/(d_max + λ), with d_max twice as large without the ½.
    bounds = [2 / (error.value.d_max + 3) for error in (single, double)]
    assert bounds[0] / bounds[1] == pytest.approx(2, rel=0.1)


def test_a_start_that_is_not_yet_forgotten_makes_ten_times_the_norm(exact):
    run = scratch.train(exact, 3)
    left = (1 - 0.003 * 3) ** 400
    least = minimum(exact, 0.5, 0.5, 3)

    assert f"{left:.1%}" == "2.7%"
    assert f"{float(least.norm()):.4f}" == "0.0350"
    assert run.w_norm == pytest.approx(10 * float(least.norm()), rel=0.05)
    X = exact.X_train
    w, start = (v - torch.linalg.pinv(X) @ (X @ v) for v in (run.w, run.w_init))
    assert torch.allclose(w, left * start, atol=1e-12)
    assert float(w.norm()) > 0.99 * run.w_norm
