"""Any PyOD model as a detector."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import check_array, check_random_state, gen_batches

from .._adapters import is_pyod
from .._docstrings import shared_paragraphs
from .._random import draw_seed, seed_unseeded
from .._sklearn_compat import StrOptions
from .._typing import FloatArray
from ..base import BaseDetector
from ..exceptions import BatchDependenceWarning

# The same score, beside the spread of the scores: in float64, and in float32.
_TOLERANCE = 1e-9
_FLOAT32_TOLERANCE = 1e-4
_PROBE_ROWS = 64
_PROBE_SINGLE = 32
_FEW_ROWS = 8
_BLOCK = 64


@shared_paragraphs
class PyODDetector(MetaEstimatorMixin, BaseDetector):
    """Detect anomalies with a model of PyOD.

    The model becomes a scikit-learn detector: higher scores are more normal,
    labels are +1 and -1, columns are checked by name and order, and the score of
    a row depends on that row alone.

    Parameters
    ----------
    estimator : PyOD model
        An unfitted model, such as ``pyod.models.ecod.ECOD()``. It is cloned and
        stays as it was.
    row_wise : "auto" or bool, default="auto"
        How rows are kept from changing each other's scores. "auto" tries the
        model on training rows in ``fit``, and takes the fastest way in which they
        do not, see ``scoring_``. True scores one row at a time. False hands
        all rows to PyOD together, whatever its scores depend on.
    contamination : float, default=0.1
        Share of the training rows beyond the threshold of ``predict``, in
        (0, 0.5]. On clean training rows: the rate of false alarms. It replaces
        the contamination of the model.
    random_state : int, RandomState instance or None, default=None
        Seeds the model's ``random_state`` parameters that are None, and models
        without such a parameter. A number set in the model stays: PyOD's deep
        models have 42 by default.

    Attributes
    ----------
    estimator_ : PyOD model
        The fitted model.
    scoring_ : {"together", "closed form", "blocks", "one by one"}
        How rows are scored: in one call of the model; by the formula of ECOD and
        COPOD; in calls of always the same number of rows, on which the rounding
        of nets depends; or in one call a row.
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` is not a PyOD model, or one that needs labels.
    ValueError
        In ``fit``, if X is not a finite numeric table of at least two rows, or
        if the model scores rows only against each other (ROD, SOS, LOCI, CD,
        COF, SOD, LMDD, DIF); in ``fit`` and when scoring, if the model fails or
        gives scores that are not finite.

    Warns
    -----
    BatchDependenceWarning
        In ``fit`` with ``row_wise="auto"``, if rows must be scored one by one.

    See Also
    --------
    KNNDetector : Neighbours, without PyOD.
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    Notes
    -----
    Where PyOD scores every row on its own, scores are the negative of its
    ``decision_function``. ECOD and COPOD there append the rows to the training
    rows before they count tails, so that a row scores differently in other
    company; here a row is appended alone. Models that draw random numbers when
    they score (VAE, ALAD) draw the same ones for each row.

    The global random states of Python, numpy and torch are as before after
    ``fit`` and after scoring.

    Examples
    --------
    >>> import numpy as np
    >>> from pyod.models.ecod import ECOD  # doctest: +SKIP
    >>> from sklearn_anomaly_attr.detectors import PyODDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> detector = PyODDetector(ECOD()).fit(X)  # doctest: +SKIP
    >>> detector.predict([[0.0, 0.0], [6.0, 6.0]])  # doctest: +SKIP
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDetector._parameter_constraints,
        "estimator": "no_validation",
        "row_wise": ["boolean", StrOptions({"auto"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        row_wise: bool | str = "auto",
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.row_wise = row_wise
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, X: FloatArray) -> None:
        _check_model(self.estimator)
        rng = check_random_state(self.random_state)
        self._seed = draw_seed(rng)
        with _kept_random_states():
            _seed_globals(self._seed)
            model = clone(self.estimator)
            seed_unseeded(model, rng)
            own_seed = getattr(model, "random_state", None)
            if isinstance(own_seed, Integral):
                _seed_globals(int(own_seed))
            # Some models shuffle the rows they are given.
            _call(model, "fit", X.copy())
        self.estimator_ = model
        if self.row_wise == "auto":
            self.scoring_ = self._find_scoring(X)
        else:
            self.scoring_ = "one by one" if self.row_wise else "together"

    @property
    def _scoring_note(self) -> str:
        """What an explanation says of the score, where it is not PyOD's of a batch."""
        alone = self.scoring_ in ("closed form", "one by one")
        return ", each row alone" if alone else ""

    def _adopt(self, X: Any = None) -> Self:
        """Take the model as it is, fitted.

        Rows like those of its fit tell the fastest way to score rows alone.
        """
        self.estimator_, self._seed = self.estimator, 0
        self.offset_ = -float(self.estimator.threshold_)
        self._training_scores = -np.asarray(self.estimator.decision_scores_)
        self.scoring_ = next(iter(self._ways()))
        if X is not None and len(X):
            rows = check_array(X, dtype=np.float64)
            self.n_features_in_ = rows.shape[1]
            self.scoring_ = self._find_scoring(rows)
        return self

    def _score_samples(self, X: FloatArray) -> FloatArray:
        return self._ways()[self.scoring_](X)

    def _ways(self) -> dict[str, Callable[[FloatArray], FloatArray]]:
        """Ways to score rows, by name, the fastest first."""
        ways: dict[str, Callable[[FloatArray], FloatArray]] = {
            "together": self._score_together,
            "blocks": self._score_blocks,
            "one by one": self._score_one_by_one,
        }
        if type(self.estimator_).__module__ in _TAIL_MODELS:
            return {"closed form": self._score_tails, **ways}
        return ways

    def _score_together(self, X: FloatArray) -> FloatArray:
        return self._score_batches(X, len(X))

    def _score_one_by_one(self, X: FloatArray) -> FloatArray:
        return self._score_batches(X, 1)

    def _score_blocks(self, X: FloatArray) -> FloatArray:
        """Score in calls of `_BLOCK` rows; the last row fills the last call."""
        filling = np.repeat(X[-1:], -len(X) % _BLOCK, axis=0)
        options = {}
        if "batch_size" in signature(self.estimator_.decision_function).parameters:
            options["batch_size"] = _BLOCK
        filled = np.concatenate([X, filling])
        return self._score_batches(filled, _BLOCK, **options)[: len(X)]

    def _score_tails(self, X: FloatArray) -> FloatArray:
        return -_tail_scores(self.estimator_, X)

    def _score_batches(self, X: FloatArray, size: int, **options: Any) -> FloatArray:
        """Negative of PyOD's scores, from calls with `size` rows each."""
        model = self.estimator_
        scores = np.empty(len(X))
        with _kept_random_states():
            for batch in gen_batches(len(X), size):
                _seed_globals(self._seed)
                found = _call(model, "decision_function", X[batch], **options)
                scores[batch] = np.asarray(found, dtype=np.float64).reshape(-1)
        if not np.isfinite(scores).all():
            raise ValueError(
                f"PyOD's {type(model).__name__} gives scores that are not finite. "
                "Scale the columns, e.g. with RobustScaler, drop constant columns "
                "and duplicate rows, or choose another model."
            )
        return -scores

    def _find_scoring(self, X: FloatArray) -> str:
        """Fastest way in which rows do not change each other's scores."""
        rows = X[np.unique(np.linspace(0, len(X) - 1, _PROBE_ROWS).astype(int))]
        alone = self._score_probe_alone(rows)
        for name, way in self._ways().items():
            if name == "one by one":
                break
            tolerance = _FLOAT32_TOLERANCE if name == "blocks" else _TOLERANCE
            if _is_row_wise(way, rows) and _close(
                way(rows)[: len(alone)], alone, tolerance
            ):
                return name
        warnings.warn(
            f"PyOD's {type(self.estimator_).__name__} gives a row another score in "
            f"other company, by up to {self._batch_effect(rows, alone):.1g} standard "
            "deviations of the scores. Rows are scored one by one, which is slow. Set "
            "row_wise=True to accept that, or row_wise=False for the scores of whole "
            "batches.",
            BatchDependenceWarning,
            stacklevel=2,
        )
        return "one by one"

    def _batch_effect(self, rows: FloatArray, alone: FloatArray) -> float:
        """Largest change of a score by its company, in standard deviations."""
        together = self._score_together(rows)
        return float(
            np.abs(together[: len(alone)] - alone).max() / (together.std() or 1.0)
        )

    def _score_probe_alone(self, rows: FloatArray) -> FloatArray:
        """Scores of some rows on their own; refuse a model that has none."""
        cause = None
        first = rows[:_PROBE_SINGLE]
        together = self._score_together(rows)
        try:
            # Such models divide zero by zero.
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                alone = self._score_one_by_one(first)
            # Few rows may well score alike.
            few = len(np.unique(rows, axis=0)) < _FEW_ROWS
            if (
                few
                or np.ptp(together) == 0
                or np.ptp(alone) > _TOLERANCE * np.ptp(together)
            ):
                return alone
        except ValueError as error:
            cause = error
        raise ValueError(
            f"PyOD's {type(self.estimator_).__name__} scores rows only against the "
            "rows beside them, and cannot score one alone. Choose another model, or "
            "set row_wise=False: scores then depend on the batch."
        ) from cause


def _check_model(model: Any) -> None:
    """Refuse what is not an unsupervised PyOD model."""
    if not is_pyod(model):
        raise TypeError(
            "PyODDetector wraps a PyOD model, such as pyod.models.ecod.ECOD(); got "
            f"{model!r}. scikit-learn's detectors need no adapter, and a class is to "
            "be called first."
        )
    y = signature(model.fit).parameters.get("y")
    if y is not None and y.default is y.empty:
        raise TypeError(
            f"PyOD's {type(model).__name__} learns from labels, and detectors here "
            "are fitted without: choose an unsupervised model."
        )


def _call(model: Any, method: str, X: FloatArray, **options: Any) -> Any:
    """Call PyOD; what fails there says which model failed, and what may help."""
    try:
        return getattr(model, method)(X, **options)
    except (ValueError, TypeError, ImportError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(
            f"{method} of PyOD's {type(model).__name__} failed on these rows "
            f"({type(error).__name__}: {error}). Scale the columns, drop constant "
            "columns and duplicate rows, set a deep model's batch_size to no more than "
            "the number of rows, or choose another model."
        ) from error


@contextmanager
def _kept_random_states() -> Iterator[None]:
    """Put the global random states back in the end, and what PyOD sets with them."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    hash_seed = os.environ.get("PYTHONHASHSEED")
    torch = sys.modules.get("torch")
    devices = []
    if torch is not None:
        # Only a model that computes with torch has it imported.
        devices = list(range(torch.cuda.device_count()))
    try:
        if torch is None:
            yield
        else:
            with torch.random.fork_rng(devices):
                yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        os.environ.pop("PYTHONHASHSEED", None)
        if hash_seed is not None:
            os.environ["PYTHONHASHSEED"] = hash_seed


def _seed_globals(seed: int) -> None:
    """Seed the generators that some models draw from instead of their own."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def _is_row_wise(way: Callable[[FloatArray], FloatArray], rows: FloatArray) -> bool:
    """Whether rows score the same in another order and in other batches."""
    together = way(rows)
    order = np.random.default_rng(0).permutation(len(rows))
    parts = np.split(rows[order], [len(rows) // 2, len(rows) - 1])
    shuffled = np.concatenate([way(part) for part in parts if len(part)])
    return _close(shuffled, together[order], _TOLERANCE)


def _close(scores: FloatArray, expected: FloatArray, tolerance: float) -> bool:
    """Whether scores differ by less than a share of their spread."""
    # Equal rows have no spread: their rounding is that of the score.
    spread = max(float(np.std(expected)), 1e-6 * float(np.abs(expected).max()))
    return bool(np.abs(scores - expected).max() <= tolerance * spread)


_TAIL_MODELS = ("pyod.models.ecod", "pyod.models.copod")


def _tail_scores(model: Any, X: FloatArray) -> FloatArray:
    """Scores of ECOD and COPOD for rows each appended alone to the training rows."""
    training: FloatArray = model.X_train
    total = len(training) + 1
    scores = np.zeros(len(X))
    for column, x in zip(training.T, X.T, strict=True):
        ordered = np.sort(column)
        # Shares of rows up to x and from x on, x included.
        left = -np.log((np.searchsorted(ordered, x, "right") + 1) / total)
        right = -np.log((total - np.searchsorted(ordered, x, "left")) / total)
        skewness = _skewness_signs(column, x)
        tail = np.select([skewness < 0, skewness > 0], [left, right], left + right)
        ecod = type(model).__module__ == "pyod.models.ecod"
        both = np.maximum(left, right) if ecod else (left + right) / 2
        scores += np.maximum(tail, both)
    return scores


def _skewness_signs(column: FloatArray, x: FloatArray) -> FloatArray:
    """Sign of the skewness of a column with one more value, for each value in x."""
    n, mean = len(column), column.mean()
    centred = column - mean
    unit = np.abs(centred).max() or 1.0
    centred, difference = centred / unit, (x - mean) / unit
    second = (centred**2).sum() + difference**2 * n / (n + 1)
    third = (
        (centred**3).sum()
        - 3 * difference * (centred**2).sum() / (n + 1)
        + difference**3 * n * (n - 1) / (n + 1) ** 2
    )
    # scipy.stats.skew has none for columns that are constant up to rounding.
    new_mean = (mean + (x - mean) / (n + 1)) / unit
    constant = second / (n + 1) <= (np.finfo(np.float64).resolution * new_mean) ** 2
    return np.where(constant, 0.0, np.sign(third))
