"""What the deep detectors share: standardised columns, training, weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.callback import CallbackContext, CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from skorch.callbacks import Callback
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._publish import snapshot
from .._random import draw_seed
from .._scale import Standardization
from .._sklearn_compat import Interval, StrOptions
from .._torch._device import resolve_device
from .._torch._nets import DeepNet, StandardizedScore, from_arrays, to_arrays
from .._torch._own import drawing, own_torch
from .._torch._training import DIVERGED, Data, StopTraining, Training, train
from .._typing import FloatArray
from ..base import BaseDetector

# The rows to train on, and those held out.
Split = tuple[NDArray[np.intp], NDArray[np.intp]]

# Numbers that the widest layer may give at once while rows are scored.
_CELLS = 2**20


@shared_paragraphs
class DeepDetector(CallbackSupportMixin, BaseDetector):
    """Base of the detectors that train a net.

    A subclass writes ``_build_net(n_features)``, which gives a
    :class:`~sklearn_anomaly_attr._torch._nets.DeepNet`, has a parameter for
    each thing that this needs, and the hook ``_torch_score``, mostly
    :meth:`DeepScore.of
    <sklearn_anomaly_attr.detectors._deep_scores.DeepScore.of>`. All that
    torch draws in ``_build_net`` follows the detector's seed.

    Columns are standardised before the net sees them, to mean zero and
    standard deviation one; a constant column is divided by its size. Training
    is in float32, scoring in float64.

    Parameters
    ----------
    max_iter : int
        Number of epochs, the largest one with ``early_stopping``.
    batch_size : int or "auto"
        Largest number of rows in a training step. "auto" takes
        ``_auto_batch_size``.
    learning_rate : float
        Step size of Adam; where a subclass allows "auto", it has a
        ``_step_size`` of its own.
    schedule : {"constant", "cosine", "step"} {schedule}
    weight_decay : float
        Strength of the L2 penalty.
    early_stopping : bool {early_stopping}
    validation_fraction : float
        Share of the training rows that is held out for ``early_stopping``.
    n_iter_no_change : int
        Number of epochs without an improvement that ends the training.
    tol : float {tol}
    warm_start : bool
        Whether ``fit`` goes on from the weights of the last call, with a fresh
        optimiser.
    contamination : float
        Share of the training rows beyond the threshold of ``predict``.
    random_state : int, RandomState instance or None
        Seeds the first weights, the order of the rows, and all noise.
    device : str
        Where to train and to score.
    verbose : int
        Whether to print a line for each epoch.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        State of the net.
    center_, scale_ : ndarray of shape (n_features_in_,)
        The net sees ``(X - center_) / scale_``.
    {fitted_epochs}
    {validation_scores_and_best_loss}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDetector._parameter_constraints,
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "schedule": [StrOptions({"constant", "cosine", "step"})],
        "weight_decay": [Interval(Real, 0.0, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0.0, 1.0, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "device": [str],
        "verbose": ["verbose"],
    }
    _auto_batch_size: ClassVar[int] = 200
    _gradient_clip: ClassVar[float | None] = None
    # Whether the net's `finish` sees the held-out rows only, where there are any.
    _finish_on_held_out: ClassVar[bool] = False

    weights_: dict[str, NDArray[Any]]

    def __init__(
        self,
        *,
        max_iter: int,
        batch_size: int | str,
        learning_rate: float | str,
        schedule: str,
        weight_decay: float,
        early_stopping: bool,
        validation_fraction: float,
        n_iter_no_change: int,
        tol: float,
        warm_start: bool,
        contamination: float,
        random_state: int | np.random.RandomState | None,
        device: str,
        verbose: int,
    ) -> None:
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.contamination = contamination
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    @abstractmethod
    def _build_net(self, n_features: int) -> DeepNet:
        """An untrained net for so many columns."""

    @with_callbacks
    def _fit(self, X: FloatArray, sample_weight: FloatArray | None = None) -> None:
        """Fit on the validated rows X.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Training rows.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows in the loss, of which only the ratios count. A
            row of weight zero has no influence. ``fit`` has no such parameter:
            steps on batches cannot make a weight of two equal to a repeated
            row. For meta-estimators that weight rows themselves.
        """
        self._fit_net(X, sample_weight)

    @own_torch()
    def _fit_net(
        self, X: FloatArray, sample_weight: FloatArray | None, **given: Any
    ) -> None:
        """Fit on the validated rows X; ``given`` is handed to ``_train``."""
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, X=X)
        X, weight = _weighted(X, sample_weight)
        device = resolve_device(self.device)
        rng = check_random_state(self.random_state)
        seed = draw_seed(rng)
        self._set_scaling(X, weight)
        net = self._new_net(seed, X.shape[1])
        X = self._row_scaling().apply(X)
        split = self._split(len(X), rng)
        training = self._train(net, X, weight, split, seed, device, context, **given)
        self._keep(training)
        self._finish(net, X, weight, split[1])
        context.call_on_fit_task_end(estimator=self, X=X)

    def _set_scaling(self, X: FloatArray, weight: FloatArray) -> None:
        """Set `center_` and `scale_`: the net sees ``(X - center_) / scale_``."""
        self._scaling = self._measure(X, weight)
        self.center_, self.scale_ = self._scaling.center, self._scaling.scale

    def _measure(self, X: FloatArray, weight: FloatArray) -> Standardization:
        """Location and scale of what is standardised alike, by default columns."""
        names = getattr(self, "feature_names_in_", None)
        return Standardization.of(X, weight, names)

    def _row_scaling(self) -> Standardization:
        """Location and scale of each column of the net's rows."""
        return self._scaling

    def _split(self, n_rows: int, rng: np.random.RandomState) -> Split:
        """The rows to train on, and those held out for ``early_stopping``."""
        n_held_out = self._n_held_out(n_rows)
        held_out, train_rows = np.split(rng.permutation(n_rows), [n_held_out])
        return train_rows, held_out

    def _n_held_out(self, n_rows: int) -> int:
        """How many of so many rows ``early_stopping`` holds out."""
        if not self.early_stopping or n_rows < 2:
            return 0
        return max(1, int(self.validation_fraction * n_rows))

    def _new_net(self, seed: int, n_features: int) -> DeepNet:
        """Where training starts: an untrained net, or the last one."""
        with drawing(seed):
            net = self._build_net(n_features)
        if self.warm_start and hasattr(self, "weights_"):
            from_arrays(net, self.weights_)
        return net

    def _train(
        self,
        net: DeepNet,
        X: FloatArray,
        weight: FloatArray,
        split: Split,
        seed: int,
        device: torch.device,
        context: CallbackContext,
    ) -> Training:
        def data(rows: NDArray[np.intp]) -> Data:
            arrays = X[rows], weight[rows]
            tensors = (torch.tensor(a, dtype=torch.float32) for a in arrays)
            return Data(*(tensor.to(device) for tensor in tensors))

        train_rows, held_out = split
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = self._auto_batch_size
        return train(
            net,
            data(train_rows),
            validation=data(held_out) if len(held_out) else None,
            max_iter=self.max_iter,
            batch_size=int(batch_size),
            learning_rate=self._step_size(),
            schedule=self.schedule,
            weight_decay=self.weight_decay,
            gradient_clip=self._gradient_clip,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            seed=seed,
            verbose=self.verbose,
            callbacks=[_EpochTasks(self, context)],
        )

    def _step_size(self) -> float:
        """The step size of Adam that training begins with."""
        return float(self.learning_rate)

    def _keep(self, training: Training) -> None:
        """Set the attributes that tell how the training went."""
        self.n_iter_ = len(training.losses)
        self.loss_curve_ = training.losses
        held_out = training.validation_losses
        self.validation_scores_ = held_out and [-loss for loss in held_out]
        self.best_loss_ = (held_out or training.losses)[training.best_epoch]

    def _finish(
        self,
        net: DeepNet,
        X: FloatArray,
        weight: FloatArray,
        held_out: NDArray[np.intp],
    ) -> None:
        """Let the net see the rows once more, and keep its state."""
        if self._finish_on_held_out and len(held_out):
            X, weight = X[held_out], weight[held_out]
        net.double().eval()
        device = next(net.parameters()).device
        with torch.no_grad():
            net.finish(*(torch.tensor(a, device=device) for a in (X, weight)))
        self.weights_ = to_arrays(net)
        if not all(np.isfinite(array).all() for array in self.weights_.values()):
            raise ValueError(DIVERGED)

    @own_torch()
    def _score_function(self) -> StandardizedScore:
        """The anomaly score of rows in the user's units, on the CPU."""
        # All of one fit: another thread may publish the next while this one waits.
        fitted = snapshot(self)
        scaling = fitted._row_scaling()
        with drawing(0):
            net = fitted._build_net(len(scaling.scale))
        from_arrays(net.double(), fitted.weights_)
        return StandardizedScore(net, *scaling)

    def _score_samples(self, X: FloatArray) -> FloatArray:
        return -self._evaluate(lambda net, x: net.score(x), X)

    @own_torch()
    def _evaluate(
        self,
        function: Callable[[Any, Tensor], Tensor],
        X: FloatArray,
        *shape: int,
    ) -> FloatArray:
        """What a function of the net and standardised rows gives, ``(n, *shape)``."""
        device = resolve_device(self.device)
        score = self._score_function().to(device)
        values = np.empty((len(X), *shape))
        size = max(1, _CELLS // self._width())
        with torch.inference_mode():
            for start in range(0, len(X), size):
                batch = slice(start, start + size)
                rows = torch.tensor(X[batch], device=device)
                given = function(score.net, score.standardize(rows))
                values[batch] = given.cpu().numpy()
        return values

    def _width(self) -> int:
        """How many numbers the widest layer gives for a row."""
        widths: list[int] = [a.shape[0] for a in self.weights_.values() if a.ndim]
        return max(widths)


class _EpochTasks(Callback):
    """Tells scikit-learn's callbacks of each epoch, and stops when they ask to."""

    def __init__(self, estimator: DeepDetector, context: CallbackContext) -> None:
        self.estimator = estimator
        self.context = context

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self._epoch = self.context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        if self._epoch.call_on_fit_task_end(estimator=self.estimator):
            raise StopTraining


def _weighted(
    X: FloatArray, sample_weight: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """The rows of positive weight, and their weights, of mean one."""
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.any()):
        raise ValueError(
            "sample_weight must be finite and not negative, and positive for some row."
        )
    used = weight > 0
    weight = weight[used] / weight.max()
    return X[used], weight / weight.mean()
