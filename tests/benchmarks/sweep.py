"""How long one run of a sweep takes, as a ratio to the loop that textbooks print.

All candidates take turns in one process, on one thread, so that what slows the
machine down slows all of them down.
"""

import statistics
import time
from collections.abc import Callable

import torch
from training import BATCH_SIZE, EPOCHS, LOOP, LR, problem, textbook

from weight_decay.sweep import sweep

ROUNDS = 9
BUDGET = 3000  # this many runs of the sweep in the time of one textbook loop
NUM_LAMBDAS, NUM_SEEDS = 64, 32
LAMBDAS = torch.linspace(0, 20, NUM_LAMBDAS).tolist()


def ours(num_seeds: int = NUM_SEEDS, **how: str) -> tuple[int, Callable[[], object]]:
    """Return how many runs a sweep has, and the sweep."""
    runs = NUM_LAMBDAS * num_seeds
    settings = {"lr": LR, "epochs": EPOCHS, "batch_size": BATCH_SIZE}
    return runs, lambda: sweep([problem] * num_seeds, LAMBDAS, **settings, **how)


def part(ratio: float) -> str:
    """Write a small ratio as a fraction, 0.0002 as 1/5000."""
    return f"1/{1 / ratio:.0f}"


IN_BUDGET = "sweep, in examples"
CANDIDATES = {
    LOOP: (1, lambda: textbook(lambda *recorded: None)),
    IN_BUDGET: ours(form="examples"),
    "sweep, concise": ours(form="examples", implementation="concise"),
    "sweep, 4 × as many seeds": ours(4 * NUM_SEEDS, form="examples"),
    "sweep, in weights": ours(form="weights"),
}


def main() -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for turn in range(1 + ROUNDS):  # the first warms up
        for name, (runs, train) in CANDIDATES.items():
            start = time.perf_counter()
            train()
            if turn > 0:
                seconds[name].append((time.perf_counter() - start) / runs)

    print(
        f"{NUM_LAMBDAS} λ × {NUM_SEEDS} seeds of {EPOCHS} epochs, {ROUNDS} rounds ",
        end="",
    )
    print("in turn, one thread;")
    print("ratio: time of one run over that of the textbook loop in the same round.\n")
    print(f"{'':26}{'ratio':>8}{'min – max':>18}{'budget':>10}{'µs':>11}")
    for name, times in seconds.items():
        ratios = [t / loop for t, loop in zip(times, seconds[LOOP], strict=True)]
        spread = f"{part(min(ratios))} – {part(max(ratios))}"
        budget = f"≤ 1/{BUDGET}" if name == IN_BUDGET else ""
        print(
            f"{name:26}{part(statistics.median(ratios)):>8}{spread:>18}{budget:>10}"
            f"{1e6 * statistics.median(times):11.1f}"
        )


if __name__ == "__main__":
    main()
