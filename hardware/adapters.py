"""Adapters: published data sets, as their authors tidied them, turned into measurement tables.

Every adapter maps the records of one file to rows of one table for each device. Records whose network was not
published in enough detail to be built (pruned ResNet-50, EfficientNet-EdgeTPU) are left out.
"""

from __future__ import annotations

import csv
import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from hardware.measurement import MeasurementRow

__all__ = ["ADAPTERS", "getzner_records", "published_tables"]

Record = Mapping[str, str]
Table = dict[str, list[MeasurementRow]]
_LAYERS = {"conv2d": "conv2d", "linear": "linear", "maxpool2d": "max_pool2d", "relu": "relu", "sigmoid": "sigmoid",
           "tanh": "tanh", "softmax": "softmax", "dropout": "dropout", "adaptiveavgpool2d": "adaptive_avg_pool2d"}


def layer_cell(record: Record) -> str:
    """The ``model`` cell of a record that describes one layer."""
    kind = record["layer_type"]
    size = record["in_size"]
    image = f"{record['in_channels']}x{size}x{size}"
    window = f"kernel_size={record['kernel']} stride={record['stride']}" if record.get("kernel") else ""
    if window and record.get("padding", "0") != "0":
        window += f" padding={record['padding']}"
    if kind == "conv2d":
        return f"conv2d {image} out_channels={record['out_channels']} {window}"
    if kind == "maxpool2d":
        return f"max_pool2d {image} {window}"
    if kind == "adaptiveavgpool2d":
        return f"adaptive_avg_pool2d {image} output_size={record['out_size']}"
    if kind == "linear":
        return f"linear {record['in_features']} out_features={record['out_features']}"
    return f"{_LAYERS[kind]} {record['in_features']}"


def raptorlake(records: Iterable[Record]) -> Table:
    """One layer per record: joules of one batch, forward, or backward with the SGD step."""
    return {"cpu_raptorlake": [
        MeasurementRow(layer_cell(r), float(r["energy_joule"]), int(r["batch"]), runtime="onednn_avx2",
                       phase="inference" if r["phase"] == "forward" else "backward",
                       latency_second=float(r["latency_s"]), repeats=10)
        for r in records
    ]}


def getzner_records(records: Iterable[Record]) -> dict[str, list[MeasurementRow]]:
    """Layers and networks by the study's own split: random, arch_layerwise, arch_layer_config or arch_full."""
    table: Table = defaultdict(list)
    for r in records:
        network = r["layer_type"] == "network"
        model = r["model"] if network else layer_cell(r)
        table[r["split_hint"]].append(MeasurementRow(
            model, float(r["energy_joule"]), int(r["batch"]), runtime="onednn_avx512",
            latency_second=float(r["latency_s"]), repeats=int(r["n_rep"]), group=r["model"] or model,
            conditions={"split": r["split_hint"]},
        ))
    return dict(table)


def getzner(records: Iterable[Record]) -> Table:
    """Every split in one table."""
    return {"cpu_xeon5120": [row for rows in getzner_records(records).values() for row in rows]}


_STEPS = 4 * 157  # epochs of 40 000 images in batches of 256


def nasbench101(records: Iterable[Record]) -> Table:
    """One trained cell per row, mean of its repeats: ``steady`` energy of four epochs, as steps of one batch."""
    repeats: dict[str, list[Record]] = defaultdict(list)
    for r in records:
        repeats[r["cell_hash"]].append(r)
    rows = []
    for group, same in repeats.items():
        energies = [float(r["steady_energy_joule"]) for r in same]
        mean = statistics.fmean(energies)
        matrix = "/".join("".join(map(str, row)) for row in json.loads(same[0]["matrix"]))
        rows.append(MeasurementRow(
            f"nasbench101:matrix={matrix},operations={'+'.join(json.loads(same[0]['ops']))}", mean,
            int(same[0]["batch"]), phase="training", runtime="tensorflow1_cuda", executions=_STEPS,
            repeats=len(same), spread=statistics.stdev(energies) / mean, group=group[:12],
        ))
    return {"gpu_rtx6000": rows}


_QUTI_MODELS = {"MLP": "mlp", "CNV": "cnv", "GoogLeNetv1": "googlenet", "ResNet-50": "resnet50",
                "MobileNetv1": "mobilenet"}
_QUTI_DEVICES = {"TX2-maxn": "jetson_tx2_maxn", "TX2-maxp": "jetson_tx2_maxp", "TX2-maxq": "jetson_tx2_maxq",
                 "NCS2": "ncs2", "U96-Quadcore-A53": "cpu_cortex_a53", "Ultra96-DPU": "dpu_ultra96",
                 "ZCU102-DPU": "dpu_zcu102", "ZCU104-DPU": "dpu_zcu104", "EdgeTPU-fast": "edgetpu_fast",
                 "EdgeTPU-slow": "edgetpu_slow"}
_QUTI_RUNTIMES = {"jetson": "packed_gpu", "cpu": "byte_cpu"}


def qutibench(records: Iterable[Record]) -> Table:
    """Joules of one batch at full load, by device and power mode."""
    table: Table = defaultdict(list)
    for r in records:
        kind, width = r["model"].rsplit("_", 1)
        share = float(width.rstrip("%")) / 100
        model = "resnet50" if kind == "ResNet-50v15" else f"qutibench:{_QUTI_MODELS.get(kind)}"
        if kind in ("MLP", "CNV"):
            model += f",width={share:g}"
        elif model.endswith("None") or share != 1:
            continue
        name = _QUTI_DEVICES[r["hardware"]]
        batch = int(float(r["batch"] or 1))
        table[name].append(MeasurementRow(
            model, float(r["energy_joule"]) * batch, batch, r["dtype"].lower(),
            runtime=_QUTI_RUNTIMES.get(name.split("_")[0], "accelerator"),
            latency_second=float(r["latency_s"]) if r["latency_s"] else None, group=r["model"],
        ))
    return dict(table)


_FLEXIBERT_DEVICES = {"Jetson": "jetson_nano_cpu", "Apple M1 Pro CPU": "m1_cpu", "Apple M1 Pro GPU": "m1_gpu",
                      "Raspberry": "rpi4"}


def flexibert(records: Iterable[Record]) -> Table:
    """Joules of one batch of sequences."""
    table: Table = defaultdict(list)
    for r in records:
        name = next(n for prefix, n in _FLEXIBERT_DEVICES.items() if r["hardware"].startswith(prefix))
        layers = zip(*(json.loads(r[f"{part}_list"]) for part in ("hidden", "ops", "ffn")), strict=True)
        text = "/".join(f"{h};{'+'.join(ops)};{'+'.join(map(str, ffn))}" for h, ops, ffn in layers)
        batch = int(r["batch"])
        table[name].append(MeasurementRow(
            f"flexibert:layers={text}", float(r["energy_joule"]) * batch, batch, runtime="pytorch_process",
            latency_second=float(r["latency_s"]) * batch, group=r["model"][:12],
        ))
    return dict(table)


def transformers(records: Iterable[Record]) -> Table:
    """Joules of a forward pass; of a decode of n tokens as n executions of a step at the mean cache length."""
    rows = []
    for r in records:
        name = r["model"].lower().replace("/", "-")
        source = f",source={r['seq_len']}" if r["architecture"] == "encoder_decoder" else ""
        tokens = int(r["decode_tokens"]) if r["phase"] == "decode" else 1
        if r["phase"] == "decode":
            phase = f"decode,length={int(r['target_context']) + tokens // 2}{source}"
        elif r["phase"] == "decoder_prefill":
            phase = f"prefill,length={r['target_len']}{source}"
        else:
            phase = f"{r['phase']},length={r['seq_len'] or 197}"
        rows.append(MeasurementRow(
            f"transformer:{name},phase={phase}", float(r["energy_joule"]), 1, r["dtype"],
            runtime="pytorch_cuda", executions=tokens, latency_second=float(r["latency_s"]) / tokens,
            repeats=int(r["repeats"]), spread=float(r["energy_cv"]), group=r["model"],
            conditions={"attention": "eager"} if r["attention"] == "eager" else {},
        ))
    return {"gpu_rtx4090_laptop": rows}


_TINY = {"ad": "autoencoder", "ic": "resnet8", "kws": "ds_cnn", "vww": "mobilenet"}
_TINY_CHIPS = {"H7A3": "h7a3", "U575": "u575", "L4R5": "l4r5", "RA6M4": "ra6m4", "RX65N": "rx65n"}
_TINY_LIBRARIES = {"STMicro": "st", "renesas": "renesas", "cmsis_nn": "tvm_cmsis", "native": "tvm", "7.3": "cube73",
                   "8.0": "cube80", "mbed": "mbed", "zephyr": "zephyr"}


def mlperf_tiny(records: Iterable[Record]) -> Table:
    """Joules of one int8 inference; a device is a microcontroller with a library in one round of the benchmark."""
    table: Table = defaultdict(list)
    for r in records:
        chip, library = (next(short for part, short in names.items() if part in r["hardware"])
                         for names in (_TINY_CHIPS, _TINY_LIBRARIES))
        table[f"mcu_{chip}_{library}_{r['version'].replace('.', '')}"].append(MeasurementRow(
            f"mlperf_tiny_{_TINY[r['task']]}", float(r["energy_joule"]), 1, "int8", runtime="microcontroller",
            latency_second=float(r["latency_second"]), repeats=int(r["n_rep"]),
            spread=float(r["energy_std"]) / float(r["energy_joule"]), group=r["task"]))
    return dict(table)


ADAPTERS: Mapping[str, Callable[[Iterable[Record]], Table]] = {
    "cpu_raptorlake_layers.csv": raptorlake, "cpu_xeon5120_getzner.csv": getzner,
    "gpu_rtx6000_nasbench101_training.csv": nasbench101, "edge_qutibench.csv": qutibench,
    "edge_flexibert.csv": flexibert, "gpu_rtx4090laptop_transformers.csv": transformers,
    "edge_mlperf_tiny.csv": mlperf_tiny,
}
"""The adapter of each file of the data-set folder."""


def published_tables(folder: Path, file: str) -> Table:
    """Measurement rows by device from one file of the folder; ValueError where no adapter knows the file."""
    if file not in ADAPTERS:
        raise ValueError(f"no adapter for {file}; adapters exist for {', '.join(ADAPTERS)}")
    with (folder / file).open(newline="", encoding="utf-8") as lines:
        return ADAPTERS[file](csv.DictReader(lines))
