"""Recurrent layers over whole sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.layers.base import expect_rank
from tocompiler.layers.shaping import Shaping

if TYPE_CHECKING:
    from tocompiler.tensors import Shape, Tensor

__all__ = ["Recurrent"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


class Recurrent(Shaping):
    """Layer methods that emit LSTM, GRU and RNN; each returns the hidden states of its last layer."""

    def lstm(self, x: Tensor, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
             bidirectional: bool = False) -> Tensor:
        """Long short-term memory over (length, batch, features), or (batch, length, features) if ``batch_first``."""
        return self._recurrent("LSTM", x, hidden_size, num_layers, bias, batch_first, bidirectional, {})

    def gru(self, x: Tensor, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
            bidirectional: bool = False) -> Tensor:
        """Gated recurrent units; the reset gate acts after the recurrent product, as in PyTorch."""
        return self._recurrent("GRU", x, hidden_size, num_layers, bias, batch_first, bidirectional,
                               {"linear_before_reset": 1})

    def rnn(self, x: Tensor, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
            batch_first: bool = False, bidirectional: bool = False) -> Tensor:
        """Elman network with tanh or relu."""
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'{self._next("rnn")}: nonlinearity is "tanh" or "relu", got "{nonlinearity}"')
        activations = (nonlinearity.capitalize(),) * (2 if bidirectional else 1)
        return self._recurrent("RNN", x, hidden_size, num_layers, bias, batch_first, bidirectional,
                               {"activations": activations})

    def _recurrent(self, operator: str, x: Tensor, hidden: int, layers: int, bias: bool, batch_first: bool,
                   bidirectional: bool, attributes: dict[str, Any]) -> Tensor:
        directions = 2 if bidirectional else 1
        attributes = {**attributes, "hidden_size": hidden, "direction": "bidirectional" if bidirectional else "forward"}
        with self._layer(operator.lower()) as layer:
            expect_rank(layer, x, 3, "(batch, length, features)" if batch_first else "(length, batch, features)")
            y = self.transpose(x, 0, 1) if batch_first else x
            for i in range(layers):
                rows = _GATES[operator] * hidden
                shapes: list[tuple[str, Shape]] = [("weight_ih", (directions, rows, y.shape[-1])),
                                                   ("weight_hh", (directions, rows, hidden))]
                if bias:
                    shapes.append(("bias", (directions, 2 * rows)))
                stored = [self._parameter(f"{layer}.{name}_l{i}", shape, x) for name, shape in shapes]
                states = self._one(operator, [y, *stored], attributes)
                length, batch = y.shape[:2]
                y = self.reshape(self.permute(states, (0, 2, 1, 3)), (length, batch, directions * hidden))
            return self.transpose(y, 0, 1) if batch_first else y
