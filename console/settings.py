"""Settings of the gateway, ``JINGWEI_GATEWAY_*``, and of OpenID Connect, ``JINGWEI_OIDC_*``."""

import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from console.access import Role

SAFE_URL = re.compile(r"https://[^\s/@]+(/|$)|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)")
"""Addresses of an identity provider: what goes there is secret."""


class GatewaySettings(BaseSettings):
    """Where the gateway listens, and its limits."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_GATEWAY_")

    host: str = "127.0.0.1"
    port: int = Field(default=8470, ge=0, le=65_535)
    """0 is any free one."""
    certificate: Path | None = None
    key: Path | None = None
    """PEM files; without them a proxy has to do TLS."""
    proxies: str = "127.0.0.1"
    """Addresses of proxies whose X-Forwarded-For is believed, separated by commas."""
    idle_s: float = Field(default=1_800, ge=60, le=86_400)
    """A session that is not used for so long ends."""
    session_s: float = Field(default=43_200, ge=60, le=604_800)
    """Every session ends after so long: a shift."""
    attempts: int = Field(default=10, ge=1, le=1_000)
    """Failed sign-ins in 15 minutes of a name from an address; of an address 10 times as many."""
    body_bytes: int = Field(default=65_536, ge=1_024, le=1_000_000)
    body_s: float = Field(default=10, gt=0, le=600)
    """The largest body of a request; how long it, or the head before it, may take to arrive."""
    unread_s: float = Field(default=30, ge=1, le=3_600)
    """A client that takes nothing of an answer for so long is cut off."""
    rate: float = Field(default=100, ge=0, le=1_000_000)
    burst: float = Field(default=1_000, ge=1, le=10_000_000)
    """Requests a second, and at once, of a token or a signed-in account; of an address 5 times as
    many. Each gateway counts by itself; a rate of 0 is no limit."""
    answer_s: float = Field(default=10, gt=0, le=60)
    """How long the answer to a command is waited for."""
    reveals_per_hour: int = Field(default=30, ge=0, le=100_000)
    """So many contacts of reporters an account is shown in an hour."""
    processes: int = Field(default=2, ge=1, le=64)
    """That search for places and ways, at most: each holds the city's streets."""
    compute_s: float = Field(default=10, gt=0, le=60)
    """How long an answer of theirs is waited for."""
    connections: int = Field(default=8, ge=1, le=1_000)
    """To the ledger, at most."""
    tile_cache_bytes: int = Field(default=64 << 20, ge=0, le=8 << 30)
    """Memory for tiles of streets and fences."""
    most_requests: int = Field(default=1_000, ge=1, le=100_000)
    """Connections and requests at a time; the next ones get 503."""
    connections_per_address: int = Field(default=1_000, ge=1, le=100_000)
    """Connections of an address that is no proxy; the next ones are closed at once."""

    streams: int = Field(default=2_500, ge=1, le=100_000)
    streams_per_account: int = Field(default=20, ge=1, le=100_000)
    """Live streams at a time, in all and of an account; the next ones get 429."""
    stream_bytes: int = Field(default=1_048_576, ge=65_536, le=1_073_741_824)
    """What a live stream's client may leave unread; one that leaves more is dropped."""
    stream_history_bytes: int = Field(default=67_108_864, ge=65_536, le=10_737_418_240)
    """Changes kept for clients that come back."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65_535)
    """Where Prometheus finds ``/metrics``, without sign-in; None is nowhere, 0 any free port."""

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            msg = "give both certificate and key, or neither"
            raise ValueError(msg)
        return self


CALLBACK = "/api/v1/session/oidc/callback"
"""Where the identity provider sends browsers back to."""


class OidcSettings(BaseSettings):
    """An identity provider; without an issuer there is none."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_OIDC_", hide_input_in_errors=True)

    issuer: str | None = None
    """As the provider writes it, to the letter."""
    client_id: str = ""
    client_secret: SecretStr | None = None
    gateway_url: str = ""
    """Where browsers find this gateway: the provider sends them back there."""
    scopes: str = "openid profile"
    role_claim: str = "roles"
    roles: dict[str, Role] = {}
    """Role by the claim's value, JSON; of several the first that fits. Who has none stays out."""
    name_claim: str = "preferred_username"
    department_claim: str = "department"
    unit_claim: str = "unit"
    after: str = Field(default="/api/v1/docs", pattern=r"^/([^/\\\s][^\\\s]*)?$")
    """Path on this gateway that is shown after signing in."""

    @field_validator("issuer", "gateway_url")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        if value and not SAFE_URL.match(value):
            raise ValueError("give a URL with https (http for localhost only)")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.issuer and not (self.client_id and self.gateway_url):
            raise ValueError("with an issuer give client_id and gateway_url, too")
        return self
