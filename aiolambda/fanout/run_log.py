"""The log of a run: its beginning and end, and its throttles, summarized.

Laws: no record for an item, and none with an item's content. What a user's handler raises changes nothing.

Owns the sentences and the keys. Must not know how items are sent. Time is an argument.
"""

import logging
import math
from collections import Counter

from ..types.loggers import AnyLogger, log_quietly
from ..types.values import ThrottleReason
from .resumption import Resumption
from .values import MapStats, StoppedBy

__all__ = ["RunLog"]

_NO_REASON = "without a reason"
_SUMMARY_EVERY = 10.0
"""Seconds whose throttles are one record."""
_WARN_AFTER = _WARN_EVERY = 60.0
"""Seconds without an accepted request before a warning, and seconds between two warnings."""


class RunLog:
    """Logs one run. `function_name` is `None` for commands, which may name different ones."""

    def __init__(self, logger: AnyLogger, function_name: str | None) -> None:
        self._logger = logger
        self._function_name = function_name
        self._title = "map_commands" if function_name is None else f"map of {function_name!r}"
        self._throttled: Counter[ThrottleReason | None] = Counter()
        self._began = self._summarized_at = self._warned_at = -math.inf
        self.accepted_at = -math.inf
        """The time of the last request that was not throttled."""

    @property
    def is_on(self) -> bool:
        """Whether beginning, end and summaries are logged."""
        return self._logger.isEnabledFor(logging.INFO)

    def started(self, now: float) -> None:
        """The run begins."""
        self._began = self.accepted_at = now
        if self.is_on:
            self._log(logging.INFO, "%s started", self._title)

    def resumed(self, resumption: Resumption) -> None:
        """The journal has items of earlier runs."""
        if self.is_on:
            self._log(
                logging.INFO,
                "%s resumes: of the items in its journal, %s are replayed and %s are sent again",
                self._title,
                f"{resumption.replayed:,}",
                f"{resumption.sent_again:,}",
                items_to_replay=resumption.replayed,
                items_to_send_again=resumption.sent_again,
            )

    def throttled(self, reason: ThrottleReason | None, now: float, *, window: int) -> None:
        """A request was throttled; so many may be in flight now."""
        self._throttled[reason] += 1
        if now - self.accepted_at >= _WARN_AFTER and now - self._warned_at >= _WARN_EVERY:
            self._warned_at = self._summarized_at = now
            said = "%s: every request was throttled for %.0f s (%s): raise that limit. The items wait, and are sent again"
            reasons = ", ".join(str(reason or _NO_REASON) for reason, _ in self._throttled.most_common())
            self._log(logging.WARNING, said, self._title, now - self.accepted_at, reasons, **self._keys(window))
            self._throttled.clear()
        elif now - self._summarized_at >= _SUMMARY_EVERY:
            if self.is_on:
                since = "" if self._summarized_at == -math.inf else f" in {now - self._summarized_at:.0f} s"
                said = "%s: %s throttled%s (%s); the items wait, and are sent again; up to %d may be in flight now"
                count = self._throttled.total()
                requests = "1 request was" if count == 1 else f"{count:,} requests were"
                self._log(logging.INFO, said, self._title, requests, since, self._reasons(), window, **self._keys(window))
            self._summarized_at = now
            self._throttled.clear()

    def ended(self, stats: MapStats, stopped_by: StoppedBy | None, error: BaseException | None, now: float) -> None:
        """The run has ended: nothing of it is in flight."""
        failed = sum(stats.failed.values())
        counts = {
            "failed": failed,
            "not sent": stats.unsent,
            "replayed": stats.replayed,
            "throttled": sum(stats.throttled.values()),
        }
        parts = [f"{stats.done:,} done", f"{stats.done - stats.unsent - failed:,} ok"]
        parts += [f"{count:,} {name}" for name, count in counts.items() if count]
        why = "" if stopped_by is None else f", stopped by {stopped_by}" if error is None else f", by {type(error).__name__}"
        self._log(
            logging.INFO,
            "%s ended after %.3f s%s: %s",
            self._title,
            now - self._began,
            why,
            ", ".join(parts),
            elapsed_ms=round((now - self._began) * 1000, 3),
            stopped_by=stopped_by,
            error_type=None if error is None else type(error).__name__,
            items_done=stats.done,
            items_failed=failed,
            items_unsent=stats.unsent,
            items_replayed=stats.replayed,
            attempts=stats.attempts,
            throttles=sum(stats.throttled.values()),
        )

    def _reasons(self) -> str:
        return ", ".join(f"{reason or _NO_REASON}: {count:,}" for reason, count in self._throttled.most_common())

    def _keys(self, window: int) -> dict[str, object]:
        (reason, _) = self._throttled.most_common(1)[0]
        return {"throttles": self._throttled.total(), "throttle_reason": reason and str(reason), "window": window}

    def _log(self, level: int, message: str, *args: object, **keys: object) -> None:
        log_quietly(self._logger, level, message, *args, extra={"function_name": self._function_name, **keys})
