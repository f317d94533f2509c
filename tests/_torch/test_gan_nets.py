"""Nets of the generator of counterfactual images, against loops and shapes."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_anomaly_attr._torch._gan_nets import (
    ConceptGenerator,
    ConceptNets,
    ConditionalBatchNorm,
    SpectralResNet,
)
from sklearn_anomaly_attr._torch._own import drawing

CPU = torch.device("cpu")
N_BINS = 3


def make_nets(image_shape=(1, 8, 8), n_concepts=2, spectral_decoder=False):
    with drawing(0):
        return ConceptNets(
            image_shape,
            n_concepts,
            N_BINS,
            widths=(8, 16),
            discriminator_widths=(8, 8, 16),
            classifier_widths=(8, 8),
            spectral_decoder=spectral_decoder,
        )


def draw(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape)).float()


@pytest.mark.parametrize("training", [True, False])
def test_conditional_batch_norm_is_a_loop_over_images(training):
    norm = ConditionalBatchNorm(3, 4).train(training)
    with torch.no_grad():
        norm.scale.weight.copy_(draw(4, 3, seed=1))
        norm.shift.weight.copy_(draw(4, 3, seed=2))
        norm.norm.running_mean.copy_(draw(3, seed=3))
        norm.norm.running_var.copy_(draw(3, seed=4).square() + 0.5)
    x, condition = draw(5, 3, 2, 2), torch.tensor([0, 3, 3, 1, 2])
    mean, variance = norm.norm.running_mean.clone(), norm.norm.running_var.clone()
    if training:
        mean, variance = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), correction=0)
    expected = torch.empty_like(x)
    for i in range(5):
        for c in range(3):
            z = (x[i, c] - mean[c]) / (variance[c] + norm.norm.eps).sqrt()
            k = condition[i]
            expected[i, c] = norm.scale.weight[k, c] * z + norm.shift.weight[k, c]
    assert_allclose(
        norm(x, condition).detach().numpy(), expected.detach().numpy(), rtol=1e-4
    )


def test_conditional_batch_norm_begins_as_a_plain_one():
    norm, plain = ConditionalBatchNorm(3, 2), torch.nn.BatchNorm2d(3)
    x = draw(6, 3, 4, 4)
    given = norm(x, torch.tensor([0, 1] * 3)).detach()
    assert_allclose(given.numpy(), plain(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def spectral_norms(net):
    """Largest singular values of the convolutions and linear layers, by name."""
    net.train()
    for _ in range(200):  # each pass is one power iteration
        for layer in net.modules():
            getattr(layer, "weight", None)
    layers = {
        name: layer
        for name, layer in net.named_modules()
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear))
    }
    return {
        name: float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2))
        for name, layer in layers.items()
    }


def test_spectral_norms_are_one_where_they_should_be():
    nets = make_nets(spectral_decoder=True)
    for net in (nets.discriminator, nets.classifier):
        assert_allclose(list(spectral_norms(net).values()), 1.0, rtol=1e-3)
    norms = spectral_norms(nets.generator)
    # Two blocks encode, two decode.
    decoder = [v for k, v in norms.items() if k.startswith(("blocks.2", "blocks.3"))]
    encoder = [v for k, v in norms.items() if k.startswith(("blocks.0", "blocks.1"))]
    assert_allclose([*decoder, norms["image.2"]], 1.0, rtol=1e-3)
    assert np.abs(np.array([*encoder, norms["stem.1"]]) - 1.0).min() > 1e-2


def test_the_decoder_is_free_without_spectral_norm():
    norms = spectral_norms(make_nets(spectral_decoder=False).generator)
    assert np.abs(np.array(list(norms.values())) - 1.0).min() > 1e-2


@pytest.mark.parametrize(
    ("image_shape", "n_concepts"), [((1, 8, 8), 2), ((3, 6, 10), 1), ((2, 2, 2), 3)]
)
def test_shapes(image_shape, n_concepts):
    nets = make_nets(image_shape, n_concepts)
    x = draw(4, *image_shape)
    concept = torch.arange(4) % n_concepts
    edited = nets.edit(x, concept, torch.tensor([0, 1, 2, 0]))
    assert edited.shape == x.shape
    assert edited.abs().max() < 1.0
    assert nets.discriminator(x).shape == (4, 1)
    assert nets.concept_logits(x, edited).shape == (4, n_concepts)


@pytest.mark.parametrize("sides", [(1, 1), (3, 5), (7, 28)])
def test_discriminators_take_odd_sides(sides):
    n_halved = min(2, min(sides).bit_length() - 1)
    net = SpectralResNet(1, (4, 4, 8), 2, n_halved)
    assert net(draw(3, 1, *sides)).shape == (3, 2)


@pytest.mark.parametrize("n_widths", [1, 2, 3])
def test_the_encoder_halves_in_all_blocks_but_the_last(n_widths):
    net = ConceptGenerator(1, (4, 8, 16)[:n_widths], 2, spectral=False).eval()
    sides = []
    for block in net.blocks:
        block.register_forward_hook(lambda _, __, y: sides.append(y.shape[-1]))
    net(draw(1, 1, 8, 8), torch.tensor([0]))
    encoded = [4] * (n_widths > 1) + [2] * (n_widths > 2)
    encoded += [(encoded or [8])[-1]]
    assert sides == encoded + encoded[-1:] + [8, 4, 2][: n_widths - 1][::-1]


def test_concept_and_bin_choose_the_condition():
    nets = make_nets(n_concepts=2).eval()
    x = draw(1, 1, 8, 8).expand(6, -1, -1, -1)
    with torch.no_grad():
        for module in nets.generator.modules():
            if isinstance(module, ConditionalBatchNorm):
                module.shift.weight += torch.arange(6.0)[:, None]
    conditions = torch.arange(6)
    edited = nets.edit(x, conditions // N_BINS, conditions % N_BINS)
    by_hand = nets.generator(x, conditions)
    assert torch.equal(edited, by_hand)
    assert len(torch.unique(edited.flatten(1), dim=0)) == 6


def test_a_generated_image_does_not_depend_on_those_beside_it():
    nets = make_nets().double().eval()
    x, zeros = draw(7, 1, 8, 8).double(), torch.zeros(7, dtype=torch.long)
    whole = nets.edit(x, zeros, zeros).detach().numpy()
    alone = [nets.edit(x[i : i + 1], zeros[:1], zeros[:1]) for i in range(7)]
    assert_allclose(torch.cat(alone).detach().numpy(), whole, atol=1e-12)
