"""Script 6: what it prints and draws, and what it says about ridge regression."""

import numpy as np
import pytest
import torch
from reading import agrees, numbers_of
from sklearn.linear_model import Ridge

from weight_decay import ridge, scratch, synthetic_data
from weight_decay.sweep import sweep

LAMBDAS = (0.05, 3, 10, 100)


@pytest.fixture(scope="module")
def script(gallery):
    return gallery["plot_6_ridge"]


def table(script, head, rows):
    """The lines that are printed below the one that begins so."""
    lines = script.printed.splitlines()
    (start,) = (i for i, line in enumerate(lines) if line.lstrip().startswith(head))
    return lines[start + 1 : start + 1 + rows]


def minimiser(problem, lambd):
    """w and b from the normal equations in 201 dimensions; ridge.py has an SVD."""
    X, y, n = problem.X_train, problem.y_train, len(problem.X_train)
    A = torch.cat([X, torch.ones(n, 1).to(X)], dim=1)
    penalty = lambd * torch.eye(A.shape[1]).to(X)
    penalty[-1, -1] = 0
    theta = torch.linalg.solve(A.T @ A / n + penalty, A.T @ y / n)
    return theta[:-1], theta[-1]


def three_parts(problem, w, b, target):
    """Lengths in the row space, in the null space, and of the bias."""
    error = w - target[0]
    row = torch.linalg.pinv(problem.X_train) @ (problem.X_train @ error)
    return [float(row.norm()), float((error - row).norm()), abs(float(b - target[1]))]


def variances(problem):
    X = problem.X_train - problem.X_train.mean(0)
    return torch.linalg.eigvalsh(X @ X.T / len(X)).flip(0)[:-1]


# The end


def test_four_ways_print_one_minimiser(script, exact):
    w, b = minimiser(exact, 3)

    rows = table(script, "λ = 3   ", 4)

    assert len(rows) == 4
    for row in rows:
        norm, bias = row.split()[-2:]
        assert float(norm) == pytest.approx(float(w.norm()), rel=0, abs=1e-10)
        assert float(bias) == pytest.approx(float(b), rel=0, abs=1e-10)


@pytest.mark.parametrize(("lambd", "seed"), [(3, 1), (10, 2)])
def test_training_ends_there_from_every_start(exact, lambd, seed):
    settings = {"lr": 0.05, "epochs": 3000, "batch_size": 20, "seeds": [seed, seed + 9]}

    runs = sweep([exact] * 2, [lambd], **settings)

    w, b = minimiser(exact, lambd)
    for j in range(2):
        assert (runs.weight(0, j) - w).norm() < 1e-10
        assert abs(runs.b[0, j] - b) < 1e-10


def test_the_distances_after_400_steps(script, exact):
    target, run = minimiser(exact, 3), scratch.train(exact, 3)
    full = {"lr": run.lr, "epochs": 400, "batch_size": 20}
    full_batch = scratch.train(exact, 3, **full, w_init=run.w_init)

    rows = table(script, "row space   null space", 3)

    ends = [(run.w_init, run.b_init), (full_batch.w, full_batch.b), (run.w, run.b)]
    for row, end in zip(rows, ends, strict=True):
        assert all(map(agrees, row.split()[-3:], three_parts(exact, *end, target)))
    (_, length) = script.printed.split("the ridge weight has the length ")
    assert agrees(length.split()[0], float(target[0].norm()))


def test_what_the_text_says_about_the_three_parts(script):
    rows = table(script, "row space   null space", 3)
    length = float(script.names["w_ridge"].norm())

    start, _, end = ([float(text) for text in row.split()[-3:]] for row in rows)
    assert end[1] == pytest.approx(10 * length, rel=0.1)
    assert end[0] < 0.05 * length < 100 * end[0] < start[0]
    assert end[2] < 0.1 * start[2]


def test_the_bias_goes_away_from_its_end_in_four_runs_out_of_five(script):
    problems = [synthetic_data(seed=seed, dtype=torch.float64) for seed in range(100)]
    runs = sweep(problems, [3], form="weights")
    found = []
    for seed, problem in enumerate(problems):
        w, b, target = runs.weight(0, seed), runs.b[0, seed], minimiser(problem, 3)
        row, _, bias = three_parts(problem, w, b, target)
        # The weight that minimises the objective while the bias stays.
        X = problem.X_train
        M = X.T @ X / 20 + 3 * torch.eye(200)
        best = torch.linalg.solve(M, X.T @ (problem.y_train - b) / 20)
        own = three_parts(problem, w, b, (best, b))[0]
        found.append([abs(float(target[1])), bias, row, own])
    found = torch.tensor(found)

    rows = table(script, "median of 100 runs", 4)

    start, bias, row, own = found.median(0).values.tolist()
    farther = int((found[:, 1] > found[:, 0]).sum())
    shown = [rows[0].split()[-2:], rows[1].split()[-1:], rows[2].split()[-1:]]
    for texts, values in zip(shown, ([start, bias], [row], [own]), strict=True):
        assert all(map(agrees, texts, values))
    assert rows[3].endswith(f" {farther} of 100")
    assert 0.75 <= farther / 100 <= 0.85
    assert own < 0.05 * row
    # The run of the chapter is the first, and one of the lucky ones.
    assert found[0, 1] < found[0, 0]
    assert (found[:, 1] < found[0, 1]).sum() < 10


def test_the_long_run_follows_the_loop_and_then_hovers(script, exact):
    ax = script.figures[0].axes[0]
    predicted, run = ax.get_lines()[:3], ax.get_lines()[3:6]
    target = minimiser(exact, 3)
    steps = list(run[0].get_xdata())

    # Up to step 400 it is the run of the chapter; once more, by the plain loop, and
    # 100 epochs of what follows.
    for k in (1, 5, 10):
        done = scratch.train(exact, 3, epochs=10 * k)
        measured = [line.get_ydata()[k] for line in run]
        parts = three_parts(exact, done.w, done.b, target)
        assert measured == pytest.approx(parts, rel=1e-6)
    done = scratch.train(exact, 3, seed=1, w_init=done.w, b_init=done.b)
    measured = [line.get_ydata()[11] for line in run]
    parts = three_parts(exact, done.w, done.b, target)
    assert measured == pytest.approx(parts, rel=1e-6)

    assert steps[:12] == [*range(0, 401, 40), 800]
    assert steps[-1] == 8000
    # The prediction, by powers of the matrix of a step.
    A = torch.cat([exact.X_train, torch.ones(20, 1).double()], dim=1)
    M = A.T @ A / 20 + 3 * torch.diag(torch.cat([torch.ones(200), torch.zeros(1)]))
    start = scratch.train(exact, 3, epochs=1)
    error = torch.cat([start.w_init - target[0], (start.b_init - target[1])[:, None]])
    step = torch.eye(201).double() - 0.003 * M
    for k in (5, 10, -1):
        left = torch.linalg.matrix_power(step, int(steps[k])) @ error
        parts = three_parts(exact, target[0] + left[:-1], target[1] + left[-1], target)
        drawn = [line.get_ydata()[k] for line in predicted]
        assert drawn[::2] == pytest.approx(parts[::2], rel=1e-6)
        if k > 0:  # later the null part is mere rounding
            assert drawn[1] == pytest.approx(parts[1], rel=1e-6)
    # The slopes: the null part by 1 − ηλ, the other two together and slower.
    row, null, bias = (np.log(line.get_ydata()) for line in predicted)
    assert (null[15] - null[10]) / 2000 == pytest.approx(np.log(0.991), rel=1e-6)
    assert row[-1] - row[15] == pytest.approx(bias[-1] - bias[15], rel=1e-3)
    assert bias[-1] - bias[15] > (null[15] - null[10]) / 2
    # First the row part leaves its line, then the bias, the null part does not.
    off = [
        [
            abs(np.log(line.get_ydata()[k] / grey.get_ydata()[k])) > 0.5
            for k in range(10, 30)
        ]
        for line, grey in zip(run, predicted, strict=True)
    ]
    assert off[0].index(True) < off[2].index(True)
    for line, part in ((run[0], off[0]), (run[2], off[2])):
        assert line.get_ydata()[10 + part.index(True)] < 0.001
    assert run[0].get_ydata()[-1] > 2 * predicted[0].get_ydata()[-1]
    assert run[1].get_ydata()[15] == pytest.approx(np.exp(null[15]), rel=1e-6)


def test_how_near_minibatches_stay(script, exact):
    w, b = minimiser(exact, 3)

    rows = table(script, "mean     largest", 4)

    for row in rows:
        lr, epochs, *shown = row.replace("%", "").split()
        settings = {"lr": float(lr), "epochs": int(epochs), "w_init": w, "b_init": b}
        runs = sweep([exact] * 3, [3], form="weights", **settings)
        ends = [runs.weight(0, j) for j in range(3)]
        away = [100 * float((end - w).norm() / w.norm()) for end in ends]
        mean, largest, shared = map(float, shown)
        assert max(away) <= largest + 0.01
        assert mean == pytest.approx(sum(away) / 3, rel=0.2)
        assert 0.9 * mean < shared < mean
    assert [row.split()[1] for row in rows] == ["100", "100", "100", "1500"]
    short, long = (float(rows[k].split()[2].rstrip("%")) for k in (1, 3))
    assert long == pytest.approx(short, rel=0.05)
    half_life = np.log(0.5) / np.log(1 - 0.003 * bias_rate(exact))
    assert 4 * half_life < 4 * 1500 < 8 * half_life


def bias_rate(problem):
    """The smallest curvature of the objective over weights and bias, λ = 3."""
    A = torch.cat([problem.X_train, torch.ones(20, 1).double()], dim=1)
    M = A.T @ A / 20 + 3 * torch.diag(torch.cat([torch.ones(200), torch.zeros(1)]))
    return float(torch.linalg.eigvalsh(M)[0])


def test_about_one_per_cent_on_other_data_too(script):
    away = []
    for seed in range(1, 11):
        problem = synthetic_data(seed=seed, dtype=torch.float64)
        w, b = minimiser(problem, 3)
        run = scratch.train(problem, 3, w_init=w, b_init=b)
        away.append(100 * float((run.w - w).norm() / w.norm()))

    (line,) = (row for row in script.printed.splitlines() if "ten other" in row)

    least, most = line.replace("%", "").split()[-3::2]
    assert agrees(least, min(away))
    assert agrees(most, max(away))
    assert 0.8 < min(away) < max(away) < 1.6


# The shrinkage


def test_each_direction_keeps_its_share(script, exact):
    d = variances(exact)
    ax = script.figures[1].axes[0]
    formulas, marks = ax.get_lines()[::2], ax.get_lines()[1::2]

    assert len(d) == 19
    assert [text.get_text() for text in ax.texts] == [f"λ = {lam:g}" for lam in LAMBDAS]
    for lam, formula, mark in zip(LAMBDAS, formulas, marks, strict=True):
        kept = d / (d + lam)
        assert list(formula.get_ydata()) == pytest.approx(kept.tolist(), rel=1e-6)
        assert list(mark.get_ydata()) == pytest.approx(kept.tolist(), abs=1e-6)
    (line,) = (row for row in script.printed.splitlines() if "variances d" in row)
    assert numbers_of(line) == pytest.approx([float(d[0]), float(d[-1])], abs=0.05)


# Degrees of freedom


def test_degrees_of_freedom_are_the_trace_of_what_predictions_follow(script, exact):
    d = variances(exact)
    rows = table(script, "λ   predicted   measured", 5)

    for row, lam in zip(rows, (0, *LAMBDAS), strict=True):
        shown_lam, predicted, measured = row.split()
        assert agrees(shown_lam, lam)
        assert agrees(measured, 1 + float((d / (d + lam)).sum()))
        # Dobriban and Wager's m(−λ) for 19 rows, written out.
        if lam:
            ratio, z = 200 / 19, lam * 20 / 19
            root = ((1 - ratio + z) ** 2 + 4 * ratio * z) ** 0.5
            m = (root - (1 - ratio + z)) / (2 * ratio * z)
            assert agrees(predicted, 1 + 200 * (1 - z * m))
        else:
            assert agrees(predicted, 20)
        assert float(predicted) == pytest.approx(float(measured), rel=0.01)


def test_predictions_follow_their_targets_as_they_are_said_to(exact):
    X, y = exact.X_train.numpy(), exact.y_train.numpy()[:, 0]
    model = Ridge(alpha=60)
    before = model.fit(X, y).predict(X)

    follow = 0
    for i, unit in enumerate(np.eye(20)):
        follow += model.fit(X, y + unit).predict(X)[i] - before[i]

    d = variances(exact)
    assert follow == pytest.approx(1 + float((d / (d + 3)).sum()), rel=1e-9)


def test_the_picture_of_the_degrees_of_freedom(script, exact):
    d = variances(exact)
    ax = script.figures[2].axes[0]
    formula, measured, *dots, parameters = ax.get_lines()

    lambdas = torch.from_numpy(np.array(measured.get_xdata()))[:, None]
    df = 1 + (d / (d + lambdas)).sum(1)
    assert list(measured.get_ydata()) == pytest.approx(df.tolist(), rel=1e-9)
    assert list(formula.get_ydata()) == pytest.approx(df.tolist(), rel=0.01)
    assert [float(dot.get_xdata()[0]) for dot in dots] == list(LAMBDAS)
    assert set(parameters.get_ydata()) == {exact.num_inputs + 1}
    labels = {text.get_text() for text in ax.texts}
    for lam in LAMBDAS:
        assert f"λ = {lam:g}: {1 + float((d / (d + lam)).sum()):.1f}" in labels
    assert "λ = 3 leaves about 15 of 20" in ax.get_title(loc="left")
    assert [round(1 + float((d / (d + lam)).sum())) for lam in (0, 3, 10)] == [
        20,
        15,
        10,
    ]


# The coefficients


def test_the_coefficients_against_lambda(script, exact):
    ax = script.figures[3].axes[0]
    predicted, *paths, mean, truth = ax.get_lines()

    assert len(paths) == 20
    lambdas = list(mean.get_xdata())
    for k in (0, 18, -1):
        w, _ = minimiser(exact, lambdas[k])
        drawn = [path.get_ydata()[k] for path in paths]
        assert drawn == pytest.approx(w[::10, 0].tolist(), abs=1e-9)
        assert mean.get_ydata()[k] == pytest.approx(float(w.mean()), abs=1e-9)
    assert set(truth.get_ydata()) == {0.01}
    assert max(mean.get_ydata()) < 0.01 / 5
    assert max(predicted.get_ydata()) == pytest.approx(0.01 * 19 / 200, rel=0.01)


def test_the_table_of_the_coefficients(script, exact):
    for row, lam in zip(table(script, "λ       ‖w‖₂", 4), LAMBDAS, strict=True):
        w, _ = minimiser(exact, lam)
        ratio = 20 / 19
        df = ridge.asymptotic_degrees_of_freedom(lam * ratio, 19, 200)
        shown = row.split()
        fresh = [lam, float(w.norm()), float(w.mean()), 0.01 * df / 200]
        assert all(map(agrees, shown, fresh))
        assert float(shown[2]) / float(shown[3]) == pytest.approx(1.15, abs=0.02)


def test_the_mean_coefficient_over_data_sets_and_where_its_fan_comes_from():
    means, noisy, quiet = [], [], []
    for seed in range(200):
        w, _ = ridge.fit(synthetic_data(seed=seed, dtype=torch.float64), 0)
        means.append(float(w.mean()))
        if seed < 10:
            pure = synthetic_data(seed=seed, noise_std=0, dtype=torch.float64)
            noisy.append(float(w.std()))
            quiet.append(float(ridge.fit(pure, 0)[0].std()))

    # Of a random projection onto 19 of 200 directions; the mean of 200 sets varies
    # by 0.3/√200 of itself.
    assert np.mean(means) == pytest.approx(0.01 * 19 / 200, rel=0.06)
    assert np.std(means) / np.mean(means) == pytest.approx(1 / 3, abs=0.06)
    assert np.array(quiet) == pytest.approx(np.array(noisy), rel=0.06)
