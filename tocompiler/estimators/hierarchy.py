"""An accelerator's memory hierarchy, read from a TOML file: register files, processing elements, buffer, DRAM."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Hierarchy", "load_hierarchy"]

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Hierarchy:
    """Sizes in words of ``word_bits``; access energies relative to one multiply-accumulate of that width.

    ``control_share`` is the part of the chip's energy that is neither data path, memory nor clock.
    """

    name: str
    word_bits: int
    clock_hertz: float
    height: int
    width: int
    input_words: int
    weight_words: int
    output_words: int
    buffer_words: int
    buffer_weight_words: int
    multiply_accumulate_joule: float
    register_file: float
    array: float
    buffer: float
    dram: float
    clock_watt: float
    control_share: float
    values_per_code: int
    code_bits: int

    @property
    def elements(self) -> int:
        """Processing elements in the array."""
        return self.height * self.width

    def compressed(self, zeros: float) -> float:
        """Words that DRAM sees per word after run-length compression; 1 where it would not help or there is none."""
        if self.values_per_code == 0:
            return 1.0
        return min(1.0, (1.0 - zeros) / self.values_per_code * self.code_bits / self.word_bits)


def load_hierarchy(path: str | Path = "eyeriss") -> Hierarchy:
    """A hierarchy by shipped name (``eyeriss``) or from a TOML file of the same form.

    Raises ValueError that names the file and the entry which is missing or not a positive number.
    """
    file = _HERE / f"{path}.toml" if str(path) == "eyeriss" else Path(path)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror}); give 'eyeriss' or a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file}: is not TOML: {error}") from None

    def number(section: str, key: str) -> Any:
        holder: Mapping[str, Any] = table.get(section, {}) if section else table
        value = holder.get(key)
        place = f"[{section}] {key}" if section else key
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
            raise ValueError(f"{file}: {place} is {value!r}; give a positive number")
        return value

    compression = "compression" in table
    return Hierarchy(
        name=str(table.get("name", file.stem)), word_bits=number("", "word_bits"),
        clock_hertz=number("", "clock_hertz"), height=number("array", "height"), width=number("array", "width"),
        input_words=number("register_file", "input_words"), weight_words=number("register_file", "weight_words"),
        output_words=number("register_file", "output_words"), buffer_words=number("buffer", "data_words"),
        buffer_weight_words=number("buffer", "weight_words"),
        multiply_accumulate_joule=number("energy", "multiply_accumulate_joule"),
        register_file=number("energy", "register_file"), array=number("energy", "array"),
        buffer=number("energy", "buffer"), dram=number("energy", "dram"),
        clock_watt=number("control", "clock_watt"), control_share=number("control", "share"),
        values_per_code=number("compression", "values_per_word") if compression else 0,
        code_bits=number("compression", "word_bits") if compression else 0,
    )
