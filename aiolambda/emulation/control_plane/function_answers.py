"""The answers about functions, their versions and aliases, and their limits.

Must not know other operations, or how an answer is sent.
Source: the Lambda API reference.
"""

from collections.abc import Callable, Mapping

from .. import api_errors
from ..function_facts import FunctionFacts
from ..identifiers import LATEST
from ..targets import Target
from ..url_config import FunctionUrl
from .members import Members, alias_members, event_members, provisioned_members, url_members
from .pages import page_of
from .question import Question

__all__ = ["FUNCTION_ANSWERS"]

_FUNCTIONS_OF_PAGE = 50


def get_function_configuration(question: Question) -> Members:
    target = question.target()
    facts, version = question.selected(target)
    described = question.described(target, facts, version, qualifier=target.qualifier)
    return described | question.state(target, counts=True)


def get_function(question: Question) -> Members:
    facts, version = question.selected(question.target())
    members: Members = {"Configuration": get_function_configuration(question), "Code": _code(facts, version)}
    if facts.concurrency is not None:
        members["Concurrency"] = {"ReservedConcurrentExecutions": facts.concurrency}
    return members


def _code(facts: FunctionFacts, version: str) -> Members:
    location = facts.versions.get(version, facts.code)
    return {} if location is None else {"RepositoryType": "file", "Location": location}


def list_functions(question: Question) -> Members:
    every_version = question.asked.query_member("FunctionVersion")
    if every_version not in (None, "ALL"):
        raise api_errors.invalid_value("functionVersion", "Member must satisfy enum value set: [ALL]", value=every_version)
    listed: dict[str, Callable[[], Members]] = {}
    for name in question.functions.function_names():
        facts = question.functions.facts_of(name)
        if facts is not None:
            for version in _versions(facts) if every_version else [LATEST]:
                listed[f"{name}:{_order(version)}"] = _listing(question, facts, version, is_qualified=every_version is not None)
    page, marker = page_of(question.asked, listed, size=_FUNCTIONS_OF_PAGE)
    return {"Functions": [entry() for entry in page], "NextMarker": marker}


def _listing(question: Question, facts: FunctionFacts, version: str, *, is_qualified: bool) -> Callable[[], Members]:
    """An entry of ListFunctions, which has no state."""
    return lambda: question.described(Target(name=facts.name), facts, version, qualifier=version if is_qualified else None)


def list_versions_by_function(question: Question) -> Members:
    target = question.target()
    facts = question.function(target)
    page, marker = page_of(question.asked, {_order(version): version for version in _versions(facts)}, size=50)
    return {
        "Versions": [
            question.described(target, facts, version, qualifier=version)
            | question.state(Target(name=target.name, qualifier=None if version == LATEST else version), counts=False)
            for version in page
        ],
        "NextMarker": marker,
    }


def _versions(facts: FunctionFacts) -> list[str]:
    return [LATEST, *facts.versions]


def _order(version: str) -> str:
    """`$LATEST` is first, and numbers follow by size."""
    return version if version == LATEST else version.zfill(20)


def list_aliases(question: Question) -> Members:
    target = question.target()
    facts, version = question.function(target), question.asked.query_member("FunctionVersion")
    found = {name: name for name, route in facts.aliases.items() if version in (None, *route)}
    page, marker = page_of(question.asked, found, size=50)
    return {"Aliases": [alias_members(facts, name, question.arn(target, name)) for name in page], "NextMarker": marker}


def get_alias(question: Question) -> Members:
    target, name = question.target(), question.asked.labels["Name"]
    facts = question.function(target)
    arn = question.arn(target, name)
    if name not in facts.aliases:
        raise api_errors.not_found(f"Cannot find alias arn: {arn}")
    return alias_members(facts, name, arn)


def get_function_concurrency(question: Question) -> Members:
    concurrency = question.function(question.target()).concurrency
    return {} if concurrency is None else {"ReservedConcurrentExecutions": concurrency}


def get_provisioned_concurrency_config(question: Question) -> Members:
    target = question.target()
    question.selected(target)
    if target.qualifier is None:
        raise api_errors.invalid_parameter("Qualifier must be a version or an alias")
    members = _provisioned(question, target, target.qualifier)
    if members is None:
        raise api_errors.provisioned_concurrency_not_found()
    return members


def list_provisioned_concurrency_configs(question: Question) -> Members:
    target = question.target()
    question.function(target)
    qualifiers = {name: name for name in question.states.provisioned.qualifiers(target.name)}
    page, marker = page_of(question.asked, qualifiers, size=50, most=50)
    configs = [{"FunctionArn": question.arn(target, name), **(_provisioned(question, target, name) or {})} for name in page]
    return {"ProvisionedConcurrencyConfigs": configs, "NextMarker": marker}


def _provisioned(question: Question, target: Target, qualifier: str) -> Members | None:
    provisioned = question.states.provisioned.tell(target.name, qualifier)
    if provisioned is None:
        last = question.states.provisioned.last(target.name, qualifier)
        if last is None:
            return None
        provisioned = last.ready()
    return provisioned_members(provisioned, since=question.since)


def get_function_event_invoke_config(question: Question) -> Members:
    target = question.target()
    facts, _ = question.selected(target)
    qualifier = None if target.qualifier == LATEST else target.qualifier
    if qualifier not in facts.events:
        raise api_errors.event_config_not_found(question.arn(target, target.qualifier or LATEST))
    return _events(question, target, facts, qualifier)


def list_function_event_invoke_configs(question: Question) -> Members:
    target = question.target()
    facts = question.function(target)
    page, marker = page_of(question.asked, {name or "": name for name in facts.events}, size=50, most=50)
    return {"FunctionEventInvokeConfigs": [_events(question, target, facts, name) for name in page], "NextMarker": marker}


def _events(question: Question, target: Target, facts: FunctionFacts, qualifier: str | None) -> Members:
    return event_members(
        facts.events[qualifier],
        question.arn(target, qualifier or LATEST),
        since=question.since,
        function_arn=lambda name: question.arn(Target(name=name), None),
    )


def get_function_recursion_config(question: Question) -> Members:
    return {"RecursiveLoop": question.function(question.target()).recursive_loop}


def get_runtime_management_config(question: Question) -> Members:
    target = question.target()
    question.selected(target)
    return {"UpdateRuntimeOn": "Auto", "FunctionArn": question.arn(target, target.qualifier or LATEST)}


def get_function_url_config(question: Question) -> Members:
    target = question.target()
    facts, _ = question.selected(target)
    if facts.url is None or target.qualifier == LATEST or target.qualifier in facts.versions:  # a version has no URL
        raise api_errors.not_found()
    return _url(question, target, facts.url, target.qualifier)


def list_function_url_configs(question: Question) -> Members:
    target = question.target()
    facts = question.function(target)
    owners: dict[str, str | None] = {} if facts.url is None else {"": None, **{alias: alias for alias in facts.aliases}}
    page, marker = page_of(question.asked, owners, size=50, most=50)
    configs = [_url(question, target, facts.url, alias) for alias in page if facts.url is not None]
    return {"FunctionUrlConfigs": configs, "NextMarker": marker}


def _url(question: Question, target: Target, url: FunctionUrl, alias: str | None) -> Members:
    name = target.name if alias is None else f"{target.name}:{alias}"
    return url_members(url, question.arn(target, alias), question.url_of(name), since=question.since)


def get_policy(question: Question) -> Members:
    question.selected(question.target())
    raise api_errors.not_found()


FUNCTION_ANSWERS: Mapping[str, Callable[[Question], Members]] = {
    "GetAlias": get_alias,
    "GetFunction": get_function,
    "GetFunctionConcurrency": get_function_concurrency,
    "GetFunctionConfiguration": get_function_configuration,
    "GetFunctionEventInvokeConfig": get_function_event_invoke_config,
    "GetFunctionRecursionConfig": get_function_recursion_config,
    "GetFunctionUrlConfig": get_function_url_config,
    "GetPolicy": get_policy,
    "GetProvisionedConcurrencyConfig": get_provisioned_concurrency_config,
    "GetRuntimeManagementConfig": get_runtime_management_config,
    "ListAliases": list_aliases,
    "ListFunctionEventInvokeConfigs": list_function_event_invoke_configs,
    "ListFunctionUrlConfigs": list_function_url_configs,
    "ListFunctions": list_functions,
    "ListProvisionedConcurrencyConfigs": list_provisioned_concurrency_configs,
    "ListVersionsByFunction": list_versions_by_function,
}
"""By operation, what it answers."""
