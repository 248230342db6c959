"""Newton's batched descent against single runs: the same steps, status and state."""

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.guesses.guess import starting_fields
from supersoliton.machine import batching
from supersoliton.solvers import globalisation
from supersoliton.solvers.newton import NewtonRun

GRID = ss.RadialGrid(r_max=20.0, n_elements=4, order=6, dim=3)


def q_ball(norm):
    model = ss.OctaveHiggs(2, m0_squared=0.5, g=0.6, quartic_sign=-1, delta=0.2, lambda_1=0.05, lambda_2=0.01)
    return ss.Problem(model, GRID, norm=norm)


def double_well(u, p):
    return 0.25 * (u[0] ** 2 - p["v"] ** 2) ** 2


def kink(v):
    return ss.Problem(
        ss.Potential(double_well, params={"v": v}),
        ss.RadialGrid(r_max=12.0, n_elements=4, order=6, dim=1),
        boundary=[v],
        parity="odd",
    )


def descents(problems, guess, options):
    """The runs after their descent, each with its status: single, and in tasks."""

    def job(problem):
        iteration = NewtonRun(problem, starting_fields(problem, guess), options)
        return iteration.descend(), iteration

    alone = [job(problem) for problem in problems]
    together, errors, report = batching.run([lambda p=p: job(p) for p in problems])
    assert errors == [None] * len(problems)
    assert report.calls["newton"] == 1, "all in one loop"
    return alone, together


@pytest.mark.parametrize(
    ("problems", "guess"),
    [
        ([q_ball(n) for n in (100.0, 400.0, 1500.0, 5000.0)], ss.Gaussian(amplitude=2.0, width=4.0, field=0)),
        ([kink(v) for v in (0.8, 1.0, 1.3)], lambda r: 0.7 * np.tanh(r)[:, None]),
    ],
    ids=["q-balls", "kinks"],
)
def test_the_same_steps_to_the_same_state(problems, guess):
    alone, together = descents(problems, guess, ss.Newton())
    steps = [one.steps for _, one in alone]
    assert len(set(steps)) > 1, "tasks of different lengths, so that some are masked"
    for (word, one), (other_word, other) in zip(alone, together, strict=True):
        assert other_word == word is None
        assert (other.steps, len(other.history)) == (one.steps, len(one.history))
        assert other.energy == pytest.approx(one.energy, rel=1e-12)
        assert other.at.multiplier == pytest.approx(one.at.multiplier, rel=1e-10)
        assert other.u == pytest.approx(one.u, abs=1e-9)
        energies, again = (np.array(i.history)[:, 0] for i in (one, other))
        assert again == pytest.approx(energies, rel=1e-9)


def test_the_same_status_without_convergence():
    problems, guess = [q_ball(n) for n in (100.0, 1500.0)], ss.Gaussian(amplitude=2.0, width=4.0, field=0)
    alone, together = descents(problems, guess, ss.Newton(max_steps=2))
    assert [word for word, _ in together] == [word for word, _ in alone]
    assert all(word.startswith("not converged within 2 steps") for word, _ in alone)
    assert [len(one.history) for _, one in together] == [len(one.history) for _, one in alone]


def test_a_start_without_an_energy_does_not_disturb_the_others():
    problem, good = q_ball(100.0), ss.Gaussian(amplitude=2.0, width=4.0, field=0)
    u = starting_fields(problem, good)

    def job(start):
        iteration = NewtonRun(problem, start, ss.Newton())
        return iteration.descend()

    words, errors, _ = batching.run([lambda s=s: job(s) for s in (u, np.nan * u)])
    assert errors == [None, None]
    assert words[0] is None
    assert words[1] == "diverged: the energy or its gradient is not finite"
    assert words[1] == job(np.nan * u)


@pytest.mark.parametrize("seed", range(20))
def test_rules_agree_for_numbers_and_traced_values(seed):
    rng = np.random.default_rng(seed)
    residual, after, sigma, agreed = (
        10.0 ** rng.uniform(-9, 0, 2),
        10.0 ** rng.uniform(-9, 0),
        10.0 ** rng.uniform(-4, 1),
        rng.uniform(),
    )
    energies = {"predicted": -(10.0 ** rng.uniform(-16, 1)), "change": rng.normal(), "scale": 10.0}
    for xp in (np, jnp):
        found = [
            float(globalisation.agreement(xp, **energies, residual=residual[0], new_residual=after)),
            float(globalisation.shift_after_success(xp, sigma, agreed, residual[0])),
            float(globalisation.shift_after_refusal(xp, sigma)),
            float(globalisation.first_shift(xp, residual[0])),
        ]
        if xp is np:
            expected = found
    assert found == pytest.approx(expected, rel=1e-15)
    if residual[0] >= 1e-7 and energies["change"] > 0 and -energies["predicted"] > 1e-12:
        assert found[0] == 0.0, "a step that raises the energy is refused"
