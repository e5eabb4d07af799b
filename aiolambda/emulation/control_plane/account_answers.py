"""The answers about the account, layers, tags and event source mappings.

Must not know other operations, or how an answer is sent.
Source: the Lambda API reference.
"""

from collections.abc import Callable, Iterator, Mapping

from ...protocol import names
from .. import api_errors
from ..function_facts import FunctionFacts
from ..targets import parse_target
from .members import Members, layer_version_members
from .pages import page_of
from .question import Question

__all__ = ["ACCOUNT_ANSWERS"]

_LEAST_UNRESERVED = 100
"""Lambda lets nobody reserve the last 100."""
_MIB = 1024 * 1024


def get_account_settings(question: Question) -> Members:
    functions = list(_functions(question))
    total = question.account_concurrency
    reserved = sum(function.concurrency or 0 for function in functions)
    return {
        "AccountLimit": {
            "TotalCodeSize": 75 * 1024 * _MIB,
            "CodeSizeUnzipped": 250 * _MIB,
            "CodeSizeZipped": 50 * _MIB,
            "ConcurrentExecutions": total,
            "UnreservedConcurrentExecutions": max(total - reserved, min(total, _LEAST_UNRESERVED)),
        },
        "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": len(functions)},
    }


def _functions(question: Question) -> Iterator[FunctionFacts]:
    for name in question.functions.function_names():
        facts = question.functions.facts_of(name)
        if facts is not None:
            yield facts


def list_event_source_mappings(question: Question) -> Members:
    name = question.asked.query_member("FunctionName")
    if name is not None:
        question.selected(question.checked(parse_target(name, "")))
    page_of(question.asked, {}, size=100)
    return {"EventSourceMappings": [], "NextMarker": None}


def get_event_source_mapping(question: Question) -> Members:
    raise api_errors.not_found()


def list_tags(question: Question) -> Members:
    arn = question.asked.labels["Resource"]
    if names.region_of(arn) is None:
        raise api_errors.invalid_value("resource", "Member must be the ARN of a function", value=arn)
    question.function(question.checked(parse_target(arn, "")))
    return {"Tags": {}}


def list_layers(question: Question) -> Members:
    page, marker = page_of(question.asked, {name: name for name in _layers(question)}, size=50, most=50)
    layers = [
        {"LayerName": name, "LayerArn": question.layer_arn(name), "LatestMatchingVersion": _layer_version(question, name)}
        for name in page
    ]
    return {"Layers": layers, "NextMarker": marker}


def list_layer_versions(question: Question) -> Members:
    name = _layer_name(question)
    found = {name: name} if name in _layers(question) else {}
    page, marker = page_of(question.asked, found, size=50, most=50)
    return {"LayerVersions": [_layer_version(question, name) for name in page], "NextMarker": marker}


def get_layer_version(question: Question) -> Members:
    name, layers = _layer_name(question), _layers(question)
    if name not in layers or question.asked.labels["VersionNumber"] != "1":
        raise api_errors.not_found()
    content = {"Location": layers[name], "CodeSize": 0}
    return {"Content": content, "LayerArn": question.layer_arn(name), **_layer_version(question, name)}


def _layers(question: Question) -> Mapping[str, str]:
    return {name: folder for function in _functions(question) for name, folder in function.layers}


def _layer_name(question: Question) -> str:
    """The name of the layer in a request, which may have its ARN."""
    return question.asked.labels["LayerName"].rpartition(":layer:")[2]


def _layer_version(question: Question, name: str) -> Members:
    return layer_version_members(f"{question.layer_arn(name)}:1", since=question.since)


ACCOUNT_ANSWERS: Mapping[str, Callable[[Question], Members]] = {
    "GetAccountSettings": get_account_settings,
    "GetEventSourceMapping": get_event_source_mapping,
    "GetLayerVersion": get_layer_version,
    "ListEventSourceMappings": list_event_source_mappings,
    "ListLayerVersions": list_layer_versions,
    "ListLayers": list_layers,
    "ListTags": list_tags,
}
"""By operation, what it answers."""
