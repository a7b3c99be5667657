"""A wrong argument raises an error that names the argument and shows its value."""

import dataclasses
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weight_decay import RegressionProblem, synthetic_data
from weight_decay._checks import check_seed, check_size

NAN, INF = float("nan"), float("inf")

NOT_NUMBERS = ["3", b"3", None, True, np.True_, 3 + 0j, [3], torch.tensor(3.0)]
NOT_INTEGERS = [2.0, NAN, Fraction(2), *NOT_NUMBERS]
NOT_FINITE = [NAN, INF, -INF, 10**400]


def cases(name, not_type, not_value):
    """Return one case for each wrong value of one argument."""
    errors = [(TypeError, v) for v in not_type] + [(ValueError, v) for v in not_value]
    return [
        pytest.param(name, value, error, id=f"{name}={value!r:.20}")
        for error, value in errors
    ]


def real(name, *wrong):
    return cases(name, NOT_NUMBERS, [*wrong, *NOT_FINITE])


def count(name):
    return cases(name, NOT_INTEGERS, [0, -1, -(10**30)])


SEED = cases("seed", NOT_INTEGERS, [-1, 2**30, 10**30])


def assert_tells(error, *words):
    """The message has each of these words, whole."""
    message = str(error.value)
    for word in words:
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", message), word


# Numbers


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        *real(
            *("lambd", -1, -1e-300, np.float32(-1)),
            *(Fraction(-1, 3), Fraction(-1, 10**400)),
        ),
        *real("lr", 0, -0.003, 0.0, np.float64(-1)),
        *count("epochs"),
        *count("batch_size"),
        *SEED,
    ],
)
def test_train_names_the_wrong_number(implementation, small, name, value, error):
    arguments = {"lambd": 3, "epochs": 1, name: value}

    with pytest.raises(error) as caught:
        implementation.train(small, **arguments)

    assert_tells(caught, name, "must be")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        *count("n_train"),
        *count("n_test"),
        *count("num_inputs"),
        *real("noise_std", -0.01),
        *SEED,
        *cases("dtype", [torch.float16, torch.int64, "float32", float, None], []),
        *cases("device", [], ["meta", "nowhere", 7.0, None]),
    ],
)
def test_synthetic_data_names_the_wrong_argument(name, value, error):
    with pytest.raises(error) as caught:
        synthetic_data(**{name: value})

    assert_tells(caught, name, "must be")
    assert repr(value) in str(caught.value)


not_a_real_number = st.one_of(
    st.text("0123456789.eE+-_naif "),
    st.binary(),
    st.none(),
    st.booleans(),
    st.complex_numbers(),
    st.lists(st.integers()),
)
not_finite = st.sampled_from([NAN, INF, -INF])
negative = st.floats(max_value=0, exclude_max=True, allow_infinity=False)


@given(value=not_finite | negative)
@pytest.mark.parametrize("name", ["lambd", "lr"])
def test_no_negative_or_infinite_rate_is_let_through(
    implementation, small, name, value
):
    with pytest.raises(ValueError, match=f"{name} must be .*, got ") as caught:
        implementation.train(small, **{"lambd": 3, "epochs": 1, name: value})
    assert str(caught.value).endswith(f"got {value!r}")


@given(value=not_a_real_number)
@pytest.mark.parametrize("name", ["lambd", "lr", "epochs", "batch_size", "seed"])
def test_nothing_but_a_number_is_let_through(implementation, small, name, value):
    with pytest.raises(TypeError, match=f"{name} must be ") as caught:
        implementation.train(small, **{"lambd": 3, "epochs": 1, name: value})
    assert str(caught.value).endswith(f"got {value!r}")


def test_sizes_and_seeds_end_where_the_messages_say():
    # Not by synthetic_data: as many numbers fill terabytes.
    assert check_size("n_train", 2**40) == 2**40
    with pytest.raises(ValueError, match=r"n_train must be at most 2\*\*40") as caught:
        check_size("n_train", 2**40 + 1)
    assert_tells(caught, f"got {2**40 + 1}")

    assert check_seed(2**30 - 1) == 2**30 - 1
    with pytest.raises(ValueError, match=r"seed must be .* below 2\*\*30") as caught:
        check_seed(2**30)
    assert_tells(caught, f"got {2**30}")


@given(value=st.integers(max_value=0))
@pytest.mark.parametrize("name", ["n_train", "n_test", "num_inputs"])
def test_no_size_below_one_is_let_through(name, value):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got {value}$"):
        synthetic_data(**{name: value})


@pytest.mark.parametrize(
    "number", [3, 3.0, np.float32(3), np.float64(3), np.int64(3), Fraction(3)], ids=repr
)
def test_any_real_number_will_do_and_the_run_keeps_a_float(
    implementation, small, number
):
    run = implementation.train(small, number, lr=number / 1000, epochs=np.int64(1))

    assert (run.lambd, run.lr) == (3, pytest.approx(0.003))
    assert (type(run.lambd), type(run.lr)) == (float, float)


@pytest.mark.parametrize(
    "batch_size",
    [
        7,
        8,
        10**6,
        10**30,
    ],
)
def test_a_batch_size_above_n_means_the_full_batch(implementation, small, batch_size):
    full = implementation.train(small, 3, epochs=4, batch_size=7)

    run = implementation.train(small, 3, epochs=4, batch_size=batch_size)

    assert torch.equal(run.w, full.w)


# Tensors


def double(tensor):
    return tensor.double()


def integer(tensor):
    return tensor.long()


def numpy(tensor):
    return tensor.numpy()


def listed(tensor):
    return tensor.tolist()


def flat(tensor):
    return tensor.flatten()


def batched(tensor):
    return tensor[None]


def transposed(tensor):
    return tensor.T


def longer(tensor):
    return torch.cat([tensor, tensor[:1]])


def elsewhere(tensor):
    return tensor.to("meta")


def with_last(number):
    def change(tensor):
        changed = tensor.clone()
        changed[-1] = number
        return changed

    change.__name__ = f"with_last_{number}"
    return change


# change, error, what the message says besides the name
WRONG_TENSORS = [
    (numpy, TypeError, "torch.Tensor"),
    (listed, TypeError, "torch.Tensor"),
    (integer, TypeError, "torch.int64"),
    (torch.Tensor.half, TypeError, "torch.float16"),
    (torch.Tensor.cfloat, TypeError, "torch.complex64"),
    (with_last(NAN), ValueError, "nan"),
    (with_last(INF), ValueError, "inf"),
    (with_last(-INF), ValueError, "-inf"),
    (batched, ValueError, "(1, "),
]


@pytest.mark.parametrize("name", ["X_train", "y_train", "X_test", "y_test", "w_true"])
@pytest.mark.parametrize(("change", "error", "word"), WRONG_TENSORS)
def test_a_problem_names_the_wrong_tensor(name, change, error, word):
    problem = synthetic_data(3, 5, 4)

    with pytest.raises(error) as caught:
        dataclasses.replace(problem, **{name: change(getattr(problem, name))})

    assert_tells(caught, name)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change", "error", "words"),
    [
        ("X_train", flat, ValueError, ["(n, p)", "(12,)"]),
        ("X_train", transposed, ValueError, ["y_train", "(4, 1)", "(3, 1)"]),
        ("y_train", flat, ValueError, ["y_train", "(3, 1)", "(3,)"]),
        ("y_train", transposed, ValueError, ["y_train", "(3, 1)", "(1, 3)"]),
        ("y_train", longer, ValueError, ["y_train", "(3, 1)", "(4, 1)"]),
        ("y_train", double, TypeError, ["y_train", "torch.float32", "torch.float64"]),
        ("y_train", elsewhere, ValueError, ["y_train", "cpu", "meta"]),
        ("X_test", flat, ValueError, ["X_test", "(m, 4)", "(20,)"]),
        ("X_test", transposed, ValueError, ["X_test", "(m, 4)", "(4, 5)"]),
        ("X_test", double, TypeError, ["X_test", "torch.float32", "torch.float64"]),
        ("X_test", elsewhere, ValueError, ["X_test", "cpu", "meta"]),
        ("y_test", flat, ValueError, ["y_test", "(5, 1)", "(5,)"]),
        ("y_test", longer, ValueError, ["y_test", "(5, 1)", "(6, 1)"]),
        ("y_test", double, TypeError, ["y_test", "torch.float32", "torch.float64"]),
        ("y_test", elsewhere, ValueError, ["y_test", "cpu", "meta"]),
        ("w_true", flat, ValueError, ["w_true", "(4, 1)", "(4,)"]),
        ("w_true", longer, ValueError, ["w_true", "(4, 1)", "(5, 1)"]),
        ("w_true", double, TypeError, ["w_true", "torch.float32", "torch.float64"]),
        ("w_true", elsewhere, ValueError, ["w_true", "cpu", "meta"]),
    ],
)
def test_the_tensors_of_a_problem_must_match(name, change, error, words):
    problem = synthetic_data(3, 5, 4)

    with pytest.raises(error) as caught:
        dataclasses.replace(problem, **{name: change(getattr(problem, name))})

    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("name", "sizes"), [("X_train", (0, 4, 5)), ("X_train", (3, 0, 5))]
)
def test_a_problem_is_not_empty(name, sizes):
    n, p, m = sizes
    X, y = torch.zeros(n, p), torch.zeros(n, 1)

    with pytest.raises(ValueError, match=rf"{name} must not be empty.*\({n}, {p}\)"):
        RegressionProblem(X, y, torch.zeros(m, p), torch.zeros(m, 1), X[:1].T, 0)


def test_a_problem_has_test_examples():
    X, y = torch.zeros(3, 4), torch.zeros(3, 1)

    with pytest.raises(ValueError, match=r"X_test must not be empty.*\(0, 4\)"):
        RegressionProblem(X, y, X[:0], y[:0], torch.zeros(4, 1), 0)


@pytest.mark.parametrize(
    ("name", "value", "error"), cases("b_true", NOT_NUMBERS, NOT_FINITE)
)
def test_the_true_bias_is_a_number(name, value, error):
    with pytest.raises(error) as caught:
        dataclasses.replace(synthetic_data(3, 5, 4), **{name: value})

    assert_tells(caught, "b_true", "must be")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", ["w_init", "b_init"])
@pytest.mark.parametrize(("change", "error", "word"), WRONG_TENSORS)
def test_train_names_the_wrong_start(implementation, name, change, error, word):
    problem = synthetic_data(3, 5, 4)
    start = {"w_init": torch.ones(4, 1), "b_init": torch.ones(1)}[name]

    with pytest.raises(error) as caught:
        implementation.train(problem, 3, epochs=1, **{name: change(start)})

    assert_tells(caught, name)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "start", "error", "words"),
    [
        ("w_init", torch.ones(4), ValueError, ["w_init", "(4, 1)", "(4,)"]),
        ("w_init", torch.ones(1, 4), ValueError, ["w_init", "(4, 1)", "(1, 4)"]),
        ("w_init", torch.ones(0, 1), ValueError, ["w_init", "(4, 1)", "(0, 1)"]),
        ("w_init", torch.ones(4, 1).double(), TypeError, ["w_init", "torch.float64"]),
        ("w_init", elsewhere(torch.ones(4, 1)), ValueError, ["w_init", "meta"]),
        ("w_init", 0.0, TypeError, ["w_init", "0.0"]),
        ("b_init", torch.tensor(1.0), ValueError, ["b_init", "(1,)", "()"]),
        ("b_init", torch.ones(2), ValueError, ["b_init", "(1,)", "(2,)"]),
        ("b_init", torch.ones(1).double(), TypeError, ["b_init", "torch.float64"]),
        ("b_init", elsewhere(torch.ones(1)), ValueError, ["b_init", "meta"]),
        ("b_init", 0.0, TypeError, ["b_init", "0.0"]),
    ],
)
def test_a_start_must_match_the_problem(implementation, name, start, error, words):
    with pytest.raises(error) as caught:
        implementation.train(synthetic_data(3, 5, 4), 3, epochs=1, **{name: start})

    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    "not_a_problem", [None, "data", (torch.ones(2, 2), torch.ones(2, 1))]
)
def test_train_wants_a_problem(implementation, not_a_problem):
    with pytest.raises(TypeError) as caught:
        implementation.train(not_a_problem, 3)

    assert_tells(caught, "problem", "RegressionProblem")
    assert repr(not_a_problem) in str(caught.value)
