"""Settings of Redis, the queue and the results."""

import os
from typing import Annotated, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import Field, field_validator, model_validator

from shared.settings.base import Count, Seconds, Section
from shared.settings.values import FilePath, RedisUrl

# `redis.prefix`, which is prepended to every key of the service, Celery and the rate limit. It cannot change while a
# process runs. It is read once, here, because keys are built as modules are loaded.
NAMESPACE = os.environ.get("WRITING_REDIS__PREFIX", "")
# The TLS options that a Redis address may contain, because they state the default.
VERIFIED = (("ssl_cert_reqs", "required"), ("ssl_cert_reqs", "CERT_REQUIRED"))


class RedisSettings(Section):
    """The Redis that holds the broker, the result backend and the job records."""

    url: RedisUrl
    timeout_s: Seconds
    ca_file: FilePath | None
    cert_file: FilePath | None
    key_file: FilePath | None
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{1,40}[:_.-])?$")]

    @property
    def uses_tls(self) -> bool:
        """Whether the connection to Redis is encrypted."""
        return self.url.startswith("rediss://")

    @field_validator("url")
    @classmethod
    def _refuse_options(cls, url: str) -> str:
        """Refuse options in the address.

        `ssl_cert_reqs=none` would disable verification, and each of the clients knows options that another does not.
        """
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError("0 is not a valid port")
        options = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair not in VERIFIED]
        for name, _ in options:
            if name.lower().startswith("ssl"):
                raise ValueError(
                    f"remove {name}: TLS is always verified; set its files by redis.ca_file, cert_file and key_file"
                )
            raise ValueError(
                f"remove {name}: an address has no options; the number of the database is its path, as in /3"
            )
        return urlunsplit(parts._replace(query=""))

    @field_validator("prefix")
    @classmethod
    def _is_the_process_s(cls, prefix: str) -> str:
        if prefix != NAMESPACE:
            raise ValueError(
                "it is read when the process starts; set it only by the environment variable WRITING_REDIS__PREFIX"
            )
        return prefix

    @model_validator(mode="after")
    def _need_tls_for_its_files(self) -> Self:
        for name in ("ca_file", "cert_file", "key_file"):
            if getattr(self, name) is not None and not self.uses_tls:
                raise ValueError(f"redis.{name} is set, but redis.url is not encrypted; use rediss://…")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("redis.key_file is set without redis.cert_file")
        return self


class QueueSettings(Section):
    """Limits and lifetimes of jobs."""

    limit: Count
    bulk_limit: Count
    cancelled_limit: Count
    result_ttl_s: Count
    record_ttl_s: Count
    visibility_timeout_s: Count
    retry_after_s: Count
    bulk_every: Annotated[int, Field(ge=2)]
    lease_s: Seconds
    max_deaths: Count
    reconcile_s: Seconds


class ResultSettings(Section):
    """Where finished pictures are stored, and how much space they may take."""

    store: Annotated[str, Field(pattern=r"^(redis|file:///.+|s3://.+)$")]
    budget_share: Annotated[float, Field(gt=0, lt=1)]
    budget_bytes: Count | None
