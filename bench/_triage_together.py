"""Triage and the second reader together: what an incident of one report is taken for in the end.

As the core does (`dispatch.advice`): an opinion that is sure enough by the policy names what was
not read, and raises a severity. It leaves the confidence as it is, by which units are sent.
"""

from bench._labelled import Line
from bench._triage_score import DAY, Answer, Reader, report_of
from intake.triage import triage
from reader.head import load_head
from reader.model import Embedder
from reader.second import LONGEST
from schemas import codes


def together() -> Reader:
    """Return the reader; raises `reader.ReaderMissing` without the model's package."""
    embedder, (head, _) = Embedder(), load_head()
    least = codes.default_policy().opinions
    ranks = codes.severities(DAY)

    def read(line: Line) -> Answer:
        first = triage(report_of(line), DAY)
        meaning = head.meaning(embedder.vector(line.text[:LONGEST]))
        category, severities = first.category, [first.severity]
        if category == "other" != meaning.category and meaning.confidence >= least.category:
            category = meaning.category
            severities.append(codes.category(category, DAY).default_severity)
        if meaning.danger >= least.danger:
            severities.append(meaning.severity)
        known = [severity for severity in severities if severity != "unknown"] or ["unknown"]
        return Answer(category, min(known, key=lambda code: ranks[code].rank), first.confidence)

    return read
