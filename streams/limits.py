"""How far intake trusts what comes in, as settings ``JINGWEI_INTAKE_*``."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IntakeSettings(BaseSettings):
    """Limits of the intake."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_INTAKE_")

    future_s: float = Field(default=300, ge=0)
    """How far a time may lie ahead of the message's own timestamp."""
    past_s: float = Field(default=86_400, gt=0)
    """How far a time may lie behind the message's own timestamp."""
    margin_m: float = Field(default=5_000, ge=0)
    """How far outside the city's bounds a place may lie."""
    move_m: float = Field(default=25, ge=0)
    """A unit's position is journaled when it has moved this far …"""
    move_s: float = Field(default=30, ge=0)
    """… or when the last one journaled is this old."""
    save_alarm_s: float = Field(default=30, ge=0)
    """A calm datastream's last time is written to the ledger at most this often."""
    datastreams: int = Field(default=20_000, gt=0)
    """So many are remembered of a partition; beyond, the calm ones longest unheard are forgotten,
    as are those that have been calm and unheard for ``past_s``."""
    silence_check_s: float = Field(default=5, gt=0)
    """How often alarms are looked through for silence."""
