"""Small faults, one at a time: what a test suite has to notice.

The faults are those of mutmut's operators. mutmut itself leaves out decorated
functions and everything outside functions, which here are both `train`, every step
of an optimiser, and the table of conventions; so this module walks the source.
"""

from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import (
    mutation_operators,
    operator_arg_removal,
    operator_assignment,
)

# Putting None for whatever is assigned stops the program at once; so does dropping an
# argument that has no default. Neither tells a good test from a poor one.
LEFT_OUT = (operator_assignment, operator_arg_removal)


@dataclass(frozen=True)
class Mutant:
    """A module with one fault in it."""

    module: str
    where: str  # the function, or the class and the method
    first: int  # the lines of what is mutated
    last: int
    scope: tuple[int, int]  # the lines of the function around it
    change: str  # the lines that differ, "- old" and "+ new"
    source: str

    @property
    def key(self):
        """What the ledger knows it by: line numbers move, this does not."""
        return self.module, self.where, self.change


def mutants_of(file):
    """Every mutant of a source file, in the order of its lines."""
    source = Path(file).read_text("utf-8")
    wrapper = MetadataWrapper(cst.parse_module(source))
    walk = _Walk()
    wrapper.visit(walk)
    mutants = []
    for old, new, where, scope, position in walk.found:
        mutated = wrapper.module.deep_replace(old, new).code
        try:
            compile(mutated, str(file), "exec")
        except SyntaxError:
            continue
        mutants.append(
            Mutant(
                module=Path(file).stem,
                where=where,
                first=position.start.line,
                last=position.end.line,
                scope=scope,
                change=_change(source, mutated),
                source=mutated,
            )
        )
    return mutants


def _change(source, mutated):
    """The lines that differ; what is equal before and after them is left out."""
    old, new = source.splitlines(), mutated.splitlines()
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    signed = [("-", line) for line in old] + [("+", line) for line in new]
    return "\n".join(f"{sign} {line.strip()}" for sign, line in signed)


class _Walk(cst.CSTVisitor):
    """Collects (node, mutated node, function, its lines, position)."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self):
        self.found, self.names, self.scopes, self.raising = [], [], [], 0

    def on_visit(self, node):
        position = self.get_metadata(PositionProvider, node, None)
        if isinstance(node, cst.Annotation) or _is_docstring(node):
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self.names.append(node.name.value)
            self.scopes.append((position.start.line, position.end.line))
        self.raising += isinstance(node, cst.Raise)
        for new in _mutations(node, wording=self.raising > 0):
            where = ".".join(self.names) or "(module)"
            scope = self.scopes[-1] if self.scopes else (0, 0)
            self.found.append((node, new, where, scope, position))
        return True

    def on_leave(self, node):
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self.names.pop()
            self.scopes.pop()
        self.raising -= isinstance(node, cst.Raise)


def _mutations(node, wording):
    """The faults of one node; how an error is worded is no fault."""
    if isinstance(node, cst.BaseString):
        if wording or not isinstance(node, cst.SimpleString):
            return
        quote = node.quote
        yield node.with_changes(
            value=f"{node.prefix}{quote}XX{node.raw_value}XX{quote}"
        )
        return
    for kind, operator in mutation_operators:
        if isinstance(node, kind) and operator not in LEFT_OUT:
            yield from operator(node)
    if isinstance(node, cst.Call):
        yield from _other_arguments(node)


def _other_arguments(call):
    """The call with None for a positional argument, or without a named one."""
    for i, argument in enumerate(call.args):
        before, after = call.args[:i], call.args[i + 1 :]
        if argument.keyword:
            yield call.with_changes(args=[*before, *after])
        elif not argument.star:
            none = argument.with_changes(value=cst.Name("None"))
            yield call.with_changes(args=[*before, none, *after])


def _is_docstring(node):
    """Whether the node is a string that stands alone."""
    return (
        isinstance(node, cst.SimpleStatementLine)
        and isinstance(node.body[0], cst.Expr)
        and isinstance(node.body[0].value, cst.SimpleString)
    )
