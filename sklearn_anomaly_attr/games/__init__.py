"""Characteristic functions: what a coalition of features is worth."""

from ._base import Game
from ._local_minimum import LocalMinimumGame, RelaxedMinimumGame, local_minimizer
from ._players import Players
from ._reference import ReferenceGame

__all__ = [
    "Game",
    "LocalMinimumGame",
    "Players",
    "ReferenceGame",
    "RelaxedMinimumGame",
    "local_minimizer",
]
