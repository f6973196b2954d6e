# ruff: noqa: DTZ001, DTZ007 - local times are what columns have
"""The times of a column: read as they were written, or refused, and never taken for others."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.ingest.errors import BadOption, RowFault
from city.ingest.times.column import Column, TimeOptions
from city.ingest.times.forms import meanings

SHANGHAI, PARIS, NEW_YORK = map(ZoneInfo, ("Asia/Shanghai", "Europe/Paris", "America/New_York"))


def read(*values: object, zone: ZoneInfo | None = SHANGHAI, **options) -> list[datetime | str]:
    """Return what a column means: a time, or why the row is refused."""
    told = TimeOptions(zone=zone, **options)
    column = Column("when", told)
    for line, value in enumerate(values, start=2):
        column.add(line, value)
    reader, found = column.reader(), []
    for value in values:
        try:
            found.append(reader.read(value))
        except RowFault as fault:
            found.append(str(fault))
    return found


AT = datetime(2021, 7, 20, 8, 30, tzinfo=UTC)  # 16:30 in Shanghai


@pytest.mark.parametrize(
    "value",
    [
        "2021-07-20 16:30:00",
        "2021-07-20T16:30",
        "2021-07-20T08:30:00Z",
        "2021-07-20T17:30:00+09:00",
        "2021-07-20 16:30:00+08",
        "2021/7/20 16:30",
        "2021/7/20 下午 04:30:00",
        "20210720T163000",
        "20210720 1630",
        "202107201630",
        "20210720163000",
        "20210720163000000",
        "44397.6875",
        44397.6875,
        "2021年7月20日 16:30",
        "2021年7月20日16时30分",
        "2021年7月20日 星期二 下午4点30分",
        "民國110年7月20日 16:30",
        "民國110.7.20 16:30",
        "110.7.20 16:30",
        "110/07/20 16:30",
        "11007201630",
        "Tue Jul 20 16:30:00 +0800 2021",
        "Tue, 20 Jul 2021 16:30:00 +0800",
        "Tue Jul 20 2021 16:30:00 GMT+0800 (China Standard Time)",
        "20-JUL-2021 16:30:00",
        "20/Jul/2021:16:30:00 +0800",
        "20JUL2021:16:30:00",
        "20 July 2021, 4:30 pm",
        "July 20, 2021 4:30 PM",
        "2021-Jul-20 16:30",
        "7/20/2021 4:30:00 PM",
        "20/07/2021 16h30",
        "20.07.2021 16.30 Uhr",
        "16:30 20/07/2021",
        "07/20/2021 12:00:00 AM 1630",
        "２０２１－０７－２０ １６：３０".replace("－", "-"),
        datetime(2021, 7, 20, 16, 30),
        datetime(2021, 7, 20, 10, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_form_is_read_without_an_option(value):
    assert read(value) == [AT]


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["05/01/2020 06:10", "13/01/2020 10:43"], "dmy"),
        (["05/01/2020 06:10", "01/13/2020 10:43"], "mdy"),
        (["05.01.20", "31.01.99"], "dmy"),
        (["05/01/20 06:10", "99/01/31 10:43", "00/02/28"], "ymd"),
        (["99/01/31 10:43", "98/02/28"], None),
        (["Tue 07/01/2020"], "dmy"),
        (["07/01/2020", "Wed 01/07/2020 10:00"], "dmy"),
        (["07/07/2020"], "dmy"),
    ],
)
def test_the_whole_column_tells_the_order(values, order):
    if order is None:
        with pytest.raises(BadOption, match="--date-order"):
            read(*values)
        return
    assert read(*values) == read(*values, order=order)
    assert all(isinstance(one, datetime) for one in read(*values))


def test_a_column_of_which_no_row_tells_asks_for_the_order():
    with pytest.raises(BadOption) as caught:
        read("05/01/2020 06:10", "06/01/2020 14:11")
    text = str(caught.value)
    for word in ("'when'", "05/01/2020 06:10", "line 2", "2020-01-05", "2020-05-01", "day first"):
        assert word in text
    assert "--date-order dmy or mdy" in text
    first, _ = read("05/01/2020 06:10", "06/01/2020 14:11", order="mdy")
    assert first == datetime(2020, 4, 30, 22, 10, tzinfo=UTC)


def test_a_column_of_two_orders_is_not_read_in_either():
    with pytest.raises(BadOption, match=r"different forms.*--date-order"):
        read("13/01/2020", "01/14/2020")
    one, other = read("13/01/2020", "01/14/2020", order="dmy")
    assert one == datetime(2020, 1, 12, 16, tzinfo=UTC)
    assert "day first" in other


def test_one_doubtful_row_does_not_stop_the_others():
    clear, doubtful, digits = read("2020-01-05 06:10", "05/01/2020 06:10", "1449740400")
    assert clear == datetime(2020, 1, 4, 22, 10, tzinfo=UTC)
    assert "--date-order" in doubtful
    assert "--time-format epoch" in digits


@pytest.mark.parametrize(
    ("digits", "form", "right"),
    [
        ("1449740400", "epoch", datetime(2015, 12, 10, 9, 40, tzinfo=UTC)),
        (1449740400, "epoch", datetime(2015, 12, 10, 9, 40, tzinfo=UTC)),
        (1449740400123, "epoch-ms", datetime(2015, 12, 10, 9, 40, 0, 123_000, tzinfo=UTC)),
        ("0", "epoch", datetime(1970, 1, 1, tzinfo=UTC)),
        ("44397", "excel", datetime(2021, 7, 19, 16, tzinfo=UTC)),
        ("42935.6875", "excel-1904", AT),
        ("210720", "%y%m%d", datetime(2021, 7, 19, 16, tzinfo=UTC)),
        ("20072021 1630", "%d%m%Y %H%M", AT),
        ("2021072016", "compact", datetime(2021, 7, 20, 8, tzinfo=UTC)),
        ("2107201630", "compact-yy", AT),
        ("1100720", "roc-digits", datetime(2021, 7, 19, 16, tzinfo=UTC)),
    ],
)
def test_digits_of_several_meanings_are_read_by_option_only(digits, form, right):
    if form not in {"roc-digits", "%d%m%Y %H%M", "excel-1904"}:
        try:
            [refused] = read(digits)
        except BadOption as error:
            refused = str(error)
        assert isinstance(refused, str)
        assert "--time-format" in refused
    assert read(digits, form=form) == [right]


@pytest.mark.parametrize("form", ["yesterday", "%H:%M", "%Q", "%", ""])
def test_a_pattern_has_to_tell_a_date(form):
    with pytest.raises(BadOption, match="--time-format"):
        TimeOptions(form=form)


def test_hours_that_clocks_repeat_or_leave_out_are_told():
    [twice] = read("2021-10-31 02:30", zone=PARIS)
    assert "twice" in twice
    assert "--repeated-hour" in twice
    first = datetime(2021, 10, 31, 0, 30, tzinfo=UTC)
    assert read("2021-10-31 02:30", zone=PARIS, repeated="first") == [first]
    assert read("2021-10-31 02:30", zone=PARIS, repeated="second") == [first + timedelta(hours=1)]
    [never] = read("2021-03-28 02:30", zone=PARIS, repeated="first")
    assert "does not exist in Europe/Paris" in never
    assert read("2021-10-31 02:30+02:00", zone=PARIS) == [first]
    # The zone's own abbreviation tells which of the two it is.
    summer, winter = read("2021-11-07 01:30 EDT", "2021-11-07 01:30 EST", zone=NEW_YORK)
    assert winter - summer == timedelta(hours=1)
    [other] = read("2021-11-07 01:30 CST", zone=NEW_YORK)
    assert "CST" in other
    with pytest.raises(BadOption, match="--tz"):
        read("2015-12-10 17:40:00", zone=None)


@pytest.mark.parametrize(
    "value",
    [
        *("31/02/2021", "2021-13-05", "2564-07-20", "令和3年7月20日", "20/07/2021 10:00-11:00"),
        *(
            "2021-07-20 25:00",
            "0",
            "12",
            "1.2.3.4",
            "16:30",
            "2021",
            "Wed Jul 20 16:30:00 +0800 2021",
        ),
        *(
            "7/20/2021 13:30 PM",
            "20 juillet 2021",
            "nan",
            "1e9",
            "-5",
            "²",
            "2021-W29-2",
            True,
            None,
        ),
        time(16, 30),
    ],
)
def test_what_is_no_time_is_refused(value):
    [refused] = read(value)
    assert "is not a time" in refused


_ANY = st.text(max_size=30) | st.floats() | st.integers() | st.booleans() | st.none()


@given(st.lists(_ANY | st.text("0123456789/.-: TZ年月日APM", max_size=20), max_size=5))
def test_whatever_stands_in_a_column_is_a_time_or_refused(values):
    try:
        found = read(*values)
    except BadOption:
        return
    assert all(isinstance(one, str) or one.utcoffset() == timedelta(0) for one in found)


def _roc(at: datetime, rest: str) -> str:
    return f"{at.year - 1911:03}{rest}"


_DAYS = date(1899, 12, 30)
_WRITTEN = {
    **{
        form: (lambda at, form=form: at.strftime(form))
        for form in (
            *("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d%H%M", "%Y%m%d%H%M%S", "%Y%m%d"),
            *("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y %H:%M"),
            *(
                "%d-%m-%y %H:%M",
                "%m-%d-%y",
                "%y-%m-%d %H:%M",
                "%y%m%d%H%M%S",
                "%y%m%d%H%M",
                "%y%m%d",
            ),
            *("%d%m%Y", "%m%d%Y", "%d%m%Y%H%M", "%d%m%y", "%H:%M %d/%m/%Y", "%m.%d.%Y"),
            *("%d-%b-%Y %H:%M:%S", "%d-%b-%y", "%y-%b-%d", "%b %d, %Y %H:%M", "%d %B %Y %H:%M"),
            *("%a %b %d %H:%M:%S +0800 %Y", "%Y年%m月%d日%H时%M分", "%Y%m%d%H", "%a %d/%m/%Y"),
        )
    },
    "epoch": lambda at: str(int(at.replace(tzinfo=SHANGHAI).timestamp())),
    "epoch-ms": lambda at: str(int(at.replace(tzinfo=SHANGHAI).timestamp() * 1000)),
    "roc": lambda at: _roc(at, at.strftime("%m%d")),
    "roc time": lambda at: _roc(at, at.strftime("%m%d%H%M%S")),
    "roc slashes": lambda at: _roc(at, at.strftime("/%m/%d %H:%M")),
    "roc short": lambda at: f"{at.year - 1911}" + at.strftime("/%m/%d"),
    "excel": lambda at: f"{(at - datetime(1899, 12, 30)) / timedelta(days=1):.9f}",
    "excel days": lambda at: str((at.date() - _DAYS).days),
}
"""Forms in which a column may be written; each leaves out what it does not say."""


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(_WRITTEN)),
    st.lists(
        st.datetimes(datetime(1992, 1, 1), datetime(2026, 12, 31)).map(
            lambda at: at.replace(microsecond=0)
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_a_column_is_read_as_it_was_written_or_refused(form, times):
    """Whatever is read has the written text again: no other form's meaning is taken."""
    write = _WRITTEN[form]
    texts = [write(at) for at in times]
    try:
        found = read(*texts)
    except BadOption:
        return
    for text, one in zip(texts, found, strict=True):
        if isinstance(one, datetime):
            local = one.astimezone(SHANGHAI).replace(tzinfo=None)
            assert abs(local - _told(form, text)) <= timedelta(milliseconds=1), text


def _told(form: str, text: str) -> datetime:
    """Return what a text of a form says."""
    match form:
        case "epoch" | "epoch-ms":
            seconds = int(text) / (1000 if form == "epoch-ms" else 1)
            return datetime.fromtimestamp(seconds, SHANGHAI).replace(tzinfo=None)
        case "excel" | "excel days":
            return datetime(1899, 12, 30) + timedelta(days=float(text))
        case "roc" | "roc time" | "roc slashes":
            year, rest = int(text[:3]) + 1911, text[3:]
            pattern = {"roc": "%m%d", "roc time": "%m%d%H%M%S", "roc slashes": "/%m/%d %H:%M"}[form]
            return datetime.strptime(f"{year}{rest}", f"%Y{pattern}")
        case "roc short":
            year, rest = text.split("/", 1)
            return datetime.strptime(f"{int(year) + 1911}/{rest}", "%Y/%m/%d")
        case _:
            return datetime.strptime(text, form).replace(tzinfo=None)


def test_a_text_that_means_nothing_has_no_meaning():
    assert meanings("") == {}
    assert meanings("x" * 1_000_000) == {}
