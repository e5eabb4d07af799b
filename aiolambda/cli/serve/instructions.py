"""What `aiolambda serve` prints at its start: the functions, and shell commands to paste into another terminal.

Must not know how functions run.
"""

import os
from collections.abc import Iterator

from ...local import LocalEndpoint, LocalFunction

__all__ = ["instructions"]


def instructions(endpoint: LocalEndpoint) -> str:
    """The text. Its last line invokes the first function."""
    has_proxy = any(name.lower() == "http_proxy" for name in os.environ)
    credentials = endpoint.credentials
    first = next(iter(endpoint.functions.values()))
    return "\n".join(
        [
            f"# serving on {endpoint.url} until Ctrl-C:",
            *(line for function in endpoint.functions.values() for line in _lines_of(function, endpoint)),
            "# in another terminal:",
            f"export AWS_ENDPOINT_URL_LAMBDA={endpoint.url}",
            f"export AWS_REGION={endpoint.region}",
            f"export AWS_DEFAULT_REGION={endpoint.region}",  # boto3 reads only this one
            f"export AWS_ACCESS_KEY_ID={credentials.access_key_id}",
            f"export AWS_SECRET_ACCESS_KEY={credentials.secret_access_key}",
            "unset AWS_SESSION_TOKEN AWS_PROFILE AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT",
            *(['export no_proxy="127.0.0.1,${no_proxy:-$NO_PROXY}"'] if has_proxy else []),
            f"aiolambda invoke {_name_to_invoke(first)} --tail -p '{{}}'",
        ]
    )


def _name_to_invoke(function: LocalFunction) -> str:
    """The name for a shell. A durable function is invoked with a qualifier."""
    return f"'{function.name}:$LATEST'" if function.durable else function.name


def _lines_of(function: LocalFunction, endpoint: LocalEndpoint) -> Iterator[str]:
    durable = ", durable" if function.durable else ""
    yield f"#   {function.name}: {function.handler} in {function.root}{durable}"
    auth_type = "AWS_IAM" if function.url is None else function.url.auth_type
    yield f"#     {endpoint.function_url(function.name)} ({auth_type})"
    for number, folder in function.versions.items():
        yield f"#   {function.name}:{number}: in {folder}"
    for alias in function.aliases:
        route = function.route(alias) or {}
        versions = [version if share == 1 else f"{version} ({share:.0%})" for version, share in route.items()]
        yield f"#   {function.name}:{alias}: {', '.join(versions)}"
