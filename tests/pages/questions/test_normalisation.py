"""The numbers of "What does decay do before BatchNorm or LayerNorm?"."""

import math

import pytest
import torch
from reading import agrees, table
from torch import nn

PAGE = "questions/normalisation.html"


def test_the_length_does_not_matter_in_training(pages):
    rows = table(pages[PAGE], "layer  mode  largest change", 3)

    assert [row[0] for row in rows] == ["BatchNorm1d", "LayerNorm", "BatchNorm1d"]
    assert [row[1] for row in rows] == ["training", "training", "evaluation"]
    assert all(float(row[2]) < 1e-3 for row in rows[:2])
    # Divided by the old spread, an output of size x becomes 10x: it changes by 9x.
    assert 9 * 3 < float(rows[2][2]) < 9 * 5


def test_the_outputs_have_a_size_of_about_one():
    torch.manual_seed(0)
    X, layer = torch.randn(50, 8), nn.Linear(8, 16, bias=False)

    for norm in (nn.BatchNorm1d(16), nn.LayerNorm(16)):
        assert float(norm(layer(X)).detach().std()) == pytest.approx(1, abs=0.01)


def test_the_gradient_falls_with_the_length(pages):
    rows = table(pages[PAGE], "‖w‖ times  ‖gradient‖", 3)
    lengths = [float(length) for _, length in rows]

    assert [scale for scale, _ in rows] == ["1", "2", "4"]
    assert lengths == pytest.approx([lengths[0] / k for k in (1, 2, 4)], rel=1e-3)


def test_the_equilibrium_forgets_its_start(pages):
    header = "η  λ  start  ‖w‖  angle  √(2ηλ)"
    rows = [list(map(float, row)) for row in table(pages[PAGE], header, 6)]

    assert len(rows) == 6
    for lr, lambd, _, length, angle, expected in rows:
        # The exact balance: ‖w‖⁴ = η/(2λ − ηλ²), cos(angle) = 1 − ηλ.
        assert length == pytest.approx(
            (lr / (2 * lambd - lr * lambd**2)) ** 0.25, rel=2e-3
        )
        # The longest start has not quite arrived in the mean of its last 100 steps.
        assert angle == pytest.approx(math.acos(1 - lr * lambd), rel=8e-3)
        assert expected == pytest.approx(math.sqrt(2 * lr * lambd), abs=1e-4)
    short, long = rows[::2], rows[1::2]
    assert [row[2] for row in short] == [0.3] * 3
    assert [row[2] for row in long] == [3] * 3
    # The first and the last setting share ηλ, and turn alike.
    assert rows[0][4] == pytest.approx(rows[-1][4], rel=2e-3)


def test_without_decay_the_weight_grows_and_turns_ever_more_slowly(pages):
    rows = table(pages[PAGE], "steps  predicted ‖w‖  ‖w‖  angle", 3)

    for steps, predicted, length, angle in rows:
        # Step by step: ‖w‖² gains η²/‖w‖².
        square = 1.0
        for _ in range(int(steps)):
            square += 0.1**2 / square
        assert agrees(predicted, (1 + 2 * 0.1**2 * int(steps)) ** 0.25)
        assert agrees(length, square**0.5)
        # Of the last 100 steps, when it was a little shorter.
        assert float(angle) == pytest.approx(0.1 / square, rel=0.15)
        assert float(angle) > 0.1 / square
    assert [int(row[0]) for row in rows] == [250, 1000, 4000]
