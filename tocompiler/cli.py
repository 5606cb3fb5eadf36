"""The command line: finds the command, and turns bad input into one clear line and exit status 1."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import warnings
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn

import click

from tocompiler import __version__, check_hardware
from tocompiler.errors import UnmodelledWarning, one_line

__all__ = ["main", "run"]

COMMANDS = {
    "activations": "Compare activation functions by cost and accuracy.",
    "calibrate": "Fit a device's coefficients to measured energy.",
    "check": "Hold a model to a budget of energy.",
    "circuits": "List circuits with their transistors and switching.",
    "compare": "Set models, formats, batches or devices side by side.",
    "compile": "Compile a model to transistor operations and energy.",
    "devices": "List the calibrated devices.",
    "evaluate": "Hold predictions against measurements.",
    "measure": "Measure this machine's energy, for calibrate.",
    "profile": "Measure a model operator by operator.",
    "report": "Write a page on a model's energy that works offline.",
    "serve-cost": "Price requests to a language model on server GPUs.",
    "study": "Study how activation functions change a network's cost.",
    "sweep": "Compile and price every configuration of a space.",
    "web": "Serve a page to drop models on, on this machine.",
    "zoo": "List the networks that have a name.",
}


class LazyGroup(click.Group):
    """A group whose commands live in ``tocompiler.commands`` and are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tocompiler.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None,
                                                                            list[str]]:
        """Find the command; a name that is nearly one is told which."""
        from difflib import get_close_matches

        near = get_close_matches(args[0], COMMANDS, n=2, cutoff=0.6)
        if args[0] not in COMMANDS and near:
            raise click.UsageError(f"there is no command '{args[0]}'; did you mean {' or '.join(near)}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tocompiler")
@click.option("--debug", is_flag=True, help="Show where an error happened.")
def cli(debug: bool) -> None:
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
    os._exit(status if isinstance(status, int) else 0 if status is None else 1)


def main() -> None:
    """The command line: exit status 0 done, 1 bad input, 2 usage, 130 interrupted.

    Whatever goes wrong is one line on standard error; ``--debug``, anywhere on the line, adds where it happened.
    """
    gc.set_threshold(100_000)  # a compile makes many small objects that live to its end: looking for garbage is waste
    warnings.simplefilter("ignore", UnmodelledWarning)  # the commands say it themselves, and leave with status 1
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    if arguments[:1] == ["compile"]:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no large matrix to multiply: threads cost only their start
        from tocompiler.frontends.lean_onnx import prepare

        prepare()
    try:
        sys.exit(_status(arguments))
    except Exception as error:
        if debug:
            raise
        _complain(f"tocompiler: {one_line(error)}")
        sys.exit(1)


def _status(arguments: list[str]) -> int:
    """Run one command with its output written out to the last byte."""
    if sys.stdout is None:
        raise OSError("standard output is closed; send it to a file or to /dev/null")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character shows its number
    try:
        check_hardware()
        status = cli.main(arguments, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough; keep the interpreter from complaining at exit.
        _discard_output()
        return 0
    except OSError:
        _discard_output()  # what is left in the buffer of a full disk would fail once more at exit
        raise
    return status if isinstance(status, int) else 0


def _discard_output() -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    """Say it on standard error, where there is one."""
    with suppress(OSError, AttributeError):
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run()
