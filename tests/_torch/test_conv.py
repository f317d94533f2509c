"""Convolutions against torch's own, and the sizes of the encoder."""

from math import prod

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from sklearn_anomaly_attr._torch._conv import (
    BatchNorm,
    Conv2d,
    UpConv2d,
    conv_encoder,
    encoder_sizes,
    encoder_width,
)

SHAPES = [
    (1, 28, 28),
    (3, 28, 28),
    (3, 32, 32),
    (1, 8, 8),
    (3, 8, 8),
    (1, 12, 13),
    (1, 1, 9),
    (2, 7, 1),
    (1, 1, 1),
    (1, 64, 40),
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def images(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype)


@pytest.mark.parametrize("sides", [(12, 12), (15, 14), (13, 31), (5, 20)], ids=str)
@pytest.mark.parametrize("kernel", [(3, 3), (5, 3), (1, 5)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_in_float64_is_the_usual_one(sides, kernel, bias):
    conv = Conv2d(3, 4, kernel, bias=bias).double()
    x = images(2, 3, *sides).requires_grad_()
    expected = nn.Conv2d.forward(conv, x)
    found = conv(x)
    assert_close(found, expected, rtol=0, atol=1e-12)
    direction = torch.randn_like(expected)
    gradients = [torch.autograd.grad(y, x, direction)[0] for y in (found, expected)]
    assert_close(*gradients, rtol=0, atol=1e-12)


def test_strides_divide_the_sides():
    conv = Conv2d(1, 2, (3, 3), stride=(2, 1)).double()
    assert conv(images(4, 1, 16, 16)).shape == (4, 2, 8, 16)


def test_few_kernels_give_blocks(monkeypatch):
    """Else the quick way would not be taken, and not be tested above."""
    seen = []
    monkeypatch.setattr(Conv2d, "_in_blocks", lambda self, x: seen.append(x.shape))
    Conv2d(1, 4, (5, 5)).double()(images(1, 1, 28, 28))
    Conv2d(1, 4, (5, 5))(images(1, 1, 28, 28).float())
    Conv2d(1, 32, (5, 5)).double()(images(1, 1, 28, 28))
    Conv2d(1, 4, (5, 5)).double()(images(1, 1, 7, 7))
    assert seen == [(1, 1, 28, 28)]


@pytest.mark.parametrize("factor", [(2, 2), (1, 2), (3, 1)], ids=str)
def test_an_up_convolution_is_a_transposed_one(factor):
    up = UpConv2d(3, 2, (1, 1), factor).double()
    x = images(4, 3, 5, 6)
    weight = up.weight.reshape(2, *factor, 3).permute(3, 0, 1, 2)
    expected = functional.conv_transpose2d(x, weight, stride=factor)
    expected += up.bias.reshape(1, 2, *factor).repeat(1, 1, 5, 6)
    assert_close(up(x), expected)


def test_an_up_convolution_by_two_is_torchs_shuffle():
    up = UpConv2d(3, 2, (3, 3), (2, 2)).double()
    x = images(4, 3, 5, 6)
    expected = functional.pixel_shuffle(nn.Conv2d.forward(up, x), 2)
    assert_close(up(x), expected)


def test_batch_normalisation_of_maps_is_torchs():
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    x = images(4, 3, 5, 6, dtype=torch.float32)
    assert_close(ours(x), theirs(x))
    assert_close(ours.state_dict(), theirs.state_dict())
    assert_close(ours.eval()(x), theirs.eval()(x))


def test_a_single_number_is_normalised_by_the_running_statistics():
    norm = BatchNorm(3)
    norm.running_mean.fill_(2.0)
    x = images(1, 3, dtype=torch.float32)
    assert_close(norm(x), x - 2.0, rtol=1e-4, atol=1e-4)
    assert int(norm.num_batches_tracked) == 0


@pytest.mark.parametrize(
    ("shape", "n_kernels", "n_hidden", "n_out"),
    [
        ((1, 28, 28), (4, 8, 16, 32), 64, 32),
        ((3, 28, 28), (16, 32, 64), 64, 32),
        ((3, 32, 32), (32, 64, 128), 512, 256),
        ((1, 8, 8), (8, 16, 32), 64, 32),
        ((1, 128, 128), (4, 8, 16, 32, 32), 64, 32),
        ((1, 1, 1), (32,), 64, 32),
    ],
    ids=str,
)
def test_the_encoder_is_that_of_the_paper(shape, n_kernels, n_hidden, n_out):
    assert encoder_sizes(shape) == (n_kernels, n_hidden, n_out)
    layers = conv_encoder(shape, 7)
    convolutions = [layer for layer in layers if isinstance(layer, Conv2d)]
    assert tuple(conv.out_channels for conv in convolutions) == n_kernels
    dense = [layer.out_features for layer in layers if isinstance(layer, nn.Linear)]
    assert dense == [n_hidden, 7]


@pytest.mark.parametrize("side", [28, 32])
def test_kernels_of_the_paper_have_a_side_of_five(side):
    first = conv_encoder((1, side, side), 7)[1]
    assert first.kernel_size == (5, 5)


@every_shape
@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_every_shape_trains_and_scores(shape, n_rows):
    net = conv_encoder(shape, 7)
    rows = images(n_rows, prod(shape), dtype=torch.float32)
    assert net(rows).shape == (n_rows, 7)
    net.double().eval()
    together = net(rows.double())
    alone = torch.cat([net(row[None]) for row in rows.double()])
    assert_close(alone, together, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
def test_without_bias_the_dense_layers_are_not_normalised(bias):
    layers = list(conv_encoder((1, 8, 8), 7, bias=bias))
    after_flat = layers[
        [isinstance(layer, nn.Flatten) for layer in layers].index(True) :
    ]
    assert any(isinstance(layer, BatchNorm) for layer in after_flat) == bias


@every_shape
def test_without_bias_zero_gives_zero(shape):
    net = conv_encoder(shape, 7, bias=False)
    assert not any(name.endswith("bias") for name, _ in net.named_parameters())
    net.eval()
    assert not net(torch.zeros(1, prod(shape))).any()
    rows = images(3, prod(shape), dtype=torch.float32)
    assert_close(net(3.0 * rows), 3.0 * net(rows))


@every_shape
def test_the_width_is_that_of_the_widest_layer(shape):
    net = conv_encoder(shape, 1)
    widths = []
    for layer in net:
        layer.register_forward_hook(lambda _, x, y: widths.append(y[0].numel()))
    net.eval()(torch.zeros(1, prod(shape)))
    assert encoder_width(shape) == max(widths)
