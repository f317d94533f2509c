"""Losses of the generator by the direction of their gradients, and its trainer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss

from sklearn_anomaly_attr._torch._gan_nets import ConceptNets
from sklearn_anomaly_attr._torch._gan_training import (
    Edits,
    GanSettings,
    GanTrainer,
    Rows,
    generator_losses,
    hinge_loss,
    nearest_bin,
    score_loss,
)
from sklearn_anomaly_attr._torch._nets import to_arrays
from sklearn_anomaly_attr._torch._own import drawing

SETTINGS = GanSettings(
    weights={"gan": 1.0, "score": 2.0, "rec": 15.0, "cyc": 15.0, "con": 10.0},
    score_on_return=False,
    zero_concept_when_same_bin=False,
    generator_every=1,
    discriminator_every=1,
    max_iter=4,
    batch_size=8,
    learning_rate=1e-3,
    betas=(0.0, 0.9),
    milestones=(),
    average=0.9,
)


def brightness(images):
    """An anomaly score in (0, 1)."""
    return torch.sigmoid(2.0 * images.double().mean(dim=(1, 2, 3)))


def make_nets():
    with drawing(0):
        return ConceptNets(
            (1, 4, 4),
            2,
            3,
            widths=(4, 8),
            discriminator_widths=(4, 8),
            classifier_widths=(4, 8),
            spectral_decoder=False,
        )


def make_rows(n=20, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.uniform(-1, 1, (n, 1, 4, 4))).float()
    return Rows(x, brightness(x))


def make_edits(target=0, n=16):
    """Images to be edited to one of the bins, by both concepts."""
    targets = torch.full((n,), target)
    return Edits(*make_rows(n), target=targets, concept=torch.arange(n) % 2)


def step_against(loss, parameters, rate=1e-2):
    """One step of plain gradient descent, in place."""
    parameters = list(parameters)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter -= rate * gradient


def of_edit(nets, edits):
    return nets.edit(edits.x, edits.concept, edits.target)


def realism(nets, edits):
    return nets.discriminator(of_edit(nets, edits)).mean()


def mean_score(nets, edits):
    return brightness(of_edit(nets, edits)).mean()


def reconstruction_error(nets, edits):
    same = nets.edit(edits.x, edits.concept, edits.source)
    return (same - edits.x).abs().mean()


def return_error(nets, edits):
    back = nets.edit(of_edit(nets, edits), edits.concept, edits.source)
    return (back - edits.x).abs().mean()


def right_concept(nets, edits):
    logits = nets.concept_logits(edits.x, of_edit(nets, edits))
    return logits.softmax(dim=1)[torch.arange(len(edits.x)), edits.concept].mean()


DIRECTIONS = [
    ("gan", realism, 0, +1),
    ("score", mean_score, 0, -1),
    ("score", mean_score, 2, +1),
    ("rec", reconstruction_error, 0, -1),
    ("cyc", return_error, 2, -1),
    ("con", right_concept, 0, +1),
]


@pytest.mark.parametrize(
    ("loss", "quantity", "target", "sign"),
    DIRECTIONS,
    ids=[f"{loss}-{quantity.__name__}-{t}" for loss, quantity, t, _ in DIRECTIONS],
)
@pytest.mark.parametrize("player", ["generator", "classifier"])
def test_a_step_against_each_loss_moves_what_it_is_for(
    loss, quantity, target, sign, player
):
    nets, edits = make_nets(), make_edits(target)
    before = float(quantity(nets, edits).detach())
    losses = generator_losses(nets, brightness, edits, of_edit(nets, edits), SETTINGS)
    step_against(losses[loss], getattr(nets, player).parameters())
    after = float(quantity(nets, edits).detach())
    if player == "classifier" and loss != "con":
        assert_allclose(after, before, rtol=1e-2)
    else:
        assert sign * (after - before) > 1e-5


@pytest.mark.parametrize("score_on_return", [False, True])
def test_losses_by_hand(score_on_return):
    nets, edits = make_nets().eval(), make_edits(target=2)
    settings = replace(SETTINGS, score_on_return=score_on_return)
    with torch.no_grad():
        edited = of_edit(nets, edits)
        back = nets.edit(edited, edits.concept, edits.source)
        given = generator_losses(nets, brightness, edits, edited, settings)
        score = -brightness(edited).log().mean()
        if score_on_return:
            phi, wanted = brightness(back), edits.score
            score -= (wanted * phi.log() + (1 - wanted) * (1 - phi).log()).mean()
        everyone = torch.arange(16)
        con = sum(
            -nets.concept_logits(*pair).log_softmax(dim=1)[everyone, edits.concept]
            for pair in [(edits.x, edited), (edited, back)]
        ).mean()
        expected = {
            "gan": -realism(nets, edits),
            "score": score,
            "rec": reconstruction_error(nets, edits),
            "cyc": return_error(nets, edits),
            "con": con,
        }
    assert given.keys() == expected.keys()
    for name, loss in expected.items():
        assert_allclose(float(given[name]), float(loss), rtol=1e-5, err_msg=name)


def test_the_discriminator_learns_to_tell_real_from_edited():
    nets, edits = make_nets(), make_edits()
    edited = of_edit(nets, edits).detach()

    def gap():
        return (nets.discriminator(edits.x) - nets.discriminator(edited)).mean()

    before = float(gap().detach())
    loss = hinge_loss(nets.discriminator(edits.x), nets.discriminator(edited))
    step_against(loss, nets.discriminator.parameters())
    assert float(gap().detach()) > before


def test_hinge_loss_in_closed_form():
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-2.0, 0.0])
    assert_allclose(float(hinge_loss(real, fake)), (0 + 0.5 + 2) / 3 + (0 + 1) / 2)


def test_score_loss_is_the_binary_cross_entropy():
    rng = np.random.default_rng(0)
    scores, targets = rng.uniform(size=50), rng.integers(0, 2, 50)
    given = score_loss(torch.tensor(scores), torch.tensor(targets))
    assert_allclose(float(given), log_loss(targets, scores))


@pytest.mark.parametrize("logit", [30.0, -30.0])
def test_certain_scores_keep_their_gradient(logit):
    logits = torch.tensor([logit], dtype=torch.float64, requires_grad=True)
    wrong = torch.tensor([0.0 if logit > 0 else 1.0])
    (gradient,) = torch.autograd.grad(score_loss(logits.sigmoid(), wrong), logits)
    assert_allclose(gradient.abs().numpy(), 1.0, rtol=1e-2)


def test_scores_of_zero_and_one_have_a_finite_loss():
    scores = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert torch.isfinite(score_loss(scores, 1.0 - scores))


def test_scores_fall_into_the_nearest_bin():
    scores = torch.tensor([0.0, 0.2, 0.3, 0.7, 0.8, 1.0])
    assert nearest_bin(scores).tolist() == [0, 0, 1, 1, 2, 2]


def test_concepts_are_free_where_the_bin_stays():
    nets, edits = make_nets(), make_edits()
    settings = replace(SETTINGS, zero_concept_when_same_bin=True)
    edits = edits._replace(target=edits.source)
    losses = generator_losses(nets, brightness, edits, of_edit(nets, edits), settings)
    assert float(losses["con"].detach()) == 0.0
    losses = generator_losses(nets, brightness, edits, of_edit(nets, edits), SETTINGS)
    assert float(losses["con"].detach()) > 0.5


def make_trainer(seed=0, others=None, **changes):
    nets, average = make_nets(), make_nets().generator
    settings = replace(SETTINGS, **changes)
    return GanTrainer(nets, average, brightness, make_rows(), others, settings, seed)


def assert_same_state(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert_array_equal(array, second[name], err_msg=name)


def changed(trainer, net, before):
    after = to_arrays(getattr(trainer.nets, net))
    parameters = dict(getattr(trainer.nets, net).named_parameters())
    return any((after[name] != before[name]).any() for name in parameters)


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ({"generator_every": 100}, ["generator", "discriminator"]),
        ({"discriminator_every": 2}, ["generator", "discriminator"]),
    ],
    ids=["generator", "discriminator"],
)
def test_each_side_takes_its_turns(every, expected):
    trainer = make_trainer(**every)
    batches = list(trainer._batches(0))
    before = {net: to_arrays(getattr(trainer.nets, net)) for net in expected}
    trainer._step(batches[0], 1)
    turns = {net: changed(trainer, net, before[net]) for net in expected}
    name = next(iter(every)).removesuffix("_every")
    assert turns == {net: net != name for net in expected}


def test_the_discriminator_learns_from_real_and_edited_images():
    trainer = make_trainer(learning_rate=1e-2, generator_every=100)
    edits = make_edits()

    def gap():
        nets = trainer.nets
        return (nets.discriminator(edits.x) - nets.discriminator(edited)).mean().item()

    edited = of_edit(trainer.nets, edits).detach()
    before = gap()
    for _ in range(10):
        trainer._step(edits, batch=1)
    assert gap() > before + 0.5


def test_the_generators_step_leaves_the_discriminator_alone():
    trainer = make_trainer(discriminator_every=100)
    before = to_arrays(trainer.nets.discriminator)
    trainer._step(next(trainer._batches(0)), 1)
    assert not changed(trainer, "discriminator", before)
    assert all(p.requires_grad for p in trainer.nets.discriminator.parameters())


def test_batches_hold_each_training_row_once_and_as_many_others():
    others = make_rows(5, seed=1)
    trainer = make_trainer(others=others)
    batches = list(trainer._batches(0))
    assert [len(edits.x) for edits in batches] == [14, 14, 12]
    own = torch.cat([edits.x[: len(edits.x) // 2] for edits in batches])
    beside = torch.cat([edits.x[len(edits.x) // 2 :] for edits in batches])
    assert_array_equal(np.sort(own.flatten()), np.sort(trainer.rows.x.flatten()))
    assert np.isin(beside.numpy(), others.x.numpy()).all()
    assert not torch.equal(next(trainer._batches(1)).x, batches[0].x)
    drawn = torch.cat([edits.concept * 3 + edits.target for edits in batches])
    assert set(drawn.tolist()) == set(range(6))


def test_the_same_seed_gives_the_same_training():
    first, second, third = make_trainer(), make_trainer(), make_trainer(seed=1)
    torch.manual_seed(0)
    losses = first.run_epoch()
    torch.manual_seed(1)
    assert second.run_epoch() == losses
    assert third.run_epoch() != losses
    assert_same_state(first.state(), second.state())


def test_global_generators_are_left_alone():
    state = torch.get_rng_state()
    trainer = make_trainer()
    trainer.run_epoch()
    trainer.averaged()
    assert torch.equal(torch.get_rng_state(), state)


def test_training_goes_on_from_a_state_as_if_unbroken():
    unbroken, first, second = make_trainer(), make_trainer(), make_trainer()
    for _ in range(2):
        unbroken.run_epoch()
        first.run_epoch()
    first.averaged()
    second.load_state(first.state())
    assert unbroken.run_epoch() == second.run_epoch()
    assert_same_state(to_arrays(unbroken.averaged()), to_arrays(second.averaged()))
    assert_same_state(unbroken.state(), second.state())


def test_a_state_of_other_nets_is_refused():
    state = make_trainer().state()
    state["nets/stem"] = state.pop("nets/generator.stem.1.weight")
    with pytest.raises(ValueError, match="initial_state=None"):
        make_trainer().load_state(state)


def test_the_step_size_falls_after_the_milestones():
    trainer = make_trainer(milestones=(0.5, 0.75))
    rates = []
    for _ in range(4):
        trainer.run_epoch()
        groups = [o.param_groups[0]["lr"] for o in trainer._optimizers.values()]
        assert groups[0] == groups[1]
        rates.append(groups[0])
    assert_allclose(rates, [1e-3, 1e-3, 1e-4, 1e-5])


def test_averages_of_the_weights_by_a_loop():
    trainer = make_trainer(average=0.4)
    mean = dict(trainer.nets.generator.named_parameters())
    mean = {name: p.detach().clone() for name, p in mean.items()}
    for i, edits in enumerate(trainer._batches(0)):
        trainer._step(edits, i)
        kept = min(0.4, (1 + i) / (10 + i))
        for name, p in trainer.nets.generator.named_parameters():
            mean[name] = kept * mean[name] + (1 - kept) * p.detach()
    for name, p in trainer.averaged().named_parameters():
        assert_allclose(p.detach().numpy(), mean[name].numpy(), atol=1e-6)


def test_batch_statistics_are_those_of_the_averaged_weights():
    trainer = make_trainer(average=0.0)
    trainer.run_epoch()
    norm = trainer.averaged().stem[0]
    assert not norm.training
    batches = list(trainer._batches(1))
    means = [float(edits.x.mean()) for edits in batches]
    variances = [float(edits.x.var()) for edits in batches]
    assert_allclose(float(norm.running_mean), np.mean(means), rtol=1e-4, atol=1e-6)
    assert_allclose(float(norm.running_var), np.mean(variances), rtol=1e-4)
