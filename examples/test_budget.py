"""A budget of energy as a test: `python -m pytest test_budget.py`."""

import tocompiler
from tocompiler.testing import assert_energy


def test_the_encoder_keeps_its_budget() -> None:
    network = tocompiler.load("model.onnx", dims={"batch": 1, "sequence": 128})
    assert_energy(tocompiler.compile(network, format="fp16"), "jetson_tx2_maxn", "100 mJ")
