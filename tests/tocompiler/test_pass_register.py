"""Passes as objects: their order, their options, their contracts, and what a report says of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
from click.testing import CliRunner

from tocompiler import passes
from tocompiler.cli import cli
from tocompiler.compiler import compile
from tocompiler.network import Network
from tocompiler.passes import NetworkPass, Request, apply, register, selected
from tocompiler.passes.base import Condition, Kept
from tocompiler.passes.conditions import NO_DEAD_CODE, RESULTS, TOPOLOGICAL_ORDER, UNIQUE_NAMES
from tocompiler.tensors import Operator, Tensor


@pytest.fixture(autouse=True)
def own_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    passes.names()
    monkeypatch.setattr(passes, "_PASSES", dict(passes._PASSES))


def small() -> Network:
    net = Network("small")
    net.output(net.relu(net.linear(net.input((2, 3)), 4)))
    return net


def test_passes_run_behind_those_they_name() -> None:
    order = passes.names()
    for name in order:
        for before in passes._PASSES[name].after:
            assert order.index(before) < order.index(name)
    assert order[0] == "state_statistics"
    assert order[-2:] == ["activation_checkpointing", "mixed_precision"]


def test_options_come_from_the_passes_alone() -> None:
    assert list(passes.options()) == ["dead_branches", "decomposed_attention", "fold_batch_norm", "flash_attention",
                                      "fuse_activations", "im2col", "activation_checkpointing", "mixed_precision"]
    helped = CliRunner().invoke(cli, ["compile", "--help"]).output
    assert all(option in helped for option in passes.options())


def test_a_report_names_the_passes_that_ran() -> None:
    ran = compile(small(), phase="training", options=["im2col"], format="fp16").alu.passes
    assert ran == ("fold_constants:parameters=false", "remove_dead_code", "recognise", "recognise_attention",
                   "set_training_mode", "convert_formats:format=fp16", "annotate_statistics", "im2col")
    done = CliRunner().invoke(cli, ["compile", "mlp:4-3", "--option", "dead_branches", "--json", "-"])
    found = json.loads(done.output)
    assert found["passes"] == ["fold_constants", "recognise", "recognise_attention", "use_integer_arithmetic",
                               "annotate_statistics"]
    assert found["options"] == ["dead_branches"]


@dataclass(frozen=True)
class Widen(NetworkPass):
    """Make every tensor's first axis larger."""

    name = "widen"
    optional = True
    after = ("recognise",)
    keeps = (RESULTS,)
    times: int = 2
    all: bool = False

    def run(self, network: Network) -> Network:
        tensors = {t.name: t for op in network.operators for t in (*op.inputs, *op.outputs) if t is not None}
        return network.map_tensors({
            name: replace(t, shape=(self.times * t.shape[0], *t.shape[1:]))
            for name, t in tensors.items() if not t.is_stored})


def test_a_pass_from_outside_is_an_option_with_fields() -> None:
    register(Widen)
    assert passes.options()["widen"] == "Make every tensor's first axis larger"
    plain = compile(small()).totals.multiply_accumulates
    assert compile(small(), options=["widen"]).totals.multiply_accumulates == 2 * plain
    wider = compile(small(), options=["widen:times=5,all=true"])
    assert wider.totals.multiply_accumulates == 5 * plain
    assert "widen:times=5,all=true" in wider.alu.passes


@pytest.mark.parametrize(("option", "message"), [
    ("widen:height=3", "option widen has no field 'height'; it has times, all"),
    ("widen:times=many", "option widen: 'many' is no value of 'times'"),
    ("wide", "unknown option 'wide'; use one of dead_branches"),
])
def test_a_wrong_option_is_said_in_one_line(option: str, message: str) -> None:
    register(Widen)
    with pytest.raises(ValueError, match=message):
        compile(small(), options=[option])


def test_a_name_or_an_option_is_filed_once() -> None:
    register(Widen)
    with pytest.raises(KeyError, match="pass widen is registered twice"):
        register(Widen)

    class Other(Widen):
        name = "other"
        optional = False
        unless = "dead_branches"

    with pytest.raises(KeyError, match="option dead_branches of pass other belongs to another pass"):
        register(Other)


def test_passes_that_follow_each_other_in_a_circle_are_refused() -> None:
    class First(Widen):
        name = "first"
        after = ("second",)

    class Second(Widen):
        name = "second"
        after = ("first",)

    register(First)
    register(Second)
    with pytest.raises(ValueError, match="passes follow each other in a circle: "):
        passes.names()


def test_a_network_out_of_order_is_refused_by_name() -> None:
    net = small()
    turned = Network("turned", reversed(net.operators), net.inputs, net.outputs)
    with pytest.raises(ValueError, match="pass fold_constants requires topological order: 'relu' reads 'linear'"):
        compile(turned)


def test_operators_of_one_name_are_refused() -> None:
    net = small()
    twice = net.with_operators(replace(op, name="same") for op in net.operators)
    with pytest.raises(ValueError, match="requires one name for each operator: two operators are called 'same'"):
        compile(twice)


def test_what_a_pass_breaks_is_its_own_fault() -> None:
    class Reversed(Widen):
        name = "reversed"
        optional = False
        keeps = ()
        ensures = (TOPOLOGICAL_ORDER,)

        def run(self, network: Network) -> Network:
            return network.with_operators(reversed(network.operators))

    class Nameless(Widen):
        name = "nameless"
        optional = False

        def run(self, network: Network) -> Network:
            return network.with_operators(network.operators, ())

    with pytest.raises(ValueError, match="pass reversed does not ensure topological order"):
        apply([Reversed()], small())
    with pytest.raises(ValueError, match="pass nameless does not keep the network's results"):
        apply([Nameless()], small())


def test_every_condition_can_be_broken() -> None:
    x, y, z = Tensor("x", (1,), kind="input"), Tensor("y", (1,)), Tensor("z", (1,))
    dead = Network("n", [Operator("a", "Relu", (x,), (y,)), Operator("b", "Relu", (x,), (z,))], [x], [y])
    assert NO_DEAD_CODE.broken(dead) == "nothing needs 'b'"
    assert all(condition.broken(small()) is None for condition in (TOPOLOGICAL_ORDER, UNIQUE_NAMES, NO_DEAD_CODE))


def test_a_condition_is_looked_at_once_for_each_network() -> None:
    looked: list[Network] = []
    counted: Condition[Network] = Condition("counted", lambda network: looked.append(network))
    size: Kept[Network] = Kept("operators", lambda network: len(network.operators))

    class Idle(Widen):
        name = "idle"
        requires = (counted,)
        ensures = (counted,)
        keeps = (size,)

        def run(self, network: Network) -> Network:
            return network

    apply([Idle(), Idle()], small())
    assert len(looked) == 1


def test_folding_batch_norm_needs_inference() -> None:
    with pytest.raises(ValueError, match="fold_batch_norm folds statistics that training updates"):
        compile(small(), phase="training", options=["fold_batch_norm"])


def test_third_parties_are_selected_in_place() -> None:
    register(Widen)
    chosen = [each.name for each in selected(Request(options=("widen",)), NetworkPass)]
    assert chosen.index("recognise") < chosen.index("widen")
