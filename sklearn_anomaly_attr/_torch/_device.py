"""Where to compute."""

from __future__ import annotations

import torch


def resolve_device(device: str) -> torch.device:
    """The torch device of a parameter ``device``.

    Parameters
    ----------
    device : str
        A device that torch knows, or ``"auto"``: a GPU where there is one.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If torch has no such device here.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} is not available here ({error}): use 'auto', 'cpu', "
            "or a device that torch sees."
        ) from error
