"""The tool notices what the tests do not: on a module small enough to count."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mutants import run
from mutants.mutations import mutants_of

SOURCE = '''\
"""A module."""

LIMIT: int = 3


def clip(x: int) -> int:
    """Return x, or the limit."""
    if x < LIMIT:
        return x
    return LIMIT


@decorated(True)
def checked(x):
    if x < 0:
        raise ValueError("x must be positive" f", got {x + 1}")
    return call(x, key="a")
'''


@pytest.fixture
def mutants(tmp_path):
    file = tmp_path / "small.py"
    file.write_text(SOURCE, "utf-8")
    return mutants_of(file)


def test_every_fault_is_made_also_outside_functions_and_under_decorators(mutants):
    assert {(mutant.where, mutant.change) for mutant in mutants} == {
        ("(module)", "- LIMIT: int = 3\n+ LIMIT: int = 4"),
        ("clip", "- if x < LIMIT:\n+ if x <= LIMIT:"),
        ("checked", "- @decorated(True)\n+ @decorated(None)"),
        ("checked", "- @decorated(True)\n+ @decorated(False)"),
        ("checked", "- if x < 0:\n+ if x <= 0:"),
        ("checked", "- if x < 0:\n+ if x < 1:"),
        *(
            (
                "checked",
                '- raise ValueError("x must be positive" f", got {x + 1}")\n+ ' + new,
            )
            for new in (
                "raise ValueError(None)",
                'raise ValueError("x must be positive" f", got {x - 1}")',
                'raise ValueError("x must be positive" f", got {x + 2}")',
            )
        ),
        *(
            ("checked", f'- return call(x, key="a")\n+ {new}')
            for new in (
                'return call(None, key="a")',
                "return call(x, )",
                'return call(x, key="XXaXX")',
            )
        ),
    }


PLANT = """
from pathlib import Path
from mutants import run

run.PACKAGE = Path("weight_decay").absolute()
mutants, count = run.survivors_of("small")
print(count, [mutant.change for mutant in mutants])
"""


@pytest.mark.parametrize("careless", [False, True])
def test_what_no_test_notices_survives(tmp_path, careless):
    package, tests = tmp_path / "weight_decay", tmp_path / "tests"
    package.mkdir()
    tests.mkdir()
    (package / "__init__.py").touch()
    (package / "small.py").write_text(SOURCE.split("\n\n\n@")[0] + "\n", "utf-8")
    lines = [
        "from weight_decay.small import clip\n\n",
        "def test_clip():",
        "    assert clip(2) == 2",
        "    assert clip(9) == 3",
    ]
    text = "\n".join(lines[: 3 if careless else 4])
    (tests / "test_small.py").write_text(text, "utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])

    done = subprocess.run(
        [sys.executable, "-c", PLANT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )

    # Of the two faults the first has to be there from the import on.
    equivalent = "- if x < LIMIT:\n+ if x <= LIMIT:"
    missed = ["- LIMIT: int = 3\n+ LIMIT: int = 4"] if careless else []
    assert done.stdout == f"2 {[*missed, equivalent]}\n", done.stderr


def test_a_mutant_that_never_ends_is_noticed():
    def for_ever():
        while True:
            pass

    assert run.forked(for_ever, patience=0.2) is None


def test_the_ledger_and_the_survivors_must_be_the_same(mutants):
    first, second, *_ = mutants
    ledger = {first.key: "why", ("other", "where", "- a\n+ b"): "why"}

    assert run.verdict([first], ["small"], ledger) == []
    (unexplained,) = run.verdict([first, second], ["small"], ledger)
    (gone,) = run.verdict([], ["small"], ledger)

    assert "survives unexplained" in unexplained
    assert second.change in unexplained
    assert "does not survive" in gone
    assert first.change in gone


def test_every_survivor_in_the_ledger_has_a_reason():
    assert all(len(reason) > 20 for reason in run.explained().values())
