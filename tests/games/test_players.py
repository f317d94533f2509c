"""Players: features, or groups of them."""

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


def test_masks_over_players_become_masks_over_columns():
    players = Players.from_groups(COLUMNS, {"sex": ["sex_f", "sex_m"]})
    masks = torch.tensor([[True, False, True], [False, True, False]])
    assert players.expand(masks).tolist() == [
        [True, False, False, True],
        [False, True, True, False],
    ]


@pytest.mark.parametrize(
    ("groups", "cure"),
    [
        ({"sex": ["sex_f", "male"]}, "names the column 'male'.*use X's column names"),
        ({"sex": [1, 4]}, "names the column 4"),
        ({"sex": [-1]}, "names the column -1"),
        ({"sex": []}, "at least one column"),
        ({"sex": "sex_f"}, "at least one column"),
        ({"a": ["age"], "b": ["age"]}, "'age' stands in the groups 'a' and 'b'"),
        ({"a": ["age", 0]}, "stands in the groups 'a' and 'a'"),
        ({"age": ["sex_f", "sex_m"]}, "choose another name"),
    ],
    ids=str,
)
def test_bad_groups_are_refused(groups, cure):
    with pytest.raises(ValueError, match=cure):
        Players.from_groups(COLUMNS, groups)
