"""Torch modules of installed packages, on the meta device: torchvision, timm, transformers, diffusers, torchaudio."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from architectures import Architecture, torchvision_models

__all__ = ["modules"]

_DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers",
           "num_decoder_layers", "num_encoder_layers", "e_layers", "d_layers")
_LAYERS = 2
_IMAGE = "pixel_values", (1, 3, 224, 224)
_SPEECH = "input_values", (1, 16000)

_TORCHVISION = (
    "alexnet", "convnext_tiny", "deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "densenet121", "efficientnet_b0",
    "efficientnet_b7", "efficientnet_v2_s", "fcn_resnet50", "googlenet", "inception_v3", "lraspp_mobilenet_v3_large",
    "maxvit_t", "mc3_18", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "mvit_v1_b",
    "mvit_v2_s", "r2plus1d_18", "r3d_18", "raft_large", "raft_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18",
    "resnet50", "resnext50_32x4d", "s3d", "shufflenet_v2_x0_5", "squeezenet1_0", "squeezenet1_1", "swin3d_t", "swin_t",
    "swin_v2_t", "vgg11", "vgg16_bn", "vit_b_16", "vit_b_32", "wide_resnet50_2")
_SIZES: Mapping[str, tuple[int, ...]] = {
    "inception_v3": (1, 3, 299, 299), "mc3_18": (1, 3, 8, 112, 112), "mvit_v1_b": (1, 3, 16, 224, 224),
    "mvit_v2_s": (1, 3, 16, 224, 224), "r2plus1d_18": (1, 3, 8, 112, 112), "r3d_18": (1, 3, 8, 112, 112),
    "s3d": (1, 3, 16, 224, 224), "swin3d_t": (1, 3, 8, 224, 224), "raft_large": (1, 3, 128, 128),
    "raft_small": (1, 3, 128, 128)}

_TIMM = (
    "beit_base_patch16_224", "halonet26t", "gernet_s", "repvgg_a0", "cait_xxs24_224", "coat_lite_tiny", "convit_tiny",
    "convmixer_768_32", "convnext_atto", "convnextv2_atto", "crossvit_9_240", "darknet53", "cspresnet50", "davit_tiny",
    "deit_tiny_patch16_224", "dla34", "dpn68", "edgenext_x_small", "efficientformer_l1", "efficientformerv2_s0",
    "mixnet_s", "tf_efficientnet_lite0", "tf_mobilenetv3_small_100", "tf_efficientnetv2_s", "efficientvit_b0",
    "efficientvit_m0", "eva02_tiny_patch14_224", "fasternet_t0", "fastvit_t8", "focalnet_tiny_srf", "gcvit_xxtiny",
    "ghostnet_050", "ghostnetv2_100", "hardcorenas_a", "hgnetv2_b0", "hiera_tiny_224", "hrnet_w18_small",
    "inception_next_atto", "inception_resnet_v2", "inception_v4", "lcnet_050", "levit_128s", "mambaout_femto",
    "coatnet_0_rw_224", "maxvit_tiny_rw_224", "poolformer_s12", "caformer_s18", "mixer_s32_224", "gmlp_s16_224",
    "resmlp_12_224", "mobilenetv4_conv_small", "mobilevit_xxs", "mobilevitv2_050", "mvitv2_tiny", "nasnetalarge",
    "nest_tiny", "nextvit_small", "nfnet_f0", "pit_ti_224", "pnasnet5large", "pvt_v2_b0", "rdnet_tiny", "regnetx_002",
    "repghostnet_050", "repvit_m1", "res2net50d", "resnest14d", "resnet18d", "resnetv2_50", "rexnet_100", "selecsls42",
    "legacy_seresnet18", "seresnext50_32x4d", "sequencer2d_s", "shvit_s1", "skresnet18", "starnet_s1", "swiftformer_xs",
    "swin_s3_tiny_224", "swinv2_tiny_window8_256", "swinv2_cr_tiny_224", "tiny_vit_5m_224", "tnt_s_patch16_224",
    "tresnet_m", "twins_svt_small", "visformer_tiny", "vit_tiny_patch16_224", "vit_tiny_r_s16_p8_224",
    "vit_relpos_small_patch16_224", "samvit_base_patch16", "vitamin_small_224", "volo_d1_224", "vovnet39a",
    "legacy_xception", "xception41", "xcit_nano_12_p8_224", "naflexvit_base_patch16_gap", "botnet26t_256",
    "lambda_resnet26t", "eca_nfnet_l0", "spnasnet_100", "tinynet_e", "fbnetc_100", "semnasnet_075", "cs3darknet_s")

_ENCODERS = (
    "BertForSequenceClassification", "RobertaForTokenClassification", "DistilBertForQuestionAnswering",
    "AlbertForMaskedLM", "ElectraForPreTraining", "DebertaModel", "DebertaV2Model", "XLMRobertaModel",
    "CamembertForMaskedLM", "MPNetModel", "SqueezeBertModel", "MobileBertModel", "ConvBertModel", "RoFormerModel",
    "NystromformerModel", "FNetModel", "XLNetModel", "XLMModel", "ErnieModel", "EsmModel", "RemBertModel",
    "ModernBertModel", "Data2VecTextModel", "BigBirdModel", "LongformerModel", "FunnelModel", "CanineModel",
    "LayoutLMModel")
_DECODERS = (
    "GPT2LMHeadModel", "GPTNeoForCausalLM", "GPTNeoXForCausalLM", "GPTJForCausalLM", "OPTForCausalLM",
    "BloomForCausalLM", "CodeGenForCausalLM", "LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM",
    "Qwen2ForCausalLM", "Qwen2MoeForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM", "GemmaForCausalLM",
    "Gemma2ForCausalLM", "Gemma3ForCausalLM", "PhiForCausalLM", "Phi3ForCausalLM", "StableLmForCausalLM",
    "FalconForCausalLM", "MptForCausalLM", "OlmoForCausalLM", "Olmo2ForCausalLM", "Starcoder2ForCausalLM",
    "CohereForCausalLM", "GraniteForCausalLM", "MambaForCausalLM", "Mamba2ForCausalLM", "RwkvForCausalLM",
    "XGLMForCausalLM", "BioGptForCausalLM", "CTRLLMHeadModel", "OpenAIGPTLMHeadModel", "GptOssForCausalLM",
    "DeepseekV3ForCausalLM", "OlmoeForCausalLM", "JambaForCausalLM", "RecurrentGemmaForCausalLM")
_TRANSLATORS = (
    "T5ForConditionalGeneration", "BartForConditionalGeneration", "MBartForConditionalGeneration",
    "PegasusForConditionalGeneration", "MarianMTModel", "LEDForConditionalGeneration", "M2M100ForConditionalGeneration",
    "BlenderbotForConditionalGeneration", "ProphetNetForConditionalGeneration",
    "SwitchTransformersForConditionalGeneration", "LongT5ForConditionalGeneration", "UMT5ForConditionalGeneration")
_VISION = (
    "ViTForImageClassification", "DeiTModel", "BeitModel", "SwinForImageClassification", "Swinv2Model",
    "ConvNextModel", "ConvNextV2Model", "ResNetForImageClassification", "RegNetModel", "MobileNetV1Model",
    "MobileNetV2Model", "MobileViTModel", "MobileViTV2Model", "PoolFormerModel", "PvtModel", "PvtV2Model",
    "SegformerForSemanticSegmentation", "CvtModel", "LevitModel", "Dinov2ForImageClassification",
    "DPTForDepthEstimation", "GLPNForDepthEstimation", "EfficientNetModel", "BitModel", "FocalNetModel", "HieraModel",
    "YolosForObjectDetection", "ViTMSNModel", "UperNetForSemanticSegmentation", "Swin2SRForImageSuperResolution",
    "DepthAnythingForDepthEstimation", "CLIPVisionModel", "SiglipVisionModel", "ViTMAEModel", "IJepaModel",
    "SwiftFormerModel", "TextNetModel", "DinatModel")
_SPOKEN = ("Wav2Vec2ForCTC", "HubertModel", "WavLMModel", "SEWModel", "UniSpeechModel", "Data2VecAudioModel",
           "Wav2Vec2ConformerModel", "SEWDModel")


def modules() -> list[Architecture]:
    """Every module, by package."""
    return [*_torchvision(), *(_timm(name) for name in _TIMM), *_transformers(), *_diffusers(), *_torchaudio()]


def _zeros(*shape: int) -> Any:
    import torch

    return torch.zeros(shape)


def _ids(*names: str, length: int = 32) -> Any:
    import torch

    return {name: torch.zeros(1, length, dtype=torch.long) for name in names or ("input_ids",)}


def _torchvision() -> Iterator[Architecture]:
    for name in _TORCHVISION:
        shape = _SIZES.get(name, (1, 3, 224, 224))
        inputs = partial(_repeated, 2 if name.startswith("raft") else 1, shape)
        yield Architecture(f"torchvision/{name}", partial(_vision, name), inputs)


def _repeated(times: int, shape: tuple[int, ...]) -> Any:
    return tuple(_zeros(*shape) for _ in range(times))


def _vision(name: str) -> Any:
    import torch

    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options.update(aux_logits=False, init_weights=False)
    if name.startswith(("deeplab", "fcn", "lraspp")):
        options["weights_backbone"] = None
    models = torchvision_models()
    if not name.startswith("regnet"):
        return models.get_model(name, **options)
    with torch.device("cpu"):  # RegNets compute their widths with tensors, which must have values
        return models.get_model(name, **options).to("meta")


def _timm(name: str) -> Architecture:
    def make() -> Any:
        import torch

        torchvision_models()
        import timm

        with torch.device("cpu"):  # many compute relative positions with tensors
            return timm.create_model(name, pretrained=False).to("meta")

    size = {"samvit_base_patch16": 1024, "nasnetalarge": 331, "pnasnet5large": 331, "inception_resnet_v2": 299,
            "inception_v4": 299, "legacy_xception": 299, "xception41": 299, "halonet26t": 256, "botnet26t_256": 256,
            "lambda_resnet26t": 256, "crossvit_9_240": 240, "swinv2_tiny_window8_256": 256}.get(name, 224)
    return Architecture(f"timm/{name}", make, lambda: (_zeros(1, 3, size, size),))


def _transformer(name: str, inputs: Callable[[], Any], **options: Any) -> Architecture:
    def make() -> Any:
        torchvision_models()
        _audio()
        import transformers

        kind = getattr(transformers, name)
        stated = kind.config_class().to_dict()
        few = {key: _LAYERS for key in _DEPTHS if isinstance(stated.get(key), int)}
        if isinstance(stated.get("use_cache"), bool):
            few["use_cache"] = False
        return kind(kind.config_class(**few | options))

    return Architecture(f"transformers/{name}", make, inputs)


def _transformers() -> Iterator[Architecture]:
    own: dict[str, dict[str, Any]] = {
        "BigBirdModel": {"attention_type": "original_full"},
        "GPTNeoForCausalLM": {"attention_types": [[["global"], 2]]},
        "EsmModel": {"vocab_size": 33, "pad_token_id": 1},
        "DeepseekV3ForCausalLM": {"n_routed_experts": 16, "n_group": 4},
        "GptOssForCausalLM": {"num_local_experts": 8},
        "JambaForCausalLM": {"use_mamba_kernels": False, "hidden_size": 256, "intermediate_size": 512}}
    for name in (*_ENCODERS, *_DECODERS):
        yield _transformer(name, partial(_ids, length=512 if name == "LongformerModel" else 32), **own.get(name, {}))
    for name in _TRANSLATORS:
        yield _transformer(name, partial(_ids, "input_ids", "decoder_input_ids"))
    for name in _VISION:
        yield _transformer(name, partial(_named, _IMAGE))
    for name in _SPOKEN:
        yield _transformer(name, partial(_named, _SPEECH))
    yield _transformer("WhisperForConditionalGeneration", lambda: {
        "input_features": _zeros(1, 80, 3000), **_ids("decoder_input_ids")})
    yield _transformer("ASTModel", partial(_named, ("input_values", (1, 1024, 128))))
    for name in ("CLIPModel", "SiglipModel", "ChineseCLIPModel", "BlipModel", "ViltModel", "CLIPSegModel"):
        size = 352 if name == "CLIPSegModel" else 384 if name == "ViltModel" else 224
        yield _transformer(name, partial(_pair, size, 64 if name == "SiglipModel" else 32))
    for name in ("VideoMAEModel", "TimesformerModel", "VivitModel"):
        frames = {"VideoMAEModel": 16, "TimesformerModel": 8, "VivitModel": 32}[name]
        yield _transformer(name, partial(_named, ("pixel_values", (1, frames, 3, 224, 224))))
    yield _transformer("PatchTSTModel", partial(_named, ("past_values", (1, 32, 4))), num_input_channels=4)
    yield _transformer("PatchTSMixerModel", partial(_named, ("past_values", (1, 32, 4))), num_input_channels=4)
    yield _transformer("EncodecModel", partial(_named, ("input_values", (1, 1, 24000))))
    yield _transformer("DacModel", partial(_named, ("input_values", (1, 1, 16000))))


def _named(pair: tuple[str, tuple[int, ...]]) -> Any:
    return {pair[0]: _zeros(*pair[1])}


def _pair(size: int, length: int) -> Any:
    return {**_ids(length=length), **_named(("pixel_values", (1, 3, size, size)))}


def _diffusers() -> Iterator[Architecture]:
    def one(name: str, inputs: Callable[[], Any], **options: Any) -> Architecture:
        def make() -> Any:
            torchvision_models()
            _audio()
            import diffusers

            return getattr(diffusers, name)(**options)

        return Architecture(f"diffusers/{name}", make, inputs)

    def timed(*names: tuple[str, tuple[int, ...]]) -> Callable[[], Any]:
        return lambda: {"timestep": _zeros(1), **{name: _zeros(*shape) for name, shape in names}}

    latent = "sample", (1, 4, 32, 32)
    text = "encoder_hidden_states", (1, 77, 64)
    blocks = {"block_out_channels": (32, 64), "layers_per_block": 1, "norm_num_groups": 8}
    cross = {**blocks, "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "cross_attention_dim": 64}
    yield one("UNet2DConditionModel", timed(latent, text), sample_size=32, attention_head_dim=8,
              up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **cross)
    yield one("UNet2DModel", timed(("sample", (1, 3, 32, 32))), sample_size=32, **blocks,
              down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"))
    yield one("UNet1DModel", timed(("sample", (1, 14, 32))), in_channels=14, out_channels=14, extra_in_channels=64,
              block_out_channels=(32, 32, 64), sample_size=32)
    yield one("AutoencoderKL", partial(_named, ("sample", (1, 3, 64, 64))), **blocks,
              down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
    yield one("VQModel", partial(_named, ("sample", (1, 3, 64, 64))), **blocks,
              down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
    yield one("AutoencoderTiny", partial(_named, ("sample", (1, 3, 64, 64))))
    yield one("DiTTransformer2DModel", lambda: {
        "hidden_states": _zeros(1, 4, 16, 16), "timestep": _zeros(1).long(), "class_labels": _zeros(1).long()},
        num_layers=2, num_attention_heads=2, attention_head_dim=16, sample_size=16, num_embeds_ada_norm=1000)
    yield one("PixArtTransformer2DModel", lambda: {
        **timed(("hidden_states", (1, 4, 16, 16)), ("encoder_hidden_states", (1, 8, 32)))(),
        "added_cond_kwargs": {"aspect_ratio": None, "resolution": None}},
        num_layers=2, num_attention_heads=2, attention_head_dim=16, sample_size=16, caption_channels=32,
        cross_attention_dim=32, out_channels=8, use_additional_conditions=False)
    yield one("SD3Transformer2DModel", timed(("hidden_states", (1, 16, 16, 16)), ("encoder_hidden_states", (1, 8, 64)),
                                             ("pooled_projections", (1, 64))),
              num_layers=2, num_attention_heads=2, attention_head_dim=16, sample_size=16, caption_projection_dim=32,
              joint_attention_dim=64, pooled_projection_dim=64)
    yield one("FluxTransformer2DModel", timed(
        ("hidden_states", (1, 16, 16)), ("encoder_hidden_states", (1, 8, 32)), ("pooled_projections", (1, 32)),
        ("img_ids", (16, 3)), ("txt_ids", (8, 3)), ("guidance", (1,))),
        num_layers=1, num_single_layers=1, num_attention_heads=2, attention_head_dim=16, in_channels=16,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), guidance_embeds=True)
    yield one("ControlNetModel", timed(latent, text, ("controlnet_cond", (1, 3, 64, 64))), attention_head_dim=8,
              conditioning_embedding_out_channels=(16, 32), **cross)
    yield one("UNet3DConditionModel", timed(("sample", (1, 4, 4, 32, 32)), text), sample_size=32, attention_head_dim=8,
              up_block_types=("CrossAttnUpBlock3D", "UpBlock3D"),
              **cross | {"down_block_types": ("DownBlock3D", "CrossAttnDownBlock3D")})


def _torchaudio() -> Iterator[Architecture]:
    def one(name: str, make: Callable[[Any], Any], *inputs: Callable[[], Any]) -> Architecture:
        return Architecture(f"torchaudio/{name}", lambda: _made_on_cpu(make), lambda: tuple(i() for i in inputs))

    def long(value: int) -> Callable[[], Any]:
        def make() -> Any:
            import torch

            with torch.device("cpu"):  # lengths have values
                return torch.tensor([value])

        return make

    def wave() -> Any:
        return _zeros(1, 16000)

    def features() -> Any:
        return _zeros(1, 64, 80)

    yield one("Wav2Letter", lambda a: a.models.Wav2Letter(40, "mfcc", 13), lambda: _zeros(1, 13, 200))
    yield one("DeepSpeech", lambda a: a.models.DeepSpeech(26, 128), lambda: _zeros(1, 1, 100, 26))
    yield one("ConvTasNet", lambda a: a.models.conv_tasnet_base(), lambda: _zeros(1, 1, 8000))
    yield one("wav2vec2_base", lambda a: a.models.wav2vec2_base(), wave)
    yield one("hubert_base", lambda a: a.models.hubert_base(), wave)
    yield one("wavlm_base", lambda a: a.models.wavlm_base(), wave)
    yield one("WaveRNN", lambda a: a.models.WaveRNN([5, 5, 8], 16, 200, n_freq=80, kernel_size=5),
              lambda: _zeros(1, 1, 2000), lambda: _zeros(1, 1, 80, 14))
    yield one("Conformer", lambda a: a.models.Conformer(80, 4, 128, 2, 31), features, long(64))
    yield one("HDemucs", lambda a: a.models.hdemucs_low(["a", "b"]), lambda: _zeros(1, 2, 44100))
    yield one("Spectrogram", lambda a: a.transforms.Spectrogram(400), wave)
    yield one("MelSpectrogram", lambda a: a.transforms.MelSpectrogram(16000), wave)
    yield one("MFCC", lambda a: a.transforms.MFCC(16000), wave)
    yield one("Resample", lambda a: a.transforms.Resample(16000, 8000), wave)


def _made_on_cpu(make: Callable[[Any], Any]) -> Any:
    """Filter banks are computed when a module is made; it goes to the device of the moment afterwards."""
    import torch

    device = torch.get_default_device()
    with torch.device("cpu"):
        return make(_audio()).to(device)


def _audio() -> Any:
    """torchaudio, without its compiled part, which is made for another build of torch than the CPU's."""
    if "torchaudio" not in sys.modules:
        stub: Any = types.ModuleType("torchaudio._extension")
        stub._IS_TORCHAUDIO_EXT_AVAILABLE = False
        stub.fail_if_no_align = lambda f: f
        stub._load_lib = lambda name: False
        sys.modules["torchaudio._extension"] = stub
    import torchaudio

    return torchaudio
