"""The same λ, two programs: what is exact, and which cause does what."""

import re
from itertools import takewhile

import pytest
import torch
from reading import agrees
from sklearn.linear_model import Ridge

from weight_decay import concise, ridge, scratch, synthetic_data
from weight_decay.sweep import sweep

LR, STEPS = 0.003, 400
PROGRAMS = {"scratch": scratch, "concise": concise}


@pytest.fixture(scope="module")
def script(gallery):
    return gallery["plot_4_same_lambda"]


def table(script, header):
    """The rows of the table with this header, cut at spaces."""
    lines = [line.split() for line in script.printed.splitlines()]
    below = lines[lines.index(header.split()) + 2 :]
    return list(takewhile(lambda row: re.fullmatch(r"[\d.e-]+", row[-1]), below))


def ridge_by_sklearn(problem, lambd):
    X, y = problem.X_train.numpy(), problem.y_train.numpy()[:, 0]
    model = Ridge(alpha=len(X) * lambd, solver="svd").fit(X, y)
    error = ((model.predict(X) - y) ** 2).mean()
    return float((model.coef_**2).sum() ** 0.5), float(error)


def squared_error(run):
    return [
        (2 if run.loss_unit == "half squared error" else 1) * loss[-1]
        for loss in (run.train_loss, run.test_loss)
    ]


def empty(problem, w):
    """The part of the weight that no training example touches."""
    inverse = torch.linalg.pinv(problem.X_train)
    return w - inverse @ (problem.X_train @ w)


def left_by_rule(name, lambd):
    faster = {"scratch": 1, "concise": 2}[name]
    d, pull = 200 / 20, lambd / faster
    return (1 - faster * LR * pull / (pull + d)) ** STEPS


def left_by_matrix_power(problem, name, lambd, steps=STEPS):
    """∂b/∂b₀ after so many steps of full-batch gradient descent, by brute force."""
    faster = {"scratch": 1, "concise": 2}[name]
    A = torch.nn.functional.pad(problem.X_train, (0, 1), value=1.0)
    step = torch.eye(201, dtype=A.dtype) - faster * LR * A.T @ A / len(A)
    step.diagonal()[:-1] -= LR * lambd
    return float(torch.linalg.matrix_power(step, steps)[-1, -1])


# -- What is printed ----------------------------------------------------------


def test_only_the_gradient_of_the_data_doubles(script, exact):
    data, decay = table(script, "gradient scratch concise")
    generator = torch.Generator().manual_seed(0)
    w = torch.normal(0.0, 1.0, (200, 1), generator=generator).double()
    X, y = exact.X_train[:5], exact.y_train[:5]
    length = float(torch.linalg.vector_norm(X.T @ (X @ w - y) / 5))

    assert all(map(agrees, data[1:], [length, 2 * length]))
    assert all(agrees(shown, 3 * float(w.norm())) for shown in decay[1:])


def test_the_limits_of_the_training_loss_are_those_of_scikit_learn(script, exact):
    for shown, lambd in zip(
        table(script, "λ scratch concise ratio"), (3, 10), strict=True
    ):
        (_, hand), (_, library) = (
            ridge_by_sklearn(exact, value) for value in (lambd, lambd / 2)
        )

        assert all(map(agrees, shown, [lambd, hand, library, hand / library]))


def test_the_runs_with_the_half_alone_are_fresh_runs(script, exact):
    rows = iter(table(script, "λ ‖w‖₂ train test"))
    zero = torch.zeros(1, dtype=torch.float64)
    for lambd in (0, 3, 10):
        left = []
        for name, module in PROGRAMS.items():
            run = module.train(exact, lambd, b_init=zero)
            shown = next(rows)
            assert shown[:2] == [str(lambd), name]
            assert all(map(agrees, shown[2:], [run.w_norm, *squared_error(run)]))
            left.append(empty(exact, run.w))
        assert torch.allclose(left[0], left[1], rtol=0, atol=1e-13)
    assert next(rows, None) is None


def test_at_rest_the_programs_are_two_ridge_solutions(script, exact):
    rows = table(script, "λ ‖w‖₂ ridge(λ) ridge(λ/2)")

    assert [row[:2] for row in rows] == [
        [lambd, name] for name in PROGRAMS for lambd in ("3", "10")
    ]
    for lambd, name, at_rest, whole, half in rows:
        norms = [ridge_by_sklearn(exact, int(lambd) / k)[0] for k in (1, 2)]
        assert agrees(whole, norms[0])
        assert agrees(half, norms[1])
        assert at_rest == {"scratch": whole, "concise": half}[name]
        assert whole != half


def test_the_identity_is_one_up_to_rounding(script):
    rows = table(script, "λ relative gap of w test losses")

    assert [row[0] for row in rows] == ["0", "3", "10"]
    for _, gap, ratio in rows:
        assert float(gap) < 1e-14
        assert ratio == "2.000000000000"


def test_the_identity_holds_for_other_data_batches_and_starts():
    for seed in (1, 2, 3):
        problem = synthetic_data(17, 9, 31, 0.5, seed, dtype=torch.float64)
        settings = {"epochs": 12, "batch_size": 4, "seed": seed}
        run = concise.train(problem, 2.6, 0.004, **settings)
        twin = scratch.train(problem, 1.3, 0.008, b_init=run.b_init, **settings)

        assert torch.allclose(run.w, twin.w, rtol=1e-12, atol=0)
        halves = [loss / 2 for loss in run.test_loss]
        assert halves == pytest.approx(twin.test_loss, rel=1e-12)


def test_what_is_left_of_the_bias_is_recomputed_by_brute_force(script, exact):
    rows = table(script, "λ rule full batch run")
    one = torch.ones(1, dtype=torch.float64)

    expected = [(str(lambd), name) for lambd in (0, 3, 10) for name in PROGRAMS]
    assert [(row[0], row[1]) for row in rows] == expected
    for lambd, name, rule, closed, run in rows:
        assert agrees(rule, left_by_rule(name, float(lambd)))
        assert agrees(closed, left_by_matrix_power(exact, name, float(lambd)))
        biases = [
            float(PROGRAMS[name].train(exact, float(lambd), b_init=b0).b)
            for b0 in (one, 0 * one)
        ]
        assert agrees(run, biases[0] - biases[1])


def test_the_table_of_causes_is_that_of_another_computation(script):
    problems = [synthetic_data(seed=seed) for seed in range(200)]
    zero = torch.zeros(1)
    plain = sweep(problems, (3, 10))
    no_half = sweep(problems, (3, 10), implementation="concise", b_init=zero)
    both = sweep(problems, (3, 10), implementation="concise")
    rows = table(script, "λ switched on train × smaller test ×")
    named = {(row[0], row[1]): row[-3:] for row in rows}

    assert len(rows) == 6
    for i, lambd in enumerate(("3", "10")):
        for name, changed in (("no", no_half), ("concise:", both)):
            train, test = (
                (getattr(changed, loss) / getattr(plain, loss))[i, :, -1] / 2
                for loss in ("train_loss", "test_loss")
            )
            smaller = float((train < 1).double().mean())
            shown = named[lambd, name]
            assert agrees(shown[0], float(train.median()))
            assert agrees(shown[1].removesuffix("%"), 100 * smaller)
            assert agrees(shown[2], float(test.median()))


def test_the_scratch_program_with_a_random_bias_is_that(script):
    # The script gets it from the identity; here it is trained as it is written.
    train, test = script.names["rows"]["random bias"]
    for seed in (0, 7, 199):
        problem = synthetic_data(seed=seed)
        b_init = concise.train(problem, 0, epochs=1, seed=seed).b_init
        for i, lambd in enumerate((3, 10)):
            run = scratch.train(problem, lambd, seed=seed, b_init=b_init)
            shown = [float(train[i, seed]), float(test[i, seed])]
            assert shown == pytest.approx(squared_error(run), rel=1e-3)


# -- What is drawn ------------------------------------------------------------


def test_the_first_figure_shows_equal_test_and_unequal_training_losses(script, exact):
    zero = torch.zeros(1, dtype=torch.float64)
    for ax, lambd in zip(script.figures[0].axes, (3, 10), strict=True):
        limits, curves = ax.get_lines()[:2], ax.get_lines()[2:6]
        hand = scratch.train(exact, lambd)
        library = concise.train(exact, lambd, b_init=zero)
        expected = [hand.train_loss, library.train_loss]
        expected += [hand.test_loss, library.test_loss]
        for k, (line, losses) in enumerate(zip(curves, expected, strict=True)):
            unit = 1 if k % 2 else 2
            drawn = [unit * loss for loss in losses]
            assert list(line.get_ydata()) == pytest.approx(drawn, rel=1e-6)
        train, train_concise, test, test_concise = (
            torch.tensor(line.get_ydata()) for line in curves
        )
        assert (test_concise / test - 1).abs().max() < 0.1
        assert (train_concise / train).max() < 0.5
        for line, value in zip(limits, (lambd, lambd / 2), strict=True):
            at_rest = ridge_by_sklearn(exact, value)[1]
            assert list(line.get_ydata()) == pytest.approx([at_rest] * 2)


def test_the_second_figure_shows_the_prediction_below_the_runs(script, exact):
    lines = script.figures[1].axes[0].get_lines()
    for (grey, marks, dashed), lambd in zip(
        (lines[:3], lines[3:]), (3, 10), strict=True
    ):
        predicted = torch.as_tensor(grey.get_ydata())
        assert float(predicted[-1]) == pytest.approx(
            left_by_matrix_power(exact, "concise", lambd)
        )
        at = torch.as_tensor(marks.get_xdata())
        assert (predicted[at] - torch.tensor(marks.get_ydata())).abs().max() < 0.02
        assert dashed.get_ydata()[-1] == pytest.approx((1 - LR * lambd) ** STEPS)
        # The title: slower than the weight, from the first epoch to the last.
        assert (predicted[1:] > torch.tensor(dashed.get_ydata())[1:]).all()


def test_the_third_figure_shows_the_medians(script):
    rows = script.names["rows"]
    for i, ax in enumerate(script.figures[2].axes):
        diamonds = ax.get_lines()[1::2]
        for line, (_, test) in zip(diamonds, rows.values(), strict=True):
            assert list(line.get_xdata()) == [float(test[i].median())]
    left, right = script.figures[2].axes
    assert [label.get_text() for label in left.get_yticklabels()] == list(rows)
    assert left.get_xlim() == right.get_xlim()


# -- What is claimed ----------------------------------------------------------


@pytest.fixture(scope="module")
def other_seeds():
    """The four rows on 100 seeds that the script has not used."""
    seeds = range(1000, 1100)
    problems = [synthetic_data(seed=seed) for seed in seeds]

    def finals(lr, lambdas, b_init):
        settings = {"implementation": "concise", "lr": lr, "b_init": b_init}
        runs = sweep(problems, lambdas, seeds=seeds, **settings)
        return runs.train_loss[..., -1], runs.test_loss[..., -1]

    return [
        finals(lr, lambdas, b_init)
        for b_init in (torch.zeros(1), None)
        for lr, lambdas in ((LR / 2, (6, 20)), (LR, (3, 10)))
    ]


def test_the_half_alone_lowers_the_training_loss_in_every_seed(other_seeds):
    plain, no_half, _, _ = other_seeds

    assert (no_half[0] < plain[0]).all()
    medians = (no_half[1] / plain[1]).median(dim=1).values
    assert (medians - 1).abs().max() < 0.05


def test_what_the_test_losses_are_made_of(exact):
    # The runs of the first figure: the start at λ = 3, the unseen truth at λ = 10.
    zero = torch.zeros(1, dtype=torch.float64)
    for lambd, largest in ((3, "start"), (10, "unseen")):
        runs = scratch.train(exact, lambd), concise.train(exact, lambd, b_init=zero)
        for run in runs:
            parts = ridge.anatomy(exact, run.w, run.b)._asdict()
            assert max(parts, key=parts.get) == largest
            assert parts[largest] > 0.5 * sum(parts.values())
        hand, library = (squared_error(run)[1] for run in runs)
        assert library == pytest.approx(hand, rel=0.05)


def test_the_random_bias_makes_the_difference_of_the_test_losses(other_seeds):
    plain, _, random_bias, both = other_seeds

    for changed in (random_bias, both):
        assert (changed[1].median(dim=1).values > 1.5 * plain[1].median(1).values).all()
    # A minority, for both λ.
    assert ((both[0] < plain[0]).double().mean(dim=1) < 0.5).all()


def test_the_rule_for_the_bias_errs_by_less_than_a_tenth(script):
    for _, _, rule, closed, run in table(script, "λ rule full batch run"):
        assert abs(float(rule) - float(closed)) < 0.1
        assert abs(float(rule) - float(run)) < 0.1
    # "by one eleventh, and the rest stays for ever", without decay
    problem = synthetic_data(dtype=torch.float64)
    for steps in (100, 10_000):
        left = left_by_matrix_power(problem, "scratch", 0, steps)
        assert left == pytest.approx(10 / 11, abs=0.01)


def test_the_rule_for_the_bias_is_nearly_as_good_on_other_data():
    for seed in range(1, 6):
        problem = synthetic_data(seed=seed, dtype=torch.float64)
        for lambd in (0, 3, 10):
            for name in PROGRAMS:
                left = left_by_matrix_power(problem, name, lambd)
                rule = left_by_rule(name, lambd)
                assert rule == pytest.approx(left, abs=0.13), (seed, name, lambd)
