"""Settings of Redis, the queue and the results."""

import os
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import Field, field_validator, model_validator

from shared.settings.base import Count, Seconds, Section
from shared.settings.values import RedisUrl

# `redis.prefix`: before every key of ours, of Celery's and of the rate limit's. A process has one for all of its life.
# It is read here, once, for keys are put together as modules are loaded.
NAMESPACE = os.environ.get("WRITING_REDIS__PREFIX", "")
# What an address of Redis may say of TLS: what holds anyway.
VERIFIED = (("ssl_cert_reqs", "required"), ("ssl_cert_reqs", "CERT_REQUIRED"))


class RedisSettings(Section):
    """Broker, result backend and job records.

    Attributes:
        url: `redis://…`, or `rediss://…` for TLS, which is always verified.
        timeout_s: connecting, and waiting for an answer.
        ca_file: PEM of the CA that has signed Redis's certificate, besides the system's; null: the system's alone.
        cert_file, key_file: PEM of our own certificate and its key, for a Redis that asks for one.
        prefix: before every key, so that several deployments can share a database; from the environment alone.
    """

    url: RedisUrl
    timeout_s: Seconds
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{1,40}[:_.-])?$")]

    @property
    def uses_tls(self) -> bool:
        """Whether the way to Redis is encrypted."""
        return self.url.startswith("rediss://")

    @field_validator("url")
    @classmethod
    def _refuse_tls_options(cls, url: str) -> str:
        """Take no word on TLS from the address, where `ssl_cert_reqs=none` would switch verification off."""
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError("0 is no port")
        options = parse_qsl(parts.query, keep_blank_values=True)
        kept = [pair for pair in options if pair not in VERIFIED]
        named = [name for name, _ in kept if name.lower().startswith("ssl")]
        if named:
            raise ValueError(
                f"leave {named[0]} out: TLS is always verified; files are named in redis.ca_file, cert_file, key_file"
            )
        return urlunsplit(parts._replace(query=urlencode(kept)))

    @field_validator("prefix")
    @classmethod
    def _is_the_process_s(cls, prefix: str) -> str:
        if prefix != NAMESPACE:
            raise ValueError("it is read as the process starts: set it by the environment's WRITING_REDIS__PREFIX")
        return prefix

    @model_validator(mode="after")
    def _need_tls_for_its_files(self) -> Self:
        for name in ("ca_file", "cert_file", "key_file"):
            if getattr(self, name) is not None and not self.uses_tls:
                raise ValueError(f"redis.{name} is set, but redis.url is not encrypted; give it as rediss://…")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("redis.key_file is set without redis.cert_file")
        return self


class QueueSettings(Section):
    """Limits and lifetimes of jobs."""

    limit: Count
    bulk_limit: Count
    result_ttl_s: Count
    record_ttl_s: Count
    visibility_timeout_s: Count
    retry_after_s: Count
    bulk_every: Annotated[int, Field(ge=2)]
    lease_s: Seconds
    max_deaths: Count
    reconcile_s: Seconds


class ResultSettings(Section):
    """Where finished pictures lie, and how much they may take.

    Attributes:
        store: `redis`, `file:///FOLDER` or `s3://BUCKET/PREFIX`.
        budget_share: share of Redis's maxmemory, where it has one; beyond it the oldest results go. Less where records
            need the memory.
        budget_bytes: the same in bytes; null: the share alone.
    """

    store: Annotated[str, Field(pattern=r"^(redis|file:///.+|s3://.+)$")]
    budget_share: Annotated[float, Field(gt=0, lt=1)]
    budget_bytes: Count | None
