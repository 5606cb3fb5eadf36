"""``tocompiler web``: the report as a page on this machine's loopback address."""

from __future__ import annotations

import click

from tocompiler.commands.output import note
from tocompiler.extras import needs

__all__ = ["command"]


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The port; 0: any free.")
@click.option("--upload", type=click.IntRange(min=1), default=512, show_default=True, help="Largest file, MB.")
@click.option("--memory", type=click.IntRange(min=64), default=2048, show_default=True,
              help="Memory of the process that reads a file, MB.")
@click.option("--seconds", type=click.IntRange(min=1), default=60, show_default=True, help="Its time.")
@needs("web", "the page")
def command(port: int, upload: int, memory: int, seconds: int) -> None:
    """Serve a page to drop a model on: an ONNX file or a config.json, a device, a format, a batch; or two models.

    It listens on 127.0.0.1 alone. Files are read by a process of their own; no upload leaves the machine.

    \b
    Example: tocompiler web
             tocompiler web --port 0 --seconds 120
    """
    import socket

    import uvicorn

    from tocompiler.web import Limits, application

    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        note(f"http://127.0.0.1:{listening.getsockname()[1]} (ends with Ctrl-C)")
        limits = Limits(upload << 20, memory << 20, seconds)
        uvicorn.Server(uvicorn.Config(application(limits), log_level="warning")).run(sockets=[listening])
