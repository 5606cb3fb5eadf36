"""``tocompiler serve-cost``: what requests to a language model cost on given devices, before anyone rents them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tocompiler.commands.output import image, put, put_json
from tocompiler.errors import explained

__all__ = ["command"]

_MOST = 4096


def _batches(context: click.Context, parameter: click.Parameter, text: str) -> list[int]:
    """``32``, ``1,8,32``, or ``1..256`` for the powers of two in between."""
    try:
        if ".." in text:
            low, high = (int(part) for part in text.split("..", 1))
            found = [n for n in (1 << i for i in range(_MOST.bit_length())) if low <= n <= high]
        else:
            found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise click.BadParameter(f"'{text}' is no batch: write 32, or 1,8,32, or 1..256")
    return sorted(set(found))


@click.command("serve-cost")
@click.argument("model")
@click.option("--device", required=True, help="A calibrated device by name, or its TOML file.")
@click.option("--gpus", type=click.IntRange(min=1), help="Devices in all; those that --*-parallel leave hold copies.")
@click.option("--tensor-parallel", "tensor", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--pipeline-parallel", "pipeline", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--expert-parallel", "expert", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--prompt", type=click.IntRange(min=1), default=1024, show_default=True, help="Tokens of a prompt.")
@click.option("--output", type=click.IntRange(min=1), default=512, show_default=True, help="Tokens of an answer.")
@click.option("--batch", "batches", default="1..256", show_default=True, callback=_batches, metavar="N|N,N|N..N",
              help="Requests on the way at once; several give a table.")
@click.option("--weights", metavar="FORMAT", help="Over what the configuration says: bf16, fp8_block, nvfp4, int4 ...")
@click.option("--cache-format", "cache", metavar="FORMAT", help="Number format of keys and values.")
@click.option("--prefix", type=click.IntRange(min=0), default=0, help="Tokens of the prompt that are cached already.")
@click.option("--speculate", type=click.IntRange(min=0), default=0, help="Tokens drafted for each step.")
@click.option("--accept", type=float, default=0.7, show_default=True, help="Probability that one is accepted.")
@click.option("--draft", metavar="CONFIG", help="Configuration of the model that drafts; without it drafting is free.")
@click.option("--together", is_flag=True, help="The batch starts together and drains, instead of staying full.")
@click.option("--spread", type=float, default=0.0, help="With --together: lengths within this share of the mean.")
@click.option("--routing-skew", "skew", type=float, default=0.0, help="Power law of experts' popularity; 0 is uniform.")
@click.option("--memory-gb", type=float, help="Memory of one device, instead of its data sheet's.")
@click.option("--link-pj-per-bit", type=float, help="Energy of a bit between devices, instead of 10 pJ.")
@click.option("--requests", type=float, default=1e6, show_default=True, help="How many to sum up.")
@click.option("--pue", type=float, default=1.0, show_default=True, help="Power usage effectiveness of the data centre.")
@click.option("--carbon", "gram_per_kwh", type=float, help="Gram of CO2e for each kWh: adds kg CO2e.")
@click.option("--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path), callback=image,
              help="Write J per token against the batch as an image (.png, .svg, .pdf).")
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
def command(model: str, device: str, gpus: int | None, tensor: int, pipeline: int, expert: int, batches: list[int],
            weights: str | None, cache: str | None, draft: str | None, skew: float, memory_gb: float | None,
            link_pj_per_bit: float | None, requests: float, pue: float, gram_per_kwh: float | None,
            plot_path: Path | None, json_path: str | None, **workload: Any) -> int:
    """Joule for each request, prompt token and output token of MODEL (a Hugging Face config.json) on a device.

    \b
    Example: tocompiler serve-cost config.json --device gpu_rtx4090_laptop --prompt 512 --output 128
    """
    from hardware.device import load_device
    from tocompiler.frontends.huggingface import read_config
    from tocompiler.report.serving import Footprint, as_json, as_table, draw
    from tocompiler.serving import Parallel, Service, Workload, sweep
    from tocompiler.serving.cost import LINK_JOULE_PER_BIT

    if requests <= 0 or pue < 1 or (gram_per_kwh or 0) < 0:
        raise ValueError("--requests must be positive, --pue at least 1, --carbon at least 0")
    link = LINK_JOULE_PER_BIT if link_pj_per_bit is None else 1e-12 * link_pj_per_bit
    parallel = Parallel(tensor, expert, pipeline, _copies(gpus, tensor * pipeline))
    with explained(f"{model} cannot be served"):
        service = Service(read_config(model), load_device(device), parallel, weights, cache, skew,
                          None if memory_gb is None else 1e9 * memory_gb, link,
                          None if draft is None else read_config(draft))
    with explained(f"{model} cannot be served"):
        found = sweep(service, Workload(**workload), batches)
    if all(isinstance(cost, ValueError) for cost in found):
        raise found[0]  # type: ignore[misc]
    footprint = Footprint(requests, pue, gram_per_kwh)
    name = _name(model)
    if plot_path is not None:
        draw(found, plot_path, f"{name} on {service.parallel.devices} x {service.device.name}")
    if not put_json(as_json(name, service.device.name, found, batches, footprint), json_path):
        put(as_table(name, service.device.name, found, batches, footprint))
    return 0


def _copies(gpus: int | None, each: int) -> int:
    """How many copies of the model the devices hold."""
    gpus = each if gpus is None else gpus
    if gpus % each:
        raise ValueError(f"--gpus {gpus} is no multiple of tensor x pipeline parallelism, {each}")
    return gpus // each


def _name(model: str) -> str:
    path = Path(model.removeprefix("hf:"))
    return path.stem if path.suffix == ".json" and path.name != "config.json" else path.resolve().parent.name \
        if path.suffix == ".json" else path.name
