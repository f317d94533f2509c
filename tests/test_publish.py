import pytest
from sklearn.base import BaseEstimator

from sklearn_anomaly_attr._publish import published


class Counter(BaseEstimator):
    def __init__(self, failure=None):
        self.failure = failure

    def fit(self, value):
        with published(self) as draft:
            draft.value_ = value
            if draft.failure is not None:
                raise draft.failure
            draft.double_ = 2 * value
        return self


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_fit_that_fails_leaves_the_estimator_as_it_was(failure):
    counter = Counter().fit(1)
    with pytest.raises(failure):
        counter.set_params(failure=failure).fit(2)
    assert vars(counter) == {"failure": failure, "value_": 1, "double_": 2}


def test_a_first_fit_that_fails_leaves_no_trace():
    counter = Counter(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        counter.fit(1)
    assert vars(counter) == {"failure": KeyboardInterrupt}


def test_what_a_refit_deletes_is_gone():
    counter = Counter().fit(1)
    with published(counter) as draft:
        del draft.double_
        assert counter.double_ == 2
    assert not hasattr(counter, "double_")


def test_what_pickling_leaves_out_stays():
    class Connected(Counter):
        def __getstate__(self):
            return {"failure": None}

    counter = Connected()
    counter.connection = object()
    connection = counter.connection
    assert counter.fit(1).connection is connection


def test_parameters_are_shared_and_not_copied():
    given = [1]
    counter = Counter(given)
    with published(counter) as draft:
        assert draft.failure is given
    assert counter.failure is given
