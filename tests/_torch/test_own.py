"""torch's settings, as they are within."""

from threading import Thread

import pytest
import torch
from torch import nn

from sklearn_anomaly_attr._torch._nets import Dropout
from sklearn_anomaly_attr._torch._own import drawing, own_torch
from tests._torch.test_training import make_net

SETTINGS = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "another device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_settings_do_not_reach_inside_and_come_back(setting):
    with setting():
        before = torch.empty(0).device, torch.is_grad_enabled()
        with own_torch():
            x = torch.ones(2).requires_grad_()
            assert not x.is_inference()
            assert x.device.type == "cpu"
            (gradient,) = torch.autograd.grad(x.square().sum(), x)
            assert gradient.tolist() == [2.0, 2.0]
        assert (torch.empty(0).device, torch.is_grad_enabled()) == before


def layers():
    parts = [nn.Linear(3, 4), nn.LSTM(3, 2), nn.Conv2d(1, 2, 3), nn.BatchNorm1d(2)]
    net = nn.ModuleList(parts)
    net.register_buffer("draws", torch.randn(3))
    net.register_buffer("basis", nn.init.orthogonal_(torch.empty(2, 2)))
    return net.state_dict()


def test_nets_are_made_as_with_that_seed_of_the_global_generator():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = layers()
    state = torch.get_rng_state()
    with drawing(5):
        found = layers()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_nets_are_made_of_float32_on_the_cpu():
    expected = make_net().state_dict()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            found = make_net().state_dict()
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_threads_do_not_share_draws():
    found = {}

    def draw(seed):
        with drawing(seed):
            found[seed] = torch.cat([torch.randn(1) for _ in range(2000)])

    threads = [Thread(target=draw, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, draws in found.items():
        generator = torch.Generator().manual_seed(seed)
        expected = [torch.randn(1, generator=generator) for _ in range(2000)]
        assert torch.equal(draws, torch.cat(expected))


def test_dropout_draws_from_the_batch():
    class Ones:
        """A batch whose draws are known."""

        def uniform(self, *shape):
            return torch.linspace(0.0, 0.9, shape[0])

    layer = Dropout(0.4)
    units = torch.ones(10)
    assert torch.equal(layer(units), units)
    dropped = layer.drop(units, Ones())
    assert (dropped[:4] == 0.0).all()
    assert torch.allclose(dropped[5:], torch.tensor(1.0 / 0.6))
