"""Files that other packages write: scikit-learn, LightGBM, XGBoost and CatBoost as ONNX, Keras archives, TFLite.

Each writer takes a folder and returns the file it wrote and, where one line says it, how many products one row takes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["Writer", "writers"]

Writer: TypeAlias = "Callable[[Path], tuple[Path, int | None]]"

_ROWS, _FEATURES, _CLASSES = 120, 8, 3

_SCIKIT: Mapping[str, Mapping[str, Any]] = {
    "linear_model.LinearRegression": {}, "linear_model.Ridge": {}, "linear_model.Lasso": {},
    "linear_model.ElasticNet": {}, "linear_model.BayesianRidge": {}, "linear_model.HuberRegressor": {},
    "linear_model.PoissonRegressor": {}, "linear_model.LogisticRegression": {}, "linear_model.SGDClassifier": {},
    "linear_model.Perceptron": {}, "linear_model.RidgeClassifier": {}, "svm.LinearSVC": {}, "svm.SVC": {},
    "svm.NuSVC": {"nu": .2}, "svm.SVR": {}, "svm.OneClassSVM": {}, "svm.LinearSVR": {},
    "tree.DecisionTreeClassifier": {"max_depth": 5}, "tree.DecisionTreeRegressor": {"max_depth": 5},
    "tree.ExtraTreeClassifier": {"max_depth": 5}, "ensemble.RandomForestClassifier": {"n_estimators": 5},
    "ensemble.RandomForestRegressor": {"n_estimators": 5}, "ensemble.ExtraTreesClassifier": {"n_estimators": 5},
    "ensemble.GradientBoostingClassifier": {"n_estimators": 5},
    "ensemble.GradientBoostingRegressor": {"n_estimators": 5},
    "ensemble.AdaBoostClassifier": {"n_estimators": 5}, "ensemble.AdaBoostRegressor": {"n_estimators": 5},
    "ensemble.BaggingClassifier": {"n_estimators": 3}, "ensemble.IsolationForest": {"n_estimators": 3},
    "neighbors.KNeighborsClassifier": {}, "neighbors.KNeighborsRegressor": {}, "neighbors.LocalOutlierFactor": {
        "novelty": True}, "neighbors.RadiusNeighborsRegressor": {"radius": 9.},
    "naive_bayes.GaussianNB": {}, "naive_bayes.BernoulliNB": {}, "naive_bayes.MultinomialNB": {},
    "naive_bayes.ComplementNB": {}, "neural_network.MLPClassifier": {"hidden_layer_sizes": (16, 4), "max_iter": 5},
    "neural_network.MLPRegressor": {"hidden_layer_sizes": (16,), "max_iter": 5},
    "discriminant_analysis.LinearDiscriminantAnalysis": {}, "discriminant_analysis.QuadraticDiscriminantAnalysis": {},
    "gaussian_process.GaussianProcessRegressor": {}, "mixture.GaussianMixture": {"n_components": 2},
    "mixture.BayesianGaussianMixture": {"n_components": 2}, "cluster.KMeans": {"n_clusters": 3},
    "cluster.MiniBatchKMeans": {"n_clusters": 3}, "decomposition.PCA": {"n_components": 3},
    "decomposition.IncrementalPCA": {"n_components": 3}, "decomposition.TruncatedSVD": {"n_components": 3},
    "decomposition.KernelPCA": {"n_components": 3}, "cross_decomposition.PLSRegression": {},
    "preprocessing.StandardScaler": {}, "preprocessing.MinMaxScaler": {}, "preprocessing.MaxAbsScaler": {},
    "preprocessing.RobustScaler": {}, "preprocessing.Normalizer": {}, "preprocessing.Binarizer": {},
    "preprocessing.PolynomialFeatures": {}, "preprocessing.PowerTransformer": {}, "preprocessing.QuantileTransformer": {
        "n_quantiles": 20}, "preprocessing.KBinsDiscretizer": {"encode": "ordinal"}, "preprocessing.OneHotEncoder": {
        "handle_unknown": "ignore"}, "preprocessing.OrdinalEncoder": {}, "impute.SimpleImputer": {},
    "impute.KNNImputer": {}, "random_projection.GaussianRandomProjection": {"n_components": 3},
    "feature_selection.SelectKBest": {"k": 3}, "feature_selection.VarianceThreshold": {},
    "multiclass.OneVsRestClassifier": {}, "calibration.CalibratedClassifierCV": {},
    "ensemble.VotingClassifier": {"flatten_transform": False},
    "ensemble.StackingClassifier": {}, "pipeline.Pipeline": {}, "compose.ColumnTransformer": {},
}

_KERAS = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0",
          "ResNet50", "ResNet50V2", "DenseNet121", "VGG16", "VGG19", "Xception", "InceptionV3",
          "InceptionResNetV2", "ConvNeXtTiny", "ResNet101", "EfficientNetV2S", "DenseNet201", "ResNet152V2")
_TFLITE = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "ResNet50", "DenseNet121", "NASNetMobile",
           "Xception")


def writers() -> dict[str, Writer]:
    """Every file by its name, ``package/model``."""
    found: dict[str, Writer] = {f"sklearn/{path.rpartition('.')[2]}": partial(_scikit, path) for path in _SCIKIT}
    for kind in ("classifier", "binary", "regressor"):
        for package, write in (("lightgbm", _lightgbm), ("xgboost", _xgboost), ("catboost", _catboost)):
            found[f"{package}/{kind}"] = partial(write, kind)
    for booster in ("dart", "rf", "goss"):
        found[f"lightgbm/{booster}"] = partial(_lightgbm, "binary", boosting_type=booster)
    found |= {f"keras/{name}": partial(_keras, name) for name in _KERAS}
    found |= {f"keras/{name}.h5": partial(_keras, name, ending="h5") for name in _KERAS[:4]}
    found |= {f"tflite/{name}": partial(_tflite, name) for name in _TFLITE}
    found |= {f"tflite/{name}_int8": partial(_tflite, name, quantised=True) for name in _TFLITE[:3]}
    return found


def _data(kind: str) -> Any:
    import numpy as np

    random = np.random.default_rng(0)
    x = random.random((_ROWS, _FEATURES)).astype(np.float32)
    if kind == "regressor":
        return x, x.sum(1)
    classes = _CLASSES if kind == "classifier" else 2
    return x, np.digitize(x[:, 0] + .1 * random.random(_ROWS), np.linspace(0, 1.1, classes + 1)[1:-1])


def _scikit(path: str, folder: Path) -> tuple[Path, int | None]:
    import importlib

    import numpy as np
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    module, name = path.split(".")
    options = dict(_SCIKIT[path])
    two = [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=3))]
    if name in ("OneVsRestClassifier", "CalibratedClassifierCV"):
        options["estimator"] = LogisticRegression()
    elif name in ("VotingClassifier", "StackingClassifier"):
        options["estimators"] = two
    elif name == "Pipeline":
        options["steps"] = [("scale", StandardScaler()), ("classify", LogisticRegression())]
    elif name == "ColumnTransformer":
        options["transformers"] = [("scale", StandardScaler(), [0, 1, 2]), ("pass", "passthrough", [3, 4])]
    estimator = getattr(importlib.import_module(f"sklearn.{module}"), name)(**options)
    regress = "Regress" in name or name in ("Ridge", "Lasso", "ElasticNet", "BayesianRidge", "SVR", "LinearSVR")
    x, y = _data("regressor" if regress and name != "LogisticRegression" else "classifier")
    if name in ("OneHotEncoder", "OrdinalEncoder"):
        x = (4 * x).astype(np.int64)
    estimator.fit(x, y)
    file = folder / "model.onnx"
    file.write_bytes(to_onnx(estimator, x[:1], target_opset={"": 15, "ai.onnx.ml": 3}).SerializeToString())
    return file, _products(estimator)


def _products(estimator: Any) -> int | None:
    """Products of one row where the estimator's arrays say it: matrices of coefficients, nothing else."""
    if hasattr(estimator, "coefs_"):
        return int(sum(w.size for w in estimator.coefs_))
    module = type(estimator).__module__
    if hasattr(estimator, "coef_") and ".linear_model" in module:
        return int(estimator.coef_.size)
    if hasattr(estimator, "tree_") or (".ensemble" in module and hasattr(estimator, "estimators_")
                                       and type(estimator).__name__.startswith(("RandomForest", "ExtraTrees"))):
        return 0
    return None


def _saved(model: Any, folder: Path) -> Path:
    file = folder / "model.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def _lightgbm(kind: str, folder: Path, **options: Any) -> tuple[Path, int | None]:
    import lightgbm
    from onnxmltools.convert import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    make = lightgbm.LGBMRegressor if kind == "regressor" else lightgbm.LGBMClassifier
    if options.get("boosting_type") == "rf":
        options |= {"bagging_freq": 1, "bagging_fraction": .5}
    model = make(n_estimators=5, min_child_samples=5, verbose=-1, n_jobs=1, random_state=0, **options)
    model.fit(*_data(kind))
    types = [("input", FloatTensorType([None, _FEATURES]))]
    return _saved(convert_lightgbm(model, initial_types=types, target_opset=15), folder), 0


def _xgboost(kind: str, folder: Path) -> tuple[Path, int | None]:
    import xgboost
    from onnxmltools.convert import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    make = xgboost.XGBRegressor if kind == "regressor" else xgboost.XGBClassifier
    model = make(n_estimators=5, max_depth=4, n_jobs=1, random_state=0)
    model.fit(*_data(kind))
    types = [("input", FloatTensorType([None, _FEATURES]))]
    return _saved(convert_xgboost(model, initial_types=types, target_opset=15), folder), 0


def _catboost(kind: str, folder: Path) -> tuple[Path, int | None]:
    import catboost

    make = catboost.CatBoostRegressor if kind == "regressor" else catboost.CatBoostClassifier
    model = make(iterations=5, depth=4, verbose=False, thread_count=1, random_seed=0, allow_writing_files=False)
    model.fit(*_data(kind))
    file = folder / "model.onnx"
    model.save_model(str(file), format="onnx")
    return file, 0


def _application(name: str) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    fixed = {"input_shape": (224, 224, 3)} if name.startswith("MobileNetV3") else {}  # by default their size is open
    return getattr(keras.applications, name)(weights=None, **fixed)


def _convolutions(model: Any) -> int:
    """Products of one image: of each convolution or dense layer, its kernel applied at each place of its result."""
    total = 0
    for layer in model._flatten_layers():
        kind, shape = type(layer).__name__, getattr(getattr(layer, "output", None), "shape", ())
        places = 1
        for size in shape[1:-1]:
            places *= size
        if kind in ("Conv2D", "Dense", "DepthwiseConv2D"):
            total += places * int(layer.kernel.shape[0] if not shape else _size(layer.kernel.shape))
        elif kind == "SeparableConv2D":
            total += places * (_size(layer.depthwise_kernel.shape) + _size(layer.pointwise_kernel.shape))
    return total


def _size(shape: Any) -> int:
    total = 1
    for d in shape:
        total *= int(d)
    return total


def _keras(name: str, folder: Path, ending: str = "keras") -> tuple[Path, int | None]:
    model = _application(name)
    file = folder / f"model.{ending}"
    model.save(file)
    return file, _convolutions(model)


def _tflite(name: str, folder: Path, quantised: bool = False) -> tuple[Path, int | None]:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import numpy as np
    import tensorflow

    model = _application(name)
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    if quantised:
        def sample() -> Any:
            yield [np.zeros((1, *model.input_shape[1:]), np.float32)]

        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.representative_dataset = sample
    file = folder / "model.tflite"
    file.write_bytes(converter.convert())
    return file, _convolutions(model)
