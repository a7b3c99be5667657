"""Ratios of training times to the loop that textbooks print.

All take turns in one process, on one thread, and what counts is the time of the
processor, so that other work on the machine hardly shows.
"""

import statistics
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

from weight_decay import scratch, synthetic_data
from weight_decay.sweep import sweep

ROUNDS = 7
SETTINGS = {"lr": 0.003, "epochs": 100, "batch_size": 5}

problem = synthetic_data()


def mean_loss(w, b, batches):
    """Return half the mean squared error over all batches."""
    total, count = 0.0, 0
    with torch.no_grad():
        for X, y in batches:
            total += float(((X @ w + b - y) ** 2 / 2).sum())
            count += len(y)
    return total / count


def textbook(lambd=3):
    """Train as textbooks do: data loaders, autograd, an update by hand."""
    size = SETTINGS["batch_size"]
    train = TensorDataset(problem.X_train, problem.y_train)
    test = TensorDataset(problem.X_test, problem.y_test)
    train_batches = DataLoader(train, size, shuffle=True)
    test_batches = DataLoader(test, size, shuffle=False)

    w = torch.normal(0, 1, (problem.X_train.shape[1], 1), requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    losses = []
    for epoch in range(1, SETTINGS["epochs"] + 1):
        for X, y in train_batches:
            penalty = w.pow(2).sum() / 2
            loss = (X @ w + b - y) ** 2 / 2 + lambd * penalty
            loss.sum().backward()
            with torch.no_grad():
                for parameter in (w, b):
                    parameter -= SETTINGS["lr"] * parameter.grad / len(y)
                    parameter.grad.zero_()
        if epoch % 5 == 0:
            losses.append(
                [mean_loss(w, b, part) for part in (train_batches, test_batches)]
            )
    return losses


def many(num_lambdas, num_seeds):
    """Return how many runs a sweep has, and the sweep."""
    lambdas = torch.linspace(0, 20, num_lambdas).tolist()
    problems = [problem] * num_seeds
    return num_lambdas * num_seeds, lambda: sweep(problems, lambdas, **SETTINGS)


def ratios():
    """Return the ratios that have a budget, by the names of what is compared."""
    loop, small, large = "a textbook loop", "one of 64 λ × 32 seeds", "one of 16,000 λ"
    candidates = {
        loop: (1, textbook),
        "scratch.train": (1, lambda: scratch.train(problem, 3, **SETTINGS)),
        small: many(64, 32),
        large: many(16_000, 1),
    }
    seconds = {name: [] for name in candidates}
    torch.set_num_threads(1)
    for turn in range(1 + ROUNDS):  # the first warms up
        for name, (runs, train) in candidates.items():
            start = time.process_time()
            train()
            if turn > 0:
                seconds[name].append((time.process_time() - start) / runs)

    pairs = [("scratch.train", loop), (small, loop)]
    return {
        f"{one} / {other}": statistics.median(
            a / b for a, b in zip(seconds[one], seconds[other], strict=True)
        )
        for one, other in [*pairs, (large, small)]
    }
