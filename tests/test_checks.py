"""A wrong argument raises an error that names the argument and shows its value."""

import copy
import inspect
import math
import re
from fractions import Fraction
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hostile import INF, NAN, REFUSED, attempt
from test_random import SURROUNDINGS

from weight_decay import (
    RegressionProblem,
    Run,
    concise,
    plotting,
    ridge,
    scratch,
    synthetic_data,
)
from weight_decay.conventions import convert, learning_rate_factor
from weight_decay.data import minibatches
from weight_decay.optimizers import SGD, Adam, Decay, Momentum, coupled, decoupled
from weight_decay.run import largest_curvature
from weight_decay.sweep import sweep

PROBLEM = synthetic_data(3, 5, 4, dtype=torch.float64)
W, B = torch.ones(4, 1).double(), torch.ones(1).double()
RUN = Run(3.0, 0.1, "squared error", [5], [1.0], [2.0], W, B, W, B)

# Each function, with arguments that are right.

START = {"w_init": W, "b_init": B}
TRAIN = {"problem": PROBLEM, "lambd": 3, "lr": 0.1, "epochs": 1, "batch_size": 2}
X = {"X": PROBLEM.X_train}
SIZES = {"n_train": 3, "num_inputs": 4}
SIZE_OF_Y = {"noise_std": 0.1, "w_norm": 1}
UNITS = {"source": "mean squared error", "target": "scikit-learn alpha"}
STEP = {"w": W, "gradient": W}

CALLS = {
    "synthetic_data": (
        synthetic_data,
        {**SIZES, "n_test": 5, "noise_std": 0.1, "seed": 0}
        | {"dtype": torch.float64, "device": "cpu"},
    ),
    "RegressionProblem": (RegressionProblem, vars(PROBLEM)),
    "minibatches": (
        partial(minibatches, PROBLEM.X_train, PROBLEM.y_train),
        {"batch_size": 2, "generator": torch.Generator()},
    ),
    "scratch.init_params": (
        scratch.init_params,
        {"num_inputs": 4, "generator": torch.Generator()}
        | {"dtype": torch.float64, "device": "cpu"},
    ),
    "scratch.train": (scratch.train, {**TRAIN, "seed": 0, **START}),
    "concise.train": (concise.train, {**TRAIN, "seed": 0, **START}),
    "concise.linear_net": (concise.linear_net, {"w": W, "b": B}),
    "concise.decaying_sgd": (
        partial(concise.decaying_sgd, concise.linear_net(W, B)),
        {"lambd": 3, "lr": 0.1},
    ),
    "largest_curvature": (largest_curvature, X),
    "ridge.fit": (ridge.fit, {"problem": PROBLEM, "lambd": 3, "bias": True}),
    "ridge.trajectory": (
        ridge.trajectory,
        {"problem": PROBLEM, "lambd": 3, "lr": 0.1, "steps": [1], **START},
    ),
    "ridge.shrinkage": (ridge.shrinkage, {**X, "lambd": 3, "bias": True}),
    "ridge.degrees_of_freedom": (
        ridge.degrees_of_freedom,
        {**X, "lambd": 3, "bias": True},
    ),
    "ridge.expected_risk": (
        ridge.expected_risk,
        {**X, "lambd": 3, **SIZE_OF_Y, "bias": True},
    ),
    "ridge.asymptotic_risk": (
        ridge.asymptotic_risk,
        {"lambd": 3, **SIZES, **SIZE_OF_Y},
    ),
    "ridge.asymptotic_degrees_of_freedom": (
        ridge.asymptotic_degrees_of_freedom,
        {"lambd": 3, **SIZES},
    ),
    "ridge.best_lambda": (ridge.best_lambda, {**SIZES, **SIZE_OF_Y}),
    "ridge.anatomy": (
        ridge.anatomy,
        {"problem": PROBLEM, "w": W, "b": B, "noise_std": 0.1},
    ),
    "sweep": (
        sweep,
        {"problems": [PROBLEM], "lambdas": [3], "seeds": [0], **START}
        | {"implementation": "scratch", "lr": 0.1, "epochs": 1, "batch_size": 2}
        | {"form": "weights", "memory_mib": 1, "progress": False},
    ),
    "convert": (convert, {"value": 3, **UNITS, "n_train": 3, "noise_std": 0.1}),
    "learning_rate_factor": (
        learning_rate_factor,
        {**UNITS, "n_train": 3, "noise_std": 0.1},
    ),
    "coupled": (coupled, {"lambd": 3}),
    "decoupled": (decoupled, {"lambd": 3}),
    "Decay": (Decay, {"kind": "coupled", "lambd": 3}),
    "SGD": (SGD, {"lr": 0.1, "decay": coupled(3)}),
    "Momentum": (Momentum, {"lr": 0.1, "decay": coupled(3), "momentum": 0.9}),
    "Adam": (
        Adam,
        {"lr": 0.1, "decay": coupled(3), "betas": (0.9, 0.999), "eps": 1e-8},
    ),
    "SGD.step": (SGD(0.1).step, STEP),
    "Momentum.step": (Momentum(0.1).step, STEP),
    "Adam.step": (Adam(0.1).step, STEP),
    "plot_losses": (plotting.plot_losses, {"run": RUN, "ax": None, "title": "A title"}),
    "compare_runs": (plotting.compare_runs, {"runs": [RUN], "title": "A title"}),
}

# What an argument of this name must not be.


def of_type(*values):
    return [(TypeError, value, repr(value)) for value in values]


def of_value(*values):
    return [(ValueError, value, repr(value)) for value in values]


NO_NUMBER = [
    *of_type("3", b"3", None, True, np.True_, 3 + 0j, [3], torch.tensor(True)),
    (TypeError, torch.ones(3, 1), "got torch.Tensor of shape (3, 1)"),
    (TypeError, torch.tensor(3.0, device="meta"), "meta"),
]
REAL = [*NO_NUMBER, *of_value(NAN, INF, -INF, torch.tensor(NAN))]
NOT_NEGATIVE = [*REAL, *of_value(-1, -1e-300, np.float32(-1), Fraction(-1, 3))]
POSITIVE = [*NOT_NEGATIVE, *of_value(0, torch.tensor(0.0))]
INTEGER = [*NO_NUMBER, *of_type(2.0, NAN, Fraction(2), torch.tensor(2.0))]
COUNT = [*INTEGER, *of_value(0, -1)]
NAME = [*of_type(None, 3), *of_value("mse", "Prior std")]

WRONG = {
    "problem": of_type(None, "data"),
    **dict.fromkeys(["lambd", "noise_std", "w_norm", "eps", "value"], NOT_NEGATIVE),
    **dict.fromkeys(["lr", "memory_mib"], POSITIVE),
    **dict.fromkeys(["epochs", "batch_size", "n_train", "n_test", "num_inputs"], COUNT),
    "b_true": REAL,
    "seed": [*INTEGER, *of_value(-1, 2**30)],
    "dtype": of_type(torch.float16, torch.int64, "float32", float, None),
    "device": of_value("meta", "nowhere", 7.0, None),
    "generator": of_type(None, 3),
    "bias": of_type(None, 1),
    **dict.fromkeys(["steps", "problems", "lambdas", "seeds", "runs"], of_type(3)),
    "implementation": of_value("d2l", scratch),
    "form": of_value("dual", 3),
    "progress": of_type("yes", 0),
    "source": NAME,
    "target": NAME,
    "kind": of_value("l2", None),
    "decay": of_type(3, None, "coupled", coupled),
    "momentum": [*NOT_NEGATIVE, *of_value(1)],
    "betas": of_type(0.9, None, (0.9,), (0.9, 0.99, 0.999)),
    "run": of_type(3, None),
    "ax": of_type("axes"),
    "title": of_type(3),
}
# Where the same name is allowed less.
ALSO_WRONG = {
    ("scratch.init_params", "num_inputs"): of_value(2**41),
    ("ridge.best_lambda", "w_norm"): of_value(0),
    ("convert", "noise_std"): of_value(0),
    ("learning_rate_factor", "noise_std"): of_value(0),
}


def holding(tensor, number):
    changed = tensor.clone()
    changed.view(-1)[-1] = number
    return changed


def wrong_tensors(tensor, is_first):
    """What is no tensor of finite numbers of this shape, and how the error shows it."""
    wrong = [
        (TypeError, tensor.numpy(), f"numpy.ndarray of shape {(*tensor.shape,)}"),
        (TypeError, None, "got None"),
        (TypeError, tensor.long(), "got torch.int64"),
        (TypeError, tensor.half(), "got torch.float16"),
        (TypeError, tensor.cfloat(), "got torch.complex64"),
        (TypeError, tensor.to_sparse(), "got torch.sparse_coo"),
        (ValueError, tensor.to("meta"), "meta"),
        (ValueError, holding(tensor, NAN), "got nan"),
        (ValueError, holding(tensor, -INF), "got -inf"),
        (ValueError, tensor[:0], "(0,"),
    ]
    if not is_first:  # the first one decides about the dtype, and the sizes
        wrong.append((TypeError, tensor.float(), "got torch.float32"))
        wrong.append((ValueError, tensor[None], "got (1, "))
    return wrong


def wrong_values(call, name):
    function, good = CALLS[call]
    if torch.is_tensor(good[name]):
        wrong = wrong_tensors(good[name], is_first=name == next(iter(good)))
    else:
        wrong = WRONG[name] + ALSO_WRONG.get((call, name), [])
    default = inspect.signature(function).parameters[name].default
    return [case for case in wrong if default is not None or case[1] is not None]


@pytest.mark.parametrize(
    ("call", "name"),
    [(call, name) for call, (_, good) in CALLS.items() for name in good],
)
def test_a_wrong_argument_is_named_and_shown(call, name):
    function, good = CALLS[call]

    for error, value, shown in wrong_values(call, name):
        with pytest.raises(error, match=rf"^{name}(\.dtype)? must ") as caught:
            function(**{**good, name: value})
        assert shown in str(caught.value)


@pytest.mark.parametrize("call", CALLS)
def test_every_argument_is_among_those_above_and_they_are_right(call):
    function, good = CALLS[call]

    assert inspect.signature(function).parameters.keys() == good.keys()
    assert attempt(function, **good) is not REFUSED  # and nothing else has changed
    plt.close("all")


@pytest.mark.parametrize(
    ("digits", "shown"), [(400, "1000"), (5000, "int that cannot be shown")]
)
def test_a_number_beyond_every_float_is_named_even_if_python_shows_it_not(
    digits, shown
):
    with pytest.raises(ValueError, match=f"^lambd must be finite, got {shown}"):
        coupled(10**digits)


@pytest.mark.parametrize(
    "number",
    [
        *(3, 3.0, np.float32(3), np.float64(3), np.int64(3), Fraction(3)),
        *(np.array(3.0), torch.tensor(3), torch.tensor(3.0, requires_grad=True)),
    ],
    ids=repr,
)
def test_any_real_number_will_do_and_the_run_keeps_a_float(
    implementation, small, number
):
    run = implementation.train(small, number, lr=number / 1000, epochs=torch.tensor(1))

    assert (run.lambd, run.lr) == (3, pytest.approx(0.003))
    assert (type(run.lambd), type(run.lr)) == (float, float)


def test_minus_zero_is_zero(implementation, small):
    assert math.copysign(1, implementation.train(small, -0.0, epochs=1).lambd) == 1


class Frame:
    """A table as pandas has it."""

    shape = (3, 4)

    def __array__(self):
        raise NotImplementedError

    to_numpy = __array__


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (np.zeros((900, 900)), "numpy.ndarray of shape (900, 900): torch.as_tensor(X"),
        (Frame(), "Frame of shape (3, 4): torch.as_tensor(X_train.to_numpy(), dtype="),
        ([[1.0]] * 900, "[1.0] …: torch.as_tensor(X_train, dtype=torch.float32) makes"),
    ],
    ids=["array", "frame", "list"],
)
def test_data_that_are_no_tensor_are_told_by_type_and_shape_and_how_to_convert(
    data, told
):
    with pytest.raises(TypeError, match=r"^X_train must be a torch\.Tensor") as caught:
        RegressionProblem(data, PROBLEM.y_train)

    assert told.replace("[1.0] …", " …") in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("function", "arguments", "told"),
    [
        (scratch.train, {"lam": 3}, "scratch.train() has no argument lam: did you me"),
        (synthetic_data, {"n": 3}, "data.synthetic_data() has no argument n: "),
        (sweep, {}, "sweep.sweep(): missing a required argument: 'problems'"),
        (ridge.fit, {"zzz": 3}, "no argument zzz: ['problem', 'lambd', 'bias']"),
    ],
)
def test_a_wrong_keyword_is_named_with_the_function_and_the_near_one(
    function, arguments, told
):
    with pytest.raises(TypeError, match=re.escape(told)):
        function(**arguments)


# What surrounds a call

COMPUTING = CALLS.keys() - {"minibatches", "plot_losses", "compare_runs"}


def in_float32(value):
    """The value with its tensors in float32: autocast leaves the others alone."""
    if isinstance(value, RegressionProblem):
        return RegressionProblem(**{k: in_float32(v) for k, v in vars(value).items()})
    if isinstance(value, list):
        return [in_float32(each) for each in value]
    return value.float() if torch.is_tensor(value) else value


def parts(value):
    """What a result is made of, for a comparison."""
    if torch.is_tensor(value):
        return [value.dtype, value.device, value.requires_grad, value.tolist()]
    if isinstance(value, torch.nn.Module):
        value = value.state_dict()
    if isinstance(value, torch.optim.Optimizer):
        value = value.param_groups
    if isinstance(value, list | tuple):
        return [parts(each) for each in value]
    if isinstance(value, dict) or type(value).__module__.startswith("weight_decay"):
        fields = value if isinstance(value, dict) else vars(value)
        return {name: parts(each) for name, each in fields.items()}
    return value


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("call", sorted(COMPUTING))
def test_no_state_of_torch_around_a_call_changes_its_result(call, surroundings):
    function, good = CALLS[call]
    arguments = dict(good)
    if not call.endswith(".step"):  # an optimizer that has seen float64 keeps to it
        arguments = {name: in_float32(value) for name, value in good.items()}
    if "dtype" in arguments:
        arguments["dtype"] = torch.float32

    def result():
        if "generator" in arguments:
            arguments["generator"] = torch.Generator()
        return copy.deepcopy(function)(**arguments)  # a step changes its optimizer

    expected = parts(result())
    with surroundings():
        found = result()

    assert parts(found) == expected


@pytest.mark.parametrize("transform", [torch.func.vmap, torch.func.grad])
@pytest.mark.parametrize("call", sorted(COMPUTING))
def test_a_transform_of_torch_func_around_a_call_is_named(call, transform):
    function, good = CALLS[call]

    with pytest.raises(RuntimeError, match=r"^[\w.]+ works .* outside torch\.func"):
        transform(lambda _: function(**good))(torch.ones(1))


# Tensors that must match


def flat(tensor):
    return tensor.flatten()


def transposed(tensor):
    return tensor.T


def longer(tensor):
    return torch.cat([tensor, tensor[:1]])


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("X_train", flat, "X_train must have shape (n, p), got (12,)"),
        ("X_train", transposed, "y_train must have shape (4, 1), got (3, 1)"),
        ("y_train", flat, "y_train must have shape (3, 1), got (3,)"),
        ("y_train", transposed, "y_train must have shape (3, 1), got (1, 3)"),
        ("y_train", longer, "y_train must have shape (3, 1), got (4, 1)"),
        ("X_test", transposed, "X_test must have shape (m, 4), got (4, 5)"),
        ("y_test", flat, "y_test must have shape (5, 1), got (5,)"),
        ("y_test", longer, "y_test must have shape (5, 1), got (6, 1)"),
        ("w_true", longer, "w_true must have shape (4, 1), got (5, 1)"),
    ],
)
def test_the_tensors_of_a_problem_must_match(name, change, told):
    fields = vars(PROBLEM) | {name: change(getattr(PROBLEM, name))}

    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        RegressionProblem(**fields)


def test_a_problem_has_inputs():
    X, y = torch.zeros(3, 0), torch.zeros(3, 1)

    with pytest.raises(ValueError, match=r"X_train must not be empty.*\(3, 0\)"):
        RegressionProblem(X, y, X, y, X[:1].T, 0)


@pytest.mark.parametrize(
    ("name", "change"),
    [("w_init", flat), ("w_init", transposed), ("w_init", longer), ("b_init", longer)],
)
def test_a_start_must_match_the_problem(implementation, name, change):
    start = change(START[name])
    shapes = f"{tuple(START[name].shape)}, got {tuple(start.shape)}"

    with pytest.raises(ValueError, match=f"^{name} must have .*{re.escape(shapes)}$"):
        implementation.train(PROBLEM, 3, epochs=1, **{name: start})
