"""Results that are kept in a CSV file: each is appended as it comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def read(path: Path) -> pd.DataFrame:
    """All results so far."""
    return pd.read_csv(path, dtype={"set": str, "error": str})


def append(path: Path, line: dict[str, Any]) -> None:
    """One more result; the first one writes the names of the columns."""
    header = not path.exists()
    pd.DataFrame([line]).to_csv(path, mode="a", header=header, index=False)


def lacking(
    path: Path, names: Sequence[str], wanted: Iterable[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Which of the wanted results, told apart by these columns, are not there."""
    done: set[tuple[Any, ...]] = set()
    if path.exists():
        done = set(read(path)[list(names)].itertuples(index=False, name=None))
    return [key for key in wanted if key not in done]
