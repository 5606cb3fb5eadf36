"""torch modules through torch.export, against torch's own flop counter on the meta device."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from tocompiler import load, zoo  # noqa: E402
from tocompiler.network import Network  # noqa: E402
from tocompiler.operators import Unmodelled, names, rule  # noqa: E402
from tocompiler.passes import pipeline  # noqa: E402
from tocompiler.training import backward_work  # noqa: E402
from tocompiler.zoo.vit import vit  # noqa: E402


def macs(net: Network) -> Any:
    return sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)


class Function(nn.Module):
    """A function of tensors as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Any) -> Any:
        return self.function(*tensors)


class Tied(nn.Module):
    """An embedding whose table is the output layer's weight."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: Any) -> Any:
        return self.head(self.embed(ids))


class Recurrent(nn.Module):
    """Recurrent layers of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 6, 2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(12, 4)
        self.rnn = nn.RNN(4, 3, nonlinearity="relu", bias=False)

    def forward(self, x: Any) -> Any:
        return self.rnn(self.gru(self.lstm(x)[0])[0])[0]


class Residual(nn.Module):
    """In-place activations around a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Any) -> Any:
        y = F.relu_(self.norm(self.conv(x)))
        y += x
        return F.silu(y, inplace=True)


MODULES: list[tuple[str, Callable[[], nn.Module], tuple[int, ...]]] = [
    ("convolutions", lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, "valid", dilation=2), nn.GELU(), nn.ConvTranspose2d(8, 6, 3, 2, 1, 1),
        nn.GroupNorm(2, 6), nn.Hardswish(), nn.InstanceNorm2d(6), nn.PReLU(6), nn.ReLU6(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(6, 3), nn.LogSoftmax(-1)), (2, 3, 17, 17)),
    ("one dimension", lambda: nn.Sequential(
        nn.Conv1d(3, 8, 3, padding="same"), nn.ELU(), nn.MaxPool1d(2), nn.ConvTranspose1d(8, 4, 2), nn.Mish()),
     (2, 3, 16)),
    ("three dimensions", lambda: nn.Sequential(nn.Conv3d(3, 8, 3), nn.LeakyReLU(), nn.AvgPool3d(2)), (1, 3, 8, 8, 8)),
    ("pooling and resizing", lambda: nn.Sequential(
        nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.Upsample(scale_factor=2, mode="bilinear"), nn.ZeroPad2d((1, 1, 0, 0)),
        nn.ReflectionPad2d(1), nn.PixelUnshuffle(2), nn.AdaptiveAvgPool2d((3, 5)), nn.Upsample(size=(5, 7))),
     (1, 2, 14, 15)),
    ("residual", Residual, (2, 4, 8, 8)),
    ("recurrent", Recurrent, (3, 7, 5)),
    ("encoder layer", lambda: nn.TransformerEncoderLayer(12, 3, 20, batch_first=True, activation="gelu"), (2, 7, 12)),
    ("bilinear forms", lambda: Function(
        lambda x: torch.einsum("bij,bkj->bik", x, x) @ x.sum(1, keepdim=True).expand(-1, 5, -1)), (2, 5, 6)),
]


@pytest.mark.parametrize(("make", "shape"), [(m, s) for _, m, s in MODULES], ids=[name for name, _, _ in MODULES])
def test_products_and_parameters_equal_torchs(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        module, x = make().eval(), torch.zeros(shape)
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        result = module(x)
    net = load(module, example_inputs=x)
    assert macs(net) == counter.get_total_flops() // 2
    assert net.parameters == sum(p.numel() for p in module.parameters())
    assert net.outputs[0].shape == tuple(result.shape)


ONE_CALL: list[tuple[Callable[..., Any], list[str]]] = [
    (lambda x: x * 2 + 1, ["Mul", "Add"]),
    (lambda x: torch.sub(x, x, alpha=2), ["Mul", "Sub"]),
    (lambda x: 1 - x, ["Sub"]),
    (lambda x: x / (x > 0), ["Greater", "Cast", "Div"]),
    (lambda x: x.clamp(min=0), ["Clip"]),
    (lambda x: torch.where(x != 0, x, 0.0), ["Equal", "Not", "Where"]),
    (lambda x: x.masked_fill(x.isnan(), 0), ["IsNaN", "Where"]),
    (lambda x: x.rsqrt() ** 2, ["Sqrt", "Reciprocal", "Pow"]),
    (lambda x: x.half().float(), ["Cast", "Cast"]),
    (lambda x: F.glu(x, 1), ["Split", "Sigmoid", "Mul"]),
    (lambda x: x.softmax(-1).log(), ["Softmax", "Log"]),
    (lambda x: x.var(1, correction=0), ["ReduceMean", "Sub", "Mul", "ReduceMean"]),
    (lambda x: x.max(1).values, ["ReduceMax", "ArgMax"]),
    (lambda x: torch.maximum(x.amax(1), x.argmax(1)), ["ReduceMax", "ArgMax", "Cast", "Max"]),
    (lambda x: x.reshape(2, 12).t().contiguous(), ["Reshape", "Transpose"]),
    (lambda x: torch.cat([x[:, 1:], x[:, :1]], 1), ["Slice", "Slice", "Concat"]),
    (lambda x: torch.stack(x.unbind(1), -1), ["Gather"] * 4 + ["Unsqueeze"] * 4 + ["Concat"]),
    (lambda x: x.repeat(2, 1, 1).roll(1, 0), ["Tile", "Slice", "Slice", "Concat"]),
    (lambda x: x[:, torch.tensor([0, 2])], ["Gather"]),
    (lambda x: x.flip(2).triu(), ["Slice", "Trilu"]),
    (lambda x: x.norm(dim=-1).cumsum(0), ["ReduceL2", "CumSum"]),
    (lambda x: F.dropout(x, 0.5, training=False).detach() + torch.arange(3), ["Cast", "Add"]),
    (lambda x: F.layer_norm(x, (4, 3)), ["LayerNormalization"]),
    (lambda x: x.unfold(1, 2, 1), ["Gather", "Transpose"]),
    (lambda x: F.grid_sample(x[None], torch.zeros(1, 5, 5, 2)), ["Unsqueeze", "GridSample"]),
    (lambda x: torch.fft.rfft(x).abs(), ["Unsqueeze", "DFT", "ComplexMagnitude"]),
    (lambda x: torch.view_as_real(torch.polar(x, x) * torch.polar(x, x)).transpose(0, -1),
     ["Cos", "Mul", "Sin", "Mul", "Unsqueeze", "Unsqueeze", "Concat"] * 2 + ["ComplexMul", "Transpose"]),
    (lambda x: torch.fft.fft(x).transpose(0, -1).real, ["Unsqueeze", "DFT", "Transpose", "Gather"]),
    (lambda x: F.pad(torch.fft.rfft(x), (1, 2)).abs(), ["Unsqueeze", "DFT", "Pad", "ComplexMagnitude"]),
    (lambda x: torch.linalg.inv(x[:, :3] + torch.eye(3)), ["Slice", "Add", "Inverse"]),
    (lambda x: torch.searchsorted(x[0, 0], x), ["Gather", "Gather", "BinarySearch"]),
    (lambda x: x.cumprod(1).kthvalue(2).values, ["CumProd", "TopK", "Gather", "Reshape", "Gather", "Reshape"]),
    (lambda x: torch.cdist(x, x), ["Unsqueeze", "Unsqueeze", "Sub", "ReduceL2"]),
    (lambda x: F.embedding_bag(torch.tensor([[0, 2], [1, 1]]), x[0]),
     ["Gather", "Reshape", "Reshape", "Gather", "ReduceMean"]),
    (lambda x: F.scaled_dot_product_attention(*(x[None, None],) * 3),
     ["Unsqueeze", "Unsqueeze", "Reshape", "Reshape", "Reshape", "Attention", "Reshape"]),
]


class Calls(nn.Module):
    """Every function of ONE_CALL on one input, traced together because tracing takes the time."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = nn.ModuleList(Function(function) for function, _ in ONE_CALL)

    def forward(self, x: Any) -> list[Any]:
        return [call(x) for call in self.calls]


@pytest.fixture(scope="module")
def traced() -> Network:
    return load(Calls(), example_inputs=torch.zeros(2, 4, 3))


@pytest.mark.parametrize("index", range(len(ONE_CALL)))
def test_operators_of_a_call(traced: Network, index: int) -> None:
    """Operators are named after the module they come from."""
    function, operators = ONE_CALL[index]
    assert [op.operator for op in traced.operators if op.name.startswith(f"calls.{index}.")] == operators
    assert traced.outputs[index].shape == tuple(function(torch.zeros(2, 4, 3)).shape)


def test_an_operator_without_a_row_keeps_its_name_and_shape() -> None:
    net = load(Function(lambda x: torch.special.bessel_j0(x) + 1), example_inputs=torch.zeros(2, 3))
    assert [op.operator for op in net.operators] == ["aten.special_bessel_j0", "Add"]
    assert net.operators[0].outputs[0].shape == (2, 3)
    with pytest.raises(Unmodelled):
        rule("aten.special_bessel_j0")


def test_tied_weights_count_once() -> None:
    net = load(Tied(), example_inputs=torch.zeros(2, 5, dtype=torch.long))
    exported = load(torch.export.export(Tied(), (torch.zeros(2, 5, dtype=torch.long),)))
    assert net.parameters == exported.parameters == 66
    assert macs(net) == macs(exported) == 2 * 5 * 66
    assert [op.operator for op in net.operators] == ["Gather", "Transpose", "MatMul"]


def test_a_weight_of_its_own_is_stored_as_the_product_reads_it() -> None:
    net = load(nn.Linear(3, 4), example_inputs=torch.zeros(2, 5, 3))
    assert [op.operator for op in net.operators] == ["MatMul", "Add"]
    assert {t.name: t.shape for t in net.stored_tensors()} == {"weight": (3, 4), "bias": (4,)}


def test_buffers_are_not_parameters_and_names_follow_the_modules() -> None:
    net = load(Residual(), example_inputs=torch.zeros(1, 4, 8, 8))
    assert {t.name: t.kind for t in net.stored_tensors()} == {
        "conv.weight": "parameter", "norm.weight": "parameter", "norm.bias": "parameter",
        "norm.running_mean": "buffer", "norm.running_var": "buffer"}
    assert [op.name for op in net.operators][:2] == ["conv.conv", "norm.batchnormalization"]


def test_modes_are_put_back_and_dropout_is_off() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Dropout(), nn.BatchNorm1d(3))
    module[2].eval()
    net = load(module, example_inputs=torch.zeros(2, 3))
    assert [op.operator for op in net.operators] == ["Gemm", "BatchNormalization"]
    assert (module.training, module[1].training, module[2].training) == (True, True, False)


def test_batch_may_be_replaced_or_stay_a_symbol() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    x = torch.zeros(2, 3, 8, 8)
    concrete = load(module, example_inputs=x, batch=7)
    assert concrete.outputs[0].shape == (7, 5)
    symbolic = load(module, example_inputs=x, symbolic=True)
    batch, = symbolic.outputs[0].shape[0].free_symbols
    assert str(batch) == "batch"
    assert macs(symbolic).subs({batch: 7}) == macs(concrete)


def test_keyword_inputs_and_several_outputs() -> None:
    class Two(nn.Module):
        def forward(self, a: Any, *, b: Any) -> dict[str, Any]:
            return {"sum": a + b, "product": a @ b}

    net = load(Two(), example_inputs={"a": torch.zeros(3, 3), "b": torch.zeros(3, 3)})
    assert [t.shape for t in net.outputs] == [(3, 3), (3, 3)]
    assert len(net.inputs) == 2


@pytest.mark.parametrize(("call", "message"), [
    (lambda: load(nn.Linear(3, 3)), "a torch module needs example_inputs"),
    (lambda: load(nn.Linear(3, 3), example_inputs=torch.zeros(2, 4)), "torch.export refuses Linear: "),
    (lambda: load(nn.Linear(3, 3), example_inputs=torch.zeros(2, 3), dims={"n": 3}), "dims n have no place"),
    (lambda: load(Function(lambda x: x.to(torch.float4_e2m1fn_x2)), example_inputs=torch.zeros(4)),
     "x2, which has no number format"),
])
def test_what_cannot_be_read_is_said_in_one_line(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_model_of_billions_of_parameters_needs_no_memory() -> None:
    """Two layers as wide as those of a 70-billion-parameter decoder: 1.7 billion parameters, 6.8 GB if held."""
    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.gate, self.down = (nn.Linear(8192, 28672, bias=False), nn.Linear(8192, 28672, bias=False),
                                             nn.Linear(28672, 8192, bias=False))
            self.attention = nn.Linear(8192, 2 * 8192 + 2 * 1024, bias=False)

        def forward(self, x: Any) -> Any:
            y = x + self.attention(x)[..., :8192]
            return y + self.down(F.silu(self.gate(y)) * self.up(y))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with torch.device("meta"):
        module, x = nn.Sequential(Layer(), Layer()), torch.zeros(1, 4096, 8192)
    net = load(module, example_inputs=x)
    weights = 2 * (3 * 8192 * 28672 + 8192 * (2 * 8192 + 2 * 1024))
    assert net.parameters == weights
    assert macs(net) == 4096 * weights
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < 500


@pytest.mark.parametrize("make", [lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.SiLU(),
                                                        nn.Flatten(), nn.Linear(288, 5)),
                                  lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 7), nn.Tanh(), nn.Linear(7, 2))])
def test_backward_products_equal_torchs(make: Callable[[], nn.Module]) -> None:
    with torch.device("meta"):
        module, x = make().eval(), torch.zeros(2, 3, 8, 8)
    with FlopCounterMode(display=False) as counter:
        result = module(x)
        forward = counter.get_total_flops()
        result.sum().backward()
    done = [w.work for w in backward_work(load(module, example_inputs=x))]
    assert sum(w.multiply_accumulates for w in done) == (counter.get_total_flops() - forward) // 2  # type: ignore[union-attr]


def test_the_weight_gradient_of_a_grouped_convolution() -> None:
    """torch's counter multiplies it by the groups; its products are those of the forward pass."""
    with torch.device("meta"):
        module, x = nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False), torch.zeros(1, 8, 6, 6)
    with FlopCounterMode(display=False) as counter:
        result = module(x)
        forward = counter.get_total_flops() // 2
        result.sum().backward()
    backward = counter.get_total_flops() // 2 - forward
    done = [w.work for w in backward_work(load(module, example_inputs=x))]
    assert forward == 36 * 8 * 2 * 9
    assert sum(w.multiply_accumulates for w in done) == forward  # type: ignore[union-attr]
    assert backward == 4 * forward


def counted(net: Network) -> list[tuple[str, dict[tuple[str, str], int]]]:
    rows = [(op.operator, dict(rule(op.operator).work(op).tasks)) for op in pipeline(net).operators]
    return [row for row in rows if row[1]]


def test_torchvision_and_the_zoo_agree_operator_by_operator() -> None:
    """The same ALU tasks in the same order; torch.export folds nothing."""
    try:
        models = pytest.importorskip("torchvision").models
    except RuntimeError as error:  # a build for another torch
        pytest.skip(str(error))
    with torch.device("meta"):
        resnet = models.resnet18()
        transformer = models.VisionTransformer(32, 16, num_layers=1, num_heads=12, hidden_dim=768, mlp_dim=3072)
        image, small = torch.zeros(1, 3, 224, 224), torch.zeros(1, 3, 32, 32)
    net = load(resnet, example_inputs=image)
    assert counted(net) == counted(zoo.build("resnet18"))
    assert {op.operator for op in net.operators} <= set(names())
    built = Network()
    vit(built, 1, (16, 1, 12, 768, 3072), image_size=32)
    assert counted(load(transformer, example_inputs=small)) == counted(built)
