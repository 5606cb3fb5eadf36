"""What a server adds to operators, found in services whose joules are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hardware
from hardware.energy_model import EnergyModel, Interval
from hardware.terms import TERMS
from tocompiler import compile, predict, with_server
from tocompiler.frontends.huggingface import from_config
from tocompiler.sweeping.energies import predicted
from tocompiler.sweeping.programs import Memory, Setting, placed

_CONFIG = {"model_type": "llama", "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
           "num_key_value_heads": 2, "intermediate_size": 256, "vocab_size": 1000, "torch_dtype": "bfloat16"}


def operators_alone() -> hardware.Device:
    names = tuple(TERMS)
    cost = tuple({"compute": 4e-16, "near": 5e-11, "weights": 1e-10}.get(name, 0.0) for name in names)
    wide = (200.0,) * len(names)
    model = EnergyModel("operator", names, cost, Interval(0.9, 0.1, (0.0,), (1.0,), 50),
                        tuple((0.0,) * len(names) for _ in names), low=tuple(-x for x in wide), high=wide, rows=50)
    return hardware.Device("gpu", hardware.load_runtime("vllm_cuda"), (), {"any": model})


def services(device: hardware.Device, step: float, request: float) -> list[hardware.Measurement]:
    made = []
    for batch in (1, 4, 16, 64, 256):
        program = compile(from_config(_CONFIG, batch, sequence=1, past=100))
        joule = 1.3 * predict(program, device).energy_joule + step + request * batch
        made.append(hardware.Measurement(program, joule, group=str(batch)))
    return made


def test_what_a_step_and_a_request_take_is_found_and_added() -> None:
    device = operators_alone()
    served = with_server(device, services(device, 3e-4, 2e-6))
    model = served.models["server"]
    assert model.coefficient("constant") == pytest.approx(3e-4, rel=1e-3)
    assert model.coefficient("samples") == pytest.approx(2e-6, rel=1e-3)
    program = compile(from_config(_CONFIG, 8, sequence=1, past=100))
    bare, found = predict(program, device), predict(program, served)
    assert found.execution_joule == pytest.approx(3e-4 + 8 * 2e-6, rel=1e-3)
    assert found.energy_joule == pytest.approx(bare.energy_joule + found.execution_joule)
    again = predict(program, hardware.Device.from_toml(served.to_toml()))
    assert again.energy_joule == pytest.approx(found.energy_joule)
    assert np.log(again.high_joule / again.low_joule) > 0


def test_a_sweep_adds_the_same() -> None:
    device = operators_alone()
    served = with_server(device, services(device, 3e-4, 2e-6))
    network = from_config(_CONFIG, 8, sequence=1, past=100)
    swept = predicted(placed(network, Setting(device=served), Memory()), served, ())
    found = predict(compile(network), served)
    assert float(swept.joule) == pytest.approx(found.energy_joule)
    assert float(swept.high_joule) == pytest.approx(found.high_joule)


def test_a_device_of_whole_programs_has_it_already() -> None:
    device = operators_alone()
    whole = replace(device, models={"program": replace(device.models["any"], level="program")})
    with pytest.raises(ValueError, match="operators"):
        with_server(whole, services(device, 1.0, 1.0))
    with pytest.raises(ValueError, match="operators"):
        with_server(device, [])
