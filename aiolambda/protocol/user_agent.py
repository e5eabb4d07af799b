"""The user agent, in the form that AWS SDKs share: product, then `ua/2.1`, `os/`, `lang/`, `md/`, `exec-env/`, `app/`, `m/`.

Owns its grammar. Must not look anything up: facts about this machine are arguments.
"""

import string
from collections.abc import Iterable, Mapping

__all__ = ["FEATURES", "user_agent"]

_TOKEN = frozenset("!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters)

FEATURES: dict[str, str] = {
    "RETRY_MODE_STANDARD": "E",
    "ENDPOINT_OVERRIDE": "N",
    "CREDENTIALS_CODE": "e",
    "CREDENTIALS_ENV_VARS": "g",
    "CREDENTIALS_STS_ASSUME_ROLE": "i",
    "CREDENTIALS_STS_ASSUME_ROLE_WEB_ID": "k",
    "CREDENTIALS_PROFILE": "n",
    "CREDENTIALS_SSO": "s",
    "CREDENTIALS_PROCESS": "w",
    "CREDENTIALS_HTTP": "z",
    "CREDENTIALS_IMDS": "0",
    "CREDENTIALS_LOGIN": "AD",
}
"""The codes of the features in the `m/` part."""


def token(text: str) -> str:
    """The text, with `-` for each character that a header token must not contain."""
    return "".join(character if character in _TOKEN else "-" for character in text)


def user_agent(
    product: str,
    version: str,
    *,
    os: tuple[str, str],
    language: tuple[str, str],
    details: Mapping[str, str],
    execution_environment: str | None = None,
    features: Iterable[str] = (),
    app_id: str | None = None,
    extra: str | None = None,
) -> str:
    """The value of the header.

    `features` are keys of `FEATURES`. `app_id` is the user's name for the program. `extra` is appended as it is.
    """
    parts = [
        f"{product}/{token(version)}",
        "ua/2.1",
        _pair("os", *os),
        _pair("lang", *language),
        f"api/lambda#{token(version)}",
    ]
    parts += [_pair("md", name, value) for name, value in details.items()]
    if execution_environment:
        parts.append(f"exec-env/{token(execution_environment)}")
    if app_id:
        parts.append(f"app/{token(app_id)}")
    letters = sorted(FEATURES[feature] for feature in features)
    if letters:
        parts.append(f"m/{','.join(letters)}")
    if extra:
        parts.append(extra)
    return " ".join(parts)


def _pair(kind: str, name: str, value: str) -> str:
    return f"{kind}/{token(name.lower() if kind != 'md' else name)}#{token(value)}" if value else f"{kind}/{token(name)}"
