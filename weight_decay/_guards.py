"""What stands around public functions: right arguments, and torch as it is alone."""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ParamSpec, TypeVar

import torch

from ._checks import CHECKS, Check

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def torch_alone(name: str) -> Iterator[None]:
    """Let torch compute as if no state of it surrounded the call of that name.

    Inside, autocast, ``no_grad``, ``inference_mode`` and the default device have no
    effect. The default dtype is global to all threads and stays as it is: the package
    names the dtype of every tensor that it makes. A transform of ``torch.func`` is an
    error, since nothing inside could leave it.
    """
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda", "mps", "xpu"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        nothing = torch.empty(0)
        if nothing.device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        try:
            nothing.requires_grad_()  # what no transform lets pass
        except RuntimeError:
            raise RuntimeError(
                f"{name} works with plain numbers and cannot be transformed: call it "
                "outside torch.func (grad, vmap, jvp and the others)"
            ) from None
        yield


def guarded(
    also: Callable[[dict[str, Any]], None] | None = None, /, **checks: Check
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check the arguments of a function by their names, and run it `torch_alone`.

    What `CHECKS` does not know, or what is to be checked otherwise, is given by name;
    None passes unchecked where it is the default. Then `also` is called with all
    arguments by name, to check what belongs together or to change it. A call that does
    not fit the signature is a TypeError with the argument that may be meant.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        parameters = signature.parameters
        known = {name: check for name, check in CHECKS.items() if name in parameters}
        module = function.__module__.removeprefix("weight_decay.")
        label = f"{module}.{function.__qualname__}"
        call: Callable[..., R] = function

        @functools.wraps(function)
        def guarded_function(*args: P.args, **kwargs: P.kwargs) -> R:
            for unknown in kwargs.keys() - parameters.keys():
                near = difflib.get_close_matches(unknown, parameters, 1, 0.5)
                meant = f"did you mean {near[0]}?" if near else [*parameters]
                raise TypeError(f"{label}() has no argument {unknown}: {meant}")
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{label}(): {error}") from None
            bound.apply_defaults()
            given: Any = bound.arguments
            with torch_alone(label):
                for name, check in (known | checks).items():
                    if given[name] is not None or parameters[name].default is not None:
                        given[name] = check(name, given[name])
                if also is not None:
                    also(given)
                return call(**given)

        return guarded_function

    return decorate
