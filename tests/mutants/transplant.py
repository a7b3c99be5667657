"""Puts a mutant into modules that are imported already.

What differs between a mutant and the source is, mostly, the code of one function. Every
function object that was made of the old code is given the new one; so tests that are
collected already meet the mutant, whatever name they know the function by.
"""

import functools
import gc
import inspect
from collections import Counter
from types import CodeType, FunctionType


def possible(mutant, package):
    """Whether the mutant differs from the source inside of functions only."""
    return _changed(mutant, package) is not None


def plant(mutant, package):
    """Give every function of the mutant's module the code it has in the mutant."""
    file = package / f"{mutant.module}.py"
    changed = {_name(old): new for old, new in _changed(mutant, package)}
    for function in gc.get_objects():
        if isinstance(function, FunctionType):
            code = function.__code__
            if code.co_filename == str(file) and _name(code) in changed:
                function.__code__ = changed[_name(code)]


def _name(code):
    return code.co_qualname, code.co_firstlineno


@functools.cache
def _original(file):
    return compile(file.read_text("utf-8"), str(file), "exec")


def _changed(mutant, package):
    """Pairs of old and new code; None if more than the code of functions differs."""
    file = package / f"{mutant.module}.py"
    old = _codes(_original(file))
    new = _codes(compile(mutant.source, str(file), "exec"))
    if old.keys() != new.keys():
        return None
    pairs = [(old[key], new[key]) for key in old if _own(old[key]) != _own(new[key])]
    in_functions = all(code.co_flags & inspect.CO_OPTIMIZED for code, _ in pairs)
    same_cells = all(a.co_freevars == b.co_freevars for a, b in pairs)
    return pairs if pairs and in_functions and same_cells else None


def _codes(code):
    """The code and all code inside it, each by its name and its turn."""
    found, turns, waiting = {}, Counter(), [code]
    while waiting:
        code = waiting.pop(0)
        turns[code.co_qualname] += 1
        found[code.co_qualname, turns[code.co_qualname]] = code
        waiting += [const for const in code.co_consts if isinstance(const, CodeType)]
    return found


def _own(code):
    """What a code object does, apart from the code inside it and from its place."""
    consts = [repr(c) for c in code.co_consts if not isinstance(c, CodeType)]
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return code.co_code, consts, names, code.co_exceptiontable
