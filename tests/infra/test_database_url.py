"""URLs of databases: what is refused, and that no error ever shows a piece of a password."""

import asyncio
import logging
import traceback

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import database_url
from infra.ledger.errors import LedgerError
from infra.ledger.pool import connect, open_pool
from infra.local import postgres
from infra.local.errors import InvalidSettings, LocalStackError
from infra.settings import load_settings, resolve_endpoints

GOOD = (
    "postgresql://a:p%40ss@h:5432/d",
    "postgres://a@h/d",
    "postgresql:///d?host=/var/run/postgresql",
    "postgresql://a:p@[::1]:5/d?sslmode=require",
    "postgresql://a:p@one:1,two:2/d?target_session_attrs=read-write",
    "postgresql://a:口令@数据库/d",
)
BAD = (
    ("mysql://a:p@h/d", "does not begin"),
    ("postgresql:a", "does not begin"),
    ("postgresql://a:p q@h/d", "space"),
    ("postgresql://a:p#q@h/d", "%23"),
    ("postgresql://a:p%q@h/d", "%25"),
    ("postgresql://a:p/q@h/d", "%2F"),
    ("postgresql://a:p?q@h/d", "%3F"),
    ("postgresql://a:p@q@h/d", "%40"),
    ("postgresql://a:p[q@h/d", "%5B"),
    ("postgresql://a:p@h:port/d", "port"),
    ("postgresql://a:p@h:99999/d", "port"),
    ("postgresql://a:p@h/d/e", "second /"),
    ("postgresql://a:p@h/d?e", "name=value"),
    ("postgresql://a:p@h/d?port=x", "port"),
    ("postgresql://a:p@h h/d", "space"),
    ("postgresql://a:p@::1/d", "brackets"),
    ("postgresql://a:p℀@h/d", "encoded"),
)


@pytest.mark.parametrize("url", GOOD)
def test_a_url_that_can_be_used_is_returned_as_it_is(url: str) -> None:
    assert database_url.check(url) == url


@pytest.mark.parametrize(("url", "text"), BAD)
def test_a_fault_is_named_and_nothing_is_quoted(url: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        database_url.check(url)


WORDS = ("hunter7", "Xq9zebra", "口令甲乙")
SPECIAL = st.text(st.sampled_from(list("/@:?#%[]&=,;+ \\'\"\t\n℀é.-_~")), max_size=3)


@st.composite
def malformed(draw: st.DrawFn) -> str:
    """Return a URL, malformed in most cases, whose password is made of `WORDS`."""
    password = draw(SPECIAL).join(WORDS[: draw(st.integers(1, 3))]) + draw(SPECIAL)
    scheme = draw(st.sampled_from(("postgresql://", "postgres://", "postgresql:", "mysql://", "")))
    user = draw(st.sampled_from(("city:", "ci@ty:", ":", "ci/ty:", "city%:")))
    place = draw(st.sampled_from(("@127.0.0.1:1", "@127.0.0.1:x", "@[::1]:1", "@[::1", "@", "")))
    rest = draw(st.sampled_from(("/d", "", "/d?sslmode=disable", "/d?password=", "?x")))
    more = password if rest.endswith("=") else ""
    return f"{scheme}{user}{password}{place}{rest}{more}"


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(url=malformed())
def test_a_password_is_in_no_error_no_log_and_no_repr(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    monkeypatch.setenv("JINGWEI_DATABASE_URL", url)
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    try:
        loaded = load_settings()
        said += [repr(loaded), str(loaded), repr(resolve_endpoints(loaded))]
        shown, _ = database_url.split_password(url)
        said.append(shown)
    except InvalidSettings as error:
        said.append("".join(traceback.format_exception(error)))
    for attempt in (_connect, _pool, _answers) if _stays_here(url) else ():
        try:
            attempt(url)
        except (LedgerError, LocalStackError) as error:
            said.append("".join(traceback.format_exception(error)))
    said.append(caplog.text)
    for word in WORDS:
        assert not any(word in text for text in said), said


def _stays_here(url: str) -> bool:
    """Whether nothing is asked of a name server: it is refused, or an address of this machine."""
    try:
        database_url.check(url)
    except ValueError:
        return True
    return "@127.0.0.1:1" in url or "@[::1]:1" in url


def _connect(url: str) -> None:
    asyncio.run(connect(url))


def _pool(url: str) -> None:
    asyncio.run(open_pool(url))


def _answers(url: str) -> None:
    postgres.answers(url)
