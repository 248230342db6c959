"""Tasks: concurrent computations whose kernels are executed in batches."""

import threading
import time

import jax
import numpy as np
import pytest

from supersoliton.machine import batching
from supersoliton.machine.batching import DeviceArray, cached_property


def double(common, x):
    return common * x


def add(_, kept, x):
    return kept + x


def factorial(task, n):
    """n calls of a kernel: tasks with different n diverge and meet again."""
    value = np.ones(2)
    for i in range(1, n + 1):
        value = task.call(double, FACTORS[i], value)
    return value


FACTORS = [np.array(float(i)) for i in range(8)]


def test_tasks_of_different_lengths_share_kernels_and_get_their_own_results():
    counts = [3, 0, 7, 5, 3]
    values, errors, report = batching.run(
        [lambda n=n: factorial(batching.current(), n) for n in counts] + [lambda: "no kernel"]
    )
    assert errors == [None] * 6
    assert values[-1] == "no kernel"
    # The task with 0! = 1 calls no kernel.
    expected = [6.0, 1.0, 5040.0, 120.0, 6.0]
    assert [float(v[0]) for v in values[:5]] == expected
    assert report.tasks["double"] == sum(counts)
    assert report.calls["double"] == max(counts), "every kernel ran once for all the tasks that came to it"


def test_tasks_that_diverge_meet_again():
    def job(detours):
        task, x = batching.current(), np.ones(1)
        for turn in range(6):
            x = task.call(double, FACTORS[2], x)
            for _ in range(1 + (detours if turn == 1 else 0)):
                x = task.call(add, None, x, np.zeros(1))
        return float(x[0])

    values, _, report = batching.run([lambda d=d: job(d) for d in (0, 0, 1, 0)])
    assert values == [64.0] * 4
    # The task with the extra kernel is one step behind at the end; before, it ran together with the others.
    assert report.calls == {"double": 7, "add": 7}


def test_kept_results_stay_on_the_device_and_are_separate_for_each_task():
    def job(x):
        task = batching.current()
        kept = task.call(double, FACTORS[3], np.array([x]), keep=True)
        assert isinstance(kept, DeviceArray)
        if x > 1.5:  # one task calls twice, the others are masked
            kept = task.call(add, None, kept, np.array([100.0]), keep=True)
        return float(task.call(add, None, kept, np.array([0.25]))[0])

    values, errors, _ = batching.run([lambda x=x: job(x) for x in (0.0, 1.0, 2.0)])
    assert errors == [None] * 3
    assert values == [0.25, 3.25, 106.25]


def test_a_batch_too_large_for_the_memory_is_split(monkeypatch):
    monkeypatch.setattr(batching, "_BYTES_AT_ONCE", 100)  # six arrays of two numbers, so batches of four

    def job(x):
        return float(batching.current().call(double, FACTORS[2], np.array([x, 0.0]))[0])

    values, errors, report = batching.run([lambda x=x: job(float(x)) for x in range(9)])
    assert errors == [None] * 9
    assert values == [2.0 * x for x in range(9)]
    assert report.calls == {"double": 3}


def test_an_error_is_returned_and_does_not_affect_other_tasks():
    def fails(_, x):
        raise RuntimeError("no memory on the device")

    def job(kind):
        if kind == "raises":
            raise ValueError("a bad point")
        if kind == "kernel fails":
            return batching.current().call(fails, None, np.ones(1))
        return float(batching.current().call(double, FACTORS[2], np.ones(1))[0])

    values, errors, _ = batching.run([lambda k=k: job(k) for k in ("raises", "fine", "kernel fails")])
    assert values == [None, 2.0, None]
    assert str(errors[0]) == "a bad point"
    assert errors[1] is None
    assert "no memory" in str(errors[2])


def test_the_clock_of_a_task_counts_its_own_work_and_its_share_of_a_kernel():
    def job(seconds):
        start = batching.now()
        time.sleep(seconds)
        batching.current().call(double, FACTORS[2], np.ones(1))
        return batching.now() - start

    values, _, report = batching.run([lambda s=s: job(s) for s in (0.2, 0.0, 0.0)])
    assert values[0] > 0.2
    assert values[1] < 0.1 + report.seconds["double"], "the sleep of another task is not its own"
    assert sum(values) == pytest.approx(report.total, abs=0.1)


def test_there_is_no_current_task_outside_of_tasks_and_in_alone():
    assert batching.current() is None

    def job():
        inside = batching.current() is not None
        return inside, batching.alone(batching.current), batching.current() is not None

    assert batching.run([job])[0] == [(True, None, True)]


def test_an_interrupt_cancels_the_batch_and_ends_its_threads():
    class Stop(BaseException):
        pass

    def interrupt(*_):
        raise Stop

    def job():
        batching.current().call(double, FACTORS[2], np.ones(1))
        return batching.current().call(interrupt, None, np.ones(1))

    before = threading.active_count()
    with pytest.raises(Stop):
        batching.run([job] * 3)
    assert threading.active_count() == before


def test_cached_property_does_not_hold_a_lock_while_a_task_waits():
    class Owner:
        """Its property needs a kernel: with functools.cached_property the second task would deadlock (3.11)."""

        @cached_property
        def value(self):
            """Two."""
            return float(batching.current().call(double, FACTORS[2], np.ones(1))[0])

    owners = [Owner(), Owner()]
    values, errors, report = batching.run([lambda o=o: o.value + o.value for o in owners])
    assert errors == [None, None]
    assert values == [4.0, 4.0]
    assert report.tasks["double"] == 2
    assert Owner.value.__doc__ == "Two."
    assert owners[0].__dict__["value"] == 2.0


def test_float64_throughout():
    def job():
        return batching.current().call(double, FACTORS[1], np.array([1.0 + 2.0**-52]))

    assert batching.run([job], jax.devices("cpu")[0])[0][0][0] == 1.0 + 2.0**-52
