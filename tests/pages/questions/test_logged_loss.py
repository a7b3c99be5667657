"""The numbers of "Does the logged loss contain the penalty?"."""

import pytest
import torch
from reading import agrees, table

from weight_decay import concise, scratch, synthetic_data

PAGE = "questions/logged-loss.html"


def objective(run):
    return run.train_loss[-1] + run.lambd * run.w_norm**2 / 2


def test_the_table_at_the_end_of_the_runs(pages, runs):
    rows = table(pages[PAGE], "λ  train loss  with penalty  test loss", 3)

    for row, lambd in zip(rows, (0, 3, 10), strict=True):
        run = runs[scratch, lambd]
        values = [lambd, run.train_loss[-1], objective(run), run.test_loss[-1]]
        assert all(map(agrees, row, values))


@pytest.mark.parametrize("seed", range(5))
def test_with_the_penalty_ten_looks_better_than_three(seed):
    data = synthetic_data(seed=seed)
    three, ten = (scratch.train(data, lambd, seed=seed) for lambd in (3, 10))

    assert three.train_loss[-1] < ten.train_loss[-1]
    assert objective(three) > objective(ten)


def test_the_objective_is_three_times_the_test_loss(pages, problem):
    rows = table(pages[PAGE], "epoch  objective / test loss", 5)

    assert [int(epoch) for epoch, _ in rows] == [20, 40, 60, 80, 100]
    for epoch, ratio in rows:
        run = scratch.train(problem, 3, epochs=int(epoch))
        assert agrees(ratio, objective(run) / run.test_loss[-1])
        if int(epoch) <= 80:
            assert float(ratio) == pytest.approx(3, rel=0.1)
    # The test loss also contains the true weights.
    rest = run.test_loss[-1] - objective(run) / 3
    assert rest == pytest.approx(0.5 * 200 * 0.01**2, rel=0.15)
    assert float(ratio) < 2.6


@pytest.mark.parametrize("seed", range(6))
def test_at_the_end_the_ratio_sinks(seed):
    data = synthetic_data(seed=seed)
    early, late = (scratch.train(data, 3, seed=seed, epochs=e) for e in (60, 100))

    ratios = [objective(run) / run.test_loss[-1] for run in (early, late)]
    assert ratios[1] < 0.9 * ratios[0]


def test_the_objective_from_the_groups_of_the_optimiser_is_that_of_the_penalty():
    net = concise.linear_net(torch.full((200, 1), 0.5), torch.ones(1))
    optimizer = concise.decaying_sgd(net, lambd=3, lr=0.003)

    penalty = sum(
        group["weight_decay"] * p.pow(2).sum() / 2
        for group in optimizer.param_groups
        for p in group["params"]
    )
    assert penalty.item() == pytest.approx(3 * 200 * 0.25 / 2)


def test_with_the_penalty_training_lies_above_test_for_the_whole_run(problem):
    for epoch in (1, 2, 5, 10, 30, 50, 70, 90, 100):
        run = scratch.train(problem, 3, epochs=epoch)
        assert objective(run) > run.test_loss[-1]
        if epoch >= 2:  # without it, below
            assert run.train_loss[-1] < run.test_loss[-1]
