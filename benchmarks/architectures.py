"""Architectures of torchvision, timm and transformers, and torch's own flop counter as the oracle for their counts.

    python benchmarks/architectures.py [--json -]

``coverage_torch_export_*_mismatches`` count the architectures whose multiply-accumulates, read by torch.export, differ
from torch's counter on the same module. Everything is on the meta device: no weights, no downloads. Needs torch,
torchvision, timm and transformers; takes two minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from claims import Claim, Options, main

__all__ = ["Architecture", "Comparison", "backward_macs", "compare", "forward_macs", "has_grouped_convolutions",
           "parameters", "run", "torch_architectures", "torchvision_models"]

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
    "int sampling_ratio, bool aligned) -> Tensor",
    "roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) "
    "-> (Tensor, Tensor)",
    "ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
    "int sampling_ratio) -> (Tensor, Tensor)",
    "ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) "
    "-> (Tensor, Tensor)",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, "
    "SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, "
    "SymInt offset_groups, bool use_mask) -> Tensor",
)
_kept: list[Any] = []
"""Libraries that define schemas live as long as this list does."""


@dataclass(frozen=True)
class Architecture:
    """A named module, made without arguments (on the current device), and the inputs of one call: positional, or a
    mapping of keywords."""

    name: str
    make: Callable[[], Any]
    inputs: Callable[[], Any]

    def __iter__(self) -> Iterator[Any]:
        """As a triple: name, factory, inputs (made now, on the meta device)."""
        import torch

        with torch.device("meta"):
            inputs = self.inputs()
        return iter((self.name, self.module, inputs))

    def module(self) -> Any:
        """The module on the meta device, in evaluation mode."""
        import torch

        with torch.device("meta"):
            return self.make().eval()


def torchvision_models() -> Any:
    """``torchvision.models``. Where torchvision's compiled operators are absent (a CPU build of torch beside a wheel
    made for another one) their schemas are defined first, without which it does not import."""
    import torch

    try:
        import torchvision.models
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for schema in _SCHEMAS:
            library.define(schema)
        _kept.append(library)
        import torchvision.models
    return torchvision.models


def _image(size: int = 224, channels: int = 3) -> Any:
    import torch

    return (torch.zeros(1, channels, size, size),)


def _ids(length: int = 64, *names: str) -> Any:
    import torch

    ids = torch.zeros(1, length, dtype=torch.long)
    return dict.fromkeys(names or ("input_ids",), ids)


def _vision(name: str, size: int = 224, **options: Any) -> Architecture:
    return Architecture(f"torchvision/{name}", lambda: getattr(torchvision_models(), name)(weights=None, **options),
                        partial(_image, size))


def _regnet(name: str) -> Architecture:
    """RegNets compute their widths with tensors, which must have values: made on the CPU, then moved."""
    def make() -> Any:
        import torch

        with torch.device("cpu"):
            return getattr(torchvision_models(), name)(weights=None).to("meta")

    return Architecture(f"torchvision/{name}", make, _image)


def _segmentation(name: str) -> Architecture:
    def make() -> Any:
        torchvision_models()
        import torchvision.models.segmentation as models

        return getattr(models, name)(weights=None, weights_backbone=None, aux_loss=False)

    return Architecture(f"torchvision/{name}", make, partial(_image, 224))


def _timm(name: str, size: int = 224) -> Architecture:
    def make() -> Any:
        torchvision_models()
        import timm

        return timm.create_model(name, pretrained=False)

    return Architecture(f"timm/{name}", make, partial(_image, size))


def _transformer(name: str, config: str, values: Mapping[str, Any], inputs: Callable[[], Any]) -> Architecture:
    def make() -> Any:
        torchvision_models()
        import transformers

        made = getattr(transformers, config)(**values)
        return getattr(transformers, name)(made)

    return Architecture(f"transformers/{name}", make, inputs)


def _whisper_inputs() -> Any:
    import torch

    return {"input_features": torch.zeros(1, 80, 3000), "decoder_input_ids": torch.zeros(1, 32, dtype=torch.long)}


_NO_CACHE = {"use_cache": False}
_SMALL_DECODER = {"hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 4, "num_attention_heads": 8,
                  "num_key_value_heads": 2, "vocab_size": 8000, **_NO_CACHE}


def torch_architectures() -> list[Architecture]:
    """The architectures whose counts are held against torch's."""
    return [
        *(_vision(name) for name in (
            "alexnet", "vgg11", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "mobilenet_v2",
            "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "squeezenet1_1", "densenet121",
            "shufflenet_v2_x1_0", "mnasnet1_0", "convnext_tiny", "vit_b_16", "swin_t", "swin_v2_t")),
        _regnet("regnet_y_400mf"),
        _vision("googlenet", aux_logits=False, init_weights=False),
        _vision("inception_v3", 299, aux_logits=False, init_weights=False),
        _segmentation("fcn_resnet50"),
        _segmentation("deeplabv3_mobilenet_v3_large"),
        *(_timm(name) for name in (
            "deit_tiny_patch16_224", "mixer_s32_224", "convmixer_768_32", "ghostnet_100", "resmlp_12_224",
            "mobilevitv2_050", "poolformer_s12", "repvgg_a0", "efficientformer_l1")),
        _transformer("BertModel", "BertConfig", {"num_hidden_layers": 4}, _ids),
        _transformer("DistilBertModel", "DistilBertConfig", {"n_layers": 4}, _ids),
        _transformer("GPT2LMHeadModel", "GPT2Config", {"n_layer": 4, **_NO_CACHE}, _ids),
        _transformer("LlamaForCausalLM", "LlamaConfig", _SMALL_DECODER, _ids),
        _transformer("MistralForCausalLM", "MistralConfig", _SMALL_DECODER, _ids),
        _transformer("Qwen2ForCausalLM", "Qwen2Config", _SMALL_DECODER, _ids),
        _transformer("T5ForConditionalGeneration", "T5Config", {"num_layers": 2, **_NO_CACHE},
                     partial(_ids, 64, "input_ids", "decoder_input_ids")),
        _transformer("ViTForImageClassification", "ViTConfig", {"num_hidden_layers": 4}, _image),
        _transformer("WhisperForConditionalGeneration", "WhisperConfig",
                     {"encoder_layers": 2, "decoder_layers": 2, **_NO_CACHE}, _whisper_inputs),
    ]


@dataclass(frozen=True)
class Comparison:
    """One architecture's counts, ours and torch's."""

    name: str
    forward: tuple[int, int]
    backward: tuple[int, int]
    parameters: tuple[int, int]
    grouped: bool
    unmodelled: tuple[str, ...]


def compare(architecture: Architecture) -> Comparison:
    """Read the module by torch.export and count it, beside torch's counter."""
    import tocompiler

    name, make, inputs = architecture
    module = make()
    network = tocompiler.load(module, example_inputs=inputs)
    program = tocompiler.compile(network, phase="training", options=["dead_branches"])
    forward, backward = (sum(row.multiply_accumulates for row in program.rows if row.phase == phase)
                         for phase in ("forward", "backward"))
    return Comparison(name, (forward, forward_macs(module, inputs)), (backward, backward_macs(module, inputs)),
                      (network.parameters, parameters(module)), has_grouped_convolutions(module),
                      tuple(sorted({u.operator for u in program.unmodelled})))


def run(options: Options) -> Iterator[Claim]:
    """The claims about torch.export; null where torch, torchvision, timm or transformers is missing."""
    names = tuple(f"coverage_torch_export_{phase}_mismatches" for phase in ("forward", "backward", "parameter"))
    try:
        import timm  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401

        torchvision_models()
    except ImportError as error:
        yield from (Claim(name, None, "architectures", reason=str(error)) for name in names)
        return
    chosen = torch_architectures()
    compared = []
    for architecture in chosen[:2] if options.smoke else chosen:
        compared.append(compare(architecture))
        print(compared[-1], file=sys.stderr)
    for name, pairs in zip(names, ([c.forward for c in compared], [c.backward for c in compared],
                                   [c.parameters for c in compared]), strict=True):
        yield Claim(name, sum(ours != torchs for ours, torchs in pairs), "architectures",
                    {"architectures": len(pairs), "with grouped convolutions": sum(c.grouped for c in compared),
                     "operators unmodelled": len({u for c in compared for u in c.unmodelled})})


def forward_macs(module: Any, inputs: Any) -> int:
    """Multiply-accumulates of a forward pass: half of what torch's flop counter finds on meta tensors."""
    import torch

    with _countable(), torch.no_grad(), _counter() as counter:
        _call(module, inputs)
    return int(counter.get_total_flops()) // 2


def backward_macs(module: Any, inputs: Any, as_torch_has_it: bool = False) -> int:
    """Multiply-accumulates of a backward pass alone, the network's inputs needing no gradient.

    torch's counter multiplies the weight gradient of a grouped convolution by its groups. It is counted here as what
    it is, as many products as forward, unless ``as_torch_has_it``.
    """
    import torch
    from strip_models import convolution_backward_flops

    corrected = None if as_torch_has_it else {torch.ops.aten.convolution_backward: convolution_backward_flops}
    with _countable(), _counter(corrected) as counter:
        result = _call(module, inputs)
        before = counter.get_total_flops()
        _summed(result).backward()
    return int(counter.get_total_flops() - before) // 2


def has_grouped_convolutions(module: Any) -> bool:
    """Whether any convolution of the module has groups."""
    return any(getattr(m, "groups", 1) != 1 and hasattr(m, "kernel_size") for m in module.modules())


def parameters(module: Any) -> int:
    """Elements of the module's parameters, tied ones once."""
    return sum(p.numel() for p in module.parameters())


def _call(module: Any, inputs: Any) -> Any:
    return module(**inputs) if isinstance(inputs, Mapping) else module(*inputs)


def _summed(result: Any) -> Any:
    """The sum over every result that depends on a parameter: the loss that the backward pass starts from."""
    import torch
    from torch.utils import _pytree as pytree

    values = pytree.tree_leaves(dict(result) if isinstance(result, Mapping) else result)
    return sum(v.sum() for v in values if isinstance(v, torch.Tensor) and v.requires_grad)


def _counter(corrected: Mapping[Any, Any] | None = None) -> Any:
    from torch.utils.flop_counter import FlopCounterMode

    return FlopCounterMode(display=False, custom_mapping=corrected)


@contextmanager
def _countable() -> Iterator[None]:
    """torch's fused inference path of transformer layers hides their products from its counter; transformers looks
    into position numbers for packed sequences, which the meta device cannot show (there are none)."""
    import torch

    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    masking = sys.modules.get("transformers.masking_utils")
    packed = getattr(masking, "find_packed_sequence_indices", None)
    if packed is not None:
        masking.find_packed_sequence_indices = lambda position_ids: None
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        if packed is not None:
            masking.find_packed_sequence_indices = packed


if __name__ == "__main__":
    main(run, __doc__)
