"""Functions of the operator's core as machine code: the same lines, not a second version of them.

    project = compiled(two_proportion.project)
    log_e_value = compiled(two_proportion.log_e_value, project=project)

What a function calls has to be compiled before it, and is named. What it reads from a dataclass it reads here from a
named tuple with the same fields.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R], **called: object) -> Callable[P, R]:
    """Return `function` as machine code; `called`: what stands for the names that it uses.

    Parameters that must be named become the last positional ones: machine code knows no others.
    """
    assert isinstance(function, FunctionType)
    code = function.__code__
    named = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    code = code.replace(co_argcount=code.co_argcount + len(named), co_kwonlyargcount=0)
    defaults = (*(function.__defaults__ or ()), *((function.__kwdefaults__ or {})[name] for name in named))
    rebuilt = FunctionType(code, {**function.__globals__, **called}, function.__name__, defaults)
    machine: Any = njit(rebuilt)
    return machine  # type: ignore[no-any-return]
