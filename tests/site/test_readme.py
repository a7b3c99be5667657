"""The README keeps its word: its commands, its links, its code, its picture."""

import io
import re
import tomllib
from pathlib import Path

import matplotlib.image
import numpy as np

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_every_session_named_is_one():
    noxfile = (ROOT / "noxfile.py").read_text("utf-8")
    functions = re.findall(r"^@nox\.session.*\ndef (\w+)", noxfile, re.MULTILINE)
    sessions = {name.replace("_", "-") for name in functions}
    rows = re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)
    in_table = set(re.findall(r"`([\w-]+)`", " ".join(rows[1:])))

    assert in_table >= {"docs", "tests"}
    assert in_table | set(re.findall(r"nox -s ([\w-]+)", README)) <= sessions


def test_every_file_named_is_there():
    targets = re.findall(r"\]\(([^)\s]+)\)", README)
    words = " ".join(re.findall(r"`([^`\n]+)`", README))
    commands = "".join(text for kind, text in BLOCKS if kind == "console")
    tree = "".join(text for kind, text in BLOCKS if not kind)
    names = {target for target in targets if not target.startswith("http")}
    names |= set(re.findall(r"[\w./-]+\.(?:py|txt|toml|cff)\b", f"{words} {commands}"))
    names |= set(re.findall(r"^\S+", tree, re.MULTILINE))

    assert len(names) > 8
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_without_the_constraints_it_asks_for_what_the_package_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (paragraph,) = (p for p in README.split("\n\n") if "musl" in p)
    requirement, command = re.findall(r"`([^`]+)`", paragraph)
    install, build = command.split(" && ")

    assert requirement in project["project"]["dependencies"]
    assert install.startswith("python -m pip install -e . --group ")
    assert install.split()[-1] in project["dependency-groups"]
    assert (ROOT / build.split()[1]).exists()


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
