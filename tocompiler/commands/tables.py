"""What the commands that take a table share: which rows, what was taken for granted, a table to fill in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from tocompiler.commands.output import note, put

if TYPE_CHECKING:
    from hardware.measurement import Measurement

__all__ = ["TEMPLATE", "as_table_option", "rewrite", "say_remarks", "template_option", "where_option"]

TEMPLATE = """\
# One row for each run. energy_joule: of all executions together, as the meter read it (or energy_mJ, energy_Wh).
# executions: how often the network ran within that energy; let a run take several seconds.
# model: a zoo name (`tocompiler zoo`), a model file beside this table, or a layer with its arguments.
model,batch,format,executions,energy_joule
mobilenet_v2,1,fp32,,
mobilenet_v2,16,fp32,,
mobilenet_v3_large,1,fp32,,
squeezenet1_1,1,fp32,,
resnet18,1,fp32,,
resnet18,16,fp32,,
resnet50,1,fp32,,
resnet50,16,fp32,,
efficientnet_b0,1,fp32,,
densenet121,1,fp32,,
vgg11,1,fp32,,
vit_b_16,1,fp32,,
bert_base,1,fp32,,
bert_base,8,fp32,,
linear 1024 out_features=4096,64,fp32,,
conv2d 64x56x56 out_channels=64 kernel_size=3 padding=1,8,fp32,,
"""
"""Networks that differ in size and in kind: what a calibration wants, with the energies left to fill in."""


def _where(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in values:
        column, equals, value = text.partition("=")
        if not column or not equals:
            raise click.BadParameter(f"'{text}' is not COLUMN=VALUE, as in device=a100")
        found[column] = value
    return found


def _template(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given and not context.resilient_parsing:
        put(TEMPLATE.rstrip("\n"))
        context.exit()


where_option = click.option("--where", multiple=True, callback=_where, metavar="COLUMN=VALUE",
                            help="Use only the rows that say so, as in device=a100.")
template_option = click.option("--template", is_flag=True, is_eager=True, expose_value=False, callback=_template,
                               help="Print a table to fill in, and stop.")
as_table_option = click.option("--as-table", "as_table", metavar="PATH.csv",
                               help="Write TABLE as it was understood, and stop.")


def rewrite(table: str, where: Mapping[str, str], path: str) -> None:
    """Write a table as it was read, before anything is compiled."""
    from hardware.measurement import read_table, table_remarks, write_table
    from tocompiler.tables import table_path

    for remark in table_remarks(table_path(table), where):
        note(f"{table}: {remark}")
    write_table(path, read_table(table_path(table), where))


def say_remarks(table: str, where: Mapping[str, str], measured: Sequence[Measurement]) -> None:
    """On standard error: what was taken for granted in reading a table, and what in it is doubtful."""
    from hardware.measurement import table_remarks
    from tocompiler.plausibility import doubts
    from tocompiler.tables import table_path

    for text in (*table_remarks(table_path(table), where), *doubts(measured)):
        note(f"{table}: {text}")
