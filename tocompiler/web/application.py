"""The application: a form, the report on one model, the comparison of two."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from tocompiler.extras import needs
from tocompiler.web.jobs import JobError, Limits, run

__all__ = ["FORMATS", "application"]

FORMATS = ("fp32", "bf16", "fp16", "fp8_e4m3", "int8", "mxfp4", "nvfp4", "w4a16")
"""Number formats that the form offers."""

_KINDS = {".onnx": "model.onnx", ".json": "config.json"}
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY"}
_Handler = Callable[[Any], Awaitable[Any]]


@needs("web", "the page")
def application(limits: Limits | None = None) -> Any:
    """The Starlette application. ImportError, in one line, without the packages of the extra ``web``."""
    import python_multipart  # noqa: F401 - the form is read with it
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    page = _Page(limits or Limits())
    return Starlette(
        routes=[Route("/", page.form), Route("/report", page.report, methods=["POST"]),
                Route("/compare", page.compare, methods=["POST"])],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])])


class _Page:
    """Its three addresses."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.turn = asyncio.Semaphore(limits.at_once)

    async def form(self, request: Any) -> Any:
        """The form, empty."""
        return _html(_form())

    async def report(self, request: Any) -> Any:
        """The report on the first model."""
        from tocompiler.report.page import render

        return await self.answer(request, 1, render)

    async def compare(self, request: Any) -> Any:
        """Both models side by side."""
        return await self.answer(request, 2, lambda found: _template("compare.html", **found))

    async def answer(self, request: Any, count: int, shown: Callable[[dict[str, Any]], str]) -> Any:
        """Read the form within its limit, let a child read the files, show what it found; or the form and why not."""
        from starlette.exceptions import HTTPException

        given: Mapping[str, Any] = {}
        try:
            _refuse_strangers(request)
            _bound(request, self.limits.upload_byte)
            async with request.form(max_files=2, max_fields=16) as given:
                with tempfile.TemporaryDirectory(prefix="tocompiler-") as folder:
                    asked = {"models": [await _model(given, n, Path(folder)) for n in range(1, count + 1)],
                             **_options(given)}
                    async with self.turn:
                        found = await run(asked, self.limits)
                return _html(await asyncio.to_thread(shown, found))
        except JobError as error:
            return _html(_form(given, str(error)), 422)
        except HTTPException as error:
            return _html(_form({}, error.detail), error.status_code)


def _refuse_strangers(request: Any) -> None:
    """A page from elsewhere has no business to send files here."""
    from starlette.exceptions import HTTPException

    origin = request.headers.get("origin")
    if origin not in (None, f"{request.url.scheme}://{request.headers.get('host')}"):
        raise HTTPException(403, "this was sent by another page")


def _bound(request: Any, most: int) -> None:
    """Stop reading where more than ``most`` bytes come, whatever the header says."""
    from starlette.exceptions import HTTPException

    refusal = HTTPException(413, f"a file may have {most >> 20} MB (tocompiler web --upload)")
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > most:
        raise refusal
    receive, seen = request._receive, 0

    async def counted() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise refusal
        return message

    request._receive = counted


async def _model(given: Mapping[str, Any], number: int, folder: Path) -> tuple[str, str]:
    """Label and source of one model: a file that was sent, or a name of the zoo."""
    from tocompiler import zoo

    sent, name = given.get(f"file{number}"), str(given.get(f"name{number}", "")).strip()
    if sent is not None and not isinstance(sent, str) and sent.filename:
        label = Path(sent.filename).name[:100]
        kind = Path(label).suffix.lower()
        if kind not in _KINDS:
            raise JobError(f"{label}: is neither a model (.onnx) nor a Hugging Face configuration (.json)")
        (folder / str(number)).mkdir()
        path = folder / str(number) / _KINDS[kind]
        with path.open("wb") as file:
            while part := await sent.read(1 << 20):
                file.write(part)
        return label, f"hf:{path}" if kind == ".json" else str(path)
    if not name:
        raise JobError(f"choose a file or a name for model {number}")
    if name not in zoo.names():
        raise JobError(f"there is no network '{name[:60]}': choose one of the list, or a file")
    return name, name


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Device, format, batch and dimensions. JobError where one is not what it should be."""
    from hardware.device import device_names

    device, format = str(given.get("device", "")), str(given.get("format", ""))
    if device not in device_names():
        raise JobError("choose a device of the list")
    if format and format not in FORMATS:
        raise JobError("choose a number format of the list")
    dims = dict(part.strip().partition("=")[::2] for part in str(given.get("dims", "")).split(",") if part.strip())
    numbers = {"batch": str(given.get("batch", "")).strip(), **dims}
    for name, text in numbers.items():
        if (text or name != "batch") and not (text.isdecimal() and int(text[:12]) > 0 and len(text) <= 12):
            raise JobError(f"{name or 'a dimension'}: '{text[:40]}' is no positive number, as in sequence=128")
    batch = numbers.pop("batch")
    return {"device": device, "format": format or None, "batch": int(batch) if batch else None,
            "dims": {name: int(text) for name, text in numbers.items()}}


def _form(given: Mapping[str, Any] | None = None, error: str = "") -> str:
    from hardware.device import device_names
    from tocompiler import zoo

    kept = {k: v for k, v in (given or {}).items() if isinstance(v, str)}
    return _template("form.html", given=kept, error=error, devices=device_names(), formats=FORMATS,
                     networks=[name for name in zoo.names() if name != "mlp"])


@cache
def _environment() -> Any:
    import jinja2

    from tocompiler.report.units import si

    def read(name: str) -> str:
        return resources.files("tocompiler").joinpath(name).read_text(encoding="utf-8")

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True,
                                     loader=jinja2.FunctionLoader(lambda name: read(f"web/{name}")))
    environment.filters.update(si=si)
    environment.globals.update(style=read("report/page.css"))
    return environment


def _template(name: str, **values: Any) -> str:
    text: str = _environment().get_template(name).render(**values)
    return text


def _html(text: str, status: int = 200) -> Any:
    from starlette.responses import HTMLResponse

    return HTMLResponse(text, status, _HEADERS)
