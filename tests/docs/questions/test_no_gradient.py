import torch
from reading import agrees

PAGE = "questions/no-gradient.html"


def test_a_flat_loss_and_zeros_decay_and_none_does_not(pages):
    printed = pages[PAGE].printed
    left = dict(line.split("gradient") for line in printed[:3])

    assert [name.strip() for name in left] == ["used", "zeros", "none"]
    shown = [text.split()[-1] for text in left.values()]
    assert agrees(shown[0], 0.9**10)
    assert shown[1] == shown[0]
    assert float(shown[2]) == 1
    assert agrees(printed[3].split()[-1], 0.9**10)


def test_how_gradients_are_cleared_decides_about_an_unused_branch(pages):
    lines = [line for line in pages[PAGE].printed if line.startswith("gradients set")]

    to_none, to_zero = (line.split()[-1] for line in lines)
    assert float(to_none) == 1
    assert agrees(to_zero, 0.9**10)


def test_rows_of_an_embedding_decay_when_nobody_looks_them_up(pages):
    (rows,) = (line for line in pages[PAGE].printed if line.startswith("rows after"))

    assert rows.count(f"{0.9**10:.4f}") == 2
    (sparse,) = (line for line in pages[PAGE].printed if line.startswith("sparse:"))
    assert "sparse" in sparse.partition(":")[2]


def test_a_frozen_layer_moves_on_with_its_old_gradient():
    param = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([param], lr=0.1, weight_decay=1)
    (2 * param).sum().backward()
    param.requires_grad_(False)

    optimizer.step()
    assert abs(param.item() - (0.9 - 0.2)) < 1e-6
    optimizer.zero_grad()
    optimizer.step()
    assert abs(param.item() - 0.7) < 1e-6


def test_clearing_sets_to_none_by_default():
    param = torch.ones(1, requires_grad=True)
    param.sum().backward()
    torch.optim.SGD([param], lr=0.1).zero_grad()

    assert param.grad is None
