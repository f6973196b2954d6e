"""The table of how long what is kept."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.local.errors import InvalidSettings
from infra.retention import load_rules

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def rules(tmp_path: Path, text: str) -> dict[str, int | None]:
    file = tmp_path / "keep.csv"
    file.write_text(text, encoding="utf-8-sig")
    return {rule.name: rule.days for rule in load_rules(file)}


def test_built_in_rules_keep_what_replays_and_proofs_need() -> None:
    names = {rule.name for rule in load_rules()}
    assert "incident" in names
    assert not {"applied", "audit", "city.journal"} & names
    texts, incidents = (next(r for r in load_rules() if r.name == n) for n in ("text", "incident"))
    assert texts.days <= incidents.days


def test_a_file_replaces_what_it_names(tmp_path: Path) -> None:
    found = rules(tmp_path, "kind,name,days\nledger,dead_letter,7\nledger,incident,\n")
    assert (found["dead_letter"], found["incident"], found["contact"]) == (7, None, 180)
    kept = next(rule for rule in load_rules(tmp_path / "keep.csv") if rule.name == "incident")
    assert kept.before(NOW) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name,days\n", "first line must be"),
        ("kind,name,days\nledger,incident,0\n", "line 2: days is '0'"),
        ("kind,name,days\nledger,incident,soon\n", "line 2: days is 'soon'"),
        ("kind,name,days\nledger,incident,-1\n", "line 2"),
        ("kind,name,days\nledger,incident,99999999999\n", "line 2"),
        ("kind,name,days\nledger,incidents,7\n", "ledger incidents is unknown; there are ledger"),
        ("kind,name,days\nledger,audit,7\n", "is kept for good"),
        ("kind,name,days\narchive,city.journal,7\n", "is kept for good"),
        (
            "kind,name,days\nledger,text,7\nledger,text,8\n",
            "line 3: ledger text stands there twice",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InvalidSettings, match=fault):
        rules(tmp_path, text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="nothing cannot be read"):
        load_rules(tmp_path / "nothing")
