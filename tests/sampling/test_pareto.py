"""Pareto sets and hypervolumes against their definitions."""

import numpy as np
import pytest

from supersoliton.sampling.pareto import Fronts, choose_largest_gains, gain, hypervolume, nondominated


def beats(one, other):
    return (one >= other).all() and (one > other).any()


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_nondominated_is_what_nothing_beats(dimension):
    points = np.random.default_rng(dimension).integers(0, 6, (80, dimension)).astype(float)
    kept = nondominated(points)
    assert list(kept) == sorted(kept)
    for index, point in enumerate(points):
        earlier_twin = any((points[k] == point).all() for k in range(index))
        assert (index in kept) == (not earlier_twin and not any(beats(other, point) for other in points))


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_hypervolume_counts_cells(dimension):
    """Boxes with whole corners cover whole cells, which can be counted."""
    points = np.random.default_rng(dimension).integers(0, 6, (12, dimension)).astype(float)
    cells = np.stack(np.meshgrid(*[np.arange(6) + 0.5] * dimension), axis=-1).reshape(-1, dimension)
    covered = sum(any((cell < point).all() for point in points) for cell in cells)
    assert hypervolume(points) == pytest.approx(covered, abs=1e-12)


def test_gain_is_the_difference_of_volumes():
    rng = np.random.default_rng(0)
    front = rng.random((20, 3))
    front = front[nondominated(front)]
    for point in rng.random((30, 3)) * 1.3:
        assert gain(front, point) == pytest.approx(
            hypervolume(np.vstack([front, point])) - hypervolume(front), abs=1e-12
        )
    assert gain(np.empty((0, 3)), np.array([0.5, 0.5, 2.0])) == 0.5


def test_the_largest_gains_are_chosen_one_after_another():
    rng = np.random.default_rng(1)
    front, points = rng.random((6, 3)), rng.random((40, 3)) * 1.2
    left, chosen, have = list(range(40)), [], front
    for _ in range(10):
        best = max(left, key=lambda i: hypervolume(np.vstack([have, points[i]])))
        chosen.append(best)
        left.remove(best)
        have = np.vstack([have, points[best]])
    assert choose_largest_gains(front, points, 10) == chosen
    assert sorted(choose_largest_gains(front, points[:3], 10)) == [0, 1, 2]


@pytest.mark.parametrize("together", [0, 1, 90, 150])
@pytest.mark.parametrize("dimension", [2, 3, 4])
def test_fronts_are_peeled_off_one_after_another(dimension, together):
    """However the points come: front k is what is left unbeaten when the fronts before it are taken away.

    The first ones come together, as those of a study that is resumed; of more than a block of them.
    """
    points = np.random.default_rng(dimension).integers(0, 8, (150, dimension)).astype(float)  # some more than once
    fronts = Fronts(dimension)
    fronts.extend(points[:together])
    for count in range(max(together, 1), len(points) + 1):
        if count > together:
            fronts.extend(points[count - 1 : count])
        if count % 30:
            continue
        left, expected = list(range(count)), np.empty(count, dtype=int)
        for rank in range(count):
            front = [i for i in left if not any(beats(points[j], points[i]) for j in left)]
            expected[front] = rank
            left = [i for i in left if i not in front]
        assert (fronts.points == points[:count]).all()
        assert (fronts.ranks == expected).all()
