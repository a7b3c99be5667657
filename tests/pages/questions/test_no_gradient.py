"""The numbers of "Do parameters without a gradient decay?"."""

import pytest
import torch
from reading import agrees, numbers_of, table

from weight_decay.optimizers import SGD, Adam, Momentum, coupled, decoupled

PAGE = "questions/no-gradient.html"


def test_what_ten_steps_leave_of_a_parameter_with_zeros(pages):
    printed = pages[PAGE].printed
    start = printed.index("left: zeros  None") + 1
    rows = [line.rsplit(maxsplit=2) for line in printed[start + 1 : start + 5]]
    by_hand = {
        "SGD": SGD(0.1, decay=coupled(1)),
        "AdamW": Adam(0.1, decay=decoupled(1)),
        "Adam": Adam(0.1, decay=coupled(1)),
        "SGD, momentum": Momentum(0.1, momentum=0.9, decay=coupled(1)),
    }

    assert agrees(printed[start].split()[-1], 0.9**10)
    assert [name for name, _, _ in rows] == list(by_hand)
    for name, zeros, none in rows:
        w = torch.ones(1)
        for _ in range(10):
            w = by_hand[name].step(w, torch.zeros(1))
        assert float(zeros) == pytest.approx(w.item(), abs=1e-4)
        assert float(none) == 1
    # Plain SGD and AdamW by 1 − ηλ; momentum carries it past zero.
    values = [float(zeros) for _, zeros, _ in rows]
    assert values[:2] == [round(0.9**10, 4)] * 2
    assert values[2] not in values[:2]
    assert values[3] < 0


def test_how_gradients_are_cleared_decides_about_an_unused_branch(pages):
    rows = table(pages[PAGE], "gradients  left of the branch", 2)
    to_none, to_zero = (row[3:] for row in rows)

    assert [float(value) for value in to_none] == [1]
    assert agrees(*to_zero, 0.9**10)


def test_the_gradient_is_that_of_one_number_and_adds_up(pages):
    start = pages[PAGE].printed.index("line after line  its gradient") + 1
    rows = [line.split("  ") for line in pages[PAGE].printed[start : start + 5]]

    # Of Σ ½w² by w it is w, of the mean half of that; both entries are 1.
    refused, once, twice, cleared, mean = (shown for _, shown in rows)
    assert "scalar" in refused
    assert rows[1][0] == rows[2][0]
    assert [numbers_of(shown) for shown in (once, twice)] == [[1, 1], [2, 2]]
    assert cleared == "None"
    assert numbers_of(mean) == [0.5, 0.5]
    w = torch.ones(2, 3, requires_grad=True)
    (3 * w).sum().backward()
    assert w.grad.shape == w.shape


def test_zeros_keep_a_frozen_layer_decaying():
    left = {}
    for to_none in (True, False):
        main, layer = (torch.ones(1, requires_grad=True) for _ in range(2))
        optimizer = torch.optim.SGD([main, layer], lr=0.1, weight_decay=1)
        (main + layer).sum().backward()
        layer.requires_grad_(False)
        for _ in range(10):
            optimizer.zero_grad(set_to_none=to_none)
            (main + layer).sum().backward()
            optimizer.step()
        left[to_none] = layer.item()

    assert left == {True: 1, False: pytest.approx(0.9**10)}


def test_a_frozen_layer_rests_in_the_usual_loop_of_a_network():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 1))
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, weight_decay=1)
    X, y = torch.randn(8, 3), torch.randn(8, 1)
    lengths = []
    for step in range(6):
        if step == 2:
            net[0].requires_grad_(False)
        optimizer.zero_grad()
        ((net(X) - y) ** 2).mean().backward()
        optimizer.step()
        lengths.append(float(net[0].weight.detach().norm()))

    assert lengths[0] != lengths[1]
    assert lengths[2:] == [lengths[1]] * 4


def test_the_remedy_works_whatever_zero_grad_does():
    param = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([param], lr=0.1, weight_decay=1)
    (2 * param).sum().backward()
    param.requires_grad_(False)
    param.grad = None
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()

    assert param.item() == 1


def test_clearing_sets_to_none_by_default():
    param = torch.ones(1, requires_grad=True)
    param.sum().backward()
    torch.optim.SGD([param], lr=0.1).zero_grad()

    assert param.grad is None


def test_rows_of_an_embedding_end_where_their_share_of_the_batches_says(pages):
    rows = table(pages[PAGE], "share f of the batches  f/(f + λ)  row", 3)

    for (f, predicted, row), every in zip(rows, (1, 10, None), strict=True):
        w = 1.0
        for step in range(600):
            pull = (1 - w) if every and step % every == 0 else 0
            w += 0.1 * (pull - 0.1 * w)
        share = 1 / every if every else 0
        assert float(f) == share
        assert agrees(predicted, share / (share + 0.1))
        assert agrees(row, w)
        assert float(row) == pytest.approx(float(predicted), abs=0.02)


def test_a_sparse_table_refuses_to_decay_and_trains_without(pages):
    taken, refused = (line for line in pages[PAGE].printed if line.startswith("λ = "))

    assert "sparse" in refused
    assert taken == "λ = 0: one step taken"
    embedding = torch.nn.Embedding(2, 1, sparse=True)
    (group,) = torch.optim.SGD(embedding.parameters(), lr=0.1).param_groups
    assert group["weight_decay"] == 0
