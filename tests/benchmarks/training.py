"""How long training takes, as a ratio to the loop that textbooks print.

All candidates take turns in one process, on one thread, so that what slows the
machine down slows all of them down.
"""

import statistics
import time
from collections.abc import Callable

import matplotlib as mpl
import torch
from matplotlib import pyplot as plt
from torch.utils.data import DataLoader, TensorDataset

from weight_decay import concise, scratch, synthetic_data

ROUNDS = 7
BUDGET = 0.5
LAMBD, LR, EPOCHS, BATCH_SIZE, EVERY = 3, 0.003, 100, 5, 5

problem = synthetic_data(seed=0)


def mean_loss(w: torch.Tensor, b: torch.Tensor, batches: DataLoader) -> float:
    """Return half the mean squared error over all batches."""
    total, count = 0.0, 0
    with torch.no_grad():
        for X, y in batches:
            total += float(((X @ w + b - y) ** 2 / 2).sum())
            count += len(y)
    return total / count


def textbook(record: Callable[[list[int], list[float], list[float]], None]) -> None:
    """Train as textbooks do: data loaders, autograd, an update by hand."""
    train = TensorDataset(problem.X_train, problem.y_train)
    test = TensorDataset(problem.X_test, problem.y_test)
    train_batches = DataLoader(train, BATCH_SIZE, shuffle=True)
    test_batches = DataLoader(test, BATCH_SIZE, shuffle=False)

    w = torch.normal(0, 1, (problem.X_train.shape[1], 1), requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    epochs: list[int] = []
    train_loss: list[float] = []
    test_loss: list[float] = []
    for epoch in range(1, EPOCHS + 1):
        for X, y in train_batches:
            penalty = w.pow(2).sum() / 2
            loss = (X @ w + b - y) ** 2 / 2 + LAMBD * penalty
            loss.sum().backward()
            with torch.no_grad():
                for parameter in (w, b):
                    parameter -= LR * parameter.grad / len(y)
                    parameter.grad.zero_()
        if epoch % EVERY == 0:
            epochs.append(epoch)
            train_loss.append(mean_loss(w, b, train_batches))
            test_loss.append(mean_loss(w, b, test_batches))
            record(epochs, train_loss, test_loss)


def textbook_drawing() -> None:
    """Train as above, and draw the figure anew at every recorded point."""
    fig, ax = plt.subplots(figsize=(3.5, 2.5))

    def redraw(epochs: list[int], train: list[float], test: list[float]) -> None:
        ax.clear()
        ax.semilogy(epochs, train, "-", epochs, test, "--")
        ax.set(xlabel="epoch", ylabel="loss", xlim=(EVERY, EPOCHS))
        ax.legend(["train", "test"])
        ax.grid()
        fig.canvas.draw()

    textbook(redraw)
    plt.close(fig)


def ours(train: Callable[..., object]) -> Callable[[], None]:
    """Return a run of one of the package's two training functions."""
    return lambda: train(
        problem, lambd=LAMBD, lr=LR, epochs=EPOCHS, batch_size=BATCH_SIZE, seed=0
    )


LOOP = "textbook loop"
CANDIDATES = {
    LOOP: lambda: textbook(lambda *recorded: None),
    "textbook loop, drawing": textbook_drawing,
    "scratch.train": ours(scratch.train),
    "concise.train": ours(concise.train),
}


def main() -> None:
    """Measure and print the table."""
    mpl.use("Agg")
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for turn in range(1 + ROUNDS):  # the first warms up
        for name, train in CANDIDATES.items():
            start = time.perf_counter()
            train()
            if turn > 0:
                seconds[name].append(time.perf_counter() - start)

    print(f"One run of {EPOCHS} epochs, {ROUNDS} rounds in turn, one thread;")
    print("ratio: time over the time of the textbook loop in the same round.\n")
    print(f"{'':24}{'ratio':>8}{'min – max':>16}{'budget':>9}{'ms':>9}")
    for name, times in seconds.items():
        ratios = [t / loop for t, loop in zip(times, seconds[LOOP], strict=True)]
        spread = f"{min(ratios):.3f} – {max(ratios):.3f}"
        budget = f"≤ {BUDGET}" if name.endswith(".train") else ""
        print(
            f"{name:24}{statistics.median(ratios):8.3f}{spread:>16}{budget:>9}"
            f"{1000 * statistics.median(times):9.1f}"
        )


if __name__ == "__main__":
    main()
