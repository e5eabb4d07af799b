"""A map whose items are sent in batches, as its results show it: one result for each item.

Laws: each item of a batch has the verdict of the batch; failures count items; an answer that does not fit the batch is the
failure of all its items.

Must not know how batches are made, or where results go.
"""

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any, Self

import attrs

from ..errors import AiolambdaError, NotSentError, TooManyFailuresError
from ..fanout import MapRun
from ..fanout.causes import CauseCounter, request_id_of
from ..fanout.journal_records import lacks_payload
from ..fanout.scheduler import GRACE
from ..fanout.stats import are_too_many
from ..fanout.values import MapResult, MapStats
from ..types.values import Delivery
from .inputs.batches import Batch, answers_of
from .inputs.values import Line
from .progress import ProgressListener

__all__ = ["BatchAnswerError", "BatchedRun"]


class BatchAnswerError(AiolambdaError):
    """The function ran for a batch, and did not return an array with an answer for each item."""


class BatchedRun:
    """Unpacks the batches of a run. Has the interface of `MapRun` that the command uses.

    `run` is set once the map is made, because the map reports its progress here.
    """

    run: MapRun[Batch]

    def __init__(self, on_progress: ProgressListener, *, max_failures: int | None, max_failure_ratio: float | None) -> None:
        self._on_progress = on_progress
        self._max_failures = max_failures
        self._max_ratio = max_failure_ratio
        self._done = self._replayed = self._unsent = self._failures = 0
        self._failed: Counter[Delivery] = Counter()
        self._causes = CauseCounter()
        self._new_batches = 0
        """The batches that have a result of this run."""
        self._next_index = 0
        self._has_too_many = False

    @property
    def stats(self) -> MapStats:
        """The totals. Items that are done are counted one by one, and invocations in flight by batches."""
        return self._of_items(self.run.stats)

    @property
    def stopped_by(self) -> Any:
        return "failures" if self._has_too_many else self.run.stopped_by

    @property
    def resumption(self) -> Any:
        """What an earlier run left in the journal, in batches."""
        return self.run.resumption

    @property
    def next_index(self) -> int:
        """The index of the first item that has no result."""
        return self._next_index

    @property
    def ratio_of_run(self) -> float | None:
        """The limit of the run itself. With a limit for items it is one that nothing exceeds, in place of the rule of a map."""
        return None if self._max_failures is None and self._max_ratio is None else 1.0

    def report(self, stats: MapStats, /) -> None:
        """Tell the progress of items."""
        self._on_progress(self._of_items(stats))

    def stop(self, *, grace: float | None = None) -> None:
        self.run.stop(grace=grace)

    async def aclose(self, *, grace: float | None = GRACE) -> None:
        await self.run.aclose(grace=grace)

    async def __aenter__(self) -> Self:
        await self.run.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.run.__aexit__(*exc)

    async def __aiter__(self) -> AsyncGenerator[MapResult[Line]]:
        async for batch in self.run:
            self._new_batches += not batch.replayed
            for result in _results_of(batch):
                self._count(result)
                yield result
            if self._is_too_much() and not self._has_too_many:
                self._has_too_many = self.run.stopped_by is None
                self.run.stop()
        if self._has_too_many:
            limits = f"max_failures={self._max_failures} and max_failure_ratio={self._max_ratio}"
            stats = self.stats
            said = f"{self._failures:,} of {stats.done:,} items have failed; this map has {limits}"
            raise TooManyFailuresError(said, stats=stats)

    def _count(self, result: MapResult[Line]) -> None:
        self._done += 1
        self._next_index = max(self._next_index, result.index + 1)
        self._replayed += result.replayed
        if isinstance(result.error, NotSentError):
            self._unsent += 1
        elif result.error is not None:
            self._failed[result.delivery] += 1
            self._causes.add(result.error, result.delivery, result.index, request_id_of(result.output, result.error))
            self._failures += not result.replayed

    def _is_too_much(self) -> bool:
        return are_too_many(self._failures, self._done, self._max_failures, self._max_ratio)

    def _of_items(self, stats: MapStats) -> MapStats:
        items_each = (self._done - self._replayed) / max(self._new_batches, 1)
        return attrs.evolve(
            stats,
            done=self._done,
            replayed=self._replayed,
            unsent=self._unsent,
            failed=dict(self._failed),
            causes=self._causes.causes(),
            rate=stats.rate * items_each,
            average_rate=stats.average_rate * items_each,
        )


def _results_of(result: MapResult[Batch]) -> list[MapResult[Line]]:
    """The results of the items of a batch."""
    batch, output, error = result.item, result.output, result.error
    answers: list[bytes] | None = None
    has_answers = output is not None and output.status_code == 200 and not lacks_payload(result)
    if error is None and output is not None and has_answers:
        count = len(batch.lines)
        answers = answers_of(output.payload, count)
        if answers is None:
            error = BatchAnswerError(
                f"the function ran for a batch of {count:,}, and did not return an array of {count:,} answers",
                delivery=Delivery.EXECUTED,
            )
    results: list[MapResult[Line]] = []
    for place, line in enumerate(batch.lines):
        own = output if answers is None or output is None else attrs.evolve(output, payload=answers[place])
        key = result.key if line.key is None else line.key
        results.append(_result(result, batch.first_index + place, key, line, own, error))
    return results


def _result(
    result: MapResult[Batch], index: int, key: str, line: Line, output: Any, error: AiolambdaError | None
) -> MapResult[Line]:
    return MapResult(
        index=index,
        key=key,
        item=line,
        output=output,
        error=error,
        delivery=result.delivery,
        attempts=result.attempts,
        duration=result.duration,
        replayed=result.replayed,
    )
