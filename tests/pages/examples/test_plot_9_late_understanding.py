"""Late understanding: the predicted steps, found again by plain loops and powers."""

import math
from itertools import pairwise

import pytest
import torch
from reading import NUMBER, agrees, numbers_of
from sklearn.linear_model import Ridge

from weight_decay import scratch, synthetic_data

DOUBLE = torch.float64
LAMBDAS = (0.1, 0.3, 1, 3)


@pytest.fixture(scope="module")
def page(gallery):
    return gallery["plot_9_late_understanding"]


@pytest.fixture(scope="module")
def problem():
    return synthetic_data(dtype=DOUBLE)


def match(shown, fresh):
    """Whether these numbers are shown, and no others."""
    return len(shown) == len(fresh) and all(map(agrees, shown, fresh))


def rows_of(page, beginning):
    """The printed lines that begin like this, the beginning left out."""
    lines = [line.strip() for line in page.printed.splitlines()]
    return [line for line in lines if line.startswith(beginning)]


def table(page, header, rows):
    """The lines under the rule below the header of a table."""
    lines = [" ".join(line.split()) for line in page.printed.splitlines()]
    start = lines.index(header) + 2
    return lines[start : start + rows]


def passes(steps, losses, level):
    """The step at which the loss falls below the level, log-linear between records."""
    last = max(k for k, loss in enumerate(losses) if loss > level)
    before = math.log(losses[last] / level)
    after = math.log(level / losses[last + 1])
    width = steps[last + 1] - steps[last]
    return steps[last] + width * before / (before + after)


def after_full_batch_steps(problem, steps, lambd, scale=1, seed=0):
    """Training and test loss, by powers of the matrix of one step."""
    X, y = problem.X_train, problem.y_train
    n, p = X.shape
    # (w, b, 1) -> the same after a step
    step = torch.eye(p + 2, dtype=DOUBLE)
    step[:p, :p] -= 0.003 * (X.T @ X / n + lambd * torch.eye(p, dtype=DOUBLE))
    step[:p, p] -= 0.003 * X.mean(0)
    step[:p, p + 1] += 0.003 * (X.T @ y)[:, 0] / n
    step[p, :p] -= 0.003 * X.mean(0)
    step[p, p] -= 0.003
    step[p, p + 1] += 0.003 * float(y.mean())
    start = torch.zeros(p + 2, 1, dtype=DOUBLE)
    generator = torch.Generator().manual_seed(seed)
    # The start is drawn in float32 for every dtype.
    start[:p] = scale * torch.normal(0.0, 1.0, (p, 1), generator=generator).double()
    start[p + 1] = 1
    end = torch.linalg.matrix_power(step, steps) @ start
    w, b = end[:p], end[p]
    return [
        float(((X @ w + b - y) ** 2).mean()) / 2
        for X, y in ((X, y), (problem.X_test, problem.y_test))
    ]


# -- The predictions ----------------------------------------------------------


def test_the_predicted_steps_are_those_of_the_formula(page):
    rows = table(page, "λ forgotten at step", 5)

    for row, lambd in zip(rows, (0.01, *LAMBDAS), strict=True):
        step = math.log(90) / (2 * 0.003 * lambd)
        assert match(NUMBER.findall(row), [lambd, step])


def test_a_small_decay_is_nothing_beside_the_curvature(page, problem):
    (row,) = rows_of(page, "curvature")

    d = torch.linalg.svdvals(problem.X_train) ** 2 / 20
    assert match(NUMBER.findall(row), [float(d.min()), float(d.mean())])
    for seed in range(6):
        X = synthetic_data(seed=seed, dtype=DOUBLE).X_train
        assert float(torch.linalg.eigvalsh(X @ X.T / 20)[0]) > 4.5


def test_the_level_is_a_tenth_of_what_a_constant_reaches_in_training():
    for seed in range(6):
        y = synthetic_data(seed=seed, dtype=DOUBLE).y_train

        assert 0.006 < float(((y - 0.05) ** 2).mean()) / 2 < 0.015


# -- The runs -----------------------------------------------------------------


@pytest.fixture(scope="module")
def plain_loops():
    """The runs with λ = 1 on six data sets, by the loop of `scratch`."""
    return [
        scratch.train(synthetic_data(seed=seed), 1, epochs=210, seed=seed)
        for seed in range(6)
    ]


def test_the_row_of_lambda_1_is_that_of_plain_loops(page, plain_loops):
    steps = [4 * epoch for epoch in plain_loops[0].epochs]
    forgotten = [passes(steps, run.test_loss, 1) for run in plain_loops]
    learned = [passes(steps, run.train_loss, 0.001) for run in plain_loops]

    row = table(page, "λ predicted forgotten learned train", 4)[2]
    fresh = [min(forgotten), max(forgotten), min(learned), max(learned)]
    assert numbers_of(row)[:2] == [1, 750]
    assert numbers_of(row)[2:6] == pytest.approx(fresh, abs=1)


def test_the_long_run_is_that_of_a_plain_loop(page):
    run = scratch.train(synthetic_data(seed=3), 0.1, epochs=2000, seed=3)

    sweep = page.names["runs"]
    ours = sweep.train_loss[0, 3, : len(run.epochs)]
    assert ours.tolist() == pytest.approx(run.train_loss, rel=0.01, abs=1e-9)
    ours = sweep.test_loss[0, 3, : len(run.epochs)]
    assert ours.tolist() == pytest.approx(run.test_loss, rel=1e-3)
    steps = [4 * epoch for epoch in run.epochs]
    step = page.names["forgotten"][0][3]
    assert step == pytest.approx(passes(steps, run.test_loss, 1), rel=1e-4)


def test_the_table_shows_what_was_found(page):
    names = page.names
    rows = [row for row in rows_of(page, "") if " to " in row]

    for i, (row, lambd, test, train) in enumerate(
        zip(rows, LAMBDAS, names["forgotten"], names["learned"], strict=True)
    ):
        prediction = math.log(90) / (0.006 * lambd)
        fresh = [lambd, prediction, min(test), max(test), min(train), max(train)]
        *shown, end = row.replace("to", "").split()
        assert match(shown, fresh)
        last = float(names["runs"].train_loss[i, :, -1].mean())
        assert float(end) == pytest.approx(last, rel=0.03)
        assert len(test) == len(train) == 6
        assert all(abs(step / prediction - 1) < 0.1 for step in test)


def test_the_delay_goes_with_one_over_lambda(page):
    tenth, third, one, three = page.names["forgotten"]

    for slow, fast, ratio in ((tenth, one, 10), (third, three, 10), (tenth, three, 30)):
        for a, b in zip(slow, fast, strict=True):
            assert a / b == pytest.approx(ratio, rel=0.02)


def test_a_small_lambda_does_not_delay_the_examples_and_a_large_one_may(page):
    tenth, third, one, three = page.names["learned"]

    # "At nearly the same step".
    for a, b in zip(tenth, third, strict=True):
        assert 0.95 * a < b < a
    # "A few runs pass 0.001 late": three of the twelve.
    late = [step for step in (*one, *three) if step > 1.2 * max(tenth)]
    assert len(late) == 3


# -- The closed form ----------------------------------------------------------


def test_the_curves_are_powers_of_one_step(page, problem):
    names = page.names

    for k in (0, 60, 150, 230, 300):
        fresh = after_full_batch_steps(problem, names["steps"][k], 0.1)
        shown = [float(names["train_loss"][k]), float(names["test_loss"][k])]
        assert shown == pytest.approx(fresh, rel=1e-5)


def learned_when_forgotten(problem, lambd, seed):
    """Whether the examples are learned when the start is: a loop until then."""
    (X, y), (X_test, y_test) = (
        (problem.X_train, problem.y_train),
        (problem.X_test, problem.y_test),
    )
    generator = torch.Generator().manual_seed(seed)
    w = torch.normal(0.0, 1.0, (200, 1), generator=generator).double()
    b = 0.0
    while float(((X_test @ w + b - y_test) ** 2).mean()) > 2:
        r = X @ w + b - y
        w, b = w - 0.003 * (X.T @ r / 20 + lambd * w), b - 0.003 * float(r.mean())
    return float(((X @ w + b - y) ** 2).mean()) < 0.002


def test_it_is_late_in_a_range_of_lambda(page, problem):
    low = math.log(90) / (0.006 * 20_000)
    high = float((problem.X_train**2).sum()) / 400 / (10**0.5 - 1)
    (row,) = rows_of(page, "predicted:")
    assert match(NUMBER.findall(row), [low, high])

    problems = [synthetic_data(seed=seed, dtype=DOUBLE) for seed in range(6)]
    rows = [numbers_of(row) for row in table(page, "λ learned forgotten late", 12)]
    for lambd, *shown in rows:
        fresh = [0, 0, 0]
        for seed, data in enumerate(problems):
            train, test = after_full_batch_steps(data, 20_000, lambd, seed=seed)
            learned, forgotten = train < 0.001, test < 1
            if lambd < 1:  # learned long before
                train, test = after_full_batch_steps(data, 1000, lambd, seed=seed)
                first = train < 0.001 and test > 1
            else:
                first = learned_when_forgotten(data, lambd, seed)
            fresh[0] += learned
            fresh[1] += forgotten
            fresh[2] += learned and forgotten and first
        assert shown == fresh

    # "The lower end is sharp".
    below = [late for lambd, _, _, late in rows if lambd < low]
    inside = [late for lambd, _, _, late in rows if low < lambd <= 1]
    assert (set(below), set(inside)) == ({0}, {6})
    # "The upper one is spread", around the prediction.
    every, some, none = (
        [lambd for lambd, learned, _, _ in rows if learned in of]
        for of in ({6}, range(1, 6), {0})
    )
    assert max(every) < high < min(none)
    assert len(some) == 2
    # "Below it some data sets have the other order".
    turned = [lambd for lambd, *counts in rows if counts[:2] == [6, 6] != counts[1:]]
    assert turned == [2, 3, 4]
    assert turned[-1] < high
    # "Here the test loss still passes 1, even with λ = 100".
    beyond = [forgotten for lambd, _, forgotten, _ in rows if lambd > high]
    assert beyond == [6, 6, 6, 6]
    assert rows[-1][0] == 100


def test_a_smaller_start_is_forgotten_sooner(page, problem):
    rows = table(page, "s predicted run", 3)
    for row, scale in zip(rows, (3, 1, 0.3), strict=True):
        shown_scale, predicted, shown = numbers_of(row)
        assert shown_scale == scale
        assert predicted == pytest.approx(math.log(90 * scale**2) / 0.0006, abs=0.5)
        assert after_full_batch_steps(problem, int(shown) - 2, 0.1, scale)[1] > 1
        assert after_full_batch_steps(problem, int(shown) + 2, 0.1, scale)[1] < 1
        assert shown == pytest.approx(predicted, rel=0.1)
    assert 0.105 < 90**-0.5 < 0.106
    assert after_full_batch_steps(problem, 0, 0.1, 0.1)[1] < 1


# -- How sudden, and what is understood ---------------------------------------


def test_the_score_jumps_where_the_normal_law_says(page):
    t = torch.tensor(page.names["steps"], dtype=DOUBLE)
    predicted = 100 * torch.erf(1 / (360**0.5 * (1 - 0.0003) ** t))

    score = page.names["score"]
    assert float((score - predicted).abs().max()) < 8
    assert float(score[0]) < 15
    assert float(score[-1]) == 100
    # Most of the way in a third of a decade of the time axis.
    inside = t[(score > 20) & (score < 90)]
    assert float(inside[-1] / inside[0]) < 10**0.5


def test_the_logarithm_of_the_loss_falls_along_a_line_from_the_start(problem):
    even = [
        after_full_batch_steps(problem, t, 0.1)[1] for t in range(400, 10_001, 1600)
    ]

    slopes = [math.log(b / a) / 1600 for a, b in pairwise(even)]
    assert slopes == pytest.approx([2 * math.log(1 - 0.0003)] * 6, rel=0.1)


def test_the_end_is_ridge_and_little_better_than_a_constant(page, problem):
    (end,) = rows_of(page, "end, λ = 0.1")
    (constant,) = rows_of(page, "mean of the targets")
    (right,) = rows_of(page, "right within 1")

    model = Ridge(alpha=20 * 0.1).fit(problem.X_train, problem.y_train[:, 0])
    error = torch.from_numpy(model.predict(problem.X_test)) - problem.y_test[:, 0]
    off = problem.y_test - problem.y_train.mean()
    losses = [float((error**2).mean()) / 2, float((off**2).mean()) / 2]
    shown = NUMBER.findall(end)[1:], NUMBER.findall(constant)
    (more,) = rows_of(page, "100 examples")
    assert agrees(shown[0][0], losses[0])
    assert match(shown[1], [losses[1], 0.5 * (200 * 0.01**2 + 0.01**2) * 1.05])
    assert 0.8 < losses[0] / losses[1] < 1
    assert numbers_of(right) == [1, 100, 100]
    assert float(off.abs().max()) < 1

    # On average over true weights of this length, by drawing 4000 of them.
    with_100 = synthetic_data(100, dtype=DOUBLE)
    for X, value in (
        (problem.X_train, float(shown[0][1])),
        (with_100.X_train, numbers_of(more)[1]),
    ):
        n, generator = len(X), torch.Generator().manual_seed(0)
        truth = torch.randn(200, 4000, generator=generator, dtype=DOUBLE)
        truth *= 0.02**0.5 / truth.norm(dim=0)
        noise = torch.randn(n, 4000, generator=generator, dtype=DOUBLE)
        y = X @ truth + 0.01 * noise
        centred = X - X.mean(0)
        kernel = centred @ centred.T / n + 0.1 * torch.eye(n, dtype=DOUBLE)
        w = centred.T @ torch.linalg.solve(kernel, y - y.mean(0)) / n
        b = y.mean(0) - X.mean(0) @ w
        risk = float(((w - truth).square().sum(0) + b**2).mean() + 0.01**2) / 2
        assert value == pytest.approx(risk, rel=0.005)
    assert 0.9 < float(shown[0][1]) / float(shown[1][1]) < 1
    assert 0.45 < numbers_of(more)[1] / float(shown[1][1]) < 0.55


def test_the_pictures_draw_what_is_predicted(page, problem):
    names, (first, second, third) = page.names, page.figures
    off = problem.y_test - problem.y_train.mean()
    constant = float((off**2).mean()) / 2
    t = torch.tensor(names["steps"], dtype=DOUBLE)

    def predictions(ax):
        return [line for line in ax.get_lines() if line.get_color() == "#aaaaaa"]

    *_, level = first.axes[0].get_lines()
    assert list(level.get_ydata()) == pytest.approx([constant] * 2)
    curve, vertical = predictions(first.axes[0])
    assert list(vertical.get_xdata()) == pytest.approx([math.log(90) / 0.0006] * 2)
    fall = 90 * torch.exp(2 * math.log(1 - 0.0003) * t)
    assert list(curve.get_ydata()) == pytest.approx(fall[fall > 1e-3].tolist())

    (line,) = predictions(second.axes[0])
    steps = math.log(90) / (0.006 * torch.tensor(line.get_xdata()))
    assert list(line.get_ydata()) == pytest.approx(steps.tolist())

    (score,) = predictions(third.axes[0])
    share = 100 * torch.erf(1 / (360**0.5 * (1 - 0.0003) ** t))
    assert list(score.get_ydata()) == pytest.approx(share.tolist())
    (line,) = predictions(third.axes[1])
    fresh = [90 * 0.9997 ** (2 * step) for step in line.get_xdata()]
    assert list(line.get_ydata()) == pytest.approx(fresh)
