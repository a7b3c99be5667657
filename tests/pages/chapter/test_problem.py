"""The numbers of "The problem"."""

import torch
from reading import agrees


def test_the_numbers_of_the_problem(pages, problem):
    X, y = problem.X_train.double(), problem.y_train.double()
    start = torch.normal(0, 1, (200, 1), generator=torch.Generator().manual_seed(0))
    start = start.double()
    fit = start + X.T @ torch.linalg.solve(X @ X.T, y - X @ start)
    predictions = problem.X_test.double() @ fit
    test_loss = float(((predictions - problem.y_test) ** 2).mean()) / 2
    page = pages["chapter/problem.html"]

    shown = [text.removesuffix("%").rstrip() for text in page.glued]
    spreads = [float(problem.y_test.std()), float(predictions.std())]
    luck = 100 * (2 / 180 + 2 / 100) ** 0.5
    fresh = [20, 180, test_loss, *spreads, 180, 180, 180, luck]
    assert all(map(agrees, shown, fresh))
    assert len(shown) == len(fresh)
    _, losses, from_zero = page.printed
    assert agrees(losses.split()[-1], test_loss)
    shortest = problem.X_test.double() @ X.T @ torch.linalg.solve(X @ X.T, y)
    loss_of_shortest = float(((shortest - problem.y_test) ** 2).mean()) / 2
    assert agrees(from_zero.split()[-1], loss_of_shortest)
