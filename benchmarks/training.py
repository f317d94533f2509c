"""The training step of the deep detectors beside a bare torch loop, in one run.

Usage: ``python -m benchmarks.training``

Both train the same autoencoder on the same rows, 10,000 by 20, in batches of
200. With the same kind of Adam, the fused one, both end at the same weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from sklearn_anomaly_attr._torch._nets import DeepNet, to_arrays
from sklearn_anomaly_attr._torch._own import drawing
from sklearn_anomaly_attr._torch._training import Data, train
from sklearn_anomaly_attr.detectors import AutoencoderDetector

from ._common import markdown_table, one_thread, timed

BATCH = 200
LEARNING_RATE = 1e-3
TARGET = 1.25


def make_net(sizes: tuple[int, ...], n_features: int) -> DeepNet:
    with drawing(0):
        return AutoencoderDetector(sizes)._build_net(n_features)


def ours(net: DeepNet, x: torch.Tensor, n_epochs: int) -> None:
    train(
        net,
        Data(x, torch.ones(len(x))),
        max_iter=n_epochs,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
    )


def step(net: DeepNet, x: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss = (net.reconstruct(x) - x).square().mean(dim=1).mean()
    loss.backward()
    optimizer.step()


def bare(net: DeepNet, x: torch.Tensor, n_epochs: int, *, fused: bool = False) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE, fused=fused)
    generator = torch.Generator().manual_seed(0)
    for _ in range(n_epochs):
        order = torch.randperm(len(x), generator=generator)
        for rows in order.split(BATCH):
            step(net, x[rows], optimizer)


def loader(net: DeepNet, x: torch.Tensor, n_epochs: int) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    batches = DataLoader(TensorDataset(x), BATCH, shuffle=True)
    for _ in range(n_epochs):
        for (rows,) in batches:
            step(net, rows, optimizer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=9, help="of the timings")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(10_000, 20)), dtype=torch.float32)
    n_steps = args.epochs * len(x) / BATCH
    ways: list[Callable[[DeepNet, torch.Tensor, int], None]] = [
        bare,
        partial(bare, fused=True),
        ours,
        loader,
    ]
    rows = []
    with one_thread():
        for sizes in ((32,), (64, 32), (256, 512, 256)):
            nets = [make_net(sizes, 20) for _ in ways]
            for way, net in zip(ways, nets, strict=True):
                way(net, x, 1)
            times = []
            for _ in range(args.repeats):
                pairs = zip(ways, nets, strict=True)
                times.append([timed(way, net, x, args.epochs)[1] for way, net in pairs])
            states = [to_arrays(net) for net in nets[1:3]]
            same = all(np.array_equal(states[0][k], states[1][k]) for k in states[0])
            ms = np.median(times, axis=0) / n_steps
            by_way = np.transpose(times)
            ratio = np.median(by_way[2] / by_way[:2], axis=1)
            rows.append(
                [
                    str(sizes),
                    *(f"{value:.3f}" for value in ms),
                    f"{ratio[0]:.2f}",
                    "met" if ratio[0] <= TARGET else "MISSED",
                    f"{ratio[1]:.2f}",
                    "yes" if same else "NO",
                ]
            )
    names = ["bare loop", "bare, fused Adam", "ours", "with a DataLoader"]
    ratios = ["ours / bare", f"target {TARGET}", "ours / fused", "same weights"]
    header = ["layers", *names, *ratios]
    print(markdown_table(header, rows))
    print("\nCPU milliseconds a training step, one thread; median of interleaved runs.")


if __name__ == "__main__":
    main()
