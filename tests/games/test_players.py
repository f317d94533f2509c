"""Players: features, or groups of them."""

import numpy as np
import pytest
import torch

from sklearn_anomaly_attr.games import Players

COLUMNS = ["age", "sex_f", "sex_m", "height"]


def test_without_groups_every_column_plays_for_itself():
    players = Players.from_groups(COLUMNS, None)
    assert players.names == tuple(COLUMNS)
    assert players.columns == ((0,), (1,), (2,), (3,))


@pytest.mark.parametrize("members", [["sex_f", "sex_m"], [1, 2], ["sex_m", 1]])
def test_groups_by_name_or_position_keep_the_columns_order(members):
    players = Players.from_groups(COLUMNS, {"sex": members})
    assert players.names == ("age", "sex", "height")
    assert players.columns == ((0,), (1, 2), (3,))


def test_coalitions_of_players_become_columns():
    players = Players.from_groups(COLUMNS, {"sex": ["sex_f", "sex_m"]})
    masks = torch.tensor([[True, False, True], [False, True, False]])
    assert players.expand(masks).tolist() == [
        [True, False, False, True],
        [False, True, True, False],
    ]


def test_rows_may_have_owners_of_their_own():
    owners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 0]])
    players = Players(("left", "right"), owners)
    coalitions = torch.tensor([[True, False], [False, True], [True, True]])
    columns = players.expand(coalitions)
    assert columns.shape == (3, 3, 3)
    for i, own in enumerate(owners):
        assert columns[i].tolist() == coalitions[:, own].tolist()
    assert torch.equal(players[1:].expand(coalitions), columns[1:])


def test_cells_that_are_not_free_keep_the_values_of_the_row():
    free = np.array([[True, False], [False, True]])
    players = Players(("a", "b"), np.arange(2), free)
    x, references = torch.ones(2, 2), torch.zeros(1, 3, 2)
    shown = players.stand_ins(x, references)
    assert shown.tolist() == [[[0, 1]] * 3, [[1, 0]] * 3]
    assert torch.equal(players.fixed(x.device), torch.tensor(~free))
    assert players[:1].fixed(x.device).tolist() == [[False, True]]
    everywhere = Players(("a", "b"), np.arange(2))
    assert everywhere.stand_ins(x, references) is references
    assert everywhere.fixed(x.device) is None


def test_values_of_columns_add_up_to_those_of_their_players():
    values = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    shared = Players(("a", "b"), np.array([1, 0, 1]))
    assert shared.sums(values).tolist() == [[2.0, 5.0], [16.0, 40.0]]
    turned = Players(("a", "b", "c"), np.array([2, 1, 0]))
    assert turned.sums(values).tolist() == [[4.0, 2.0, 1.0], [32.0, 16.0, 8.0]]
    idle = Players(("a", "b", "c"), np.array([0, 0, 1]))
    assert idle.sums(values).tolist() == [[3.0, 4.0, 0.0], [24.0, 32.0, 0.0]]
    each = Players(("a", "b"), np.array([[1, 0, 1], [0, 0, 0]]))
    assert each.sums(values).tolist() == [[2.0, 5.0], [56.0, 0.0]]


@pytest.mark.parametrize(
    ("groups", "cure"),
    [
        ({"sex": ["sex_f", "male"]}, "lists the column 'male'.*use X's column names"),
        ({"sex": [1, 4]}, "lists the column 4"),
        ({"sex": [-1]}, "lists the column -1"),
        ({"sex": []}, "at least one column"),
        ({"sex": "sex_f"}, "at least one column"),
        ({"a": ["age"], "b": ["age"]}, "'age' stands in the groups 'a' and 'b'"),
        ({"a": ["age", 0]}, "lists the column 'age' twice"),
        ({"sex": [True, False]}, "mask of 2 booleans"),
        ({"age": ["sex_f", "sex_m"]}, "choose another name"),
    ],
    ids=str,
)
def test_bad_groups_are_refused(groups, cure):
    with pytest.raises(ValueError, match=cure):
        Players.from_groups(COLUMNS, groups)
