"""Public benchmark data from a local folder; nothing is ever downloaded."""

from __future__ import annotations

import json
import re
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from .._docstrings import shared_paragraphs
from ._files import (
    Arrays,
    as_labels,
    as_table,
    check_columns,
    choose,
    find_files,
    read_arrays,
    read_texts,
    read_words,
)
from ._tables import default_names

_ADBENCH = (
    "Pass the folder with ADBench's files, such as 6_cardio.npz, each with the arrays "
    "X and y. They are in adbench/datasets/Classical of "
    "https://github.com/Minqi824/ADBench."
)
_ANOMATTR = (
    "Pass the folder data/processed of "
    "https://github.com/n-takeishi/anomaly-attribution, which has a folder for each "
    "data set, such as thyroid, with data_train.txt, data_valid.txt and "
    "data_test.txt; or a folder with one file for each, such as thyroid.npz, with "
    "the arrays train, valid, test and y_test."
)
_SMD = (
    "Pass the folder ServerMachineDataset of "
    "https://github.com/NetManAIOps/OmniAnomaly, which has the folders train, test, "
    "test_label and interpretation_label with one .txt for each machine; or a folder "
    "with one file for each, such as machine-1-1.npz, with the arrays train, test, "
    "label and interpretation (JSON: [[start, end, [sensor, ...]], ...])."
)


class Segment(NamedTuple):
    """An anomaly of a multivariate series.

    Attributes
    ----------
    start, end : int
        Its first row, and the row after its last.
    features : tuple of int
        Positions, from 0, of the features that it shows in.
    """

    start: int
    end: int
    features: tuple[int, ...]


@shared_paragraphs
def load_adbench(
    folder: str | PathLike[str],
    name: str,
    *,
    as_frame: bool = False,
    return_X_y: bool = False,
) -> Any:
    """Load a data set of ADBench from a local folder.

    Parameters
    ----------
    folder : path
        Folder with the ``.npz`` files as published.
    name : str
        Name of the data set with or without its number, such as "6_cardio" or
        "cardio". Case matters only where two names differ in nothing else.
    as_frame : bool, default=False
        Whether to return pandas objects.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` only.

    Returns
    -------
    bunch : Bunch
        data : {ndarray, DataFrame} of shape (n_samples, n_features)
            The rows as float64.
        target : {ndarray, Series} of shape (n_samples,)
            1 for anomalies and 0 for normal rows.
        feature_names : list of str
            x0, x1, ...: the files name no columns.
        frame : DataFrame of shape (n_samples, n_features + 1), or None
            Data and target, if ``as_frame``.
    (data, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    FileNotFoundError {no_folder}
    ValueError
        If there is no set of that name, or its file is not as expected.

    References
    ----------
    Han et al. (2022), "ADBench: Anomaly detection benchmark".

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.datasets import load_adbench
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/6_cardio.npz", X=[[1.5], [2.0]], y=[0, 1])
    ...     X, y = load_adbench(folder, "cardio", return_X_y=True)
    >>> y
    array([0, 1])
    """
    path = choose(find_files(folder, "*.npz", _ADBENCH), name)
    arrays = read_arrays(path, ("X", "y"), _ADBENCH)
    data = as_table(arrays["X"], path)
    target = as_labels(arrays["y"], len(data), path)
    names = default_names(data.shape[1])
    bunch = Bunch(data=data, target=target, feature_names=names, frame=None)
    if as_frame:
        bunch.data = pd.DataFrame(data, columns=names)
        bunch.target = pd.Series(target, name="target")
        bunch.frame = pd.concat([bunch.data, bunch.target], axis=1)
    return (bunch.data, bunch.target) if return_X_y else bunch


@shared_paragraphs
def load_anomattr(folder: str | PathLike[str], name: str) -> Bunch:
    """Load train, valid and test rows of Takeishi & Kawahara from a local folder.

    Parameters
    ----------
    folder : path
        The folder data/processed as published, with a folder of ``.txt`` files for
        each data set, or a folder with one ``.npz`` for each, which holds the
        arrays train, valid, test and y_test.
    name : str
        Name of the data set, such as "thyroid".

    Returns
    -------
    bunch : Bunch
        train, valid, test : ndarray of shape (n_samples, n_features)
            The rows as float64; train and valid are normal. The authors have
            standardised them, except binary ones.
        target : ndarray of shape (n_test,)
            1 for anomalies and 0 for normal rows of test. The published files
            have no labels: their first half is normal.
        feature_names : list of str
            x0, x1, ...: the files name no columns.

    Raises
    ------
    FileNotFoundError {no_folder}
    ValueError
        If there is no set of that name, or its file is not as expected.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", section 5.1.1.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.datasets import load_anomattr
    >>> rows = np.eye(2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(
    ...         f"{folder}/tiny.npz", train=rows, valid=rows, test=rows, y_test=[0, 1]
    ...     )
    ...     load_anomattr(folder, "tiny").target
    array([0, 1])
    """
    published = any(Path(folder).glob("*/data_train.txt"))
    pattern = "*/data_test.txt" if published else "*.npz"
    paths = find_files(folder, pattern, _ANOMATTR)
    path = choose([p.parent for p in paths] if published else paths, name)
    arrays = _read_splits(path) if published else _read_split_arrays(path)
    train, valid, test = (
        as_table(arrays[key], path) for key in ("train", "valid", "test")
    )
    check_columns(path, train, valid, test)
    return Bunch(
        train=train,
        valid=valid,
        test=test,
        target=as_labels(arrays["y_test"], len(test), path),
        feature_names=default_names(train.shape[1]),
    )


def load_smd(folder: str | PathLike[str], machine: str) -> Bunch:
    """Load a machine of the Server Machine Dataset from a local folder.

    Parameters
    ----------
    folder : path
        The folder ServerMachineDataset as published, with its folders of ``.txt``
        files, or a folder with one ``.npz`` for each machine, which holds the
        arrays train, test, label and interpretation.
    machine : str
        Name of the machine, such as "machine-1-1".

    Returns
    -------
    bunch : Bunch
        train, test : ndarray of shape (n_timestamps, n_features)
            The series as float64, a row for each timestamp.
        target : ndarray of shape (n_test,)
            1 for anomalous timestamps of test and 0 for normal ones.
        segments : list of (start, end, features)
            The anomalies of test that are explained: rows ``test[start:end]``,
            and the positions of the features, FROM 0, that they show in. Those in
            the files count from 1. They need not be the runs of ``target``: runs
            that touch are one there, and some have no explanation.
        anomalous_features : bool ndarray of shape (n_test, n_features)
            The same as a mask.
        feature_names : list of str
            x0, x1, ...: the files name no columns.

    Raises
    ------
    FileNotFoundError
        If the folder is missing or lacks files.
    ValueError
        If there is no machine of that name, or its files are not as expected.

    References
    ----------
    Su et al. (2019), "Robust anomaly detection for multivariate time series
    through stochastic recurrent neural network".

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.datasets import load_smd
    >>> rows = np.zeros((4, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(
    ...         f"{folder}/machine-1-1.npz",
    ...         train=rows,
    ...         test=rows,
    ...         label=[0, 1, 1, 0],
    ...         interpretation="[[1, 3, [2]]]",
    ...     )
    ...     load_smd(folder, "machine-1-1").segments
    [Segment(start=1, end=3, features=(1,))]
    """
    published = (Path(folder) / "train").is_dir()
    pattern = "train/*.txt" if published else "*.npz"
    path = choose(find_files(folder, pattern, _SMD), machine)
    arrays, entries = (
        _read_published_machine(path) if published else _read_machine(path)
    )
    train, test = as_table(arrays["train"], path), as_table(arrays["test"], path)
    check_columns(path, train, test)
    segments = [_segment(entry, test.shape, path) for entry in entries]
    mask = np.zeros(test.shape, dtype=bool)
    for start, end, features in segments:
        mask[start:end, list(features)] = True
    return Bunch(
        train=train,
        test=test,
        target=as_labels(arrays["label"], len(test), path),
        segments=segments,
        anomalous_features=mask,
        feature_names=default_names(train.shape[1]),
    )


def _read_split_arrays(path: Path) -> Arrays:
    return read_arrays(path, ("train", "valid", "test", "y_test"), _ANOMATTR)


def _read_splits(path: Path) -> Arrays:
    """Read the published files of a data set; the second half of test is abnormal."""
    places = {part: path / f"data_{part}.txt" for part in ("train", "valid", "test")}
    arrays = read_texts(places, r"\s+", _ANOMATTR)
    n_test = len(arrays["test"])
    arrays["y_test"] = (np.arange(n_test) >= n_test // 2).astype(np.int64)
    return arrays


def _read_machine(path: Path) -> tuple[Arrays, list[Any]]:
    arrays = read_arrays(path, ("train", "test", "label", "interpretation"), _SMD)
    try:
        return arrays, list(json.loads(str(arrays["interpretation"])))
    except (RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: interpretation is not a JSON list. {_SMD}"
        ) from error


def _read_published_machine(path: Path) -> tuple[Arrays, list[Any]]:
    """Read the published files of a machine, given that of its train rows."""
    folder, name = path.parents[1], path.name
    explained = folder / "interpretation_label" / name
    words = read_words(explained, _SMD)
    parts = {"train": "train", "test": "test", "label": "test_label"}
    places = {key: folder / part / name for key, part in parts.items()}
    arrays = read_texts(places, ",", _SMD)
    arrays["label"] = arrays["label"].ravel()
    return arrays, [_entry(word) for word in words]


def _entry(word: str) -> Any:
    """Turn "5-8:1,3" into [5, 8, [1, 3]]; what cannot be is refused later on."""
    match = re.fullmatch(r"(\d+)-(\d+):(\d+(?:,\d+)*)", word)
    if match is None:
        return word
    start, end, sensors = match.groups()
    return [int(start), int(end), [int(sensor) for sensor in sensors.split(",")]]


def _segment(entry: Any, shape: tuple[int, ...], path: Path) -> Segment:
    """Check an entry [start, end, sensors from 1]."""
    n_rows, n_features = shape
    try:
        start, end, sensors = entry
        features = tuple(index(sensor) - 1 for sensor in sensors)
        start, end = index(start), index(end)
        valid = 0 <= start < end <= n_rows and min(features) >= 0
        valid = valid and max(features) < n_features
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"{path}: the interpretation {entry!r} is not a start and end among "
            f"{n_rows} rows with sensors from 1 to {n_features}. {_SMD}"
        )
    return Segment(start, end, features)
