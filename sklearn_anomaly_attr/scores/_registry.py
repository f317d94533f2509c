"""What to do with estimators of a class, by the class or by its public name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Generic, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
_G = TypeVar("_G", bound=Callable[..., Any])


class Registry(Generic[_F]):
    """Functions for exactly some classes; subclasses are others.

    A class is registered itself or by its public name, such as
    ``"sklearn.mixture.GaussianMixture"``: nothing is imported before an
    estimator of a class of that name, from that library, is asked for. The name
    then must lead to the very class.

    Parameters
    ----------
    builtin : mapping of str to str
        Public name -> ``"module:function"`` of this package, which is imported
        on the first call.
    """

    def __init__(self, builtin: Mapping[str, str]) -> None:
        self._functions: dict[type | str, Any] = {
            name: partial(_call, *where.split(":")) for name, where in builtin.items()
        }

    def register(self, classes: Sequence[type | str]) -> Callable[[_G], _G]:
        """Give a decorator of the function for some classes."""
        unnamed = [c for c in classes if isinstance(c, str) and "." not in c]
        if unnamed:
            raise ValueError(
                f"{unnamed[0]!r} names no class: give its module, too, as in "
                "'sklearn.mixture.GaussianMixture'."
            )

        def decorate(function: _G) -> _G:
            self._functions.update(dict.fromkeys(classes, function))
            return function

        return decorate

    def find(self, kind: type) -> _F | None:
        """The function for a class; None where there is none."""
        if kind in self._functions:
            function: _F = self._functions[kind]
            return function
        names = (name for name in self._functions if isinstance(name, str))
        name = next((name for name in names if _leads_to(name, kind)), None)
        return None if name is None else self._functions[name]


def _call(module: str, name: str, *args: Any) -> Any:
    """Call a function of a module of this package, which is imported if need be."""
    return getattr(import_module(module, __package__), name)(*args)


def _leads_to(name: str, kind: type) -> bool:
    """Whether a class is the one of that public name."""
    module, _, class_name = name.rpartition(".")
    library = module.partition(".")[0]
    if (kind.__module__.partition(".")[0], kind.__name__) != (library, class_name):
        return False
    # The class is there, and so is its library.
    return getattr(import_module(module), class_name, None) is kind
