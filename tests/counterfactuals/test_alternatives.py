"""What a method finds, sorted."""

import torch

from sklearn_anomaly_attr.counterfactuals import CounterfactualMethod
from sklearn_anomaly_attr.counterfactuals._alternatives import find_alternatives


class Given(CounterfactualMethod):
    """Finds what it is told to find."""

    def __init__(self, found):
        self.found = found

    def search(self, problem, x):
        return torch.tensor(self.found, dtype=torch.float64)[None].expand(
            len(x), -1, -1
        )


def alternatives(make_problem, found, rows):
    problem = make_problem(lambda x: x[..., 0], [[0.0, 0.0]], 2.0, k=len(found))
    x = torch.tensor(rows, dtype=torch.float64)
    return find_alternatives(Given(found), problem, x)


def test_the_nearest_valid_one_comes_first_then_the_lowest_score(make_problem):
    found = [[4.0, 0.0], [1.0, 7.0], [3.0, 9.0], [2.0, 1.0]]
    sorted_ = alternatives(make_problem, found, [[5.0, 0.0]])
    assert sorted_.rows[0].tolist() == [[2, 1], [1, 7], [3, 9], [4, 0]]
    assert sorted_.after[0].tolist() == [2, 1, 3, 4]
    assert sorted_.distance[0].tolist() == [4, 11, 11, 1]
    assert sorted_.before.tolist() == [5]


def test_what_is_worse_than_the_row_is_the_row(make_problem):
    sorted_ = alternatives(make_problem, [[9.0, 1.0], [4.0, 1.0]], [[5.0, 0.0]])
    assert sorted_.rows[0].tolist() == [[4, 1], [5, 0]]


def test_accepted_rows_stay(make_problem):
    sorted_ = alternatives(make_problem, [[0.0, 0.0]], [[1.0, 3.0], [5.0, 5.0]])
    assert sorted_.rows[:, 0].tolist() == [[1, 3], [0, 0]]
    assert sorted_.distance[:, 0].tolist() == [0, 10]
