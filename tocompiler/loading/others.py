"""Files of formats that are not read: each with its way to one that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Others"]

_TORCH = "load the module in Python and give it to tocompiler.load with example_inputs, or torch.onnx.export it"
_TENSORFLOW = "convert it with 'python -m tf2onnx.convert --saved-model FOLDER --output model.onnx'"
_WAYS = {
    ".pt": f"a torch checkpoint holds weights or a pickled module, which is not opened; {_TORCH}",
    ".pth": f"a torch checkpoint holds weights or a pickled module, which is not opened; {_TORCH}",
    ".bin": "holds weights alone; give the config.json beside it",
    ".safetensors": "holds weights alone; give the config.json beside it",
    ".gguf": "holds quantised weights and no graph; give the model's config.json and --format w4a16 or w8a16",
    ".pb": f"a TensorFlow graph; {_TENSORFLOW}",
    ".mlmodel": "a Core ML model; give the model that it was converted from",
    ".mlpackage": "a Core ML model; give the model that it was converted from",
    ".engine": "a TensorRT plan, which holds kernels for one GPU; give the ONNX file that it was built from",
    ".plan": "a TensorRT plan, which holds kernels for one GPU; give the ONNX file that it was built from",
    ".caffemodel": "a Caffe model; convert it to ONNX",
    ".pdmodel": "a Paddle model; convert it with 'paddle2onnx'",
    ".pkl": "a pickle, which is not opened; convert the estimator with skl2onnx.to_onnx",
    ".joblib": "a pickle, which is not opened; convert the estimator with skl2onnx.to_onnx",
    ".cbm": "a CatBoost model; save it with model.save_model('model.onnx', format='onnx')",
    ".ubj": "an XGBoost model; convert it with onnxmltools.convert_xgboost",
    ".mlir": "MLIR text; give the model that it was lowered from",
    ".nnef": "an NNEF graph; convert it to ONNX",
}


@register
class Others(FrontEnd):
    """A path whose ending, or a folder whose content, says that it is of a format that is not read."""

    name = "others"
    gives = "none of the formats that others read"
    after = ("huggingface",)

    def takes(self, source: Any) -> bool:
        return isinstance(source, str) and (Path(source).suffix in _WAYS or Path(source, "saved_model.pb").is_file())

    def read(self, source: Any, given: Given) -> Network:
        """Always a ValueError, with the way out."""
        way = _WAYS.get(Path(source).suffix) or f"a TensorFlow SavedModel; {_TENSORFLOW.replace('FOLDER', source)}"
        raise ValueError(f"{source}: {way}")
