"""summary: a torch module's tree holds the counts of its parts, and a refusal is one line."""

from __future__ import annotations

import pytest

import tocompiler

torch = pytest.importorskip("torch")


def test_a_module_is_shown_as_the_tree_of_its_modules() -> None:
    block = [torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU()) for _ in range(3)]
    net = torch.nn.Sequential(*block, torch.nn.Linear(8, 2))
    found = tocompiler.summary(net, torch.zeros(4, 8), "jetson_tx2_maxn")
    text = str(found)
    # 4 x 8 x 8 products in each of three blocks, 4 x 8 x 2 at the end
    assert found.program.totals.multiply_accumulates == 3 * 4 * 8 * 8 + 4 * 8 * 2
    assert "832" in text
    assert f"on {found.prediction.device} (90 % interval" in text


def test_a_module_that_torch_refuses_is_one_line() -> None:
    class Refusing(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no such shape\nand much more")

    with pytest.raises(ValueError, match=r"torch\.export refuses Refusing: no such shape$") as error:
        tocompiler.summary(Refusing(), torch.zeros(4))
    assert "\n" not in str(error.value)
