"""The U-Net: shapes of any images, and rows that do not see each other."""

import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_anomaly_attr._torch._unet import UNet, padded


def a_net(image_shape, channels):
    torch.manual_seed(0)
    net = UNet(image_shape, channels, n_steps=50).double()
    for parameter in net.parameters():  # the last layers begin with zeros
        torch.nn.init.normal_(parameter, std=0.2)
    return net


def rows_like(net, n):
    generator = torch.Generator().manual_seed(1)
    shape = (n, torch.Size(net.image_shape).numel())
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("image_shape", [(1, 8, 8), (3, 7, 5), (2, 1, 1), (1, 2, 11)])
@pytest.mark.parametrize("channels", [[4], [4, 8], [3, 6, 5]])
def test_images_of_any_sides_keep_their_shape(image_shape, channels):
    net = a_net(image_shape, channels)
    x = rows_like(net, 3)
    noise = net(x, torch.tensor([1, 20, 50]), torch.tensor([0, 1, 1]))
    assert noise.shape == x.shape
    assert noise.isfinite().all()


def test_an_untrained_net_expects_no_noise():
    net = UNet((1, 4, 4), [4, 8], n_steps=50)
    x = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    assert not net(x, torch.tensor([3]), torch.tensor([0])).any()


def test_each_row_step_and_token_counts_for_its_own_noise_only():
    net = a_net((1, 6, 6), [4, 8])
    x, steps, tokens = rows_like(net, 4), torch.tensor([1, 9, 9, 40]), torch.arange(4)
    together = net(x, steps, tokens % 2)
    alone = [net(x[[i]], steps[[i]], tokens[[i]] % 2) for i in range(4)]
    assert_allclose(together.detach(), torch.cat(alone).detach(), atol=1e-12)


def test_one_step_and_token_for_all_rows():
    net = a_net((1, 6, 6), [4, 8])
    x, steps, tokens = rows_like(net, 3), torch.tensor([7]), torch.tensor([1])
    assert_allclose(
        net(x, steps, tokens).detach(),
        net(x, steps.expand(3), tokens.expand(3)).detach(),
        atol=1e-12,
    )


@pytest.mark.parametrize("what", ["step", "token"])
def test_steps_and_tokens_change_the_noise(what):
    net = a_net((1, 6, 6), [4, 8])
    x = rows_like(net, 2)
    steps = torch.tensor([7, 8 if what == "step" else 7])
    tokens = torch.tensor([0, 1 if what == "token" else 0])
    first, second = net(x[:1].expand(2, -1), steps, tokens)
    assert (first - second).abs().max() > 1e-3


def test_blocks_on_the_way_back_see_those_on_the_way_down():
    net = a_net((1, 8, 8), [4, 8, 12])
    given, seen = [], []
    for block in net.down:
        block.register_forward_hook(lambda module, inputs, output: given.append(output))
    for block in net.up:
        block.register_forward_hook(lambda module, inputs, output: seen.append(inputs))
    net(rows_like(net, 2), torch.tensor([7]), torch.tensor([1]))
    for (images, _), output in zip(seen, reversed(given), strict=True):
        assert_allclose(images[:, -output.shape[1] :].detach(), output.detach())


def test_every_weight_learns():
    net = a_net((1, 4, 4), [4, 8])
    net(
        rows_like(net, 4), torch.tensor([7]), torch.tensor([0, 1, 0, 1])
    ).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_padding_repeats_the_last_pixels():
    images = torch.arange(6.0).reshape(1, 1, 2, 3)
    expected = [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert padded(images, 4)[0, 0].tolist() == expected
    assert padded(images, 1) is images
