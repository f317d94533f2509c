"""LatentDiffusionEditing: counterfactuals by a pretrained latent diffusion model."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._torch._image_diffusion import NORMAL
from .._torch._unet import padded
from .._typing import ImageShape
from ._editing import DiffusionModel, EditingMethod
from ._method import Problem

_PARTS = ("vae", "unet", "scheduler")
_PREDICTIONS = ("epsilon", "sample", "v_prediction")


@shared_paragraphs
class LatentDiffusionEditing(EditingMethod):
    r"""Put noise into an anomaly, and let a pretrained model take it out.

    As :class:`DiffusionEditing`, with a latent diffusion model of the `diffusers
    <https://huggingface.co/docs/diffusers>`_ library that is there already: nothing
    is trained, and nothing is ever downloaded. Images become latent points by the
    model's autoencoder, get noise there, and are denoised, with a text that
    describes normal images where the model takes one. In each step the expected
    image goes down the gradient of the anomaly score, through the decoder.

    This is DiffEdit with guidance by the detector, NOT the generator that the paper
    trains on what DiffEdit gives.

    Parameters
    ----------
    pipeline : str or diffusers pipeline
        The folder of a pipeline, which is read with ``local_files_only=True``, or
        the pipeline itself: what has a ``vae``, a ``unet`` and a ``scheduler``, such
        as a ``StableDiffusionPipeline``. Explainers that are pickled keep a folder
        by name, and a pipeline as a whole.
    prompt : str or None, default=None
        What normal images show, "a photo of a cat" for one; None for a model without
        texts.
    image_shape : tuple (C, H, W) or (H, W), default=None
        Channels, height and width of the images in the rows; None takes those of
        the detector. A single channel is shown as three where the model has three.
    strength : float or sequence of float, default=(0.35, 0.5, 0.65, 0.8)
        How much noise an image gets: up to which step, as a share of all, in
        (0, 1]. Of several, the next one is tried for the images that have too few
        valid alternatives after those before.
    guidance : float, default=3.0
        How far the gradient may move an expected latent point, in standard
        deviations of the noise that is still in it. 0 leaves all to the model.
    n_seeds : int, default=4
        Number of draws of the noise that each image is edited with, the same ones
        for all images.
    n_denoising_steps : int, default=20 {n_denoising_steps}
    mask : float or None, default=None
        Share of the latent pixels of each image that stay, in [0, 1): those where
        the model sees about the same noise with `prompt` and with an empty text.
        None lets all change.

    Attributes
    ----------
    image_shape_ : tuple (C, H, W)
        Shape of the images.
    lower_, upper_ : float
        Where the numbers of the training images lie; the model sees them from -1
        to 1.

    Raises
    ------
    ImportError
        In the explainer's ``fit``, if ``pipeline`` is a folder and diffusers is not
        installed.
    TypeError
        If ``pipeline`` lacks one of its parts.
    ValueError
        If ``pipeline`` is a name and no folder, the rows are a table or have another
        shape than the images, the model has other channels, or ``mask`` is set
        without ``prompt``.

    See Also
    --------
    DiffusionEditing : Trains a model on the user's images.

    Notes
    -----
    Sides of images that the autoencoder or the U-Net cannot halve are padded inside.
    Models are evaluated in float64, so that what is found for an image does not
    depend on the images beside it; a GPU takes long for this.

    References
    ----------
    Liznerski et al., "Reimagining anomalies: what if anomalies were normal?",
    section 3.2; Couairon, Verbeek, Schwenk & Cord (2023), "DiffEdit"; Rombach et al.
    (2022), "High-resolution image synthesis with latent diffusion models".

    Examples
    --------
    >>> from sklearn_anomaly_attr.counterfactuals import (
    ...     CounterfactualExplainer, LatentDiffusionEditing
    ... )  # doctest: +SKIP
    >>> method = LatentDiffusionEditing(
    ...     "models/stable-diffusion", "a photo of a hazelnut"
    ... )  # doctest: +SKIP
    >>> explainer = CounterfactualExplainer(detector, method=method)  # doctest: +SKIP
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **EditingMethod._parameter_constraints,
        "pipeline": [str, object],
        "prompt": [str, None],
    }

    def __init__(
        self,
        pipeline: Any,
        prompt: str | None = None,
        *,
        image_shape: Sequence[int] | None = None,
        strength: float | Sequence[float] = (0.35, 0.5, 0.65, 0.8),
        guidance: float = 3.0,
        n_seeds: int = 4,
        n_denoising_steps: int = 20,
        mask: float | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.prompt = prompt
        self.image_shape = image_shape
        self.strength = strength
        self.guidance = guidance
        self.n_seeds = n_seeds
        self.n_denoising_steps = n_denoising_steps
        self.mask = mask

    def prepare(self, problem: Problem) -> None:
        """Check that the model fits the images."""
        self.image_shape_ = self._check(problem)
        self.lower_, self.upper_ = float(problem.X.min()), float(problem.X.max())
        if self.mask is not None and self.prompt is None:
            raise ValueError(
                "mask compares the noise with prompt and with an empty text: give "
                "prompt, or set mask=None."
            )
        self._model(problem)

    def _model(self, problem: Problem) -> DiffusionModel:
        pipeline = _loaded(self.pipeline)
        bounds = self.lower_, self.upper_
        return _LatentModel(
            pipeline, self.prompt, self.image_shape_, bounds, problem.device
        )


def _loaded(pipeline: Any) -> Any:
    """The pipeline, from its folder where it is one."""
    if isinstance(pipeline, str):
        if not Path(pipeline).is_dir():
            raise ValueError(
                f"pipeline={pipeline!r} is no folder, and nothing is downloaded: give "
                "the folder of a pipeline that is there, or the pipeline itself."
            )
        try:
            diffusers = import_module("diffusers")
        except ImportError as error:
            raise ImportError(
                "LatentDiffusionEditing reads folders with diffusers: install it, or "
                "take DiffusionEditing, which needs no other library."
            ) from error
        kind = diffusers.DiffusionPipeline
        pipeline = kind.from_pretrained(pipeline, local_files_only=True)
    missing = [part for part in _PARTS if getattr(pipeline, part, None) is None]
    if missing:
        kind, lacking = type(pipeline).__name__, " and no ".join(missing)
        raise TypeError(
            f"pipeline, a {kind}, has no {lacking}: "
            "give a latent diffusion pipeline, such as a StableDiffusionPipeline."
        )
    return pipeline


class _LatentModel(DiffusionModel):
    """Latent points of an autoencoder diffuse."""

    def __init__(
        self,
        pipeline: Any,
        prompt: str | None,
        image_shape: ImageShape,
        bounds: tuple[float, float],
        device: torch.device,
    ) -> None:
        self.image_shape = image_shape
        self._center = (bounds[0] + bounds[1]) / 2.0
        self._half = (bounds[1] - bounds[0]) / 2.0 or 1.0
        self._texts = None if prompt is None else _texts(pipeline, prompt, device)
        # The user's own model stays what it is.
        self._vae, self._unet = (
            deepcopy(part).to(device, torch.float64).eval().requires_grad_(False)
            for part in (pipeline.vae, pipeline.unet)
        )
        self.factor = 2 ** (len(self._vae.config.block_out_channels) - 1)
        self._check_channels()
        self._prediction = pipeline.scheduler.config.prediction_type
        if self._prediction not in _PREDICTIONS:
            raise ValueError(
                f"The scheduler predicts {self._prediction!r}, and one of "
                f"{_PREDICTIONS} is known: take another pipeline."
            )
        kept = pipeline.scheduler.alphas_cumprod.double()
        self.variances = torch.cat([kept.new_zeros(1), 1.0 - kept]).to(device)
        blank = torch.zeros(1, prod(image_shape), dtype=torch.float64, device=device)
        with torch.no_grad():
            latent = self._latent(blank)
        depth, height, width = latent.shape[1:]
        self.point_shape = depth, height, width
        self.free = torch.ones(latent[0].numel(), dtype=torch.bool, device=device)
        widest = max(self._vae.config.block_out_channels)
        self.n_cells = widest * prod(image_shape[1:])

    def encode(self, x: Tensor) -> Tensor:
        return self._latent(x).flatten(1)

    def decode(self, points: Tensor) -> Tensor:
        latent = points.unflatten(1, self.point_shape)
        images = self._vae.decode(latent / self._scaling + self._shift).sample
        channels, height, width = self.image_shape
        images = images[..., :height, :width]
        if channels == 1:
            images = images.mean(dim=1, keepdim=True)
        rows: Tensor = images.clamp(-1.0, 1.0).flatten(1) * self._half + self._center
        return rows

    def noise(self, points: Tensor, step: int, token: int) -> Tensor:
        latent = points.unflatten(1, self.point_shape)
        factor = 2 ** (len(self._unet.config.block_out_channels) - 1)
        told = {}
        if self._texts is not None:
            text = self._texts[0 if token == NORMAL else 1]
            told["encoder_hidden_states"] = text.expand(len(points), -1, -1)
        # Steps are counted from 0 there.
        found = self._unet(padded(latent, factor), step - 1, **told).sample
        found = found[..., : latent.shape[2], : latent.shape[3]].flatten(1)
        return self._as_noise(points, self.variances[step], found)

    def _as_noise(self, noisy: Tensor, variance: Tensor, found: Tensor) -> Tensor:
        """The noise, by what the U-Net is trained to predict."""
        kept, spread = (1.0 - variance).sqrt(), variance.sqrt()
        if self._prediction == "epsilon":
            return found
        if self._prediction == "sample":
            return (noisy - kept * found) / spread
        return kept * found + spread * noisy

    def _latent(self, x: Tensor) -> Tensor:
        """Latent images of rows."""
        images = ((x - self._center) / self._half).clamp(-1.0, 1.0)
        images = images.unflatten(1, self.image_shape)
        if self.image_shape[0] == 1:
            images = images.expand(-1, self._vae.config.in_channels, -1, -1)
        found = self._vae.encode(padded(images, self.factor)).latent_dist.mode()
        latent: Tensor = (found - self._shift) * self._scaling
        return latent

    @property
    def _scaling(self) -> float:
        return float(self._vae.config.scaling_factor)

    @property
    def _shift(self) -> float:
        return float(getattr(self._vae.config, "shift_factor", None) or 0.0)

    def _check_channels(self) -> None:
        channels = self._vae.config.in_channels
        if self.image_shape[0] not in (1, channels):
            raise ValueError(
                f"The images have {self.image_shape[0]} channels and the model "
                f"{channels}: take another pipeline."
            )


def _texts(pipeline: Any, prompt: str, device: torch.device) -> list[Tensor]:
    """What the U-Net is told of a text, and of an empty one."""
    return [
        pipeline.encode_prompt(text, device, 1, False)[0].to(device, torch.float64)
        for text in (prompt, "")
    ]
