"""`python -m tests.bench [--quick] [PART …]`: measures, prints the table, writes JSON and draws the plots."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType

from tests.bench import check, plots, report, summary
from tests.bench.bench import VAR, Bench, Plan, bench
from tests.bench.figures import Figure
from tests.bench.parts import backfill, conditions, growth, intake, retag, start, writeback
from tests.support.processes import ROOT

PARTS: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
    "intake": intake.measure,
    "growth": growth.measure,
    "writeback": writeback.measure,
    "retag": retag.measure,
    "backfill": backfill.measure,
    "start": start.measure,
    "conditions": conditions.measure,
}
DOCS = ROOT / "docs"
QUICK = ("intake", "growth")


def main(arguments: Sequence[str]) -> int:
    """Measure and report. Return 1 if the quick run finds something far too slow, otherwise 0."""
    options = _parser().parse_args(arguments)
    plan = (Plan.quick() if options.quick else Plan()).of_records(options.records)
    _prepare_process()
    with bench(plan) as run:
        figures = {
            part: list(PARTS[part](run))
            for part in options.parts or (QUICK if options.quick else PARTS)
        }
        notes = [run.idle.words]
    sys.stdout.write("\n\n".join([report.table(figures), *notes]) + "\n")
    if options.quick:
        report.write(VAR / "quick.json", figures, notes)
        return _judged(figures)
    everything = report.merged(report.read(DOCS / "bench.json"), figures, PARTS)
    report.write(DOCS / "bench.json", everything, notes)
    plots.draw(everything, DOCS)
    summary.put_into(DOCS / "performance.md", everything)
    return 0


def _judged(found: report.Parts) -> int:
    short = list(check.shortfalls(found))
    sys.stderr.writelines(f"{words}\n" for words in short)
    return 1 if short else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", choices=[*PARTS, []], help=", ".join(PARTS)
    )
    parser.add_argument(
        "--quick", action="store_true", help="less of all, checked; under two minutes"
    )
    parser.add_argument(
        "--records", type=int, help="size of the large ledgers, in place of the plan's"
    )
    return parser


def _prepare_process() -> None:
    """Allow thousands of open connections, and end the child processes when this process is ended."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit("stopped")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
