"""Budgets of energy in tests and continuous integration.

>>> from tocompiler.testing import assert_energy
>>> import tocompiler
>>> _ = assert_energy(tocompiler.compile(tocompiler.load("mlp:4-8-2:relu")), "jetson_tx2_maxn", "1 J")
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.energy.prediction import Prediction

__all__ = ["assert_energy", "joules", "verdict"]

_UNITS = {"kWh": 3.6e6, "Wh": 3600.0, "mWh": 3.6, "MJ": 1e6, "kJ": 1e3, "J": 1.0, "mJ": 1e-3, "µJ": 1e-6, "uJ": 1e-6,
          "nJ": 1e-9, "pJ": 1e-12}
_QUANTITY = re.compile(r"\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([a-zA-Z\u00b5\u03bc]*)\s*")


def joules(text: str | float) -> float:
    """Energy as people write it, in joule. ValueError without a number, or with a unit that is none of energy.

    >>> joules("5mJ"), joules("1.5 Wh"), joules(0.2)
    (0.005, 5400.0, 0.2)
    """
    if isinstance(text, (int, float)):
        return float(text)
    found = _QUANTITY.fullmatch(text)
    unit = found[2].replace("\u03bc", "\u00b5") if found else ""
    try:
        value = float(found[1]) if found else 0.0
    except ValueError:
        value = 0.0
    if not found or value <= 0 or (unit or "J") not in _UNITS:
        raise ValueError(f"'{text}' is no energy: give a positive number and one of {', '.join(_UNITS)}, as in 5mJ")
    return value * _UNITS[unit or "J"]


def verdict(prediction: Prediction, most_joule: float, certain: bool = False) -> tuple[bool, str]:
    """Whether a prediction keeps a budget, and the sentence that says so; ``certain`` asks it of the interval's end."""
    from tocompiler.report.units import si

    spent = prediction.high_joule if certain else prediction.energy_joule
    kept = spent <= most_joule
    said = (f"{si(prediction.energy_joule, 'J')} on {prediction.device} (90 % interval "
            f"{si(prediction.low_joule, 'J')} to {si(prediction.high_joule, 'J')})")
    dearest = max(prediction.operators, key=lambda op: op.energy_joule)
    hint = (f"; dearest is {dearest.name} ({dearest.operator}) with {si(dearest.energy_joule, 'J')}"
            if not kept and dearest.energy_joule > 0 else "")
    return kept, f"{said} {'keeps' if kept else 'exceeds'} the budget of {si(most_joule, 'J')}{hint}"


def assert_energy(program: Any, device: Device | str, most: str | float, certain: bool = False) -> Prediction:
    """AssertionError if one execution of a program takes more than ``most`` (``"5 mJ"``, or joule) on a device.

    ``program`` is what ``tocompiler.compile`` returns, ``device`` a Device or a device's name or file; ``certain``
    holds the upper end of the 90 % interval to the budget. Operators that are not modelled fail it, too.
    """
    from hardware.device import Device, load_device
    from tocompiler.energy.prediction import predict

    prediction = predict(program, device if isinstance(device, Device) else load_device(device))
    missing = [f"{u.name} ({u.operator})" for u in program.unmodelled]
    assert not missing, f"not modelled, so that no budget can be held: {', '.join(missing)}"
    kept, said = verdict(prediction, joules(most), certain)
    assert kept, f"{program.name}: {said}"
    return prediction
