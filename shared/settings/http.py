"""Settings of the HTTP server and of webhooks."""

from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shared.schemas.request import MAX_ATTEMPTS, MAX_STEPS, MAX_VARIATIONS, SIDE_LIMITS
from shared.settings.base import Count, Seconds, Section
from shared.settings.values import HeaderName, Host, Key, Origin, Phrase, Receiver, WebhookSecret, key_names


class ApiSettings(Section):
    """The HTTP server."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)]
    processes: Count
    connections: Count
    max_body_bytes: Count
    max_list_bytes: Count
    max_package_bytes: Count
    receive_s: Seconds
    keys: tuple[Key, ...]
    client_header: HeaderName | None
    operators: tuple[str, ...]
    allow_anonymous: bool
    allowed_hosts: tuple[Host, ...]
    cors_origins: tuple[Origin, ...]
    rate_limit: str | None
    max_listeners: Count | None
    max_side: Annotated[int, Field(**SIDE_LIMITS)]
    max_steps: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    max_variations: Annotated[int, Field(ge=1, le=MAX_VARIATIONS)]
    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)]
    blocked_words: tuple[Phrase, ...]

    @property
    def listeners_per_client(self) -> int:
        """The most event streams and waiting calls of one client in each process."""
        return self.max_listeners or max(1, self.connections // 10)

    @property
    def has_several_clients(self) -> bool:
        """Whether clients have names, and can be more than one, not counting operators."""
        clients = set(key_names(self.keys)) - set(self.operators)
        return len(clients) > 1 or self.client_header is not None

    @field_validator("keys")
    @classmethod
    def _keys_differ(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        names = key_names(keys)
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two keys are named {twice!r}")
        if len({entry.split(":")[1] for entry in keys}) < len(keys):
            raise ValueError("the same key has two names")
        return keys

    @field_validator("operators")
    @classmethod
    def _operators_have_keys(cls, operators: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("client_header"):
            return operators  # the proxy knows their names
        names = key_names(info.data.get("keys", ()))
        unknown = next((name for name in operators if name not in names), None)
        if unknown is not None:
            raise ValueError(f"no key is named {unknown!r}; available: {', '.join(names) or 'none'}")
        return operators

    @model_validator(mode="after")
    def _proxy_names_clients(self) -> Self:
        if self.client_header and (self.keys or not self.allow_anonymous):
            raise ValueError("api.client_header needs api.allow_anonymous, and no api.keys: the proxy authenticates")
        return self

    @field_validator("cors_origins")
    @classmethod
    def _not_all_without_keys(cls, origins: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "*" in origins and not info.data.get("keys"):
            raise ValueError("* lets every page call the API, so set api.keys too")
        return origins


class WebhookSettings(Section):
    """Who may be notified of a job's end, and how."""

    allowed_hosts: tuple[Receiver, ...]
    secret: WebhookSecret | None = Field(repr=False)
    attempts: Count
    first_pause_s: Seconds
    timeout_s: Seconds
    allow_private: bool

    @property
    def claim_s(self) -> float:
        """How long a worker's claim on a webhook lasts, well beyond the longest delivery."""
        return 6 * self.timeout_s

    @model_validator(mode="after")
    def _sign_what_is_sent(self) -> Self:
        if self.allowed_hosts and self.secret is None:
            raise ValueError(
                "webhooks.allowed_hosts is set but webhooks.secret is not, so receivers could not verify the sender; "
                "set WRITING_WEBHOOKS__SECRET"
            )
        return self
