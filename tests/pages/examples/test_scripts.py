"""The gallery scripts as a reader runs them, and the form that the gallery needs."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from gallery import by_number
from reading import agrees

from weight_decay import concise, scratch, synthetic_data

EXAMPLES = Path(__file__).parents[3] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"), key=lambda path: by_number(path.name))
# The two scripts of the chapter; those behind them have a test file of their own.
MODULES = {"plot_1_from_scratch": scratch, "plot_2_concise": concise}
CORE = pytest.mark.parametrize(
    "script", SCRIPTS[:2], ids=lambda path: path.stem, indirect=True
)
LAMBDAS = (0, 3, 10)
NEEDED = {"math", "matplotlib", "sklearn", "tabulate", "torch", "weight_decay"}


@pytest.fixture(params=SCRIPTS, ids=lambda script: script.stem, scope="module")
def script(request):
    """Each script of the gallery: its path, its text, and its parts."""
    text = request.param.read_text("utf-8")
    tree = ast.parse(text)
    title, _, body = tree.body[0].value.value.strip().partition("\n")
    paragraphs = body.split("\n\n")
    return SimpleNamespace(
        path=request.param, text=text, tree=tree, title=title, paragraphs=paragraphs
    )


@pytest.fixture(scope="module")
def printed(script, gallery):
    """What the script prints."""
    return gallery[script.path.stem].printed


# -- Run ----------------------------------------------------------------------


def test_the_scripts_are_numbered_in_reading_order_and_each_has_its_tests():
    numbers = [by_number(script.name)[0] for script in SCRIPTS]
    tested = {path.stem for path in Path(__file__).parent.glob("test_plot_*.py")}

    assert numbers == list(range(1, len(SCRIPTS) + 1))
    assert [script.stem for script in SCRIPTS[:2]] == list(MODULES)
    assert tested == {f"test_{script.stem}" for script in SCRIPTS[2:]}


@CORE
def test_the_norms_are_those_of_fresh_runs(script, printed, problem):
    printed = re.findall(r"^L2 norm of w: (\d+\.\d{4})$", printed, re.M)
    module = MODULES[script.path.stem]
    fresh = [module.train(problem, lambd).w_norm for lambd in LAMBDAS]

    assert [float(norm) for norm in printed] == pytest.approx(fresh, rel=0, abs=0.6e-4)


def rows_of(printed, header, count):
    """The cells of the rows of a printed table."""
    lines = printed.splitlines()
    (start,) = (i for i, line in enumerate(lines) if line.split() == header.split())
    return [line.split() for line in lines[start + 2 :][:count]]


@pytest.mark.parametrize("script", SCRIPTS[:1], indirect=True)
def test_the_tables_of_the_first_script_are_those_of_fresh_runs(
    script, printed, problem
):
    rows = rows_of(printed, "λ predicted ‖w‖₂ test loss", 4)
    for row, lambd in zip(rows, LAMBDAS, strict=False):
        run = scratch.train(problem, lambd)
        left = 180**0.5 * (1 - run.lr * lambd) ** 400
        assert all(map(agrees, row, [lambd, left, run.w_norm, run.test_loss[-1]]))
    null = float(((problem.y_test - problem.y_train.mean()) ** 2).mean()) / 2
    assert agrees(rows[3][1], null)

    rows = rows_of(printed, "λ as above no noise start at 0", 3)
    noiseless = synthetic_data(noise_std=0)
    for row, lambd in zip(rows, LAMBDAS, strict=True):
        zero = scratch.train(problem, lambd, w_init=torch.zeros(200, 1))
        ends = [scratch.train(problem, lambd), scratch.train(noiseless, lambd), zero]
        assert all(map(agrees, row, [lambd, *(run.test_loss[-1] for run in ends)]))


@pytest.mark.parametrize("script", SCRIPTS[1:2], indirect=True)
def test_the_tables_of_the_second_script_are_those_of_fresh_runs(
    script, printed, problem
):
    rows = rows_of(printed, "λ final b its error² test loss", 4)
    for row, lambd in zip(rows, LAMBDAS, strict=False):
        run = concise.train(problem, lambd)
        error = float(run.b) - 0.05
        fresh = [lambd, float(run.b), error**2, run.test_loss[-1]]
        assert all(map(agrees, row, fresh))
    null = float(((problem.y_test - problem.y_train.mean()) ** 2).mean())
    assert agrees(rows[3][2], null)

    rows = rows_of(printed, "λ ‖w‖₂ ‖w‖₂ of twin ratio of losses", 3)
    for row, lambd in zip(rows, LAMBDAS, strict=True):
        norm = concise.train(problem, lambd).w_norm
        shown = list(map(float, row))
        assert shown == pytest.approx([lambd, norm, norm, 2], rel=1e-3, abs=1e-4)


# -- Form ---------------------------------------------------------------------


def test_a_raw_docstring_begins_with_an_underlined_title(script):
    underline = "=" * len(script.title)

    assert script.text.startswith(f'r"""\n{script.title}\n{underline}\n\n')


def test_the_first_paragraph_is_one_plain_sentence(script):
    # The gallery shows it as it is beside the picture, and search engines too.
    sentence = script.paragraphs[1]

    assert re.fullmatch(r"[A-Z][^.!?]*\.", sentence)
    assert not re.search(r"[`$\\*|:]|_\b", sentence)


def test_text_and_code_are_set_apart_by_one_kind_of_line(script):
    lines = script.text.splitlines()
    splitters = [line for line in lines if re.match(r"# ?%%|#{20}|#[-+]", line)]

    assert len(splitters) > 5
    assert set(splitters) == {"# %%"}
    starts = [number for number, line in enumerate(lines) if line == "# %%"]
    assert lines[starts[0] - 2] == '"""'
    assert all(lines[start - 1] == "" for start in starts)
    assert all(re.match(r"# \S", lines[start + 1]) for start in starts)


def test_lines_fit_their_box(script):
    for number, line in enumerate(script.text.splitlines(), start=1):
        code = number > script.tree.body[0].end_lineno and not line.startswith("#")
        assert len(line) <= (79 if code else 88), f"line {number}"
        assert line == line.rstrip(), f"line {number}"


def test_it_needs_nothing_but_the_package(script):
    imported = set()
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])

    assert imported <= NEEDED
    assert "__file__" not in script.text  # a notebook has none


def test_every_figure_is_shown_as_soon_as_it_is_drawn(script):
    calls = [node for node in ast.walk(script.tree) if isinstance(node, ast.Call)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    steps = []
    for call in calls:
        name = ast.unparse(call.func).rpartition(".")[2]
        onto_axes = name == "plot_losses" and len(call.args) > 1
        if name in {"subplots", "figure", "plot_losses", "compare_runs"}:
            steps += [] if onto_axes else ["draw"]
        elif name == "show":
            steps.append("show")

    assert steps
    assert steps == ["draw", "show"] * (len(steps) // 2)


def test_every_figure_has_a_sentence_for_a_title(script, gallery):
    for figure in gallery[script.path.stem].figures:
        titles = [figure.get_suptitle()]
        titles += [ax.get_title(loc="left") for ax in figure.axes]
        sentences = [title for title in titles if len(title.split()) >= 5]

        assert sentences, titles
        for sentence in sentences:
            assert sentence[0].isupper() or sentence[0] in "λη½", sentence
            assert not sentence.endswith("."), sentence
        for ax in figure.axes:
            shared = ax.get_shared_y_axes().get_siblings(ax)
            below = ax.get_shared_x_axes().get_siblings(ax)
            assert any(other.get_ylabel() for other in shared), sentences
            assert any(other.get_xlabel() for other in below), sentences
