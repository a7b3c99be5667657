"""The numbers of "Is weight_decay the same as a penalty in the loss?"."""

import pytest
import torch
from reading import agrees

from weight_decay import optimizers, synthetic_data
from weight_decay.data import minibatches
from weight_decay.optimizers import coupled, decoupled

PAGE = "questions/optimizer-or-loss.html"

# Optimiser, λ in it, λ in the loss; and what that is by hand.
ROWS = {
    ("SGD", 3, 0): (optimizers.SGD, coupled(3)),
    ("SGD", 0, 3): (optimizers.SGD, coupled(3)),
    ("SGD", 3, 3): (optimizers.SGD, coupled(6)),
    ("SGD", 6, 0): (optimizers.SGD, decoupled(6)),
    ("Adam", 3, 0): (optimizers.Adam, coupled(3)),
    ("Adam", 0, 3): (optimizers.Adam, coupled(3)),
    ("AdamW", 3, 0): (optimizers.Adam, decoupled(3)),
}


@pytest.fixture(scope="module")
def by_hand():
    problem = synthetic_data(dtype=torch.float64)

    def train(optimizer, decay):
        """The final weight; loss and ½‖w‖² of the last batch before its step."""
        generator = torch.Generator().manual_seed(0)
        w = torch.normal(0, 1, (200, 1), generator=generator, dtype=torch.float64)
        b = torch.zeros(1, dtype=torch.float64)
        for_w, for_b = optimizer(0.003, decay=decay), optimizer(0.003)
        for _ in range(100):
            for X, y in minibatches(problem.X_train, problem.y_train, 5, generator):
                r = X @ w + b - y
                loss, half_square = float((r**2).mean()) / 2, float((w**2).sum()) / 2
                w = for_w.step(w, X.T @ r / len(X))
                b = for_b.step(b, r.mean(0))
        return w, loss, half_square

    return {row: train(*settings) for row, settings in ROWS.items()}


def test_the_table_is_that_of_the_optimisers_by_hand(pages, by_hand):
    lines = pages[PAGE].printed[2:]

    for line, (row, (w, loss, half_square)) in zip(lines, by_hand.items(), strict=True):
        name, in_optimizer, in_loss, norm, logged = line.split()
        assert (name, int(in_optimizer), int(in_loss)) == row
        assert agrees(norm, float(w.norm()))
        assert agrees(logged, loss + row[2] * half_square)


def test_what_the_page_says_about_the_norms(by_hand):
    sgd, adam, adamw = (
        float(by_hand[row][0].norm())
        for row in (("SGD", 3, 0), ("Adam", 3, 0), ("AdamW", 3, 0))
    )
    predicted = 180**0.5 * (1 - 0.003 * 3) ** 400

    assert f"{predicted:.2f}" == "0.36"
    assert sgd == pytest.approx(predicted, rel=0.05)
    assert adamw == pytest.approx(sgd, rel=0.01)
    assert adam > 10 * sgd
