"""What a notebook shows: every level as a short table of HTML, the dearest rows first named and all totals below."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from tocompiler.report.units import si

if TYPE_CHECKING:
    from tocompiler.costing import TransistorProgram
    from tocompiler.energy.prediction import Prediction
    from tocompiler.execution import ExecutionProgram
    from tocompiler.lowering import AluProgram
    from tocompiler.network import Network

__all__ = ["alu_html", "execution_html", "network_html", "prediction_html", "transistors_html"]

_MOST = 40  # rows that are shown; to_dataframe and report show all


def network_html(network: Network) -> str:
    """Operators with the shapes of their results."""
    rows = [(op.name, op.operator, ", ".join(f"{t.format}[{','.join(map(str, t.shape))}]" for t in op.outputs))
            for op in network.operators]
    return _table(repr(network), ("layer", "operator", "results"), rows)


def alu_html(program: AluProgram) -> str:
    """Tasks and products of each row."""
    rows = [(r.name, r.operator, r.phase, si(r.multiply_accumulates), si(r.tasks.total()), si(r.traffic_bit, "bit"))
            for r in program.rows]
    return _table(repr(program), ("layer", "operator", "phase", "MACs", "ALU tasks", "traffic"), rows,
                  ("total", "", "", si(program.multiply_accumulates), si(program.tasks.total()),
                   si(program.traffic_bit, "bit")))


def transistors_html(program: TransistorProgram) -> str:
    """Transistor operations of each row, and the totals."""
    total = program.totals
    rows = [(r.name, r.operator, r.phase, si(r.multiply_accumulates), si(r.transistor_operations), si(r.traffic_bit,
                                                                                                      "bit"))
            for r in program.rows]
    return _table(repr(program), ("layer", "operator", "phase", "MACs", "transistor ops", "traffic"), rows,
                  ("total", "", "", si(total.multiply_accumulates), si(total.transistor_operations),
                   si(total.traffic_bit, "bit")))


def execution_html(program: ExecutionProgram) -> str:
    """What a runtime really executes and moves, row by row."""
    rows = [(r.name, r.operator, r.phase, si(int(r["kernels"])), si(float(r["executed"])), si(float(r["far_byte"]),
                                                                                              "B"))
            for r in program.rows]
    return _table(repr(program), ("layer", "operator", "phase", "kernels", "transistor ops", "far"), rows)


def prediction_html(prediction: Prediction) -> str:
    """Energy of each operator, the whole with its interval, and whether it is an extrapolation."""
    rows = [(op.name, op.operator, op.phase, si(op.energy_joule, "J"),
             f"{100 * op.energy_joule / prediction.energy_joule:.1f} %") for op in prediction.operators]
    said = "" if prediction.in_domain else f"<p>It lies {escape(prediction.statement)}.</p>"
    return _table(repr(prediction), ("layer", "operator", "phase", "energy", "share"), rows,
                  ("total", "", "", si(prediction.energy_joule, "J"), "")) + said


def _table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[str]], total: Sequence[str] = ()) -> str:
    def line(cells: Sequence[str], tag: str = "td") -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    left = len(rows) - _MOST
    body = [line(row) for row in rows[:_MOST]]
    if left > 0:
        body.append(f'<tr><td colspan="{len(headers)}">… {left} rows more</td></tr>')
    foot = f"<tfoot>{line(total, 'th')}</tfoot>" if total else ""
    return (f"<table><caption>{escape(caption.strip('<>'))}</caption><thead>{line(headers, 'th')}</thead>"
            f"<tbody>{''.join(body)}</tbody>{foot}</table>")
