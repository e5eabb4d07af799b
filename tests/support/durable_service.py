"""A transport that knows durable executions: what Lambda says of them at each moment, on a virtual clock.

Owns the executions, and the record of requests. Must not know what a test expects.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

from aiolambda import Credentials, LambdaClient, NoRetry, Request, Response

from .function_service import failure, found

__all__ = ["DurableService", "Fact", "arn_of", "client_of", "event", "most_in_a_second", "now"]

ACCOUNT = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
STARTED = 1_790_000_000.0
MISSING = failure("ResourceNotFoundException", 404, "no such execution")


def arn_of(name: str, version: str = "7") -> str:
    return f"{ACCOUNT}:{version}/durable-execution/{name}/id-{name}"


def now() -> float:
    return asyncio.get_running_loop().time()


@attrs.define
class Fact:
    """An execution: `statuses` are pairs of a time from which on one holds, and its name."""

    name: str
    statuses: list[tuple[float, str]] = attrs.field(factory=lambda: [(0.0, "RUNNING")])
    result: str | None = None
    error: dict[str, Any] | None = None
    input: str | None = None
    events: list[dict[str, Any]] = attrs.field(factory=list)
    visible_at: float = 0.0
    members: dict[str, Any] = attrs.field(factory=dict)

    @property
    def status(self) -> str:
        return self._state[1]

    @property
    def _state(self) -> tuple[float, str]:
        return [(since, status) for since, status in self.statuses if since <= now()][-1]

    def summary(self) -> dict[str, Any]:
        return {
            "DurableExecutionArn": arn_of(self.name),
            "DurableExecutionName": self.name,
            "FunctionArn": f"{ACCOUNT}:7",
            "Status": self.status,
            "StartTimestamp": STARTED,
            **({} if self.status in ("RUNNING", "PAUSING", "PAUSED") else {"EndTimestamp": STARTED + self._state[0]}),
        }


def event(number: int, kind: str, id: str | None = None, name: str | None = None, **details: Any) -> dict[str, Any]:
    members: dict[str, Any] = {"EventType": kind, "EventId": number, "EventTimestamp": STARTED + number, "Id": id, "Name": name}
    if details:
        members[f"{kind}Details"] = details
    return {name: value for name, value in members.items() if value is not None}


def most_in_a_second(times: Iterable[float]) -> int:
    """The most requests in any second, with both of its ends."""
    window: deque[float] = deque()
    most = 0
    for time in sorted(times):
        window.append(time)
        while window[0] < time - 1:
            window.popleft()
        most = max(most, len(window))
    return most


Fault = Response | Exception | Callable[[Request], Any] | None


@attrs.define
class DurableService:
    """Answers the operations about durable executions, each after `latency` seconds.

    `faults` answer the next requests of a kind, in their order, before the service does; `None` lets one pass.
    """

    facts: dict[str, Fact] = attrs.field(factory=dict)
    latency: float = 0.0
    page: int = 1000
    faults: dict[str, list[Fault]] = attrs.field(factory=dict)
    asked: list[tuple[float, str, str]] = attrs.field(factory=list)
    """Time, kind and path with query of each request."""
    bodies: list[tuple[str, bytes]] = attrs.field(factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    starts: bool = True
    """Whether a start is answered with an ARN."""

    def add(self, *facts: Fact) -> "DurableService":
        self.facts |= {fact.name: fact for fact in facts}
        return self

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.asked]

    def count(self) -> Counter[str]:
        return Counter(self.kinds())

    def times(self, *kinds: str) -> list[float]:
        return [time for time, kind, _ in self.asked if not kinds or kind in kinds]

    async def send(self, request: Request, /) -> Response:
        kind = _kind_of(request)
        self.asked.append((now(), kind, request.url.partition("/20")[2]))
        self.bodies.append((kind, request.body))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            faults = self.faults.get(kind)
            fault = faults.pop(0) if faults else None
            if callable(fault):
                fault = await fault(request)
            if isinstance(fault, Exception):
                raise fault
            return fault or self._answer(kind, request)
        finally:
            self.in_flight -= 1

    def stream(self, request: Request, /) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        """There is nothing to close."""

    def _answer(self, kind: str, request: Request) -> Response:
        path, query = unquote(urlsplit(request.url).path), parse_qs(urlsplit(request.url).query)
        if kind == "start":
            return self._start(request)
        if kind == "list":
            named = query.get("DurableExecutionName", [None])[0]
            facts = [fact for fact in self.facts.values() if fact.visible_at <= now() and named in (None, fact.name)]
            return found(DurableExecutions=[fact.summary() for fact in facts])
        return found() if kind.startswith("callback") else self._answer_of_one(kind, path, query)

    def _answer_of_one(self, kind: str, path: str, query: dict[str, list[str]]) -> Response:
        fact = self.facts.get(path.split("/durable-execution/")[1].split("/", maxsplit=1)[0])
        if fact is None or fact.visible_at > now():
            return MISSING
        if kind == "history":
            return self._history(fact, query)
        if kind in ("get", "data"):
            return self._get(fact, is_whole=kind == "data")
        return found(StopTimestamp=STARTED, DeletionRequestTimestamp=STARTED)

    def _start(self, request: Request) -> Response:
        fields = {name.lower(): value for name, value in request.headers.items()}
        name = fields["x-amz-durable-execution-name"]
        self.facts.setdefault(name, Fact(name, input=request.body.decode()))
        return Response(
            202, {"x-amzn-requestid": "id"} | ({"x-amz-durable-execution-arn": arn_of(name)} if self.starts else {})
        )

    def _get(self, fact: Fact, *, is_whole: bool) -> Response:
        data: dict[str, Any] = {"InputPayload": fact.input, "Result": fact.result, "Error": fact.error} if is_whole else {}
        return found(**fact.summary(), Version="7", ExecutionDataIncluded=is_whole, **fact.members, **data)

    def _history(self, fact: Fact, query: dict[str, list[str]]) -> Response:
        events = [one for one in fact.events if one.get("at", 0) <= now()]
        events.sort(key=lambda one: one["EventId"], reverse="ReverseOrder" in query)
        begin = int(query.get("Marker", ["0"])[0])
        end = begin + min(self.page, int(query.get("MaxItems", ["100"])[0]))
        page = [{name: value for name, value in one.items() if name != "at"} for one in events[begin:end]]
        return found(Events=page, NextMarker=str(end) if end < len(events) else None)


def _kind_of(request: Request) -> str:
    parts = urlsplit(request.url)
    *_, last = parts.path.split("/")
    if last == "invocations":
        return "start"
    if last == "durable-executions":
        return "list"
    if "/durable-execution-callbacks/" in parts.path:
        return f"callback {last}"
    if last in ("history", "stop", "pause", "resume"):
        return last
    if request.method == "DELETE":
        return "delete"
    return "get" if "IncludeExecutionData=false" in parts.query else "data"


def client_of(service: DurableService, **settings: Any) -> LambdaClient:
    """A client of this service, which repeats nothing unless it is told to."""
    given: dict[str, Any] = {"credentials": Credentials("AKIDEXAMPLE", "secret"), "region": "eu-west-1", "retry": NoRetry()}
    return LambdaClient(transport=service, **{**given, **settings})


def parsed(body: bytes) -> Any:
    return json.loads(body)
