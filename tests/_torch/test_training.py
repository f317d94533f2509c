"""The training loop against one written by hand."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import TensorDataset

from sklearn_anomaly_attr._torch._batches import TensorBatches
from sklearn_anomaly_attr._torch._nets import (
    DeepNet,
    from_arrays,
    hidden_sizes,
    perceptron,
    to_arrays,
)
from sklearn_anomaly_attr._torch._own import drawing
from sklearn_anomaly_attr._torch._training import Data, StopTraining, train

CPU = torch.device("cpu")


class Denoiser(DeepNet):
    """Draws noise for its loss."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(perceptron([4, 6, 4], "tanh"))

    def losses(self, batch):
        noisy = batch.x + 0.3 * batch.normal(*batch.x.shape)
        return (self.layers(noisy) - batch.x).square().mean(dim=1)

    def score(self, x):
        return (self.layers(x) - x).square().mean(dim=1)


def make_net():
    with drawing(0):
        return Denoiser()


def make_data(n=50, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.normal(size=(n, 4)), dtype=torch.float32)
    weight = torch.tensor(rng.uniform(0.5, 1.5, n), dtype=torch.float32)
    return Data(x, weight)


def by_hand(
    net, data, *, max_iter, batch_size, learning_rate, seed, weight_decay=0.0,
    gradient_clip=None, schedule="constant",
):  # fmt: skip
    """Adam on the weighted mean of the losses."""
    optimizer = torch.optim.Adam(
        net.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True
    )
    policy = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max_iter)
    generator = torch.Generator().manual_seed(seed)
    n_batches = int(np.ceil(len(data.x) / batch_size))
    losses = []
    for epoch in range(max_iter):
        order = torch.randperm(len(data.x), generator=generator)
        total = 0.0
        for rows in np.array_split(order.numpy(), n_batches):
            x = data.x[rows]
            noisy = x + 0.3 * torch.randn(x.shape, generator=generator)
            squares = (net.layers(noisy) - x).square().mean(dim=1)
            loss = (data.weight[rows] * squares).mean()
            optimizer.zero_grad()
            loss.backward()
            if gradient_clip is not None:
                nn.utils.clip_grad_norm_(net.parameters(), gradient_clip)
            optimizer.step()
            total += len(rows) * loss.item()
        if schedule == "cosine":
            policy.step()
        if schedule == "step" and epoch + 1 == 0.75 * max_iter:
            optimizer.param_groups[0]["lr"] = 0.1 * learning_rate
        losses.append(total / len(data.x))
    return losses


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.1},
        {"gradient_clip": 0.05},
        {"schedule": "cosine"},
        {"schedule": "step"},
        {"batch_size": 1000},
    ],
    ids=str,
)
# PyTorch says so of the policy that the loop by hand does not use.
@pytest.mark.filterwarnings("ignore:.*lr_scheduler")
def test_equals_a_loop_by_hand_bit_for_bit(options):
    options = {"max_iter": 4, "batch_size": 16, "learning_rate": 0.01, **options}
    data, net, expected = make_data(), make_net(), make_net()
    training = train(net, data, seed=3, **options)
    losses = by_hand(expected, data, seed=3, **options)
    for name, array in to_arrays(expected).items():
        assert_array_equal(to_arrays(net)[name], array)
    assert training.losses == pytest.approx(losses, rel=1e-12)
    assert training.validation_losses is None
    assert training.best_epoch == 3


def test_options_change_the_result():
    """The test above would pass with options that neither loop reads."""
    options = [
        {"weight_decay": 0.1},
        {"gradient_clip": 0.05},
        {"schedule": "cosine"},
        {"batch_size": 50},
        {"seed": 1},
        {"learning_rate": 0.02},
    ]
    results = []
    for option in [{}, *options]:
        net = make_net()
        base = {"max_iter": 3, "batch_size": 16, "learning_rate": 0.01}
        train(net, make_data(), **{**base, **option})
        results.append(to_arrays(net)["layers.0.0.weight"].tobytes())
    assert len(set(results)) == len(results)


def held_out_loss(net, data, seed):
    (batch, _), *others = TensorBatches(
        TensorDataset(*data), len(data.x), seed=seed, shuffle=False
    )
    assert not others
    with torch.no_grad():
        return float((data.weight * net.eval().losses(batch)).mean())


def test_early_stopping_goes_back_to_the_best_weights():
    net, validation = make_net(), make_data(20, seed=1)
    training = train(
        net,
        make_data(8),
        validation=validation,
        max_iter=2000,
        batch_size=50,
        learning_rate=0.03,
        n_iter_no_change=7,
        seed=3,
    )
    losses = training.validation_losses
    assert len(losses) == len(training.losses) < 2000
    assert training.best_epoch == int(np.argmin(losses)) == len(losses) - 8
    assert held_out_loss(net, validation, seed=3) == pytest.approx(min(losses))


def test_small_gains_are_none():
    training = train(
        make_net(),
        make_data(),
        validation=make_data(seed=1),
        max_iter=50,
        batch_size=50,
        learning_rate=1e-5,
        n_iter_no_change=2,
        tol=0.1,
    )
    assert len(training.losses) == 3
    assert training.best_epoch == 0


class Raises(Callback):
    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise self.error


def test_callbacks_can_stop_the_training():
    settings = {"max_iter": 9, "batch_size": 50, "learning_rate": 0.01}
    stop = Raises(StopTraining())
    training = train(make_net(), make_data(), callbacks=[stop], **settings)
    assert len(training.losses) == 2


def test_interrupts_are_raised():
    settings = {"max_iter": 9, "batch_size": 50, "learning_rate": 0.01}
    with pytest.raises(KeyboardInterrupt):
        train(
            make_net(),
            make_data(),
            callbacks=[Raises(KeyboardInterrupt())],
            **settings,
        )


def test_divergence_names_the_cure():
    with pytest.raises(ValueError, match=r"diverged.*Lower learning_rate"):
        train(make_net(), make_data(), max_iter=9, batch_size=50, learning_rate=1e30)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 50, 64])
def test_batches_hold_every_row_once_and_are_of_like_size(shuffle, batch_size):
    data = make_data()
    batches = TensorBatches(TensorDataset(*data), batch_size, seed=0, shuffle=shuffle)
    drawn = [batch for batch, _ in batches]
    sizes = [len(batch) for batch in drawn]
    assert len(drawn) == len(batches) == -(-50 // batch_size)
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size
    rows = torch.cat([torch.column_stack([b.x, b.weight]) for b in drawn]).numpy()
    expected = torch.column_stack(data).numpy()
    if shuffle:
        assert (rows != expected).any()
        rows, expected = rows[rows[:, 0].argsort()], expected[expected[:, 0].argsort()]
    assert_array_equal(rows, expected)


@pytest.mark.parametrize("shuffle", [True, False])
def test_only_shuffled_epochs_differ(shuffle):
    batches = TensorBatches(TensorDataset(*make_data()), 16, seed=0, shuffle=shuffle)
    first, second = (
        torch.cat(
            [b.x + b.normal(*b.x.shape) + b.uniform(len(b), 1) for b, _ in batches]
        )
        for _ in range(2)
    )
    assert torch.equal(first, second) != shuffle


def test_arrays_of_another_architecture_are_refused():
    arrays = to_arrays(perceptron([4, 3, 4], "tanh"))
    with pytest.raises(ValueError, match="layers or the columns"):
        from_arrays(perceptron([4, 2, 4], "tanh"), arrays)


def test_arrays_do_not_share_memory_with_the_net():
    net = perceptron([4, 4], "tanh")
    arrays = to_arrays(net)
    with torch.no_grad():
        net[0].weight.zero_()
    assert arrays["0.weight"].any()


@pytest.mark.parametrize("sizes", [(), (0,), (4, -1), (2.5,), [[3]], "ab"], ids=str)
def test_bad_layer_sizes_name_the_cure(sizes):
    with pytest.raises(ValueError, match=r"positive integers, such as \(64, 32\)"):
        hidden_sizes(sizes)


def test_layer_sizes_of_any_kind():
    assert hidden_sizes(5) == hidden_sizes((5,)) == hidden_sizes(np.array([5])) == [5]
