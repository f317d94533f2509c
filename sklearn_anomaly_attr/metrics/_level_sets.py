"""Masses and volumes of the sets that a score takes for normal."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid
from scipy.optimize import isotonic_regression
from sklearn.utils import check_random_state

from .._coding import TableCoding, is_frame
from .._frames import in_container, index_of
from .._typing import FloatArray
from ._detection import _anomaly_score
from ._inputs import check_numbers, check_whole

# Fewer draws in a set tell its volume by no more than a third.
_FEWEST_DRAWS = 10


@dataclass(frozen=True)
class LevelSets:
    """The sets of all points that score at least as a row, smallest first.

    Parameters
    ----------
    masses : ndarray of shape (n_levels,)
        Shares of the rows in each set; the last is 1.
    volumes : ndarray of shape (n_levels,)
        Shares of the box in each set; they never fall, and are above 0.
    """

    masses: FloatArray
    volumes: FloatArray

    @classmethod
    def of(cls, anomaly_scores: FloatArray, of_draws: FloatArray) -> LevelSets:
        """By scores of the rows, and of points drawn evenly from the box.

        A volume counts one point more than was found: no set is empty, and none of
        them is taken for infinitely dense.
        """
        rows, draws = np.sort(anomaly_scores), np.sort(of_draws)
        levels = np.unique(rows)
        n_rows = np.searchsorted(rows, levels, side="right")
        n_draws = np.searchsorted(draws, levels, side="right")
        return cls(n_rows / len(rows), (n_draws + 1) / (len(draws) + 1))

    def mass_volume(self, masses: float | FloatArray) -> FloatArray:
        """Volumes of the smallest sets that hold at least some masses, up to 1."""
        found: FloatArray = self.volumes[np.searchsorted(self.masses, masses)]
        return found

    def mass_volume_area(self, low: float, high: float) -> float:
        """The integral of ``mass_volume`` from one mass to another."""
        edges = np.clip(np.append(0.0, self.masses), low, high)
        return float(self.volumes @ np.diff(edges))

    def excess_mass(self, t: float | FloatArray) -> FloatArray:
        """The most that a set's mass exceeds `t` times its volume by."""
        slopes, masses, volumes = self._hull()
        corner = np.searchsorted(-slopes, -np.asarray(t))
        excess: FloatArray = masses[corner] - t * volumes[corner]
        return excess

    def excess_mass_area(self, least: float) -> float:
        """The integral of ``excess_mass`` from t = 0 to where it falls to `least`."""
        above = self.masses > least
        end = ((self.masses[above] - least) / self.volumes[above]).max()
        slopes = self._hull()[0]
        knots = np.unique(np.concatenate([[0.0], slopes[slopes < end], [end]]))
        return float(trapezoid(self.excess_mass(knots), knots))

    def _hull(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The concave hull of masses by volumes: its slopes, and its corners."""
        largest = np.append(np.diff(self.volumes) > 0.0, True)
        volumes = np.append(0.0, self.volumes[largest])
        masses = np.append(0.0, self.masses[largest])
        widths = np.diff(volumes)
        slopes = isotonic_regression(
            np.diff(masses) / widths, weights=widths, increasing=False
        ).x
        return slopes, np.append(0.0, np.cumsum(slopes * widths)), volumes


def level_sets(
    estimator: Any,
    X: Any,
    *,
    min_mass: float,
    n_draws: int,
    batch_size: int,
    random_state: Any,
) -> LevelSets:
    """The sets of a fitted detector, by rows and by draws from the box of these."""
    check_whole(n_draws, "n_draws", 1)
    check_whole(batch_size, "batch_size", 1)
    rows, rng = numbers_of(X, "X"), check_random_state(random_state)
    low, high = rows.min(axis=0), rows.max(axis=0)
    if not (high > low).any():
        raise ValueError(
            "All rows of X are the same: pass rows that differ, whose box has a volume."
        )
    scores = np.empty(n_draws)
    for start in range(0, n_draws, batch_size):
        part = slice(start, min(start + batch_size, n_draws))
        shares = rng.random_sample((part.stop - start, rows.shape[1]))
        scores[part] = _anomaly_score(estimator, _like(X, low + (high - low) * shares))
    found = LevelSets.of(_anomaly_score(estimator, X), scores)
    _warn_of_few_draws(found, min_mass, n_draws)
    return found


def numbers_of(X: Any, name: str) -> FloatArray:
    """The rows of a table of finite numbers; categories and dates are refused."""
    if not is_frame(X):
        return check_numbers(X, name)
    coding = TableCoding.of(X)
    others = [
        str(label)
        for label, column in zip(coding.labels, coding.columns, strict=True)
        if not column.is_number
    ]
    if others:
        raise TypeError(
            f"{name} has columns that hold no numbers ({', '.join(others[:5])}), in "
            "which a set has no volume: compare detectors by the columns of numbers "
            "alone, or by labels."
        )
    return check_numbers(coding.encode(X), name)


def _like(X: Any, rows: FloatArray) -> Any:
    """Rows as a table like X."""
    if not is_frame(X):
        return rows
    coding = TableCoding.of(X)
    frame = pd.DataFrame(rows, columns=index_of(coding.labels))
    return in_container(frame, str(coding.container))


def _warn_of_few_draws(found: LevelSets, min_mass: float, n_draws: int) -> None:
    n_inside = round(float(found.mass_volume(min_mass)) * (n_draws + 1)) - 1
    if n_inside < _FEWEST_DRAWS:
        warnings.warn(
            f"{n_inside} of {n_draws} points drawn from the box of X lie in the set "
            f"that holds {min_mass:g} of its rows: too few to tell its volume. Raise "
            "n_draws, leave out rows far from all others, or take "
            "subspace_criterion, which looks at few columns at a time.",
            stacklevel=4,
        )
