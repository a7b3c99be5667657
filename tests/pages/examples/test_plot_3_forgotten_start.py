"""What plot_3_forgotten_start.py says, against other ways to the same numbers."""

import math
import re

import pytest
import torch
from reading import agrees

from weight_decay import concise, scratch, synthetic_data
from weight_decay.sweep import sweep

LAMBDAS = (0, 3, 10)
LR, STEPS, SIGMA = 0.003, 400, 0.01
NORMS = "λ typical null row ‖w‖₂"
SHARES = "λ = 3 null: left row"
FITS = "λ fit, σ = 0.01 fit, σ = 0"
PARTS = "run λ start unseen fit bias"
RUNS = [f"{name} λ = {lambd}" for name in ("scratch", "concise") for lambd in LAMBDAS]


@pytest.fixture(scope="module")
def page(gallery):
    return gallery["plot_3_forgotten_start"]


def norm(w):
    return float(torch.linalg.vector_norm(w))


def split(X, w):
    """The parts of w in the row space and in the null space, by the pseudoinverse."""
    seen = torch.linalg.pinv(X) @ (X @ w)
    return seen, w - seen


def start(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.normal(0.0, 1.0, (200, 1), generator=generator).double()


def rows_after(printed, heading):
    """The lines below the rule under a heading of a table, cut into words."""
    lines = [line.split() for line in printed.splitlines()]
    return lines[lines.index(heading.split()) + 2 :]


# -- Two parts ----------------------------------------------------------------


def test_the_first_table_holds_the_two_parts_of_the_start_and_of_the_truth(page, exact):
    roots, of_start, of_truth = rows_after(page.printed, "row space null space")[:3]

    assert all(map(agrees, roots[-2:], (20**0.5, 180**0.5)))
    for row, w in ((of_start, start()), (of_truth, exact.w_true)):
        assert all(map(agrees, row[-2:], map(norm, split(exact.X_train, w))))
    seen, unseen = map(norm, split(exact.X_train, exact.w_true))
    assert 0.07 < seen**2 / (seen**2 + unseen**2) < 0.13  # a tenth, roughly
    seen, unseen = map(norm, split(exact.X_train, start()))
    assert 0.07 < seen**2 / (seen**2 + unseen**2) < 0.15


def test_the_table_of_norms_is_that_of_float32_runs(page, exact, problem):
    table = rows_after(page.printed, NORMS)[:3]

    for row, lambd in zip(table, LAMBDAS, strict=True):
        left = (1 - LR * lambd) ** STEPS
        run = scratch.train(problem, lambd)
        seen, unseen = map(norm, split(exact.X_train, run.w.double()))
        predicted = left * norm(split(exact.X_train, start())[1])
        assert int(row[0]) == lambd
        assert agrees(row[1], 180**0.5 * left)
        assert agrees(row[2], predicted)
        assert agrees(row[2], unseen)
        assert agrees(row[3], seen)
        assert agrees(row[4], run.w_norm)


def test_the_norm_is_the_start_for_0_and_3_and_the_fit_for_10(page):
    table = rows_after(page.printed, NORMS)[:3]

    parts = {int(row[0]): tuple(map(float, row[2:])) for row in table}
    for lambd in (0, 3):
        unseen, _, whole = parts[lambd]
        assert unseen > 0.99 * whole
    unseen, seen, whole = parts[10]
    assert seen > 0.999 * whole


def test_the_length_of_a_start_in_180_directions():
    mean = 2**0.5 * math.exp(math.lgamma(90.5) - math.lgamma(90))
    deviation = (180 - mean**2) ** 0.5
    norms = torch.stack([start(seed) for seed in range(500)])[:, :180].norm(dim=1)

    assert f"{0.5**0.5:.2f}" == f"{deviation:.2f}" == "0.71"
    assert f"{0.991**400 * 0.5**0.5:.3f}" == "0.019"
    assert f"{0.991**400:.4f}" == "0.0269"
    assert float(norms.mean()) == pytest.approx(mean, abs=4 * deviation / 500**0.5)
    assert float(norms.std()) == pytest.approx(deviation, rel=4 / 1000**0.5)


def test_the_norm_varies_between_seeds_as_the_page_says():
    problems = [synthetic_data(seed=seed) for seed in range(200)]
    w_norm = sweep(problems, [0, 3]).w_norm

    # Four standard errors of a standard deviation.
    assert float(w_norm[0].std()) == pytest.approx(0.71, rel=4 / 400**0.5)
    assert float(w_norm[1].std()) == pytest.approx(0.019, rel=4 / 400**0.5)


# -- The picture of the two parts ---------------------------------------------


def test_grey_is_drawn_first_and_the_runs_lie_on_it(page, exact):
    for ax, lambd in zip(page.figures[0].axes, LAMBDAS, strict=True):
        grey_unseen, grey_seen, unseen, seen = ax.get_lines()
        assert grey_unseen.get_color() == grey_seen.get_color() == "#aaaaaa"
        assert unseen.get_color() == seen.get_color() == "k"

        line = torch.tensor(list(grey_unseen.get_ydata()))
        law = (1 - LR * lambd) ** torch.arange(STEPS + 1.0, dtype=torch.float64)
        length = norm(split(exact.X_train, start())[1])
        assert torch.allclose(line.double(), length * law, rtol=1e-5)
        drawn = list(unseen.get_ydata())
        assert drawn == pytest.approx(list(grey_unseen.get_ydata()), rel=1e-10)
        predicted = list(grey_seen.get_ydata())
        assert list(seen.get_ydata()) == pytest.approx(predicted, rel=0.15)
        assert seen.get_ydata()[-1] == pytest.approx(predicted[-1], rel=0.02)
    # The norm of the chapter, in the same digits.
    assert f"{length:.3f}" == "12.729"


@pytest.mark.parametrize("lambd", LAMBDAS)
@pytest.mark.parametrize("steps", [1, 40, 400])
def test_the_grey_line_of_the_row_space_is_full_batch_descent(
    page, exact, lambd, steps
):
    ax = page.figures[0].axes[LAMBDAS.index(lambd)]

    run = scratch.train(exact, lambd, epochs=steps, batch_size=20, w_init=start())
    length = norm(split(exact.X_train, run.w)[0])
    assert ax.get_lines()[1].get_ydata()[steps] == pytest.approx(length, rel=1e-9)


@pytest.mark.parametrize("lambd", LAMBDAS)
def test_the_data_soon_replace_the_start_in_the_row_space(page, exact, lambd):
    weights = page.names["paths"][lambd]

    first, middle, last = (split(exact.X_train, weights[t])[0] for t in (0, 200, 400))
    assert norm(middle - last) < 0.01 * norm(first)
    assert norm(weights[0] - start()) == 0


# -- Whatever the data do -----------------------------------------------------


def test_the_ten_digits_are_those_of_the_formula_in_every_row(page):
    table = rows_after(page.printed, SHARES)[:6]

    shares = [re.search(r"\d\.\d{10}", " ".join(row))[0] for row in table]
    assert shares == [f"{math.exp(400 * math.log(0.991)):.10f}"] * 6


@pytest.mark.parametrize("lambd", LAMBDAS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_null_space_knows_nothing_but_the_decay(lambd, seed):
    exact = synthetic_data(seed=seed, dtype=torch.float64)
    noisy = synthetic_data(seed=seed, dtype=torch.float64, noise_std=10)
    w_init = start(seed)
    runs = [
        scratch.train(exact, lambd, seed=seed + 1, w_init=w_init),
        scratch.train(exact, lambd, batch_size=1, epochs=20, w_init=w_init),
        scratch.train(noisy, lambd, w_init=w_init),
        concise.train(exact, lambd, w_init=w_init),
    ]

    expected = (1 - LR * lambd) ** STEPS * split(exact.X_train, w_init)[1]
    for run in runs:
        unseen = split(exact.X_train, run.w)[1]
        assert norm(unseen - expected) < 1e-10 * norm(expected)


@pytest.mark.parametrize(
    "loss", [torch.nn.L1Loss(), torch.nn.SoftMarginLoss()], ids=["absolute", "logistic"]
)
def test_it_holds_for_other_losses_of_a_linear_model(exact, loss):
    w = start().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=LR, weight_decay=3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss(exact.X_train @ w, exact.y_train.sign()).backward()
        optimizer.step()

    expected = 0.991**STEPS * split(exact.X_train, start())[1]
    unseen = split(exact.X_train, w.detach())[1]
    assert norm(unseen - expected) < 1e-10 * norm(expected)


def test_the_row_space_holds_what_the_data_wrote(page, exact):
    lengths = [row[-1] for row in rows_after(page.printed, SHARES)[1:6]]

    noisy = synthetic_data(seed=0, dtype=torch.float64, noise_std=10)
    runs = [
        scratch.train(exact, 3, seed=1, w_init=start()),
        scratch.train(exact, 3, w_init=start(), batch_size=1, epochs=20),
        scratch.train(exact, 3, w_init=start(), batch_size=20, epochs=400),
        scratch.train(noisy, 3, w_init=start()),
        concise.train(exact, 3, w_init=start()),
    ]
    for length, run in zip(lengths, runs, strict=True):
        assert agrees(length, norm(split(exact.X_train, run.w)[0]))


# -- What the test loss is made of --------------------------------------------


@pytest.fixture(scope="module")
def causes():
    """The five errors of each run on each test example, run by run, by the formula."""
    problems = [synthetic_data(seed=seed) for seed in range(200)]
    X, X_test, y_test = (
        torch.stack([getattr(problem, name) for problem in problems]).double()
        for name in ("X_train", "X_test", "y_test")
    )
    w_true = problems[0].w_true.double()
    row_space = torch.linalg.pinv(X) @ X
    causes = {}
    for name in ("scratch", "concise"):
        # The other form of the sweep: weights, not examples.
        result = sweep(problems, LAMBDAS, implementation=name, form="weights")
        for i, lambd in enumerate(LAMBDAS):
            w = torch.stack([result.weight(i, j) for j in range(200)]).double()
            unseen, unseen_true = w - row_space @ w, w_true - row_space @ w_true
            errors = [
                X_test @ unseen,
                -X_test @ unseen_true,
                X_test @ (row_space @ (w - w_true)),
                (result.b[i].double() - 0.05)[:, None, None].expand(-1, 100, 1),
                X_test @ w_true + 0.05 - y_test,
            ]
            causes[f"{name} λ = {lambd}"] = torch.cat(errors, dim=2)  # (200, 100, 5)
    return causes


def test_the_parts_are_means_of_half_squares_and_add_up(page, causes):
    table = rows_after(page.printed, PARTS)[3:9]

    for row, name in zip(table, RUNS, strict=True):
        assert f"{row[0]} λ = {row[1]}" == name
        errors = causes[name]
        parts = (errors**2 / 2).mean((0, 1))
        loss = float((errors.sum(2) ** 2 / 2).mean())
        for shown, part in zip(row[2:6], parts.tolist()[:4], strict=True):
            assert float(shown) == pytest.approx(part, rel=0.06)  # two digits
        cross = loss - float(parts.sum())
        # "below half a per cent of each loss"
        found = page.names["parts"][name]
        assert float(found[5]) == pytest.approx(cross, rel=0.1, abs=1e-5)
        assert abs(cross) < 0.005 * loss
        assert float(found[4]) == pytest.approx(float(parts[4]), rel=0.001)
        assert page.names["test_loss"][name] == pytest.approx(loss, rel=1e-4)
        assert float(page.names["parts"][name].sum()) == pytest.approx(loss, rel=1e-4)


def test_three_of_the_five_parts_were_predicted(page, causes):
    predicted = rows_after(page.printed, PARTS)[:3]

    for row, lambd in zip(predicted, LAMBDAS, strict=True):
        start_left, unseen = map(float, row[2:])
        noise, in_runs = re.findall(r"(?:predicted|runs) (\S+e-05)", page.printed)
        assert noise == in_runs
        noise = float(noise)
        assert int(row[1]) == lambd
        for name in (f"scratch λ = {lambd}", f"concise λ = {lambd}"):
            parts = (causes[name] ** 2 / 2).mean((0, 1)).tolist()
            # A mean over 200 squared lengths of 180 numbers and 20 000 examples.
            assert start_left == pytest.approx(parts[0], rel=0.05)
            assert unseen == pytest.approx(parts[1], rel=0.05)
            assert noise == pytest.approx(parts[4], rel=0.05)


@pytest.mark.parametrize("lambd", LAMBDAS)
def test_hardly_any_of_the_fit_is_noise_that_was_learned(page, causes, lambd):
    row = rows_after(page.printed, FITS)[LAMBDAS.index(lambd)]
    quiet = [synthetic_data(noise_std=0, seed=seed) for seed in range(200)]
    result = sweep(quiet, [lambd], form="weights")
    fits = []
    for j, problem in enumerate(quiet):
        X, gap = problem.X_train.double(), (result.weight(0, j) - problem.w_true)
        seen = split(X, gap.double())[0]
        fits.append(float((problem.X_test.double() @ seen).square().mean()) / 2)
    without = sum(fits) / 200
    with_noise = float((causes[f"scratch λ = {lambd}"][..., 2] ** 2 / 2).mean())

    assert row[0] == str(lambd)
    assert float(row[1]) == pytest.approx(with_noise, rel=0.01)
    assert float(row[2]) == pytest.approx(without, rel=0.01)
    # "hardly changes"
    assert abs(with_noise - without) < SIGMA**2 / 2
    assert with_noise == pytest.approx(without, rel=0.02)


def test_what_the_page_says_about_the_shares(causes):
    shares = {}
    for name, errors in causes.items():
        parts = (errors**2 / 2).mean((0, 1))
        start_left, unseen, fit, bias, noise = (parts / parts.sum()).tolist()
        shares[name] = {"start": start_left, "unseen": unseen, "bias": bias}
        assert noise < 0.01
        assert fit < 0.07

    largest = [max(share, key=share.get) for share in shares.values()]
    assert largest == ["start", "start", "unseen", "start", "bias", "bias"]
    assert shares["scratch λ = 0"]["start"] > 0.99
    assert shares["concise λ = 0"]["start"] > 0.99
    # "nearly two thirds" and "one third"
    assert shares["scratch λ = 10"]["unseen"] == pytest.approx(0.64, abs=0.03)
    assert shares["scratch λ = 10"]["bias"] == pytest.approx(1 / 3, abs=0.03)
    assert shares["scratch λ = 10"]["start"] < 1e-6


def test_the_bars_are_the_parts_and_can_be_told_apart_without_colour(page):
    (ax,) = page.figures[1].axes
    order = ["start", "bias", "unseen", "fit", "noise"]
    fields = ["start", "unseen", "fit", "bias", "noise", "cross"]

    assert [label.get_text() for label in ax.get_yticklabels()] == RUNS
    assert [bars.get_label() for bars in ax.containers[:5]] == order
    for line, name in enumerate(RUNS):
        parts = dict(zip(fields, page.names["parts"][name].tolist(), strict=True))
        drawn = [ax.containers[5 * line + k][0] for k in range(5)]
        for part, bar in zip(order, drawn, strict=True):
            assert bar.get_width() == pytest.approx(parts[part] / sum(parts.values()))
            assert bar.get_y() + bar.get_height() / 2 == pytest.approx(line)
        # The rest is not drawn, because nobody could see it.
        assert drawn[-1].get_x() + drawn[-1].get_width() == pytest.approx(1, abs=0.005)
        # Of two neighbours one is hatched; the last two differ in lightness.
        hatched = [bool(bar.get_hatch()) for bar in drawn]
        assert hatched == [True, False, True, False, False]
    written = [text.get_text() for text in ax.texts]
    losses = [f"{page.names['test_loss'][name]:.2g}" for name in RUNS]
    assert written == [*losses, "loss"]
