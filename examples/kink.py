"""Kinks in one dimension and their modes, compared with closed forms.

python examples/kink.py

A kink connects two vacua; its fixed ends keep it from decaying. With the origin at its centre it is odd, so half a line
suffices. The two channels of modes are parities in one dimension: l = 0 is odd like the kink, l = 1 is even. The even
channel contains the translation u'(x), an exact zero mode.

Kinks between vacua that no reflection exchanges live on a whole line, given by the fields at its two ends.

phi^4         V = (1 - u^2)^2 / 2:   u = tanh x,                 E = 4/3,   modes 0 and 3 = 3/4 m^2, continuum m^2 = 4.
sine-Gordon   V = 1 + cos u:         u = 4 arctan(e^x) - pi,     E = 8,     mode 0 alone,            continuum m^2 = 1.
              (u is measured from the centre of the kink, where the usual field is pi)

phi^6         V = u^2 (1 - u^2)^2 / 2, from 0 to 1: E = 1/4, mode 0 alone, continua from 1 and 4.
two fields    V = (u^2 + v^2 - 1)^2 / 2 + v^2 / 8: u = tanh(x/2), v = sqrt(3/4) sech(x/2), E = 11/12; and u = tanh x,
              v = 0, E = 4/3, with the negative mode 1/4 - 1.

References: R. Rajaraman, *Solitons and Instantons* (1982), chapters 2 and 5; C. Montonen, *Nucl. Phys. B* **112**
(1976) 349 (two fields).
"""

import jax.numpy as jnp
import numpy as np

import supersoliton as ss


def phi_four(u, p):
    return 0.5 * (1.0 - u[0] ** 2) ** 2


def sine_gordon(u, p):
    return 1.0 + jnp.cos(u[0])


GRID = ss.RadialGrid(dim=1, edges=(0.0, 0.8, 1.7, 2.8, 4.0, 5.5, 7.5, 10.5, 16.0))


def kink(potential, vacuum: float) -> ss.State:
    """The kink from -vacuum to +vacuum, from a guess with the right ends."""
    problem = ss.Problem(ss.Potential(potential), GRID, boundary=[vacuum], parity="odd")
    return ss.solve(problem, guess=lambda r: vacuum * r / (1.0 + r), throw=True)


def phi_six(u, p):
    return 0.5 * u[0] ** 2 * (1.0 - u[0] ** 2) ** 2


def two_fields(u, p):
    return 0.5 * (u[0] ** 2 + u[1] ** 2 - 1.0) ** 2 + 0.125 * u[1] ** 2


def whole_lines() -> None:
    """Neither a guess nor a grid is needed between two given vacua."""
    state = ss.solve(ss.Problem(ss.Potential(phi_six), line=([0.0], [1.0])))
    modes = ss.spectrum(state, 4)
    assert abs(state.energy - 0.25) < 1e-12
    assert len(modes.bound) == len(modes.zero_modes) == 1
    assert np.allclose(modes.continuum, [1.0, 4.0])
    print(f"phi^6, 0 to 1: E = {state.energy:.12f}, exact 0.25, no bound mode but 0: agrees with the closed form")
    model = ss.Potential(two_fields, fields=("u", "v"))
    lower, upper = ss.find_states(ss.Problem(model, line=([-1.0, 0.0], [1.0, 0.0])))
    assert abs(lower.energy - 11.0 / 12.0) < 1e-10
    assert abs(upper.energy - 4.0 / 3.0) < 1e-10
    negative = ss.spectrum(upper, 4).negative
    assert np.allclose(negative, [-0.75], atol=1e-8)
    print(
        f"two fields: E = {lower.energy:.12f} and {upper.energy:.12f}, the upper one unstable with {negative}: agrees"
    )


def main() -> None:
    x = np.linspace(0.0, 12.0, 200)
    rows = (
        ("phi^4", phi_four, 1.0, 4.0 / 3.0, np.tanh(x), [3.0], 4.0),
        ("sine-Gordon", sine_gordon, np.pi, 8.0, 4.0 * np.arctan(np.exp(x)) - np.pi, [], 1.0),
    )
    for name, potential, vacuum, energy, profile, odd, continuum in rows:
        state = kink(potential, vacuum)
        same, other = (ss.spectrum(state, 4, ell) for ell in (0, 1))
        assert abs(state.energy - energy) < 1e-10 * energy
        assert np.max(np.abs(state(x)[:, 0] - profile)) < 1e-8
        assert len(same.bound) == len(odd)
        assert np.allclose(same.bound, odd, atol=1e-8)
        assert len(other.bound) == 1
        assert abs(other.bound[0]) < 1e-8
        assert np.allclose(same.continuum, continuum)
        print(
            f"{name}: E = {state.energy:.12f}, exact {energy:.12f}; even modes {other.bound}, odd modes {same.bound}, "
            f"continuum from {same.continuum[0]:g}: agrees with the closed form"
        )
    whole_lines()


if __name__ == "__main__":
    main()
