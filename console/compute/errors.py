"""Why a question has no answer."""


class Unanswerable(Exception):
    """A question that the process cannot answer; raised there, and again in the gateway.

    Parameters
    ----------
    kind
        A kind of problem (`console.problems.KINDS`).
    text
        One sentence, fit for a user.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind, self.text = kind, text
