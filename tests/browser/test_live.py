"""The figures that a reader moves: the numbers are torch's, and all can use them."""

import gzip
import math
import random
import re
from dataclasses import replace
from pathlib import Path

import checks
import pytest
import torch

from weight_decay import concise, ridge, scratch, synthetic_data
from weight_decay.run import DivergenceError

SCRIPTS = Path(__file__).parents[2] / "docs" / "_static" / "live"
KINDS = ("run", "two-weights", "how-many")
EXACT, SINGLE = torch.float64, torch.float32
ROUNDING = (
    1e-13  # of a residual, in float64: a loss of 1e-30 has no digit that is right
)
MODULES = {"scratch": scratch, "concise": concise}
CHAPTER = {
    "lambd": 3,
    "lr": 0.003,
    "batch_size": 5,
    "start": 1,
    "noise": 0.01,
    "implementation": "scratch",
    "seed": 0,
}

# Sets controls as a reader does, and returns what the figure says.
SET = """async ([kind, values]) => {
    const figure = document.querySelector(`[data-live="${kind}"]`);
    const event = (name) => new Event(name, { bubbles: true });
    for (const [name, value] of Object.entries(values)) {
        const field = figure.querySelector(`[name="${name}"]`);
        field.value = value;
        field.dispatchEvent(event("input"));
        field.dispatchEvent(event("change"));
    }
    while (!("ready" in figure.dataset)) await new Promise(requestAnimationFrame);
    const said = { diverged: Number(figure.dataset.diverged ?? 0) };
    for (const output of figure.querySelectorAll("output")) {
        said[output.name] = Number(output.dataset.value || NaN);
    }
    return said;
}"""


@pytest.fixture(scope="session")
def live(book):
    """Return a function that opens a page with a figure: window, kind, from where."""
    homes = {}
    for file in sorted(book.rglob("*.html")):
        text = file.read_text("utf-8")
        for kind in KINDS:
            if f'data-live="{kind}"' in text:
                homes.setdefault(kind, file.relative_to(book).as_posix())
    assert set(homes) == set(KINDS)

    def live(window, kind, home, state=""):
        window.goto(f"{home}{homes[kind]}{state}")
        figure = window.locator(f'[data-live="{kind}"]')
        window.wait_for_selector(f'[data-live="{kind}"][data-ready]')
        return figure

    return live


@pytest.fixture(params=["http", "file"])
def home(request):
    """Where the book lies: on a host, or in a folder."""
    if request.param == "http":
        return request.getfixturevalue("site")
    return request.getfixturevalue("book").as_uri() + "/"


def torch_run(settings, dtype):
    """What torch says: the numbers that a figure shows, or the epoch of the end."""
    chosen = dict(settings)
    train = MODULES[chosen.pop("implementation")].train
    noise, start, seed = chosen.pop("noise"), chosen.pop("start"), chosen["seed"]
    problem = synthetic_data(noise_std=noise, seed=seed, dtype=dtype)
    w_init = start * train(problem, 0, epochs=1, seed=seed).w_init
    try:
        run = train(problem, **chosen, w_init=w_init)
    except DivergenceError as error:
        return {"diverged": error.epoch}
    return {
        "w_norm": run.w_norm,
        "train_loss": run.train_loss[-1],
        "test_loss": run.test_loss[-1],
        "diverged": 0,
    }


@pytest.fixture(scope="session")
def runs_of_torch():
    """Settings of the run, drawn at random up to divergence, and what torch says."""
    draw, answers = random.Random(0), []
    for _ in range(40):
        lr = draw.choice([0.003, 10 ** draw.uniform(-4, -0.5)])
        settings = {
            "lambd": draw.choice(
                [0, 10 ** draw.uniform(-1, 2), draw.uniform(0, 6) / lr]
            ),
            "lr": lr,
            "batch_size": draw.randint(1, 20),
            "start": draw.choice([0, 1, draw.random()]),
            "noise": draw.choice([0, 0.01, draw.random()]),
            "implementation": draw.choice(["scratch", "concise"]),
            "seed": draw.randrange(8),
        }
        both = (torch_run(settings, dtype) for dtype in (EXACT, SINGLE))
        answers.append((settings, *both))
    ended = [exact["diverged"] > 0 for _, exact, _ in answers]
    assert 4 <= sum(ended) <= 30
    return answers


def differences(shown, expected, tolerance, rounding=ROUNDING):
    """Names of numbers that differ by more than a share, and by more than rounding."""
    found = []
    for name, value in expected.items():
        size = math.sqrt if name.endswith("loss") else abs  # a loss is a squared error
        close = abs(size(shown[name]) - size(value)) <= rounding
        if not (close or abs(shown[name] - value) <= tolerance * abs(value)):
            found.append(f"{name}: {shown[name]}, torch {value}")
    return found


def test_the_run_is_that_of_torch(fresh, live, home, runs_of_torch):
    live(fresh, "run", home)
    for settings, exact, single in runs_of_torch:
        shown = fresh.evaluate(SET, ["run", settings])
        assert differences(shown, exact, 1e-9) == [], settings
        if not single["diverged"]:
            assert differences(shown, single, 1e-4, 1e-5) == [], settings


@pytest.mark.parametrize("name", ["lambd", "lr", "start", "noise"])
def test_an_error_of_one_in_a_thousand_is_noticed(fresh, live, site, name):
    live(fresh, "run", site)
    fresh.evaluate(
        """(name) => {
            const right = Live.run;
            Live.run = (data, state) =>
                right(data, { ...state, [name]: 1.001 * state[name] });
        }""",
        name,
    )
    settings = CHAPTER | {"noise": 0.2}
    shown = fresh.evaluate(SET, ["run", settings])
    assert differences(shown, torch_run(settings, EXACT), 1e-9)


def test_the_parts_of_the_test_loss_are_those_of_the_package(fresh, live, site):
    live(fresh, "run", site)
    for name, module in MODULES.items():
        parts = fresh.evaluate(
            "(state) => Live.run(Live.unpack(Live.data['run-0']), state).parts",
            CHAPTER | {"implementation": name},
        )
        problem = synthetic_data(dtype=EXACT)
        run = module.train(problem, 3)
        unit = 2 if run.loss_unit == "squared error" else 1
        anatomy = ridge.anatomy(problem, run.w, run.b)._asdict()
        assert parts == pytest.approx({k: unit * v for k, v in anatomy.items()}, 1e-9)


def test_the_path_of_two_weights_is_that_of_torch(fresh, live, home):
    live(fresh, "two-weights", home)
    for lambd, lr, w1, w2 in [(0, 0.1, -1, 3), (0.3, 0.1, 2, -1), (10, 0.2, 1, 1)]:
        values = {"lambd": lambd, "lr": lr, "w1": w1, "w2": w2}
        shown = fresh.evaluate(SET, ["two-weights", values])
        w = torch.tensor([w1, w2], dtype=EXACT, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=lr, weight_decay=lambd)
        for _ in range(200):
            optimizer.zero_grad()
            loss = (2 * w[0] + w[1] - 3) ** 2 / 2
            loss.backward()
            optimizer.step()
        w = w.detach()
        loss = (2 * w[0] + w[1] - 3) ** 2 / 2
        end = {"w_norm": float(w.norm()), "train_loss": float(loss)}
        assert differences(shown, end, 1e-9) == [], values


def test_how_many_examples_is_asked_of_torch(fresh, live, home):
    live(fresh, "how-many", home)
    data = synthetic_data(60, 100, 20, seed=2, dtype=EXACT)
    for n, lambd, steps in [(1, 0, 400), (13, 0.5, 90), (20, 0, 500), (60, 10, 7)]:
        values = {"n": n, "lambd": lambd, "steps": steps}
        shown = fresh.evaluate(SET, ["how-many", values])
        few = replace(data, X_train=data.X_train[:n], y_train=data.y_train[:n])
        settings = {"lr": 0.05, "epochs": steps, "batch_size": n, "seed": 2}
        run = scratch.train(few, lambd, **settings)
        expected = {"w_norm": run.w_norm, "test_loss": run.test_loss[-1]}
        assert differences(shown, expected, 1e-9) == [], values

        left = fresh.evaluate(
            """({ n, ...settings }) => {
                const found = Live.directions(Live.unpack(Live.data.examples), n);
                const left = Live.left(found, { lr: 0.05, ...settings });
                return left.map((share, i) => [found.V.map((row) => row[i]), share]);
            }""",
            values,
        )
        silent = replace(few, y_train=torch.zeros(n, 1, dtype=EXACT))
        for direction, share in left[:: 19 if n == 20 else 20]:
            v = torch.tensor(direction, dtype=EXACT)[:, None]
            w = scratch.train(silent, lambd, **settings, w_init=v.clone()).w
            assert share == pytest.approx(float(v.T @ w), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_program_beside_a_figure_prints_its_numbers(
    fresh, live, site, kind, capsys
):
    values = {"run": {"start": 0.5, "noise": 0.3, "seed": 4}, "how-many": {"n": 24}}
    figure = live(fresh, kind, site)
    shown = fresh.evaluate(SET, [kind, values.get(kind, {"w1": 2})])

    exec(figure.locator(".live-code").text_content(), {})
    printed = map(float, re.findall(r"\d+\.\d+(?:e-\d+)?", capsys.readouterr().out))
    assert shown["w_norm"] in [pytest.approx(number, 1e-4) for number in printed]


def test_a_state_has_an_address(fresh, live, home):
    figure = live(fresh, "run", home, "#lambd=10&seed=2")
    assert figure.locator("[name=lambd]").input_value() == "10"
    expected = torch_run(CHAPTER | {"lambd": 10, "seed": 2}, EXACT)
    assert differences(fresh.evaluate(SET, ["run", {}]), expected, 1e-9) == []

    figure.locator("[name=lambd]").fill("3")
    figure.get_by_role("button", name="another draw").click()
    assert fresh.url.endswith("#seed=3")
    fresh.evaluate("location.hash = 'noise=1'")
    fresh.wait_for_function("document.querySelector('[name=noise]').value === '1'")
    figure.get_by_role("button", name="reset").click()
    assert "#" not in fresh.url
    chapter = torch_run(CHAPTER, EXACT)
    assert differences(fresh.evaluate(SET, ["run", {}]), chapter, 1e-9) == []


def test_a_prediction_stays_where_the_reader_has_set_it(fresh, live, site):
    figure = live(fresh, "run", site)
    figure.locator(".live-picture").click(position={"x": 200, "y": 150})
    guess = figure.locator("[name=guess]").input_value()
    assert 1e-7 < float(guess) < 1e3

    mark = figure.locator(".live-guess-mark")
    before = mark.bounding_box()
    fresh.evaluate(SET, ["run", {"lambd": 10}])
    assert mark.bounding_box() == before
    assert figure.locator("[name=guess]").input_value() == guess


def test_a_start_is_dragged(fresh, live, site):
    figure = live(fresh, "two-weights", site)
    before = fresh.evaluate(SET, ["two-weights", {}])
    figure.locator(".live-handle").scroll_into_view_if_needed()
    box = figure.locator(".live-handle circle").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fresh.mouse.move(x, y)
    fresh.mouse.down()
    fresh.mouse.move(x + 60, y + 40)
    fresh.mouse.up()
    fresh.mouse.move(x, y)  # the hand has let go

    handle = figure.locator(".live-handle circle").first.bounding_box()
    assert handle["x"] - box["x"] == pytest.approx(60, abs=1)
    assert handle["y"] - box["y"] == pytest.approx(40, abs=1)
    assert fresh.evaluate(SET, ["two-weights", {}]) != before


def test_a_wrong_value_is_named(fresh, live, site):
    figure = live(fresh, "run", site)
    error = figure.get_by_role("alert")
    figure.locator("[name=lr]").fill("-1")
    assert error.text_content() == ""  # whoever types is not done yet
    figure.locator("[name=lr]").press("Enter")
    assert error.text_content().startswith("learning rate η = -1: ")
    assert figure.get_attribute("data-ready") is None
    figure.locator("[name=lr]").fill("0.1")
    assert error.text_content() == ""

    figure = live(fresh, "run", f"{site}search.html/../", "#batch_size=0.5&draw=x")
    assert error.text_content() == ""  # no control has the name draw
    fresh.evaluate("location.hash = 'batch_size=0.5'")
    fresh.wait_for_function(
        "!document.querySelector('.live').hasAttribute('data-ready')"
    )
    assert error.text_content().startswith("batch size = 0.5: ")


def test_what_changes_is_said_once_and_politely(fresh, live, site):
    figure = live(fresh, "run", site)
    fresh.evaluate(
        """() => {
            window.said = [];
            const status = document.querySelector(".live-status");
            new MutationObserver(() => said.push(status.textContent))
                .observe(status, { childList: true });
        }"""
    )
    slider = figure.get_by_role("slider", name="weight decay λ")
    for _ in range(20):
        slider.press("ArrowRight")
    fresh.wait_for_function("window.said.length > 0")
    lambd = figure.locator("[name=lambd]").input_value()
    assert float(lambd) > 10
    assert slider.get_attribute("aria-valuetext") == lambd
    (said,) = fresh.evaluate("window.said")
    assert said.startswith(f"With λ = {lambd} the test loss ends at ")
    assert said == figure.get_by_role("img").first.get_attribute("aria-label")
    for output in figure.locator("output").all():
        assert output.get_attribute("aria-live") == "off"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it(look, live, site, kind, dark):
    window = look("about:blank", phone=dark, dark=dark).window
    figure = live(window, kind, site)
    window.evaluate(SET, [kind, {"lambd": 10, "guess": 1} if kind == "run" else {}])
    checks.settle(window)

    assert checks.accessibility(window) == []
    assert checks.sideways(window) == []
    assert checks.walk(window) == []
    small = figure.locator("input, select, button").evaluate_all(
        """(controls) => controls.filter((e) => e.getBoundingClientRect().height < 44)
            .map((e) => e.outerHTML)"""
    )
    assert small == []
    for width in (650, 320):  # a desk at 200 %, and a desk at 400 %
        window.set_viewport_size({"width": width, "height": 844})
        assert checks.sideways(window) == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_jumps_while_it_loads_or_moves(fresh, live, site, kind):
    fresh.add_init_script(
        """window.jumps = [];
        new PerformanceObserver((list) => jumps.push(...list.getEntries()))
            .observe({ type: "layout-shift", buffered: true });"""
    )
    figure = live(fresh, kind, site)
    height = figure.bounding_box()["height"]
    for lambd in (0, 0.1, 5):
        fresh.evaluate(SET, [kind, {"lambd": lambd}])
        assert figure.bounding_box()["height"] == height
    jumps = fresh.evaluate(
        """window.jumps.filter(({ sources }) => sources.some(({ node }) =>
            node?.parentElement?.closest("article"))).map(({ value }) => value)"""
    )
    assert sum(jumps) < 0.01


def test_without_scripts_and_on_paper_a_picture_stands_there(chromium, live, book):
    with chromium.new_context(java_script_enabled=False) as context:
        window = context.new_page()
        window.goto((book / "index.html").as_uri())
        assert window.locator("figure.live img").is_visible()
        assert not window.locator(".live-app").is_visible()
    with chromium.new_context() as context:
        window = context.new_page()
        live(window, "run", book.as_uri() + "/")
        assert not window.locator("figure.live .image-reference").is_visible()
        window.emulate_media(media="print")
        assert window.locator("figure.live img").is_visible()
        assert window.locator("figure.live img").evaluate("(i) => i.naturalWidth") > 0
        assert not window.locator(".live-app").is_visible()


def test_an_epub_has_the_picture_and_a_wrong_name_is_an_error(build_page):
    extensions = ["myst_parser", "mathml", "live"]
    text = "```{live} run\nA picture.\n```\n\n```{live} slow\n```\n\n"
    text += "No cell.\n\n```{live} run\n```"
    built = build_page(text, builder="epub", extensions=extensions)
    assert "A picture." in built.page
    assert "live" not in built.page.partition("A picture.")[0]
    assert "live must be one of ['run', 'two-weights', 'how-many'], got 'slow'" in (
        built.warnings
    )
    assert "live: neither content nor cell" in built.warnings


def test_scripts_are_small_and_loaded_only_where_they_are_used(pages):
    sent = [len(gzip.compress(file.read_bytes())) for file in SCRIPTS.glob("*.js")]
    assert sum(sent) <= 12_288
    for name, page in pages.items():
        figures = {figure["data-live"] for figure in page.html.select("[data-live]")}
        loaded = {
            tag["src"].split("?")[0] for tag in page.html.select("script[src*=live]")
        }
        assert bool(figures) == bool(loaded), name
        assert {f"{kind}.js" for kind in figures} <= {
            src.split("/")[-1] for src in loaded
        }
