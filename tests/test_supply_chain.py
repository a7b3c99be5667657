"""What the project takes from others: pinned, complete, allowed no more than it needs.

`nox -s lock -- check` asks the package index the same, `nox -s lint` has the
workflows read by zizmor, and `nox -s supply` asks for known holes.
"""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYTHONS = ["3.11.9", "3.12.9", "3.13.9"]
SYSTEMS = {
    "linux": ("Linux", "posix"),
    "darwin": ("Darwin", "posix"),
    "win32": ("Windows", "nt"),
}
# Only the CUDA builds of torch need them.
CUDA = re.compile("cuda|nvidia|triton")
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def environment(python, system):
    name, kind = SYSTEMS[system]
    minor = python.rsplit(".", 1)[0]
    own = {"python_version": minor, "python_full_version": python}
    return (
        default_environment()
        | own
        | {
            "sys_platform": system,
            "platform_system": name,
            "os_name": kind,
        }
    )


def applies(requirement, where, extras=("",)):
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**where, "extra": extra}) for extra in extras
    )


def wanted():
    """All that pyproject.toml names: dependencies, extras, groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lists = [project["project"]["dependencies"]]
    lists += project["project"]["optional-dependencies"].values()
    lists += project["dependency-groups"].values()
    return [Requirement(r) for group in lists for r in group if isinstance(r, str)]


def unpinned(constraints, where, requirements):
    """Names without exactly one pin that fits, the needs of needs included.

    Followed as far as packages are installed here.
    """
    lines = [line for line in constraints.splitlines() if re.match(r"\w", line)]
    pins = [pin for pin in map(Requirement, lines) if applies(pin, where)]
    by_name = {}
    for pin in pins:
        by_name.setdefault(canonicalize_name(pin.name), []).append(pin)

    missing, seen, waiting = set(), set(), list(requirements)
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        key = name, frozenset(need.extras), str(need.specifier)
        if key in seen or CUDA.match(name):
            continue
        seen.add(key)
        found = by_name.get(name, [])
        exact = [re.fullmatch(r"==([\w.!]+)", str(pin.specifier)) for pin in found]
        if len(found) != 1 or not exact[0] or exact[0][1] not in need.specifier:
            missing.add(name)
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        extras = ("", *need.extras)
        waiting += [r for r in map(Requirement, needs) if applies(r, where, extras)]
    return missing


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_package_is_pinned_once_for_each_python(python, system):
    where = environment(python, system)
    needs = [need for need in wanted() if applies(need, where)]
    assert len(needs) > 20

    assert unpinned(CONSTRAINTS, where, needs) == set()


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (r"sphinx==\S+", ""),  # wanted by pyproject.toml
        (r"jinja2==\S+", ""),  # wanted by Sphinx
        (r"numpy==\S+ ; python_full_version >= '3.12'", ""),  # by one Python only
        (r"sphinx==\S+", "sphinx>=9"),
        (r"sphinx==\S+", "sphinx==8.0"),
        (r"numpy==\S+ ; python_full_version < '3.12'", "numpy==2.0"),  # two for one
    ],
)
def test_a_pin_that_is_missing_loose_or_wrong_is_found(line, instead):
    constraints, count = re.subn(f"(?m)^{line}$", instead, CONSTRAINTS)
    assert count == 1
    where = environment("3.12.9", "linux")

    found = unpinned(constraints, where, wanted())

    assert found == {re.match("[a-z0-9]+", line)[0]}


def test_the_constraints_name_no_place():
    assert not re.search(r"https?:|file:|--|@", CONSTRAINTS)


def faults(workflow):
    """What a workflow is allowed beyond its need, or takes unpinned."""
    found = []
    if workflow.get("permissions") != {}:
        found.append("permissions of the whole workflow")
    for name, job in workflow["jobs"].items():
        needs = {"contents": "read"}
        steps = job["steps"]
        if any("deploy-pages" in step.get("uses", "") for step in steps):
            needs = {"pages": "write", "id-token": "write"}
        if job.get("permissions") != needs:
            found.append(f"permissions of {name}")
        if "timeout-minutes" not in job:
            found.append(f"no time limit of {name}")
        for step in steps:
            action = step.get("uses", "")
            if action and not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action):
                found.append(f"unpinned {action}")
            options = step.get("with", {})
            keeps = options.get("persist-credentials") is not False
            if "/checkout@" in action and keeps:
                found.append(f"checkout of {name} keeps the credentials")
            run = step.get("run", "")
            if "pip install" in run and "-c constraints.txt" not in run:
                found.append(f"unpinned installation in {name}")
            if "${{" in run:
                found.append(f"an expression inside a command of {name}")
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_have_least_permissions_and_pinned_actions(path):
    text = path.read_text("utf-8")

    assert faults(yaml.safe_load(text)) == []
    # The comment says to a reader, and to the bots, which version a digest is.
    actions = re.findall(r"uses: .*", text)
    assert actions
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", a) for a in actions)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("permissions: {}\n", "", "permissions of the whole workflow"),
        ("contents: read", "contents: write", "permissions of lint"),
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@v5", "unpinned actions"),
        ("persist-credentials: false", "fetch-depth: 0", "keeps the credentials"),
        ("-c constraints.txt nox", "nox", "unpinned installation in lint"),
        ("timeout-minutes: 10\n", "if: true\n", "no time limit of lint"),
        ("nox -s lint", "nox -s ${{ github.head_ref }}", "an expression inside"),
    ],
)
def test_a_workflow_that_takes_more_is_found(old, new, fault):
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert old in text

    found = faults(yaml.safe_load(text.replace(old, new, 1)))

    assert any(fault in entry for entry in found), found
