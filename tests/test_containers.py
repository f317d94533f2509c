"""What is no table, or could be misread as one, is refused with what to pass."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from sklearn_anomaly_attr import KernelShap, KNNDetector
from sklearn_anomaly_attr._containers import check_container

ROWS = np.random.default_rng(0).normal(size=(8, 2))
FRAME = pd.DataFrame(ROWS, columns=["a", "b"])
REFUSED = {
    "a class": (np.ndarray, "class ndarray: pass a table"),
    "masked": (np.ma.masked_array(ROWS), r"pass X.filled\(np.nan\)"),
    "structured": (FRAME.to_records(), r"pass pd.DataFrame\(X\)"),
    "index": (pd.MultiIndex.from_frame(FRAME), r"pass X.to_frame\(\)"),
    "grouped": (FRAME.groupby("a"), "pass X.obj"),
    "lazy": (pl.DataFrame({"a": [1.0]}).lazy(), r"pass X.collect\(\)"),
    "gradients": (torch.tensor(ROWS, requires_grad=True), r"pass X.detach\(\)"),
    "sparse tensor": (torch.tensor(ROWS).to_sparse(), r"pass X.to_dense\(\)"),
    "bfloat16": (torch.tensor(ROWS).bfloat16(), r"pass X.float\(\)"),
    "meta tensor": (torch.empty(8, 2, device="meta"), r"pass X.cpu\(\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("estimator", [KNNDetector(2), KernelShap(KNNDetector(2))])
def test_what_is_no_table_is_refused_with_what_to_pass(estimator, kind):
    X, cure = REFUSED[kind]
    with pytest.raises(TypeError, match=f"^X is .*{cure}"):
        estimator.fit(X)


@pytest.mark.parametrize(
    "table",
    [ROWS, ROWS.tolist(), FRAME, pl.DataFrame({"a": [1.0]}), torch.tensor(ROWS)],
    ids=lambda table: type(table).__name__,
)
def test_tables_are_taken(table):
    assert check_container(table) is None


def test_names_of_several_columns_are_refused():
    with pytest.raises(ValueError, match=r"'a' stands for several columns: give each"):
        check_container(FRAME.set_axis(["a", "a"], axis="columns"))


@pytest.mark.parametrize(
    ("X", "sentence"),
    [
        ([[1.0], [1.0, 2.0]], "rows of different lengths.*one number in each cell"),
        (ROWS + 1j, "Complex data not supported: pass the real"),
        (
            np.where(ROWS > 1.2, np.inf, ROWS),
            "column . holds .* infinite.*replace",
        ),
        (FRAME.assign(b=np.inf), "column 'b' holds 8 infinite numbers.*replace"),
        (FRAME.assign(b=[[1.0]] * 8), "column 'b' holds object: encode it first"),
        ([[1.0], [10**400]], "too large for a float"),
        ([["low", "high"]] * 3, "numeric columns only.*encode the"),
    ],
)
def test_tables_of_something_else_are_refused_with_a_cure(X, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        KNNDetector(2).fit(X)


def test_numbers_beyond_floats_are_refused_by_explainers_too():
    X = FRAME.assign(b=pd.Series([10**400] * 8, dtype=object))
    with pytest.raises(ValueError, match="numbers that are too large for a float"):
        KernelShap(KNNDetector(2)).fit(X)
