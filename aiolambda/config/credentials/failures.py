"""The texts of credentials that cannot be had: one line for a failure, a few for a search that found nothing.

Owns their words. No text holds a key, a payload, or more than the first line of a library's or a program's text.
Must not look for credentials, and must not load botocore: it knows botocore's errors by name.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from ...version import BESIDE_BOTO3, INSTALL
from ..shared_config import SharedConfig
from .profile import ProfileSource, text_of_setting

__all__ = ["NOT_INSTALLED", "error_code", "needs_botocore", "nothing_found", "one_line", "reason_of"]

NOT_INSTALLED = f"needs botocore: install the extra 'aws' ({INSTALL}); {BESIDE_BOTO3}"

_MOST = 200
"""Characters of a text that somebody else wrote."""

_NOT_LOGGED_IN = frozenset({"SSOTokenLoadError", "LoginTokenLoadError"})
_LOGIN_EXPIRED = frozenset(
    {"UnauthorizedSSOTokenError", "TokenRetrievalError", "LoginRefreshRequired", "LoginInsufficientPermissions"}
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})

_TUNNEL_STATUS = re.compile(r"Tunnel connection failed: \d{3}")

_KINDS = {
    "assume-role": ("assumes the role", "role_arn"),
    "assume-role-with-web-identity": ("assumes a role with the web identity token in", "web_identity_token_file"),
    "sso": ("uses IAM Identity Center with the role", "sso_role_name"),
    "login": ("uses a login", "login_session"),
}


def one_line(text: str, most: int = _MOST) -> str:
    """The first line that has a text, without control characters, bounded."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = "".join(character if character.isprintable() else " " for character in line).strip()
    return line if len(line) <= most else f"{line[:most]}..."


def error_code(error: BaseException | None) -> str:
    """The code of an AWS service's error, as botocore raises it; empty for any other error."""
    return str(_error_answer(error).get("Code") or "")


def _error_answer(error: BaseException | None) -> Mapping[str, Any]:
    """The part `Error` of a service's answer. The `response` of another library's error is an object of its own."""
    response: Any = getattr(error, "response", None)
    answer: Any = response.get("Error") if isinstance(response, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any library's
    return cast("Mapping[str, Any]", answer) if isinstance(answer, dict) else {}


def _details(error: BaseException) -> Mapping[str, Any]:
    """The parts of a botocore error's text."""
    details: Any = getattr(error, "kwargs", None)
    return cast("Mapping[str, Any]", details) if isinstance(details, dict) else {}


def needs_botocore(source: ProfileSource) -> str:
    """The error of a profile whose source needs botocore, which is not installed."""
    if source.variable is not None:
        return f"{source.variable} is set, and a web identity {NOT_INSTALLED}"
    verb, setting = _KINDS[source.kind]
    named = text_of_setting(source.settings, setting)
    return f"{source.where} {verb}{f' {one_line(named)!r}' if named else ''}, which {NOT_INSTALLED}"


# --- A source that failed ---------------------------------------------------------------------------------------------


def reason_of(error: Exception, way: Sequence[ProfileSource], environment: Mapping[str, str]) -> str:
    """What failed on the way to the keys, in one line, with the remedy. `way` is that of the profile; it may be empty."""
    kind, code = type(error).__name__, error_code(error)
    if code:
        return _refusal(error, code, way, environment)
    if kind == "ProxyConnectionError":
        return _proxy_failed(error)
    last = way[-1] if way else None
    if last is not None and last.kind in ("sso", "login") and kind in _NOT_LOGGED_IN | _LOGIN_EXPIRED:
        return _login(last, has_expired=kind in _LOGIN_EXPIRED)
    if last is not None and last.kind == "assume-role-with-web-identity":
        return _token_failed(error, _token_file(last, environment))
    if last is not None and last.kind == "custom-process":
        said = one_line(str(_details(error).get("error_msg") or "")) or _said(error)
        return f"credential_process of {last.where} failed: {said}"
    return _said(error)


def _token_failed(error: Exception, file: str) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"the web identity token file {file} cannot be read: {error.strerror}"
    if type(error).__name__ == "ParamValidationError":
        return f"the web identity token file {file} is empty, or no token"
    return _said(error)


def _said(error: Exception) -> str:
    kind = type(error)
    if kind.__module__ == "botocore.parsers":  # its text quotes the answer, which may hold keys
        return f"the service's answer cannot be read ({kind.__name__})"
    text = one_line(str(error), 400)
    return text if kind.__module__.startswith("botocore.") else f"{kind.__name__}: {text}"


def _proxy_failed(error: Exception) -> str:
    """The proxy's host and port, and how it failed. botocore's text has neither the reason nor the port of every URL."""
    try:
        parts = urlsplit(str(_details(error).get("proxy_url", "")))
        place = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    except ValueError:
        place = "of the configuration"
    refusal = next((found[0] for text in _texts_behind(error) if (found := _TUNNEL_STATUS.search(text))), None)
    reason = next((one.strerror for one in _errors_behind(error) if isinstance(one, OSError) and one.strerror), "no answer")
    if refusal is not None:
        reason = f"it answered {refusal.rpartition(' ')[2]}"
    return (
        f"the proxy {place} failed: {one_line(reason)}: check https_proxy and http_proxy, and that the proxy runs; no_proxy "
        "leaves hosts out"
    )


def _errors_behind(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it wraps, in any of the ways of botocore and urllib3."""
    seen, left = set[int](), [error]
    while left:
        one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (_details(one).get("error"), getattr(one, "original_error", None), getattr(one, "reason", None))
        left += [other for other in (*inner, one.__cause__, one.__context__) if isinstance(other, BaseException)]


def _texts_behind(error: BaseException) -> Iterator[str]:
    return map(str, _errors_behind(error))


def _login(source: ProfileSource, *, has_expired: bool) -> str:
    command = "sso login" if source.kind == "sso" else "login"
    service = "IAM Identity Center" if source.kind == "sso" else "AWS"
    state = f"its login at {service} has expired" if has_expired else f"it is not logged in at {service}"
    run = f"aws {command} --profile {shlex.quote(source.profile)}"
    return f"the profile {source.profile!r} has no valid session: {state}: run {run}"


def _token_file(source: ProfileSource, environment: Mapping[str, str]) -> str:
    if source.variable is not None:
        return f"{environment.get(source.variable, '')!r} (from {source.variable})"
    return f"{text_of_setting(source.settings, 'web_identity_token_file')!r} (from {source.where})"


def _refusal(error: Exception, code: str, way: Sequence[ProfileSource], environment: Mapping[str, str]) -> str:
    """An error answer of STS or of the service of a login."""
    operation = str(getattr(error, "operation_name", ""))
    said = f"{one_line(code, 60)}: {one_line(str(_error_answer(error).get('Message') or 'no message'))}"
    kinds = {
        "AssumeRoleWithWebIdentity": "assume-role-with-web-identity",
        "GetRoleCredentials": "sso",
        "AssumeRole": "assume-role",
    }
    sources = [source for source in way if source.kind == kinds.get(operation)]
    if not sources:
        return f"{operation or 'the service'} was refused: {said}"
    if operation == "AssumeRole":
        return _role_refused(sources, code, said)
    if operation == "AssumeRoleWithWebIdentity":
        source = sources[-1]
        role = (environment.get("AWS_ROLE_ARN") if source.variable else None) or text_of_setting(source.settings, "role_arn")
        return f"STS refused the web identity token of the file {_token_file(source, environment)} for the role {role}: {said}"
    source = sources[-1]
    if code == "UnauthorizedException":
        return _login(source, has_expired=True)
    role, account = (text_of_setting(source.settings, name) for name in ("sso_role_name", "sso_account_id"))
    return f"IAM Identity Center refused the role {role!r} of account {account} to the profile {source.profile!r}: {said}"


def _role_refused(roles: Sequence[ProfileSource], code: str, said: str) -> str:
    if len(roles) > 1:  # botocore does not say which one
        arns = " or ".join(text_of_setting(role.settings, "role_arn") for role in roles)
        return f"STS refused to assume {arns}, from {roles[0].where}: {said}"
    role = roles[0]
    origin = text_of_setting(role.settings, "source_profile")
    signed = (
        f"source_profile {origin!r}" if origin else f"credential_source {text_of_setting(role.settings, 'credential_source')}"
    )
    advice = f"; renew the keys of {signed}" if code in _EXPIRED else ""
    arn = text_of_setting(role.settings, "role_arn")
    return f"STS refused to assume {arn} of {role.where} with the keys of {signed}: {said}{advice}"


# --- A search that found nothing --------------------------------------------------------------------------------------


def nothing_found(shared: SharedConfig, profile: str | None, chosen_by: str, *, instance: str) -> str:
    """The error of a search that found no keys: each place with its state, then the remedy. `instance` is that of IMDS."""
    if chosen_by == "argument profile":
        variables = "not read, because profile= is given"
    else:
        variables = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_WEB_IDENTITY_TOKEN_FILE are not set"
    known = sorted(shared.profiles)
    named = f" (known: {', '.join(known[:20])}{', ...' if len(known) > 20 else ''})" if known else ""
    lines = (
        "no credentials were found:",
        f"- environment: {variables}",
        f"- {_profile_state(shared, profile or 'default', chosen_by)}",
        "- container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set",
        f"- instance metadata service (IMDS): {instance}",
    )
    remedy = (
        f"set the two keys in the environment, or name a profile that has keys with profile= or AWS_PROFILE{named}, or log in "
        "(aws sso login --profile NAME)"
    )
    return "\n".join((*lines, remedy))


def _profile_state(shared: SharedConfig, name: str, chosen_by: str) -> str:
    files = " and ".join(f"{file.path} ({file.state})" for file in shared.files)
    by = f" (from {chosen_by})" if chosen_by else ""
    if name not in shared.profiles:
        return f"profile {name!r}{by}: not in {files}"
    settings = shared.profiles[name]
    if "aws_secret_access_key" in settings:
        return f"profile {name!r}{by}: it has aws_secret_access_key, and no aws_access_key_id, in {files}"
    has = ", ".join(sorted(settings)[:8]) or "no settings"
    return f"profile {name!r}{by}: no keys, role, login or program in {files}; it has {has}"
