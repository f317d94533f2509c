"""Loaders, on files of a few rows in the published layouts."""

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr import datasets
from sklearn_anomaly_attr.datasets import load_adbench, load_anomattr, load_smd

LOADERS = [load_adbench, load_anomattr, load_smd]
RNG = np.random.default_rng(0)


@pytest.fixture
def adbench(tmp_path):
    X, y = np.array([[250, 0], [10, 255], [1, 2]], dtype=np.uint8), np.array([0, 1, 0])
    for stem in ("2_annthyroid", "38_thyroid", "22_magic.gamma", "20news_0"):
        np.savez(tmp_path / f"{stem}.npz", X=X, y=y)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["38_thyroid", "thyroid", "Thyroid", "magic.gamma", "20news_0"]
)
def test_adbench_by_name(adbench, name):
    bunch = load_adbench(adbench, name)
    assert bunch.data.dtype == np.float64
    np.testing.assert_array_equal(bunch.data, [[250, 0], [10, 255], [1, 2]])
    np.testing.assert_array_equal(bunch.target, [0, 1, 0])
    assert bunch.feature_names == ["x0", "x1"]
    assert bunch.frame is None


def test_adbench_as_frame(adbench):
    bunch = load_adbench(str(adbench), "thyroid", as_frame=True)
    assert bunch.frame.columns.tolist() == ["x0", "x1", "target"]
    X, y = load_adbench(adbench, "thyroid", as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, bunch.data)
    pd.testing.assert_series_equal(y, bunch.target)


def test_names_that_are_not_there_or_not_clear(adbench):
    message = "no 'cardio': pass one of 20news_0, annthyroid, magic.gamma, thyroid"
    with pytest.raises(ValueError, match=message):
        load_adbench(adbench, "cardio")
    np.savez(adbench / "3_thyroid.npz", X=np.eye(2), y=[0, 1])
    with pytest.raises(ValueError, match="pass one of 38_thyroid, 3_thyroid"):
        load_adbench(adbench, "thyroid")
    assert len(load_adbench(adbench, "3_thyroid").data) == 2
    np.savez(adbench / "4_THYROID.npz", X=np.eye(4), y=[0, 1, 0, 0])
    assert len(load_adbench(adbench, "THYROID").data) == 4


@pytest.mark.parametrize("load", LOADERS)
def test_folders_that_are_not_there_or_empty(load, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*https://github.com/"):
        load(tmp_path / "elsewhere", "x")
    with pytest.raises(FileNotFoundError, match=r"holds no .*https://github.com/"):
        load(tmp_path, "x")


def test_labels_must_be_zero_or_one_for_each_row(tmp_path):
    for y in ([0, -1], [0, 1, 0], [[0], [1]]):
        np.savez(tmp_path / "set.npz", X=np.eye(2), y=y)
        with pytest.raises(ValueError, match="must be 0 or 1, one for each of 2 rows"):
            load_adbench(tmp_path, "set")


def test_files_that_are_not_what_they_should_be(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, X=np.eye(2))
    with pytest.raises(ValueError, match=r"lacks an array: .*y.* arrays X and y"):
        load_adbench(tmp_path, "set")
    np.savez(path, X=np.zeros(3), y=[0, 1, 0])
    with pytest.raises(ValueError, match="must be a table of numbers"):
        load_adbench(tmp_path, "set")
    np.savez(path, X=np.array([["a"], ["b"]]), y=[0, 1])
    with pytest.raises(ValueError, match="must be a table of numbers"):
        load_adbench(tmp_path, "set")
    path.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(ValueError, match=r"not an \.npz file of plain arrays"):
        load_adbench(tmp_path, "set")
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"not an \.npz file of plain arrays"):
        load_adbench(tmp_path, "set")
    with path.open("wb") as file:
        np.save(file, np.eye(2))
    with pytest.raises(ValueError, match=r"not an \.npz file of plain arrays"):
        load_adbench(tmp_path, "set")


class Unpickled:
    """Fails the test if it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize("load", LOADERS)
def test_pickled_objects_are_refused(load, tmp_path):
    pickled = np.array([[Unpickled()]], dtype=object)
    keys = ("X", "y", "train", "valid", "test", "y_test", "label", "interpretation")
    np.savez(tmp_path / "set.npz", **dict.fromkeys(keys, pickled))
    with pytest.raises(ValueError, match=r"not an \.npz file of plain arrays"):
        load(tmp_path, "set")


@pytest.fixture
def splits():
    return {name: RNG.normal(size=(4, 3)) for name in ("train", "valid", "test")}


def test_anomattr_as_arrays(tmp_path, splits):
    np.savez(tmp_path / "tiny.npz", **splits, y_test=np.array([0, 1, 1, 1], np.uint8))
    bunch = load_anomattr(tmp_path, "tiny")
    for name, rows in splits.items():
        np.testing.assert_array_equal(bunch[name], rows)
    np.testing.assert_array_equal(bunch.target, [0, 1, 1, 1])
    assert bunch.feature_names == ["x0", "x1", "x2"]


@pytest.fixture
def published_splits(tmp_path, splits):
    for name in ("tiny", "other"):
        (tmp_path / name).mkdir()
        for part, rows in splits.items():
            np.savetxt(tmp_path / name / f"data_{part}.txt", rows)
    return tmp_path


def test_anomattr_as_published(published_splits, splits):
    bunch = load_anomattr(published_splits, "tiny")
    for name, rows in splits.items():
        np.testing.assert_allclose(bunch[name], rows, rtol=1e-15)
    np.testing.assert_array_equal(bunch.target, [0, 0, 1, 1])
    with pytest.raises(ValueError, match="pass one of other, tiny"):
        load_anomattr(published_splits, "musk")


def test_anomattr_with_a_part_missing_or_broken(published_splits):
    part = published_splits / "tiny" / "data_train.txt"
    part.write_text("")
    with pytest.raises(
        ValueError, match=r"not a table of numbers: .*https://github.com"
    ):
        load_anomattr(published_splits, "tiny")
    part.unlink()
    with pytest.raises(FileNotFoundError, match=r"data_train.txt.*https://github.com"):
        load_anomattr(published_splits, "tiny")


def test_anomattr_with_other_columns(tmp_path, splits):
    splits["test"] = splits["test"][:, :2]
    np.savez(tmp_path / "tiny.npz", **splits, y_test=[0, 1, 1, 1])
    with pytest.raises(ValueError, match=r"tables of \[3, 3, 2\] columns"):
        load_anomattr(tmp_path, "tiny")


@pytest.fixture
def series():
    train, test = RNG.normal(size=(2, 6, 3)).astype(np.float32).round(3)
    return {"train": train, "test": test, "label": np.array([0, 1, 1, 0, 0, 1])}


def save_machine(folder, series, interpretation):
    np.savez(folder / "machine-1-1.npz", **series, interpretation=interpretation)


def check_machine(folder, series):
    bunch = load_smd(folder, "machine-1-1")
    for name in ("train", "test"):
        assert bunch[name].dtype == np.float64
        np.testing.assert_allclose(bunch[name], series[name], rtol=1e-6)
    np.testing.assert_array_equal(bunch.target, series["label"])
    assert bunch.segments == [(1, 3, (0, 2)), (5, 6, (1,))]
    assert bunch.segments[0].features == (0, 2)
    expected = np.zeros((6, 3), dtype=bool)
    expected[1:3, [0, 2]] = expected[5, 1] = True
    np.testing.assert_array_equal(bunch.anomalous_features, expected)


def test_smd_as_arrays(tmp_path, series):
    save_machine(tmp_path, series, "[[1, 3, [1, 3]], [5, 6, [2]]]")
    check_machine(tmp_path, series)


@pytest.fixture
def published_machine(tmp_path, series):
    tables = {"train": "train", "test": "test", "label": "test_label"}
    for key, name in tables.items():
        (tmp_path / name).mkdir()
        path = tmp_path / name / "machine-1-1.txt"
        np.savetxt(path, series[key], delimiter=",", fmt="%g")
    (tmp_path / "interpretation_label").mkdir()
    path = tmp_path / "interpretation_label" / "machine-1-1.txt"
    path.write_text("1-3:1,3\n5-6:2\n")
    return tmp_path


def test_smd_as_published(published_machine, series):
    check_machine(published_machine, series)
    with pytest.raises(ValueError, match="pass one of machine-1-1"):
        load_smd(published_machine, "machine-9-9")


@pytest.mark.parametrize("part", ["test", "interpretation_label"])
def test_smd_with_a_part_missing(published_machine, part):
    (published_machine / part / "machine-1-1.txt").unlink()
    with pytest.raises(FileNotFoundError, match=rf"{part}.*https://github.com"):
        load_smd(published_machine, "machine-1-1")


def test_smd_without_explanations(tmp_path, series):
    save_machine(tmp_path, series, "[]")
    bunch = load_smd(tmp_path, "machine-1-1")
    assert bunch.segments == []
    assert not bunch.anomalous_features.any()


@pytest.mark.parametrize(
    "entry",
    [
        "[1, 7, [1]]",
        "[3, 3, [1]]",
        "[1, 3, [0]]",
        "[1, 3, [4]]",
        "[1, 3]",
        "5",
        "[1.5, 3, [1]]",
        "[1, 3, [1.5]]",
        "[1, 3, [1e999]]",
        "[1, 3, [NaN]]",
    ],
)
def test_smd_with_impossible_segments(tmp_path, series, entry):
    save_machine(tmp_path, series, f"[{entry}]")
    with pytest.raises(ValueError, match="sensors from 1 to 3"):
        load_smd(tmp_path, "machine-1-1")


def test_smd_with_broken_text(tmp_path, series, published_machine):
    path = published_machine / "interpretation_label" / "machine-1-1.txt"
    path.write_text("1-3;1,3\n")
    with pytest.raises(ValueError, match="'1-3;1,3' is not a start and end"):
        load_smd(published_machine, "machine-1-1")
    arrays = tmp_path / "arrays"
    arrays.mkdir()
    for wrong in ("1-3:1", "5"):
        save_machine(arrays, series, wrong)
        with pytest.raises(ValueError, match="interpretation is not a JSON list"):
            load_smd(arrays, "machine-1-1")


@pytest.mark.parametrize("name", datasets.__all__)
def test_public_names_are_documented(name):
    assert getattr(datasets, name).__doc__
    assert name in dir(datasets)
