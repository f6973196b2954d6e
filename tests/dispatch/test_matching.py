"""The cheapest assignment: the same cost as SciPy's and as trying all, in whatever order."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from dispatch.matching import Row, cheapest, components

FORBIDDEN = 10**9


@st.composite
def problems(draw, most_rows: int, most_columns: int, most_cost: int):
    columns = draw(st.integers(0, most_columns))
    cost = st.integers(0, most_cost)
    row = st.dictionaries(st.integers(0, max(columns - 1, 0)), cost, max_size=columns)
    rows = draw(st.lists(row, max_size=most_rows))
    return rows, [draw(cost) for _ in rows]


def total(rows: list[Row], alone: list[int], found: list[int | None]) -> int:
    taken = [column for column in found if column is not None]
    assert len(taken) == len(set(taken))
    return sum(
        alone[number] if column is None else rows[number][column]
        for number, column in enumerate(found)
    )


def by_scipy(rows: list[Row], alone: list[int]) -> int:
    columns = 1 + max((column for row in rows for column in row), default=-1)
    matrix = np.full((len(rows), columns + len(rows)), FORBIDDEN, dtype=float)
    for number, row in enumerate(rows):
        for column, cost in row.items():
            matrix[number, column] = cost
        matrix[number, columns + number] = alone[number]
    return int(matrix[linear_sum_assignment(matrix)].sum())


def by_trying(rows: list[Row], alone: list[int]) -> int:
    best = sum(alone)
    for found in product(*([None, *row] for row in rows)):
        taken = [column for column in found if column is not None]
        if len(taken) == len(set(taken)):
            best = min(best, total(rows, alone, list(found)))
    return best


@settings(max_examples=300, deadline=None)
@given(problems(40, 60, 2_000_000))
def test_it_costs_what_scipy_finds(problem):
    rows, alone = problem
    assert total(rows, alone, cheapest(rows, alone)) == by_scipy(rows, alone)


@settings(max_examples=300, deadline=None)
@given(problems(4, 4, 6))
def test_it_costs_what_trying_all_finds(problem):
    rows, alone = problem
    assert total(rows, alone, cheapest(rows, alone)) == by_trying(rows, alone)


@settings(max_examples=200, deadline=None)
@given(problems(12, 12, 3))
def test_parts_without_a_common_column_are_solved_alike_by_themselves(problem):
    rows, alone = problem
    whole = cheapest(rows, alone)
    parts = components(rows)
    assert sorted(row for part in parts for row in part) == list(range(len(rows)))
    assert parts == sorted(parts)
    cost = 0
    for part in parts:
        own = [rows[row] for row in part], [alone[row] for row in part]
        cost += total(*own, cheapest(*own))
    assert cost == total(rows, alone, whole)
    columns = [{column for row in part for column in rows[row]} for part in parts]
    assert sum(map(len, columns)) == len(set().union(*columns))


def test_ties_go_to_the_smaller_column():
    assert cheapest([{0: 5, 1: 5, 2: 5}], [5]) == [0]
    assert cheapest([{1: 5, 2: 5}, {2: 5, 1: 5}], [5, 9]) == [1, 2]
    assert cheapest([{}], [3]) == [None]
    assert cheapest([], []) == []


def test_a_chain_of_rows_makes_room_for_the_last_one():
    rows = [{0: 1, 1: 2}, {1: 1, 2: 2}, {0: 1}]
    assert cheapest(rows, [100, 100, 100]) == [1, 2, 0]
