"""The remedy for credentials that cannot be had, by what the error says.

The table of docs/credentials.md, for the doctor. Must not look for credentials.
"""

import re

from ...errors import ConfigurationError
from ...version import BESIDE_BOTO3, INSTALL

__all__ = ["advice_for"]

_OTHER = "check whether the AWS CLI finds credentials: aws sts get-caller-identity"
_ADVICE: tuple[tuple[str, str], ...] = (
    ("needs botocore", f"install the extra 'aws' ({INSTALL}); {BESIDE_BOTO3}"),
    ("is in neither|could not be found", "correct the name of the profile, or add the profile"),
    (r"\bhas aws_access_key_id, and no|is set in the environment, and", "set both keys in the same place, or none"),
    ("white space|is empty: give both keys", "copy the key again"),
    ("MFA device", "put the role's keys into the environment, or use a profile of IAM Identity Center (aws sso login)"),
    ("IAM Identity Center refused", "ask for access to that role and account"),
    ("STS refused to assume .*(Expired|; renew)", "renew the keys that sign the request, or log in again"),
    ("STS refused to assume", "allow sts:AssumeRole to the keys that sign the request, and trust them in the role's policy"),
    ("STS refused the web identity token", "check the role's trust policy, and the identity provider in the account"),
    ("web identity token file", "check AWS_WEB_IDENTITY_TOKEN_FILE, and the volume of the service account"),
    ("credential_process .*could not be started", "correct the path of the program"),
    ("credential_process .*expired at", "run the program in a terminal to renew its login, or set this machine's clock"),
    (
        "credential_process .*printed",
        "let the program print one JSON object with Version (1), AccessKeyId, SecretAccessKey, and for a session SessionToken",
    ),
    ("credential_process .*(ended|did not end)", "run the program in a terminal, to see its error or what it waits for"),
    ("credential_process", "correct credential_process in the profile"),
    ("expired at", "renew them, or log in again; unset AWS_CREDENTIAL_EXPIRATION if it is not theirs"),
    ("AWS_CREDENTIAL_EXPIRATION", "correct the variable, or unset it"),
    ("the proxy .* failed", "check https_proxy, http_proxy and no_proxy, and that the proxy runs"),
    ("the container's|AWS_CONTAINER_", "check the task role, or the pod identity association"),
    ("expired", "renew them, or log in again"),
)
"""The first pattern that occurs in the text counts."""
_RUN = re.compile(r": (run aws .*)$")


def advice_for(error: ConfigurationError) -> tuple[str, str]:
    """The text of the error, and its remedy, which may be the end of the text: a command, or the last of several lines."""
    text, _, remedy = str(error).rpartition("\n")
    if text:
        return text, remedy
    text = remedy
    command = _RUN.search(text)
    if command is not None:
        return text[: command.start()], command[1]
    return text, next((advice for pattern, advice in _ADVICE if re.search(pattern, text, re.DOTALL)), _OTHER)
