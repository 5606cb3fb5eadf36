"""Mixers with a state instead of a cache: the gated delta network and Mamba-2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["gated_delta_net", "mamba2_mixer"]


def _convolved(m: Model, x: Tensor, width: int, bias: bool) -> Tensor:
    """A causal convolution of each channel, then SiLU; earlier inputs come from the state."""
    weight = m.stored("conv1d.weight", (x.shape[2], width))
    inputs = [x, weight, m.stored("conv1d.bias", (x.shape[2],)) if bias else None]
    if not (isinstance(m.past, int) and m.past == 0):
        inputs.append(m.net.input((x.shape[0], width - 1, x.shape[2]), m.format, "conv_state"))
    y, kept = m.net.emit("CausalConv", inputs, name="conv1d.causal", outputs=2)
    m.net.output(kept)
    return m.act(y, "silu")


def gated_delta_net(m: Model, x: Tensor) -> Tensor:
    """Linear attention with a decay and a delta rule (Yang, Kautz and Hatamizadeh 2024, arXiv 2412.06464).

    Each key head serves several value heads: its state is key width by all their values.
    """
    net, c = m.net, m.c
    key_heads, value_heads = c.linear_num_key_heads, c.linear_num_value_heads
    key, value = key_heads * c.linear_key_head_dim, value_heads * c.linear_value_head_dim
    batch, length, _ = x.shape
    with net.scope("linear_attn"):
        mixed, gate = m.project(x, 2 * key + value, "in_proj_qkv"), m.project(x, value, "in_proj_z")
        strength, step = m.project(x, value_heads, "in_proj_b"), m.project(x, value_heads, "in_proj_a")
        q, k, v = net.split(_convolved(m, mixed, c.linear_conv_kernel_dim, False), (key, key, value))
        q, k = (_unit(m, t, key_heads) for t in (q, k))
        step = net.softplus(net.add(step, m.stored("dt_bias", (value_heads,))))
        decay = net.mul(step, m.one("Exp", [m.stored("A_log", (value_heads,))]))
        state = (batch, key_heads, c.linear_key_head_dim, value // key_heads)
        inputs: list[Tensor | None] = [q, k, v, None, decay, net.sigmoid(strength)]
        if not (isinstance(m.past, int) and m.past == 0):
            inputs[3] = net.input(state, "fp32", "past_state")
        y, kept = net.emit("LinearAttention", inputs, {"q_num_heads": key_heads, "kv_num_heads": key_heads},
                           "delta_rule", results=[((batch, length, value), m.format), (state, "fp32")])
        net.output(kept)
        heads = net.reshape(y, (batch, length, value_heads, c.linear_value_head_dim))
        y = net.reshape(m.rms_norm(heads, "norm"), (batch, length, value))
        return m.project(m.gated(gate, y, "silu"), x.shape[-1], "out_proj")


def _unit(m: Model, x: Tensor, heads: int) -> Tensor:
    """Each head divided by its length."""
    split = m.net.reshape(x, (*x.shape[:2], heads, x.shape[2] // heads))
    return m.net.reshape(m.one("LpNormalization", [split], {"axis": -1, "p": 2}, "l2norm"), x.shape)


def mamba2_mixer(m: Model, x: Tensor, heads: int, width: int, states: int, groups: int, kernel: int,
                 bias: bool, conv_bias: bool) -> Tensor:
    """Mamba-2's block (Dao and Gu 2024): one projection for gate, input, B, C and steps; convolution; recurrence."""
    net, inner = m.net, heads * width
    mixed_width = inner + 2 * groups * states
    gate, mixed, step = net.split(m.project(x, inner + mixed_width + heads, "in_proj", bias),
                                  (inner, mixed_width, heads))
    values, b, c = net.split(_convolved(m, mixed, kernel, conv_bias), (inner, groups * states, groups * states))
    step = net.softplus(net.add(step, m.stored("dt_bias", (heads,))))
    decay = m.one("Neg", [m.one("Exp", [m.stored("A_log", (heads,))])])
    inputs = [values, step, decay, m.stored("D", (heads,)), b, c]
    if not (isinstance(m.past, int) and m.past == 0):
        inputs.append(net.input((x.shape[0], heads, width, states), "fp32", "past_state"))
    y, kept = net.emit("StateSpace", inputs, {"groups": groups}, "scan", outputs=2)
    net.output(kept)
    return m.project(m.rms_norm(m.gated(gate, y, "silu"), "norm", 1e-5), x.shape[-1], "out_proj", bias)
