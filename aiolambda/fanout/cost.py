"""What invocations cost, as the REPORT lines of their log tails say it.

Owns the sums. Must not know prices.
"""

import attrs

from ..operations.report import Report

__all__ = ["NO_COST", "Cost", "cost_of_report"]

_MB_PER_GB = 1024


@attrs.frozen(kw_only=True)
class Cost:
    """The cost of some invocations: those whose REPORT line came back. `gb_seconds` is their billed time by their memory."""

    invocations: int = 0
    billed_ms: float = 0.0
    gb_seconds: float = 0.0
    cold_starts: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            invocations=self.invocations + other.invocations,
            billed_ms=self.billed_ms + other.billed_ms,
            gb_seconds=self.gb_seconds + other.gb_seconds,
            cold_starts=self.cold_starts + other.cold_starts,
        )


NO_COST = Cost()


def cost_of_report(report: Report | None) -> Cost:
    """The cost of one invocation. A function on Managed Instances has no billed duration, and so no GB-seconds."""
    if report is None:
        return NO_COST
    billed_ms = report.billed_duration_ms or 0.0
    gigabytes = (report.memory_size_mb or 0) / _MB_PER_GB
    return Cost(
        invocations=1, billed_ms=billed_ms, gb_seconds=billed_ms / 1000 * gigabytes, cold_starts=int(report.is_cold_start)
    )
