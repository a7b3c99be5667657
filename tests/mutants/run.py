"""Plants each mutant of the package in turn, and asks the tests whether they notice.

    nox -s mutants -- [MODULE ...]

A mutant that no test notices has survived. Each survivor must be explained in
survivors.toml, and each explanation must still have its survivor. Nothing is written:
a mutant lives in the memory of a process of its own, forked when torch is imported.
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
from collections import Counter, defaultdict
from importlib.machinery import SourceFileLoader
from pathlib import Path

os.environ["CI"] = "true"  # the laws are then tried on the same examples every time
os.environ["COVERAGE_CORE"] = "ctrace"  # the core that knows which test is running

import coverage
import matplotlib.pyplot  # noqa: F401
import pytest
import sklearn.linear_model  # noqa: F401
import torch.profiler
import tqdm  # noqa: F401
from hypothesis import Phase, settings
from mutants.mutations import mutants_of

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "weight_decay"
LEDGER = Path(__file__).with_name("survivors.toml")
QUIET = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:cov", "--no-header")
QUIET += ("-W", "ignore::pytest.PytestAssertRewriteWarning")
QUIET += ("--hypothesis-profile=mutants", "--tb=no", "--no-summary")
# Few examples, always the same, and no time spent on finding a simpler one.
settings.register_profile(
    "mutants",
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
)

# A module's own tests have to notice; these modules are also tested elsewhere.
ALSO = {
    "_checks": ("optimizers", "conventions"),
    "_random": ("data", "scratch"),
    "data": ("checks", "random"),
    "scratch": ("run", "checks", "random"),
    "concise": ("run", "checks", "random"),
    "run": ("checks", "random"),
    "__init__": ("package",),
}
PATIENCE = 60.0  # seconds; a mutant that takes longer is stuck, and noticed


class Planted(importlib.abc.MetaPathFinder, SourceFileLoader):
    """Imports one module of the package from a source of our own."""

    def __init__(self, mutant):
        name = "" if mutant.module == "__init__" else f".{mutant.module}"
        super().__init__(f"weight_decay{name}", str(PACKAGE / f"{mutant.module}.py"))
        self.source = mutant.source

    def find_spec(self, fullname, path=None, target=None):
        if fullname == self.name:
            return importlib.util.spec_from_file_location(
                fullname,
                self.path,
                loader=self,
                submodule_search_locations=(
                    [str(PACKAGE)] if fullname == "weight_decay" else None
                ),
            )
        return None

    def get_code(self, fullname):
        return compile(self.source, self.path, "exec")


class Chosen:
    """Runs the chosen tests only, in the order chosen."""

    def __init__(self, nodeids):
        self.order = {nodeid: i for i, nodeid in enumerate(nodeids)}

    def pytest_collection_modifyitems(self, items):
        chosen = [item for item in items if item.nodeid in self.order]
        items[:] = sorted(chosen, key=lambda item: self.order[item.nodeid])


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
        """The tests that reach a line, by file and line."""
        data = self.coverage.get_data()
        return {
            Path(file).stem: data.contexts_by_lineno(file)
            for file in data.measured_files()
        }


def forked(work, patience):
    """The exit status of `work` in a process of its own; None if it is stuck."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            os.setpgid(0, 0)
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silence, stream)
            status = int(work())
        finally:
            os._exit(status)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def watch(files):
    """Run the tests on the code as it is: durations, and who reaches which line."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "notes")

        def work():
            watcher = Watcher()
            watcher.coverage.start()
            status = pytest.main([*QUIET, *files], plugins=[watcher])
            watcher.coverage.stop()
            notes.write_bytes(pickle.dumps((dict(watcher.seconds), watcher.reached())))
            return status

        if forked(work, 3600) != 0:
            sys.exit("The tests fail on the code as it is: nox -s tests says how")
        return pickle.loads(notes.read_bytes())


def tests_for(mutant, seconds, reached):
    """The tests that reach the mutant: those of its own files first, the fast first."""
    lines = reached.get(mutant.module, {})

    def reaching(first, last):
        tests = {test for i in range(first, last + 1) for test in lines.get(i, ())}
        return {test for test in tests if test in files_of}

    own = f"test_{mutant.module.strip('_')}.py"
    files = [own, *(f"test_{name}.py" for name in ALSO.get(mutant.module, ()))]
    files_of = {
        test: files.index(name)
        for test in seconds
        if (name := Path(test.split("::")[0]).name) in files
    }
    found = reaching(mutant.first, mutant.last) or reaching(*mutant.scope) or files_of
    return sorted(found, key=lambda test: (files_of[test], seconds[test]))


def survives(mutant, tests, seconds):
    """Whether no test notices the mutant."""

    def work():
        sys.meta_path.insert(0, Planted(mutant))
        files = dict.fromkeys(test.split("::")[0] for test in tests)
        # One file after the other, so that the first to notice spares the rest.
        for file in files:
            if pytest.main([*QUIET, file], plugins=[Chosen(tests)]):
                return 1
        return 0

    patience = PATIENCE + 10 * sum(seconds[test] for test in tests)
    return forked(work, patience) == 0


def explained():
    """The entries of the ledger, by their key."""
    if not LEDGER.is_file():
        return {}
    entries = tomllib.loads(LEDGER.read_text("utf-8")).get("survivor", [])
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
    folders = [folder for folder in ("tests", "tests/attack") if Path(folder).is_dir()]
    files = [str(f) for d in folders for f in sorted(Path(d).glob("test_*.py"))]
    print(f"Watching {len(files)} files of tests", flush=True)
    seconds, reached = watch(files)
    print(f"{len(seconds)} tests, {sum(seconds.values()):.0f} s", flush=True)

    survivors = []
    for module in modules:
        start, outcome = time.monotonic(), Counter()
        for mutant in mutants_of(PACKAGE / f"{module}.py"):
            alive = survives(mutant, tests_for(mutant, seconds, reached), seconds)
            outcome[alive] += 1
            if alive:
                survivors.append(mutant)
                print(f"{module}.py:{mutant.first} {mutant.where}\n{mutant.change}\n")
        print(
            f"{module}: {outcome.total()} mutants, {outcome[True]} survive, "
            f"{time.monotonic() - start:.0f} s",
            flush=True,
        )
    if wrong := verdict(survivors, modules, explained()):
        sys.exit("\n\n".join(["", *wrong]))


if __name__ == "__main__":
    main()
