"""The command line: finds the command, and turns bad input into one clear line and exit status 1."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from tocompiler import __version__, check_hardware

__all__ = ["main", "run"]

COMMANDS = {
    "activations": "Compare activation functions by cost and accuracy.",
    "calibrate": "Fit a device's coefficients to measured energy.",
    "circuits": "List circuits with their transistors and switching.",
    "compile": "Compile a model to transistor operations and energy.",
    "devices": "List the calibrated devices.",
    "evaluate": "Hold predictions against measurements.",
    "study": "Study how activation functions change a network's cost.",
}


class LazyGroup(click.Group):
    """A group whose commands live in ``tocompiler.commands`` and are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tocompiler.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tocompiler")
def cli() -> None:
    """Predict what a neural network costs in energy, before anyone runs it."""


def run() -> NoReturn:
    """The console script: ``main``, and then out at once.

    Everything is written by then; taking the network and onnx's schemas apart object by object would add a tenth.
    """
    status: object = 0
    try:
        main()
    except SystemExit as leaving:
        status = leaving.code
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 0 if status is None else 1)


def main() -> None:
    """The command line: exit status 0 done, 1 bad input, 2 usage."""
    gc.set_threshold(100_000)  # a compile makes many small objects that live to its end: looking for garbage is waste
    if sys.argv[1:2] == ["compile"]:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no large matrix to multiply: threads cost only their start
    try:
        check_hardware()
        status = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (ValueError, OSError, ImportError) as error:
        if os.environ.get("TOCOMPILER_TRACEBACK"):
            raise
        print(f"tocompiler: {_one_line(error)}", file=sys.stderr)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    return " ".join(str(error).split())


if __name__ == "__main__":
    run()
