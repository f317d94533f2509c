"""What displays are given: explanations of their family, and text of the user."""

from __future__ import annotations

from typing import Any

from ..explanation import BaseExplanation


def check_family(explanation: Any, kind: type[BaseExplanation], display: str) -> None:
    """Refuse what a display does not draw, and name what does."""
    if isinstance(explanation, kind):
        return
    given = type(explanation).__name__
    if isinstance(explanation, BaseExplanation):
        cure = "draw this one by explanation.plot()"
    else:
        cure = "pass what the explain method of an explainer returns"
    raise TypeError(f"{display} draws {kind.__name__}, not {given}: {cure}.")


def verbatim(text: str) -> str:
    """Text of the user as matplotlib shows it: no sign of it makes a formula."""
    return text.replace("$", r"\$")
