"""Tables of measurements as people export them: one truth, written as spreadsheets, libraries and meters write it.

``TRUTH`` is ten runs of perceptrons that cost 1 mJ each and 2 nJ for every product. Every case writes them, or spoils
them, and says what has to come of it: the truth read back, or a line that says what to mend.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

__all__ = ["CASES", "TRUTH", "Case", "Run"]


@dataclass(frozen=True)
class Run:
    """What was measured: energy of all executions together, and seconds of one."""

    model: str
    batch: int
    executions: int
    energy_joule: float
    latency_second: float


TRUTH = tuple(Run(f"mlp:{w}-{w}-{w}:relu", b, 1000, round(1000 * (1e-3 + 4e-9 * b * w * w), 9), 0.002 + 1e-4 * b)
              for w, b in ((64, 1), (96, 4), (128, 1), (192, 8), (256, 1), (384, 2), (512, 1), (640, 4), (768, 1),
                           (1024, 2)))


@dataclass(frozen=True)
class Case:
    """A file (or folder) to write, and the words of the line that mends it; none where it is read."""

    name: str
    write: Callable[[Path], Path]
    refusal: str = ""
    doubt: str = ""
    batches: bool = True


def _table(header: str, row: Callable[[Run], str], file: str = "table.csv", encoding: str = "utf-8", end: str = "\n",
           front: str = "", behind: str = "") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / file
        text = front + end.join([header, *map(row, TRUTH)]) + end + behind
        path.write_bytes(text.encode(encoding))
        return path

    return write


def _comma(value: float, grouping: str = "") -> str:
    """German and French numbers: a comma before the fraction."""
    return f"{value:,.6f}".replace(",", "\0").replace(".", ",").replace("\0", grouping)


def _json(make: Callable[[], object], file: str = "table.json", lines: bool = False) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path, found = folder / file, make()
        text = "\n".join(map(json.dumps, found)) if lines and isinstance(found, list) else json.dumps(found, indent=1)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _records() -> list[dict[str, object]]:
    return [{"model": r.model, "batch": r.batch, "executions": r.executions, "energy_joule": r.energy_joule}
            for r in TRUTH]


def _columns() -> dict[str, dict[str, object]]:
    rows = _records()
    return {name: {str(i): row[name] for i, row in enumerate(rows)} for name in rows[0]}


def _split() -> dict[str, object]:
    rows = _records()
    return {"columns": list(rows[0]), "index": list(range(len(rows))), "data": [list(row.values()) for row in rows]}


def _zeus() -> list[dict[str, object]]:
    """Zeus's Measurement as ``dataclasses.asdict`` gives it, with what it cannot know beside it."""
    return [{"window_name": r.model, "batch": r.batch, "executions": r.executions,
             "time": r.latency_second * r.executions,
             "gpu_energy": {"0": r.energy_joule / 4, "1": 3 * r.energy_joule / 4},
             "cpu_energy": {"0": 1.0}, "dram_energy": None} for r in TRUTH]


def _zeus_windows() -> dict[str, object]:
    return {str(row.pop("window_name")): row for row in _zeus()}


_CARBON = ("timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,gpu_power,"
           "ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,country_name,country_iso_code,region,cloud_provider,"
           "cloud_region,os,python_version,codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,"
           "latitude,ram_total_size,tracking_mode,on_cloud,pue")


def _carbon(run: Run, project: str | None = None, gpu: str = "1 x NVIDIA A100-SXM4-40GB") -> str:
    kwh, seconds = run.energy_joule / 3.6e6, run.latency_second * run.executions
    return (f"2024-05-27T11:31:35,{project or run.model},979336a5,,{seconds},{kwh * 0.4},0.0,42.5,302.3,31.3,"
            f"{kwh / 4!r},{kwh / 2!r},{kwh / 4!r},{kwh!r},"
            f"Singapore,SGP,,,,Linux-6.1,3.10.12,2.4.2,12,Intel(R) Xeon(R) CPU,"
            f"1,{gpu},103.85,1.29,83.4,machine,N,1.0")


def _mlperf(power: bool = True, shift: int = 0) -> Callable[[Path], Path]:
    """A tree of results: each run 10 s at the power that the truth has, ``shift`` hours apart on the two clocks."""
    def write(folder: Path) -> Path:
        for run in TRUTH:
            if run.batch > 1:
                continue
            place = folder / "results" / "system" / run.model / "Offline" / "performance" / "run_1"
            place.mkdir(parents=True)
            begin = datetime(2024, 7, 20, 17, 54, 38)
            entries = {"power_begin": f"{begin:%m-%d-%Y %H:%M:%S}.000", "effective_scenario": "Offline",
                       "power_end": f"{begin + timedelta(seconds=10):%m-%d-%Y %H:%M:%S}.000",
                       "result_validity": "VALID"}
            (place / "mlperf_log_detail.txt").write_text("".join(
                f':::MLLOG {json.dumps({"key": k, "value": v, "time_ms": 1.5, "namespace": "mlperf::logging"})}\n'
                for k, v in entries.items()), encoding="utf-8")
            rate = run.executions / 10
            (place / "mlperf_log_summary.txt").write_text(
                "=" * 48 + f"\nMLPerf Results Summary\n{'=' * 48}\nSUT name : x\nScenario : Offline\nMode     : "
                f"PerformanceOnly\nSamples per second: {rate}\nResult is : VALID\n", encoding="utf-8")
            if power:
                watt = run.energy_joule / 10
                (place / "spl.txt").write_text("".join(
                    f"Time,{begin + timedelta(seconds=s, hours=shift):%m-%d-%Y %H:%M:%S}.000,Watts,"
                    f"{watt if 0 <= s <= 10 else 0.0:.9f},Volts,230.1,Amps,0.2,PF,0.9,Mark,run_1\n"
                    for s in range(-3, 14)), encoding="utf-8")
        return folder / "results"

    return write


def _bytes(data: bytes, file: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / file).write_bytes(data)
        return folder / file

    return write


_HEAD = "model,batch,executions,energy_joule"


def _row(r: Run) -> str:
    return f"{r.model},{r.batch},{r.executions},{r.energy_joule!r}"


CASES = (
    Case("as documented", _table(_HEAD, _row)),
    Case("spreadsheet, US, UTF-8 with mark, CRLF", _table(_HEAD, _row, encoding="utf-8-sig", end="\r\n")),
    Case("spreadsheet, US, thousands separated and quoted", _table(
        "Model,Batch,Executions,Energy (mJ)",
        lambda r: f'{r.model},{r.batch},"{r.executions:,}","{1e3 * r.energy_joule:,.6f}"')),
    Case("spreadsheet, German, semicolons, commas, Windows-1252", _table(
        "Model;Batch;Executions;Energy [µJ]",
        lambda r: f"{r.model};{r.batch};{r.executions};{_comma(r.energy_joule * 1e6)}",
        encoding="cp1252", end="\r\n")),
    Case("spreadsheet, German, dots between thousands", _table(
        "Model;Batch Size;Iterations;Energy (mJ)",
        lambda r: f"{r.model};{r.batch};{r.executions};{_comma(r.energy_joule * 1e3, '.')}")),
    Case("spreadsheet, French, spaces between thousands", _table(
        "model;batch;executions;energy_mJ",
        lambda r: f"{r.model};{r.batch};{r.executions};{_comma(r.energy_joule * 1e3, chr(0x202f))}")),
    Case("spreadsheet, Swiss, apostrophes between thousands", _table(
        "model;batch;executions;energy_mJ",
        lambda r: f"{r.model};{r.batch};{r.executions};{1e3 * r.energy_joule:,.6f}".replace(",", "'"))),
    Case("spreadsheet, Unicode text (UTF-16, tabs)", _table(
        _HEAD.replace(",", "\t"), lambda r: _row(r).replace(",", "\t"), file="table.txt", encoding="utf-16",
        end="\r\n")),
    Case("spreadsheet, sep=; in front", _table(
        _HEAD.replace(",", ";"), lambda r: _row(r).replace(",", ";"), front="sep=;\r\n", end="\r\n")),
    Case("spreadsheet, empty columns and rows behind", _table(
        _HEAD + ",,", lambda r: _row(r) + ",,", behind=",,,,,\n,,,,,\n")),
    Case("tab separated", _table(_HEAD.replace(",", "\t"), lambda r: _row(r).replace(",", "\t"), file="table.tsv")),
    Case("bars", _table(_HEAD.replace(",", "|"), lambda r: _row(r).replace(",", "|"))),
    Case("comments in front", _table(_HEAD, _row, front="# board: rev 2\n# meter: INA226\n")),
    Case("capitals", _table("MODEL,BATCH,EXECUTIONS,ENERGY_JOULE", _row)),
    Case("all in capitals, millijoule", _table(
        "MODEL,BATCH,EXECUTIONS,ENERGY_MJ", lambda r: f"{r.model},{r.batch},{r.executions},{r.energy_joule * 1e3!r}")),
    Case("watt-hours", _table(
        "model,batch,executions,energy_wh", lambda r: f"{r.model},{r.batch},{r.executions},{r.energy_joule / 3600!r}")),
    Case("kilowatt-hours with spaces", _table(
        "Model , Batch , Runs , Energy (kWh)", lambda r: f"{r.model} , {r.batch} , {r.executions} , "
                                                         f"{r.energy_joule / 3.6e6!r}")),
    Case("power and latency", _table(
        "model,batch,executions,power_watt,latency_ms", lambda r: f"{r.model},{r.batch},{r.executions},"
        f"{r.energy_joule / r.executions / r.latency_second!r},{r.latency_second * 1e3!r}")),
    Case("average power and duration", _table(
        "Network;Batch;Runs;Avg Power [W];Duration [s]", lambda r: f"{r.model};{r.batch};{r.executions};"
        f"{r.energy_joule / r.executions / r.latency_second!r};{r.latency_second * r.executions!r}")),
    Case("energy per inference", _table(
        "network,batch size,energy per inference (mJ)",
        lambda r: f"{r.model},{r.batch},{r.energy_joule / r.executions * 1e3!r}")),
    Case("mJ/image", _table(
        "network,batch,Energy (mJ/image)",
        lambda r: f"{r.model},{r.batch},{r.energy_joule / r.executions / r.batch * 1e3!r}")),
    Case("torch's dtypes", _table("model,batch,dtype,executions,energy_J", lambda r:
                                  f"{r.model},{r.batch},torch.float32,{r.executions},{r.energy_joule!r}")),
    Case("pandas, to_csv with its index", _table("," + _HEAD, lambda r: f"{TRUTH.index(r)},{_row(r)}")),
    Case("pandas, index read and written again", _table(
        "Unnamed: 0," + _HEAD, lambda r: f"{TRUTH.index(r)},{_row(r)}")),
    Case("pandas, to_csv(sep=';', decimal=',')", _table(
        _HEAD.replace(",", ";"), lambda r: _row(r).replace(",", ";").replace(".", ","))),
    Case("pandas, whole numbers as floats", _table(
        _HEAD, lambda r: f"{r.model},{float(r.batch)},{float(r.executions)},{r.energy_joule:.6e}")),
    Case("pandas, to_json records", _json(_records)),
    Case("pandas, to_json columns", _json(_columns)),
    Case("pandas, to_json split", _json(_split)),
    Case("pandas, to_json lines", _json(_records, "table.jsonl", lines=True)),
    Case("records under a key", _json(lambda: {"date": "2024-05-27", "measurements": _records()})),
    Case("CodeCarbon, with executions", _table(
        _CARBON + ",batch,executions", lambda r: f"{_carbon(r)},{r.batch},{r.executions}", file="emissions.csv")),
    Case("CodeCarbon, with model and executions, default project", _table(
        _CARBON + ",model,batch,executions", lambda r: f"{_carbon(r, 'codecarbon')},{r.model},{r.batch},{r.executions}",
        file="emissions.csv")),
    Case("Zeus, measurements as JSON", _json(_zeus, "zeus.json")),
    Case("Zeus, measurements by window", _json(_zeus_windows, "zeus.json")),
    Case("Zeus, log of the monitor", _table(
        "start_time,window_name,elapsed_time,gpu0_energy,gpu1_energy,batch,executions",
        lambda r: f"1716810000.5,{r.model},{r.latency_second * r.executions},{r.energy_joule / 4!r},"
                  f"{r.energy_joule * 3 / 4!r},{r.batch},{r.executions}", file="zeus.csv")),
    Case("MLPerf, a tree of results", _mlperf(), batches=False),
    # What cannot be read is refused in one line that mends it.
    Case("CodeCarbon, default project", _table(_CARBON, lambda r: _carbon(r, "codecarbon"), file="emissions.csv"),
         refusal="add a column model"),
    Case("CodeCarbon, without executions", _table(_CARBON, _carbon, file="emissions.csv"),
         doubt="add a column executions"),
    Case("CodeCarbon, two GPUs", _table(
        _CARBON + ",executions", lambda r: f"{_carbon(r, None, 'A100' if r.batch > 1 else 'H100')},{r.executions}"),
         refusal="--where 'device=A100'"),
    Case("MLPerf, without power", _mlperf(power=False), refusal="holds no MLPerf run with power"),
    Case("MLPerf, clocks an hour apart", _mlperf(shift=1), refusal="set the analyser's clock"),
    Case("energy misspelt", _table("model,batch,enrgy_joule", _row), refusal="cells and the header has"),
    Case("energy misspelt, all columns", _table("model,batch,executions,enregy_joul", _row),
         refusal="did you mean enregy_joul?"),
    Case("executions misspelt", _table("model,batch,exectuions,energy_joule", _row),
         refusal="did you mean executions?"),
    Case("a column more", _table(_HEAD + ",fan", lambda r: _row(r) + ",on"), refusal="rename it condition_fan"),
    Case("no model", _table("batch,executions,energy_joule", lambda r: f"{r.batch},{r.executions},{r.energy_joule!r}"),
         refusal="column model: missing"),
    Case("run times alone", _table("model,latency_ms", lambda r: f"{r.model},{r.latency_second * 1e3}"),
         refusal="holds run times and no energy"),
    Case("units in the cells", _table("model,energy", lambda r: f"{r.model},{r.energy_joule} J"),
         refusal="give a number with a decimal point"),
    Case("a comma that may be either", _table("model;batch;energy_J", lambda r: f"{r.model};{r.batch};1,234"),
         refusal="may be a thousand times more or less"),
    Case("millijoule called joule, beside power", _table(
        "model,batch,executions,energy_joule,power_W,latency_ms", lambda r:
        f"{r.model},{r.batch},{r.executions},{r.energy_joule * 1e3!r},"
        f"{r.energy_joule / r.executions / r.latency_second!r},{r.latency_second * 1e3!r}"),
         refusal="rename the column energy_mJ"),
    Case("millijoule called joule", _table(_HEAD, lambda r: f"{r.model},{r.batch},1,{r.energy_joule!r}"),
         doubt="rename the column energy_mJ"),
    Case("rows of one network only", _table(_HEAD, lambda r: f"{TRUTH[0].model},{r.batch},{r.executions},"
                                                             f"{1 + r.batch / 10}"),
         doubt="every row is of one network"),
    Case("two devices, named", _table("device," + _HEAD, lambda r: f"{'a' if r.batch > 1 else 'b'},{_row(r)}"),
         refusal="--where 'device=a'"),
    Case("two devices, not named", _table(_HEAD, lambda r: f"{_row(r)}\n{r.model},{r.batch},{r.executions},"
                                                           f"{9 * r.energy_joule}"), doubt="two devices in one table"),
    Case("a model that is not known", _table(_HEAD, lambda r: f"renset50,{r.batch},1,1"),
         refusal="did you mean resnet"),
    Case("xlsx", _bytes(b"PK\x03\x04" + b"\0" * 60, "table.xlsx"), refusal="export it as a CSV file"),
    Case("parquet", _bytes(b"PAR1" + b"\0" * 60, "table.parquet"), refusal="export it as a CSV file"),
    Case("no rows", _table(_HEAD, lambda r: ""), refusal="has no rows"),
)
