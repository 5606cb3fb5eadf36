"""Shows mutants to tests: which test runs which function is observed once, and each mutant runs in a process of its own
that has everything imported already.

A mutant inside a function takes the function's place in a forked copy of a pytest session, and the tests that run the
function follow, the quickest first. What no test notices there, and what is computed when a module is imported, is
shown to the tests once more in a process that imports the project anew with the mutant in it.
"""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from mutants import Mutant

__all__ = ["Trace", "anew", "in_place", "observed", "preload"]

_PACKAGES = ("alu_library", "tocompiler", "hardware")
_THIRD = ("numpy", "onnx", "onnx.reference", "sympy", "scipy.stats", "statsmodels.api", "networkx", "click",
          "hypothesis", "tabulate", "tomli_w", "matplotlib.pyplot", "ml_dtypes", "mpmath")
_SECONDS = 60.0
"""Processor time that the tests of one mutant take, as they took it on the right program; a mutant may take thrice."""
_OUT_OF_TIME = (signal.SIGXCPU, signal.SIGKILL)


@dataclass
class Trace:
    """What ran: functions by test (``path:qualified.name:line``), and each test's seconds."""

    functions: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def tests(self, keys: Sequence[str], path: str) -> list[str]:
        """Tests that run one of the functions (without any: anything of the file), the quickest first."""
        wanted = set(keys)
        reaching = [test for test, ran in self.functions.items()
                    if (not wanted.isdisjoint(ran) if wanted else any(f.startswith(f"{path}:") for f in ran))]
        chosen, seconds = [], 0.0
        for test in sorted(reaching, key=lambda t: self.seconds[t]):
            seconds += self.seconds[test] + 0.01
            if seconds > _SECONDS and chosen:
                break
            chosen.append(test)
        return chosen


def preload() -> None:
    """Import what others wrote, once for all mutants."""
    for name in _THIRD:
        with suppress(ImportError):
            importlib.import_module(name)


# What each test runs.


class _Session:
    """A pytest plugin that hands the collected tests over instead of running them."""

    def __init__(self, act: Callable[[dict[str, pytest.Item]], None]) -> None:
        self._act = act

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._act({item.nodeid: item for item in session.items})
        return True


def _collected(files: Sequence[str], act: Callable[[dict[str, pytest.Item]], None]) -> None:
    """In a child process, so that this one never has the project imported: the tests of the files, for ``act``."""
    def child() -> int:
        return int(pytest.main(["-q", "-p", "no:cacheprovider", *files], plugins=[_Session(act)]))

    status = _forked(child, None)
    if status != 0:
        raise RuntimeError(f"the tests could not be collected: status {status}")


def observed(files: Sequence[str], root: Path, into: Path) -> Trace:
    """Run every test of the files once; the trace is kept in ``into``, file by file, and gone on with from there."""
    trace = Trace()
    known = [json.loads(line) for line in into.read_text(encoding="utf-8").splitlines()] if into.exists() else []
    for entry in known:
        trace.functions |= entry["functions"]
        trace.seconds |= entry["seconds"]
    missing = [file for file in files if file not in {entry["file"] for entry in known}]

    def act(items: dict[str, pytest.Item]) -> None:
        for file in missing:
            part = {name: item for name, item in items.items() if name.split("::")[0] == file}
            _forked(lambda part=part, file=file: _observe(part, root, file, into), None)  # type: ignore[misc]

    if missing:
        _collected(missing, act)
        return observed([], root, into)
    return trace


def _observe(items: Mapping[str, pytest.Item], root: Path, file: str, into: Path) -> int:
    _forget()
    entry: dict[str, Any] = {"file": file, "functions": {}, "seconds": {}}
    names: dict[int, str] = {}
    for name, item in items.items():
        ran: set[int] = set()

        def profile(frame: FrameType, event: str, _: object, ran: set[int] = ran) -> None:
            code = frame.f_code
            if event == "call" and id(code) not in ran:
                ran.add(id(code))
                if id(code) not in names:
                    names[id(code)] = key(code, root)

        begun = time.process_time()
        sys.setprofile(profile)
        passed = _passes(item)
        sys.setprofile(None)
        if passed:
            entry["seconds"][name] = round(time.process_time() - begun, 3)
            entry["functions"][name] = sorted({names[c] for c in ran} - {""})
    with into.open("a", encoding="utf-8") as out:
        out.write(json.dumps(entry) + "\n")
    return 0


def key(code: CodeType, root: Path) -> str:
    """A function of the project by file, name and line; empty for everything else."""
    path = code.co_filename.removeprefix(f"{root}/")
    return f"{path}:{code.co_qualname}:{code.co_firstlineno}" if path.startswith(_PACKAGES) else ""


def _passes(item: pytest.Item) -> bool:
    """Whether a test passes, with its fixtures made for it and taken down again."""
    failed = []

    class Listener:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.outcome != "passed":
                failed.append(report.outcome)

    manager = item.config.pluginmanager
    listener = manager.register(Listener())
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    manager.unregister(name=listener)
    return not failed


def _forget() -> None:
    """Empty every cache of the project: what it holds was computed by the right program."""
    for each in gc.get_objects():
        if type(each) is functools._lru_cache_wrapper and str(each.__module__).startswith(_PACKAGES):
            each.cache_clear()


# A mutant in the place of a function.


def in_place(mutants: Sequence[Mutant], trace: Trace, root: Path, files: Sequence[str],
             say: Callable[[Mutant, str, str], None]) -> None:
    """Show each mutant to the tests in a forked copy of one session; ``say`` its end: killed, late or alive."""
    def act(items: dict[str, pytest.Item]) -> None:
        for name in {_module(mutant) for mutant in mutants}:
            with suppress(ImportError):  # of an extra; many are imported when first used
                importlib.import_module(name)
        for mutant in mutants:
            _show(mutant, items, trace, root, say)

    _collected(files, act)


def _show(mutant: Mutant, items: Mapping[str, pytest.Item], trace: Trace, root: Path,
          say: Callable[[Mutant, str, str], None]) -> None:
    keys = _changed(mutant, root)
    tests = [t for t in trace.tests(list(keys), mutant.path) if t in items] if keys else []

    def child(out: int) -> int:
        if not _replace(keys, root):
            return 2
        _forget()
        for test in tests:
            if not _passes(items[test]):
                os.write(out, test.encode())
                return 1
        return 0

    if not tests:
        say(mutant, "alive", "")
        return
    read, write = os.pipe()
    status = _forked(lambda: child(write), 3 * sum(trace.seconds[t] for t in tests) + 30)
    os.close(write)
    with os.fdopen(read, "rb") as said:
        by = said.read().decode()
    if status == 3:
        raise RuntimeError(f"{mutant.path}:{mutant.line} could not be shown to {tests}")
    say(mutant, "killed" if status == 1 else "late" if status in _OUT_OF_TIME else "alive", by)


def _module(mutant: Mutant) -> str:
    return mutant.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _changed(mutant: Mutant, root: Path) -> dict[str, CodeType]:
    """New code by key of every function that the mutant changes; empty where it changes none alone."""
    right = _codes((root / mutant.path).read_text(encoding="utf-8"), mutant, root)
    return {name: code for name, code in _codes(mutant.text, mutant, root).items()
            if name in right and code.replace(co_linetable=b"") != right[name].replace(co_linetable=b"")}


def _codes(text: str, mutant: Mutant, root: Path) -> dict[str, CodeType]:
    found: dict[str, CodeType] = {}

    def walk(code: CodeType) -> None:
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                found[key(inner, root)] = inner
                walk(inner)

    walk(compile(text, str(root / mutant.path), "exec"))
    return {name: code for name, code in found.items() if code.co_flags & 1}  # optimised: functions, not class bodies


def _replace(keys: Mapping[str, CodeType], root: Path) -> bool:
    """Put the new code into every function that has the old; whether there was one."""
    replaced = False
    for each in gc.get_objects():
        if type(each) is FunctionType:  # isinstance asks proxies, which may import or be dead
            name = key(each.__code__, root)
            if name in keys:
                with suppress(ValueError):  # other closures: left for a new import
                    each.__code__ = keys[name]
                    replaced = True
    return replaced


# A mutant in a project that is imported anew.


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one module from another text than its file's."""

    text = ""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant, root: Path) -> None:
        self._name = _module(mutant)
        self._path, self._text = str(root / mutant.path), mutant.text

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._path)
        loader.text = self._text
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def anew(mutant: Mutant, trace: Trace, root: Path) -> str:
    """Whether tests of the mutant's function, or of its file, notice it in a process that has none of the project."""
    tests = trace.tests(list(_changed(mutant, root)), mutant.path)

    def child() -> int:
        sys.meta_path.insert(0, _Finder(mutant, root))
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))

    if not tests:
        return "survived"
    status = _forked(child, 3 * sum(trace.seconds[t] for t in tests) + 60)
    return "survived" if status == 0 else "late" if status in _OUT_OF_TIME else "killed"  # or does not even import


def _forked(act: Callable[[], int], seconds: float | None) -> int:
    """The exit status of ``act`` in a child, or the signal that ended it; it says nothing."""
    process = os.fork()
    if process == 0:
        status = 3
        try:
            if seconds is not None:
                used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
                resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, resource.RLIM_INFINITY))
                signal.signal(signal.SIGXCPU, signal.SIG_DFL)
                null = os.open(os.devnull, os.O_RDWR)
                for stream in (0, 1, 2):
                    os.dup2(null, stream)
            status = act()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

