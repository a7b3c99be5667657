"""The book as its readers get it: what the pages in docs/_build/html say and load."""

import ast
import inspect
import math
import posixpath
import re
import runpy
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
import torch
from reading import CSS_ADDRESS, NUMBER, agrees, is_local, numbers_of, prose

import weight_decay
from weight_decay import concise, conventions, optimizers, plotting, ridge, scratch

ROOT = Path(__file__).parents[2]

SCRATCH = "auto_examples/plot_1_from_scratch.html"
CONCISE = "auto_examples/plot_2_concise.html"
QUESTIONS = [
    "half",
    "square",
    "bias",
    "broadcasting",
    "scratch-or-concise",
    "logged-loss",
    "rising-train-loss",
    "log-axis",
    "explode",
    "normal-value",
    "choose",
    "learning-rate",
    "batch-size",
    "zeros",
    "l1",
    "early-stopping",
    "dropout",
    "prior",
    "optimizer-or-loss",
    "momentum",
    "adamw",
    "parameter-groups",
    "no-gradient",
    "normalisation",
    "language-models",
]
READING_ORDER = [
    "index.html",
    "chapter/problem.html",
    "chapter/decay.html",
    SCRATCH,
    CONCISE,
    "chapter/summary.html",
    "questions/pow.html",
    "questions/lambda.html",
    "questions/norm.html",
    "questions/more.html",
    *(f"questions/{name}.html" for name in QUESTIONS),
    "chapter/closer.html",
    "auto_examples/plot_3_forgotten_start.html",
    "auto_examples/plot_4_same_lambda.html",
    "chapter/conventions.html",
    "auto_examples/plot_5_many_seeds.html",
    "chapter/twenty.html",
    "auto_examples/plot_6_ridge.html",
    "chapter/directions.html",
    "auto_examples/plot_7_which_lambda.html",
    "chapter/figure.html",
    "auto_examples/plot_8_two_dimensions.html",
    "auto_examples/plot_9_late_understanding.html",
    "chapter/optimizers.html",
    "auto_examples/plot_10_adam.html",
    "chapter/memory.html",
    "auto_examples/plot_11_deep_network.html",
    "exercises/first.html",
    "exercises/choosing.html",
    "exercises/beyond.html",
    "reference/api.html",
    "reference/notation.html",
    "reference/glossary.html",
    "reference/bibliography.html",
    "reference/downloads.html",
]
GALLERY = [name for name in READING_ORDER if name.startswith("auto_examples/")]
LAMBDAS = (0, 3, 10)

LOADED_BY_SCRIPT = re.compile(r"""(?:fetch|import|src\s*=)\W*["'`](?:https?:)?//""")
REMNANTS = re.compile(
    r"""`                     # of a literal, a role or a link
      | \*\*                  # of bold text
      | \{[\w:.-]+\}          # of a role in MyST
      | (?<!\S):[\w:]+:       # of a role or a field in reStructuredText
      | \.\.\ [\w-]+::        # of a directive
      | \\[A-Za-z]+ | \$      # of a formula
      | No\ key | Traceback | Warning:""",
    re.VERBOSE,
)


def repeated(things):
    return [thing for thing, times in Counter(things).items() if times > 1]


# -- The pages and their parts ------------------------------------------------


def test_next_leads_through_the_book_in_reading_order(pages):
    order = ["index.html"]
    while forward := pages[order[-1]].html.select_one("a.next-page"):
        order.append(pages[order[-1]].target(forward["href"])[0])
        assert len(order) <= len(pages)

    assert order == READING_ORDER


def test_the_headings_form_a_tree_with_one_root(pages):
    for name in READING_ORDER:
        found = pages[name].article.find_all(re.compile("^h[1-6]$"))
        levels = [int(heading.name[1]) for heading in found]

        assert levels.count(1) == 1, name
        assert levels[0] == 1, name
        steps = [(a, b) for a, b in pairwise(levels) if b > a + 1]
        assert steps == [], name


def test_an_id_names_one_thing(pages):
    for name, page in pages.items():
        assert repeated(page.ids) == [], name


def test_nothing_is_left_of_the_markup(pages):
    for name, page in pages.items():
        assert page.html.select(".system-message, .problematic") == [], name
        assert page.html.select(".stderr, .traceback") == [], name
        assert REMNANTS.findall(prose(page.article)) == [], name
        assert all(text.strip() for text in page.glued), name


def test_every_picture_is_described_in_a_sentence(pages):
    for name, page in pages.items():
        for image in page.html.find_all("img"):
            assert "alt" in image.attrs, f"{name}: {image}"
            if image.find_parent(class_="sphx-glr-thumbcontainer"):
                continue  # the title of its page stands below it
            alt = image["alt"]
            assert len(alt.split()) >= 6, f"{name}: {alt!r}"
            assert alt[0].isupper() or alt[0] == "λ", f"{name}: {alt!r}"


# -- Addresses ----------------------------------------------------------------


def test_every_link_leads_somewhere_and_every_file_is_there(pages, book):
    dead = []
    for name, page in pages.items():
        for _, address in page.addresses:
            if not is_local(address):
                continue
            target, fragment = page.target(address)
            lost = target.startswith("..") or not (book / target).is_file()
            if not lost and fragment and target in pages:
                lost = fragment not in pages[target].ids
            if lost:
                dead.append(f"{name}: {address}")
    assert dead == []


def test_a_browser_asks_no_other_host(pages, book):
    foreign, loaded = [], set()
    for name, page in pages.items():
        for tag, address in page.addresses:
            if is_local(address):
                loaded.add(page.target(address)[0])
            elif tag.name != "a" and not address.startswith("data:"):
                foreign.append(f"{name}: {tag.name} {address}")
        code = " ".join(script.text for script in page.html.find_all("script"))
        foreign += [f"{name}: {found}" for found in LOADED_BY_SCRIPT.findall(code)]
    sheets = {name for name in loaded if name.endswith(".css")}
    scripts = {name for name in loaded if name.endswith(".js")}
    assert sheets
    assert scripts
    for name in sheets:
        for address in CSS_ADDRESS.findall((book / name).read_text("utf-8")):
            if is_local(address):
                file = book / posixpath.dirname(name) / urlsplit(address).path
                assert file.is_file(), f"{name}: {address}"
            elif not address.startswith("data:"):
                foreign.append(f"{name}: {address}")
    for name in scripts:
        found = LOADED_BY_SCRIPT.findall((book / name).read_text("utf-8"))
        foreign += [f"{name}: {text}" for text in found]
    assert foreign == []


def test_a_first_visit_is_light(pages, book):
    bench = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "book.py"))
    for name in pages:
        files = bench["first_visit"](book / name)
        kilobytes = sum(file.stat().st_size for file in files) / 1000

        assert {file.suffix for file in files} >= {".html", ".css", ".js"}, name
        assert kilobytes <= bench["BUDGET_PAGE"], name


# -- Formulas -----------------------------------------------------------------


def test_formulas_are_mathml_and_need_no_script(pages):
    for name, page in pages.items():
        for formula in page.html.select(".math"):
            assert len(formula.find_all("math")) == 1, f"{name}: {formula}"
            assert not formula.find(["merror", "code"]), f"{name}: {formula}"
        for script in page.html.find_all("script"):
            assert "mathjax" not in str(script).lower(), name
    plain = ("questions/more", "reference/")  # lists and tables
    book = [name for name in READING_ORDER if not name.startswith(plain)]
    without = [name for name in book if not pages[name].html.find("math")]
    assert without == []


# -- The gallery --------------------------------------------------------------


def test_six_runs_and_two_overviews_each_with_its_own_words(pages, book, gallery, runs):
    alts, pictures = [], set()
    for name, module in {SCRATCH: scratch, CONCISE: concise}.items():
        figures = gallery[Path(name).stem].figures
        assert [len(figure.axes) for figure in figures] == [1, 1, 1, 3]
        overview = figures[3].axes
        for axes in ([figure.axes[0] for figure in figures[:3]], overview):
            for ax, lambd in zip(axes, LAMBDAS, strict=True):
                run = runs[module, lambd]
                train, test = (list(line.get_ydata()) for line in ax.get_lines())
                assert train == pytest.approx(run.train_loss, rel=0.01, abs=1e-9)
                assert test == pytest.approx(run.test_loss, rel=0.01)

        titles = [figure.axes[0].get_title(loc="left") for figure in figures[:3]]
        titles.append(figures[3].get_suptitle())
        images = pages[name].article.select("img[class*=sphx-glr-]")
        for image, title in zip(images, titles, strict=True):
            assert title
            assert image["alt"].startswith(title)
            alts.append(image["alt"])
            pictures.add((book / pages[name].target(image["src"])[0]).read_bytes())

    assert repeated(alts) == []
    assert len(pictures) == 8


@pytest.mark.parametrize("name", GALLERY)
def test_a_gallery_page_shows_what_the_script_prints_now(pages, gallery, name):
    fresh = [line for line in gallery[Path(name).stem].printed.splitlines() if line]

    assert len(fresh) > 6
    for shown, line in zip(pages[name].printed, fresh, strict=True):
        assert NUMBER.sub("#", shown).split() == NUMBER.sub("#", line).split()
        assert numbers_of(shown) == pytest.approx(numbers_of(line), rel=1e-3)


def body_of(function):
    """The source of a function without decorators and docstring."""
    lines = inspect.getsource(inspect.unwrap(function)).splitlines()
    while lines[0].startswith("@"):
        del lines[0]
    code = "\n".join(lines)
    return re.sub(r'(?ms)^    """.*?"""\n', "", code, count=1)


@pytest.mark.parametrize(
    ("name", "module", "functions"),
    [
        (SCRATCH, scratch, "linreg squared_loss l2_penalty init_params sgd train"),
        (CONCISE, concise, "linear_net decaying_sgd train"),
        ("questions/pow.html", scratch, "l2_penalty"),
    ],
)
def test_the_code_on_the_page_is_that_of_the_package(pages, name, module, functions):
    file = module.__name__.replace(".", "/") + ".py"
    names = []
    for caption, code in pages[name].package_code:
        shown = [node.name for node in ast.parse(code).body]
        assert caption == file
        assert code == "\n\n\n".join(body_of(getattr(module, name)) for name in shown)
        names += shown
    assert names == functions.split()


def downloads(page):
    """The files offered on a page, by their endings."""
    links = page.article.select("a.download[href]")
    files = [page.book / page.target(link["href"])[0] for link in links]
    assert len(files) == len({file.suffix for file in files})
    return {file.suffix: file for file in files}


@pytest.mark.parametrize("name", GALLERY)
def test_the_script_offered_is_the_script(pages, name):
    script = ROOT / "examples" / f"{Path(name).stem}.py"

    assert downloads(pages[name])[".py"].read_bytes() == script.read_bytes()


@pytest.mark.parametrize("name", GALLERY)
def test_the_notebook_offered_holds_the_code_and_no_markup_of_sphinx(pages, name):
    notebook = nbformat.read(downloads(pages[name])[".ipynb"], as_version=4)
    nbformat.validate(notebook)
    script = (ROOT / "examples" / f"{Path(name).stem}.py").read_text("utf-8")

    def cells(kind):
        found = [cell.source for cell in notebook.cells if cell.cell_type == kind]
        return [source.strip() for source in found]

    # A block of the script: its text, as comment lines, and then its code.
    blocks = re.split(r"^# %%\n(?:#.*\n)*", script, flags=re.MULTILINE)[1:]
    assert cells("code") == [block.strip() for block in blocks if block.strip()]
    text = "\n".join(cells("markdown"))
    assert text.startswith("# ")
    # A role, a directive, a link, a label: nothing of Sphinx means anything here.
    assert re.findall(r"(?m):[\w:]+:`.*|^ *\.\. .*|`_\b|sphx_glr\w*", text) == []
    for _, code in pages[name].package_code:
        assert f"```python\n{code}\n```" in text


# -- The numbers --------------------------------------------------------------


def test_the_table_of_the_summary_is_that_of_six_fresh_runs(pages, problem, runs):
    rows = pages["chapter/summary.html"].article.table.tbody.find_all("tr")
    table = [[cell.text.strip() for cell in row.find_all("td")] for row in rows]

    for row, (module, lambd) in zip(table[:6], runs, strict=True):
        run = runs[module, lambd]
        unit = {"half squared error": 2, "squared error": 1}[run.loss_unit]
        assert row[1] == str(lambd)
        assert agrees(row[2], run.w_norm)
        # The last one is made of rounding errors, and they may differ.
        noise = (module, lambd) == (concise, 0)
        assert agrees(row[3], unit * run.train_loss[-1]) or noise
        assert agrees(row[4], unit * run.test_loss[-1])
    assert float(table[3][3]) < 1e-9
    assert [row[0] for row in table[:6]] == ["scratch", "", "", "concise", "", ""]
    constant = float(((problem.y_test - 0.05) ** 2).mean())
    assert agrees(table[6][4], constant)

    in_prose = pages["chapter/summary.html"].glued[3 * 6 + 1 :]
    left = [180**0.5 * (1 - 0.003 * lambd) ** 400 for lambd in LAMBDAS]
    losses = [2 * runs[scratch, lambd].test_loss[-1] for lambd in (0, 10)]
    fresh = [*left, *losses, constant]
    assert all(map(agrees, in_prose, fresh))
    assert len(in_prose) == len(fresh)


def test_the_first_page_names_the_norm_that_decay_leaves(pages):
    (shown,) = pages["index.html"].glued

    assert agrees(shown, 180**0.5 * 0.991**400)


def test_the_numbers_of_the_problem(pages, problem):
    X, y = problem.X_train.double(), problem.y_train.double()
    start = torch.normal(0, 1, (200, 1), generator=torch.Generator().manual_seed(0))
    start = start.double()
    fit = start + X.T @ torch.linalg.solve(X @ X.T, y - X @ start)
    predictions = problem.X_test.double() @ fit
    test_loss = float(((predictions - problem.y_test) ** 2).mean()) / 2
    page = pages["chapter/problem.html"]

    shown = [text.removesuffix("%").rstrip() for text in page.glued]
    spreads = [float(problem.y_test.std()), float(predictions.std())]
    luck = 100 * (2 / 180 + 2 / 100) ** 0.5
    fresh = [20, 180, test_loss, *spreads, 180, 180, 180, luck]
    assert all(map(agrees, shown, fresh))
    assert len(shown) == len(fresh)
    _, losses, from_zero = page.printed
    assert agrees(losses.split()[-1], test_loss)
    shortest = problem.X_test.double() @ X.T @ torch.linalg.solve(X @ X.T, y)
    loss_of_shortest = float(((shortest - problem.y_test) ** 2).mean()) / 2
    assert agrees(from_zero.split()[-1], loss_of_shortest)


def test_the_numbers_of_the_decay(pages):
    page = pages["chapter/decay.html"]

    taken, left = (text.removesuffix("%").rstrip() for text in page.glued)
    assert agrees(taken, 100 * 0.003 * 3)
    assert agrees(left, 100 * 0.991**400)
    difference, _, *table = page.printed
    assert numbers_of(difference)[0] < 1e-12
    for row, lambd in zip(table, LAMBDAS, strict=True):
        factor = 1 - 0.003 * lambd
        shown_lambd, shown_factor, shown_half_life, shown_left = row.split()
        assert int(shown_lambd) == lambd
        assert agrees(shown_factor, factor)
        assert agrees(shown_left, factor**400)
        if lambd:
            assert agrees(shown_half_life, math.log(0.5) / math.log(factor))
        else:
            assert shown_half_life == "inf"


def test_the_numbers_of_the_question_about_lambda(pages, problem):
    printed = pages["questions/lambda.html"].printed
    share = printed.index("epoch      loss    λ·½‖w‖²   share of the penalty")
    sweep = printed.index("    λ   ‖w‖₂      train     test")

    for row in printed[share + 1 : share + 10]:
        epoch, loss, penalty, part = row.removesuffix("%").split()
        run = scratch.train(problem, 3, epochs=int(epoch))
        price = 3 * run.w_norm**2 / 2
        assert agrees(loss, run.train_loss[-1])
        assert agrees(penalty, price)
        assert agrees(part, 100 * price / (price + run.train_loss[-1]))
    *rows, last = printed[sweep + 1 :]
    assert len(rows) == 8
    for row in rows:
        lambd, norm, train, test = row.split()
        run = scratch.train(problem, float(lambd))
        assert agrees(norm, run.w_norm)
        assert agrees(train, run.train_loss[-1])
        assert agrees(test, run.test_loss[-1])
    with pytest.raises(weight_decay.DivergenceError) as error:
        scratch.train(problem, float(last.split()[0]))
    assert agrees(NUMBER.findall(last)[1], error.value.step)


def test_the_numbers_of_the_question_about_the_norm(pages, runs):
    printed = pages["questions/norm.html"].printed
    lengths = printed.index(" λ     norm ‖w‖₂   squared ‖w‖₂²   penalty ½‖w‖₂²")
    sensitivity = printed.index(" λ    0.1 · ‖w‖₂    measured")

    for row, lambd in zip(printed[lengths + 1 : lengths + 4], LAMBDAS, strict=True):
        norm = runs[scratch, lambd].w_norm
        assert all(map(agrees, row.split(), [lambd, norm, norm**2, norm**2 / 2]))
    for row, lambd in zip(printed[sensitivity + 1 :][:3], LAMBDAS, strict=True):
        norm = runs[scratch, lambd].w_norm
        assert all(map(agrees, row.split(), [lambd, norm / 10]))


def test_the_first_page_counts_right(pages):
    text = " ".join(pages["index.html"].article.text.split())
    exercises = [
        heading
        for name in READING_ORDER
        if name.startswith("exercises/")
        for heading in pages[name].article.find_all("h2")
    ]

    words = {11: "Eleven scripts", 16: "Sixteen exercises", 25: "twenty-five more"}
    for number in (len(GALLERY), len(exercises), len(QUESTIONS)):
        assert words.pop(number) in text
    numbers = [int(heading.text.split(".")[0]) for heading in exercises]
    assert numbers == list(range(1, len(exercises) + 1))


def test_figures_on_pages_have_a_caption_that_is_a_sentence(pages):
    captions = [
        figure.select_one(".caption-text").text.strip()
        for page in pages.values()
        for figure in page.article.find_all("figure")
    ]

    assert len(captions) > 20
    for caption in captions:
        assert len(caption.split()) >= 6, caption
        assert caption[0].isupper() or caption[0] in "λη√", caption
        assert caption.endswith("."), caption


# -- The reference ------------------------------------------------------------


def public_functions(module):
    return {
        f"{module.__name__}.{name}"
        for name, value in vars(module).items()
        if inspect.isfunction(inspect.unwrap(value)) and not name.startswith("_")
        if value.__module__ == module.__name__
    }


def test_the_reference_lists_every_public_name(pages):
    names = {f"weight_decay.{name}" for name in weight_decay.__all__}
    names -= {"weight_decay.scratch", "weight_decay.concise"}
    names |= {"module-weight_decay.scratch", "module-weight_decay.concise"}
    for module in (scratch, concise, plotting, ridge, optimizers, conventions):
        names |= public_functions(module)
    names -= {"weight_decay.optimizers.checked"}  # how arguments are checked
    names |= {"weight_decay.sweep.sweep", "weight_decay.sweep.SweepResult"}
    names |= {f"weight_decay.optimizers.{name}" for name in ("SGD", "Momentum", "Adam")}
    names |= {"weight_decay.optimizers.Decay", "weight_decay.ridge.Anatomy"}

    assert names - set(pages["reference/api.html"].ids) == set()


def calls(script):
    """The last two parts of the name of everything that a script calls."""
    tree = ast.parse(script.read_text("utf-8"))
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {".".join(ast.unparse(name).split(".")[-2:]) for name in called}


def test_the_reference_shows_which_scripts_use_a_function(pages):
    page = pages["reference/api.html"]
    expected, shown = set(), set()
    for section in page.article.find_all("section", recursive=True):
        kinds = "dl.function > dt[id], dl.class > dt[id]"
        functions = {tag["id"] for tag in section.select(kinds)}
        functions -= {"weight_decay.plotting.book_style"}  # every script draws in it
        if not functions or section.h1:
            continue
        name = section["id"]
        links = section.select(".sphx-glr-thumbcontainer a[href]")
        shown |= {(name, page.target(link["href"])[0]) for link in links}
        for script in ROOT.glob("examples/plot_*.py"):
            used = calls(script)
            for function in functions:
                *_, module, short = function.split(".")
                if f"{module}.{short}" in used or short in used:
                    expected.add((name, f"auto_examples/{script.stem}.html"))
    assert len(expected) >= 6
    assert shown == expected
