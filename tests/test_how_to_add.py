"""What docs/architecture.md says under "how to add", done from outside the packages: nothing of theirs is edited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from click.testing import CliRunner

import hardware
import tocompiler
from alu_library import Operand as Statistics
from alu_library import Operands, Tasks, circuits, functions, price, pricing
from alu_library.circuits import catalogue
from alu_library.elementary import register
from alu_library.elementary.programs import Operand
from alu_library.elementary.register import Function, composed
from tocompiler import Network, Tensor, estimators, loading, operators, passes, runtimes, zoo
from tocompiler.cli import cli


@pytest.fixture(autouse=True)
def own_registers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone after it."""
    operators.names(), passes.names(), loading.front_ends(), estimators.names(), runtimes.rule_names(), zoo.names()
    for module, name in ((operators, "_RULES"), (passes, "_PASSES"), (loading, "_FRONT_ENDS"), (runtimes, "_RULES"),
                         (estimators, "_ESTIMATORS"), (catalogue, "FAMILIES"), (pricing, "_ADDED"),
                         (zoo, "_ARCHITECTURES")):
        monkeypatch.setattr(module, name, dict(getattr(module, name)))
    yield
    for cached in (pricing._characterised, pricing._row, price):
        cached.cache_clear()


def squared_relu(x: Operand) -> Operand:
    """max(x, 0)^2 (So et al., "Primer", 2021)."""
    positive = x.reading.call("relu", x)
    return positive * positive


@pytest.fixture
def added() -> Iterator[Function]:
    function = Function(
        name="squared_relu", composed=True, activation=True, algorithms=composed(squared_relu),
        formula=lambda s, x: s.Max(x, 0) ** 2,
        reference=lambda m, x: m.maximum(x, 0.0) * m.maximum(x, 0.0),
        derivative=Function(
            name="squared_relu_derivative", composed=True, algorithms=composed(lambda x: x.reading.call("relu", x) * 2),
            formula=lambda s, x: 2 * s.Max(x, 0), reference=lambda m, x: 2 * m.maximum(x, 0.0)),
    )
    register.register(function)
    yield function
    register.unregister(function.name)


def test_an_activation_is_priced_and_measured(added: Function) -> None:
    row = functions.function(added.name, "fp32", max_error_ulp=1.0)
    assert dict(row.tasks) == {("compare", "fp32"): 1, ("multiply", "fp32"): 1}
    assert functions.cost(row) == pytest.approx(
        functions.cost(functions.function("relu", "fp32")) + functions.unit_cost("fp32"))
    assert row.points > 10_000
    assert 0.45 < row.max_error_ulp <= 0.5  # one product, correctly rounded
    assert added.name in functions.activation_names()
    with pytest.raises(KeyError, match="registered twice"):
        register.register(added)


def test_an_activation_serves_a_network(added: Function) -> None:
    """Inference and training: 4 numbers through the activation, then back with one product each."""
    network = tocompiler.load("mlp:3-4-2:squared_relu", batch=1)
    plain = tocompiler.load("mlp:3-4-2:relu", batch=1)
    forward = [tocompiler.compile(n, format="fp32").alu.tasks.by_task() for n in (network, plain)]
    assert forward[0]["multiply"] - forward[1].get("multiply", 0) == 4
    step = [tocompiler.compile(n, format="fp32", phase="backward").alu.tasks.by_task() for n in (network, plain)]
    assert step[0]["multiply"] - step[1].get("multiply", 0) >= 2 * 4
    assert np.isfinite(tocompiler.compile(network, format="bf16").totals.transistor_operations)


def cubed(net: Network, x: Tensor) -> Tensor:
    return net.emit("org.example.Cube", [x])[0]


def test_an_operator() -> None:
    """One class: shape, tasks, gradient. From there it is built, compiled, trained, printed and priced."""

    @operators.register("org.example.Cube")
    class Cube(operators.Rule):
        """x x x: two products for each element; its gradient 3 x x dy three."""

        def results(self, op: tocompiler.Operator) -> list[tuple[Any, str]]:
            return [(op.given(0).shape, op.given(0).format)]

        def work(self, op: tocompiler.Operator) -> operators.Work:
            return operators.Work(Tasks.of(op.given(0).format, multiply=2 * op.given(0).elements))

        def gradient(self, op: tocompiler.Operator, needed: Sequence[bool]) -> operators.Work:
            return operators.Work(Tasks.of(op.given(0).format, multiply=3 * op.given(0).elements))

    net = Network("cubes")
    net.output(cubed(net, net.linear(net.input((2, 3)), 5)))
    trained = tocompiler.compile(net, phase="training")
    row = {row.phase: row for row in trained.rows if row.operator == "org.example.Cube"}
    assert (row["forward"].alu_tasks, row["backward"].alu_tasks) == ({"multiply": 20}, {"multiply": 30})
    assert row["forward"].traffic_bit == 2 * 10 * 32
    assert row["forward"].transistor_operations > 0
    assert tocompiler.predict(trained, hardware.load_device("cpu_raptorlake")).energy_joule > 0
    with pytest.raises(KeyError, match=r"operator org\.example\.Cube is registered twice"):
        operators.register("org.example.Cube")(Cube)


def test_without_its_rule_an_operator_is_named() -> None:
    net = Network("cubes")
    x = net.input((2, 3))
    net.output(net.emit("org.example.Cube", [x], results=[(x.shape, x.format)])[0])
    assert [u.operator for u in tocompiler.compile(net).unmodelled] == ["org.example.Cube"]


def schoolbook(format: Any) -> circuits.Netlist:
    """Rows of partial products added one after another, each with a ripple-carry adder."""
    b = circuits.Builder(f"schoolbook_{format.bits}")
    x, y = b.input("a", format.bits), b.input("b", format.bits)
    total, product = [b.and_(p, y[0]) for p in x], []
    for q in y[1:]:
        product.append(total[0])
        sums, carry, higher = [], None, total[1:]
        for k, p in enumerate(x):
            addends = [b.and_(p, q), *higher[k:k + 1], *([] if carry is None else [carry])]
            one, *rest = addends
            carries = []
            for other in rest:
                one, both = b.xor(one, other), b.and_(one, other)
                carries.append(both)
            sums.append(one)
            carry = b.or_(*carries) if len(carries) > 1 else carries[0] if carries else None
        total = [*sums, *([] if carry is None else [carry])]
    b.output("product", [*product, *total])
    return b.build()


def test_a_multiplier(tmp_path: Path) -> None:
    """A netlist from a function; it is verified, characterised and priced, and a set of one's own chooses it."""
    circuits.register("multiplier/schoolbook")(schoolbook)
    assert circuits.mismatches("multiplier/schoolbook", "uint4", 200)[0] == 0
    pricing.add_row(circuits.characterise("multiplier/schoolbook", "uint4"))
    chosen = tmp_path / "mine.toml"
    chosen.write_text("[[circuit]]\ntasks = ['multiply']\nformats = ['uint4']\ncircuit = 'multiplier/schoolbook'\n")
    uniform = Operands(Statistics("uniform"), Statistics("uniform"))
    mine, dadda = price("multiply", "uint4", uniform, str(chosen)), price("multiply", "uint4", uniform)
    built = circuits.build("multiplier/schoolbook", "uint4")
    assert (mine.circuit, mine.transistors) == ("multiplier/schoolbook", built.transistors("static_cmos"))
    assert mine.transistor_operations > dadda.transistor_operations  # its carries ripple through every row
    net = Network("product")
    net.output(net.mul(net.input((3, 5), "uint4"), net.input((3, 5), "uint4")))
    program = tocompiler.compile(net, circuits=str(chosen))
    assert program.totals.transistor_operations == pytest.approx(
        15 * price("multiply", "uint4", Operands(), str(chosen)).transistor_operations)
    with pytest.raises(ValueError, match="has no circuit for add in uint4"):
        price("add", "uint4", uniform, str(chosen))
    with pytest.raises(KeyError, match="circuit multiplier/schoolbook is registered twice"):
        circuits.register("multiplier/schoolbook")(schoolbook)


def measurements() -> list[hardware.Measurement]:
    """Three joules for each operator of networks of 2 to 6 layers."""
    found = []
    for depth in range(2, 7):
        program = tocompiler.compile(tocompiler.load("mlp:" + "-".join(["4"] * depth) + ":relu"))
        found.append(hardware.Measurement(program, 3.0 * len(program.rows), group=str(depth)))
    return found


def test_an_estimator() -> None:
    """One class: fit and predict. It stands beside the others in ``evaluate --estimator`` and in comparisons."""

    @estimators.register
    class PerOperator:
        """E = c n, joule, for n operators."""

        name = "per_operator"
        joule = 0.0

        def fit(self, measured: Sequence[hardware.Measurement]) -> Self:
            self.joule = float(np.mean([m.joule_per_execution / len(m.program.rows) for m in measured]))
            return self

        def predict(self, program: hardware.Program) -> float:
            return self.joule * len(program.rows)

    scores = {s.name: s.mape for s in estimators.compare(measurements(), ["per_operator", "macs"])}
    assert scores["per_operator"] == pytest.approx(0.0)
    assert scores["macs"] is not None
    assert scores["macs"] > 1
    assert "per_operator" in estimators.names()
    with pytest.raises(KeyError, match="estimator per_operator is registered twice"):
        estimators.register(PerOperator)


def test_a_front_end() -> None:
    """One class: what it takes, and how it is read. ``load`` and every command know it from then on."""

    @loading.register
    class Towers(loading.FrontEnd):
        """``tower:WIDTHxHEIGHT``: that many layers of that width."""

        name = "towers"
        gives = "a tower"

        def takes(self, source: Any) -> bool:
            return isinstance(source, str) and source.startswith("tower:")

        def read(self, source: Any, given: loading.Given) -> Network:
            width, height = map(int, source.removeprefix("tower:").split("x"))
            net = Network(source)
            x = net.input((given.size, width))
            for _ in range(height):
                x = net.linear(x, width, bias=False)
            net.output(x)
            return net

    assert tocompiler.compile(tocompiler.load("tower:8x3", batch=2)).totals.multiply_accumulates == 2 * 3 * 64
    done = CliRunner().invoke(cli, ["compile", "tower:8x3", "--emit", "network"], standalone_mode=False)
    assert done.output.startswith("network tower:8x3")
    with pytest.raises(ValueError, match=r"cannot load a int; give .*a tower"):
        tocompiler.load(3)
    with pytest.raises(KeyError, match="front end towers is registered twice"):
        loading.register(Towers)


def test_a_pass() -> None:
    """One frozen dataclass: its fields are its options, and the compiler offers it under its name."""

    @passes.register
    @dataclass(frozen=True)
    class Doubled(passes.NetworkPass):
        """Run every ReLU twice."""

        name = "doubled"
        optional = True
        after = ("recognise",)

        def run(self, network: Network) -> Network:
            again = [replace(op, name=f"{op.name}.again") for op in network.operators if op.operator == "Relu"]
            return network.with_operators([*network.operators, *again])

    plain, doubled = (tocompiler.compile(tocompiler.load("mlp:4-8-2:relu"), options=o) for o in ((), ("doubled",)))
    assert doubled.totals.alu_tasks["compare"] == 2 * plain.totals.alu_tasks["compare"]
    assert "doubled" in doubled.alu.passes
    assert passes.options()["doubled"] == "Run every ReLU twice"


def test_a_runtime_rule(tmp_path: Path) -> None:
    """One function of a row's draft; a runtime file gives its parameters and where they are known from."""

    @tocompiler.rule("padded_rows")
    def padded_rows(draft: Any, *, rows: int) -> Any:
        """Work on rows rounded up to a multiple of ``rows``."""
        batch = draft.op.outputs[0].shape[0] if draft.op is not None else rows
        return draft.scaled(-(-batch // rows) * rows / batch)

    file = tmp_path / "mine.toml"
    file.write_text("name = 'mine'\n[[rule]]\nname = 'padded_rows'\nrows = 4\nsource = 'made up'\n")
    program = tocompiler.compile(tocompiler.load("mlp:4-8-2:relu", batch=3))
    plain, padded = (tocompiler.execute(program, runtime) for runtime in ("generic", str(file)))
    for before, after in zip(plain.rows, padded.rows, strict=True):
        assert after["executed"] == pytest.approx(4 / 3 * before["executed"])


def test_a_zoo_network() -> None:
    """One function over the builder; its keyword arguments are the network's options."""

    @zoo.architecture("bottleneck")
    def bottleneck(net: Network, batch: Any, *, narrow: int = 2) -> None:
        net.output(net.linear(net.linear(net.input((batch, 8)), narrow, bias=False), 8, bias=False))

    assert tocompiler.compile(tocompiler.load("bottleneck")).totals.multiply_accumulates == 2 * 16
    wide = tocompiler.load("bottleneck", batch=3, dims={"narrow": 4})
    assert tocompiler.compile(wide).totals.multiply_accumulates == 3 * 2 * 32
    with pytest.raises(KeyError, match="zoo network bottleneck is registered twice"):
        zoo.architecture("bottleneck")(bottleneck)


def test_a_device(tmp_path: Path) -> None:
    """Measurements, calibrated: what is written is found by its path wherever a device's name is asked for."""
    measured = measurements()
    made = tocompiler.calibrate(measured, "mine", runtime=hardware.load_runtime("generic"))
    file = tmp_path / "mine.toml"
    made.write(file)
    predicted = [tocompiler.predict(m.program, hardware.load_device(file)).energy_joule for m in measured]
    assert predicted == pytest.approx([m.energy_joule for m in measured], rel=0.25)
    done = CliRunner().invoke(cli, ["compile", "mlp:4-4-4:relu", "--device", str(file)], standalone_mode=False)
    assert "on mine" in done.output
