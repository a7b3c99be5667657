"""The README keeps its word: commands, links, the menu of sessions, the picture."""

import ast
import io
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def sessions():
    """The sessions of noxfile.py: by name, whether plain `nox` runs them."""
    found = {}
    for node in ast.parse((ROOT / "noxfile.py").read_text("utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            call = isinstance(decorator, ast.Call)
            if ast.unparse(decorator.func if call else decorator) == "nox.session":
                words = decorator.keywords if call else []
                given = {word.arg: ast.literal_eval(word.value) for word in words}
                assert ast.get_docstring(node), f"{node.name}: nox -l has no word on it"
                found[given.get("name", node.name)] = given.get("default", True)
    return found


def names_in(text):
    return re.findall(r"`([\w-]+)`", text)


def test_every_nox_command_names_a_session(sessions):
    named = re.findall(r"nox -s ([\w-]+)", README)

    assert set(named) >= {"docs", "tests"}
    assert set(named) <= set(sessions)


def test_the_table_is_the_menu(sessions):
    rows = re.findall(r"^\| (`.*?) \| .+ \|$", README, re.MULTILINE)
    named = [name for row in rows[1:] for name in names_in(row)]

    assert sorted(named) == sorted(sessions)


def test_nox_alone_runs_what_is_said(sessions):
    said = re.search(r"`nox` alone runs (.*?)\.", README, re.DOTALL)[1]
    default = [name for name, runs in sessions.items() if runs]

    assert sorted(names_in(said)) == sorted(default)


def test_the_two_commands_that_do_everything_stand_alone():
    # A shell runs them as they are: first the book, then the tests.
    kind, commands = BLOCKS[0]

    assert kind == "console"
    assert commands.splitlines() == [
        "python -m pip install nox && python -m nox -s docs",
        "python -m nox -s tests",
    ]


def test_every_file_named_is_there():
    targets = re.findall(r"\]\(([^)\s]+)\)", README)
    local = [target for target in targets if not re.match(r"https?://", target)]
    words = " ".join(re.findall(r"`([^`\n]+)`", README))
    commands = "".join(text for kind, text in BLOCKS if kind == "console")
    files = re.findall(r"[\w./-]+\.(?:py|txt|toml|cff)\b", f"{words} {commands}")
    (tree,) = (text for kind, text in BLOCKS if not kind)
    parts = [line.split()[0] for line in tree.splitlines()]

    assert len(local) >= 3
    assert len(parts) >= 5
    lost = [name for name in {*local, *files, *parts} if not (ROOT / name).exists()]
    assert lost == []


def test_the_python_code_runs():
    (code,) = (text for kind, text in BLOCKS if kind == "python")
    names = {}

    exec(compile(code, "README.md", "exec"), names)

    assert names["run"].lambd == 3


def pixels(file):
    """The colours of a picture, from 0 to 1, without transparency."""
    return np.asarray(matplotlib.image.imread(file))[..., :3]


def test_the_picture_is_that_of_a_fresh_run(gallery):
    (name,) = re.findall(r"^!\[[^\]]{20,}\]\(([^)]+\.png)\)$", README, re.MULTILINE)
    shown = pixels(ROOT / name)
    overview = gallery["plot_1_from_scratch"].figures[-1]
    drawn = io.BytesIO()
    overview.savefig(drawn, dpi=shown.shape[1] / overview.get_figwidth())
    drawn.seek(0)
    fresh = pixels(drawn)

    assert shown.shape == fresh.shape
    different = np.abs(shown - fresh).max(axis=-1) > 0.25
    assert different.mean() < 0.001
