"""Which λ: the predictions, the sweeps behind the pictures, and the choice."""

import math

import pytest
import torch
from reading import agrees, numbers_of

from weight_decay import ridge, scratch, synthetic_data
from weight_decay.sweep import sweep

W_NORM = 0.02**0.5
RIVAL = (0.02 + 0.01**2) / 2 * (1 + 1 / 20)  # the mean of the training targets


@pytest.fixture(scope="module")
def script(gallery):
    return gallery["plot_7_which_lambda"]


@pytest.fixture(scope="module")
def lines(script):
    return script.printed.splitlines()


def after(lines, head, number):
    """The lines of a table, under the rule below its header."""
    start = [line.split() for line in lines].index(head.split()) + 2
    return lines[start : start + number]


def start_left(lambd, steps=400):
    return 0.5 * 180 * (1 - 0.003 * lambd) ** (2 * steps)


def risk(w, b, sigma=0.01):
    """The mean loss over all new examples, from the parameters of one run."""
    error = float(((w.double() - 0.01) ** 2).sum()) + (float(b) - 0.05) ** 2
    return (error + sigma**2) / 2


def asymptotic_excess(lambd, n, sigma):
    """‖w*‖²λ²m' + σ²γ(m − λm'), m and m' at −λ: the form with the transform m."""
    gamma, step = 200 / n, 1e-5 * lambd

    def m(x):
        root = math.sqrt((1 - gamma + x) ** 2 + 4 * gamma * x)
        return (root - (1 - gamma + x)) / (2 * gamma * x)

    slope = -(m(lambd + step) - m(lambd - step)) / (2 * step)
    fit = 0.02 * lambd**2 * slope
    return fit + sigma**2 * gamma * (m(lambd) - lambd * slope)


# -- The cliff ----------------------------------------------------------------


def test_both_lambdas_are_printed_before_any_run(lines):
    constant, time, noise = lines[:3]

    assert agrees(constant.split()[-1], RIVAL)
    lambda_c, left = numbers_of(time)
    assert lambda_c == pytest.approx(math.log(90 / RIVAL) / 2.4, abs=0.005)
    assert left == pytest.approx(start_left(math.log(90 / RIVAL) / 2.4), abs=6e-6)
    assert left == pytest.approx(RIVAL, rel=0.06)  # "nearly equal"
    assert agrees(noise.split()[-1], 200 * 0.01**2 / (20 * 0.02))


def test_the_rival_is_what_the_mean_of_the_targets_loses_on_average():
    off = [
        float(synthetic_data(seed=seed).y_train.mean()) - 0.05 for seed in range(2000)
    ]

    loss = (0.02 + 0.01**2 + sum(x**2 for x in off) / 2000) / 2
    assert loss == pytest.approx(RIVAL, rel=0.005)


def test_the_sweeps_are_those_of_plain_loops(script):
    names = script.names
    zero = torch.zeros(200, 1)

    for lambd, seed in ((1, 0), (10, 41), (100, 99)):
        i, problem = names["lambdas"].index(lambd), names["problems"][seed]
        run = scratch.train(problem, lambd, seed=seed)
        swept = names["w_error"][i, seed] + names["b_error"][i, seed]
        assert (swept + 1e-4) / 2 == pytest.approx(risk(run.w, run.b), rel=1e-4)
        run = scratch.train(problem, lambd, seed=seed, w_init=zero)
        swept = sum(names["from_zero"])[i, seed]
        assert (swept + 1e-4) / 2 == pytest.approx(risk(run.w, run.b), rel=1e-4)


def test_the_first_table_holds_the_prediction_and_the_means(script, lines):
    names = script.names
    random = (names["w_error"] + names["b_error"] + 1e-4).mean(dim=1) / 2
    zero = (sum(names["from_zero"]) + 1e-4).mean(dim=1) / 2

    for row in after(lines, "λ predicted random start from zero", 5):
        lambd, predicted, shown, from_zero = row.split()
        i = names["lambdas"].index(float(lambd))
        assert agrees(predicted, start_left(float(lambd)) + RIVAL)
        assert agrees(shown, float(random[i]))
        assert agrees(from_zero, float(zero[i]))
    (line,) = (line for line in lines if line.startswith("from zero, the largest"))
    spread = line.split()[-1].removesuffix("%")
    assert agrees(spread, 100 * float(zero.max() / zero.min() - 1))


def test_the_cliff_stands_there_for_every_seed_and_from_zero_there_is_none(script):
    names = script.names
    loss = (names["w_error"] + names["b_error"] + 1e-4) / 2
    zero = (sum(names["from_zero"]) + 1e-4) / 2
    before, behind, far = (names["lambdas"].index(lambd) for lambd in (1, 10, 100))

    assert float(loss[0].mean() / loss[-1].mean()) == pytest.approx(1e4, rel=0.25)
    assert bool((loss[before] > 100 * loss[behind]).all())
    assert bool((loss[far] < 1.3 * zero[far]).all())
    assert bool((zero.amax(dim=0) < 1.25 * zero.amin(dim=0)).all())
    # "A minimum about 5 % deep", between the two ends of the range.
    mean = zero.mean(dim=1)
    assert 0 < int(mean.argmin()) < len(mean) - 1
    assert 1.04 < float(min(mean[0], mean[-1]) / mean.min()) < 1.06


def test_the_first_figure_draws_the_prediction_under_the_run(script):
    ax = script.figures[0].axes[0]
    grey, _, zero, run, point, cliff = ax.get_lines()

    assert grey.get_color() == "#aaaaaa"
    fine, drawn = grey.get_data()
    predicted = [start_left(lambd) + RIVAL for lambd in fine]
    assert list(drawn) == pytest.approx(predicted)
    assert list(run.get_ydata()) == pytest.approx(script.names["random_start"].tolist())
    assert list(zero.get_ydata()) == pytest.approx(script.names["zero_start"].tolist())
    assert list(point.get_xdata()) == pytest.approx([0.05])
    assert cliff.get_xdata()[0] == pytest.approx(math.log(90 / RIVAL) / 2.4)
    (label,) = (text.get_text() for text in ax.texts if "λ_c" in text.get_text())
    assert agrees(label.split()[-1], math.log(90 / RIVAL) / 2.4)
    # The slope of the cliff: the run is on the prediction as long as it is steep.
    for lambd, loss in zip(*run.get_data(), strict=True):
        if lambd < 2.5:
            assert loss == pytest.approx(start_left(lambd) + RIVAL, rel=0.1)


# -- Time ---------------------------------------------------------------------


def test_equal_products_give_equal_losses(script, lines):
    longer = script.names["longer"]
    rows = [row.split() for row in after(lines, "λ · epochs epochs λ predicted run", 6)]

    for product, epochs, lambd, predicted, shown in rows:
        assert float(lambd) == float(product) / float(epochs)
        steps = 4 * int(epochs)
        assert agrees(predicted, start_left(float(lambd), steps) + RIVAL)
        i, t = longer.lambdas.index(float(lambd)), longer.epochs.index(int(epochs))
        assert agrees(shown, float(longer.test_loss[i, :, t].mean()))
    for same in (rows[:3], rows[3:]):
        shown = [float(row[-1]) for row in same]
        assert max(shown) < 1.1 * min(shown)
    for lambd, epochs in ((4, 25), (0.5, 400)):  # a plain loop of that length
        run = scratch.train(script.names["problems"][7], lambd, epochs=epochs, seed=7)
        i, t = longer.lambdas.index(lambd), longer.epochs.index(epochs)
        assert float(longer.test_loss[i, 7, t]) == pytest.approx(
            run.test_loss[-1], rel=1e-3
        )


def test_the_time_that_the_best_ridge_would_need(lines):
    (line,) = (line for line in lines if line.startswith("λ* = 0.05 needs"))
    steps, epochs = numbers_of(line.replace(",", ""))[1:]

    assert start_left(0.05, steps) == pytest.approx(RIVAL, rel=2e-3)
    assert epochs == pytest.approx(steps / 4, abs=0.5)


# -- Why the best λ is so large -----------------------------------------------


def within_a_percent(lambdas, loss):
    near = [
        lambd for lambd, x in zip(lambdas, loss, strict=True) if x < 1.01 * min(loss)
    ]
    return near[0], near[-1]


def test_the_best_lambda_of_each_line_of_the_table(script, lines):
    names = script.names
    true_bias = torch.tensor([0.05])
    known = sweep(
        names["problems"][:10],
        names["lambdas"],
        w_init=torch.zeros(200, 1),
        b_init=true_bias,
        form="weights",
    )
    for i in (0, 20):
        fresh = [risk(known.weight(i, j), known.b[i, j]) for j in range(10)]
        swept = (sum(e[i, :10] for e in names["squared_errors"](known)) + 1e-4) / 2
        assert swept.tolist() == pytest.approx(fresh, rel=1e-5)
        all_seeds = names["squared_errors"](names["known_bias"])
        assert (sum(e[i, :10] for e in all_seeds) + 1e-4).tolist() == pytest.approx(
            [2 * x for x in fresh], rel=1e-3
        )

    losses = [
        names["w_error"] + names["b_error"],
        names["w_error"],
        sum(names["from_zero"]),
        sum(names["squared_errors"](names["known_bias"])),
    ]
    rows = after(lines, "after 100 epochs best λ nearly best test loss", 5)
    for row, loss in zip(rows, losses, strict=False):
        loss = ((loss + 1e-4) / 2).mean(dim=1).tolist()
        best = names["lambdas"][loss.index(min(loss))]
        low, high = within_a_percent(names["lambdas"], loss)
        *_, shown, shown_low, dots, shown_high, lowest = row.split()
        assert dots == "to"
        assert float(shown) == pytest.approx(best, rel=5e-3)
        assert float(shown_low) == pytest.approx(low, rel=5e-2)
        assert float(shown_high) == pytest.approx(high, rel=5e-2, abs=0.5)
        assert agrees(lowest, min(loss))
    assert rows[4].split()[-2] == "0.05"
    limit = (asymptotic_excess(0.05, 20, 0.01) + 1e-4) / 2
    assert agrees(rows[4].split()[-1], limit)
    (gain,) = (line for line in lines if line.startswith("gain of λ*"))
    without = (asymptotic_excess(1e-4, 20, 0.01) + 1e-4) / 2
    assert agrees(gain.split()[-1].removesuffix("%"), 100 * (1 - limit / without))


def test_on_other_seeds_too_the_best_lambda_falls_line_by_line():
    problems = [synthetic_data(seed=seed) for seed in range(500, 560)]
    lambdas = [0, 1, 2, 5, 10, 20, 50, 100, 200, 400]
    zero, true_bias = torch.zeros(200, 1), torch.tensor([0.05])

    def errors(**start):
        result = sweep(problems, lambdas, **start)
        w = [[result.weight(i, j) for j in range(60)] for i in range(10)]
        w = torch.stack([torch.stack(row) for row in w])
        w_error = (w - 0.01).square().sum(dim=(2, 3)).mean(dim=1)
        return w_error, (result.b - 0.05).square().mean(dim=1)

    w_error, b_error = errors()
    from_zero, from_zero_b = errors(w_init=zero)
    known = sum(errors(w_init=zero, b_init=true_bias))

    losses = (w_error + b_error, w_error, from_zero + from_zero_b, known)
    best = [lambdas[int(loss.argmin())] for loss in losses]
    assert best[0] >= 50
    assert best[1] in (5, 10, 20)
    assert best[2] in (5, 10)
    assert best[3] == 0
    # "With a small λ it comes back slowly", and from zero it is learned sooner.
    assert bool((b_error.diff()[:8] < 0).all())
    assert bool((from_zero_b.diff()[:6] < 0).all())
    # What the random start costs behind the cliff is the error of the bias.
    cost = w_error + b_error - from_zero - from_zero_b
    of_the_bias = b_error - from_zero_b
    assert cost[4:8].tolist() == pytest.approx(of_the_bias[4:8].tolist(), rel=0.1)


def test_the_second_figure_takes_the_error_of_the_bias_out(script):
    grey, _, true_bias, run = script.figures[1].axes[0].get_lines()
    names = script.names

    for lambd, drawn in list(zip(*grey.get_data(), strict=True))[::10]:
        limit = (asymptotic_excess(lambd, 20, 0.01) + 1e-4) / 2
        assert drawn == pytest.approx(start_left(lambd) + limit, rel=1e-4)
    taken_out = torch.tensor(run.get_ydata() - true_bias.get_ydata())
    assert taken_out.tolist() == pytest.approx(
        (names["b_error"].mean(dim=1) / 2).tolist()
    )
    for lambd, loss in zip(*true_bias.get_data(), strict=True):
        if lambd > 5:  # on the plain the prediction holds
            limit = (asymptotic_excess(lambd, 20, 0.01) + 1e-4) / 2
            assert loss == pytest.approx(start_left(lambd) + limit, rel=0.06)


# -- Noise --------------------------------------------------------------------


def test_the_table_of_the_minima(script, lines):
    rows = after(lines, "n σ λ* λ → 0 λ*/10 10λ* at λ* run", 3)

    for row, (grid, error) in zip(rows, script.names["measured"], strict=True):
        n, sigma, best, limit, below, above, lowest, shown = row.split()
        n, sigma = int(n), float(sigma)
        lambda_star = 200 * sigma**2 / (n * 0.02)
        assert agrees(best, lambda_star)
        assert grid[8] == pytest.approx(lambda_star)
        for text, lambd in (
            (limit, 1e-4),
            (below, lambda_star / 10),
            (above, 10 * lambda_star),
            (lowest, lambda_star),
        ):
            relative = asymptotic_excess(lambd, n, sigma) / 0.02
            assert float(text) == pytest.approx(relative, abs=6e-4)
        assert agrees(shown, float(error[8]))
        # The end of training, from the closed form for the same data sets. It also
        # fits the bias, which the runs start at the truth: 1 % between them.
        repeats = 100 if n == 20 else 20
        ends = []
        for seed in range(repeats):
            data = synthetic_data(n, n_test=1, noise_std=sigma, seed=seed)
            w, _ = ridge.fit(data, lambda_star)
            ends.append(float(((w - 0.01) ** 2).sum()) / 0.02)
        assert float(error[8]) == pytest.approx(sum(ends) / repeats, rel=0.01)


def test_each_minimum_is_where_it_was_predicted_and_flat(script):
    for (n, sigma, *_), (grid, error) in zip(
        script.names["cases"], script.names["measured"], strict=True
    ):
        at = int(error.argmin())
        assert abs(at - 8) <= 1
        assert float(error[[7, 9]].max()) < 1.04 * float(error[8])
        best = asymptotic_excess(grid[8], n, sigma)
        for factor in (0.5, 2):
            missed = asymptotic_excess(factor * grid[8], n, sigma)
            assert best < missed < 1.04 * best
        assert float(error.max()) > float(error.min())
    # 20 examples without noise show a tenth of the weight.
    assert asymptotic_excess(1e-6, 20, 0) / 0.02 == pytest.approx(0.9, abs=1e-5)


def test_the_longer_steps_are_stable(script):
    n, sigma, repeats, settings = script.names["cases"][2]
    largest = max(script.names["measured"][2][0])

    for seed in range(repeats):
        X = synthetic_data(n, n_test=1, noise_std=sigma, seed=seed).X_train
        assert settings["batch_size"] == len(X)
        d_max = float(torch.linalg.matrix_norm(X, ord=2)) ** 2 / n
        assert settings["lr"] * (d_max + largest) < 2


def test_the_best_lambda_is_exact_for_every_set_of_inputs():
    for seed in range(5):
        for n, sigma, best in ((20, 0.3, 45), (100, 0.1, 1)):
            X = synthetic_data(n, seed=seed, dtype=torch.float64).X_train
            risks = [
                ridge.expected_risk(X, best * factor, sigma, W_NORM)
                for factor in (0.95, 1, 1.05)
            ]
            assert risks[1] == min(risks)


def test_the_third_figure_is_the_table(script):
    ax = script.figures[2].axes[0]
    lines = ax.get_lines()

    for case in range(3):
        grey, run, diamond = lines[3 * case : 3 * case + 3]
        n, sigma, *_ = script.names["cases"][case]
        grid, error = script.names["measured"][case]
        x, y = grey.get_data()
        relative = [asymptotic_excess(lambd, n, sigma) / 0.02 for lambd in x]
        assert list(y) == pytest.approx(relative, rel=1e-4)
        assert list(run.get_ydata()) == pytest.approx(error.tolist())
        assert list(run.get_ydata()) == pytest.approx(
            [asymptotic_excess(lambd, n, sigma) / 0.02 for lambd in grid], rel=0.03
        )
        assert diamond.get_xdata()[0] == pytest.approx(200 * sigma**2 / (n * 0.02))
        assert diamond.get_ydata()[0] == pytest.approx(min(y))


# -- The validation set -------------------------------------------------------


def test_one_choice_made_by_plain_loops(lines):
    problem = synthetic_data(noise_std=0.3)
    runs = [
        scratch.train(problem, lambd, w_init=torch.zeros(200, 1))
        for lambd in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
    ]
    best = min(runs, key=lambda run: run.test_loss[-1])
    fresh = synthetic_data(n_test=10_000, noise_std=0.3, seed=1)
    y_hat = fresh.X_test @ best.w + best.b
    test_loss = float(((y_hat - fresh.y_test) ** 2).mean()) / 2

    (start,) = (i for i, line in enumerate(lines) if line.startswith("chosen λ:"))
    chosen, validation, test = (line.split()[-1] for line in lines[start : start + 3])
    assert float(chosen) == best.lambd
    assert agrees(validation, best.test_loss[-1])
    assert agrees(test, test_loss)
    assert not torch.equal(fresh.X_test[:20], problem.X_test[:20])


def study(size, seeds, **settings):
    """The truth and the choice for many data sets, from validation sets of a size."""
    candidates = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]
    data = [synthetic_data(n_test=size, noise_std=0.3, seed=seed) for seed in seeds]
    result = sweep(data, candidates, w_init=torch.zeros(200, 1), **settings)
    w = torch.stack(
        [result.weight(i, j) for i in range(10) for j in range(len(data))]
    ).view(10, len(data), 200)
    w_loss = (w.double() - 0.01).square().sum(dim=2) / 2
    b_loss = (result.b.double() - 0.05).square() / 2
    validation = result.test_loss[:, :, -1].double()
    choice = validation.argmin(dim=0, keepdim=True)
    truth = w_loss + b_loss
    loss = truth.gather(0, choice)[0]
    return {
        "choice": choice[0],
        "truth": truth,
        "loss": loss,
        "regret": (loss - truth.min(dim=0).values) / truth.min(dim=0).values,
        "promised": float((validation[0] - validation.gather(0, choice)[0]).mean()),
        "kept": float((truth[0] - loss).mean()),
    }


def test_the_table_of_the_choices(script, lines):
    rows = after(lines, "size loss regret 90 % below promised kept", 2)

    for row, size in zip(rows, (20, 100), strict=False):
        fresh = study(size, range(200))
        # In weights, where the script follows one number for each example.
        other_way = study(size, range(30), form="weights")
        assert torch.equal(other_way["choice"], fresh["choice"][:30])
        assert torch.allclose(other_way["loss"], fresh["loss"][:30], rtol=1e-4)
        shown = row.replace("%", "").split()
        expected = [
            size,
            float(fresh["loss"].mean()),
            100 * float(fresh["regret"].median()),
            100 * float(fresh["regret"].quantile(0.9)),
            fresh["promised"],
            fresh["kept"],
        ]
        assert all(map(agrees, shown, expected))
        counts = torch.bincount(fresh["choice"], minlength=10)
        ax = script.figures[3].axes[(20, 100).index(size)]
        bars = [bar.get_height() for bar in ax.patches]
        assert bars == pytest.approx((counts / 2).tolist())
        line = ax.get_lines()[0].get_xdata()[0]
        assert line == int(fresh["truth"].mean(dim=1).argmin())
    best, largest, of_mean, untrained = after(lines, "rivals mean loss", 4)
    assert agrees(untrained.split()[-1], (0.02 + 0.05**2) / 2)
    means = [
        float(synthetic_data(noise_std=0.3, seed=s).y_train.mean()) for s in range(200)
    ]
    loss = (0.02 + sum((mean - 0.05) ** 2 for mean in means) / 200) / 2
    assert agrees(of_mean.split()[-1], loss)
    mean = fresh["truth"].mean(dim=1)
    assert int(numbers_of(best)[0]) == (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)[line]
    assert agrees(best.split()[-1], float(mean[line]))
    assert agrees(largest.split()[-1], float(mean[-1]))


def test_what_is_said_of_the_choices_holds_for_other_data_sets():
    small, large = (study(size, range(1000, 1200)) for size in (20, 100))
    always_largest = float(small["truth"][-1].mean())

    ends = (small["choice"] == 0) | (small["choice"] == 9)
    assert 0.35 < float(ends.double().mean()) < 0.6
    assert float(small["loss"].mean()) > always_largest
    assert float(large["loss"].mean()) < always_largest
    untrained = (0.02 + 0.05**2) / 2
    mean_of_targets = (0.02 + (0.02 + 0.3**2) / 20) / 2
    assert untrained < float(small["loss"].mean()) < 0.95 * mean_of_targets
    assert float(large["loss"].mean()) == pytest.approx(untrained, rel=0.02)
    assert 0.97 * untrained < float(small["truth"].mean(dim=1).min()) < untrained
    for each in (small, large):  # the end of the list is the most frequent choice
        assert int(torch.bincount(each["choice"], minlength=10).argmax()) == 9
    assert float((small["choice"] == 0).double().mean()) > 0.08
    assert 1.6 < small["promised"] / small["kept"] < 3
    assert large["promised"] > large["kept"]
    assert float(large["regret"].median()) < 0.025
    assert float((large["regret"] < 0.05).double().mean()) > 0.6
