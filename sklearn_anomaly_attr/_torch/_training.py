"""Training of the nets of all deep detectors, on skorch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import torch
from skorch import NeuralNet
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LRScheduler,
)
from skorch.helper import predefined_split
from skorch.utils import noop
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torch.utils.data import TensorDataset

from ._batches import Batch, TensorBatches
from ._nets import LearningNet
from ._own import own_torch

DIVERGED = (
    "Training diverged: the loss or the weights are no longer finite. Lower "
    "learning_rate, or put a scaler that tames outlying values, such as "
    "QuantileTransformer, before the detector."
)


class StopTraining(Exception):  # noqa: N818 - no error: a callback has seen enough
    """Raised by a callback to end the training after this epoch."""


class Training(NamedTuple):
    """How a training went.

    Attributes
    ----------
    losses : list of float
        Mean training loss of each epoch.
    validation_losses : list of float or None
        Mean loss of the held-out rows after each epoch.
    best_epoch : int
        The epoch, from 0, whose weights the net has.
    """

    losses: list[float]
    validation_losses: list[float] | None
    best_epoch: int


class Data(NamedTuple):
    """Standardised rows and their weights, float32, on the device."""

    x: Tensor
    weight: Tensor


class _Trainer(NeuralNet):
    """skorch's loop around the losses of a :class:`LearningNet`."""

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        names = ["train_loss", "valid_loss"]
        if self.verbose:
            names += ["epoch_timer", "print_log"]
        return [(n, c) for n, c in super()._default_callbacks if n in names]

    def _set_training(self, training: bool = True) -> None:
        # Asked for at each step, where walking through the layers would show.
        if self.module_.training != training:
            super()._set_training(training)

    def infer(self, x: Batch, **fit_params: Any) -> Tensor:
        losses: Tensor = self.module_.losses(x)
        return losses

    def get_loss(
        self, y_pred: Tensor, y_true: None, X: Batch, training: bool = False
    ) -> Tensor:
        return (X.weight * y_pred).mean()

    def partial_fit(self, X: TensorDataset, **fit_params: Any) -> _Trainer:
        """As skorch's, which would swallow a KeyboardInterrupt."""
        self.notify("on_train_begin", X=X, y=None)
        with suppress(StopTraining):
            self.fit_loop(X)
        self.notify("on_train_end", X=X, y=None)
        return self


class _EarlyStopping(EarlyStopping):
    """skorch's, which would end the training by a KeyboardInterrupt."""

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        try:
            super().on_epoch_end(net, **kwargs)
        except KeyboardInterrupt:
            raise StopTraining from None


class _FiniteLoss(Callback):
    """Stops a training that diverges."""

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        epoch = net.history[-1]
        if not math.isfinite(epoch["train_loss"] + epoch.get("valid_loss", 0.0)):
            raise ValueError(DIVERGED)


def _schedule(schedule: str, max_iter: int) -> list[Callback]:
    """What changes the step size after an epoch."""
    if schedule == "constant":
        return []
    policy: dict[str, Any]
    if schedule == "cosine":
        policy = {"policy": lr_scheduler.CosineAnnealingLR, "T_max": max_iter}
    else:
        policy = {"policy": lr_scheduler.StepLR, "step_size": -(-3 * max_iter // 4)}
    return [LRScheduler(event_name=None, **policy)]


@own_torch()
def train(
    net: LearningNet,
    data: Data,
    *,
    validation: Data | None = None,
    max_iter: int,
    batch_size: int,
    learning_rate: float,
    schedule: str = "constant",
    weight_decay: float = 0.0,
    gradient_clip: float | None = None,
    n_iter_no_change: int = 10,
    tol: float = 0.0,
    seed: int = 0,
    verbose: int = 0,
    callbacks: Sequence[Callback] = (),
) -> Training:
    """Lower the mean loss of a net by Adam, in place.

    Parameters
    ----------
    net : LearningNet
        What to train; moves to the device of the rows.
    data : Data
        Training rows.
    validation : Data or None
        Held-out rows: training stops when their loss no longer falls, and the
        weights at its lowest are restored.
    max_iter : int
        Largest number of epochs.
    batch_size : int
        Largest number of rows in a batch.
    learning_rate : float
        Step size of Adam.
    schedule : {"constant", "cosine", "step"}
        Whether the step size falls to zero along half a cosine, or to a tenth
        after three quarters of the epochs.
    weight_decay : float
        Strength of the L2 penalty.
    gradient_clip : float or None
        Largest norm of the gradient.
    n_iter_no_change : int
        Number of epochs without an improvement of the held-out loss.
    tol : float
        By how much the held-out loss must fall to have improved.
    seed : int
        Seeds the order of the rows, and what the losses draw.
    verbose : int
        Whether to print a line for each epoch.
    callbacks : sequence of skorch callbacks
        They may raise :class:`StopTraining`.

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If the loss becomes infinite or NaN.
    """
    stopping = _EarlyStopping(
        patience=n_iter_no_change,
        threshold=tol,
        threshold_mode="abs",
        load_best=True,
        sink=noop,
    )
    trainer = _Trainer(
        net,
        criterion=nn.Identity,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        optimizer__weight_decay=weight_decay,
        lr=learning_rate,
        max_epochs=max_iter,
        batch_size=batch_size,
        iterator_train=TensorBatches,
        iterator_train__seed=seed,
        iterator_train__shuffle=True,
        iterator_valid=TensorBatches,
        iterator_valid__seed=seed,
        iterator_valid__shuffle=False,
        train_split=validation and predefined_split(TensorDataset(*validation)),
        callbacks=[
            *_schedule(schedule, max_iter),
            *([] if gradient_clip is None else [GradientNormClipping(gradient_clip)]),
            _FiniteLoss(),
            *callbacks,
            *([] if validation is None else [stopping]),
        ],
        verbose=verbose,
        device=data.x.device,
    )
    trainer.initialize().partial_fit(TensorDataset(*data))
    losses = trainer.history[:, "train_loss"]
    if validation is None:
        return Training(losses, None, len(losses) - 1)
    return Training(losses, trainer.history[:, "valid_loss"], stopping.best_epoch_ - 1)
