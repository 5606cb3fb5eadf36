"""What people meet: the tables they have, the commands they paste, the summary they compare with another's.

    python benchmarks/people.py [--smoke] [--full] [--json PATH]
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from claims import Claim, Options, main
from people_commands import failing, pasted
from people_install import run as installation
from people_page import run as opened
from people_summary import MODELS
from people_summary import run as summaries
from people_tables import CASES, TRUTH, Case

import hardware
import tocompiler


def tables(options: Options) -> Iterator[Claim]:
    """Tables that are calibrated on the truth, or refused or doubted with the line that mends them."""
    cases = CASES[::6] if options.smoke else CASES
    wrong = [case.name for case in cases if not _as_it_should(case)]
    yield Claim("tables_read", 1 - len(wrong) / len(cases), "", {"tables": len(cases)},
                f"not: {', '.join(wrong)}" if wrong else "")


def _as_it_should(case: Case) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = case.write(Path(folder))
            measured = tocompiler.read_measurements(path)
            said = " ".join([*hardware.table_remarks(path), *tocompiler.doubts(measured)])
        except ValueError as error:
            return bool(case.refusal) and case.refusal in str(error) and "\n" not in str(error)
    if case.refusal or case.doubt not in said:
        return False
    return bool(case.doubt) or _calibrates(case, measured)


def _calibrates(case: Case, measured: list[hardware.Measurement]) -> bool:
    """Whether a device calibrated on the table predicts the truth's runs within 5 %."""
    device = tocompiler.calibrate(measured, "board")
    by_model = {(m.program.name, m.joule_per_execution): m for m in measured}
    energies = sorted(r.energy_joule / r.executions for r in TRUTH if case.batches or r.batch == 1)
    if any(abs(a / b - 1) > 1e-6 for a, b in zip(sorted(e for _, e in by_model), energies, strict=True)):
        return False
    errors = [abs(tocompiler.predict(m.program, device).energy_joule / m.joule_per_execution - 1) for m in measured]
    return sum(errors) / len(errors) < 0.05


def commands(options: Options) -> Iterator[Claim]:
    """Commands and snippets of README and docs that fail as pasted, in a copy of examples/."""
    if options.smoke:
        yield Claim("people_readme_commands_failing", None, reason="takes minutes: not in the smoke run")
        return
    wrong = failing()
    yield Claim("people_readme_commands_failing", len(wrong), "", {"commands": len(list(pasted()))}, "; ".join(wrong))


def install(options: Options) -> Iterator[Claim]:
    """Size of a bare installation, and the time to the first answer with it."""
    if options.smoke:
        for name in ("install_megabyte", "first_answer_second"):
            yield Claim(name, None, reason="installs from an index: not in the smoke run")
        return
    yield from installation()


def run(options: Options) -> Iterator[Claim]:
    """Every claim about what people meet."""
    yield from tables(options)
    yield from summaries(("squeezenet1_1",) if options.smoke else MODELS)
    yield from install(options)
    yield from opened(10 if options.smoke else 400)
    yield from commands(options)


if __name__ == "__main__":
    main(run, __doc__)
