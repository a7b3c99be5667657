"""The numbers and the claims of the page on the memory of a run."""

import math

import pytest
import torch
from reading import agrees, numbers_of, table
from torch import nn

from weight_decay import scratch, synthetic_data

NAMES = ("constant", "warmdown", "linear", "cosine")


@pytest.fixture(scope="module")
def page(pages):
    return pages["chapter/memory.html"]


def memories(page):
    return table(page, "λ  τ, steps  epochs  half-life  run / τ  left of the start", 3)


def dangers(page):
    header = "η  λ  τ, epochs  left of the start  spread"
    header += "  test loss, random start  test loss, from zero"
    return table(page, header, 5)


def conversions(page):
    header = "n  B  η  λ  τ, epochs  left, predicted  measured  train loss"
    return table(page, header, 8)


def schedules(page):
    header = "η = 0.003 at most, λ = 3  sum of η  left, predicted  measured"
    return table(page, header, 4)


def left_in_null_space(X, w, w_init):
    null = torch.eye(X.shape[1], dtype=X.dtype) - torch.linalg.pinv(X) @ X
    return float((null @ w).norm() / (null @ w_init).norm())


def rate(name, t):
    """The learning rate of a schedule at step t of 400, over the first one."""
    return {
        "constant": 1,
        "warmdown": 1 if t < 320 else (400 - t) / 80,
        "linear": (400 - t) / 400,
        "cosine": math.cos(math.pi * t / 800) ** 2,
    }[name]


def trained_by_torch(problem, name, lr, lambd, generator, w):
    """The same training by torch.optim and its scheduler."""
    net = nn.Linear(200, 1, dtype=torch.float64)
    net.weight.data, net.bias.data = w.T.clone(), torch.zeros(1, dtype=w.dtype)
    groups = [
        {"params": [net.weight], "weight_decay": lambd},
        {"params": [net.bias], "weight_decay": 0},
    ]
    sgd = torch.optim.SGD(groups, lr=lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(sgd, lambda t: rate(name, t))
    for _ in range(100):
        for batch in torch.randperm(20, generator=generator).split(5):
            error = net(problem.X_train[batch]) - problem.y_train[batch]
            sgd.zero_grad()
            (error.square().mean() / 2).backward()
            sgd.step()
            schedule.step()
    return net.weight.data.T


# -- A moving average ---------------------------------------------------------


def test_the_page_finds_no_difference(page):
    difference = numbers_of(page.printed[0])

    assert page.printed[0].startswith("largest difference: ")
    assert difference[0] < 1e-12


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lambd", [0.5, 30])
def test_the_weights_of_adamw_in_torch_are_that_average_too(seed, lambd):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randn(7, dtype=torch.float64, generator=generator)
    w = torch.randn(7, dtype=torch.float64, generator=generator).requires_grad_()
    tau, average = 1 / (0.01 * lambd), w.detach().clone()
    adamw = torch.optim.AdamW([w], lr=0.01, weight_decay=lambd)
    for t in range(1, 101):
        noise = torch.randn(7, dtype=torch.float64, generator=generator)
        adamw.zero_grad()
        ((w - target) ** 4 + noise * w).sum().backward()
        adamw.step()
        state = adamw.state[w]
        m_hat = state["exp_avg"] / (1 - 0.9**t)
        v_hat = state["exp_avg_sq"] / (1 - 0.999**t)
        average += (-m_hat / (v_hat.sqrt() + 1e-8) / lambd - average) / tau

    assert torch.allclose(w, average, rtol=0, atol=1e-12)


def test_the_table_of_memories_is_that_of_the_formulas(page):
    rows = memories(page)

    assert [int(row[0]) for row in rows] == [1, 3, 10]
    for lambd, steps, epochs, half_life, runs, left in rows:
        share, halved_after, kept = 1.0, None, 1 - 0.003 * int(lambd)
        for step in range(1, 401):
            share *= kept
            if halved_after is None and share <= 0.5:
                halved_after = step
        assert agrees(steps, 1 / (0.003 * int(lambd)))
        assert agrees(epochs, 20 / 80 / (0.003 * int(lambd)))
        assert abs(float(half_life) - halved_after) <= 1
        assert agrees(half_life, math.log(0.5) / math.log(kept))
        assert agrees(runs, 1.2 * int(lambd))
        assert agrees(left, share)


def test_the_number_in_the_prose(page, exact):
    (mean,) = page.glued

    error = exact.y_test - exact.y_train.mean()
    assert agrees(mean, float(error.square().mean()) / 2)


# -- Too long, too short ------------------------------------------------------


@pytest.mark.parametrize("row", [2, 4])
def test_a_row_of_the_dangers_is_that_of_plain_runs(page, exact, row):
    eta, lambd, epochs, left, spread, random_start, from_zero = dangers(page)[row]
    assert [eta, lambd] == {2: ["0.01", "3"], 4: ["0.003", "30"]}[row]
    zero = torch.zeros(200, 1, dtype=torch.float64)
    runs = {
        start: [
            scratch.train(exact, float(lambd), float(eta), seed=seed, w_init=w)
            for seed in range(8)
        ]
        for start, w in (("random", None), ("zero", zero))
    }
    W = torch.cat([run.w for run in runs["zero"]], dim=1)
    deviations = W - W.mean(dim=1, keepdim=True)
    of_mean = float(W.mean(dim=1).norm())

    eta_lambda = float(eta) * float(lambd)
    assert agrees(epochs, 5 / (eta_lambda * 20))
    assert agrees(left, (1 - eta_lambda) ** 400)
    rms = math.sqrt(float((deviations**2).sum()) / 8)
    assert agrees(spread.removesuffix("%"), 100 * rms / of_mean)
    for shown, start in ((random_start, "random"), (from_zero, "zero")):
        losses = [run.test_loss[-1] for run in runs[start]]
        assert agrees(shown, sum(losses) / 8)


def test_a_long_memory_costs_and_a_short_one_only_shakes(page):
    rows = [[float(cell.removesuffix("%")) for cell in row] for row in dangers(page)]
    *rows, last = rows
    _, _, epochs, _, spread, random_start, from_zero = zip(*rows, strict=True)

    assert epochs[0] > 100 > epochs[1]  # longer, and shorter than the run
    for eta, lambd, _, share, *_ in rows:
        assert share == pytest.approx((1 - lambd * eta) ** 400, rel=0.02)
    assert spread == tuple(sorted(spread))
    assert spread[-1] > 100 * spread[0]
    assert random_start[0] > 1000 * random_start[-1]
    assert max(from_zero[1:]) < from_zero[0]
    # Equal memories, unequal spreads.
    assert last[2] == epochs[-1]
    assert last[4] < spread[-1] / 2


# -- Conversions --------------------------------------------------------------


def test_the_table_of_conversions_is_that_of_fresh_runs(page):
    for n, B, eta, lambd, epochs, predicted, measured, loss in conversions(page):
        eta_lambda, steps = float(eta) * float(lambd), 100 * int(n) // int(B)
        data = synthetic_data(n_train=int(n), dtype=torch.float64)
        run = scratch.train(data, float(lambd), float(eta), batch_size=int(B))
        left = left_in_null_space(data.X_train, run.w, run.w_init)
        assert agrees(epochs, 100 / (eta_lambda * steps))
        assert agrees(predicted, math.prod([1 - eta_lambda] * steps))
        assert agrees(measured, left)
        assert agrees(loss, run.train_loss[-1])


def test_equal_memories_leave_nearly_equal_shares(page):
    rows = conversions(page)
    shares = {row[4]: [float(r[6]) for r in rows if r[4] == row[4]] for row in rows}

    assert {memory: len(equal) for memory, equal in shares.items()} == {
        "27.8": 6,
        "55.6": 1,
        "13.9": 1,
    }
    assert shares["27.8"] == pytest.approx([math.exp(-3.6)] * 6, rel=0.04)


@pytest.mark.parametrize("seed", range(3))
def test_the_larger_batch_keeps_the_objective_if_eta_doubles_but_not_if_lambda(seed):
    data = synthetic_data(seed=seed, dtype=torch.float64)

    def loss(lambd, lr, batch_size):
        run = scratch.train(data, lambd, lr, batch_size=batch_size, seed=seed)
        return run.train_loss[-1]

    assert loss(3, 0.006, 10) == pytest.approx(loss(3, 0.003, 5), rel=0.1)
    assert loss(6, 0.003, 10) > 1.5 * loss(3, 0.003, 5)


@pytest.mark.parametrize("seed", range(3))
def test_with_twice_the_data_half_the_eta_keeps_the_objective(seed):
    data = synthetic_data(n_train=40, seed=seed, dtype=torch.float64)

    halved_lambda, halved_eta, same_lambda = (
        scratch.train(data, lambd, lr, epochs=epochs, seed=seed).train_loss[-1]
        for lambd, lr, epochs in ((1.5, 0.003, 600), (3, 0.0015, 600), (3, 0.003, 300))
    )
    assert halved_eta == pytest.approx(same_lambda, rel=0.05)
    assert halved_lambda < 0.7 * same_lambda


# -- Schedules ----------------------------------------------------------------


def test_the_shares_under_a_schedule_are_those_of_torch(page, exact):
    rows = schedules(page)

    assert tuple(row[0] for row in rows) == NAMES
    for name, total, predicted, measured in rows:
        etas = [0.003 * rate(name, t) for t in range(400)]
        generator = torch.Generator().manual_seed(0)
        start = scratch.init_params(200, generator, dtype=torch.float64)[0].detach()
        w = trained_by_torch(exact, name, 0.003, 3, generator, start)
        assert agrees(total, sum(etas))
        assert agrees(predicted, math.prod(1 - 3 * eta for eta in etas))
        assert agrees(measured, left_in_null_space(exact.X_train, w, start))


def test_a_cosine_leaves_about_the_root(page):
    rows = schedules(page)
    left = {row[0]: float(row[3]) for row in rows}

    assert left["cosine"] == pytest.approx(left["constant"] ** 0.5, rel=0.01)
    twice_lambda = math.prod(1 - 0.018 * rate("cosine", t) for t in range(400))
    assert twice_lambda == pytest.approx(left["constant"], rel=0.05)


def spread_of(W):
    return float(W.var(dim=1, correction=0).sum().sqrt() / W.mean(dim=1).norm())


def test_the_end_of_a_run_is_steadier_under_a_schedule(page, exact):
    rows = table(page, "schedule  spread", 4)
    zero = torch.zeros(200, 1, dtype=torch.float64)

    assert tuple(row[0] for row in rows) == NAMES
    for name, spread in rows:
        finals = [
            trained_by_torch(
                exact, name, 0.03, 3, torch.Generator().manual_seed(seed), zero
            )
            for seed in range(4)
        ]
        assert agrees(spread.removesuffix("%"), 100 * spread_of(torch.cat(finals, 1)))
    spreads = [float(spread.removesuffix("%")) for _, spread in rows]
    assert spreads == sorted(spreads, reverse=True)
    # "So large a gain": more than independent batches would bring.
    assert all(spreads[0] / spread > 8.5 for spread in spreads[1:])


def test_with_independent_batches_the_spread_falls_much_less(exact):
    # All seeds at once: w has a column for each.
    X, y, runs = exact.X_train, exact.y_train, 32
    generator = torch.Generator().manual_seed(0)
    spreads = {}
    for name in NAMES:
        w = torch.zeros(runs, 200, 1, dtype=torch.float64)
        b = torch.zeros(runs, 1, 1, dtype=torch.float64)
        for t in range(400):
            lr = 0.03 * rate(name, t)
            drawn = torch.randint(20, (runs, 5), generator=generator)
            r = X[drawn] @ w + b - y[drawn]
            w = (1 - 3 * lr) * w - lr * X[drawn].mT @ r / 5
            b = b - lr * r.mean(1, keepdim=True)
        spreads[name] = spread_of(w[:, :, 0].T)

    factors = [spreads["constant"] / spreads[name] for name in NAMES[1:]]
    assert all(3.5 < factor < 8.5 for factor in factors)


# -- How far it holds ---------------------------------------------------------


def test_the_curvature_of_the_data_is_about_ten(exact):
    curvatures = torch.linalg.eigvalsh(exact.X_train @ exact.X_train.T / 20)

    assert float(curvatures.mean()) == pytest.approx(10, rel=0.1)
    assert float(curvatures.max() / curvatures.min()) > 2  # not the same in each
    # "about 26 steps in place of 111"
    assert 1 / (0.003 * (3 + float(curvatures.mean()))) == pytest.approx(26, abs=0.5)
    assert round(1 / 0.009) == 111
