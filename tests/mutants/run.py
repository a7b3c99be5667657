"""Plants each mutant of the package in turn, and asks the tests whether they notice.

    nox -s mutants -- [MODULE ...]

A mutant that no test of its module notices has survived. Each survivor must be
explained in survivors.toml, and each explanation must still have its survivor. Nothing
is written: a mutant lives in the memory of a process of its own, which is forked when
all is imported and all tests are collected.
"""

import argparse
import importlib.abc
import importlib.util
import os
import pickle
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter, defaultdict
from importlib.machinery import SourceFileLoader
from pathlib import Path

os.environ["COVERAGE_CORE"] = "ctrace"  # the core that knows which test is running

import coverage
import matplotlib.pyplot  # noqa: F401
import pytest
import sklearn.linear_model  # noqa: F401
import torch.profiler
import tqdm  # noqa: F401
from hypothesis import Phase, settings
from mutants import transplant
from mutants.mutations import mutants_of

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "weight_decay"
LEDGER = Path(__file__).with_name("survivors.toml")
QUIET = ("-q", "-x", "-s", "--tb=no", "--no-header", "--no-summary")
QUIET += ("-p", "no:cacheprovider", "-p", "no:cov")
QUIET += ("-W", "ignore::pytest.PytestAssertRewriteWarning")
QUIET += ("--hypothesis-profile=mutants",)

# Few examples, always the same, and no time spent on finding a simpler one.
settings.register_profile(
    "mutants",
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
)

# A module's own tests have to notice; what these modules do shows elsewhere, too.
ALSO = {
    "_checks": ("optimizers", "conventions"),
    "_random": ("data", "scratch"),
    "data": ("checks", "random"),
    "scratch": ("run", "checks", "random"),
    "concise": ("run", "checks", "random"),
    "run": ("checks", "random"),
    "__init__": ("package",),
}
BROKEN = 70  # the exit status of a process in which this tool failed
ALOUD = os.dup(2)
PATIENCE = 30.0  # seconds; a mutant that takes longer is stuck, and noticed


def own_files(module):
    """The files of tests that have to notice a fault in the module."""
    names = (module.strip("_"), *ALSO.get(module, ()))
    places = [
        f"{d}/test_{name}.py" for name in names for d in ("tests", "tests/attack")
    ]
    return [place for place in places if Path(place).is_file()]


class Watcher:
    """Notes how long each test takes, and which lines it reaches."""

    def __init__(self):
        self.seconds = defaultdict(float)
        self.coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(PACKAGE / "*.py")]
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration

    def reached(self):
        """The tests that reach a line, by module and line."""
        data = self.coverage.get_data()
        return {
            Path(file).stem: data.contexts_by_lineno(file)
            for file in data.measured_files()
        }


def forked(work, patience):
    """The exit status of `work` in a process of its own; None if it is stuck."""
    pid = os.fork()
    if pid == 0:
        status, errors = BROKEN, os.fdopen(os.dup(2), "w")
        try:
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silence, stream)
            status = int(work())
        except Exception:  # a fault of this tool, not of a mutant
            traceback.print_exc(file=errors)
            errors.flush()
        finally:
            os._exit(status)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(status)
            if status == BROKEN:
                raise RuntimeError("planting a mutant failed, see above")
            return status
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def tell(text):
    """Print now, also from a process whose output is silenced."""
    os.write(ALOUD, text.encode())


def told(work, patience=36_000):
    """What `work` returns, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder, "note")

        def write():
            note.write_bytes(pickle.dumps(work()))
            return 0

        if forked(write, patience) != 0:
            sys.exit("The tests could not be run: nox -s tests may say why")
        return pickle.loads(note.read_bytes())


def watch(files):
    """Run the tests on the code as it is: durations, and who reaches which line."""
    watcher = Watcher()

    def work():
        watcher.coverage.start()
        status = pytest.main([*QUIET, *files], plugins=[watcher])
        watcher.coverage.stop()
        return status, dict(watcher.seconds), watcher.reached()

    status, seconds, reached = told(work)
    if status:
        sys.exit(f"The tests {files} fail on the code as it is: nox -s tests")
    return seconds, reached


def tests_for(mutant, seconds, reached):
    """The tests that reach the mutant, the fast ones first."""
    lines = reached.get(mutant.module, {})

    def reaching(first, last):
        tests = {test for i in range(first, last + 1) for test in lines.get(i, ())}
        return tests & seconds.keys()

    found = reaching(mutant.first, mutant.last) or reaching(*mutant.scope)
    return sorted(found or seconds, key=seconds.__getitem__)


class Nursery:
    """Collects the tests once, then lets each mutant meet them in its own process."""

    def __init__(self, mutants, tests):
        self.mutants, self.tests, self.survivors = mutants, tests, []

    def pytest_runtestloop(self, session):
        by_id = {item.nodeid: item for item in session.items}
        for i, mutant in enumerate(self.mutants):
            items = [by_id[test] for test in self.tests[i] if test in by_id]

            def meet(mutant=mutant, items=items):
                transplant.plant(mutant, PACKAGE)
                session.config.pluginmanager.register(FirstFailure())
                for item, following in zip(items, [*items[1:], None], strict=True):
                    item.config.hook.pytest_runtest_protocol(
                        item=item, nextitem=following
                    )
                return 0

            if forked(meet, PATIENCE) == 0:
                self.survivors.append(i)
                tell(f"{mutant.module}.py:{mutant.first} survives\n{mutant.change}\n")
        return True


class FirstFailure:
    """Ends the process as soon as a test fails."""

    def pytest_runtest_logreport(self, report):
        if report.failed:
            os._exit(1)


class Planted(importlib.abc.MetaPathFinder, SourceFileLoader):
    """Imports one module of the package from a source of our own."""

    def __init__(self, mutant):
        name = "" if mutant.module == "__init__" else f".{mutant.module}"
        super().__init__(f"weight_decay{name}", str(PACKAGE / f"{mutant.module}.py"))
        self.source = mutant.source

    def find_spec(self, fullname, path=None, target=None):
        if fullname == self.name:
            package = [str(PACKAGE)] if fullname == "weight_decay" else None
            return importlib.util.spec_from_file_location(
                fullname, self.path, loader=self, submodule_search_locations=package
            )
        return None

    def get_code(self, fullname):
        return compile(self.source, self.path, "exec")


class Chosen:
    """Runs the chosen tests only, in the order chosen."""

    def __init__(self, tests):
        self.order = {test: i for i, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items):
        chosen = [item for item in items if item.nodeid in self.order]
        items[:] = sorted(chosen, key=lambda item: self.order[item.nodeid])


def survives_import(mutant, tests):
    """Whether no test notices a mutant that has to be there from the import on."""

    def meet():
        sys.meta_path.insert(0, Planted(mutant))
        # One file after the other, so that the first to notice spares the rest.
        for file in dict.fromkeys(test.split("::")[0] for test in tests):
            if pytest.main([*QUIET, file], plugins=[Chosen(tests)]):
                return 1
        return 0

    return forked(meet, 2 * PATIENCE) == 0


def survivors_of(module):
    """The mutants of a module that none of its tests notices, and the count of all."""
    files = own_files(module)
    seconds, reached = watch(files)
    mutants = mutants_of(PACKAGE / f"{module}.py")
    tests = [tests_for(mutant, seconds, reached) for mutant in mutants]
    in_functions = [transplant.possible(mutant, PACKAGE) for mutant in mutants]
    for i, possible in enumerate(in_functions):
        if not possible:  # what is done on import shows in tests that reach no line
            others = sorted(seconds.keys() - set(tests[i]), key=seconds.__getitem__)
            tests[i] = tests[i] + others
    fast = [i for i, possible in enumerate(in_functions) if possible]

    def nurse():
        nursery = Nursery([mutants[i] for i in fast], [tests[i] for i in fast])
        pytest.main([*QUIET, *files], plugins=[nursery])
        return nursery.survivors

    alive = {fast[i] for i in told(nurse)}
    alive |= {
        i
        for i, mutant in enumerate(mutants)
        if not in_functions[i] and survives_import(mutant, tests[i])
    }
    return [mutants[i] for i in sorted(alive)], len(mutants)


def explained():
    """The entries of the ledger, by their key."""
    entries = tomllib.loads(LEDGER.read_text("utf-8"))["survivor"]
    return {
        (entry["module"], entry["where"], entry["change"].strip()): entry["reason"]
        for entry in entries
    }


def verdict(survivors, modules, ledger):
    """What is wrong: survivors without a reason, reasons without a survivor."""
    found = {mutant.key: mutant for mutant in survivors}
    return [
        f"{mutant.module}.py:{mutant.first} {mutant.where}: survives unexplained\n"
        + mutant.change
        for key, mutant in found.items()
        if key not in ledger
    ] + [
        f"{key[0]}.py {key[1]}: explained in {LEDGER.name}, but does not survive\n"
        + key[2]
        for key in ledger
        if key[0] in modules and key not in found
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = [file.stem for file in sorted(PACKAGE.glob("*.py"))]
    parser.add_argument("modules", nargs="*", metavar="MODULE", default=every)
    modules = parser.parse_args().modules
    if unknown := set(modules) - set(every):
        parser.error(f"no such module: {', '.join(sorted(unknown))}")

    os.chdir(ROOT)
    torch.set_num_threads(1)
    survivors, count = [], Counter()
    for module in modules:
        start = time.monotonic()
        alive, count[module] = survivors_of(module)
        survivors += alive
        print(
            f"{module}: {count[module]} mutants, {len(alive)} survive, "
            f"{time.monotonic() - start:.0f} s",
            flush=True,
        )
        for problem in verdict(alive, [module], explained()):
            print(problem, flush=True)
    print(f"{count.total()} mutants, {len(survivors)} survive")
    if verdict(survivors, modules, explained()):
        sys.exit(1)


if __name__ == "__main__":
    main()
