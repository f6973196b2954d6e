"""The cheapest assignment of rows to columns, exactly: shortest augmenting paths.

Sparse form of Jonker and Volgenant's algorithm (Computing 38, 1987; here a heap takes the place of
their scan of a full matrix): each row is added to the assignment of those before it along the
shortest path in reduced costs, kept at least 0 by dual prices. All numbers are integers, so
the answer is exact and the same on any machine. See ``docs/decisions/0015-joint-assignment.md``.
"""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

Row = Mapping[int, int]
"""Cost by column, of the columns that a row may have; at least 0."""


def cheapest(rows: Sequence[Row], alone: Sequence[int]) -> list[int | None]:
    """Return the column of each row, None where it stays alone, at the least total cost.

    Parameters
    ----------
    rows
        Columns are numbers from 0 on; each is given to one row at most.
    alone
        By row, the cost of having no column; at least 0.

    Of several assignments that cost the same, one with the smallest sum of column numbers is
    returned (staying alone counts as the largest), and of these always the same one.
    """
    columns = 1 + max((column for row in rows for column in row), default=-1)
    # A tie is told by less than one unit of cost in all rows together.
    scale = len(rows) * (columns + 1) + 1
    solver = _Solver(columns)
    for row, cost in zip(rows, alone, strict=True):
        arcs = [(column, cost * scale + column) for column, cost in sorted(row.items())]
        # Its own column, where it is alone.
        arcs.append((columns + len(solver.arcs), cost * scale + columns))
        solver.add(arcs)
    return [column if column < columns else None for column in solver.column_of]


def components(rows: Sequence[Row]) -> list[list[int]]:
    """Return the rows in groups that have no column in common, each in order, by their first."""
    leader = list(range(len(rows)))

    def find(row: int) -> int:
        while leader[row] != row:
            leader[row] = leader[leader[row]]
            row = leader[row]
        return row

    first: dict[int, int] = {}
    for number, row in enumerate(rows):
        for column in row:
            one, other = find(first.setdefault(column, number)), find(number)
            leader[max(one, other)] = min(one, other)
    groups: dict[int, list[int]] = {}
    for number in range(len(rows)):
        groups.setdefault(find(number), []).append(number)
    return [groups[number] for number in sorted(groups)]


class _Solver:
    """An assignment to which rows are added.

    Attributes
    ----------
    arcs
        By row, its columns with their costs.
    column_of, row_of
        The assignment.
    price_of_row, price_of_column
        Dual prices: of each arc ``cost - price_of_row - price_of_column`` is at least 0, and 0
        where it is assigned.
    """

    def __init__(self, columns: int) -> None:
        self.arcs: list[list[tuple[int, int]]] = []
        self.column_of: list[int] = []
        self.row_of: dict[int, int] = {}
        self.price_of_row: list[int] = []
        self.price_of_column: dict[int, int] = dict.fromkeys(range(columns), 0)

    def add(self, arcs: list[tuple[int, int]]) -> None:
        """Assign one more row, along the shortest path to a column that nobody has."""
        start = len(self.arcs)
        self.arcs.append(arcs)
        self.column_of.append(-1)
        self.price_of_row.append(0)
        self.price_of_column[arcs[-1][0]] = 0
        reached: dict[int, int] = {}
        before: dict[int, int] = {}
        settled: dict[int, int] = {}
        heap: list[tuple[int, int]] = []
        row, far = start, 0
        while True:
            price = self.price_of_row[row]
            for column, cost in self.arcs[row]:
                distance = far + cost - price - self.price_of_column[column]
                if column not in settled and distance < reached.get(column, distance + 1):
                    reached[column] = distance
                    before[column] = row
                    heappush(heap, (distance, column))
            far, column = heappop(heap)
            while column in settled:
                far, column = heappop(heap)
            settled[column] = far
            if column not in self.row_of:
                break
            row = self.row_of[column]
        self._reprice(start, settled, far)
        self._exchange(start, column, before)

    def _reprice(self, start: int, settled: dict[int, int], far: int) -> None:
        self.price_of_row[start] += far
        for column, distance in settled.items():
            self.price_of_column[column] -= far - distance
            row = self.row_of.get(column)
            if row is not None:
                self.price_of_row[row] += far - distance

    def _exchange(self, start: int, column: int, before: dict[int, int]) -> None:
        """Give each row on the path the column behind it."""
        row = before[column]
        while row != start:
            self.row_of[column] = row
            self.column_of[row], column = column, self.column_of[row]
            row = before[column]
        self.row_of[column] = start
        self.column_of[start] = column
