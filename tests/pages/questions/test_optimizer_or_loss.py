"""The numbers of "Is weight_decay the same as a penalty in the loss?"."""

import pytest
import torch
from reading import agrees, numbers_of, table

from weight_decay import optimizers, scratch, synthetic_data
from weight_decay.data import minibatches
from weight_decay.optimizers import coupled, decoupled

PAGE = "questions/optimizer-or-loss.html"

# Optimiser, λ in it, λ in the loss; and what that is by hand.
ROWS = {
    ("SGD", 3, 0): (optimizers.SGD, coupled(3)),
    ("SGD", 0, 3): (optimizers.SGD, coupled(3)),
    ("SGD", 3, 3): (optimizers.SGD, coupled(6)),
    ("SGD", 6, 0): (optimizers.SGD, decoupled(6)),
    ("Adam", 3, 0): (optimizers.Adam, coupled(3)),
    ("Adam", 0, 3): (optimizers.Adam, coupled(3)),
    ("AdamW", 3, 0): (optimizers.Adam, decoupled(3)),
}


@pytest.fixture(scope="module")
def by_hand():
    problem = synthetic_data(dtype=torch.float64)

    def train(optimizer, decay):
        """The final weight; loss and ½‖w‖² of the last batch before its step."""
        generator = torch.Generator().manual_seed(0)
        w = torch.normal(0, 1, (200, 1), generator=generator).double()
        b = torch.zeros(1, dtype=torch.float64)
        for_w, for_b = optimizer(0.003, decay=decay), optimizer(0.003)
        for _ in range(100):
            for X, y in minibatches(problem.X_train, problem.y_train, 5, generator):
                r = X @ w + b - y
                loss, half_square = float((r**2).mean()) / 2, float((w**2).sum()) / 2
                w = for_w.step(w, X.T @ r / len(X))
                b = for_b.step(b, r.mean(0))
        return w, loss, half_square

    return {row: train(*settings) for row, settings in ROWS.items()}


def test_the_table_is_that_of_the_optimisers_by_hand(pages, by_hand):
    header = "optimiser  λ in it  λ in the loss  ‖w‖₂  logged last"
    rows = table(pages[PAGE], header, 7)

    for shown, (row, (w, loss, half_square)) in zip(rows, by_hand.items(), strict=True):
        name, in_optimizer, in_loss, norm, logged = shown
        assert (name, int(in_optimizer), int(in_loss)) == row
        assert agrees(norm, float(w.norm()))
        assert agrees(logged, loss + row[2] * half_square)


def test_what_the_page_says_about_the_norms(by_hand):
    sgd, adam, adamw = (
        float(by_hand[row][0].norm())
        for row in (("SGD", 3, 0), ("Adam", 3, 0), ("AdamW", 3, 0))
    )
    predicted = 180**0.5 * (1 - 0.003 * 3) ** 400

    assert f"{predicted:.2f}" == "0.36"
    assert sgd == pytest.approx(predicted, rel=0.05)
    assert adamw == pytest.approx(sgd, rel=0.01)
    assert adam > 10 * sgd


def test_a_square_by_hand_is_twice_that_weight_decay_on_every_parameter():
    def train(c, weight_decay, params_of_penalty):
        torch.manual_seed(0)
        net = torch.nn.Linear(3, 1)
        X, y = torch.randn(20, 3), torch.randn(20, 1)
        optimizer = torch.optim.SGD(net.parameters(), 0.1, weight_decay=weight_decay)
        for _ in range(50):
            optimizer.zero_grad()
            penalty = sum(p.pow(2).sum() for p in params_of_penalty(net))
            (((net(X) - y) ** 2).mean() + c * penalty).backward()
            optimizer.step()
        return torch.cat([p.detach().flatten() for p in net.parameters()])

    everything, weight_only = torch.nn.Module.parameters, lambda net: [net.weight]
    in_optimiser = train(0, 0.6, everything)
    assert torch.allclose(train(0.3, 0, everything), in_optimiser, atol=1e-6)
    assert not torch.allclose(train(0.6, 0, everything), in_optimiser, atol=1e-3)
    assert not torch.allclose(train(0.3, 0, weight_only), in_optimiser, atol=1e-3)


def test_the_same_lambda_in_either_place_is_the_same_weight():
    def train(kind, in_optimizer, in_loss):
        w = torch.linspace(-1, 1, 5, dtype=torch.float64).requires_grad_()
        optimizer = kind([w], lr=0.01, weight_decay=in_optimizer)
        for _ in range(50):
            optimizer.zero_grad()
            ((w - 1) ** 2 / 2 + in_loss * w**2 / 2).sum().backward()
            optimizer.step()
        return w.detach()

    for kind in (torch.optim.SGD, torch.optim.Adam):
        assert torch.allclose(train(kind, 3, 0), train(kind, 0, 3), rtol=1e-9)
        assert not torch.allclose(train(kind, 3, 3), train(kind, 3, 0), rtol=1e-3)
    assert torch.allclose(
        train(torch.optim.SGD, 3, 3), train(torch.optim.SGD, 6, 0), rtol=1e-9
    )
    adamw = torch.optim.AdamW
    assert not torch.allclose(train(adamw, 3, 0), train(adamw, 0, 3), rtol=1e-3)


def test_a_penalty_makes_the_graph_longer(pages):
    (line,) = (line for line in pages[PAGE].printed if line.startswith("nodes"))
    slower = "the penalty takes at least a quarter longer: True"

    v = torch.ones(4, requires_grad=True)
    # Multiplied, summed, squared, divided by two, and added: five nodes.
    penalty = 3 * scratch.l2_penalty(v)
    chain, node = [], penalty.grad_fn
    while node.next_functions:
        chain.append(node.name().removesuffix("Backward0"))
        node = node.next_functions[0][0]
    assert chain == ["Mul", "Div", "Sum", "Pow"]
    assert numbers_of(line) == [2, 2 + len(chain) + 1]
    assert slower in pages[PAGE].printed


def test_adamw_without_decay_is_adam():
    def train(optimizer_class):
        w = torch.ones(3, dtype=torch.float64, requires_grad=True)
        optimizer = optimizer_class([w], lr=0.01, weight_decay=0)
        for _ in range(50):
            optimizer.zero_grad()
            (w**2).sum().backward()
            optimizer.step()
        return w.detach()

    assert torch.equal(train(torch.optim.AdamW), train(torch.optim.Adam))
