"""What fuzzing puts where a number or a word belongs."""

from __future__ import annotations

__all__ = ["MODELS", "NUMBERS", "WORDS"]

NUMBERS = ("0", "-1", "1", "2", "3", "1e300", "-1e300", "1e-320", "nan", "inf", "-inf", "1e400", "2.5", "0x10",
            "1_000", "9" * 30, "9223372036854775808", "-9223372036854775809", "true", "1e9", "٣", "½", " 4", "4 ", "+4",
            "1,5", "")
WORDS = ("", "banana", "\0", "\n", "é" * 20, "x" * 3000, "\x1b[31m", "../../etc/passwd", "/dev/null", "nan", "-", '"',
          "'", "[]", "{}", "=", ",", "#", "\ufeff", "\u202e", "relu", "mlp:4-3", "resnet18")
MODELS = ("mlp:4-3", "mlp:4-8-3:relu", "mlp:4-8-3:tanh", "mlp:16-16-4", "mlp:3-5-7-2:gelu",
           "conv2d 3x8x8 out_channels=4 kernel_size=3",
           "linear 16 out_features=4", "max_pool2d 3x8x8 kernel_size=2", "relu 3x4x4")
