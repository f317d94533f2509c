"""torch as if nobody had changed its settings, in this thread alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

# What makes tensors of the default type, if it is not told which.
_MAKING: set[Callable[..., Any]] = {
    torch.empty,
    torch.eye,
    torch.linspace,
    torch.ones,
    torch.rand,
    torch.randn,
    torch.zeros,
}
# What draws from the global generator, if it is not given another; the functions
# of torch.nn.init hand their argument `generator` on.
_DRAWING: set[Callable[..., Any]] = {
    torch.bernoulli,
    torch.normal,
    torch.rand,
    torch.randint,
    torch.randn,
    torch.randperm,
    torch.Tensor.bernoulli_,
    torch.Tensor.normal_,
    torch.Tensor.uniform_,
}


@contextmanager
def own_torch() -> Iterator[None]:
    """Compute with gradients, outside of inference mode, on the CPU by default.

    A context, or a decorator. It changes no setting that other threads see. The
    default type is one that they do: tensors that are made within are told theirs.

    Examples
    --------
    >>> import torch
    >>> from sklearn_anomaly_attr._torch._own import own_torch
    >>> with torch.inference_mode(), torch.device("meta"), own_torch():
    ...     x = torch.ones(2)
    >>> x.is_inference(), x.device
    (False, device(type='cpu'))
    """
    with ExitStack() as settings:
        settings.enter_context(torch.inference_mode(False))
        settings.enter_context(torch.enable_grad())
        # Within it, each call of torch takes a few microseconds more.
        if torch.empty(0).device.type != "cpu":
            settings.enter_context(torch.device("cpu"))
        yield


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Make nets: of float32, on the CPU, with first weights by a seed.

    torch's layers draw from its global generator, which threads share. Here they
    draw from one of their own, the same numbers as from the global one with this
    seed.

    Examples
    --------
    >>> import torch
    >>> from sklearn_anomaly_attr._torch._own import drawing
    >>> def weight():
    ...     with drawing(0):
    ...         return torch.nn.Linear(3, 2).weight
    >>> bool((weight() == weight()).all())
    True
    """
    with own_torch(), _Drawing(torch.Generator("cpu").manual_seed(seed)):
        yield


class _Drawing(TorchFunctionMode):
    """Completes the arguments of torch's functions.

    Parameters
    ----------
    generator : torch.Generator
        What to draw from.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        told = dict(kwargs or {})
        if func in _MAKING:
            told["dtype"] = told.get("dtype") or torch.float32
            told["device"] = told.get("device") or "cpu"
        if func in _DRAWING or "generator" in told:
            told["generator"] = told.get("generator") or self.generator
        return func(*args, **told)
