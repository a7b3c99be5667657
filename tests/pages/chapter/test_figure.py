"""What chapter/figure.md says, against other ways to the same numbers."""

import math
from types import SimpleNamespace

import pytest
import torch
from reading import agrees, numbers_of
from sklearn.linear_model import LinearRegression, Ridge

from weight_decay import concise, scratch, synthetic_data
from weight_decay.sweep import sweep

SEEDS = 300
NAMES = ("scratch", "concise")
RECIPES = {  # of the editions table: η, epochs, whether the loss has the ½
    "Chinese, 2nd ed.": (0.003, 100, True),
    "English 2023, scratch": (0.01, 10, True),
    "English 2023, concise": (0.01, 10, False),
    "2026 rewrite, scratch": (0.01, 30, True),
}
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
    losses = {name: [] for name in ("shortest", "ridge", "mean", "truth")}
    for problem in problems:
        X, X_test = (x.double().numpy() for x in (problem.X_train, problem.X_test))
        y, y_test = (y.double().ravel() for y in (problem.y_train, problem.y_test))
        predictions = {
            "shortest": LinearRegression().fit(X, y).predict(X_test),
            "ridge": Ridge(alpha=20 * 0.05).fit(X, y).predict(X_test),
            "mean": float(y.mean()) + 0 * y_test,
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


def cells(line):
    """A row of a table, its first cell and the others."""
    first, *rest = line.split("  ")
    return first, rest


def share(holds):
    return 100 * float(holds.double().mean())


# -- Editions -----------------------------------------------------------------


@pytest.fixture(scope="module")
def editions(problems):
    """Median test losses of the four recipes, by autograd and torch.optim.SGD."""
    X, y, X_test, y_test = (
        torch.stack([getattr(problem, name) for problem in problems[:100]])
        for name in ("X_train", "y_train", "X_test", "y_test")
    )
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(100, 200, 1, generator=generator)
    uniform = (torch.rand(100, 201, 1, generator=generator) - 0.5) / 50**0.5
    assert float(uniform.abs().max()) < 1 / 200**0.5
    found = {}
    for name, (lr, epochs, half) in RECIPES.items():
        w, b = (0.01 if lr == 0.01 else 1) * normal, torch.zeros(100, 1, 1)
        if name.endswith("concise"):
            w, b = uniform[:, :200], uniform[:, 200:]
        batches = [
            batch
            for _ in range(epochs)
            for batch in torch.randperm(20, generator=generator).split(5)
        ]
        found[name] = []
        for lambd, start in ((0, 1), (3, 1), (0, 0), (3, 0)):
            weight, bias = (torch.nn.Parameter(start * x) for x in (w, b))
            groups = [{"params": [weight], "weight_decay": lambd}, {"params": [bias]}]
            trainer = torch.optim.SGD(groups, lr=lr)
            for batch in batches:
                trainer.zero_grad()
                error = X[:, batch] @ weight + bias - y[:, batch]
                loss = error.square().mean((1, 2)).sum() / (1 + half)
                loss.backward()
                trainer.step()
            error = (X_test @ weight + bias - y_test).detach()
            found[name].append(float(error.square().mean((1, 2)).median()) / 2)
    return found


def test_the_editions_table(page, editions):
    table = dict(map(cells, lines_between(page.printed, "  ".join(RECIPES), 14)))
    ratios = [line for line in page.printed if line.startswith("their ratio")]

    columns = list(zip(*editions.values(), strict=True))
    for label, losses in zip(
        (
            "test loss, λ = 0",
            "test loss, λ = 3",
            "from zero, λ = 0",
            "from zero, λ = 3",
        ),
        columns,
        strict=True,
    ):
        assert all(map(agrees, table[label], losses)), label
    for line, (above, below) in zip(ratios, (columns[:2], columns[2:]), strict=True):
        for shown, a, b in zip(cells(line)[1], above, below, strict=True):
            assert float(shown) == pytest.approx(a / b, rel=1e-3, abs=0.006)
    assert [float(eta) for eta in table["η"]] == [r[0] for r in RECIPES.values()]
    assert [int(e) for e in table["epochs"]] == [r[1] for r in RECIPES.values()]


def test_the_start_explains_the_four_recipes(page, editions):
    label = "½ · 180 · variance of the start"
    (line,) = [line for line in page.printed if line.startswith(label)]
    uniform = torch.distributions.Uniform(-(200**-0.5), 200**-0.5).variance
    for shown, variance, losses in zip(
        cells(line)[1], (1, 1e-4, float(uniform), 1e-4), editions.values(), strict=True
    ):
        assert agrees(shown, 90 * variance)
        no_decay, decay, zero, zero_decay = losses
        assert no_decay == pytest.approx(zero + 90 * variance, rel=0.06)
        assert zero / zero_decay == pytest.approx(1, abs=0.06)  # "changes little"
        assert decay < no_decay
    ratios = [losses[0] / losses[1] for losses in editions.values()]
    assert ratios[0] > 800
    assert 1.5 < ratios[1] < 2
    assert ratios[2] > 4
    assert 1.5 < ratios[3] < 2


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
            end[2] < baselines["mean"],
            end[1] < baselines["mean"],
            end[0] > fresh[name].test[0, :, 0],
        ]
    return held


def test_the_sentences_hold_in_as_many_seeds_as_the_table_says(page, sentences):
    table = lines_between(page.printed, "holds in", 10)

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
    table = lines_between(page.printed, "final test loss", 13)
    losses = [fresh[name].test[i, :, -1] for name in NAMES for i in range(4)]
    losses += [fresh["from zero"].test[0, :, -1]]
    losses += [baselines[name] for name in ("shortest", "ridge", "mean", "truth")]

    assert [cells(row)[0] for row in table] == [
        *(f"{name}, λ = {lambd}" for name in NAMES for lambd in (0, 3, 10, 30)),
        "start at 0, λ = 0",
        "shortest exact fit",
        "best ridge",
        "mean of the targets",
        "the truth, w* and b*",
    ]
    for row, values in zip(table, losses, strict=True):
        low, middle, high = values.double().quantile(QUANTILES.double()).tolist()
        expected = (middle, low, high)
        *shown, below = cells(row)[1]
        assert all(map(agrees, shown, expected))
        assert agrees(below, share(values < baselines["mean"]))


def test_the_lines_of_the_picture_are_where_theory_puts_them(fresh, baselines):
    for name in NAMES:
        mean = float(fresh[name].test[0, :, -1].mean())
        assert mean == pytest.approx(180 / 2, rel=4 * 0.176 / SEEDS**0.5)
    constant = float(baselines["mean"].mean())
    assert constant == pytest.approx(1.05 * (0.02 + SIGMA**2) / 2, rel=0.03)
    truth = float(baselines["truth"].mean())
    assert truth == pytest.approx(SIGMA**2 / 2, rel=0.03)
    # "nothing goes far below" a constant, not even the best ridge.
    ridge = float(baselines["ridge"].mean())
    assert 0.85 < ridge / constant < 1


def test_no_run_from_a_random_start_is_far_below_the_mean(fresh, baselines):
    lowest = [
        float((fresh[name].test[..., -1] / baselines["mean"]).min()) for name in NAMES
    ]

    assert 0.6 < min(lowest) < 1
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

    def middle(values):
        return float(values.double().median())

    # Without decay the risk is ½ [‖w*‖²(1 − 1/γ) + σ²/(γ − 1) + σ²]; at the best
    # λ = γσ²/‖w*‖² the derivative of m drops out of the formula: ½ [σ²γm(−λ) + σ²].
    best = 10 * SIGMA**2 / 0.02
    risk_0 = (0.02 * 0.9 + SIGMA**2 / 9 + SIGMA**2) / 2
    risk_best = (SIGMA**2 * 10 * kappa(best, 10) / best + SIGMA**2) / 2
    constant = middle(baselines["mean"])
    numbers = [
        100 * (1 - middle(baselines["ridge"]) / constant),
        best,
        100 * (1 - risk_best / risk_0),
        share(end["scratch"][2] > baselines["mean"]),
        share(end["scratch"][3] < end["scratch"][2]),
        # Three of these are promised for every seed: rounded to the safe side.
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
            min(float((r.test[..., -1] / baselines["mean"]).min()) for r in both) * 100
        ),
    ]

    shown = [text.removesuffix("%").strip() for text in page.glued]
    assert len(shown) == len(numbers)
    for text, number in zip(shown, numbers, strict=True):
        assert agrees(text, number), number


def test_the_decay_can_be_read_off_the_straight_line(page, fresh):
    (line,) = [line for line in page.printed if line.startswith("median 0.99")]
    middle, _, low, high = numbers_of(line)

    epochs = fresh["scratch"].run.epochs
    first, second = (
        fresh["scratch"].test[1, :, epochs.index(epoch)].double() for epoch in (20, 60)
    )
    factor = torch.exp(torch.log(second / first) / (2 * 4 * 40))
    expected = factor.quantile(QUANTILES.double()).tolist()
    assert [low, middle, high] == pytest.approx(expected, abs=1e-5)
    assert middle == pytest.approx(1 - 0.003 * 3, abs=1e-4)


def test_without_noise_hardly_anything_changes(page, fresh):
    table = lines_between(page.printed, "λ  test loss with noise", 3)

    quiet = [synthetic_data(noise_std=0, seed=seed) for seed in range(100)]
    without = sweep(quiet, [0, 3, 10]).test_loss[..., -1]
    ratios = (fresh["scratch"].test[:3, :100, -1] / without).double()
    for row, ratio in zip(table, ratios, strict=True):
        _, middle, low, high = numbers_of(row)
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
