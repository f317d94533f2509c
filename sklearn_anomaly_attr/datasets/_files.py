"""Find and read the files of data sets, and say what is wrong with them."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from lzma import LZMAError
from os import PathLike
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._typing import FloatArray

Arrays = dict[str, NDArray[Any]]

# What numpy and zipfile raise for files that are cut short, altered, or no archives.
_DAMAGED = (
    BadZipFile,
    EOFError,
    LZMAError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TokenError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def find_files(folder: str | PathLike[str], pattern: str, cure: str) -> list[Path]:
    """Find the files of a folder by a pattern; there must be some."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}. {cure}")
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise FileNotFoundError(f"{str(folder)!r} holds no {pattern}. {cure}")
    return paths


def _bare(stem: str) -> str:
    """Drop the number that ADBench puts before its names."""
    return re.sub(r"^\d+_", "", stem)


def choose(paths: Sequence[Path], name: str) -> Path:
    """Choose the file of a data set: by its full name, or else without number."""
    for fold in (str, str.casefold):
        for part in (str, _bare):
            found = [p for p in paths if fold(part(p.stem)) == fold(str(name))]
            if len(found) == 1:
                return found[0]
            if found:
                both = ", ".join(path.stem for path in found)
                raise ValueError(f"{name!r} stands for several: pass one of {both}.")
    known = sorted((_bare(path.stem) for path in paths), key=str.casefold)
    raise ValueError(f"There is no {name!r}: pass one of {', '.join(known)}.")


def read_arrays(
    path: Path, keys: Iterable[str], cure: str, optional: Iterable[str] = ()
) -> Arrays:
    """Read arrays of an .npz file; pickled objects are refused."""
    try:
        with np.load(path, allow_pickle=False) as file:
            held = [key for key in optional if key in file]
            return {key: _array(file, key) for key in (*keys, *held)}
    except (FileNotFoundError, PermissionError):
        raise
    except KeyError as error:
        raise ValueError(f"{path} lacks an array: {error.args[0]} {cure}") from error
    except _DAMAGED as error:
        raise ValueError(
            f"{path} is not an .npz file of plain arrays, or it is damaged "
            f"({type(error).__name__}: {error}): get it again. {cure}"
        ) from error


def _array(file: Mapping[str, Any], key: str) -> NDArray[Any]:
    held = file[key]
    if not isinstance(held, np.ndarray):  # numpy hands on what it does not know
        raise TypeError(f"{key} is no array but {len(held)} bytes")
    return held


def read_texts(places: Mapping[str, Path], separator: str, cure: str) -> Arrays:
    """Read text files of numbers, without headers."""
    missing = [str(place) for place in places.values() if not place.is_file()]
    if missing:
        raise FileNotFoundError(f"There is no {', '.join(missing)}. {cure}")
    return {key: _read_text(place, separator, cure) for key, place in places.items()}


def _read_text(path: Path, separator: str, cure: str) -> NDArray[Any]:
    try:
        table = pd.read_csv(path, sep=separator, header=None).to_numpy()
    except (MemoryError, OverflowError, ValueError) as error:
        raise ValueError(
            f"{path} is not a table of numbers: {error}. {cure}"
        ) from error
    if table.dtype.kind not in "biuf":
        raise ValueError(f"{path} is not a table of numbers: it holds text. {cure}")
    short = np.flatnonzero(np.isnan(table).any(axis=1))
    if len(short):
        raise ValueError(
            f"{path} is not a table of numbers: row {short[0]} lacks some. {cure}"
        )
    return table


def read_words(path: Path, cure: str) -> list[str]:
    """Read the words of a text file."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no {path}. {cure}")
    try:
        return path.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}. {cure}") from error


def as_table(array: NDArray[Any], path: Path) -> FloatArray:
    """Check rows of numbers; as float64, since bytes would wrap around."""
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"{path} holds rows of shape {array.shape} and type {array.dtype}: they "
            "must be a table of numbers."
        )
    return array.astype(np.float64)


def as_labels(array: NDArray[Any], n_rows: int, path: Path) -> NDArray[np.int64]:
    """Check labels: 1 for anomalies and 0 for normal rows."""
    numbers = array.dtype.kind in "biuf"
    if array.shape != (n_rows,) or not numbers or not np.isin(array, (0, 1)).all():
        raise ValueError(
            f"{path} holds labels of shape {array.shape} and type {array.dtype}: they "
            f"must be 0 or 1, one for each of {n_rows} rows."
        )
    return array.astype(np.int64)


def check_columns(path: Path, *tables: FloatArray) -> None:
    """Check that tables have as many columns as each other."""
    widths = [table.shape[1] for table in tables]
    if len(set(widths)) > 1:
        raise ValueError(f"{path} holds tables of {widths} columns: must be the same.")
