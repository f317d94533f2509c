"""ConceptGAN: a generator that edits images along concepts until they are normal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from torch import Tensor
from tqdm import tqdm

from .._images import as_rows
from .._sklearn_compat import Interval, StrOptions
from .._torch._gan_training import GanTrainer, nearest_bin
from .._torch._nets import from_arrays, to_arrays
from .._torch._training import DIVERGED
from .._typing import FloatArray
from ._accepted_rows import pick_diverse
from ._concept_gan_images import (
    ImageScaling,
    ScoreScale,
    check_bounded,
    check_halves,
    in_parts,
    scored_images,
)
from ._concept_gan_presets import LOSSES, PRESETS, Preset
from ._method import CounterfactualMethod, Problem, shape_of_images

_POSITIVE = Interval(Integral, 1, None, closed="left")
_NOT_NEGATIVE = Interval(Real, 0.0, None, closed="left")
_NETS = ("", "discriminator_", "classifier_")


class ConceptGAN(CounterfactualMethod):
    r"""Edit images with a generator that was trained to please the detector.

    A generator :math:`G(x, \alpha, k)` gives an image like :math:`x` whose
    anomaly score :math:`\phi` is :math:`\alpha`, edited in the manner of concept
    :math:`k`. The alternatives are :math:`G(x, 0, k)`, the best first whatever
    its concept. Trained against a discriminator :math:`D`, and with a classifier
    :math:`R` that must tell the concepts apart, it lowers

    .. math::

        -\lambda_{gan} D(x') + \lambda_{score} H(\alpha, \phi(x'))
        + \lambda_{rec} |x - G(x, \phi(x), k)| + \lambda_{cyc} |x - \tilde x|
        + \lambda_{con} \bigl( C(k, R(x, x')) + C(k, R(x', \tilde x)) \bigr)

    where :math:`x' = G(x, \alpha, k)`, :math:`\tilde x = G(x', \phi(x), k)`,
    with mean absolute differences of pixels scaled to [-1, 1], the binary cross
    entropy :math:`H` and the cross entropy :math:`C`. The detector stays as it
    is; the discriminator lowers the hinge loss.

    For images and for detectors whose score is differentiable and lies in
    [0, 1]. Pass abnormal images to :meth:`CounterfactualExplainer.fit
    <sklearn_anomaly_attr.counterfactuals.CounterfactualExplainer.fit>` as
    ``X_outlier_exposure``: each batch takes as many of them as training rows,
    and a generator that never saw an anomaly edits them badly.

    Parameters
    ----------
    preset : {"small", "mnist", "cifar10", "gtsdb"}, default="small"
        Where parameters come from that are None: "small" is for a CPU and some
        hundred small images; the others are the paper's, for a GPU.
    image_shape : tuple (C, H, W) or (H, W), default=None
        Shape of the images in the rows: channels, height and width. None takes
        the detector's.
    n_concepts : int or "auto", default="auto"
        Number of concepts; "auto" is the number of counterfactuals. With another
        number, the closest valid edits that differ from each other are shown.
    widths : sequence of int, default=None
        Kernels of the encoder's residual blocks, which the decoder mirrors. All
        but the last halve the image, whose sides they must divide.
    discriminator_widths, classifier_widths : sequence of int, default=None
        Kernels of the residual blocks of both.
    decoder_spectral_norm : bool, default=None
        Whether the decoder's weights have spectral norm one. Those of the
        discriminator and the classifier always do.
    lambda_gan, lambda_score, lambda_rec, lambda_cyc, lambda_con : float, default=None
        Weights of the losses. The concepts collapse into one where
        ``lambda_con`` is small beside ``lambda_rec``.
    generator_every, discriminator_every : int, default=None
        Every which batch updates the generator, and the discriminator.
    max_iter : int, default=None
        Number of epochs: passes over the training rows.
    batch_size : int, default=None
        Largest number of training rows in a batch; as many abnormal images come
        beside them.
    learning_rate : float, default=None
        Step size of Adam.
    milestones : sequence of float, default=None
        Shares of the epochs after each of which the step size falls to a tenth.
    betas : tuple of float, default=(0.0, 0.9)
        Adam's decays of the means of gradients and of their squares.
    normal_quantile : float or None, default=0.95
        Which quantile of the training rows' scores counts as 0.25, the border
        between normal and half abnormal: the log odds of all scores are moved so.
        The scores of detectors lie anywhere in [0, 1], those of anomalies, too.
        None takes them as they are, as in the paper.
    score_on_return : bool, default=True
        Whether :math:`H(\phi(x), \phi(\tilde x))` is lowered, too: the way back
        from pseudo-anomalies, which the generator makes of normal images, must
        end at a normal score.
    zero_concept_when_same_bin : bool, default=True
        Whether edits that need not change the score are free of the concept
        loss, which fights the reconstruction there.
    average : float, default=0.999
        Decay, in [0, 1), of the mean of the generator's weights that is kept.
    initial_state : dict of str to ndarray, default=None
        ``state_`` of a shorter training, to go on from to ``max_iter`` epochs.
    keep_state : bool, default=False
        Whether to keep ``state_``, several times as large as the generator.

    Attributes
    ----------
    weights_, classifier_weights_ : dict of str to ndarray
        State of the generator, and of the classifier of concepts.
    center_, scale_ : ndarray of shape (C,)
        The nets see ``(x - center_) / scale_``, in [-1, 1] on the training rows.
    image_shape_ : tuple (C, H, W)
        Shape of the images.
    n_concepts_ : int
        Number of concepts.
    n_iter_ : int
        Number of epochs.
    loss_curve_ : list of dict of str to float
        Mean losses of each epoch: "gan", "score", "rec", "cyc", "con",
        "discriminator".
    state_ : dict of str to ndarray
        All that a training needs to go on; with ``keep_state``.

    Raises
    ------
    ValueError
        In the explainer's ``fit``, if the score has no gradient or leaves [0, 1],
        if rows are no images or not to be halved so often, or if training diverges.

    See Also
    --------
    NearestAccepted : Real images instead of generated ones.
    GradientDescent : Changes pixels, without a generator.

    Notes
    -----
    The concept and the target, by the nearest of 0, 0.5 and 1, choose the scale
    and shift of the generator's batch norms; both are drawn evenly. An edit does
    not depend on the rows beside it: the statistics of the training rows are
    estimated anew after training, for the averaged weights.

    The paper prints the loss of the score without its sign, maximises the hinge
    loss, ends the generator in a ReLU and updates the discriminator every fifth
    batch; here it is as in DISSECT: the presets update the generator so.

    References
    ----------
    Liznerski et al. (2024), "Reimagining anomalies: what if anomalies were
    normal?", section 3.2 and appendix E.1; Ghandeharioun et al. (2022),
    "DISSECT: Disentangled simultaneous explanations via concept traversals".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn_anomaly_attr import HypersphereDetector
    >>> from sklearn_anomaly_attr.counterfactuals import (
    ...     ConceptGAN, CounterfactualExplainer
    ... )
    >>> rng = np.random.default_rng(0)
    >>> dark, bright = rng.normal(0.0, 0.3, (32, 16)), rng.normal(2.0, 0.3, (32, 16))
    >>> detector = HypersphereDetector(image_shape=(4, 4), max_iter=5, random_state=0)
    >>> explainer = CounterfactualExplainer(
    ...     FrozenEstimator(detector.fit(dark, X_outlier_exposure=bright)),
    ...     method=ConceptGAN(image_shape=(4, 4), widths=(4, 8), max_iter=3),
    ...     random_state=0,
    ... )
    >>> explanation = explainer.fit(dark, X_outlier_exposure=bright).explain(bright[:2])
    >>> bool((explanation.scores_after[:, 0] < explanation.scores_before).all())
    True
    """

    _takes_missing: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "preset": [StrOptions(set(PRESETS))],
        "image_shape": ["array-like", None],
        "n_concepts": [StrOptions({"auto"}), _POSITIVE],
        **{f"{net}widths": ["array-like", None] for net in _NETS},
        "decoder_spectral_norm": ["boolean", None],
        **{f"lambda_{name}": [_NOT_NEGATIVE, None] for name in LOSSES},
        **{f"{net}_every": [_POSITIVE, None] for net in ("generator", "discriminator")},
        "max_iter": [_POSITIVE, None],
        "batch_size": [Interval(Integral, 4, None, closed="left"), None],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither"), None],
        "milestones": ["array-like", None],
        "betas": ["array-like"],
        "normal_quantile": [Interval(Real, 0.0, 1.0, closed="neither"), None],
        "score_on_return": ["boolean"],
        "zero_concept_when_same_bin": ["boolean"],
        "average": [Interval(Real, 0.0, 1.0, closed="left")],
        "initial_state": [dict, None],
        "keep_state": ["boolean"],
    }

    def __init__(
        self,
        *,
        preset: str = "small",
        image_shape: Sequence[int] | None = None,
        n_concepts: int | str = "auto",
        widths: Sequence[int] | None = None,
        discriminator_widths: Sequence[int] | None = None,
        classifier_widths: Sequence[int] | None = None,
        decoder_spectral_norm: bool | None = None,
        lambda_gan: float | None = None,
        lambda_score: float | None = None,
        lambda_rec: float | None = None,
        lambda_cyc: float | None = None,
        lambda_con: float | None = None,
        generator_every: int | None = None,
        discriminator_every: int | None = None,
        max_iter: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        milestones: Sequence[float] | None = None,
        betas: tuple[float, float] = (0.0, 0.9),
        normal_quantile: float | None = 0.95,
        score_on_return: bool = True,
        zero_concept_when_same_bin: bool = True,
        average: float = 0.999,
        initial_state: Mapping[str, NDArray[Any]] | None = None,
        keep_state: bool = False,
    ) -> None:
        self.preset = preset
        self.image_shape = image_shape
        self.n_concepts = n_concepts
        self.widths = widths
        self.discriminator_widths = discriminator_widths
        self.classifier_widths = classifier_widths
        self.decoder_spectral_norm = decoder_spectral_norm
        self.lambda_gan = lambda_gan
        self.lambda_score = lambda_score
        self.lambda_rec = lambda_rec
        self.lambda_cyc = lambda_cyc
        self.lambda_con = lambda_con
        self.generator_every = generator_every
        self.discriminator_every = discriminator_every
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.milestones = milestones
        self.betas = betas
        self.normal_quantile = normal_quantile
        self.score_on_return = score_on_return
        self.zero_concept_when_same_bin = zero_concept_when_same_bin
        self.average = average
        self.initial_state = initial_state
        self.keep_state = keep_state

    def prepare(self, problem: Problem) -> None:
        """Train the nets on the training rows, and on the extra rows."""
        preset = self._preset()
        self.image_shape_ = shape_of_images(self, problem)
        check_halves(self.image_shape_, len(preset.widths) - 1)
        rows, others = problem.X, problem.extra_rows
        check_bounded(problem)
        auto = self.n_concepts == "auto"
        self.n_concepts_ = int(problem.n_counterfactuals if auto else self.n_concepts)
        everything = rows if others is None else np.concatenate([rows, others])
        scaling = ImageScaling.of(everything, self.image_shape_)
        self.center_, self.scale_ = scaling.center, scaling.scale
        trainer = self._trainer(problem, preset)
        if self.initial_state is not None:
            trainer.load_state(self.initial_state)
        self._train(trainer, preset.max_iter, problem.verbose)

    def search(self, problem: Problem, x: Tensor) -> Tensor:
        """Candidates ``(n, n_counterfactuals, n_features)`` for the rows `x`."""
        found = self._edit(x, target=0.0)
        if self.n_concepts_ == problem.n_counterfactuals:
            return found
        return pick_diverse(problem, x, found, problem.scores(found))

    def generate(self, X: Any, target: float = 0.0) -> FloatArray:
        """Edit images to a score, by each concept.

        Parameters
        ----------
        X : array-like of shape (n, C * H * W), (n, C, H, W) or (n, H, W)
            Images.
        target : float, default=0.0
            Anomaly score to give them, in [0, 1], on the scale of
            ``normal_quantile``: 1 makes pseudo-anomalies. The nearest of 0, 0.5
            and 1 counts.

        Returns
        -------
        ndarray of shape (n, n_concepts, C * H * W)
            The edited images, as rows.
        """
        edited: FloatArray = self._edit(self._rows(X), target).numpy()
        return edited

    @torch.no_grad()
    def classify_concepts(self, X: Any, edited: FloatArray) -> NDArray[np.intp]:
        """Tell by which concept images were edited.

        Parameters
        ----------
        X : array-like of shape (n, C * H * W), (n, C, H, W) or (n, H, W)
            Images.
        edited : ndarray of shape (n, m, C * H * W)
            Edits of each, as rows.

        Returns
        -------
        int ndarray of shape (n, m)
            The concepts that the classifier sees, from 0. What :meth:`generate`
            gives at position k was edited by concept k: the share that is told
            right is the concept accuracy.
        """
        rows, scaling, preset = self._rows(X), self._scaling(), self._preset()
        before, after = (scaling.to_images(r) for r in (rows, torch.tensor(edited)))
        nets = preset.nets(self.image_shape_, self.n_concepts_)
        from_arrays(nets.classifier.double().eval(), self.classifier_weights_)
        before = before.repeat_interleave(after.shape[1], dim=0)
        logits = in_parts(
            nets.concept_logits, preset.width, before, after.flatten(0, 1)
        )
        told: NDArray[np.intp] = logits.argmax(dim=1).reshape(after.shape[:2]).numpy()
        return told

    def _preset(self) -> Preset:
        """The parameters that a preset decides on."""
        return PRESETS[self.preset].with_values(self.get_params(deep=False))

    def _scaling(self) -> ImageScaling:
        return ImageScaling(self.image_shape_, self.center_, self.scale_)

    def _rows(self, X: Any) -> Tensor:
        if not hasattr(self, "weights_"):
            raise NotFittedError(
                "This ConceptGAN is not trained: fit a CounterfactualExplainer with it "
                "as the method, and take the explainer's method_."
            )
        rows, _ = as_rows(X, self.image_shape_)
        return torch.tensor(np.asarray(rows, dtype=np.float64))

    def _trainer(self, problem: Problem, preset: Preset) -> GanTrainer:
        scaling, device, others = self._scaling(), problem.device, problem.extra_rows
        scale = ScoreScale.of(problem.training_scores, self.normal_quantile)
        nets = self.image_shape_, self.n_concepts_
        return GanTrainer(
            preset.nets(*nets, seed=problem.seed).to(device),
            preset.nets(*nets).generator.to(device),
            lambda images: scale(problem.score(scaling.to_rows(images))),
            scored_images(problem, scaling, scale, problem.X),
            None if others is None else scored_images(problem, scaling, scale, others),
            preset.settings(
                betas=self.betas,
                score_on_return=self.score_on_return,
                zero_concept_when_same_bin=self.zero_concept_when_same_bin,
                average=self.average,
            ),
            problem.seed,
        )

    def _train(self, trainer: GanTrainer, max_iter: int, verbose: int) -> None:
        self.loss_curve_ = []
        with tqdm(
            total=max_iter,
            initial=trainer.n_epochs,
            desc=type(self).__name__,
            unit="epoch",
            disable=not verbose,
        ) as progress:
            while trainer.n_epochs < max_iter:
                losses = trainer.run_epoch()
                if not np.isfinite(list(losses.values())).all():
                    raise ValueError(DIVERGED)
                self.loss_curve_.append(losses)
                progress.set_postfix(losses)
                progress.update()
        self.n_iter_ = trainer.n_epochs
        self.weights_ = to_arrays(trainer.averaged())
        self.classifier_weights_ = to_arrays(trainer.nets.classifier)
        if self.keep_state:
            self.state_ = trainer.state()

    @torch.no_grad()
    def _edit(self, x: Tensor, target: float) -> Tensor:
        """The images in the rows `x` edited to the `target`, by each concept."""
        preset, scaling = self._preset(), self._scaling()
        nets = preset.nets(self.image_shape_, self.n_concepts_).to(x.device)
        from_arrays(nets.generator.double().eval(), self.weights_)
        bins = nearest_bin(torch.tensor(target, dtype=torch.float64, device=x.device))

        def edit(images: Tensor) -> Tensor:
            concepts = torch.arange(self.n_concepts_, device=x.device)
            concept = concepts.repeat(len(images))
            images = images.repeat_interleave(len(concepts), dim=0)
            edited = scaling.to_rows(
                nets.edit(images, concept, bins.expand_as(concept))
            )
            return edited.reshape(-1, len(concepts), x.shape[1])

        width = preset.width * self.n_concepts_
        return in_parts(edit, width, scaling.to_images(x))
