"""The JSON forms of what the API describes: functions, versions, aliases, layers, treatments of events.

What a local function does not have is made up and stays the same: role, size and hash of the code, dates of the start.
Must not know requests, or which functions exist.
Source: the shapes of the Lambda service model.
"""

import base64
import datetime as dt
import hashlib
import math
import platform
import uuid
from collections.abc import Callable, Mapping

from ..function_facts import EventFacts, FunctionFacts
from ..function_states import FunctionState, Provisioned
from ..identifiers import ACCOUNT
from ..url_config import FunctionUrl, UrlCors

__all__ = [
    "Members",
    "alias_members",
    "event_members",
    "function_members",
    "iso_time",
    "layer_version_members",
    "provisioned_members",
    "state_members",
    "url_members",
]

Members = dict[str, object]

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/local"
_ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64"}


def iso_time(moment: dt.datetime) -> str:
    """A date as the API writes it: `2026-11-30T08:00:00.000+0000`."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}+0000"


def function_members(
    facts: FunctionFacts, version: str, arn: str, *, since: dt.datetime, layer_arn: Callable[[str], str]
) -> Members:
    """The configuration of a version of a function, without its state."""
    code = facts.versions.get(version, facts.code)
    members: Members = {
        "FunctionName": facts.name,
        "FunctionArn": arn,
        "Runtime": facts.runtime,
        "Role": _ROLE,
        "Handler": facts.handler,
        "CodeSize": 0,
        "Description": "",
        "Timeout": max(1, math.ceil(facts.timeout)),
        "MemorySize": facts.memory_size,
        "LastModified": iso_time(since),
        "CodeSha256": base64.b64encode(_digest(facts.name, facts.handler, code)).decode(),
        "Version": version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": _revision(facts, version),
        "PackageType": "Zip",
        "Architectures": [_ARCHITECTURES.get(platform.machine(), "x86_64")],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": _logging(facts),
    }
    if facts.environment:
        members["Environment"] = {"Variables": dict(facts.environment)}
    if facts.layers:
        members["Layers"] = [{"Arn": layer_arn(name), "CodeSize": 0} for name, _ in facts.layers]
    if facts.tenant_isolation:
        members["TenancyConfig"] = {"TenantIsolationMode": "PER_TENANT"}
    if facts.durable:
        retention = {} if facts.durable_retention is None else {"RetentionPeriodInDays": facts.durable_retention}
        timeout = max(1, math.ceil(facts.durable_timeout or facts.timeout))
        members["DurableConfig"] = {"ExecutionTimeout": timeout, **retention}
    return members


def state_members(state: FunctionState | None, update: FunctionState | None) -> Members:
    """The state of a function, and the status of its last update."""
    return _state("State", "StateReason", state or FunctionState(status="Active")) | _state(
        "LastUpdateStatus", "LastUpdateStatusReason", update or FunctionState(status="Successful")
    )


def _state(name: str, reason: str, state: FunctionState) -> Members:
    members: Members = {name: state.status, reason: state.reason, f"{reason}Code": state.reason_code}
    return {name: value for name, value in members.items() if value is not None}


def alias_members(facts: FunctionFacts, alias: str, arn: str) -> Members:
    """An alias. The first version of its route is the main one, and the others are additional."""
    (main, _), *others = facts.aliases[alias].items()
    members: Members = {
        "AliasArn": arn,
        "Name": alias,
        "FunctionVersion": main,
        "Description": "",
        "RevisionId": _revision(facts, alias),
    }
    return members if not others else {**members, "RoutingConfig": {"AdditionalVersionWeights": dict(others)}}


def event_members(events: EventFacts, arn: str, *, since: dt.datetime, function_arn: Callable[[str], str]) -> Members:
    """A treatment of events. `function_arn` gives the ARN of a destination that is a function."""
    targets = {"OnSuccess": events.on_success, "OnFailure": events.on_failure}
    return {
        "LastModified": since.timestamp(),
        "FunctionArn": arn,
        "MaximumRetryAttempts": events.maximum_retry_attempts,
        "MaximumEventAgeInSeconds": math.ceil(events.maximum_event_age),
        "DestinationConfig": {
            name: {} if target is None else {"Destination": target if "/" in target else function_arn(target)}
            for name, target in targets.items()
        },
    }


def url_members(url: FunctionUrl, arn: str, address: str, *, since: dt.datetime) -> Members:
    """The configuration of a function URL."""
    members: Members = {
        "FunctionUrl": address,
        "FunctionArn": arn,
        "AuthType": url.auth_type,
        "CreationTime": iso_time(since),
        "LastModifiedTime": iso_time(since),
        "InvokeMode": url.invoke_mode,
    }
    return members if url.cors is None else {**members, "Cors": _cors(url.cors)}


def _cors(cors: UrlCors) -> Members:
    """The members that are set. As on Lambda, empty lists are absent."""
    members: Members = {
        "AllowCredentials": cors.allow_credentials,
        "AllowHeaders": list(cors.allow_headers),
        "AllowMethods": list(cors.allow_methods),
        "AllowOrigins": list(cors.allow_origins),
        "ExposeHeaders": list(cors.expose_headers),
        "MaxAge": cors.max_age,
    }
    return {name: value for name, value in members.items() if value != []}


def provisioned_members(provisioned: Provisioned, *, since: dt.datetime) -> Members:
    """The provisioned concurrency of a version or an alias."""
    ready = provisioned.executions if provisioned.status == "READY" else 0
    members: Members = {
        "RequestedProvisionedConcurrentExecutions": provisioned.executions,
        "AvailableProvisionedConcurrentExecutions": ready,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "Status": provisioned.status,
        "LastModified": iso_time(since),
    }
    return members if provisioned.reason is None else {**members, "StatusReason": provisioned.reason}


def layer_version_members(arn: str, *, since: dt.datetime) -> Members:
    """The only version of a layer."""
    return {"LayerVersionArn": arn, "Version": 1, "Description": "", "CreatedDate": iso_time(since)}


def _logging(facts: FunctionFacts) -> Mapping[str, str]:
    members = {"LogFormat": facts.log_format, "LogGroup": f"/aws/lambda/{facts.name}"}
    if facts.log_format != "JSON":
        return members
    return {**members, "ApplicationLogLevel": facts.log_level or "INFO", "SystemLogLevel": "INFO"}


def _digest(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode(errors="backslashreplace")).digest()


def _revision(facts: FunctionFacts, part: str) -> str:
    """An id that is another one after the configuration has changed."""
    return str(uuid.UUID(bytes=_digest(part, facts, sorted(facts.environment.items()))[:16], version=4))
