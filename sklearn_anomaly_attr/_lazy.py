"""Lazy attributes for the package ``__init__`` files (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attach(
    package: str, exports: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` for a package.

    Parameters
    ----------
    package : str
        ``__name__`` of the package.
    exports : mapping of str to str
        Public name -> module that defines it, relative to the package
        (``".base"``); a name that maps to itself (``".detectors"`` for
        ``"detectors"``) stands for the submodule.
    """

    def __getattr__(name: str) -> Any:
        if name not in exports:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(exports[name], package)
        return module if exports[name] == f".{name}" else getattr(module, name)

    names = sorted(exports)
    return __getattr__, lambda: names, names
