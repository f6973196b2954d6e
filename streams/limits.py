"""How far intake trusts what comes in, as settings ``JINGWEI_INTAKE_*``."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.settings import MOST_S
from intake.limits import FenceChange, FenceKind, IntakeLimits

_USUAL = IntakeLimits()
_MOST_M = 1_000_000.0


class IntakeSettings(BaseSettings):
    """Limits of the intake."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_INTAKE_")

    future_s: float = Field(default=_USUAL.future_s, ge=0, le=MOST_S)
    """How far a time may lie ahead of its message's arrival."""
    past_s: float = Field(default=_USUAL.past_s, gt=0, le=MOST_S)
    """How far a time may lie behind its message's arrival."""
    margin_m: float = Field(default=_USUAL.margin_m, ge=0, le=_MOST_M)
    """How far outside the city's bounds a place may lie."""
    move_m: float = Field(default=_USUAL.move_m, ge=0, le=_MOST_M)
    """A unit's position is journaled when it has moved this far …"""
    move_s: float = Field(default=_USUAL.move_s, ge=0, le=MOST_S)
    """… or when the last one journaled is this old."""
    save_alarm_s: float = Field(default=30, ge=0, le=MOST_S)
    """A calm datastream's last time is written to the ledger at most this often."""
    datastreams: int = Field(default=20_000, gt=0, le=100_000_000)
    """So many are remembered of a partition; beyond, the calm ones longest unheard are forgotten,
    as are those that have been calm and unheard for ``past_s``."""
    silence_check_s: float = Field(default=5, gt=0, le=MOST_S)
    """How often alarms are looked through for silence."""
    fence_kinds: tuple[FenceKind, ...] = Field(default=_USUAL.fence_kinds)
    """Which of the city's fences units are watched among; sub-districts are made of beats."""
    fence_dwell_s: float | None = Field(default=_USUAL.fence_dwell_s, gt=0, le=MOST_S)
    """How long a unit is in a fence before it dwells there, where the fence does not say."""
    fence_hysteresis: float = Field(default=_USUAL.fence_hysteresis, ge=0, le=1_000)
    """A border within this many times a fix's accuracy is too near to tell."""
    fence_detect: tuple[FenceChange, ...] = Field(default=_USUAL.fence_detect)
    """What is told; ``inside`` is told of every fix, and only if asked for."""
    fence_end_wait_s: float = Field(default=60, ge=0, le=MOST_S)
    """Visits to a fence that has ended are closed so much later where the unit is silent."""


def limits_of(settings: IntakeSettings) -> IntakeLimits:
    """Return what of the settings the room ``intake`` goes by."""
    names = IntakeLimits.__struct_fields__
    return IntakeLimits(**{name: getattr(settings, name) for name in names})
