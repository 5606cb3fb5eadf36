"""The architectures that are exported as test data: how each is built, what it is fed, which exporters take it.

Weights are random: none is downloaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["MODELS", "QUANTISED", "Model"]


@dataclass(frozen=True)
class Model:
    """One architecture: how to build it, what to feed it, which exporters to use."""

    build: Callable[[], Any]
    inputs: Callable[[], tuple[Any, ...]]
    exporters: tuple[str, ...] = ("script", "dynamo")
    opset: int | None = None
    dynamic: dict[str, dict[int, str]] | None = None


def image(*shape: int) -> Callable[[], tuple[Any, ...]]:
    """A batch of zeros, as floats."""
    def make() -> tuple[Any, ...]:
        import torch

        return (torch.zeros(shape or (1, 3, 224, 224)),)

    return make


def tokens(length: int = 128) -> Callable[[], tuple[Any, ...]]:
    """A batch of one sequence of token numbers."""
    def make() -> tuple[Any, ...]:
        import torch

        return (torch.zeros((1, length), dtype=torch.int64),)

    return make


def vision(name: str, **options: Any) -> Callable[[], Any]:
    """A torchvision model by the name of its function."""
    def make() -> Any:
        import_torchvision()
        import torchvision.models

        return torchvision.models.get_model(name, weights=None, **options)

    return make


def segmentation(name: str) -> Callable[[], Any]:
    """A torchvision segmentation model that returns its mask alone."""
    def make() -> Any:
        import torch

        class Mask(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = vision(name, weights_backbone=None)()

            def forward(self, x: Any) -> Any:
                return self.model(x)["out"]

        return Mask()

    return make


def image_model(name: str) -> Callable[[], Any]:
    """A timm model by name."""
    def make() -> Any:
        import_torchvision()
        import timm

        return timm.create_model(name, pretrained=False)

    return make


def transformer(config: str, model: str, output: str = "last_hidden_state", part: str = "",
                **options: Any) -> Callable[[], Any]:
    """A transformers model (or a ``part`` of it) from its configuration class, returning one tensor."""
    def make() -> Any:
        import_torchvision()
        import torch
        import transformers

        settings = getattr(transformers, config)(**options)
        settings.use_cache = False

        class Plain(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                whole = getattr(transformers, model)(settings)
                self.model = getattr(whole, part) if part else whole

            def forward(self, x: Any) -> Any:
                return self.model(x)[output]

        return Plain()

    return make


def recurrent(kind: str) -> Callable[[], Any]:
    """Two recurrent layers, the second one's last state into a classifier."""
    def make() -> Any:
        import torch

        class Tagger(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layers = getattr(torch.nn, kind)(64, 128, num_layers=2, bidirectional=True)
                self.head = torch.nn.Linear(256, 10)

            def forward(self, x: Any) -> Any:
                return self.head(self.layers(x)[0])

        return Tagger()

    return make


def import_torchvision() -> None:
    """torchvision beside a torch build without its compiled operators needs their schemas to exist."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for loaded in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
            del sys.modules[loaded]
        _LIBRARIES.append(library)


_LIBRARIES: list[Any] = []
"""Keeps the schema alive: a library that is collected takes its operators along."""

_BOTH = ("script", "dynamo")
_TINY_LLAMA = {"vocab_size": 1000, "hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 2,
               "num_attention_heads": 8, "num_key_value_heads": 2}

MODELS: dict[str, Model] = {
    "resnet18": Model(vision("resnet18"), image()),
    "resnet18_opset9": Model(vision("resnet18"), image(), ("script",), opset=9),
    "resnet18_opset13": Model(vision("resnet18"), image(), ("script",), opset=13),
    "resnet18_dynamic": Model(vision("resnet18"), image(), _BOTH, dynamic={"x": {0: "batch"}}),
    "resnet50": Model(vision("resnet50"), image()),
    "alexnet": Model(vision("alexnet"), image()),
    "vgg16": Model(vision("vgg16"), image()),
    "squeezenet1_1": Model(vision("squeezenet1_1"), image()),
    "densenet121": Model(vision("densenet121"), image()),
    "googlenet": Model(vision("googlenet", aux_logits=False, init_weights=False), image()),
    "inception_v3": Model(vision("inception_v3", aux_logits=False, init_weights=False), image(1, 3, 299, 299)),
    "mobilenet_v2": Model(vision("mobilenet_v2"), image()),
    "mobilenet_v3_small": Model(vision("mobilenet_v3_small"), image()),
    "mobilenet_v3_large": Model(vision("mobilenet_v3_large"), image()),
    "mnasnet1_0": Model(vision("mnasnet1_0"), image()),
    "shufflenet_v2_x1_0": Model(vision("shufflenet_v2_x1_0"), image()),
    "efficientnet_b0": Model(vision("efficientnet_b0"), image()),
    "efficientnet_v2_s": Model(vision("efficientnet_v2_s"), image(), ("dynamo",)),
    "regnet_y_400mf": Model(vision("regnet_y_400mf"), image()),
    "convnext_tiny": Model(vision("convnext_tiny"), image()),
    "vit_b_16": Model(vision("vit_b_16"), image()),
    "swin_t": Model(vision("swin_t"), image(), ("dynamo",)),
    "swin_b": Model(vision("swin_b"), image(), ("dynamo",)),
    "maxvit_t": Model(vision("maxvit_t"), image(), ("dynamo",)),
    "r3d_18": Model(vision("r3d_18"), image(1, 3, 8, 112, 112)),
    "deeplabv3_mobilenet": Model(segmentation("deeplabv3_mobilenet_v3_large"), image()),
    "fcn_resnet50": Model(segmentation("fcn_resnet50"), image(), ("dynamo",)),
    "mixer_s32": Model(image_model("mixer_s32_224"), image()),
    "resmlp_12": Model(image_model("resmlp_12_224"), image(), ("dynamo",)),
    "convmixer": Model(image_model("convmixer_768_32"), image(), ("dynamo",)),
    "ghostnet": Model(image_model("ghostnet_100"), image(), ("dynamo",)),
    "levit_128s": Model(image_model("levit_128s"), image(), ("dynamo",)),
    "mobilevit_xs": Model(image_model("mobilevit_xs"), image(1, 3, 256, 256), ("dynamo",)),
    "poolformer_s12": Model(image_model("poolformer_s12"), image(), ("dynamo",)),
    "deit_tiny": Model(image_model("deit_tiny_patch16_224"), image()),
    "repvgg_a2": Model(image_model("repvgg_a2"), image(), ("dynamo",)),
    "nfnet_f0": Model(image_model("nfnet_f0"), image(1, 3, 192, 192), ("dynamo",)),
    "bert_base": Model(transformer("BertConfig", "BertModel", "pooler_output"), tokens()),
    "distilbert": Model(transformer("DistilBertConfig", "DistilBertModel"), tokens(), ("dynamo",)),
    "roberta": Model(transformer("RobertaConfig", "RobertaModel", "pooler_output"), tokens(), ("dynamo",)),
    "albert": Model(transformer("AlbertConfig", "AlbertModel", "pooler_output", num_hidden_layers=4), tokens(),
                    ("dynamo",)),
    "electra": Model(transformer("ElectraConfig", "ElectraModel"), tokens(), ("dynamo",)),
    "gpt2": Model(transformer("GPT2Config", "GPT2Model"), tokens(), ("dynamo",)),
    "opt_125m": Model(transformer("OPTConfig", "OPTModel"), tokens(), ("dynamo",)),
    "llama_tiny": Model(transformer("LlamaConfig", "LlamaModel", **_TINY_LLAMA), tokens(), ("dynamo",)),
    "mistral_tiny": Model(transformer("MistralConfig", "MistralModel", **_TINY_LLAMA), tokens(), ("dynamo",)),
    "qwen2_tiny": Model(transformer("Qwen2Config", "Qwen2Model", **_TINY_LLAMA), tokens(), ("dynamo",)),
    "t5_encoder": Model(transformer("T5Config", "T5EncoderModel"), tokens()),
    "vit_hf": Model(transformer("ViTConfig", "ViTModel", "pooler_output"), image(), ("dynamo",)),
    "whisper_encoder": Model(transformer("WhisperConfig", "WhisperModel", part="encoder"), image(1, 80, 3000),
                             ("dynamo",)),
    "segformer": Model(transformer("SegformerConfig", "SegformerModel"), image(), ("dynamo",)),
    "lstm": Model(recurrent("LSTM"), image(20, 1, 64)),
    "gru": Model(recurrent("GRU"), image(20, 1, 64)),
    "rnn": Model(recurrent("RNN"), image(20, 1, 64), ("script",)),
}
QUANTISED = ("resnet18", "mobilenet_v2")
"""Exports that are also quantised to int8 by onnxruntime: static in both forms, and dynamic."""
