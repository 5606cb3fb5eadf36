"""Keras models, and the archives they are saved in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, made_by, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Keras"]


@register
class Keras(FrontEnd):
    """A model, or the path of a ``.keras`` archive or HDF5 file. A model that is built by its own ``call`` has no
    configuration: over torch it is read as the torch module that it is."""

    name = "keras"
    gives = "a Keras model or its .keras archive"

    def takes(self, source: Any) -> bool:
        return source.endswith((".keras", ".h5", ".hdf5")) if isinstance(source, str) else made_by(source, "keras")

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.keras import read

        configured = any(cls.__name__ in ("Functional", "Sequential") for cls in type(source).__mro__)
        if not isinstance(source, str) and not configured:
            if made_by(source, "torch") and given.example_inputs is not None:
                from tocompiler.frontends.torch import called
                from tocompiler.frontends.torch import read as read_torch

                called(source, given.example_inputs)  # which makes its weights
                return read_torch(source, given.example_inputs, given.batch, given.dims, given.symbolic)
            raise ValueError(f"{type(source).__name__} is built by its own call, which no configuration says: load it "
                             "over Keras' torch backend with example_inputs, or export it to ONNX with "
                             "model.export('model.onnx', format='onnx')")
        try:
            return read(source, batch=given.batch, dims=given.dims, symbolic=given.symbolic)
        except ValueError:
            if isinstance(source, str) or not made_by(source, "torch") or given.dims or given.symbolic:
                raise
            from tocompiler.frontends.torch import read_built

            network = read_built(source, given.batch or 1)
            if network is None:
                raise
            return network
