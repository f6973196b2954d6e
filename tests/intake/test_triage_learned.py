"""The linear model of triage: the same bits everywhere, and what it was made for."""

import hashlib
import subprocess
import sys
from importlib.resources import files

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench._triage_sentences import digest_of_sources
from intake.triage.blend import judge
from intake.triage.features import features
from intake.triage.learned import FILE, LearnedFile, Linear, learned
from intake.triage.lexicon import lexicon
from intake.triage.look import look
from schemas import codes
from tests.intake.test_triage import DAY, SPOKEN
from tests.intake.test_triage import judge as triaged

DATA = files("intake.triage").joinpath(FILE).read_bytes()
SENT = codes.default_policy().auto_assign_confidence
TEXTS = [text for _, text in SPOKEN]
BITS = """
from tests.intake.test_triage_learned import TEXTS, bits
print(bits(TEXTS))
"""


def bits(texts: list[str]) -> str:
    """Return a digest of every bit that the model gives for the texts."""
    model = learned()
    digest = hashlib.sha256()
    for text in texts:
        seen = look(text, "app", DAY)
        scores = model.linear.scores(seen.text.plain)
        digest.update(repr((scores, judge(scores, seen.signals, model.blend))).encode())
    return digest.hexdigest()


def test_another_process_with_another_hash_seed_gives_the_same_bits():
    command = [sys.executable, "-c", BITS]
    found = subprocess.run(
        command, env={"PYTHONHASHSEED": "77"}, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == bits(TEXTS)


def test_the_order_in_which_texts_are_read_does_not_matter():
    there = [triaged(text) for text in TEXTS]
    back = [triaged(text) for text in reversed(TEXTS)]
    assert there == back[::-1]


def test_the_file_is_small_and_known_by_its_digest():
    assert len(DATA) < 3_500_000
    assert learned().digest == hashlib.sha256(DATA).hexdigest()


def test_it_was_made_of_the_lexicon_and_the_lines_that_are_there_now():
    """If not: `python -m bench._triage_training`, as docs/triage.md says."""
    file = msgspec.msgpack.decode(DATA, type=LearnedFile)
    assert file.learned_from == digest_of_sources()


def test_loading_again_gives_the_same_scores():
    again = Linear(msgspec.msgpack.decode(DATA, type=LearnedFile))
    for text in TEXTS:
        plain = lexicon().prepare(text).plain
        assert again.scores(plain) == learned().linear.scores(plain)


def test_it_knows_every_category():
    file = msgspec.msgpack.decode(DATA, type=LearnedFile)
    assert set(file.kinds) == set(codes.categories(DAY))
    assert len(file.scales) == len(file.intercepts) == len(file.kinds) + 4


@given(st.text(max_size=300))
def test_any_text_gives_probabilities(text):
    seen = look(text, "app", DAY)
    model = learned()
    judged = judge(model.linear.scores(seen.text.plain), seen.signals, model.blend)
    said = [judged.harmless, judged.danger, judged.worst, judged.least]
    assert all(0.0 <= one <= 1.0 for one in (*said, *(share for _, share in judged.kinds)))
    assert sum(share for _, share in judged.kinds) == pytest.approx(1.0)


@given(st.text(max_size=200))
def test_each_feature_counts_once(text):
    found = features(lexicon().prepare(text).plain)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("my mate keeled over at his desk and we can't rouse him", "medical"),
        ("宿舍好几个同学吃完外卖又吐又拉", "epidemic"),
        ("some bloke is waving a machete about outside the chippy", "violence"),
        ("奶奶早上出门买菜到现在没回来，她记性不好", "missing_person"),
    ],
)
def test_words_are_read_that_no_list_has(text, category):
    assert triaged(text).category == category, triaged(text)


@pytest.mark.parametrize(
    "text",
    [
        "急救包在哪买",
        "请问哪里有卖家用急救箱",
        "树上坠落的苹果",
        "秋天落叶从树上飘落真好看",
        "where can I buy a first aid kit",
        "the apple that fell from the tree",
        "which smoke detector would you recommend",
        "灭火器过期了去哪里换",
    ],
)
def test_what_looks_like_an_event_and_is_none_sends_nobody(text):
    assert triaged(text).confidence < SENT, triaged(text)
