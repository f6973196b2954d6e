"""Ids are UUIDv5 of parent and kind, whatever these are made of."""

from uuid import NAMESPACE_URL, uuid5

from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import derive

NAMESPACE = uuid5(NAMESPACE_URL, "https://jingwei.invalid/ids")
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts, texts)
def test_an_id_is_a_uuid5(parent, kind):
    assert derive(parent, kind) == str(uuid5(NAMESPACE, f"{parent}\x1f{kind}"))
