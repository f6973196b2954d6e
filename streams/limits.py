"""How far intake trusts what comes in, as settings ``JINGWEI_INTAKE_*``."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IntakeSettings(BaseSettings):
    """Limits of the intake."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_INTAKE_")

    future_s: float = Field(default=300, ge=0)
    """How far a time may lie ahead of its message's arrival."""
    past_s: float = Field(default=86_400, gt=0)
    """How far a time may lie behind its message's arrival."""
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
    fence_kinds: tuple[Literal["district", "subdistrict", "beat", "hazard_zone"], ...] = (
        "district",
        "beat",
        "hazard_zone",
    )
    """Which of the city's fences units are watched among; sub-districts are made of beats."""
    fence_dwell_s: float | None = Field(default=120, gt=0)
    """How long a unit is in a fence before it dwells there, where the fence does not say."""
    fence_hysteresis: float = Field(default=1, ge=0)
    """A border within this many times a fix's accuracy is too near to tell."""
    fence_detect: tuple[Literal["enter", "exit", "cross", "closed", "dwell", "inside"], ...] = (
        "enter",
        "exit",
        "cross",
        "closed",
        "dwell",
    )
    """What is told; ``inside`` is told of every fix, and only if asked for."""
    fence_end_wait_s: float = Field(default=60, ge=0)
    """Visits to a fence that has ended are closed so much later where the unit is silent."""
