"""What a profile leads to: its own keys, or the source that it names, in the order of botocore's chain.

Law: the same files give the same keys as in botocore.

Owns that order and the reading of keys that are in a file. Must not load botocore, read a file, or ask a source.
"""

from collections.abc import Iterator, Mapping

import attrs

from ...errors import ConfigurationError
from ...types.values import Credentials
from ..shared_config import PROFILE_VARIABLES, Entry, SharedConfig
from .static import checked_static

__all__ = ["ProfileSource", "chosen_profile", "refuse_mfa", "source_of_profile", "text_of_setting", "way_to_keys"]

_KEY, _SECRET = "aws_access_key_id", "aws_secret_access_key"
_TOKENS = ("aws_security_token", "aws_session_token")
"""In botocore's order."""

_WEB_IDENTITY = "assume-role-with-web-identity"
_IN_ORDER = (
    (_WEB_IDENTITY, ("web_identity_token_file",)),
    ("sso", ("sso_role_name", "sso_account_id")),
    ("shared-credentials-file", (_KEY,)),
    ("login", ("login_session",)),
    ("custom-process", ("credential_process",)),
    ("config-file", (_KEY,)),
)
"""botocore's providers of a profile after its role, and the settings that choose each."""

TOKEN_FILE_VARIABLE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 - the name of a variable

Section = Mapping[str, Entry]


@attrs.frozen(eq=False, repr=False)
class ProfileSource:
    """The source of a profile's keys. `kind` is botocore's name for it, `settings` those of the profile.

    `keys` is set if the keys are in a file. `variable` names the variable that chose the source, if it was no profile.
    """

    kind: str
    profile: str
    settings: Section
    path: str = ""
    keys: Credentials | None = attrs.field(default=None, repr=False)
    variable: str | None = None

    @property
    def where(self) -> str:
        """The profile and its file, or the variable, as an error names them."""
        return self.variable or f"the profile {self.profile!r}{f' in {self.path}' if self.path else ''}"


def chosen_profile(name: str | None, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """The profile to use, and the name of the setting that chose it. `None` stands for `default`, which may be missing."""
    if name is not None:
        return name, "argument profile"
    variable = next((variable for variable in PROFILE_VARIABLES if environment.get(variable)), None)
    return (None, "") if variable is None else (environment[variable], variable)


def source_of_profile(shared: SharedConfig, name: str | None, environment: Mapping[str, str] | None) -> ProfileSource | None:
    """The first source of a profile; `None` if it has none. `ConfigurationError` if its keys are not complete.

    `environment` may hold a web identity. It is `None` for a profile that the caller names, and for a source profile.
    """
    name = name or "default"
    settings = shared.profiles.get(name, {})
    if "role_arn" in settings and "web_identity_token_file" not in settings:
        return ProfileSource("assume-role", name, settings, settings["role_arn"].path)
    return _without_role(shared, name, environment)


def _without_role(shared: SharedConfig, name: str, environment: Mapping[str, str] | None) -> ProfileSource | None:
    """The same, if the profile's role is no matter: it is the source of another role, and has keys."""
    settings = shared.profiles.get(name, {})
    if environment is not None and environment.get(TOKEN_FILE_VARIABLE):
        return ProfileSource(_WEB_IDENTITY, name, settings, variable=TOKEN_FILE_VARIABLE)
    if environment is not None and TOKEN_FILE_VARIABLE in environment:  # an empty variable hides the profile's file
        settings = {key: entry for key, entry in settings.items() if key != "web_identity_token_file"}
    files = {"shared-credentials-file": shared.credentials_file, "config-file": shared.config_file}
    for kind, keys in _IN_ORDER:
        section = files[kind].get(name, {}) if kind in files else settings
        found = [key for key in keys if key in section]
        if found and kind in files:
            return _keys_in(kind, name, section)
        if found and (kind != _WEB_IDENTITY or section[found[0]].value):
            return ProfileSource(kind, name, settings, settings[found[0]].path)
    return None


def way_to_keys(shared: SharedConfig, first: ProfileSource) -> Iterator[ProfileSource]:
    """The sources on the way to the first keys: a role, the role or keys of its source profile, and so on."""
    source: ProfileSource | None = first
    seen = set[str]()
    while source is not None:
        yield source
        name = text_of_setting(source.settings, "source_profile")
        if source.kind != "assume-role" or "credential_source" in source.settings or name in seen:
            return
        if name not in shared.profiles:
            return
        seen.add(name)
        settings = shared.profiles[name]
        has_keys = _KEY in settings or _SECRET in settings  # they go before its role
        source = _without_role(shared, name, None) if has_keys else source_of_profile(shared, name, None)


def refuse_mfa(shared: SharedConfig, first: ProfileSource) -> None:
    """Refuse a profile that needs an MFA code: botocore would ask for it at the terminal, and wait there."""
    for source in way_to_keys(shared, first):
        if source.kind == "assume-role" and "mfa_serial" in source.settings:
            raise ConfigurationError(
                f"the profile {source.profile!r} assumes its role with the code of an MFA device (mfa_serial), and there is no "
                "terminal for it: give a session that has the role's keys, aiolambda.credentials.from_botocore(session), or "
                "use a profile of IAM Identity Center (aws sso login)"
            )


def text_of_setting(settings: Section, name: str) -> str:
    """The value; empty if it is missing, or settings are indented under it."""
    entry = settings.get(name)
    return entry.value if entry is not None and isinstance(entry.value, str) else ""


def _keys_in(kind: str, name: str, section: Section) -> ProfileSource:
    path = section[_KEY].path
    where = f"profile {name!r} in {path}"
    if _SECRET not in section:
        raise ConfigurationError(f"the {where} has {_KEY}, and no {_SECRET}: add it, or remove {_KEY}")
    token = next((key for key in _TOKENS if key in section), None)
    values: list[str] = []
    for key in (_KEY, _SECRET, *filter(None, [token])):
        value = section[key].value
        if not isinstance(value, str):
            raise ConfigurationError(f"{key} of the {where} must be one value, but the file has settings indented under it")
        values.append(value)
    keys = Credentials(values[0], values[1], values[2] or None if token else None)
    return ProfileSource(kind, name, section, path, checked_static(keys, where).credentials)
