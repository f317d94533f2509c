"""Mixed tables: real ones that installed packages hold, and generated ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.datasets._arff_parser import load_arff_from_gzip_file

from ._common import FloatArray

# Rows drawn of a larger table; and with fewer, a table is left out.
MOST_ROWS, FEWEST_ROWS = 3000, 150
# Sets among scikit-learn's own tests, and columns that tell the outcome.
_OPENML = {
    "titanic": (40945, ["survived", "boat", "body"]),
    "penguins": (42585, []),
    "chess": (3, []),
    "cpu": (561, []),
}
_CURRENCIES = np.array(["EUR", "USD", "GBP", "JPY"])
# Of the countries: their shares, the last one rare, and their usual amounts.
_SHARES = [0.3, 0.22, 0.17, 0.12, 0.09, 0.06, 0.034, 0.006]
_AMOUNTS = np.array([3.0, 30.0, 11.0, 20.0, 5.0, 41.0, 17.0, 8.0])
_FIRST_MONDAY = pd.Timestamp("2023-01-02")


def real_tables() -> Iterator[tuple[str, pd.DataFrame]]:
    """Tables within installed packages; what is not there is told, and left out."""
    for name, load in _LOADERS.items():
        try:
            table = load()
        except (FileNotFoundError, ModuleNotFoundError) as error:
            print(f"{name} is left out: {error}")
            continue
        if len(table) > MOST_ROWS:
            table = table.sample(MOST_ROWS, random_state=0)
        if len(table) < FEWEST_ROWS:
            print(f"{name} is left out: it has {len(table)} rows.")
            continue
        yield name, table.reset_index(drop=True)


def _openml(number: int, outcomes: list[str]) -> pd.DataFrame:
    """A set of OpenML that comes with scikit-learn's tests, as its parser reads it."""
    package = f"sklearn.datasets.tests.data.openml.id_{number}"
    if find_spec(package) is None:
        raise FileNotFoundError(f"scikit-learn is installed without {package}.")
    with as_file(files(package)) as folder:
        return _parsed(Path(folder), outcomes)


def _parsed(folder: Path, outcomes: list[str]) -> pd.DataFrame:
    (described,) = folder.glob("api-v1-jdf-*.json.gz")
    (path,) = folder.glob("data-*.arff.gz")
    with gzip.open(described) as file:
        features = json.load(file)["data_features"]["feature"]
    columns = {feature["name"]: feature for feature in features}
    read = [name for name in columns if name not in outcomes]
    with gzip.open(path) as file:
        table: pd.DataFrame = load_arff_from_gzip_file(
            file, "pandas", "pandas", columns, read, []
        )[0]
    return table


def _csv(package: str, path: str) -> pd.DataFrame:
    """A file of a package."""
    if find_spec(package) is None:
        raise ModuleNotFoundError(f"{package} is not installed.")
    with as_file(files(package).joinpath(path)) as file:
        return pd.read_csv(file, comment="#")


def _bike() -> pd.DataFrame:
    table = _csv("shapiq", "datasets/data/bike.csv")
    return table.astype({"holiday": bool, "workingday": bool})


def _stocks() -> pd.DataFrame:
    table = _csv("matplotlib", "mpl-data/sample_data/Stocks.csv")
    return table.assign(Date=pd.to_datetime(table["Date"]))


def _binned(load: Callable[..., Any], column: str) -> pd.DataFrame:
    """A table of numbers, one of them as a category of five."""
    table, _ = load(return_X_y=True, as_frame=True)
    names = ["lowest", "low", "middle", "high", "highest"]
    binned = pd.cut(table[column].rank(), len(names), labels=names)
    return table.assign(**{column: binned.astype(str)})


_LOADERS: dict[str, Callable[[], pd.DataFrame]] = {
    **{
        name: lambda number=number, outcomes=outcomes: _openml(number, outcomes)
        for name, (number, outcomes) in _OPENML.items()
    },
    "adult": lambda: _csv("shapiq", "datasets/data/adult_census.csv"),
    "bike": _bike,
    "stocks": _stocks,
    "diabetes": lambda: _binned(datasets.load_diabetes, "bmi"),
    "wine": lambda: _binned(datasets.load_wine, "alcohol"),
}


def generated_tables(seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Tables of a known structure: their numbers of rows, numbers and categories."""
    shapes = {
        "generated, small": (400, 3, 3),
        "generated, wide": (1500, 8, 8),
        "generated, categories": (1000, 1, 8),
        "generated, numbers": (1000, 6, 1),
    }
    for name, shape in shapes.items():
        yield name, generated_table(*shape, np.random.default_rng(seed))


def generated_table(
    n_rows: int, n_numbers: int, n_categories: int, rng: np.random.Generator
) -> pd.DataFrame:
    """A table of four clusters, by which its numbers and categories go.

    A currency follows the first category, or country, with an amount beside; dates
    are of working days and hours; the first two numbers are missing together.
    """
    clusters = rng.integers(4, size=n_rows)
    columns: dict[str, object] = {
        f"number {j}": _number(j, clusters, rng) for j in range(n_numbers)
    }
    country = rng.choice(len(_SHARES), size=n_rows, p=_SHARES)
    columns["country"] = np.char.add("country ", country.astype(str)).astype(object)
    columns |= {f"category {j}": _category(clusters, rng) for j in range(n_categories)}
    columns["currency"] = _CURRENCIES[country % len(_CURRENCIES)].astype(object)
    columns["amount"] = _AMOUNTS[country] * np.exp(0.08 * rng.normal(size=n_rows))
    columns["date"] = _working_hours(n_rows, rng)
    columns["flag"] = rng.random(n_rows) < 0.3
    return _with_gaps(pd.DataFrame(columns), rng)


def _number(j: int, clusters: np.ndarray, rng: np.random.Generator) -> FloatArray:
    """Normal within clusters; every third is skewed, or rounded."""
    values = rng.normal(0.0, 2.0, 4)[clusters] + rng.normal(size=len(clusters))
    if j % 3 == 1:
        values = np.exp(values / 2.0)
    elif j % 3 == 2:
        values = np.round(10.0 * values)
    return np.asarray(values)


def _category(clusters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of two to eight values, each cluster with shares of its own."""
    n_values = int(rng.integers(2, 9))
    shares = rng.dirichlet(np.full(n_values, 0.6), 4).cumsum(axis=1)
    codes = (rng.random(len(clusters))[:, None] > shares[clusters]).sum(axis=1)
    codes = codes.clip(max=n_values - 1)
    return np.char.add("value ", codes.astype(str)).astype(object)


def _working_hours(n_rows: int, rng: np.random.Generator) -> pd.DatetimeIndex:
    """Dates of more than a year, Monday to Friday, around one o'clock."""
    weeks, days = rng.integers(60, size=n_rows), rng.integers(5, size=n_rows)
    hours = rng.normal(13.0, 2.5, n_rows).clip(6.0, 20.0)
    seconds = np.round(86400 * (7 * weeks + days) + 3600 * hours)
    return _FIRST_MONDAY + pd.to_timedelta(seconds, unit="s")


def _with_gaps(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The first two numbers missing in a fifth of the rows, nearly always both."""
    lacking = rng.random(len(table)) < 0.2
    both = lacking & (rng.random(len(table)) < 0.98)
    for name, gaps in (("number 0", lacking), ("number 1", both)):
        if name in table:
            table.loc[gaps, name] = np.nan
    return table
