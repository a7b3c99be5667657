"""The numbers of "What does the L2 norm of w mean?"."""

import numpy as np
import pytest
import torch
from reading import agrees, numbers_of, table

from weight_decay import scratch

LAMBDAS = (0, 3, 10)


@pytest.fixture
def page(pages):
    return pages["questions/norm.html"]


def test_the_lengths_of_random_weights(page):
    (line,) = (line for line in page.printed if line.startswith("p = 200: "))
    _, mean, std = numbers_of(line)
    generator = np.random.default_rng(0)

    spreads = []
    for p in (20, 200):
        lengths = np.linalg.norm(generator.normal(size=(20_000, p)), axis=1)
        assert lengths.mean() == pytest.approx(p**0.5, rel=0.02)
        spreads.append(lengths.std())
    # Another 10 000 draws: three standard errors of their difference.
    assert mean == pytest.approx(lengths.mean(), abs=0.03)
    assert std == pytest.approx(spreads[1], abs=0.03)
    assert spreads == pytest.approx([2**-0.5] * 2, abs=0.02)


def test_three_numbers_and_what_a_disturbed_input_does(page, runs):
    lengths = table(page, "λ  ‖w‖₂  ‖w‖₂²  ½‖w‖₂²", 3)
    sensitivity = table(page, "λ  0.1 · ‖w‖₂  measured", 3)

    for row, lambd in zip(lengths, LAMBDAS, strict=True):
        norm = runs[scratch, lambd].w_norm
        assert all(map(agrees, row, [lambd, norm, norm**2, norm**2 / 2]))
    for row, lambd in zip(sensitivity, LAMBDAS, strict=True):
        norm = runs[scratch, lambd].w_norm
        assert all(map(agrees, row[:2], [lambd, norm / 10]))
        assert float(row[2]) == pytest.approx(norm / 10, rel=0.05, abs=1e-4)


def test_what_each_function_takes_for_a_matrix(page):
    start = page.printed.index("call  norm") + 1
    shown = dict(line.rsplit("  ", 1) for line in page.printed[start : start + 6])
    W = np.diag([3.0, 4.0])

    assert float(shown.pop("torch.linalg.norm(W, 2)")) == np.linalg.svd(W)[1].max()
    assert set(shown.values()) == {f"{np.sqrt((W**2).sum()):g}"}
    assert np.linalg.norm(W, axis=1).tolist() == [3, 4]  # of the layers
    # Which is deprecated, and what its documentation names instead.
    assert "torch.norm is deprecated" in torch.norm.__doc__
    assert "torch.linalg.vector_norm" in torch.norm.__doc__
    for name in ("norm", "vector_norm", "matrix_norm"):
        assert "deprecated" not in getattr(torch.linalg, name).__doc__


def test_the_norm_does_not_know_the_truth(page, problem):
    X, y, X_test, y_test, w_true = (
        tensor.double().numpy()
        for tensor in (
            problem.X_train,
            problem.y_train,
            problem.X_test,
            problem.y_test,
            problem.w_true,
        )
    )
    rows = table(page, "w  ‖w‖₂  test loss", 3)

    losses = []
    for (_, norm, loss), sign in zip(rows, (1, -1, 0), strict=True):
        w = sign * w_true
        residual = y_test - X_test @ w
        # A bias in the mean of the training residuals, by least squares.
        b = np.linalg.lstsq(np.ones((20, 1)), y - X @ w, rcond=None)[0].item()
        assert agrees(norm, float(np.linalg.norm(w)))
        losses.append(float(np.mean((residual - b) ** 2)) / 2)
        assert agrees(loss, losses[-1])
    assert losses[0] < losses[2] < losses[1]
