"""Make the test data: export real models to ONNX, leave the weights out, and note what torch's own counter says.

    python benchmarks/strip_models.py [--record] [NAME ...]

``--record`` only takes the figures again. Needs torch, torchvision, timm, transformers, onnxscript and onnxruntime.

Each ``tests/data/NAME.EXPORTER.onnx`` is what ``tocompiler.skim`` keeps of an export: the whole
graph and no tensor payload over 1 KB. ``tests/data/exports.json`` holds for each name the multiply-accumulates
forward and backward (torch.utils.flop_counter, halved), the elements of the module's parameters, and the versions used.
Weights are random: no architecture below is downloaded.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from exported_models import MODELS, QUANTISED, Model

from tocompiler import skim

DATA = Path(__file__).parent.parent / "tests" / "data"
RECORD = DATA / "exports.json"
SMALL = 16
"""Floating-point tensors of up to this many elements keep their values: scales and bounds."""
VERSIONS = ("torch", "torchvision", "timm", "transformers", "onnx", "onnxscript", "onnxruntime")


def main(names: list[str]) -> None:
    """Export, strip and record the named models, or all."""
    warnings.simplefilter("ignore")
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    exporting = "--record" not in names
    for name in [n for n in names if n != "--record"] or MODELS:
        model = MODELS[name]
        for exporter in model.exporters if exporting else ():
            try:
                export(name, model, exporter)
            except Exception as error:  # an exporter that cannot is a fact about it, noted and passed over
                print(f"{name} {exporter}: not exported ({str(error).splitlines()[0][:150]})", file=sys.stderr)
        if model.exporters:
            record(name, model)


def export(name: str, model: Model, exporter: str) -> None:
    """Write ``NAME.EXPORTER.onnx`` without weights, and the quantised forms where there are any."""
    import torch

    torch.manual_seed(0)
    module, inputs = model.build().eval(), model.inputs()
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.data.uniform_(0.5, 1.5)  # fresh norms and biases are equal, and exporters merge equal tensors
    options: dict[str, Any] = {} if model.opset is None else {"opset_version": model.opset}
    if exporter == "dynamo":
        options.update(dynamo=True, external_data=False, verbose=False)
        if model.dynamic:
            options["dynamic_shapes"] = ({d: torch.export.Dim(n) for d, n in model.dynamic["x"].items()},)
    else:
        options.update(dynamo=False, dynamic_axes=model.dynamic)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        torch.onnx.export(module, inputs, str(file), input_names=["x"], **options)
        write(f"{name}.{exporter}", file)
        if name in QUANTISED and exporter == "script":
            quantise(name, file, inputs[0].numpy())


def quantise(name: str, file: Path, sample: Any) -> None:
    """The same model in int8: QDQ and QOperator (static), and dynamic."""
    from onnxruntime import quantization

    class Sample(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rows = iter([{"x": sample}])

        def get_next(self) -> Any:
            return next(self.rows, None)

    prepared, target = file.with_name("prepared.onnx"), file.with_name("quantised.onnx")
    quantization.shape_inference.quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
    for form in ("QDQ", "QOperator"):
        quantization.quantize_static(str(prepared), str(target), Sample(), quant_format=quantization.QuantFormat[form],
                                     per_channel=form == "QDQ")
        write(f"{name}.{form.lower()}", target)
    quantization.quantize_dynamic(str(file), str(target), weight_type=quantization.QuantType.QUInt8)
    write(f"{name}.dynamic_int8", target)


def write(name: str, file: Path) -> None:
    """Keep what the skimming reader keeps, less small weights and notes."""
    data = stripped(skim(file))
    (DATA / f"{name}.onnx").write_bytes(data)
    print(f"{name}: {file.stat().st_size / 1e6:.1f} MB to {len(data) / 1e3:.0f} KB", file=sys.stderr, flush=True)


def stripped(data: bytes) -> bytes:
    """A skimmed model without the values of small weights, and without the exporter's notes."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and math.prod(tensor.dims) > SMALL:
            for field in ("raw_data", "float_data"):
                tensor.ClearField(field)
    for item in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    return model.SerializeToString()


def products(model: Model) -> dict[str, int]:
    """Multiply-accumulates of a module by torch's own counter, forward and backward, on meta tensors where it can.

    Some transformers look at values; those run on the CPU. Attention is the one that torch writes out as products: the
    fused one is not counted on the CPU, and recomputes the scores on its way back.
    """
    try:
        return _products(model.build().eval().to("meta"), [x.to("meta") for x in model.inputs()])
    except RuntimeError:
        return _products(model.build().eval(), model.inputs())


def _products(module: Any, inputs: Any) -> dict[str, int]:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    mapping = {torch.ops.aten.convolution_backward: convolution_backward_flops}
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as forward:
            result = module(*inputs)
        with FlopCounterMode(display=False, custom_mapping=mapping) as backward:
            result.sum().backward()
    return {"multiply_accumulates": int(forward.get_total_flops()) // 2,
            "backward_multiply_accumulates": int(backward.get_total_flops()) // 2}


def convolution_backward_flops(grad_shape: Any, input_shape: Any, weight_shape: Any, bias: Any, stride: Any,
                               padding: Any, dilation: Any, transposed: bool, output_padding: Any, groups: int,
                               output_mask: Any, out_shape: Any = None, **_: Any) -> int:
    """As many for the input's gradient as forward, and as many for the weight's.

    torch's own formula multiplies the latter by the number of groups, 19 times the truth for MobileNetV2.
    """
    from torch.utils.flop_counter import conv_flop_count

    forward = conv_flop_count(list(input_shape), list(weight_shape), list(grad_shape), transposed=transposed)
    return int(forward * (output_mask[0] + output_mask[1]))


def record(name: str, model: Model) -> None:
    """Note torch's own figures for the module."""
    known = json.loads(RECORD.read_text()) if RECORD.exists() else {"models": {}}
    known["versions"] = {p: importlib.metadata.version(p) for p in VERSIONS}
    known["models"][name] = {
        **products(model),
        "parameters": sum(p.numel() for p in model.build().parameters()),
    }
    known["models"] = dict(sorted(known["models"].items()))
    RECORD.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
