"""The numbers of "What does weight decay do in large language models?"."""

import collections
import math
import re
from functools import cache
from pydoc_data.topics import topics

import pytest
import torch
from reading import agrees, numbers_of, table
from torch import nn

PAGE = "questions/language-models.html"
RATES = [0.003, 0.01, 0.03]
LAMBDAS = [0, 0.1, 0.3, 1, 3, 10]
COUPLED = [0, 0.003, 0.01, 0.03, 0.1]
STEPS, PEAK, WARM_UP = 100_000, 3e-4, 2000


def rates():
    """The schedule, by a plain loop."""
    for t in range(STEPS):
        progress = (t - WARM_UP) / (STEPS - WARM_UP)
        cosine = 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
        yield PEAK * min((t + 1) / WARM_UP, cosine)


@pytest.fixture(scope="module")
def rows(pages):
    header = "λ  1/(ηλ) at the peak  start left  half is younger than  at constant η"
    return [
        [float(cell.replace(",", "")) for cell in row]
        for row in table(pages[PAGE], header, 4)
    ]


def young_part(schedule, lambd, age):
    """The start, and the share of the updates of the last `age` steps."""
    # The average w ← (1 − ηλ) w + ηu, for the start and for updates u = 1, forward in
    # time.
    start, old, all_updates = 1.0, 0.0, 0.0
    for t, lr in enumerate(schedule):
        keep = 1 - lr * lambd
        start, old, all_updates = start * keep, old * keep, all_updates * keep + lr
        old += lr if t < STEPS - age else 0
    return start, 1 - old / all_updates


def test_the_memory_of_the_run(rows):
    for row, expected in zip(rows, (0.01, 0.1, 1, 3), strict=True):
        lambd, tau, left, young, at_constant = row
        start, share = young_part(rates(), expected, young)
        assert lambd == expected
        assert tau == round(1 / (PEAK * lambd))
        assert agrees(f"{left:.2g}", start)
        assert share == pytest.approx(0.5, abs=1e-3)
        _, share = young_part([PEAK] * STEPS, expected, at_constant)
        assert share == pytest.approx(0.5, abs=1e-3)


def test_half_is_younger_than_ln_2_memories_where_the_rate_is_constant(rows):
    for _, tau, _, young, at_constant in rows:
        if tau < STEPS / 4:  # "much shorter than the run"
            assert at_constant == pytest.approx(math.log(2) * tau, rel=0.01)
        else:
            assert at_constant < math.log(2) * tau
        assert young > at_constant  # "with the schedule it is older"


def test_what_is_forgotten_is_decided_by_the_sum_of_the_rates(rows):
    for lambd, _, left, *_ in rows[:2]:
        assert left == pytest.approx(math.exp(-lambd * sum(rates())), rel=0.02)


# -- The small language model -------------------------------------------------


@cache
def parts():
    """The windows of the text, as tensors: scarce, plenty, held out."""
    text = "\n".join(topics[name] for name in sorted(topics)).lower()
    usual = [c for c, _ in collections.Counter(text).most_common(47)]
    codes = [usual.index(c) if c in usual else 47 for c in text]
    windows = torch.tensor([codes[i : i + 7] for i in range(len(codes) - 6)])
    return windows[:5000], windows[:-20_000], windows[-20_000::5]


def trained(part, seed, lr, decays, optimizer=torch.optim.AdamW):
    """One network, by the modules and the optimisers of torch: its test loss."""
    generator = torch.Generator().manual_seed(seed)
    embedding, norm = nn.Embedding(48, 8), nn.LayerNorm(64)
    first, last = nn.Linear(48, 64, bias=False), nn.Linear(64, 48)
    matrices = [embedding.weight, first.weight, last.weight]
    with torch.no_grad():
        for W, shape in zip(matrices, ((48, 8), (48, 64), (64, 48)), strict=True):
            drawn = torch.randn(shape, generator=generator) / shape[0] ** 0.5
            W.copy_(drawn if W is embedding.weight else drawn.T)
        last.bias.zero_()
    net = nn.Sequential(embedding, nn.Flatten(), first, norm, nn.ReLU(), last)
    params = [*matrices, norm.weight, norm.bias, last.bias]
    groups = [
        {"params": [p], "weight_decay": d} for p, d in zip(params, decays, strict=True)
    ]
    trainer = optimizer(groups, lr=lr, betas=(0.9, 0.99))
    falling = torch.optim.lr_scheduler.LambdaLR(trainer, lambda t: 1 - t / 500)
    generator = torch.Generator().manual_seed(0)
    for _ in range(500):
        batch = part[torch.randint(len(part), (64,), generator=generator)]
        trainer.zero_grad()
        nn.functional.cross_entropy(net(batch[:, :6]), batch[:, 6]).backward()
        trainer.step()
        falling.step()
    with torch.no_grad():
        held_out = parts()[2]
        return float(nn.functional.cross_entropy(net(held_out[:, :6]), held_out[:, 6]))


def grids(pages):
    """The three grids: rows of (mean, half the range, whether it has the star)."""
    printed = pages[PAGE].printed
    found = []
    for place, line in enumerate(printed):
        if line.startswith("η  λ = 0"):
            rows = [row.split("  ") for row in printed[place + 1 : place + 4]]
            assert [float(row[0]) for row in rows] == RATES
            found.append(
                [[(*numbers_of(c)[:2], c.endswith("*")) for c in r[1:]] for r in rows]
            )
    return found


def best(rows):
    """The place of the star in each row."""
    return [[star for *_, star in row].index(True) for row in rows]


@pytest.mark.parametrize(
    ("grid", "row", "column", "optimizer"),
    [
        (0, 1, 4, torch.optim.AdamW),
        (1, 0, 3, torch.optim.AdamW),
        (2, 1, 3, torch.optim.Adam),
    ],
)
def test_a_cell_is_that_of_networks_of_torch(pages, grid, row, column, optimizer):
    lambd = (COUPLED if grid == 2 else LAMBDAS)[column]
    decays = [lambd] * 3 + [0] * 3
    part = parts()[int(grid == 1)]
    fresh = [trained(part, s, RATES[row], decays, optimizer) for s in range(3)]

    mean, spread, _ = grids(pages)[grid][row][column]
    assert mean == pytest.approx(sum(fresh) / 3, abs=0.02)
    assert spread == pytest.approx((max(fresh) - min(fresh)) / 2, abs=0.02)


def test_the_star_marks_the_best_of_each_row(pages):
    for rows, count in zip(grids(pages), (6, 6, 5), strict=True):
        for row in rows:
            assert len(row) == count
            assert sum(star for *_, star in row) == 1
            assert min(row)[0] == next(mean for mean, _, star in row if star)


def test_with_scarce_data_one_price_is_best_for_all_rates(pages):
    scarce = grids(pages)[0]

    assert len(set(best(scarce))) == 1
    assert LAMBDAS[best(scarce)[0]] == 3
    for row in scarce:
        top = row[best(scarce)[0]]
        assert row[0][0] - top[0] > 2 * max(row[0][1], top[1])


def test_with_plenty_of_data_the_product_is_what_is_best(pages):
    plenty = grids(pages)[1]

    places = best(plenty)
    assert places == sorted(places, reverse=True)
    assert places[0] > places[-1]
    for lr, row, place in zip(RATES, plenty, places, strict=True):
        same_product = row[LAMBDAS.index(round(0.003 / lr, 1))]
        assert same_product[0] <= row[place][0] + max(same_product[1], 0.01)
        assert place or same_product[0] <= row[0][0] + 0.01
    lowest = min(plenty, key=min)
    assert lowest is plenty[2]
    assert lowest[0][0] - min(lowest)[0] <= max(lowest[0][1], min(lowest)[1])
    # Twice as large a product, or more, does harm there.
    assert lowest[3][0] > lowest[0][0] + 0.05


def test_the_rival_that_counts_pairs(pages):
    held_out = parts()[2]
    shown = {}
    for line in pages[PAGE].printed:
        if found := re.fullmatch(r"(scarce|plenty): ([\d.]+)", line):
            shown[found[1]] = float(found[2])
    for name, part in zip(("scarce", "plenty"), parts(), strict=False):
        pairs = collections.Counter(map(tuple, part[:, 5:].tolist()))
        firsts = collections.Counter(part[:, 5].tolist())
        logs = [
            math.log((pairs[a, b] + 1) / (firsts[a] + 48))
            for a, b in held_out[:, 5:].tolist()
        ]
        assert shown[name] == pytest.approx(-sum(logs) / len(logs), abs=0.006)
    scarce, plenty, _ = grids(pages)
    assert min(row[0][0] for row in scarce) > shown["scarce"] + 0.1
    assert -0.2 < min(map(min, scarce))[0] - shown["scarce"] < 0
    assert min(map(min, plenty))[0] < shown["plenty"] - 0.2


def test_coupled_decay_is_as_good_at_a_smaller_price_that_moves(pages):
    decoupled, _, coupled = grids(pages)

    top, other = min(map(min, decoupled)), min(map(min, coupled))
    assert abs(top[0] - other[0]) <= max(top[1], other[1]) + 0.01
    places = best(coupled)
    assert places == sorted(places, reverse=True)
    assert places[0] > places[-1]
    of_rows = zip(places, coupled, strict=True)
    assert {COUPLED[p] for p, row in of_rows if min(row) == other} <= {0.03, 0.1}


# -- Which parameters, and what is remembered ---------------------------------


def choices(pages):
    header = "what decays  scarce  ±  plenty  ±  embedding, RMS"
    printed = pages[PAGE].printed
    rows = printed[printed.index(header) + 1 :][:4]
    return {r.split("  ")[0]: [*map(float, r.split("  ")[1:])] for r in rows}


def test_only_the_gains_matter(pages):
    rows = choices(pages)
    weights, *others = rows.values()

    assert [*rows] == [
        "the weights",
        "not the embedding",
        "shifts and bias, too",
        "gains, too",
    ]
    for scarce, spread, plenty, small, _ in others:
        assert abs(scarce - weights[0]) <= max(spread, weights[1]) + 0.005
        if (scarce, plenty) != (others[2][0], others[2][2]):
            assert abs(plenty - weights[2]) <= small + weights[3] + 0.003
    assert others[2][2] > weights[2] + 0.1
    assert others[0][4] > 3 * weights[4]  # the embedding, spared, is longer


def test_the_loss_with_decaying_gains_is_that_of_torch(pages):
    fresh = [trained(parts()[1], s, 0.01, [1, 1, 1, 1, 0, 0]) for s in range(3)]

    shown = choices(pages)["gains, too"][2]
    assert shown == pytest.approx(sum(fresh) / 3, abs=0.01)


def test_a_common_factor_of_the_embedding_does_not_count():
    generator = torch.Generator().manual_seed(0)
    x, W = (torch.randn(*s, generator=generator).double() for s in ((9, 48), (48, 64)))
    outputs = [nn.functional.layer_norm(c * x @ W, (64,), eps=0) for c in (1, 4)]

    assert torch.allclose(*outputs)


def test_the_state_of_the_optimisers_is_counted(pages):
    rows = table(pages[PAGE], "optimiser  numbers per parameter", 4)

    assert [(row[0], row[-1]) for row in rows] == [
        ("SGD", "0"),
        ("SGD", "1"),
        ("Adam", "2"),
        ("AdamW", "2"),
    ]
    for lambd in (0, 0.1):  # decay adds none
        w = torch.zeros(10, requires_grad=True)
        adamw = torch.optim.AdamW([w], weight_decay=lambd)
        w.sum().backward()
        adamw.step()
        state = [adamw.state[w][name] for name in ("exp_avg", "exp_avg_sq")]
        assert sum(x.element_size() for x in state) == 8 == 2 * w.element_size()
        assert sum(x.numel() for x in adamw.state[w].values()) == 2 * 10 + 1


def test_recent_work_is_dated_once(pages):
    text = " ".join(pages[PAGE].article.text.split())

    for author, year in (("D'Angelo et al.", 2024), ("Kim et al.", 2025)):
        assert f"{author} [{year}]" in text
        assert f"({year})" not in text
