"""What chapter/figure.md says, against other ways to the same numbers."""

import math
import re
from types import SimpleNamespace

import pytest
import torch
from reading import agrees, numbers_of
from sklearn.linear_model import LinearRegression, Ridge

from weight_decay import concise, scratch, synthetic_data
from weight_decay.sweep import sweep

SEEDS = 300
NAMES = ("scratch", "concise")
UNIT = {"scratch": 1, "concise": 2}
SIGMA = 0.01
QUANTILES = torch.tensor([0.01, 0.5, 0.99])


@pytest.fixture(scope="module")
def page(pages):
    return pages["chapter/figure.html"]


@pytest.fixture(scope="module")
def problems():
    return [synthetic_data(seed=seed) for seed in range(SEEDS)]


@pytest.fixture(scope="module")
def fresh(problems):
    """The runs of the page once more; some are compared with single runs below."""
    zero = torch.zeros(200, 1)
    fresh = {}
    for name in NAMES:
        run = sweep(problems, [0, 3, 10, 30], implementation=name)
        fresh[name] = SimpleNamespace(
            train=run.train_loss / UNIT[name], test=run.test_loss / UNIT[name], run=run
        )
    run = sweep(problems, [0, 3, 10, 30], w_init=zero)
    fresh["from zero"] = SimpleNamespace(test=run.test_loss)
    return fresh


@pytest.fixture(scope="module")
def baselines(problems):
    """Test losses of predictors without decay, by scikit-learn and by hand."""
    losses = {name: [] for name in ("shortest", "ridge", "mean", "constant", "truth")}
    for problem in problems:
        X, X_test = (x.double().numpy() for x in (problem.X_train, problem.X_test))
        y, y_test = (y.double().ravel() for y in (problem.y_train, problem.y_test))
        predictions = {
            "shortest": LinearRegression().fit(X, y).predict(X_test),
            "ridge": Ridge(alpha=20 * 0.05).fit(X, y).predict(X_test),
            "mean": float(y.mean()) + 0 * y_test,
            "constant": 0.05 + 0 * y_test,
            "truth": 0.01 * X_test.sum(axis=1) + 0.05,
        }
        for name, prediction in predictions.items():
            assert prediction.shape == y_test.shape
            error = torch.as_tensor(prediction) - y_test
            losses[name].append(float((error**2).mean()) / 2)
    return {name: torch.tensor(values) for name, values in losses.items()}


def lines_between(printed, first, last):
    """The printed lines after the one that begins with `first`, `last` of them."""
    (position,) = [i for i, line in enumerate(printed) if line.startswith(first)]
    return printed[position + 1 : position + 1 + last]


def share(holds):
    return 100 * float(holds.double().mean())


# -- Sentences ----------------------------------------------------------------


@pytest.fixture(scope="module")
def sentences(fresh, baselines):
    """In which seeds each sentence of the first table holds, in its order."""
    held = {}
    for name in NAMES:
        train, end = fresh[name].train[..., -1], fresh[name].test[..., -1]
        norm = fresh[name].run.w_norm
        held[name] = [
            (norm[:3].diff(dim=0) < 0).all(0),
            (end[:3].diff(dim=0) < 0).all(0),
            10 * end[1] < end[0],
            train[1] > train[0],
            train[2] > train[1],
            end[2] / train[2] > 2,
            end[3] < end[2],
            end[2] < baselines["constant"],
            end[1] < baselines["constant"],
            end[0] > fresh[name].test[0, :, 0],
        ]
    return held


def test_the_sentences_hold_in_as_many_seeds_as_the_table_says(page, sentences):
    table = lines_between(page.printed, "seeds of 300", 10)

    for row, *held in zip(table, *sentences.values(), strict=True):
        assert list(map(int, row.split()[-2:])) == [int(h.sum()) for h in held]


def test_which_sentences_are_safe_is_said_rightly(sentences):
    for held in sentences.values():
        counts = [int(h.sum()) for h in held]
        assert counts[:5] == [SEEDS] * 5
        assert counts[5] >= 0.98 * SEEDS
        assert all(0 < count < 0.95 * SEEDS for count in (*counts[6:8], counts[9]))
        assert counts[8] == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("module", [scratch, concise])
def test_the_runs_of_the_page_are_runs_of_the_chapter(fresh, problems, module, seed):
    name = module.__name__.split(".")[1]
    for i, lambd in enumerate((0, 3, 10)):
        run = module.train(problems[seed], lambd, seed=seed)
        end = float(fresh[name].test[i, seed, -1])
        assert run.test_loss[-1] / UNIT[name] == pytest.approx(end, rel=1e-3)


# -- Baselines ----------------------------------------------------------------


def test_the_table_of_predictors(page, fresh, baselines):
    table = lines_between(page.printed, "final test loss", 14)
    losses = [fresh[name].test[i, :, -1] for name in NAMES for i in range(4)]
    losses += [fresh["from zero"].test[0, :, -1], *baselines.values()]

    names = [re.split(" {2,}", row)[0] for row in table]
    assert names == [
        *(f"{name}, λ = {lambd}" for name in NAMES for lambd in (0, 3, 10, 30)),
        "start at 0, λ = 0",
        "shortest exact fit",
        "best ridge, λ = 0.05",
        "mean of the 20 targets",
        "the constant 0.05",
        "the truth, w* and b*",
    ]
    for row, name, values in zip(table, names, losses, strict=True):
        shown = row.removeprefix(name).replace("…", " ").split()
        low, middle, high = values.double().quantile(QUANTILES.double()).tolist()
        assert all(map(agrees, shown[:3], (middle, low, high)))
        if name == "the constant 0.05":
            assert len(shown) == 3
        else:
            beats = share(values < baselines["constant"])
            assert agrees(shown[3].removesuffix("%"), beats)


def test_the_lines_of_the_picture_are_where_theory_puts_them(fresh, baselines):
    for name in NAMES:
        mean = float(fresh[name].test[0, :, -1].mean())
        assert mean == pytest.approx(180 / 2, rel=4 * 0.176 / SEEDS**0.5)
    constant = float(baselines["constant"].mean())
    assert constant == pytest.approx((0.02 + SIGMA**2) / 2, rel=0.03)
    truth = float(baselines["truth"].mean())
    assert truth == pytest.approx(SIGMA**2 / 2, rel=0.03)
    # The best ridge and the constant share a line; it is as wide as their distance.
    ridge = float(baselines["ridge"].mean())
    assert 0.9 < ridge / constant < 1


def test_no_run_from_a_random_start_is_below_four_fifths_of_the_constant(
    fresh, baselines
):
    lowest = [
        float((fresh[name].test[..., -1] / baselines["constant"]).min())
        for name in NAMES
    ]

    assert 0.8 < min(lowest) < 1
    assert all(ratio < 1 for ratio in lowest)


# -- The numbers in the prose -------------------------------------------------


def kappa(lambd, ratio):
    """λm(−λ), with the Stieltjes transform of the Marchenko–Pastur law."""
    rest = 1 - ratio + lambd
    m = (-rest + math.sqrt(rest**2 + 4 * ratio * lambd)) / (2 * ratio * lambd)
    return lambd * m


def test_the_numbers_in_the_prose(page, fresh, baselines):
    end = {name: runs.test[..., -1].double() for name, runs in fresh.items()}
    both = [fresh[name] for name in NAMES]
    ratio = end["concise"][:3] / end["scratch"][:3]
    rise = fresh["scratch"].test[0, :, -1] / fresh["scratch"].test[0, :, 0]
    fits = fresh["concise"].train[1, :, -1] < fresh["scratch"].train[1, :, -1]

    def middle(values):
        return float(values.double().median())

    # Without decay the risk is ½ [‖w*‖²(1 − 1/γ) + σ²/(γ − 1) + σ²]; at the best
    # λ = γσ²/‖w*‖² the derivative of m drops out of the formula: ½ [σ²γm(−λ) + σ²].
    best = 10 * SIGMA**2 / 0.02
    risk_0 = (0.02 * 0.9 + SIGMA**2 / 9 + SIGMA**2) / 2
    risk_best = (SIGMA**2 * 10 * kappa(best, 10) / best + SIGMA**2) / 2
    constant = middle(baselines["constant"])
    numbers = [
        middle(end["scratch"][0]),
        middle(end["scratch"][2]),
        constant,
        middle(end["from zero"][0]),
        100 * (1 - middle(baselines["ridge"]) / constant),
        best,
        100 * (1 - risk_best / risk_0),
        share(end["scratch"][2] > baselines["constant"]),
        share(end["scratch"][3] < end["scratch"][2]),
        middle(torch.log10(both[0].train[0, :, -1] / both[1].train[0, :, -1])),
        share((ratio[1] - 1).abs() < 0.1),
        share((ratio[2] - 1).abs() < 0.1),
        middle(ratio[1]),
        middle(ratio[2]),
        share(fits),
        100 * (1 - middle(rise)),
        share(rise > 1),
        100 * (float(rise.max()) - 1),
        100 * (1 - middle(end["from zero"][1]) / middle(end["from zero"][0])),
        # These three are promised for every seed: rounded to the safe side.
        math.floor(
            min(
                float((r.train[0, :, 0] / r.train[0, :, -1]).log10().min())
                for r in both
            )
        ),
        math.ceil(
            max(
                float((r.test[0, :, -1] / r.test[0, :, 0] - 1).abs().max())
                for r in both
            )
            * 100
        ),
        math.floor(
            min(float((r.test[..., -1] / baselines["constant"]).min()) for r in both)
            * 100
        ),
    ]

    shown = [text.removesuffix("%").strip() for text in page.glued]
    assert len(shown) == len(numbers)
    for text, number in zip(shown, numbers, strict=True):
        assert agrees(text, number), number


def test_with_lambda_0_the_test_losses_agree_and_the_training_losses_do_not(fresh):
    ratio = fresh["concise"].test[0, :, -1] / fresh["scratch"].test[0, :, -1]
    fit = fresh["scratch"].train[0, :, -1] / fresh["concise"].train[0, :, -1]

    assert share((ratio - 1).abs() < 0.1) > 99
    assert 10**5.5 < float(fit.median()) < 10**6.5


def test_the_decay_can_be_read_off_the_straight_line(page, fresh):
    (line,) = [line for line in page.printed if line.startswith("1 − ηλ, read")]
    _, _, middle, _, low, high = numbers_of(line.replace("1 − ηλ", "0"))

    epochs = fresh["scratch"].run.epochs
    first, second = (
        fresh["scratch"].test[1, :, epochs.index(epoch)].double() for epoch in (20, 60)
    )
    factor = torch.exp(torch.log(second / first) / (2 * 4 * 40))
    expected = factor.quantile(QUANTILES.double()).tolist()
    assert [low, middle, high] == pytest.approx(expected, abs=1e-5)
    assert middle == pytest.approx(1 - 0.003 * 3, abs=1e-4)


def test_without_noise_hardly_anything_changes(page, fresh):
    table = lines_between(page.printed, "test loss with noise", 3)

    quiet = [synthetic_data(noise_std=0, seed=seed) for seed in range(100)]
    without = sweep(quiet, [0, 3, 10]).test_loss[..., -1]
    ratios = (fresh["scratch"].test[:3, :100, -1] / without).double()
    for row, ratio in zip(table, ratios, strict=True):
        _, middle, _, low, high = numbers_of(row)
        expected = ratio.quantile(QUANTILES.double()).tolist()
        assert [low, middle, high] == pytest.approx(expected, abs=6e-4)
        assert abs(middle - 1) < 0.01  # "hardly counts"


# -- The blackboard -----------------------------------------------------------


def test_what_the_blackboard_says_of_lambda_0_holds_in_every_seed(fresh, problems):
    X = torch.stack([problem.X_train for problem in problems])
    for name in NAMES:
        runs = fresh[name]
        w_init, w_norm = runs.run.w_init, runs.run.w_norm[0]
        unseen = w_init - torch.linalg.pinv(X) @ (X @ w_init)

        in_null_space = unseen.flatten(1).norm(dim=1)
        assert torch.allclose(w_norm, in_null_space, rtol=0.01)
        assert (w_norm < w_init.flatten(1).norm(dim=1)).all()
        assert float(w_norm.median()) == pytest.approx(180**0.5, rel=0.01)
        assert (runs.train[0, :, 0] / runs.train[0, :, -1] > 1e5).all()
        assert ((runs.test[0, :, -1] / runs.test[0, :, 0] - 1).abs() < 0.2).all()


def test_only_the_product_of_rate_decay_and_steps_counts_for_forgetting():
    for lr, lambd, steps in ((0.003, 10, 400), (0.006, 5, 400), (0.003, 5, 800)):
        forgotten = steps * math.log(1 - lr * lambd)
        assert forgotten == pytest.approx(-0.003 * 10 * 400, rel=0.02)
