"""The gradient and the Hessian blocks are exact derivatives of the discrete energy; its parts have closed forms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.elements import lapack
from supersoliton.elements.grid import sphere_area
from supersoliton.problem import functional
from supersoliton.theory.derivatives import point_kernels

GRID = ss.RadialGrid(4.0, 2, 5)


def trap(u, p, r):
    """Explicit r, odd terms, a coupling between the fields, and unequal kinetic factors."""
    return 0.5 * (1.0 + r**2) * u[0] ** 2 + p["g"] * u[0] * u[1] ** 2 * jnp.cos(r) + 0.3 * u[1] ** 4 + 0.2 * u[1]


MODELS = {
    "octave n=1": ss.OctaveHiggs(n_octaves=1, m0_squared=0.5, g=0.6),
    "octave n=2": ss.OctaveHiggs(n_octaves=2, m0_squared=0.5, g=0.6, quartic_sign=1),
    "octave n=12": ss.OctaveHiggs(n_octaves=12, m0_squared=0.5, g=0.6),
    "trap": ss.Potential(trap, ("u", "v"), {"g": 0.7}, kinetic=(1.5, 0.4)),
}


def energy(function, geo, theory, u):
    """The discrete energy as its definition says, in JAX."""
    local = u[geo.index]
    fields, slopes = geo.values @ local, geo.slopes @ local
    at_radii = jax.vmap(jax.vmap(function, (0, None, 0)), (0, None, 0))
    excess = at_radii(fields, theory.params, geo.radii)
    excess -= at_radii(jnp.broadcast_to(theory.vacuum, fields.shape), theory.params, geo.radii)
    outside = u[-1] - theory.vacuum
    density = excess + 0.5 * jnp.sum(theory.kinetic * slopes**2, axis=2)
    return jnp.sum(geo.weights * density) + 0.5 * outside @ theory.exterior @ outside


class Setting:
    """A model on the small mesh with random fields and a random exterior."""

    def __init__(self, name):
        self.model = MODELS[name]
        rng = np.random.default_rng(len(name))
        n = self.model.n_fields
        outside = rng.normal(size=(n, n))
        self.theory = functional.Theory(
            params=self.model.params,
            kinetic=np.asarray(self.model.kinetic, float),
            vacuum=0.1 * rng.normal(size=n),
            exterior=outside + outside.T,
        )
        self.geo = functional.geometry(GRID)
        self.u = rng.normal(size=(GRID.n_nodes, n))
        self.v = rng.normal(size=(GRID.n_nodes, n))
        self.kernels = functional.potential_kernels(self.model.potential_function)
        self.definition = jax.jit(functools.partial(energy, self.model.potential_function))

    def energy(self, u):
        return self.definition(self.geo, self.theory, u)

    def gradient(self, u):
        return self.kernels[1](self.geo, self.theory, u)[1]

    def hessian_times(self, u, v):
        curvature = self.kernels[2](self.geo, self.theory, u)
        blocks = functional.hessian_blocks(self.geo, self.theory, curvature, np.zeros(self.model.n_fields))
        return lapack.matvec(blocks, self.theory.exterior, v[:, :, None])[:, :, 0]


@pytest.fixture(params=MODELS, scope="module")
def setting(request):
    return Setting(request.param)


def test_the_energy_agrees_with_the_definition(setting):
    for kernel in (setting.kernels[0], lambda *at: setting.kernels[1](*at)[0]):
        assert float(kernel(setting.geo, setting.theory, setting.u)) == pytest.approx(
            float(setting.energy(setting.u)), rel=1e-13
        )


@pytest.mark.parametrize("count", [1, 255, 257, 2049, 9000])
def test_points_in_blocks_of_any_number(count):
    """Lists are split and padded internally; every point keeps its value, slope and curvature."""
    model = MODELS["trap"]
    rng = np.random.default_rng(count)
    u, r = rng.normal(size=(count, 2)), rng.uniform(0, 3, count)
    kernels = point_kernels(model.potential_function)
    a, b = u.T
    expected = 0.5 * (1 + r**2) * a**2 + 0.7 * a * b**2 * np.cos(r) + 0.3 * b**4 + 0.2 * b
    slope = np.stack([(1 + r**2) * a + 0.7 * b**2 * np.cos(r), 1.4 * a * b * np.cos(r) + 1.2 * b**3 + 0.2], axis=1)
    assert kernels.value(u, model.params, r) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert kernels.gradient(u, model.params, r) == pytest.approx(slope, rel=1e-12, abs=1e-12)
    both = kernels.value_and_gradient(u, model.params, r)
    assert both[0] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert both[1] == pytest.approx(slope, rel=1e-12, abs=1e-12)
    assert kernels.hessian(u, model.params, r)[:, 0, 1] == pytest.approx(1.4 * b * np.cos(r), rel=1e-12, abs=1e-12)
    assert kernels.radial(u, model.params, r) == pytest.approx(r**2 * a**2 - 0.7 * a * b**2 * r * np.sin(r), abs=1e-10)


def test_gradient_agrees_with_automatic_differentiation(setting):
    exact = np.asarray(jax.jit(jax.grad(setting.energy))(setting.u))
    assert setting.gradient(setting.u) == pytest.approx(exact, rel=1e-11, abs=1e-11 * np.abs(exact).max())


def test_hessian_blocks_agree_with_automatic_differentiation(setting):
    size = setting.u.size
    exact = np.asarray(jax.jit(jax.hessian(setting.energy))(setting.u)).reshape(size, size)
    columns = np.random.default_rng(1).choice(size, min(size, 25), replace=False)
    for column in columns:
        unit = np.eye(1, size, column).reshape(setting.u.shape)
        product = setting.hessian_times(setting.u, unit).ravel()
        assert product == pytest.approx(exact[:, column], abs=1e-11 * np.abs(exact).max())


def test_gradient_agrees_with_finite_differences(setting):
    h = 1e-5
    for column in np.random.default_rng(2).choice(setting.u.size, 8, replace=False):
        unit = h * np.eye(1, setting.u.size, column).reshape(setting.u.shape)
        measured = float(setting.energy(setting.u + unit) - setting.energy(setting.u - unit)) / (2 * h)
        scale = np.abs(setting.gradient(setting.u)).max()
        assert setting.gradient(setting.u).ravel()[column] == pytest.approx(measured, abs=1e-6 * scale)


def test_hessian_agrees_with_finite_differences_of_the_gradient(setting):
    h = 1e-5
    measured = (setting.gradient(setting.u + h * setting.v) - setting.gradient(setting.u - h * setting.v)) / (2 * h)
    exact = setting.hessian_times(setting.u, setting.v)
    assert exact == pytest.approx(measured, abs=1e-6 * np.abs(exact).max())


def test_taylor_remainder_falls_with_the_square_of_the_step(setting):
    slope = float(np.sum(setting.gradient(setting.u) * setting.v))
    steps = 1e-3 * 0.5 ** np.arange(5)
    here = float(setting.energy(setting.u))
    remainders = [abs(float(setting.energy(setting.u + h * setting.v)) - here - h * slope) for h in steps]
    rates = np.log2(np.array(remainders[:-1]) / remainders[1:])
    assert rates == pytest.approx(2.0, abs=0.05)


def test_element_blocks_are_symmetric(setting):
    curvature = setting.kernels[2](setting.geo, setting.theory, setting.u)
    blocks = functional.hessian_blocks(setting.geo, setting.theory, curvature, setting.theory.kinetic)
    assert blocks == pytest.approx(blocks.swapaxes(1, 2), abs=1e-12 * np.abs(blocks).max())


def test_shift_and_barrier_add_their_matrices():
    """shift_i M on each field and k_i c/r^2: against the grid's own mass matrices."""
    s = Setting("trap")
    curvature = s.kernels[2](s.geo, s.theory, s.u)
    shift = np.array([0.3, -0.8])
    plain = functional.hessian_blocks(s.geo, s.theory, curvature, np.zeros(2))
    moved = functional.hessian_blocks(s.geo, s.theory, curvature, shift, 6.0)
    difference = (moved - plain).reshape(GRID.n_elements, GRID.order + 1, 2, GRID.order + 1, 2)
    mass = GRID.element_matrices(of="mass")
    barrier = GRID.element_matrices(6.0 / GRID.quadrature_points**2, of="mass")
    for i, (factor, k) in enumerate(zip(shift, (1.5, 0.4), strict=True)):
        expected = float(factor) * mass + k * barrier
        assert difference[:, :, i, :, i] == pytest.approx(expected, abs=1e-11 * np.abs(expected).max())
    assert np.all(difference[:, :, 0, :, 1] == 0.0)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_energy_of_a_gaussian_is_its_closed_form(dim):
    """1/2 |grad u|^2 + 1/2 m^2 u^2 + 1/4 g u^4 of A exp(-r^2/2), integrated over all space."""
    model = ss.Potential(
        lambda u, p: 0.5 * p["m2"] * u[0] ** 2 + 0.25 * p["g"] * u[0] ** 4, params={"m2": 0.7, "g": 1.3}
    )
    problem = ss.Problem(model, ss.RadialGrid(9.0, 8, 12, dim=dim))
    a = 1.2
    u = a * np.exp(-0.5 * problem.grid.nodes**2)[:, None]
    volume = np.pi ** (dim / 2)
    parts = problem.energy_parts(u)
    potential = 0.5 * 0.7 * a**2 * volume + 0.25 * 1.3 * a**4 * volume / 2 ** (dim / 2)
    assert parts["gradient"] == pytest.approx(0.5 * a**2 * volume * dim / 2, rel=1e-10)
    assert parts["potential"] == pytest.approx(potential, rel=1e-10)
    assert parts["modulus"] == pytest.approx(potential, rel=1e-10)
    assert parts["radial"] == 0.0
    energy = problem.energy(u)
    assert energy == pytest.approx(parts["gradient"] + parts["potential"], rel=1e-13)


def test_energy_is_measured_from_the_vacuum_and_counts_kinetic_factors():
    model = ss.Potential(lambda u, p: 3.0 + 0.5 * (u[0] - 2.0) ** 2, kinetic=(2.5,))
    problem = ss.Problem(model, ss.RadialGrid(3.0, 8, 12), boundary=[2.0])
    flat = np.full((problem.grid.n_nodes, 1), 2.0)
    assert problem.energy(flat) == pytest.approx(0.0, abs=1e-12)
    ramp = 2.0 + (3.0 - problem.grid.nodes)[:, None]
    volume = sphere_area(3) * 9.0
    exact = 0.5 * 2.5 * volume + 0.5 * sphere_area(3) * (9 * 9 - 6 * 81 / 4 + 243 / 5)
    assert problem.energy(ramp) == pytest.approx(exact, rel=1e-12)


def test_radial_part_is_the_virial_of_the_trap():
    """int r dV/dr of 1/2 r^2 u^2 is twice its energy, at fixed fields."""
    model = ss.Potential(lambda u, p, r: 0.5 * r**2 * u[0] ** 2)
    problem = ss.Problem(model, ss.RadialGrid(9.0, 8, 12), norm=1.0)
    parts = problem.energy_parts(np.exp(-(problem.grid.nodes**2))[:, None])
    assert parts["radial"] == pytest.approx(2.0 * parts["potential"], rel=1e-12)


def test_singular_potential_takes_its_limit_at_zero():
    """u^2 ln u^2 at u = 0: value and slope 0, not NaN."""
    kernels = point_kernels(ss.Potential(lambda u, p: u[0] ** 2 * jnp.log(u[0] ** 2)).potential_function)
    at = (np.zeros((1, 1)), {}, np.zeros(1))
    assert float(kernels.value(*at)[0]) == pytest.approx(0.0, abs=1e-80)
    assert float(kernels.gradient(*at)[0, 0]) == pytest.approx(0.0, abs=1e-40)
