"""The numbers of "Is the penalty added once per example?"."""

import pytest
from reading import agrees, numbers_of

from weight_decay import scratch

PAGE = "questions/broadcasting.html"

# What each spelling is in truth: λ and η.
TRUTH = {
    "(loss + pen).sum() / B": (3, 0.003),
    "loss.mean() + pen": (3, 0.003),
    "(loss.sum() + pen) / B": (3 / 5, 0.003),
    "(loss.mean() + pen) / B": (3, 0.003 / 5),
}


@pytest.fixture(scope="module")
def truth(problem):
    return {
        name: scratch.train(problem, lambd, lr=lr)
        for name, (lambd, lr) in TRUTH.items()
    }


def after(page, header):
    start = page.printed.index(header) + 1
    return page.printed[start : start + 4]


def test_the_three_sums(pages):
    total, divided, mean = (numbers_of(line)[-1] for line in pages[PAGE].printed[:3])

    assert total == sum(loss + 10 for loss in (1, 2, 3, 4, 5))
    assert divided == mean == total / 5


def test_each_spelling_is_a_run_of_the_chapter_with_some_lambda_and_rate(pages, truth):
    header = "spelling  predicted  ‖w‖₂  train loss"
    rows = after(pages[PAGE], header)

    for row, (name, run) in zip(rows, truth.items(), strict=True):
        assert row.startswith(name + " ")
        predicted, norm, train_loss = row.removeprefix(name).split()
        assert agrees(predicted, 180**0.5 * (1 - run.lr * run.lambd) ** 400)
        assert agrees(norm, run.w_norm)
        assert agrees(train_loss, run.train_loss[-1])


def test_the_training_loss_tells_the_two_faults_apart(truth):
    _, _, summed, twice = truth.values()

    assert summed.w_norm == pytest.approx(twice.w_norm, rel=0.01)
    assert twice.train_loss[-1] > 1000 * summed.train_loss[-1]
