"""The names of every setting: argument, variables, key of the profile. A name stands here and nowhere else.

Must not know how a setting is looked up, or what it does.
"""

from os import PathLike

from .lookup import Setting, as_flag, as_header_text, as_number, as_text, one_of
from .profiles import PROFILE_VARIABLES

__all__ = [
    "APP_ID",
    "CA_BUNDLE",
    "CLOCK",
    "CREDENTIALS_NAMES",
    "DUALSTACK",
    "ENDPOINT_URL",
    "ENDPOINT_VARIABLES",
    "EXECUTION_ENVIRONMENT",
    "FIPS",
    "IGNORE_ENDPOINT_URLS",
    "KEEPALIVE",
    "MAX_ATTEMPTS",
    "PROFILE",
    "PROXY_NAMES",
    "REGION",
    "RETRY_MODE",
]

PROFILE: Setting[str | None] = Setting(name="profile", read=as_text, argument="profile", variables=PROFILE_VARIABLES)
REGION: Setting[str | None] = Setting(
    name="region", read=as_text, argument="region", variables=("AWS_REGION", "AWS_DEFAULT_REGION"), key="region"
)

ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL")
ENDPOINT_URL: Setting[str | None] = Setting(
    name="endpoint_url", read=as_text, argument="endpoint_url", variables=ENDPOINT_VARIABLES, key="endpoint_url"
)
IGNORE_ENDPOINT_URLS: Setting[bool] = Setting(
    name="ignore_configured_endpoint_urls",
    read=as_flag("ignore_configured_endpoint_urls"),
    argument="ignore_configured_endpoint_urls",
    variables=("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",),
    key="ignore_configured_endpoint_urls",
)
FIPS: Setting[bool] = Setting(
    name="use_fips_endpoint",
    read=as_flag("use_fips_endpoint"),
    argument="use_fips_endpoint",
    variables=("AWS_USE_FIPS_ENDPOINT",),
    key="use_fips_endpoint",
)
DUALSTACK: Setting[bool] = Setting(
    name="use_dualstack_endpoint",
    read=as_flag("use_dualstack_endpoint"),
    argument="use_dualstack_endpoint",
    variables=("AWS_USE_DUALSTACK_ENDPOINT",),
    key="use_dualstack_endpoint",
)
MAX_ATTEMPTS: Setting[int | None] = Setting(
    name="max_attempts", read=as_number("max_attempts"), variables=("AWS_MAX_ATTEMPTS",), key="max_attempts"
)
RETRY_MODE: Setting[str | None] = Setting(
    name="retry_mode",
    read=one_of("retry_mode", "legacy", "standard", "adaptive"),
    variables=("AWS_RETRY_MODE",),
    key="retry_mode",
)
CA_BUNDLE: Setting[str | PathLike[str] | None] = Setting(
    name="ca_bundle",
    read=as_text,
    argument="ca_bundle",
    variables=("AWS_CA_BUNDLE",),
    key="ca_bundle",
    fallbacks=("REQUESTS_CA_BUNDLE",),
)
KEEPALIVE: Setting[bool] = Setting(
    name="tcp_keepalive", read=as_flag("tcp_keepalive"), variables=("BOTOCORE_TCP_KEEPALIVE",), key="tcp_keepalive"
)
APP_ID: Setting[str | None] = Setting(
    name="user_agent_app_id",
    read=as_header_text("user_agent_app_id"),
    argument="user_agent_app_id",
    variables=("AWS_SDK_UA_APP_ID",),
    key="sdk_ua_app_id",
)
EXECUTION_ENVIRONMENT: Setting[str | None] = Setting(
    name="execution_environment", read=as_text, variables=("AWS_EXECUTION_ENV",)
)
CLOCK: Setting[bool] = Setting(
    name="disable_clock_skew_correction",
    read=as_flag("disable_clock_skew_correction"),
    argument="disable_clock_skew_correction",
    variables=("AWS_DISABLE_CLOCK_SKEW_CORRECTION",),
    key="disable_clock_skew_correction",
)

CREDENTIALS_NAMES = ("credentials=", "profile=", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "the AWS credential chain")
PROXY_NAMES = ("proxy=", "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy and NO_PROXY leave hosts out")
