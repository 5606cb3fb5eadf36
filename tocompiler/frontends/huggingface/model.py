"""What decoders are made of: named projections in their number formats, norms, rotary positions, cached attention.

Layers keep the names of the model's own modules (``model.layers.0.self_attn.q_proj``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.blocks import activation
from tocompiler.frontends.huggingface.config import Config
from tocompiler.operators.attention import SELECTION, SINKS

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.precision import Scheme
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["Model", "clipped"]


def clipped(count: Any, most: int | None) -> Any:
    """At most so many; a symbolic count gives an expression."""
    if most is None or most == 0:
        return count
    if isinstance(count, int):
        return min(count, most)
    import sympy

    return sympy.Min(count, most)


@dataclass(frozen=True)
class Model:
    """A network being built from a configuration; ``past`` tokens are cached before those that it reads now.

    ``skew`` is the power law of routing (see routing), ``expert_parallel`` over how many devices experts are dealt,
    ``replicas`` how many copies of the other layers send them rows. Where weights are ``tied``, a layer that is built
    again under the same name has the same ones.
    """

    net: Network
    c: Config
    past: Any = 0
    skew: float = 0.0
    expert_parallel: int = 1
    replicas: int = 1
    tied: bool = False
    _quantised: dict[tuple[str, str], tuple[Tensor, Tensor]] = field(default_factory=dict)
    _weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def format(self) -> str:
        """The format of activations."""
        return self.c.precision.format

    def stored(self, name: str, shape: Sequence[Any], format: str = "", kind: str = "parameter") -> Tensor:
        """A stored tensor, in the model's format unless said otherwise."""
        if not self.tied:
            return self.net.stored(shape, format or self.format, name, kind)
        full = f"{self.net.scope_name}{name}"
        if full not in self._weights:
            self._weights[full] = self.net.stored(shape, format or self.format, name, kind)
        return self._weights[full]

    def one(self, operator: str, inputs: Sequence[Tensor | None], attributes: dict[str, Any] | None = None,
            name: str | None = None) -> Tensor:
        """An operator with one result."""
        return self.net.emit(operator, inputs, attributes, name, outputs=1)[0]

    def embed(self, ids: Tensor, table: Tensor, name: str = "embed_tokens") -> Tensor:
        """Rows of an embedding table."""
        return self.one("Gather", [table, ids], {"axis": 0}, name)

    def project(self, x: Tensor, out: int, name: str, bias: bool = False, weight: Tensor | None = None) -> Tensor:
        """A linear layer called ``name`` over the last axis, in the scheme that the configuration gives it."""
        scheme = self.c.precision.of(f"{self.net.scope_name}{name}")
        if weight is not None:
            y = self._tied(x, weight, name)
        elif scheme is None and len(x.shape) == 2:  # a Gemm, whose bias starts the sum, as exporters write it
            inputs = [x, self.stored(f"{name}.weight", (out, x.shape[-1]), x.format)]
            inputs += [self.stored(f"{name}.bias", (out,), x.format)] if bias else []
            return self.one("Gemm", inputs, {"transB": 1}, name)
        elif scheme is None:
            y = self.one("MatMul", [x, self.stored(f"{name}.weight", (x.shape[-1], out), x.format)], None, name)
        else:
            y = self._scaled(x, out, name, scheme)
        if not bias:
            return y
        return self.one("Add", [y, self.stored(f"{name}.bias", (out,), y.format)], None, f"{name}.add")

    def _tied(self, x: Tensor, weight: Tensor, name: str) -> Tensor:
        """Rows times a table (out, features), read as it lies."""
        flat = self.net.reshape(x, (-1, x.shape[-1]))
        y = self.one("Gemm", [flat, weight], {"transB": 1}, name)
        return self.net.reshape(y, (*x.shape[:-1], weight.shape[0]))

    def _scaled(self, x: Tensor, out: int, name: str, scheme: Scheme) -> Tensor:
        features = x.shape[-1]
        rows, scales = self.quantised(x, scheme)
        weight = self.stored(f"{name}.weight", (features, out), scheme.weight)
        weight_scales = self.stored(f"{name}.weight_scale", (scheme.scales(features, out),), scheme.scale, "buffer")
        return self.one("ScaledMatMul", [rows, weight, scales, weight_scales],
                        {"format": self.format, "group": scheme.rows}, name)

    def quantised(self, x: Tensor, scheme: Scheme) -> tuple[Tensor, Tensor | None]:
        """The operand of a scaled product and its scales, made once for all products that read it."""
        if scheme.activation is None:
            return x, None
        key = (x.name, scheme.name)
        if key not in self._quantised:
            attributes = {"format": scheme.activation, "group": scheme.group,
                          "scale_format": scheme.scale}
            rows, scales = self.net.emit("ScaledQuantize", [x], attributes, "quantize", outputs=2)
            self._quantised[key] = rows, scales
        return self._quantised[key]

    def rms_norm(self, x: Tensor, name: str, epsilon: float | None = None) -> Tensor:
        """Root-mean-square norm over the last axis."""
        scale = self.stored(f"{name}.weight", x.shape[-1:], x.format)
        epsilon = self.c.get("rms_norm_eps", 1e-6) if epsilon is None else epsilon
        return self.one("RMSNormalization", [x, scale], {"axis": -1, "epsilon": epsilon}, name)

    def layer_norm(self, x: Tensor, name: str, epsilon: float = 1e-5, bias: bool = True) -> Tensor:
        """Layer norm over the last axis."""
        scale = self.stored(f"{name}.weight", x.shape[-1:], x.format)
        inputs = [x, scale, self.stored(f"{name}.bias", x.shape[-1:], x.format)] if bias else [x, scale]
        return self.one("LayerNormalization", inputs, {"axis": -1, "epsilon": epsilon}, name)

    def head_norm(self, x: Tensor, heads: int, name: str) -> Tensor:
        """A root-mean-square norm of each head, over (batch, length, heads width)."""
        batch, length, width = x.shape
        split = self.net.reshape(x, (batch, length, heads, width // heads))
        return self.net.reshape(self.rms_norm(split, name), x.shape)

    def act(self, x: Tensor, name: str) -> Tensor:
        """The activation that a configuration names, SiLU and ReLU squared as runtimes run them: one kernel."""
        if name in ("silu", "swish"):
            return self.one("Swish", [x], None, "act_fn")
        if name == "relu2":
            x = self.net.relu(x)
            return self.net.mul(x, x)
        return activation(self.net, name, x)

    def gated(self, gate: Tensor, up: Tensor, name: str) -> Tensor:
        """act(gate) up."""
        if name in ("silu", "swish"):
            return self.one("SwiGLU", [gate, up], None, "act_fn")
        return self.net.mul(self.act(gate, name), up)

    def mlp(self, x: Tensor, hidden: int, scope: str = "mlp", bias: bool = False, act: str = "") -> Tensor:
        """down(act(gate x) up x), or without a gate where the activation is written alone as in ``relu2``."""
        name = act or self.c.hidden_act
        with self.net.scope(scope):
            y = self.gated(self.project(x, hidden, "gate_proj", bias), self.project(x, hidden, "up_proj", bias), name)
            return self.project(y, x.shape[-1], "down_proj", bias)

    def rotation(self, length: Any, width: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of positions times frequencies, (1, length, width / 2): made once, read by every layer."""
        with self.net.scope("rotary_emb"):
            frequencies = self.stored("inv_freq", (width // 2,), "fp32", "buffer")
            positions = self.stored("position_ids", (1, length, 1), "fp32", "buffer")
            angles = self.net.mul(positions, frequencies)
            made = [self.one(f, [angles]) for f in ("Cos", "Sin")]
            if self.format != "fp32":
                made = [self.one("Cast", [t], {"to": self.format}) for t in made]
        return made[0], made[1]

    def rotate(self, x: Tensor, heads: int, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
        """(batch, length, heads width) with the leading part of each head turned by its position (Su et al. 2021)."""
        if rotation is None:
            return x
        part = 2 * rotation[0].shape[-1]
        whole = x.shape[-1] // heads
        attributes = {"num_heads": heads, **({"rotary_embedding_dim": part} if part != whole else {})}
        return self.one("RotaryEmbedding", [x, *rotation], attributes, "rotary")

    def cached(self, x: Tensor) -> Tensor:
        """New keys or values as the cache holds them."""
        held = self.c.precision.cache
        return x if x.format == held else self.one("Cast", [x], {"to": held}, "to_cache")

    def attend(self, q: Tensor, k: Tensor, v: Tensor, heads: int, few: int, *, window: int | None = None,
               sinks: Tensor | None = None, past: Any = None, causal: bool = True, shared: bool = False,
               selection: Tensor | None = None, **attributes: Any) -> Tensor:
        """Attention of (batch, length, heads width) over the cache, which is read in place and once, and the new keys.

        With a ``window`` of w tokens, w - 1 earlier ones are seen. The new keys' and values' place in the cache is
        where they are written. Values that are a part of the keys are ``shared``: there is one cache.
        ``selection`` are the positions that alone are attended.
        """
        past = self.past if past is None else past
        past = clipped(past, window - 1 if window else None)
        inputs: list[Tensor | None] = [q, self.cached(k), self.cached(v)]
        if not (isinstance(past, int) and past == 0):
            held = self._held("key", k, few, past)
            inputs += [None, held, held if shared else self._held("value", v, few, past)]
        for place, tensor in ((SINKS, sinks), (SELECTION, selection)):
            if tensor is not None:
                inputs += [None] * (place - len(inputs)) + [tensor]
        made = {"q_num_heads": heads, "kv_num_heads": few, "is_causal": int(causal and q.shape[1] != 1), **attributes}
        if window:
            made["sliding_window"] = window
        return self.one("Attention", inputs, made, "attention")

    def _held(self, name: str, new: Tensor, heads: int, past: Any) -> Tensor:
        batch, _, width = new.shape
        return self.net.input((batch, heads, past, width // heads), self.c.precision.cache, f"past_{name}")

    def last(self, x: Tensor, logits: str) -> Tensor:
        """The last position alone where ``logits`` says so."""
        length = x.shape[1]
        return x if logits == "all" or length == 1 else self.net.slice(x, length - 1, length, 1)
