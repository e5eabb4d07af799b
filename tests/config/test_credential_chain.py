"""The public cases of the default credential chain and the profile provider, compared with aiobotocore's own results."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ..support import suites

pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")

TOKENS = "default-token-provider-chain"
"""Three cases of bearer tokens. No call to Lambda uses them."""

DIFFERENCES = {
    "default-credential-provider-chain/imds_default_chain_retries": "the instance's service is asked once, as by boto3, unless "
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS says otherwise",
    "profile-provider/credential_process": "its command is a pipe, and no shell is called, as by boto3",
    "profile-provider/credential_process_account_id_fallback": "its command is a pipe, and no shell is called, as by boto3",
}
"""Cases that expect more than we do, with the reason."""

SAID = {
    "eks_pod_identity_no_token_file": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: No such file or directory",
    "imds_default_chain_error": "no credentials",
    "imds_disabled": "no credentials",
    "imds_no_iam_role": "Ec2InstanceMetadata",
    "profile_overrides_web_identity": "No credentials found in credential_source referenced in profile A",
    "sso_no_token_file": "it is not logged in at IAM Identity Center: run aws sso login --profile sso-test",
    "web_identity_source_profile_no_env": "no role ARN",
    "web_identity_token_invalid_jwt": "No OpenIDConnect provider found in your account",
    "invalid_config": "line 2: this line is neither a [section] nor a setting",
}
"""The words that the error of a case must contain."""


@cache
def cases() -> dict[str, Any]:
    return {
        f"{case['suite']}/{case['dir']}": case
        for case in suites.load("credentials/cases.json")["cases"]
        if case["suite"] != TOKENS
    }


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All cases at once, in a process with a home folder of its own."""
    path = suites.folder() / "credentials" / "cases.json"
    cases()
    root = tmp_path_factory.mktemp("credentials")
    environment = {"PATH": os.environ["PATH"], "HOME": str(root / "home")}
    environment["AWS_STS_REGIONAL_ENDPOINTS"] = "regional"  # older versions have another default
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.credential_cases", str(path), str(root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env=environment,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def is_right(case: dict[str, Any], result: dict[str, Any], *, with_expiry: bool) -> bool:
    """Whether a result is the expected one, and the requests are exactly those of the case."""
    expected = case["result"].get("Ok")
    if expected is None:
        return "error" in result and not result["left"]
    keys = [expected["access_key_id"], expected["secret_access_key"], expected.get("session_token")]
    if result.get("keys") != keys or result["left"] or result["problems"]:
        return False
    return not with_expiry or result["expiry"] == (0.0 if "expiry" in expected else None)


def test_each_chain_case_is_right_or_explained(results: dict[str, Any]) -> None:
    wrong = {name for name, case in cases().items() if not is_right(case, results[name]["ours"], with_expiry=True)}
    assert wrong == set(DIFFERENCES)
    assert len(results) == 47


def test_no_chain_case_is_worse_than_aiobotocore(results: dict[str, Any]) -> None:
    worse = {
        name
        for name, case in cases().items()
        if is_right(case, results[name]["theirs"], with_expiry=False)
        and not is_right(case, results[name]["ours"], with_expiry=True)
    }
    assert worse == set()


def test_each_chain_failure_names_its_cause(results: dict[str, Any]) -> None:
    for name, case in cases().items():
        said = results[name]["ours"].get("error")
        if said is not None:
            assert said.startswith("ConfigurationError: "), (name, said)
            assert SAID.get(case["dir"], "") in said
