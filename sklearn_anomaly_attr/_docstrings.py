"""Paragraphs that many docstrings share, written once.

A line of a docstring that ends in a placeholder, as in ::

    batch_size : int or "auto", default="auto" {batch_size}

is followed by the paragraph of that name in ``_paragraphs`` once
:func:`shared_paragraphs` has decorated the class or function; a placeholder alone
on its line gives way to the paragraph. Braces anywhere else, as in LaTeX and sets,
are left alone.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from textwrap import dedent, indent
from typing import Any, TypeVar

from ._paragraphs import TEXT

T = TypeVar("T", bound=Callable[..., Any])

PARAGRAPHS = {
    name: dedent(text).rstrip()
    for name, text in re.findall(r"^(\w+)\n((?:(?:    .+)?\n)+)", TEXT, re.MULTILINE)
}

_PLACEHOLDER = re.compile(r"^( *)(?:(\S.*) )?\{([a-z][a-z0-9_]*)\}$", re.MULTILINE)


def shared_paragraphs(documented: T) -> T:
    """Fill in the placeholders of a docstring, and of a class's own methods.

    Parameters
    ----------
    documented : class or function
        What is documented; its docstrings are changed in place.

    Returns
    -------
    documented : class or function
        The same object.

    Raises
    ------
    ValueError
        If a placeholder has no paragraph in ``_paragraphs.TEXT``.
    """
    for item in _documented_items(documented):
        if item.__doc__:  # python -OO leaves none
            item.__doc__ = _filled(item.__doc__)
    return documented


def _documented_items(documented: Any) -> Iterator[Any]:
    """A function; or a class, its methods and its properties."""
    yield documented
    if inspect.isclass(documented):
        for member in vars(documented).values():
            if isinstance(member, (classmethod, staticmethod)):
                yield member.__func__
            elif inspect.isfunction(member) or isinstance(member, property):
                yield member


def _filled(docstring: str) -> str:
    """Put paragraphs in the place of a docstring's placeholders."""

    def fill(match: re.Match[str]) -> str:
        margin, line, name = match.groups()
        if name not in PARAGRAPHS:
            raise ValueError(
                f"No shared paragraph is called {name!r}: add it to "
                f"_paragraphs.TEXT, or do not end a line in {{{name}}}."
            )
        if line is None:
            return indent(PARAGRAPHS[name], margin)
        return f"{margin}{line}\n{indent(PARAGRAPHS[name], margin + ' ' * 4)}"

    return _PLACEHOLDER.sub(fill, docstring)
