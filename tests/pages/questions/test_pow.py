"""The numbers of "What does `w.pow(2)` compute?"."""

import numpy as np
import pytest
from reading import numbers_of

PAGE = "questions/pow.html"


def test_the_squares_their_sum_and_its_gradient(pages):
    printed = " ".join(pages[PAGE].printed)
    w = np.array([[3.0], [4.0]])
    steps = 1e-6 * np.eye(2)[:, :, None]
    slopes = [float(((w + h) ** 2 - (w - h) ** 2).sum()) / 4e-6 for h in steps]

    shown = numbers_of(printed)
    assert shown[:4] == [*(w * w).flatten(), *w.shape]
    assert shown[4:8] == [9, 16, (w.T @ w).item(), (w.T @ w).item() / 2]
    assert shown[8:10] == pytest.approx(slopes)


def test_the_products_of_matrices_and_the_trap(pages):
    printed = pages[PAGE].printed
    w = np.array([[3], [4]])

    error = next(k for k, line in enumerate(printed) if "cannot be multiplied" in line)
    table = numbers_of(" ".join(printed[error + 1 : error + 4]))
    assert table == [*(w.T @ w).flatten(), *(w @ w.T).flatten()]
    trap, right = (numbers_of(line.partition(":")[2])[0] for line in printed[-2:])
    assert trap == (w * w.T).sum() == (3 + 4) ** 2
    assert right == (w * w).sum()
    v = np.array([[3], [-4]])
    assert (v * v.T).sum() == 1
