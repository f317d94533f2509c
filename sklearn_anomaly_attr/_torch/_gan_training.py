"""Training of the concept-disentangled generator of counterfactual images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, l1_loss
from torch.optim import Adam

from ._gan_nets import ConceptGenerator, ConceptNets
from ._nets import from_arrays, to_arrays

BINS = (0.0, 0.5, 1.0)


class Rows(NamedTuple):
    """Images and their anomaly scores, on the device.

    Attributes
    ----------
    x : Tensor of shape (n, C, H, W), float32
        Images, within [-1, 1].
    score : Tensor of shape (n,), float64
        Their anomaly scores, in [0, 1].
    """

    x: Tensor
    score: Tensor


class Edits(NamedTuple):
    """Images, and what to make of each.

    Attributes
    ----------
    x, score : Tensor
        As of :class:`Rows`.
    target : int Tensor of shape (n,)
        Bins of the scores to give them.
    concept : int Tensor of shape (n,)
        Concepts to edit by.
    """

    x: Tensor
    score: Tensor
    target: Tensor
    concept: Tensor

    @property
    def source(self) -> Tensor:
        """Bins of their own scores."""
        return nearest_bin(self.score)


@dataclass(frozen=True)
class GanSettings:
    """How to train.

    Attributes
    ----------
    weights : dict of str to float
        Weights of the generator's losses: "gan", "score", "rec", "cyc", "con".
    score_on_return : bool
        Whether the way back must reach the source's score, too.
    zero_concept_when_same_bin : bool
        Whether the concept loss leaves out rows that keep their bin.
    generator_every, discriminator_every : int
        Every which batch updates each.
    max_iter : int
        Number of epochs.
    batch_size : int
        Largest number of training rows in a batch; beside as many others.
    learning_rate : float
        Step size of Adam.
    betas : tuple of float
        Its decays.
    milestones : sequence of float
        Shares of the epochs after which the step size falls to a tenth.
    average : float
        Decay of the mean of the generator's weights; 0 for the last weights.
    """

    weights: Mapping[str, float]
    score_on_return: bool
    zero_concept_when_same_bin: bool
    generator_every: int
    discriminator_every: int
    max_iter: int
    batch_size: int
    learning_rate: float
    betas: tuple[float, float]
    milestones: Sequence[float]
    average: float


def nearest_bin(score: Tensor) -> Tensor:
    """Positions in ``BINS`` of what is nearest to the scores."""
    return (score[..., None] - score.new_tensor(BINS)).abs().argmin(dim=-1)


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator lowers: its logits of real images rise, of others fall."""
    return (1.0 - real).relu().mean() + (1.0 + fake).relu().mean()


def score_loss(score: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy of scores in [0, 1] with the targets."""
    # Only what rounding made certain is clamped: a wider clamp would leave
    # confident anomalies without a gradient.
    eps = torch.finfo(score.dtype).eps
    score = score.clamp(eps, 1.0 - eps)
    return -(target * score.log() + (1.0 - target) * (1.0 - score).log()).mean()


def generator_losses(
    nets: ConceptNets,
    score: Callable[[Tensor], Tensor],
    edits: Edits,
    edited: Tensor,
    settings: GanSettings,
) -> dict[str, Tensor]:
    """What the generator and the concept classifier lower, by name.

    Parameters
    ----------
    nets : ConceptNets
        The nets.
    score : callable
        Anomaly scores ``(n,)``, float64, of images within [-1, 1].
    edits : Edits
        The images.
    edited : Tensor of shape (n, C, H, W)
        What the generator made of them.
    settings : GanSettings
        Which form the losses have.
    """
    x, source, concept = edits.x, edits.source, edits.concept
    same = nets.edit(x, concept, source)
    back = nets.edit(edited, concept, source)
    bins = edits.score.new_tensor(BINS)
    scores = score_loss(score(edited), bins[edits.target])
    if settings.score_on_return:
        scores = scores + score_loss(score(back), edits.score)
    changes = nets.concept_logits(x, edited), nets.concept_logits(edited, back)
    there, home = (cross_entropy(c, concept, reduction="none") for c in changes)
    concepts = there + home
    if settings.zero_concept_when_same_bin:
        concepts = concepts * (edits.target != source)
    return {
        "gan": -nets.discriminator(edited).mean(),
        "score": scores,
        "rec": l1_loss(same, x),
        "cyc": l1_loss(back, x),
        "con": concepts.mean(),
    }


class GanTrainer:
    """Alternates the steps of the generator and of the discriminator.

    A loop of its own: skorch has one loss and one optimiser a step. What an
    epoch draws hangs on the seed and its number alone, so that a training that
    goes on from a state ends where an unbroken one does.

    Parameters
    ----------
    nets : ConceptNets
        What to train, on the device of the rows.
    average : ConceptGenerator
        As the generator; gets the mean of its weights.
    score : callable
        Anomaly scores ``(n,)``, float64, of images within [-1, 1].
    rows : Rows
        Training images.
    others : Rows or None
        Images that each batch takes as many of: abnormal ones.
    settings : GanSettings
        How to train.
    seed : int
        Seeds all draws.
    """

    def __init__(
        self,
        nets: ConceptNets,
        average: ConceptGenerator,
        score: Callable[[Tensor], Tensor],
        rows: Rows,
        others: Rows | None,
        settings: GanSettings,
        seed: int,
    ) -> None:
        self.nets = nets.train()
        self.average = average
        self.score = score
        self.rows = rows
        self.others = others
        self.settings = settings
        self.seed = seed
        self.n_epochs = 0
        self._n_updates = 0
        players = {
            "generator": (nets.generator, nets.classifier),
            "discriminator": (nets.discriminator,),
        }
        self._optimizers = {
            name: Adam(
                [p for net in own for p in net.parameters()],
                lr=settings.learning_rate,
                betas=settings.betas,
                fused=True,
            )
            for name, own in players.items()
        }
        average.load_state_dict(nets.generator.state_dict())

    def run_epoch(self) -> dict[str, float]:
        """Train on each training row once; the mean losses of the batches."""
        settings = self.settings
        passed = [self.n_epochs >= m * settings.max_iter for m in settings.milestones]
        for optimizer in self._optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * 0.1 ** sum(passed)
        losses: dict[str, list[Tensor]] = defaultdict(list)
        n_batches = self._n_batches()
        for i, edits in enumerate(self._batches(self.n_epochs)):
            batch = self.n_epochs * n_batches + i
            for name, loss in self._step(edits, batch).items():
                losses[name].append(loss.detach())
        self.n_epochs += 1
        return {name: float(torch.stack(each).mean()) for name, each in losses.items()}

    def _n_batches(self) -> int:
        return -(-len(self.rows.x) // self.settings.batch_size)

    def _batches(self, epoch: int) -> Iterator[Edits]:
        """The images of an epoch, with targets and concepts drawn evenly."""
        entropy = np.random.SeedSequence([self.seed, epoch])
        draws = torch.Generator().manual_seed(int(entropy.generate_state(1)[0]))
        n_conditions = self.nets.generator.n_conditions
        parts = torch.randperm(len(self.rows.x), generator=draws)
        for part in parts.tensor_split(self._n_batches()):
            chosen = [(self.rows, part)]
            if self.others is not None:
                size = (len(part),)
                some = torch.randint(len(self.others.x), size, generator=draws)
                chosen.append((self.others, some))
            x, score = (
                torch.cat([rows[i][some.to(rows[i].device)] for rows, some in chosen])
                for i in range(2)
            )
            drawn = torch.randint(n_conditions, (len(x),), generator=draws).to(x.device)
            n_bins = self.nets.n_bins
            yield Edits(x, score, target=drawn % n_bins, concept=drawn // n_bins)

    def _step(self, edits: Edits, batch: int) -> dict[str, Tensor]:
        """One batch; the losses of what it updated."""
        settings, nets = self.settings, self.nets
        of_generator = batch % settings.generator_every == 0
        losses: dict[str, Tensor] = {}
        with torch.set_grad_enabled(of_generator):
            edited = nets.edit(edits.x, edits.concept, edits.target)
        if batch % settings.discriminator_every == 0:
            logits = nets.discriminator(torch.cat([edits.x, edited.detach()]))
            losses["discriminator"] = hinge_loss(*logits.tensor_split(2))
            self._update("discriminator", losses["discriminator"])
        if of_generator:
            nets.discriminator.requires_grad_(False)
            given = generator_losses(nets, self.score, edits, edited, settings)
            total = torch.stack([settings.weights[k] * v for k, v in given.items()])
            self._update("generator", total.sum())
            nets.discriminator.requires_grad_(True)
            self._update_average()
            losses |= given
        return losses

    def _update(self, name: str, loss: Tensor) -> None:
        optimizer = self._optimizers[name]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        """Move the mean of the generator's weights, faster in the beginning."""
        n = self._n_updates
        kept = min(self.settings.average, (1.0 + n) / (10.0 + n))
        self._n_updates += 1
        pairs = zip(
            self.average.parameters(), self.nets.generator.parameters(), strict=True
        )
        for mean, last in pairs:
            mean.lerp_(last, 1.0 - kept)

    @torch.no_grad()
    def averaged(self) -> ConceptGenerator:
        """The mean generator, with batch statistics of its own.

        Running statistics are those of weights that are gone.
        """
        average = self.average.train()
        buffers = dict(self.nets.generator.named_buffers())
        for name, buffer in average.named_buffers():
            buffer.copy_(buffers[name])
        for norm in average.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.reset_running_stats()
                norm.momentum = None  # an even mean over the batches
        for edits in self._batches(self.n_epochs):
            average(edits.x, edits.concept * self.nets.n_bins + edits.target)
        return average.eval()

    def state(self) -> dict[str, NDArray[Any]]:
        """All that a training needs to go on, as numpy arrays."""
        arrays = {
            "n_epochs": np.array(self.n_epochs),
            "n_updates": np.array(self._n_updates),
        }
        for part in ("nets", "average"):
            of_net = to_arrays(getattr(self, part))
            arrays |= {f"{part}/{name}": array for name, array in of_net.items()}
        for kind, optimizer in self._optimizers.items():
            for i, moments in optimizer.state_dict()["state"].items():
                for name, tensor in moments.items():
                    arrays[f"{kind}/{i}/{name}"] = np.array(tensor.cpu().numpy())
        return arrays

    def load_state(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a state.

        Raises
        ------
        ValueError
            If it is that of other nets.
        """
        mine = {name: array.shape for name, array in self.state().items()}
        given = {name: array.shape for name, array in arrays.items()}
        if mine.items() - given.items():
            raise ValueError(
                "initial_state is not a state of these nets: train anew, with "
                "initial_state=None, or set the shapes and the widths that it had."
            )
        parts: dict[str, dict[str, NDArray[Any]]] = defaultdict(dict)
        for name, array in arrays.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = array
        self.n_epochs = int(parts["n_epochs"][""])
        self._n_updates = int(parts["n_updates"][""])
        from_arrays(self.nets, parts["nets"])
        from_arrays(self.average, parts["average"])
        for kind, optimizer in self._optimizers.items():
            moments: dict[int, dict[str, Tensor]] = defaultdict(dict)
            for name, array in parts[kind].items():
                i, moment = name.split("/")
                moments[int(i)][moment] = torch.tensor(array)
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": dict(moments), "param_groups": groups})
