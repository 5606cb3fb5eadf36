"""Published architectures, made with the builder: one file per family, named as torchvision's functions.

>>> net = build("resnet18", batch=8)
>>> net.outputs[0].shape
(8, 1000)
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["architecture", "build", "names", "options"]

_Function: TypeAlias = "Callable[..., None]"

_ARCHITECTURES: dict[str, tuple[_Function, tuple[Any, ...]]] = {}


def architecture(*names: str, **variants: Any) -> Callable[[_Function], _Function]:
    """Decorator: file a function under zoo names; KeyError if one is taken.

    It is called with a Network and the batch size, for a keyword with that variant as well; its keyword-only
    arguments are the options of ``build``.
    """

    def file(function: _Function) -> _Function:
        for name, extra in [(name, ()) for name in names] + [(name, (v,)) for name, v in variants.items()]:
            if name in _ARCHITECTURES:
                raise KeyError(f"zoo network {name} is registered twice")
            _ARCHITECTURES[name] = function, extra
        return function

    return file


@cache
def _load_families() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def names() -> list[str]:
    """Every zoo name, sorted; ``mlp`` is followed by its widths, as in ``mlp:4-16-16-3:tanh``, any other by its options
    if need be, as in ``alexnet:image_size=64,num_classes=10``."""
    _load_families()
    return sorted(_ARCHITECTURES)


def options(name: str) -> dict[str, Any]:
    """What ``build`` lets one set of a network, with the values that hold otherwise.

    >>> options("resnet18")
    {'image_size': 224, 'num_classes': 1000, 'width': 64}
    """
    _load_families()
    return dict(_ARCHITECTURES[name][0].__kwdefaults__ or {})


def build(name: str, batch: Any = 1, symbolic: bool = False, **options: Any) -> Network:
    """A zoo network by name.

    Options are the architecture's own (``image_size``, ``num_classes``, ``sequence``); ``symbolic`` makes a sequence
    length that is not given a symbol. An unknown name or option is a ValueError that lists what there is.
    """
    from tocompiler.layers.base import open_lengths
    from tocompiler.network import Network

    _load_families()
    base, _, widths = name.partition(":")
    if base not in _ARCHITECTURES:
        raise ValueError(f"unknown zoo network '{name}'{_suggestion(base)}")
    function, variant = _ARCHITECTURES[base]
    if "=" in widths:
        options |= _options(name, widths)
    elif widths:
        options["widths"] = widths
    known = function.__kwdefaults__ or {}
    unknown = sorted(options.keys() - known.keys())
    if unknown:
        raise ValueError(f"zoo network '{name}' has no option {', '.join(unknown)}; "
                         f"it has {', '.join(sorted(known)) or 'none'}")
    if symbolic:
        options = open_lengths(known) | options
    net = Network(name)
    function(net, batch, *variant, **options)
    return net


def _options(name: str, text: str) -> dict[str, int]:
    """``image_size=64,num_classes=10`` as options; ValueError where that is not what the text is."""
    found: dict[str, int] = {}
    for part in text.split(","):
        key, _, number = part.partition("=")
        if not key or not number.isdecimal() or int(number) == 0:
            raise ValueError(f"zoo network '{name}': '{part}' is not OPTION=N with a positive N")
        found[key.strip()] = int(number)
    return found


def _suggestion(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, _ARCHITECTURES, n=4, cutoff=0.5)
    return f"; did you mean {', '.join(close)}?" if close else f"; there are {', '.join(names())}"
