"""The numbers of "Does the logged loss contain the penalty?"."""

import pytest
from reading import agrees

from weight_decay import scratch, synthetic_data

PAGE = "questions/logged-loss.html"


def objective(run):
    return run.train_loss[-1] + run.lambd * run.w_norm**2 / 2


def test_the_table_at_the_end_of_the_runs(pages, runs):
    _, *rows = pages[PAGE].printed[:4]

    for row, lambd in zip(rows, (0, 3, 10), strict=True):
        run = runs[scratch, lambd]
        values = [lambd, run.train_loss[-1], objective(run), run.test_loss[-1]]
        assert all(map(agrees, row.split(), values))


@pytest.mark.parametrize("seed", range(5))
def test_with_the_penalty_ten_looks_better_than_three(seed):
    data = synthetic_data(seed=seed)
    three, ten = (scratch.train(data, lambd, seed=seed) for lambd in (3, 10))

    assert three.train_loss[-1] < ten.train_loss[-1]
    assert objective(three) > objective(ten)


def test_the_objective_is_three_times_the_test_loss(pages, problem):
    rows = [row.split() for row in pages[PAGE].printed[5:]]

    assert [int(epoch) for epoch, _ in rows] == [20, 40, 60, 80]
    for epoch, ratio in rows:
        run = scratch.train(problem, 3, epochs=int(epoch))
        assert agrees(ratio, objective(run) / run.test_loss[-1])
        assert float(ratio) == pytest.approx(3, rel=0.1)


def test_with_the_penalty_training_lies_above_test_for_the_whole_run(problem):
    for epoch in (1, 2, 5, 10, 30, 50, 70, 90, 100):
        run = scratch.train(problem, 3, epochs=epoch)
        assert objective(run) > run.test_loss[-1]
        if epoch >= 2:  # without it, below
            assert run.train_loss[-1] < run.test_loss[-1]
