"""Adam is different: every number again by torch.optim, autograd and scikit-learn."""

import math

import pytest
import torch
from reading import NUMBER, agrees
from sklearn.linear_model import Ridge

from weight_decay import scratch, synthetic_data
from weight_decay.data import minibatches
from weight_decay.optimizers import Adam

DOUBLE = torch.float64
RATES = (0.003, 0.01, 0.03)
GRID = [10 ** (-1.5 + 3 * i / 9) for i in range(10)]


@pytest.fixture(scope="module")
def page(gallery):
    return gallery["plot_10_adam"]


@pytest.fixture(scope="module")
def problem():
    return synthetic_data(dtype=DOUBLE)


def rows_below(page, heading, number):
    """The lines of a table, under the rule below its heading."""
    lines = page.printed.splitlines()
    first = [line.split() for line in lines].index(heading.split()) + 2
    return lines[first : first + number]


def match(shown, fresh):
    """Whether these numbers are shown, and no others."""
    return len(shown) == len(fresh) and all(map(agrees, shown, fresh))


def draw_start(seed=0):
    generator = torch.Generator().manual_seed(seed)
    w = torch.normal(0.0, 1.0, (200, 1), generator=generator)  # in float32, then cast
    return w.to(DOUBLE), generator


def by_torch(
    problem,
    maker,
    lambd,
    lr=0.003,
    epochs=100,
    batch_size=5,
    scale=1,
    **more,
):
    """The weight before and after all steps, by autograd and torch.optim."""
    start, generator = draw_start()
    w = start.clone().requires_grad_()
    b = torch.zeros(1, dtype=DOUBLE, requires_grad=True)
    groups = [
        {"params": [w], "weight_decay": lambd},
        {"params": [b], "weight_decay": 0},
    ]
    optimizer = maker(groups, lr=lr, **more)
    path = [start]
    for _ in range(epochs):
        data = problem.X_train, problem.y_train
        for X, y in minibatches(*data, batch_size, generator):
            optimizer.zero_grad()
            (scale * ((X @ w + b - y) ** 2).mean() / 2).backward()
            optimizer.step()
            path.append(w.detach().clone())
    return torch.stack(path), b.detach()


@pytest.fixture(scope="module")
def paths(problem):
    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    runs = {
        "sgd 3": by_torch(problem, sgd, 3),
        "sgd 0": by_torch(problem, sgd, 0),
        "adam 0": by_torch(problem, adam, 0, eps=0),
        "adam 3": by_torch(problem, adam, 3, eps=0),
        "adam 100": by_torch(problem, adam, 100, eps=0),
        "adam 3 × 1024": by_torch(problem, adam, 3, eps=0, scale=1024),
        "adam 3072 × 1024": by_torch(problem, adam, 3072, eps=0, scale=1024),
        "adamw 3": by_torch(problem, adamw, 3, eps=0),
        "adamw 3 × 1024": by_torch(problem, adamw, 3, eps=0, scale=1024),
    }
    return {name: path for name, (path, _) in runs.items()}


def unseen(problem, w):
    X = problem.X_train
    return w - torch.linalg.pinv(X) @ (X @ w)


def alone(maker, lambd, start, lr, steps, **more):
    w = start.clone().requires_grad_()
    optimizer = maker([w], lr=lr, weight_decay=lambd, **more)
    for _ in range(steps):
        w.grad = torch.zeros_like(w)
        optimizer.step()
    return w.detach()


# -- No data ------------------------------------------------------------------


def test_three_weights_end_where_torch_says(page):
    start = torch.tensor([1.0, 2.0, 3.0], dtype=DOUBLE)

    for row, lambd in zip(
        rows_below(page, "λ L2 AdamW", 3), (0.01, 1, 100), strict=True
    ):
        l2 = alone(torch.optim.Adam, lambd, start, 0.01, 300)
        adamw = alone(torch.optim.AdamW, lambd, start, 0.01, 300)
        assert adamw.tolist() == pytest.approx(
            ((1 - 0.01 * lambd) ** 300 * start).tolist(), rel=1e-10
        )
        fresh = [lambd, *l2.tolist(), *adamw.tolist()]
        assert match(NUMBER.findall(row), fresh)


def test_the_first_step_is_eta_and_all_lambda_take_one_path(page):
    l2 = page.names["through"]

    for lambd, path in l2.items():
        step = path[1] - path[0]
        assert step.tolist() == pytest.approx([-0.01] * 3, rel=1e-5)
        assert torch.allclose(path, l2[1], rtol=0, atol=2e-6 / lambd)
    # The path leaves the straight line upwards: later steps are shorter.
    lengths = l2[1].diff(dim=0).abs()
    assert (lengths.diff(dim=0)[:150] < 1e-9).all()


def test_without_the_longer_memory_of_v_the_line_is_straight():
    w = torch.tensor([3.0], dtype=DOUBLE)

    end = alone(torch.optim.Adam, 1, w, 0.01, 250, betas=(0.0, 0.0))

    assert float(end) == pytest.approx(0.5)


def test_epsilon_is_the_limit_of_it():
    start = torch.tensor([1.0, 2.0, 3.0], dtype=DOUBLE)

    tiny = alone(torch.optim.Adam, 1e-9, start, 0.01, 300)

    assert (
        (start - tiny) < 0.5 * (start - alone(torch.optim.Adam, 1, start, 0.01, 300))
    ).all()


# -- Another unit -------------------------------------------------------------


def test_the_table_of_the_units_is_that_of_torch(page, paths):
    names = ("adamw 3", "adamw 3 × 1024", "adam 3", "adam 3 × 1024", "adam 3072 × 1024")

    for row, name in zip(rows_below(page, "λ loss × ‖w‖₂", 5), names, strict=True):
        method, lambd, *factor = name.split()
        beginning = {"adamw": "AdamW", "adam": "Adam + L2"}[method]
        assert row.startswith(beginning)
        shown = row.removeprefix(beginning).split()
        assert shown[:2] == [lambd, factor[-1] if factor else "1"]
        assert agrees(shown[2], float(paths[name][-1].norm()))


def test_the_loop_with_sgd_is_that_of_scratch(page, problem):
    by_hand = scratch.train(problem, lambd=3)

    ours = page.names["sgd"][-1, :, 1:]
    assert torch.allclose(ours, by_hand.w, rtol=0, atol=1e-12)


def test_a_unit_means_nothing_to_adamw_and_much_to_adam_with_l2(paths):
    same = {"rtol": 1e-9, "atol": 1e-12}

    assert torch.allclose(paths["adamw 3"], paths["adamw 3 × 1024"], **same)
    assert torch.allclose(paths["adam 3"], paths["adam 3072 × 1024"], **same)
    scaled = float(paths["adam 3 × 1024"][-1].norm())
    assert scaled > 1.5 * float(paths["adam 3"][-1].norm())


# -- The unseen directions ----------------------------------------------------


def test_the_unseen_part_is_as_predicted_and_as_torch_says(page, problem, paths):
    start, _ = draw_start()
    free = alone(torch.optim.Adam, 1, start, 0.003, 400, eps=0)
    decay = float(unseen(problem, start).norm()) * 0.991**400
    runs = [paths[name][-1] for name in ("sgd 3", "adamw 3", "adam 100", "adam 3")]
    sgd, adamw, l2_100, l2_3 = (float(unseen(problem, w).norm()) for w in runs)
    limit = float(unseen(problem, free).norm())

    fresh = [decay, sgd, adamw, limit, l2_100, l2_3]
    for row, value in zip(rows_below(page, "null part", 6), fresh, strict=True):
        assert agrees(row.split()[-1], value)
    assert sgd == pytest.approx(decay, rel=1e-10)
    assert adamw == pytest.approx(decay, rel=0.01)
    assert l2_100 == pytest.approx(limit, rel=0.01)
    assert limit < l2_100 < l2_3


def test_without_decay_adam_moves_what_sgd_leaves_alone(page, problem, paths):
    rows = rows_below(page, "λ = 0 moved in null space", 2)
    for row, name in zip(rows, ("sgd 0", "adam 0"), strict=True):
        moved = paths[name][-1] - paths[name][0]
        hidden = float(unseen(problem, moved).norm())
        shown = NUMBER.findall(row)
        assert match(shown, [float(moved.norm()), hidden])
        assert hidden < 1e-12 if name == "sgd 0" else hidden > 0.5


# -- The fair test ------------------------------------------------------------


@pytest.fixture(scope="module")
def grids():
    """Test losses (method, η, data set, λ) of six data sets, all side by side."""
    problems = [synthetic_data(seed=seed, dtype=DOUBLE) for seed in range(6)]
    draws = [draw_start(seed) for seed in range(6)]
    batches = []
    for _ in range(100):
        epoch = [
            minibatches(problem.X_train, problem.y_train, 5, generator)
            for problem, (_, generator) in zip(problems, draws, strict=True)
        ]
        batches += [
            [torch.stack(parts) for parts in zip(*step, strict=True)]
            for step in zip(*epoch, strict=True)
        ]
    X_test = torch.stack([problem.X_test for problem in problems])
    y_test = torch.stack([problem.y_test for problem in problems])
    lambdas = torch.tensor(GRID, dtype=DOUBLE)
    losses = torch.empty(2, len(RATES), 6, len(GRID), dtype=DOUBLE)
    for i, penalty in enumerate((lambdas, 0 * lambdas)):
        for j, lr in enumerate(RATES):
            w = torch.stack([start for start, _ in draws]).expand(6, 200, len(GRID))
            b = torch.zeros(6, 1, len(GRID), dtype=DOUBLE)
            w_adam, b_adam = Adam(lr), Adam(lr)
            for X, y in batches:
                r = (X @ w + b - y) / 5
                g = X.mT @ r + penalty * w
                w = w_adam.step((1 - lr * (lambdas - penalty)) * w, g)
                b = b_adam.step(b, r.sum(1, keepdim=True))
            losses[i, j] = ((X_test @ w + b - y_test) ** 2 / 2).mean(1)
    rivals = [float(((p.y_test - p.y_train.mean()) ** 2 / 2).mean()) for p in problems]
    return losses, rivals


def test_the_grid_is_the_grid(page, grids):
    losses, rivals = grids

    for i, method in enumerate(("Adam + L2", "AdamW")):
        shown = torch.tensor(page.names["losses"][method], dtype=DOUBLE)
        assert torch.allclose(shown, losses[i, :, 0], rtol=1e-6)
        for j, row in enumerate(
            rows_below(page, "η best λ test loss", 6)[3 * i : 3 * i + 3]
        ):
            best, k = losses[i, j, 0].min(0)
            fresh = [RATES[j], GRID[int(k)], float(best)]
            assert row.startswith(method)
            assert match(row.removeprefix(method).split(), fresh)
    assert losses[:, :, 0].amin(2).argmin(1).tolist() == [2, 2]  # both at the edge
    (rival,) = [
        row for row in page.printed.splitlines() if row.startswith("mean of targets")
    ]
    assert agrees(rival.split()[-1], rivals[0])


@pytest.mark.parametrize(("j", "k"), [(0, 6), (2, 4)])
def test_a_column_of_the_grid_is_a_run_of_torch(page, problem, j, k):
    for method, maker in (
        ("Adam + L2", torch.optim.Adam),
        ("AdamW", torch.optim.AdamW),
    ):
        path, b = by_torch(problem, maker, GRID[k], lr=RATES[j])
        error = problem.X_test @ path[-1] + b - problem.y_test
        loss = float((error**2 / 2).mean())
        assert page.names["losses"][method][j][k] == pytest.approx(loss, rel=1e-6)


def test_on_six_data_sets_both_have_a_cell_that_is_near_a_constant(grids):
    losses, rivals = grids

    for seed, rival in enumerate(rivals):
        l2, adamw = (float(losses[i, :, seed].min()) for i in (0, 1))
        assert 0.8 < l2 / adamw < 1.25
        assert 0.8 < l2 / rival < 1.1
        assert 0.8 < adamw / rival < 1.1
    best = losses[:, :, 0].amin(2)
    assert (best[1] / rivals[0] > 0.8).all()  # all floors of the page
    assert (best[0, :2] > 30 * rivals[0]).all()  # L2 needs the largest η


def test_the_lines_of_adamw_reach_the_floor_at_one_product_of_eta_and_lambda(grids):
    losses, rivals = grids

    # log₁₀ of the λ at which a line crosses twice the loss of a constant.
    for seed, rival in enumerate(rivals):
        products = []
        for lr, row in zip(RATES, losses[1, :, seed], strict=True):
            k = int((row < 2 * rival).int().argmax())
            above, below = row[k - 1].log(), row[k].log()
            part = (above - math.log(2 * rival)) / (above - below)
            products.append(lr * 10 ** ((k - 1 + float(part)) / 3 - 1.5))
        assert max(products) < 2 * min(products)  # and η has grown tenfold


def test_a_longer_memory_of_v_would_not_forget_in_time(page):
    scale = torch.tensor([[10.0], [1.0], [0.1]], dtype=DOUBLE)
    lambdas = 10 ** torch.linspace(-2.75, 1.25, 9, dtype=DOUBLE)
    gaps = []
    for beta in (0.99, 0.999):
        adam, w = Adam(0.1, betas=(0.9, beta)), 0 * scale * lambdas
        for step in range(1500):
            adam.lr = 0.1 * (1 - step / 1500)
            g = scale**2 * (w - 1 / scale)
            w = adam.step((1 - adam.lr * lambdas) * w, g)
        gaps.append(float((w * scale - (scale / lambdas).clamp(max=1)).abs().max()))

    assert gaps[0] < 0.005
    assert gaps[1] > 0.05


def test_with_l2_the_lines_turn_flat_and_with_adamw_they_all_reach_the_floor(grids):
    losses, rivals = grids

    l2, adamw = losses
    # Twice the λ changes the loss by little, three times the η by far more.
    assert ((l2[:2, :, -1] / l2[:2, :, -2]).log().abs() < 0.2).all()
    assert (l2[:2, :, -1] > 4 * l2[1:, :, -1]).all()
    assert (l2[0, :, -1] > 5).all()
    assert (adamw[:, :, -1] < 1.3 * torch.tensor(rivals)).all()


def test_the_predictions_of_the_grid_hold(page, grids):
    # 90 is an expectation; one start and 100 examples scatter by 18 %.
    losses, _ = grids
    start, _ = draw_start()

    for j, lr in enumerate(RATES):
        for k, lambd in enumerate(GRID):
            decay = 90 * (1 - lr * lambd) ** 800
            if decay > 0.2:
                assert float(losses[1, j, 0, k]) == pytest.approx(decay, rel=0.18)
        free = alone(torch.optim.Adam, 1, start, lr, 400)
        level = float(free.norm()) ** 2 / 2
        if level > 0.2:
            assert float(losses[0, j, 0, -1]) == pytest.approx(level, rel=0.18)


# -- Where they end -----------------------------------------------------------


@pytest.fixture(scope="module")
def ends(problem):
    options = {"lr": 0.01, "epochs": 1800, "batch_size": 20, "eps": 0}
    return [
        by_torch(problem, maker, 3, **options)
        for maker in (torch.optim.Adam, torch.optim.AdamW)
    ]


@pytest.fixture(scope="module")
def ridge(problem):
    model = Ridge(alpha=20 * 3).fit(problem.X_train, problem.y_train[:, 0])
    b = torch.tensor([float(model.intercept_)], dtype=DOUBLE)
    return torch.from_numpy(model.coef_).reshape(200, 1), b


def train_loss(problem, w, b):
    return float(((problem.X_train @ w + b - problem.y_train) ** 2).mean()) / 2


def loss_on_test(problem, w, b):
    return float(((problem.X_test @ w + b - problem.y_test) ** 2).mean()) / 2


def test_the_table_of_the_ends(page, problem, ends, ridge):
    rows = rows_below(page, "100 400 1800 train test max", 4)
    w_ridge, b_ridge = ridge
    paths = [(path[[100, 400, 1800]], b) for path, b in ends]
    paths += [([w_ridge] * 3, b_ridge)]
    paths += [([0 * w_ridge] * 3, problem.y_train.mean())]

    names = ("Adam + L2", "AdamW", "ridge", "targets")
    for row, (path, b), name in zip(rows, paths, names, strict=True):
        gaps = [float((w - w_ridge).norm()) for w in path]
        losses = [loss(problem, path[-1], b) for loss in (train_loss, loss_on_test)]
        fresh = [*gaps, *losses, float(path[-1].abs().max())]
        assert match(row.removeprefix(name).split(), fresh)


def test_the_box_is_far_and_the_test_losses_of_the_ends_are_near(problem, ends):
    (l2, l2_b), (adamw, adamw_b) = ((path[-1], b) for path, b in ends)

    assert max(float(w.abs().max()) for w in (l2, adamw)) < 0.1 * (1 / 3)
    ratio = loss_on_test(problem, adamw, adamw_b) / loss_on_test(problem, l2, l2_b)
    assert 1.05 < ratio < 1.15  # a tenth


def test_adam_with_l2_ends_at_ridge_and_adamw_farther_from_it_than_zero(
    problem, ends, ridge
):
    (l2, _), (adamw, b) = ends
    w_ridge, length = ridge[0], float(ridge[0].norm())

    assert float((l2[-1] - w_ridge).norm()) < 1e-3 * length
    assert float((l2[400] - w_ridge).norm()) > 10 * length  # late
    assert float((adamw[-1] - w_ridge).norm()) > length
    assert train_loss(problem, adamw[-1], b) < 0.01 * train_loss(problem, *ridge)
    assert float(adamw[-1].abs().max()) < 0.1
    assert float(w_ridge.abs().max()) < 0.1


def test_three_features_end_at_ridge_and_in_the_box(page):
    lambdas = [10 ** (-2.75 + i / 2) for i in range(9)]
    scales = (10, 1, 0.1)
    printed = [
        line for line in page.printed.splitlines() if "from the prediction" in line
    ]

    ridge = [[s * s / (s * s + la) for la in lambdas] for s in scales]
    # The nearest point of [-1/λ, 1/λ] to 1/s, over 1/s.
    box = [[s * min(1 / s, 1 / la) for la in lambdas] for s in scales]
    for line, (method, kept), share in zip(
        printed, page.names["kept"].items(), (ridge, box), strict=True
    ):
        gap = float((kept - torch.tensor(share, dtype=DOUBLE)).abs().max())
        assert line.startswith(method)
        assert agrees(line.split()[-1], gap)
        assert gap < 0.005


def test_the_pictures_show_the_runs(page, grids):
    losses, _ = grids

    alone_, grid, ends_ = page.figures
    assert [len(figure.axes) for figure in page.figures] == [2, 2, 2]
    # Three weights with three λ, and what is predicted of them.
    assert [len(ax.get_lines()) for ax in alone_.axes] == [3 + 9, 6 + 9]
    start, _ = draw_start()
    lengths = [float(alone(torch.optim.Adam, 1, start, lr, 400).norm()) for lr in RATES]
    levels = [[length**2 / 2] * len(GRID) for length in lengths]
    decays = [[90 * (1 - lr * lambd) ** 800 for lambd in GRID] for lr in RATES]
    for ax, predicted in zip(grid.axes, (levels, decays), strict=True):
        shown = [line for line in ax.get_lines() if line.get_color() == "#aaaaaa"]
        for line, fresh in zip(shown, predicted, strict=True):
            assert list(line.get_ydata()) == pytest.approx(fresh, rel=1e-5)
    for i, ax in enumerate(grid.axes):
        drawn = [line.get_ydata() for line in ax.get_lines()]
        runs = [
            y
            for y, line in zip(drawn, ax.get_lines(), strict=True)
            if line.get_color() == "k"
        ]
        assert len(runs) == len(RATES)
        for j, curve in enumerate(runs):
            assert list(curve) == pytest.approx(losses[i, j, 0].tolist(), rel=1e-6)
    for ax, kept in zip(ends_.axes, page.names["kept"].values(), strict=True):
        points = [line for line in ax.get_lines() if len(line.get_xdata()) == 9]
        for line, row in zip(points, kept, strict=True):
            assert list(line.get_ydata()) == pytest.approx(row.tolist())
