"""How long ``tocompiler.summary`` takes beside torchinfo on torchvision's models.

    python benchmarks/people_summary.py [MODEL ...]
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from claims import Claim

import tocompiler

__all__ = ["MODELS", "run", "torchvision_models"]

MODELS = ("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "maxvit_t",
          "mnasnet1_0", "mobilenet_v2", "mobilenet_v3_large", "regnet_y_400mf", "resnet18", "resnet50",
          "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11", "vit_b_16")
"""One of each family of torchvision's classification models."""


def torchvision_models() -> Any:
    """torchvision.models; a wheel made for another torch lacks its compiled operators for detection alone: their
    schemas are declared, so that the import passes."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    torchvision.kept = library  # a library's schemas go with it
    return torchvision.models


def run(names: Sequence[str] = MODELS, repeats: int = 3) -> Iterator[Claim]:
    """The worst ratio of times over the models, and how many were counted otherwise than through torch.export."""
    try:
        import torch
        import torchinfo

        models = torchvision_models()
    except (ImportError, RuntimeError) as error:
        yield Claim("summary_vs_torchinfo", None, reason=str(error))
        return
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    ratios: dict[str, float] = {}
    for name in names:
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        module = getattr(models, name)(weights=None, **options).eval()
        side = 299 if name == "inception_v3" else 224
        x = torch.zeros(1, 3, side, side)
        theirs, ours = _shortest(
            [lambda m=module, x=x: str(torchinfo.summary(m, input_data=x, verbose=0)),
             lambda m=module, x=x: str(tocompiler.summary(m, x))], repeats)
        ratios[name] = ours / theirs
        print(f"{name}: torchinfo {theirs:.3f} s, summary {ours:.3f} s, ratio {ours / theirs:.2f}", file=sys.stderr,
              flush=True)
    worst = max(ratios, key=lambda name: ratios[name])
    middle = sorted(ratios.values())[len(ratios) // 2]
    yield Claim("summary_vs_torchinfo", ratios[worst], "", {"worst_at": worst, "median": middle, "models": len(ratios)},
                "shortest of several calls each, in turn, in one process; torchinfo runs the model")


def _shortest(calls: Sequence[Callable[[], str]], repeats: int) -> list[float]:
    """Seconds of each call, the shortest of several taken in turn after one that does not count."""
    best = [float("inf")] * len(calls)
    for turn in range(repeats + 1):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call()
            if turn:
                best[i] = min(best[i], time.perf_counter() - start)
    return best


if __name__ == "__main__":
    for claim in run(sys.argv[1:] or MODELS):
        print(claim)
