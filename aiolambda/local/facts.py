"""What the API tells of a function in processes: its definition in the words of the emulation.

Must not know an answer, or how a function runs.
"""

from pathlib import Path

from ..emulation.function_facts import EventFacts, FunctionFacts
from ..emulation.in_process import RUNTIME
from .durable_config import DurableConfig
from .event_config import Destination, EventInvokeConfig
from .functions import CREDENTIAL_VARIABLES, LocalFunction
from .routing import LATEST, route_of

__all__ = ["event_facts_of", "facts_of"]


def facts_of(function: LocalFunction) -> FunctionFacts:
    """The configuration of a function. Keys of AWS in its environment are left out: on Lambda they would be no part of it."""
    durable = function.durable
    environment = {name: value for name, value in function.environment.items() if name not in CREDENTIAL_VARIABLES}
    return FunctionFacts(
        name=function.name,
        handler=function.handler,
        runtime=RUNTIME if function.runtime is None else "provided.al2023",
        timeout=function.timeout,
        memory_size=function.memory_size,
        code=function.folder_of(LATEST).as_uri(),
        versions={version: function.folder_of(version).as_uri() for version in function.versions},
        aliases={alias: route_of(target) for alias, target in function.aliases.items()},
        concurrency=function.concurrency,
        environment=environment,
        layers=[(Path(folder).name, Path(folder).absolute().as_uri()) for folder in function.layers],
        log_format=function.log_format,
        log_level=function.log_level,
        tenant_isolation=function.tenant_isolation,
        durable=bool(function.durable),
        durable_timeout=durable.execution_timeout if isinstance(durable, DurableConfig) else None,
        durable_retention=durable.retention_days if isinstance(durable, DurableConfig) else None,
        recursive_loop=function.recursive_loop,
        url=function.url,
        events={} if function.events == EventInvokeConfig() else {None: event_facts_of(function.events)},
    )


def event_facts_of(events: EventInvokeConfig) -> EventFacts:
    """The treatment of events. A destination that is a function of this program has no name, so it is left out."""
    return EventFacts(
        maximum_retry_attempts=events.maximum_retry_attempts,
        maximum_event_age=events.maximum_event_age,
        on_success=_name_of(events.on_success),
        on_failure=_name_of(events.on_failure),
    )


def _name_of(destination: Destination | None) -> str | None:
    if isinstance(destination, Path):
        return destination.absolute().as_uri()
    return destination if isinstance(destination, str) else None
