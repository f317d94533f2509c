"""Settings of ConceptGAN: small ones, and those of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .._torch._gan_nets import ConceptNets
from .._torch._gan_training import BINS, GanSettings
from .._torch._nets import hidden_sizes
from .._torch._own import drawing
from .._typing import ImageShape

LOSSES = ("gan", "score", "rec", "cyc", "con")


@dataclass(frozen=True)
class Preset:
    """Values of the parameters of ConceptGAN that a preset decides on."""

    widths: tuple[int, ...]
    discriminator_widths: tuple[int, ...]
    classifier_widths: tuple[int, ...]
    decoder_spectral_norm: bool
    lambda_gan: float
    lambda_score: float
    lambda_rec: float
    lambda_cyc: float
    lambda_con: float
    generator_every: int
    discriminator_every: int
    max_iter: int
    batch_size: int
    learning_rate: float
    milestones: tuple[float, ...]

    def with_values(self, values: Mapping[str, Any]) -> Preset:
        """The preset, with those of the values in its place that are not None."""
        given = {f.name: values[f.name] for f in fields(self)}
        chosen = replace(self, **{k: v for k, v in given.items() if v is not None})
        names = ("widths", "discriminator_widths", "classifier_widths")
        sizes: dict[str, Any] = {
            name: tuple(hidden_sizes(getattr(chosen, name), name)) for name in names
        }
        return replace(chosen, **sizes)

    def nets(
        self, image_shape: ImageShape, n_concepts: int, seed: int = 0
    ) -> ConceptNets:
        """Untrained nets, on the CPU."""
        with drawing(seed):
            return ConceptNets(
                image_shape,
                n_concepts,
                len(BINS),
                widths=self.widths,
                discriminator_widths=self.discriminator_widths,
                classifier_widths=self.classifier_widths,
                spectral_decoder=self.decoder_spectral_norm,
            )

    def settings(self, **others: Any) -> GanSettings:
        """How to train; with the settings that no preset decides on."""
        return GanSettings(
            weights={name: getattr(self, f"lambda_{name}") for name in LOSSES},
            generator_every=self.generator_every,
            discriminator_every=self.discriminator_every,
            max_iter=self.max_iter,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            milestones=self.milestones,
            **others,
        )

    @property
    def width(self) -> int:
        """How many channels the widest layer of what is kept gives."""
        return max(*self.widths, *self.classifier_widths)


_PAPER = Preset(
    widths=(256, 512, 1024),
    discriminator_widths=(64, 128, 256, 512),
    classifier_widths=(64, 128),
    decoder_spectral_norm=True,
    lambda_gan=1.0,
    lambda_score=1.0,
    lambda_rec=100.0,
    lambda_cyc=100.0,
    lambda_con=10.0,
    generator_every=5,
    discriminator_every=1,
    max_iter=350,
    batch_size=64,
    learning_rate=2e-4,
    milestones=(300 / 350, 325 / 350),
)

PRESETS: Mapping[str, Preset] = {
    "small": Preset(
        widths=(16, 32),
        discriminator_widths=(16, 32),
        classifier_widths=(16, 32),
        decoder_spectral_norm=False,
        lambda_gan=1.0,
        lambda_score=2.0,
        lambda_rec=15.0,
        lambda_cyc=15.0,
        lambda_con=20.0,
        generator_every=1,
        discriminator_every=1,
        max_iter=30,
        batch_size=16,
        learning_rate=1e-3,
        milestones=(),
    ),
    "mnist": _PAPER,
    "cifar10": _PAPER,
    "gtsdb": replace(
        _PAPER,
        lambda_gan=5.0,
        lambda_rec=20.0,
        lambda_cyc=20.0,
        max_iter=2000,
        learning_rate=1e-4,
        milestones=(1750 / 2000, 1900 / 2000),
    ),
}
