"""The last words of a map: durations, cost, the report, and how to go on.

Must not know how the map works.
"""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..fanout.values import MapResult, MapStats
from ..types.values import LONGEST_TIME, is_seconds
from .files import STDIO, print_error
from .items import Line
from .options import file_name
from .price import Price, PriceTable, price_table
from .progress import ProgressListener
from .result_rows import FORMATS
from .resume import command_line
from .tally import measures

if TYPE_CHECKING:
    from .report.recorder import Recorder

__all__ = ["Ending", "add_ending_options"]


def add_ending_options(parser: argparse.ArgumentParser) -> None:
    """The options of the end of a run, and of what it leaves behind."""
    parser.add_argument(
        "--grace",
        type=_grace,
        metavar="SECONDS",
        help="after Ctrl-C or SIGTERM, cut the calls that are still in flight after this time (default: wait until they end)",
    )
    parser.add_argument(
        "--price",
        type=file_name,
        metavar="GB_SECOND,REQUEST|FILE",
        help="your prices, such as 0.0000166667,0.0000002, or a JSON or TOML file of them by region: print the cost of the "
        "run; implies --tail",
    )
    parser.add_argument("--report", type=file_name, metavar="FILE", help="file for a page of HTML about the run")
    parser.add_argument(
        "--results-format",
        choices=FORMATS,
        help="format of the results (default: as the name of the file ends, else jsonl); parquet needs pyarrow",
    )


def _grace(text: str) -> float:
    number = float(text)
    if not is_seconds(number):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 0 to {LONGEST_TIME:,}")
    return number


class Ending:
    """Follows a run, and tells at its end what the totals do not. A wrong option raises `ConfigurationError` at once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._prices: PriceTable | None = None if options.price is None else price_table(options.price)
        if self._prices is not None and options.event:
            raise ConfigurationError("--price cannot be used with --event: Lambda does not tell what an event costs")
        self.price: Price | None = None
        self._recorder = None if options.report is None else _recorder(options.report, options.function_name)

    @property
    def needs_tail(self) -> bool:
        """Whether the log tails must be requested."""
        return bool(self._options.tail) or self._prices is not None

    def opened(self, region: str | None) -> None:
        """The client is open. Raises `ConfigurationError` if its region has no price."""
        if self._prices is not None:
            self.price = self._prices.of_region(region)

    def add(self, result: MapResult[Line]) -> None:
        """A result came."""
        if self._recorder is not None:
            self._recorder.add(result)

    def followed(self, on_progress: ProgressListener) -> ProgressListener:
        """The listener, which also feeds the report."""
        recorder = self._recorder
        if recorder is None:
            return on_progress

        def follow(stats: MapStats, /) -> None:
            recorder.sample(stats)
            on_progress(stats)

        return follow

    def lines(self, stats: MapStats) -> Iterator[str]:
        """Lines on durations, throttles and cost."""
        return measures(stats, self.price)

    def tell_resume(self, arguments: Any) -> None:
        """Print how to go on with an interrupted map."""
        if self._options.journal is None:
            print_error("aiolambda: without --journal, a later run does not know what this one has done")
            return
        given = " (with the same input)" if self._options.file == STDIO else ""
        print_error(f"aiolambda: resume{given}: {command_line(arguments)}")

    def write_report(self, stats: MapStats, *, total: int | None, unsent: int, stopped_by: str | None) -> bool:
        """Write the report, if one was asked for. Returns whether that succeeded."""
        if self._recorder is None:
            return True
        try:
            self._recorder.write(stats, total=total, unsent=unsent, stopped_by=stopped_by, price=self.price)
        except OSError as error:
            print_error(f"aiolambda: cannot write the report to {self._options.report!r}: {error.strerror}", is_failure=True)
            return False
        return True


def _recorder(path: str, function_name: str) -> "Recorder":
    from .report.recorder import Recorder  # noqa: PLC0415 - few maps have a report

    return Recorder(path, function_name)
