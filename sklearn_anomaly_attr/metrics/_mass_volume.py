"""Criteria of detectors that need no labels: how small the sets are that hold rows."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from .._docstrings import shared_paragraphs
from ._level_sets import level_sets


@shared_paragraphs
def excess_mass(
    estimator: Any,
    X: Any,
    *,
    min_mass: float = 0.9,
    n_draws: int = 20_000,
    batch_size: int = 4096,
    random_state: int | np.random.RandomState | None = None,
) -> float:
    """Area under the excess-mass curve of a detector, by rows without labels.

    A set of points that the detector finds more normal than all others has a mass,
    its share of the rows, and a volume, its share of the box that encloses these.
    ``EM(t)`` is the largest mass minus `t` times the volume, over all such sets. The
    area is taken from t = 0 to where the curve falls to `min_mass`.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_samples, n_features)
        Rows of numbers, held out from the fit.
    min_mass : float, default=0.9
        Where the curve is cut, in (0, 1): higher looks at the edge of the rows.
    n_draws : int, default=20000
        Number of points drawn evenly from the box, which volumes are told by.
    batch_size : int, default=4096 {scoring_batch_size}
    random_state : int, RandomState or None, default=None {seeds_draws}

    Returns
    -------
    area : float
        Higher is better.

    Raises
    ------
    TypeError {no_numbers}
    ValueError {no_box}

    Warns
    -----
    UserWarning {few_draws}

    See Also
    --------
    excess_mass_scorer : For a search; tells what the criterion can do.
    mass_volume : The same by the volume that holds a mass.

    Notes
    -----
    {level_sets}
    The area divided by the volume of the box is in units of the columns.

    References
    ----------
    Goix, Sabourin & Clémençon (2015), "On anomaly ranking and excess-mass curves";
    Goix (2016), "How to evaluate the quality of unsupervised anomaly detection
    algorithms?".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import excess_mass
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> one = GaussianMixtureDetector(1).fit(X[:500])
    >>> many = GaussianMixtureDetector(40, random_state=0).fit(X[:500])
    >>> bool(
    ...     excess_mass(one, X[500:], random_state=0)
    ...     > excess_mass(many, X[500:], random_state=0)
    ... )
    True
    """
    _check_masses(min_mass=min_mass)
    sets = level_sets(
        estimator,
        X,
        min_mass=min_mass,
        n_draws=n_draws,
        batch_size=batch_size,
        random_state=random_state,
    )
    return sets.excess_mass_area(min_mass)


@shared_paragraphs
def mass_volume(
    estimator: Any,
    X: Any,
    *,
    min_mass: float = 0.9,
    max_mass: float = 0.999,
    n_draws: int = 20_000,
    batch_size: int = 4096,
    random_state: int | np.random.RandomState | None = None,
) -> float:
    """Area under the mass-volume curve of a detector, by rows without labels.

    ``MV(a)`` is the volume of the smallest set of points that the detector finds more
    normal than all others and that holds at least the share `a` of the rows. Volumes
    are shares of the box that encloses the rows.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_samples, n_features)
        Rows of numbers, held out from the fit.
    min_mass, max_mass : float, default=0.9 and 0.999
        Shares of the rows between which the area is taken, in (0, 1).
    n_draws : int, default=20000
        Number of points drawn evenly from the box, which volumes are told by.
    batch_size : int, default=4096 {scoring_batch_size}
    random_state : int, RandomState or None, default=None {seeds_draws}

    Returns
    -------
    area : float
        LOWER is better; between 0 and ``max_mass - min_mass``.

    Raises
    ------
    TypeError {no_numbers}
    ValueError {no_box}

    Warns
    -----
    UserWarning {few_draws}

    See Also
    --------
    mass_volume_scorer : For a search; tells what the criterion can do.
    excess_mass : The same by masses in excess of volumes.

    Notes
    -----
    {level_sets}
    The area times the volume of the box is in units of the columns.

    References
    ----------
    Clémençon & Jakubowicz (2013), "Scoring anomalies: a M-estimation formulation";
    Goix (2016), "How to evaluate the quality of unsupervised anomaly detection
    algorithms?".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import mass_volume
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> one = GaussianMixtureDetector(1).fit(X[:500])
    >>> many = GaussianMixtureDetector(40, random_state=0).fit(X[:500])
    >>> bool(
    ...     mass_volume(one, X[500:], random_state=0)
    ...     < mass_volume(many, X[500:], random_state=0)
    ... )
    True
    """
    _check_masses(min_mass=min_mass, max_mass=max_mass)
    sets = level_sets(
        estimator,
        X,
        min_mass=min_mass,
        n_draws=n_draws,
        batch_size=batch_size,
        random_state=random_state,
    )
    return sets.mass_volume_area(min_mass, max_mass)


@shared_paragraphs
def excess_mass_scorer(
    estimator: Any, X: Any, y: Any = None, *, random_state: Any = 0, **options: Any
) -> float:
    """Score a fitted detector by the logarithm of :func:`excess_mass`.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_samples, n_features)
        Rows of numbers, held out from the fit.
    y : Ignored
        Present for API consistency.
    random_state : int, RandomState or None, default=0 {seeds_draws}
    **options : dict
        Handed to :func:`excess_mass`, by :func:`functools.partial` in a search.

    Returns
    -------
    score : float
        Higher is better.

    See Also
    --------
    anomaly_roc_auc_scorer : Where there are labels.
    subspace_criterion : Where there are more than a few columns.

    Notes
    -----
    {criteria_by_logarithms}

    {criteria_can_do}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV, KFold
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import excess_mass_scorer
    >>> search = GridSearchCV(
    ...     GaussianMixtureDetector(random_state=0),
    ...     {"n_components": [1, 40]},
    ...     scoring=excess_mass_scorer,
    ...     cv=KFold(3, shuffle=True, random_state=0),
    ... )
    >>> X = np.random.default_rng(0).normal(size=(600, 2))
    >>> search.fit(X).best_params_
    {'n_components': 1}
    """
    return float(
        np.log(excess_mass(estimator, X, random_state=random_state, **options))
    )


@shared_paragraphs
def mass_volume_scorer(
    estimator: Any, X: Any, y: Any = None, *, random_state: Any = 0, **options: Any
) -> float:
    """Score a fitted detector by minus the logarithm of :func:`mass_volume`.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_samples, n_features)
        Rows of numbers, held out from the fit.
    y : Ignored
        Present for API consistency.
    random_state : int, RandomState or None, default=0 {seeds_draws}
    **options : dict
        Handed to :func:`mass_volume`, by :func:`functools.partial` in a search.

    Returns
    -------
    score : float
        Higher is better.

    See Also
    --------
    anomaly_roc_auc_scorer : Where there are labels.
    subspace_criterion : Where there are more than a few columns.

    Notes
    -----
    {criteria_by_logarithms}

    {criteria_can_do}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import mass_volume_scorer
    >>> X = np.random.default_rng(0).normal(size=(600, 2))
    >>> one = GaussianMixtureDetector(1).fit(X[:300])
    >>> many = GaussianMixtureDetector(40, random_state=0).fit(X[:300])
    >>> mass_volume_scorer(one, X[300:]) > mass_volume_scorer(many, X[300:])
    True
    """
    return float(
        -np.log(mass_volume(estimator, X, random_state=random_state, **options))
    )


def _check_masses(**masses: Any) -> None:
    for name, mass in masses.items():
        if not isinstance(mass, Real) or not 0 < float(mass) < 1:
            raise ValueError(
                f"{name}={mass!r}: ask for a number between 0 and 1, such as 0.9."
            )
    low, high = masses["min_mass"], masses.get("max_mass", 1.0)
    if low >= high:
        raise ValueError(
            f"min_mass={low!r} and max_mass={high!r}: the area is taken from the first "
            "to the second, which must be greater."
        )
