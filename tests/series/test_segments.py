"""Segments: against a loop over the timestamps, against pandas, and by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr.series._segments import check_segments, find_segments


def mask_of(text):
    """Turn "..##." into a mask."""
    return np.array([character == "#" for character in text], dtype=bool)


def loop(mask, groups, merge_gap, min_length):
    """Timestamp by timestamp."""
    found = []
    for i in np.flatnonzero(mask).tolist():
        if (
            found
            and i - found[-1][1] <= merge_gap
            and groups[i] == groups[found[-1][0]]
        ):
            found[-1][1] = i + 1
        else:
            found.append([i, i + 1])
    return [segment for segment in found if segment[1] - segment[0] >= min_length]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("..##.#..", {}, [[2, 4], [5, 6]]),
        ("##....##", {}, [[0, 2], [6, 8]]),
        ("########", {}, [[0, 8]]),
        ("........", {}, []),
        ("#", {}, [[0, 1]]),
        (".", {}, []),
        ("", {}, []),
        (".##.#..#", {"merge_gap": 1}, [[1, 5], [7, 8]]),
        (".##.#..#", {"merge_gap": 2}, [[1, 8]]),
        (".##.#..#", {"min_length": 2}, [[1, 3]]),
        (".##.#..#", {"min_length": 3}, []),
        (".##.#..#", {"merge_gap": 1, "min_length": 3}, [[1, 5]]),
        ("####", {"groups": [0, 0, 1, 1]}, [[0, 2], [2, 4]]),
        ("####", {"groups": list("abbc")}, [[0, 1], [1, 3], [3, 4]]),
        ("#.#.", {"groups": [0, 0, 1, 1], "merge_gap": 5}, [[0, 1], [2, 3]]),
        (".##.", {"groups": [0, 0, 1, 1], "min_length": 2}, []),
    ],
)
def test_by_hand(text, options, expected):
    segments = find_segments(mask_of(text), **options)
    assert segments.shape == (len(expected), 2)
    assert segments.tolist() == expected


@pytest.mark.parametrize("min_length", [1, 2, 5])
@pytest.mark.parametrize("merge_gap", [0, 1, 3, 100])
@pytest.mark.parametrize("n_groups", [1, 3, 40])
def test_a_loop_over_the_timestamps(n_groups, merge_gap, min_length):
    rng = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.9):
        mask = rng.random(120) < share
        groups = np.sort(rng.integers(0, n_groups, 120))
        found = find_segments(
            mask, groups=groups, merge_gap=merge_gap, min_length=min_length
        )
        assert found.tolist() == loop(mask, groups, merge_gap, min_length)


def test_segments_give_the_mask_back():
    mask = np.random.default_rng(0).random(500) < 0.3
    again = np.zeros_like(mask)
    for start, end in find_segments(mask):
        again[start:end] = True
    assert_array_equal(again, mask)


def test_ids_of_every_kind():
    mask = mask_of("#######")
    expected = [[0, 2], [2, 5], [5, 7]]
    for groups in (
        ["b", "b", "a", "a", "a", "c", "c"],
        np.array([5, 5, 2, 2, 2, 9, 9]),
        pd.Series(["x", "x", "y", "y", "y", "z", "z"], index=range(7, 0, -1)),
        pd.Categorical([0.5, 0.5, 0.1, 0.1, 0.1, 2.0, 2.0]),
    ):
        assert find_segments(mask, groups=groups).tolist() == expected


def test_series_of_pandas_by_position():
    mask = pd.Series(mask_of(".##."), index=pd.date_range("2024", periods=4))
    assert find_segments(mask).tolist() == [[1, 3]]


@pytest.mark.parametrize(
    "segments",
    [find_segments([True]), check_segments([(0, 1)], 1)],
    ids=["found", "given"],
)
def test_segments_are_read_only(segments):
    with pytest.raises(ValueError, match="read-only"):
        segments[0, 0] = 1


@pytest.mark.parametrize(
    ("anomalous", "options", "error", "sentence"),
    [
        ([0, 1, 1], {}, TypeError, "such as labels == 1 of zeros and ones"),
        ([1, -1, 1], {}, TypeError, r"detector.predict\(X\) == -1"),
        ([], {}, TypeError, "pass a mask"),
        ([[True, False]], {}, ValueError, "pass one entry a timestamp"),
        ([True, False], {"merge_gap": -1}, ValueError, "merge_gap == -1, must be >= 0"),
        ([True, False], {"merge_gap": 0.5}, TypeError, "merge_gap must be an instance"),
        ([True, False], {"min_length": 0}, ValueError, "min_length == 0, must be >= 1"),
        ([True, False], {"groups": [1, 1, 1]}, ValueError, "groups .* one id"),
        ([True, False], {"groups": ["a", None]}, ValueError, "give each row the id"),
        ([True] * 3, {"groups": [0, 1, 0]}, ValueError, "stack the series one below"),
    ],
)
def test_bad_masks_are_refused(anomalous, options, error, sentence):
    with pytest.raises(error, match=sentence):
        find_segments(anomalous, **options)


@pytest.mark.parametrize(
    "segments",
    [
        [(2, 4), (5, 6)],
        [[2, 4], [5, 6]],
        np.array([[2, 4], [5, 6]], dtype=np.int32),
        find_segments(mask_of("..##.#")),
        [SimpleNamespace(start=2, end=4, features=(1,)), (5, 6)],
        pd.DataFrame({"first": [2, 5], "stop": [4, 6]}),
        pd.DataFrame({"score": [0.5, 0.1], "end": [4, 6], "start": [2, 5]}),
        (pair for pair in [(2, 4), (5, 6)]),
    ],
    ids=lambda segments: type(segments).__name__,
)
def test_positions(segments):
    checked = check_segments(segments, 6)
    assert checked.tolist() == [[2, 4], [5, 6]]
    assert checked.dtype == np.intp


@pytest.mark.parametrize("none", [[], np.zeros((0, 2)), find_segments([False])])
def test_there_may_be_none(none):
    assert check_segments(none, 6).shape == (0, 2)


def test_order_and_overlaps_are_kept():
    given = [[3, 6], [0, 4], [0, 4]]
    assert check_segments(given, 6).tolist() == given


HOURS = pd.date_range("2024-01-01 10:00", periods=48, freq="h")


@pytest.mark.parametrize(
    "index", [HOURS, HOURS.tz_localize("UTC"), HOURS.delete([3, 17])]
)
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-01-01 12:00", "2024-01-01 15:00"),
        ("2024-01-01 11:30", "2024-01-01 15:30"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-02", "2024-01-09"),
        ("2024-01-01 10:00", "2024-01-01 10:00"),
    ],
)
def test_labels_slice_as_those_of_pandas(index, start, end):
    positions = pd.Series(range(len(index)), index=index)
    [[first, stop]] = check_segments([(start, end)], len(index), index=index)
    assert list(range(first, stop)) == positions.loc[start:end].tolist()


@pytest.mark.parametrize(
    "pair",
    [
        (HOURS[2], HOURS[5]),
        (HOURS[2].to_pydatetime(), HOURS[5].to_pydatetime()),
        (HOURS[2].to_datetime64(), HOURS[5].to_datetime64()),
        HOURS[[2, 5]].to_numpy(),
        [HOURS[2], str(HOURS[5])],
    ],
    ids=["Timestamp", "datetime", "datetime64", "array", "mixed"],
)
def test_labels_of_every_kind_include_both_ends(pair):
    checked = check_segments([pair, (7, 9)], len(HOURS), index=HOURS)
    assert checked.tolist() == [[2, 6], [7, 9]]


def test_labels_in_frames_and_of_time_deltas():
    frame = pd.DataFrame({"start": HOURS[[2, 7]], "end": HOURS[[5, 8]]})
    expected = [[2, 6], [7, 9]]
    assert check_segments(frame, len(HOURS), index=HOURS).tolist() == expected
    deltas = HOURS - HOURS[0]
    given = [("2h", "5h"), (deltas[7], deltas[8])]
    assert check_segments(given, len(HOURS), index=deltas).tolist() == expected


def test_whole_numbers_are_positions_whatever_the_index():
    for index in (None, HOURS, pd.RangeIndex(100, 148), HOURS[::-1]):
        assert check_segments([(0, 48)], 48, index=index).tolist() == [[0, 48]]


def test_segments_of_several_series():
    groups = [0] * 4 + [1] * 4
    given = [[0, 4], [4, 8], [5, 6]]
    assert check_segments(given, 8, groups=groups).tolist() == given
    for crossing in ((3, 5), (0, 8)):
        with pytest.raises(
            ValueError, match="crosses from one series to the next: cut"
        ):
            check_segments([(0, 4), crossing], 8, groups=groups)


@pytest.mark.parametrize(
    ("segments", "sentence"),
    [
        ([(0, 7)], "series of 6 timestamps"),
        ([(-1, 3)], "positions count from 0"),
        ([(3, 3)], "0 <= start < end <= 6"),
        ([(4, 3)], "0 <= start < end <= 6"),
        ([(0, 10**30)], "0 <= start < end <= 6"),
        ([(1.0, 2.0)], "not of whole numbers.*pass positions"),
        ([(True, False)], "not of whole numbers.*pass positions"),
        ([("2024-01-01", "2024-01-02")], "in a DataFrame with a DatetimeIndex"),
        ([(None, 3)], "not of whole numbers.*pass positions"),
    ],
)
def test_bad_positions_are_refused(segments, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_segments(segments, 6)


@pytest.mark.parametrize(
    "segments",
    [3, "03", [3, 5], [(1, 2, 3)], [(1, 2, [4])], ["03"], [slice(0, 3)], None],
)
def test_what_is_no_list_of_pairs_is_refused(segments):
    with pytest.raises(TypeError, match=r"pass a (list of pairs|pair) \(start, end\)"):
        check_segments(segments, 6)


@pytest.mark.parametrize(
    ("index", "pair", "sentence"),
    [
        (
            HOURS,
            ("2023-01-01", "2023-01-02"),
            "holds no timestamp of the rows, which run",
        ),
        (HOURS, ("2024-01-01 10:20", "2024-01-01 10:40"), "holds no timestamp"),
        (HOURS, ("2024-01-02", "2024-01-01"), "holds no timestamp"),
        (HOURS, (pd.NaT, HOURS[3]), "holds no timestamp"),
        (HOURS, (HOURS[3], None), "holds no timestamp"),
        (HOURS[:0], ("2024", "2025"), "holds no timestamp"),
        (HOURS, ("noon", "midnight"), "not of labels of the rows"),
        (HOURS, (1.5, 2.5), "not of labels of the rows"),
        (HOURS, (1, HOURS[3]), "not of labels of the rows"),
        (HOURS, (HOURS[2].tz_localize("UTC"),) * 2, "not of labels of the rows"),
        (HOURS[::-1], ("2024-01-01", "2024-01-02"), "not sorted: pass positions"),
        (HOURS.repeat(2), ("2024-01-01", "2024-01-02"), "repeat.*: pass positions"),
    ],
)
def test_bad_labels_are_refused(index, pair, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_segments([pair], len(index), index=index)
