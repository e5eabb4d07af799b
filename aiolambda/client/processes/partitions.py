"""Calls are given to workers: in partitions, which a worker begins as a whole, and whose beginning it notes.

Owns which worker has a call, and the numbers of partitions. Must not know how a call ends.
"""

from collections.abc import Sequence

from .frames import FULL_FRAME, Message
from .process import WorkerProcess
from .remote_call import RemoteCall

__all__ = ["give"]


def give(calls: Sequence[RemoteCall], workers: Sequence[WorkerProcess]) -> None:
    """Give the calls of a turn of the loop to the workers with the fewest calls in flight: a partition for each of them."""
    partitions: dict[WorkerProcess, list[RemoteCall]] = {worker: [] for worker in workers}
    for call in calls:
        worker = min(workers, key=lambda worker: len(worker.calls))
        worker.calls[call.id] = call
        call.worker = worker
        partitions[worker].append(call)
    for worker, given in partitions.items():
        _write(worker, given)


def _write(worker: WorkerProcess, calls: list[RemoteCall]) -> None:
    partition: list[tuple[int, Message]] = []
    size = 0
    for call in calls:
        if not partition:
            worker.sent += 1
        call.number = worker.sent
        call.beginnings += 1
        partition.append((call.id, call.packed))
        size += call.size
        if size > FULL_FRAME:
            worker.write([("run", worker.sent, partition)])
            partition, size = [], 0
    if partition:
        worker.write([("run", worker.sent, partition)])
