"""The name of what decides: the same for the same sources, another for any other."""

import re
from importlib.metadata import version

from infra import software


def test_names_version_and_sources():
    name = software.deciding_software()
    assert re.fullmatch(re.escape(version("jingwei")) + r"\+[0-9a-f]{12}", name)


def test_a_changed_source_or_table_is_another(tmp_path, monkeypatch):
    for room in ("dispatch", "geo", "schemas"):
        (tmp_path / room / "inner").mkdir(parents=True)
        (tmp_path / room / "a.py").write_text("x = 1")
    monkeypatch.setattr(software, "files", lambda room: tmp_path / room)
    names = [software.deciding_software.__wrapped__()]
    for change in ("dispatch/a.py", "geo/inner/table.json", "schemas/b.py"):
        (tmp_path / change).write_text("x = 2")
        names.append(software.deciding_software.__wrapped__())
    assert len(set(names)) == 4
    for nothing in ("dispatch/notes.txt", "schemas/generated/x.json", "geo/__pycache__/a.py"):
        (tmp_path / nothing).parent.mkdir(exist_ok=True)
        (tmp_path / nothing).write_text("x = 3")
    assert software.deciding_software.__wrapped__() == names[-1]
