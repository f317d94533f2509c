"""The score of an LSTM autoencoder without gradients, a timestamp at a time.

In float64 on a CPU, torch's layers spend half of their time on memory for what they
compute between. Here it is taken once, and windows that begin or end alike share
what comes of that. Columns are windows, so that the parts of the gates lie together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

# The sensors at a timestamp, (n_sensors, n): of each window, with all its copies.
RowAt = Callable[[int], Tensor]


class _Layer:
    """An LSTM layer, and its state in some windows.

    Parameters
    ----------
    layer : nn.LSTM
        The layer.
    """

    def __init__(self, layer: nn.Module) -> None:
        from_input, from_output, *biases = layer.parameters()
        self.n_units = from_output.shape[1]
        # tanh(a) = 1 - 2 logistic(-2 a), and torch's tanh takes six times as long.
        scale = from_input.new_ones(4 * self.n_units, 1)
        scale[2 * self.n_units : 3 * self.n_units] = -2.0
        self._from_input = from_input * scale
        self._from_output = from_output * scale
        self._bias = (biases[0] + biases[1])[:, None] * scale
        self.start(0)

    def start(self, n: int) -> None:
        """Forget all; the windows are so many from now on."""
        zeros = self._bias.new_zeros(2, self.n_units, n)
        self._set(zeros[0], zeros[1], 1)

    def multiply(self, n_copies: int) -> None:
        """Each window is so many from now on, side by side."""
        output = self.output.repeat_interleave(n_copies, dim=1)
        memory = self._memory.repeat_interleave(n_copies, dim=1)
        self._set(output, memory, n_copies)

    def feed(self, x: Tensor) -> Tensor:
        """What inputs ``(n_in, n)`` give to the gates, ``(4 * n_units, n)``."""
        return torch.addmm(self._bias, self._from_input, x)

    def step(self, x: Tensor) -> Tensor:
        """The output ``(n_units, n)`` after the inputs ``(n_in, n)``."""
        torch.addmm(self._bias, self._from_input, x, out=self._gates)
        return self._open_gates()

    def step_fed(self, fed: Tensor) -> Tensor:
        """The output after what fed the gates of each window and its copies."""
        self._of_copies.copy_(fed[:, :, None])
        return self._open_gates()

    def _set(self, output: Tensor, memory: Tensor, n_copies: int) -> None:
        self.output, self._memory = output, memory
        self._squashed = torch.empty_like(memory)
        gates = memory.new_empty(4 * self.n_units, memory.shape[1])
        self._gates, self._parts = gates, gates.split(self.n_units)
        n_windows = memory.shape[1] // n_copies
        self._of_copies = gates.view(len(gates), n_windows, n_copies)

    def _open_gates(self) -> Tensor:
        self._gates.addmm_(self._from_output, self.output).sigmoid_()
        enter, forget, new, leave = self._parts
        memory, squashed = self._memory, self._squashed
        enter.addcmul_(enter, new, value=-2.0)
        torch.addcmul(enter, forget, memory, out=memory)
        torch.mul(memory, -2.0, out=squashed).sigmoid_()
        return torch.addcmul(leave, leave, squashed, value=-2.0, out=self.output)


class StepwiseAutoencoder:
    """Encodes windows that may begin and end alike, and decodes them.

    Parameters
    ----------
    encoder, decoder : iterable of nn.LSTM
        The layers.
    output : nn.Linear
        From the decoder's last layer to the sensors.
    reverse : bool
        Whether the decoder begins with the last timestamp.
    """

    def __init__(
        self,
        encoder: Iterable[nn.Module],
        decoder: Iterable[nn.Module],
        output: nn.Linear,
        *,
        reverse: bool,
    ) -> None:
        self._encoder = [_Layer(layer) for layer in encoder]
        self._decoder = [_Layer(layer) for layer in decoder]
        self._weight, self._bias = output.weight, output.bias[:, None]
        self._reverse = reverse

    def start(self, n: int) -> None:
        """Begin with so many windows."""
        for layer in self._encoder:
            layer.start(n)

    def multiply(self, n_copies: int) -> None:
        """Go on with so many copies of each window, side by side."""
        for layer in self._encoder:
            layer.multiply(n_copies)

    def encode(self, row_at: RowAt, timestamps: range) -> None:
        """Read the next timestamps, of all windows alone or with their copies."""
        first, *others = self._encoder
        for t in timestamps:
            row = row_at(t)
            copied = row.shape[1] < first.output.shape[1]
            output = first.step_fed(first.feed(row)) if copied else first.step(row)
            for layer in others:
                output = layer.step(output)

    def decode(self, n_timestamps: int) -> Iterator[tuple[int, Tensor]]:
        """What the decoder gives ``(n_sensors, n)`` at each of the timestamps.

        The next one overwrites it.
        """
        code = self._encoder[-1].output
        for layer in self._decoder:
            layer.start(code.shape[1])
        first, *others = self._decoder
        fed = first.feed(code)
        given = code.new_empty(len(self._bias), code.shape[1])
        timestamps = range(n_timestamps)
        for t in reversed(timestamps) if self._reverse else timestamps:
            output = first.step_fed(fed)
            for layer in others:
                output = layer.step(output)
            yield t, torch.addmm(self._bias, self._weight, output, out=given)

    def errors(self, row_at: RowAt, n_timestamps: int, share: Tensor) -> Tensor:
        """Absolute errors ``(n,)``, summed with shares ``(n_sensors,)``."""
        total = self._bias.new_zeros(self._encoder[-1].output.shape[1])
        for t, given in self.decode(n_timestamps):
            row = row_at(t)
            copies = given.view(len(given), row.shape[1], -1)
            copies.sub_(row[:, :, None])
            total.addmv_(given.abs_().T, share)
        return total
