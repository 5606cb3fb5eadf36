"""A module traced in one run gives the network of torch.export, row for row, or none."""

from __future__ import annotations

from typing import Any

import pytest

import tocompiler

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
frontend = pytest.importorskip("tocompiler.frontends.torch")
tracing = pytest.importorskip("tocompiler.frontends.torch.tracing")


class Residual(nn.Module):
    """Writes in place, one of them through nothing but the tensor itself, and a module used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.BatchNorm2d(8))
        self.relu = nn.ReLU6(inplace=True)

    def forward(self, x: Any) -> Any:
        y = self.first(x)
        z = self.second(self.relu(y))
        z += y
        return self.relu(z)


class Masked(nn.Module):
    """Writes through slices of slices, and reads a view made before."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Any) -> Any:
        y = self.linear(x)
        flat = y.view(-1, 8)
        y[0:1, 1:3] = 1.5
        y[1].mul_(2.0)
        y[:1].view(-1)[:4] = 3.0
        mask = x.new_zeros((4, 4))
        for i, part in enumerate((slice(0, 2), slice(2, 4))):
            mask[part, part] = i
        return flat.sum(0), y.relu(), mask


class Attention(nn.Module):
    """Composite operators, several results, weights that two places share."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.lstm = nn.LSTM(16, 16, batch_first=True)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Any, scale: float = 1.0) -> Any:
        x = self.norm(self.embed(tokens)) * scale
        q, k, v = x.chunk(3, -1) if x.shape[-1] % 3 == 0 else (x, x, x)
        x = x + self.attention(q, k, v, need_weights=False)[0]
        x = x + F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], is_causal=True)[:, 0]
        x, (h, _) = self.lstm(x)
        return self.head(torch.einsum("bsd,de->bse", x, self.attention.in_proj_weight[:16])), h


class Shuffled(nn.Module):
    """Views, moves, reductions, pooling, and operators that torch takes apart."""

    def forward(self, x: Any) -> Any:
        a, b = x.chunk(2, 1)
        y = torch.cat([F.gelu(a), F.silu(b).square()], 1)
        y = y.view(2, 2, 4, 8, 8).transpose(1, 2).reshape(2, 8, 8, 8)
        y = F.interpolate(F.pad(y.roll(1, 2), (1, 1)), scale_factor=2, mode="nearest")
        y = F.adaptive_avg_pool2d(F.max_pool2d(y, 2), 3)
        return torch.where(y > 0, y, y.exp().clamp(max=2)).std(1) + torch.arange(3, device=x.device)


CASES = [
    (Residual(), torch.zeros(1, 3, 16, 16)), (Masked(), torch.zeros(2, 4, 8)), (Shuffled(), torch.zeros(2, 8, 8, 8)),
    (Attention(), {"tokens": torch.zeros(2, 5, dtype=torch.long), "scale": 0.5}),
]


@pytest.mark.parametrize(("module", "inputs"), CASES, ids=lambda given: type(given).__name__)
def test_both_ways_give_one_program(module: Any, inputs: Any) -> None:
    traced = tocompiler.compile(frontend.glance(module, inputs))
    exported = tocompiler.compile(tocompiler.load(module, example_inputs=inputs))
    assert rows(traced) == rows(exported)
    assert traced.totals == exported.totals
    assert not traced.unmodelled


def rows(program: Any) -> list[tuple[Any, ...]]:
    return [(r.name, r.operator, r.multiply_accumulates, str(r.alu_tasks), r.traffic_bit) for r in program.rows]


def test_the_module_stays_as_it_was() -> None:
    module = Residual().train()
    before = {name: (id(t), t.clone()) for name, t in module.state_dict(keep_vars=True).items()}
    assert frontend.glance(module, torch.zeros(1, 3, 8, 8)) is not None
    assert module.training
    for name, t in module.state_dict(keep_vars=True).items():
        assert id(t) == before[name][0]
        assert torch.equal(t, before[name][1])
    assert module(torch.zeros(1, 3, 8, 8)).device.type == "cpu"


@pytest.mark.parametrize("forward", [
    lambda self, x: x if x.sum() > 0 else -x, lambda self, x: x[x > 0], lambda self, x: x.T.unfold(0, 2, 1).mul_(2),
], ids=["branch", "selection", "odd view"])
def test_what_cannot_be_followed_is_left_to_export(forward: Any) -> None:
    module = type("Odd", (nn.Module,), {"forward": forward})()
    with pytest.raises(Exception):  # noqa: B017, PT011 - torch's own, of many kinds
        tracing.trace(module, (torch.zeros(3, 4),), {})
    assert frontend.glance(module, torch.zeros(3, 4)) is None


def test_the_summary_needs_no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.export, "export", None)
    assert tocompiler.summary(Residual(), torch.zeros(1, 3, 16, 16)).program.totals.multiply_accumulates > 0
