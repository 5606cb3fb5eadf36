"""Prediction: operators sum to the total, foreign networks are called foreign, ratios and transfers behave."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from hardware.device import Device, load_device
from hardware.energy_model import EnergyModel, Interval
from hardware.facts import Facts
from hardware.measurement import Measurement
from hardware.runtime import load_runtime
from hardware.terms import TERMS
from tocompiler import Network, compile, load, predict
from tocompiler.costing import TransistorProgram
from tocompiler.energy.columns import Columns
from tocompiler.energy.evaluation import evaluate
from tocompiler.energy.prediction import ratio
from tocompiler.energy.transfer import transfer, zero_shot
from tocompiler.execution import execute

COEFFICIENTS = {"compute": 1e-15, "near": 1e-11, "weights": 2e-11, "constant": 1e-3}


def model(level: str, **changes: object) -> EnergyModel:
    values = {"low": (-99.0,) * len(TERMS), "high": (99.0,) * len(TERMS), **changes}
    return EnergyModel(level, tuple(TERMS), tuple(COEFFICIENTS.get(t, 0.0) for t in TERMS),
                       Interval(0.9, 1.0, (0.0,), (0.1,), 50), **values)  # type: ignore[arg-type]


def device(**models: EnergyModel) -> Device:
    return Device("board", load_runtime("generic"), (), models)


def convolutions(width: int = 8, depth: int = 3, phase: str = "inference") -> TransistorProgram:
    net = Network(f"conv_{width}_{depth}")
    x = net.input((2, 3, 16, 16))
    for _ in range(depth):
        x = net.relu(net.batch_norm(net.conv2d(x, width, 3, padding=1)))
    net.output(net.linear(net.flatten(x), 10))
    return compile(net, phase=phase)


@pytest.mark.parametrize("level", ["program", "operator"])
@pytest.mark.parametrize("phase", ["inference", "training"])
def test_operators_sum_to_the_total(level: str, phase: str) -> None:
    found = predict(convolutions(phase=phase), device(any=model(level)))
    parts = sum(op.energy_joule for op in found.operators) + found.execution_joule
    assert parts == pytest.approx(found.energy_joule, rel=1e-12)
    assert found.execution_joule == pytest.approx(1e-3 if level == "program" else 0.0)
    assert all(op.energy_joule >= 0 for op in found.operators)
    assert found.low_joule < found.energy_joule < found.high_joule


def test_a_program_pays_its_constant_once() -> None:
    program = convolutions()
    total = dict(zip(TERMS, Columns(execute(program)).total, strict=True))
    expected = 1e-15 * total["compute"] + 1e-11 * total["near"] + 2e-11 * total["weights"] + 1e-3
    assert predict(program, device(program=model("program"))).energy_joule == pytest.approx(expected)


def test_the_most_particular_model_serves() -> None:
    costly = model("operator", operators=("Conv",), phase="forward")
    costly = EnergyModel(**{**vars(costly), "coefficients": tuple(100 * c for c in costly.coefficients)})
    plain = predict(convolutions(), device(any=model("operator")))
    served = predict(convolutions(), device(any=model("operator"), conv=costly))
    for before, after in zip(plain.operators, served.operators, strict=True):
        factor = 100 if before.operator == "Conv" else 1
        assert after.energy_joule == pytest.approx(factor * before.energy_joule)


def test_a_prediction_outside_the_domain_says_so_and_widens() -> None:
    free = {"coefficients": tuple(1e-15 if t == "compute" else 0.0 for t in TERMS)}
    models = (model("program", **limits) for limits in ({}, {"low": (0.0,) * len(TERMS), "high": (5.0,) * len(TERMS)}))
    inside, outside = (predict(convolutions(), device(program=EnergyModel(**{**vars(m), **free}))) for m in models)
    assert inside.in_domain
    assert not outside.in_domain
    assert "outside the calibrated domain" in outside.statement
    assert outside.half_width > inside.half_width
    assert outside.half_width > 0.9 * np.log(2)


@pytest.mark.parametrize("level", ["program", "operator"])
@pytest.mark.parametrize(("seen", "reason"), [
    ({"operators": ("matrix product", "Relu")}, r"9\d% of the energy is from convolution operators, of which no"),
    ({"formats": ("fp16",)}, r"\d\d% of the energy is from fp32 products, a format that no measured row had"),
    ({"phases": ("backward",)}, r"the forward pass, which no measured row had"),
])
def test_what_no_row_had_is_outside_and_said(level: str, seen: dict[str, tuple[str, ...]], reason: str) -> None:
    free = {"coefficients": tuple(1e-15 if t == "compute" else 0.0 for t in TERMS)}
    known = {"operators": ("convolution", "matrix product", "BatchNormalization", "Relu"), "formats": ("fp32",),
             "phases": ("forward",)}
    inside, outside = (predict(convolutions(), device(any=EnergyModel(**{**vars(model(level)), **free, "seen": s})))
                       for s in (known, {**known, **seen}))
    assert inside.in_domain
    assert inside.reasons == ()
    assert not outside.in_domain
    assert re.search(reason, outside.reasons[0])
    assert outside.reasons[0] in outside.statement
    assert outside.energy_joule == inside.energy_joule


def test_start_up_can_be_left_out() -> None:
    found = predict(convolutions(), device(any=model("program")))
    running = found.without_execution()
    assert running.energy_joule == pytest.approx(found.energy_joule - 1e-3)
    assert running.high_joule / running.energy_joule == pytest.approx(found.high_joule / found.energy_joule)
    assert running.operators == found.operators


def test_an_uncalibrated_device_and_an_empty_program_are_refused() -> None:
    with pytest.raises(ValueError, match="not calibrated"):
        predict(convolutions(), device())
    with pytest.raises(ValueError, match="empty"):
        predict(compile(Network("nothing")), device(program=model("program")))


def test_the_ratio_of_a_program_to_itself_is_exactly_one() -> None:
    same = ratio(convolutions(), convolutions(), device(program=model("program")))
    assert (same.low, same.value, same.high) == pytest.approx((1.0, 1.0, 1.0))


def test_a_ratio_of_like_networks_is_surer_than_either_energy() -> None:
    board = device(program=model("program"))
    found = ratio(convolutions(16), convolutions(8), board)
    assert found.value > 1
    assert found.low <= found.value <= found.high
    assert np.log(found.high / found.low) < 2 * predict(convolutions(16), board).half_width


def test_transfer_finds_the_factor_of_a_few_rows() -> None:
    board = device(program=model("program"))
    rows = [Measurement(p, 3.0 * predict(p, board).energy_joule) for p in (convolutions(w) for w in (4, 8, 16, 32))]
    moved = transfer(board, rows, "new board")
    program = convolutions(24)
    # Four rows say 3 and the prior says 1 with the weight of one row: 3^(4/5).
    assert predict(program, moved).energy_joule == pytest.approx(3 ** 0.8 * predict(program, board).energy_joule)
    with pytest.raises(ValueError, match="at least one row"):
        transfer(board, [], "new board")


def test_a_zero_shot_estimate_is_wide_and_says_what_it_is() -> None:
    guess = zero_shot("guess", Facts(node_nm=7.0))
    found = predict(convolutions(), guess)
    assert found.high_joule / found.low_joule > 5
    assert "not measured" in guess.description
    more = zero_shot("more", Facts("gpu", 7.0, 300.0, 2e13, 1.5e12))
    sure = predict(convolutions(), more)
    assert sure.high_joule / sure.low_joule < found.high_joule / found.low_joule
    slow = zero_shot("slow", Facts("gpu", 7.0, 300.0, 2e12, 1.5e11))
    for term in ("compute", "far"):  # a tenth of the rates at the same power
        assert slow.models["program"].coefficient(term) == pytest.approx(10 * more.models["program"].coefficient(term))
    again = Device.from_toml(guess.to_toml())
    assert predict(convolutions(), again).energy_joule == pytest.approx(found.energy_joule, rel=1e-3)
    with pytest.raises(ValueError, match="at least one fact"):
        zero_shot("nothing", Facts())


def test_evaluation_reports_the_rows_it_predicted_worst() -> None:
    board = device(program=model("program"))
    programs = [convolutions(w) for w in (4, 8, 16)]
    rows = [Measurement(p, f * predict(p, board).energy_joule) for p, f in zip(programs, (1.0, 2.0, 1.1), strict=True)]
    found = evaluate(rows, board)
    assert found.worst(2) == [1, 2]
    # Errors 0, 1/2 and 1/11.
    assert found.figures["mape"] == pytest.approx(100 * (0.5 + 1 / 11) / 3)
    assert found.figures["coverage"] == pytest.approx(2 / 3)
    assert set(found.as_json()) >= {"device", "rows", "mape", "median_ape", "r2", "r2_log", "spearman", "rmse_joule",
                                    "precision", "coverage", "predictions"}


def test_the_shipped_device_predicts_a_layer_like_those_it_was_calibrated_on() -> None:
    net = Network("layer")
    net.output(net.conv2d(net.input((64, 64, 56, 56)), 64, 3))
    found = predict(compile(net), load_device("cpu_raptorlake"))
    assert found.in_domain
    # 6.9 GMAC a batch at some 0.2 to 1 nJ each.
    assert 1 < found.energy_joule < 10


def test_predicting_imports_neither_scipy_nor_sklearn_nor_statsmodels() -> None:
    code = ("import sys, tocompiler; from hardware.device import load_device; net = tocompiler.Network('a');"
            "net.output(net.linear(net.input((1, 8)), 4)); device = load_device('cpu_raptorlake');"
            "tocompiler.predict(tocompiler.compile(net), device);"
            "print([m for m in ('scipy', 'sklearn', 'statsmodels', 'pandas', 'torch', 'sympy') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_network_is_compiled_before_it_is_predicted() -> None:
    with pytest.raises(ValueError, match=r"a Network is not a compiled program: give what tocompiler\.compile returns"):
        predict(Network("n"), load_device("rpi4"))


@pytest.mark.parametrize(("name", "joules"), [  # as the version that wrote these files predicted
    ("jetson_tx2_maxn", (0.18904273075002856, 0.07375665956691793, 0.012886127536670908)),
    ("gpu_rtx6000", (9.973403460029482, 7.939702250725798, 0.7492793318788911)),
    ("rpi4", (26.16064822752348, 33.862591763998516, 5.655060209585454)),
])
def test_a_device_file_of_schema_1_predicts_as_the_version_that_wrote_it(name: str, joules: tuple[float, ...]) -> None:
    old = load_device(Path(__file__).parents[1] / "data" / "devices" / f"{name}.schema1.toml")
    models = (("resnet18", 2, "inference", "fp16"), ("mobilenet_v2", 1, "inference", None),
              ("mlp:64-32-10:relu", 8, "training", None))
    found = [predict(compile(load(model, batch=batch), phase=phase, format=format), old).energy_joule
             for model, batch, phase, format in models]
    assert found == pytest.approx(joules, rel=1e-3)


def test_a_device_file_with_its_terms_in_another_order_predicts_the_same(tmp_path: Path) -> None:
    device = load_device("jetson_tx2_maxn")
    table = tomllib.loads(device.to_toml())
    for label in table["models"]:
        for part in ("coefficients", "range", "covariance"):
            table["models"][label][part] = dict(reversed(table["models"][label][part].items()))
    path = tmp_path / "permuted.toml"
    path.write_text(tomli_w.dumps(table), encoding="utf-8")
    program = compile(load("resnet18"))
    first, second = predict(program, device), predict(program, load_device(path))
    assert second.energy_joule == pytest.approx(first.energy_joule, rel=1e-12)
    assert second.high_joule == pytest.approx(first.high_joule, rel=1e-12)
