"""CounterfactualExplainer: what an anomaly would be if it were normal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from math import prod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from tqdm import tqdm

from .._adapters import name_of, thawed
from .._cells import differ
from .._coding import TableCoding
from .._columns import Constant
from .._docstrings import shared_paragraphs
from .._entries import is_numeric
from .._frames import as_labels
from .._images import (
    PixelRange,
    agreed_shape,
    as_rows,
    channel_spread,
    rows_like,
    tell_shape,
)
from .._kept import own_rows
from .._sklearn_compat import Interval, StrOptions
from .._torch._device import resolve_device
from .._torch._own import own_torch
from .._typing import BoolArray, FloatArray, ImageShape
from .._validation import check_table, deciding_part
from ..explainers._coded_rows import CodedRows
from ..explainers._table_explainer import TableExplainer
from ..scores import TorchScore
from ._alternatives import Alternatives, find_alternatives
from ._constraints import Constraints
from ._counterfactual_explanation import CounterfactualExplanation
from ._method import CounterfactualMethod, Problem, check_missing

# The methods' classes, which are imported when they are asked for.
_METHODS = {
    "auto": "GreedyInsertion",
    "nearest": "NearestAccepted",
    "greedy": "GreedyInsertion",
    "gradient": "GradientDescent",
    "gan": "ConceptGAN",
    "diffusion": "DiffusionEditing",
}
# Scores count as equal that differ by rounding, beside their size.
_ROUNDING = 1e-12
# Bounds the tables of the rows that are explained together.
_CELLS = 2**21
_CELLS_A_COLUMN = 8


@shared_paragraphs
class CounterfactualExplainer(TableExplainer[CounterfactualExplanation]):
    """Find the least change that makes an anomaly normal.

    For each row, alternatives are searched that are close to it, differ from it
    in few features, keep to what is allowed, and have an anomaly score not above
    a target: "if `amount` were 120 instead of 9400, the row would be normal".

    ``transform`` gives the change of the best alternative, the counterfactual
    less the row, in the units of the columns; of a category, 1 where it changes.
    Its sign is that of the move, not that of an effect on the score: all of it
    together lowers the score.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    method : str or CounterfactualMethod, default="auto"
        How alternatives are searched; a string is the method with its defaults:

        - "nearest": the nearest accepted training rows, NearestAccepted;
        - "greedy": features are copied from those, GreedyInsertion;
        - "gradient": the score's gradient is descended, GradientDescent;
        - "gan", "diffusion": for images, ConceptGAN and DiffusionEditing;
        - "auto": "greedy", which is fast, and works with any detector and with
          categories. "gradient" comes closer where features are correlated.
    target : "threshold" or float, default="threshold"
        The highest anomaly score of a normal row: the detector's own threshold,
        where ``decision_function`` is zero, or a quantile of the training rows'
        anomaly scores, between 0 and 1. Of models without a threshold, such as a
        GaussianMixture, "threshold" is the quantile 0.9.
    n_counterfactuals : int, default=1
        Number of alternatives of each row; they are chosen to differ.
    immutable : list or mask, default=()
        Columns that never change, by name or position, or a boolean for each. Nor do
        columns that the detector never reads.
    ranges : dict, default=None
        Where changed numbers, dates or durations lie: column -> (lowest, highest),
        None for an open end; dates may be text, as in ("2024-01-01", None). What
        does not change may lie outside.
    steps : dict, default=None
        What changed numbers are multiples of: column -> step, 1 for whole numbers.
    categorical_features : "auto" or list, default="auto"
        Columns, by name or position, whose cells only change to values seen in
        ``fit``. Columns of strings, booleans and categoricals are so in any
        case, as are those that the detector's Pipeline gives to an encoder;
        "auto" adds no other.
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds methods that draw, once in ``fit``, and the detector's
        ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    method_ : CounterfactualMethod
        The method, ready to search.
    threshold_ : float
        The highest anomaly score that is normal.
    image_shape_ : tuple (C, H, W) or None
        Shape of the images: of those given as arrays, or else what the detector
        or the method was told. None for a table.
    {features_in_of_images}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score, or none with the
        gradient that the method needs.
    ValueError
        In ``fit``, if X is not a finite table, the constraints contradict each
        other, name unknown columns or leave none to change, or if no training row
        is accepted. In ``explain``, if a score is infinite or NaN. In both, if
        images have the channels last, or another shape than others.

    See Also
    --------
    CounterfactualExplanation : What ``explain`` gives.
    sklearn_anomaly_attr.series.SeriesCounterfactualExplainer : For series.
    AnomalyShapley : How much each feature adds to the score.

    Notes
    -----
    A row that is accepted as it is stays unchanged. Where no valid alternative is
    found, the best that was found is given, with ``valid`` False: constraints may
    leave no way to a normal row.

    Where the detector takes missing entries, an alternative may fill them in. It may
    lack entries itself in columns in which training rows do and that have neither
    range nor step. Either counts as a distance of 1, and `immutable` forbids both.
    What is filled in keeps to `ranges` and `steps`. Dates and durations become those
    of training rows.

    Images are given as arrays (n, C, H, W) or (n, H, W), or in the rows of a table,
    with their shape as ``image_shape`` of the detector or the method. Their pixels
    count in standard deviations of the channel.

    References
    ----------
    Wachter, Mittelstadt & Russell (2018), "Counterfactual explanations without
    opening the black box"; Liznerski et al., "Reimagining anomalies: what if
    anomalies were normal?" (counterfactuals of anomalies).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.counterfactuals import CounterfactualExplainer
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(GaussianMixtureDetector(), random_state=0)
    >>> explanation = explainer.fit(X).explain([[0.0, 5.0, 0.0]])
    >>> print(explanation.sentences()[0])
    Row 0: if `x1` were 2.5... instead of 5, the score would fall from 15... to 5...
    >>> explanation.valid
    array([[ True]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TableExplainer._parameter_constraints,
        "method": [StrOptions(set(_METHODS)), CounterfactualMethod],
        "target": [
            StrOptions({"threshold"}),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "n_counterfactuals": [Interval(Integral, 1, None, closed="left")],
        "immutable": ["array-like"],
        "ranges": [dict, None],
        "steps": [dict, None],
    }

    image_shape_: ImageShape | None

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        method: str | CounterfactualMethod = "auto",
        target: str | float = "threshold",
        n_counterfactuals: int = 1,
        immutable: Sequence[Any] = (),
        ranges: Mapping[Any, tuple[float | None, float | None]] | None = None,
        steps: Mapping[Any, float] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.method = method
        self.target = target
        self.n_counterfactuals = n_counterfactuals
        self.immutable = immutable
        self.ranges = ranges
        self.steps = steps
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, X_outlier_exposure: Any = None) -> Self:
        """Fit the detector, and prepare the method.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n, H, W) or (n, C, H, W)
            Training rows or images, mostly normal. DataFrames may hold categories:
            strings, booleans, categoricals.
        y : array-like of shape (n_samples,), default=None
            Handed to the detector; most ignore it.
        X_outlier_exposure : array-like of shape (n_exposed, ...), default=None
            Rows or images beside those of X, abnormal ones for instance, that
            methods which train a generator learn to edit. The detector does not
            see them: wrap one that learns from them, too, in a FrozenEstimator.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit_and_publish(X, y, X_outlier_exposure=X_outlier_exposure)

    def _check_training(self, X: Any) -> Any:
        rows, self._stated_shape = as_rows(X, self._told_shape())
        return super()._check_training(rows)

    def _new_estimator(self) -> Any:
        return tell_shape(super()._new_estimator(), self._stated_shape)

    @own_torch()
    def _fit_background(self, X: Any, **given: Any) -> None:
        decides = deciding_part(self.estimator_)
        self.image_shape_ = agreed_shape(self._stated_shape, decides)
        super()._fit_background(X)
        extra_rows = self._exposed(given["X_outlier_exposure"])
        problem = self._problem(self._translated(), extra_rows)
        method = self._new_method()
        method._validate_params()
        check_missing(method, problem.X, "training rows")
        method.prepare(problem)
        self.method_ = method

    def _spread_of(self, X: FloatArray) -> FloatArray:
        if self.image_shape_ is None:
            return super()._spread_of(X)
        n_pixels = prod(self.image_shape_[1:])
        return np.repeat(channel_spread(X, self.image_shape_), n_pixels)

    def _fit(self, X: FloatArray) -> None:
        self._X = own_rows(X, self.estimator_)
        self._constraints()
        scores = self._training_scores(X)
        self._check_finite(scores)
        self._scores_of_X = scores
        threshold = self._threshold(scores)
        self.threshold_ = threshold + _ROUNDING * np.abs(scores).max()
        if not (scores <= self.threshold_).any():
            raise ValueError(
                f"{name_of(self.estimator_)} accepts no training row at "
                f"the threshold {self.threshold_:.4g} of the anomaly score: set its "
                "contamination, or target to a quantile such as 0.9."
            )

    def _told_shape(self) -> Any:
        """Shape of the images that the detector or the method is told."""
        parts = (thawed(self.estimator), self.method)
        told = (getattr(part, "image_shape", None) for part in parts)
        return next((shape for shape in told if shape is not None), None)

    def _threshold(self, scores: FloatArray) -> float:
        """The highest anomaly score of a normal row."""
        if not isinstance(self.target, str):
            return float(np.quantile(scores, self.target))
        return self._own_threshold(scores)

    def _constraints(self) -> Constraints:
        return Constraints.of(
            self,
            self.immutable,
            self.ranges,
            self.steps,
            self._coding,
            np.asarray(np.isnan(self._X).any(axis=0)),
        )

    def _exposed(self, X: Any) -> FloatArray | None:
        if X is None:
            return None
        X = check_table(self, self._as_rows(X), reset=False, n_rows=0)
        rows = self._coding.like(X).encode(X)
        if ((rows >= self._n_categories) & (self._n_categories > 0)).any():
            raise ValueError(
                "X_outlier_exposure holds categories that X does not have: leave "
                "these rows out."
            )
        return rows

    def _as_rows(self, X: Any) -> Any:
        """The rows of images like those of ``fit``."""
        return rows_like(X, self.image_shape_, type(self).__name__)

    def _new_method(self) -> CounterfactualMethod:
        method: CounterfactualMethod
        if isinstance(self.method, str):
            method = getattr(import_module(__package__), _METHODS[self.method])()
        else:
            method = clone(self.method)
        return method

    def _problem(
        self, score: TorchScore, extra_rows: FloatArray | None = None
    ) -> Problem:
        device = resolve_device(self.device)
        like = torch.empty((0, self.n_features_in_), device=device)
        return Problem(
            score=score,
            threshold=self.threshold_,
            X=self._X,
            training_scores=self._scores_of_X,
            scale=self._scale,
            constraints=self._constraints(),
            n_counterfactuals=int(self.n_counterfactuals),
            batch_size=self._batch_size(score, like),
            device=device,
            seed=self._random_seed,
            verbose=int(self.verbose),
            extra_rows=extra_rows,
            image_shape=self.image_shape_,
        )

    def explain(self, X: Any) -> CounterfactualExplanation:
        """Find what rows would be if they were normal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n, H, W) or (n, C, H, W)
            Rows or images to explain; may be none.

        Returns
        -------
        CounterfactualExplanation
            The alternatives of each row, best first.
        """
        return super().explain(X)

    def _as_table(self, X: Any) -> Any:
        return self._as_rows(X)

    def _explain(self, rows: CodedRows) -> CounterfactualExplanation:
        X, coding = rows.X, rows.coding
        if self.image_shape_ is not None:
            PixelRange.of(self._X).warn_of_units(X)
        check_missing(self.method_, X, "rows")
        problem = self._problem(rows.score)
        found, before, after, distance = self._found(problem, rows)
        self._check_finite(before, after, distance)
        if rows.own_scores is not None:
            before = rows.own_scores
        n_changed = differ(found, np.broadcast_to(X[:, None], found.shape)).sum(axis=2)
        after = np.where(n_changed == 0, before[:, None], after)
        name = type(self.method_).__name__
        return CounterfactualExplanation(
            counterfactuals=coding.shown(found),
            scores_before=before,
            scores_after=after,
            valid=after <= problem.threshold,
            distance=distance,
            n_changed=n_changed,
            data=coding.shown(X),
            index=pd.RangeIndex(len(X)),
            feature_names=as_labels(self._column_names()),
            is_categorical=_hold_no_line(coding),
            spread=self._spread.copy(),
            threshold=problem.threshold,
            image_shape=self.image_shape_,
            description=f"{name}, {self._of_score(problem.score)}",
        )

    def _found(self, problem: Problem, rows: CodedRows) -> list[NDArray[Any]]:
        """Alternatives, the scores before and after, and distances."""
        # A detector that reads labels is told that of one row at a time.
        parts = [rows]
        if rows.index is not None and len(rows.X):
            parts = [rows.part(slice(i, i + 1)) for i in range(len(rows.X))]
        found = [
            self._alternatives(replace(problem, score=part.score), part.X, part.free)
            for part in parts
        ]
        joined = (torch.cat(tensors) for tensors in zip(*found, strict=True))
        return [tensor.cpu().numpy() for tensor in joined]

    def _alternatives(
        self, problem: Problem, X: FloatArray, free: BoolArray | None
    ) -> Alternatives:
        """Alternatives of the coded rows X, part by part."""
        if free is None:
            free = np.ones(X.shape, dtype=bool)
        width = problem.n_counterfactuals * _CELLS_A_COLUMN * self.n_features_in_
        size = max(1, _CELLS // width)
        # A method searches for rows of which the same cells are free.
        masks, which = np.unique(free, axis=0, return_inverse=True)
        order = np.argsort(which.ravel(), kind="stable")
        x = torch.tensor(X[order], device=problem.device)
        stops = np.cumsum(np.bincount(which.ravel(), minlength=len(masks)))
        found = [find_alternatives(self.method_, problem, x[:0])]
        with tqdm(
            total=len(X),
            desc=type(self).__name__,
            unit="row",
            disable=not self.verbose,
        ) as progress:
            starts = np.append(0, stops)[:-1]
            for mask, start, stop in zip(masks, starts, stops, strict=True):
                within = problem.within(mask)
                for part in x[start:stop].split(size):
                    found.append(find_alternatives(self.method_, within, part))
                    progress.update(len(part))
        back = torch.from_numpy(np.argsort(order, kind="stable")).to(x.device)
        return Alternatives(*(torch.cat(p)[back] for p in zip(*found, strict=True)))


def _hold_no_line(coding: TableCoding) -> BoolArray:
    """Which columns hold neither numbers nor dates."""
    held = [
        column.is_categorical
        or (isinstance(column, Constant) and not is_numeric(column.value))
        for column in coding.columns
    ]
    return np.array(held, dtype=bool)
