"""The runs of "What becomes of decay in the life of an optimiser?"."""

import math
import warnings

import pytest
import torch
from reading import agrees, numbers_of

from weight_decay.optimizers import SGD, coupled

PAGE = "questions/optimizer-life.html"


def rows_below(page, header, count):
    """The rows of a printed table: the last cell by the others."""
    start = page.printed.index(header) + 1
    lines = (line.split("  ") for line in page.printed[start : start + count])
    return {"  ".join(line[:-1]): line[-1] for line in lines}


def weight(value=1.0, gradient=0.0):
    w = torch.nn.Parameter(torch.tensor([value], dtype=torch.float64))
    w.grad = torch.full_like(w, gradient)
    return w


def test_what_torch_refuses_and_what_it_lets_pass(pages):
    rows = rows_below(pages[PAGE], "built by  left of 1", 11)

    # What one step by hand leaves, or a word of the refusal.
    expected = {
        "sgd([w], weight_decay=1)": 1 - 0.1,
        "sgd([w], weightdecay=1)": "unexpected keyword argument 'weightdecay'",
        'sgd([{"params": [w], "weight_deacy": 0}], weight_decay=1)': 1 - 0.1,
        'sgd([{"params": [w]}], weight_decay=1)': 1 - 0.1,
        "adamw([w])": 1 - 0.1 * 0.01,
        "sgd([w], weight_decay=-1)": "Invalid weight_decay value: -1",
        'sgd([{"params": [w], "weight_decay": -1}])': 1 + 0.1,
        'sgd([w], weight_decay=float("nan"))': math.nan,
        'adamw([w], weight_decay=float("nan"))': "Invalid weight_decay value: nan",
        "sgd([w, w], weight_decay=1)": 0.9**2,
        'sgd([{"params": [w]}, {"params": [w]}], weight_decay=1)': "more than one",
    }
    assert list(rows) == list(expected)
    for line, value in expected.items():
        shown = rows[line]
        if isinstance(value, str):
            assert shown.startswith("refused: ")
            assert value in shown
        else:
            assert float(shown.removesuffix(", with a warning")) == pytest.approx(
                value, nan_ok=True
            )
    assert [line for line in rows if "warning" in rows[line]] == [
        "sgd([w, w], weight_decay=1)"
    ]


def test_a_misspelt_key_is_kept_beside_the_right_one():
    group = {"params": [weight()], "weight_deacy": 0}
    (group,) = torch.optim.SGD([group], weight_decay=0.5).param_groups

    assert (group["weight_deacy"], group["weight_decay"]) == (0, 0.5)


def test_tied_weights_are_listed_once_by_their_model_and_twice_by_joined_lists():
    model = torch.nn.Sequential(torch.nn.Embedding(3, 2), torch.nn.Linear(2, 3))
    model[1].weight = model[0].weight

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.optim.SGD(model.parameters(), weight_decay=1)
    with pytest.warns(UserWarning, match="duplicate"):
        torch.optim.SGD([*model[0].parameters(), *model[1].parameters()])


def test_what_a_line_between_two_steps_does(pages):
    rows = rows_below(pages[PAGE], "before the step  left of 1", 7)

    expected = [1, 0.9, 0.9, 0.9**2, 0.9, 1, 1 - 0.1 * 5]
    assert [float(shown) for shown in rows.values()] == pytest.approx(expected)
    spared, *ignored = list(rows)[:3]
    assert "param_groups" in spared
    assert not any("param_groups" in line for line in ignored)


def test_defaults_serve_groups_that_are_added_later():
    optimizer = torch.optim.SGD([weight()], weight_decay=1)
    optimizer.defaults["weight_decay"] = 0.25
    optimizer.add_param_group({"params": [weight()]})

    assert [group["weight_decay"] for group in optimizer.param_groups] == [1, 0.25]


def test_loading_matches_groups_by_their_place(pages):
    (line,) = (line for line in pages[PAGE].printed if line.startswith("left of w"))

    assert numbers_of(line) == [1, 0.9]


def test_what_lies_between_gradient_and_step(pages):
    rows = rows_below(pages[PAGE], "event  penalty in the loss  decay in the step", 8)
    shown = {key.split("  ")[0]: [*key.split("  ")[1:], v] for key, v in rows.items()}

    # By hand, w = 10 and η = 0.1; the penalty has the gradient w.
    w, η = 10.0, 0.1
    after_one = w - η * w
    expected = {
        "a step": (after_one, after_one),
        "two steps, gradient not cleared": (
            after_one - η * (w + after_one),
            0.9 * after_one,
        ),
        "4 gradients added, one step": (w - η * 4 * w, after_one),
        "4 quarters added, one step": (after_one, after_one),
        "gradient clipped at 1": (w - η * 1, after_one),
        "GradScaler": (after_one, after_one),
        "GradScaler, clipped while scaled": (w - η / 2**16, after_one),
        "GradScaler, gradient not finite": (w, w),
    }
    assert list(shown) == list(expected)
    for event, pair in expected.items():
        assert all(agrees(*both) for both in zip(shown[event], pair, strict=True))


def test_clipping_after_unscaling_clips_as_without_a_scaler():
    w = weight(10.0)
    optimizer = torch.optim.SGD([w], lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    optimizer.zero_grad()
    scaler.scale((w**2 / 2).sum()).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_([w], max_norm=1)
    scaler.step(optimizer)

    assert scaler.get_scale() == 2**16  # as the expected row above assumes
    assert w.item() == pytest.approx(9.9)


@pytest.mark.parametrize("event", ["added", "clipped", "scaled", "not finite"])
def test_the_decay_of_adamw_is_that_of_the_step_too(event):
    w = weight(10.0)
    optimizer = torch.optim.AdamW([w], lr=0.1, weight_decay=1)
    optimizer.zero_grad()
    scaler = torch.amp.GradScaler("cpu", enabled=event in ("scaled", "not finite"))
    for _ in range(4 if event == "added" else 1):
        factor = math.inf if event == "not finite" else 0
        scaler.scale((factor * w).sum()).backward()
    if event == "clipped":
        torch.nn.utils.clip_grad_norm_([w], max_norm=1)
    scaler.step(optimizer)

    assert w.item() == pytest.approx(10 if event == "not finite" else 9)


def test_a_falling_learning_rate_decays_no_weight(pages):
    rows = rows_below(pages[PAGE], "λ  η times, each step  left of 1", 3)

    for setting, shown in rows.items():
        lambd, gamma = map(float, setting.split("  "))
        factors = [1 - 0.1 * gamma**t * lambd for t in range(100)]
        assert agrees(shown, math.prod(factors))
    falling, decay, both = map(float, rows.values())
    assert falling == 1
    assert decay < both < 1


def test_one_function_has_two_norms(pages):
    header = "first · f, second / f  ‖w‖₂  spread of predictions"
    rows = rows_below(pages[PAGE], header, 2)

    assert len(set(rows.values())) == 1
    (_, small), (_, large) = (key.split("  ") for key in rows)
    assert 9 < float(large) / float(small) < 10
    generator = torch.Generator().manual_seed(1)
    first, second, X = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((50, 5), (1, 50), (5, 100))
    )
    assert torch.allclose(
        second @ (first @ X).relu(), second / 10 @ (10 * first @ X).relu()
    )


def test_a_penalty_without_the_half_is_twice_the_weight_decay():
    w = weight(2.0)
    w.grad = None
    (3 * w**2).sum().backward()

    kept = SGD(0.01, decay=coupled(6)).step(torch.tensor([2.0]), torch.zeros(1))
    assert kept.item() == pytest.approx(2.0 - 0.01 * w.grad.item())
