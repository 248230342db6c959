"""Dense counterparts of the condensed linear algebra: random symmetric block systems, and second variations."""

import numpy as np

from supersoliton.elements import lapack
from supersoliton.elements.packing import parts_of

# (elements, order, fields)
SHAPES = [(1, 2, 1), (2, 3, 2), (5, 4, 3)]


class System:
    """Random symmetric element matrices; the same system assembled densely."""

    def __init__(self, shape, seed, *, free_first=None, free_last=None, shift=0.0):
        self.elements, self.order, self.n = shape
        rng = np.random.default_rng(seed)
        size = (self.order + 1) * self.n
        blocks = rng.normal(size=(self.elements, size, size))
        self.blocks = blocks + blocks.swapaxes(1, 2) + shift * np.eye(size)
        outside = rng.normal(size=(self.n, self.n))
        self.exterior = outside + outside.T
        self.free_first = np.ones(self.n) if free_first is None else np.array(free_first, float)
        self.free_last = np.ones(self.n) if free_last is None else np.array(free_last, float)
        self.n_nodes = self.elements * self.order + 1
        dense = np.zeros((self.n_nodes * self.n,) * 2)
        for e, block in enumerate(self.blocks):
            at = slice(e * self.order * self.n, e * self.order * self.n + size)
            dense[at, at] += block
        dense[-self.n :, -self.n :] += self.exterior
        self.dense = dense
        mask = np.ones((self.n_nodes, self.n))
        mask[0] *= self.free_first
        mask[-1] *= self.free_last
        self.mask = mask.ravel() > 0
        self.rhs = rng.normal(size=(self.n_nodes, self.n, 3))

    def dense_solution(self):
        x = np.zeros((self.n_nodes * self.n, 3))
        free = np.flatnonzero(self.mask)
        x[free] = np.linalg.solve(self.dense[np.ix_(free, free)], self.rhs.reshape(-1, 3)[free])
        return x.reshape(self.rhs.shape)

    def dense_inertia(self):
        values = np.linalg.eigvalsh(self.dense[np.ix_(self.mask, self.mask)])
        return int(np.sum(values < 0)), int(np.sum(values > 0))


def ends(n):
    """Every field free; the last node held; the first node held; some fields of both held."""
    some = [float(i % 2) for i in range(n)]
    return [(None, None), (None, [0.0] * n), ([0.0] * n, None), (some, [1.0 - x for x in some])]


CASES = [(shape, first, last) for shape in SHAPES for first, last in ends(shape[2])]


def factors(system: System) -> lapack.HostFactors:
    """The same system factorised on the host, every entry of its element matrices given."""
    size = system.blocks.shape[1]
    parts = parts_of(np.arange(size**2).reshape(size, size), system.n)
    entries = system.blocks.reshape(system.elements, -1)
    return lapack.factor(entries, parts, system.free_first, system.free_last, system.exterior)


def dense_second_variation(problem, u, multiplier):
    """(E'' - omega^2 M_c, M, M_c u) on the free unknowns, node-major, assembled from V'' at the quadrature points."""
    n = u.shape[1]
    free = np.flatnonzero(problem.free_nodes.ravel() > 0)
    mass = np.kron(problem.grid.mass, np.eye(n))
    carried = np.kron(problem.grid.mass, np.diag(problem.carries_norm))
    curvature = problem.curvature(u)
    matrix = np.kron(problem.grid.stiffness, np.diag(problem.model.kinetic))
    p = problem.grid.order
    for e in range(problem.grid.n_elements):
        basis, w = problem.grid.interpolation[e], problem.grid.quadrature_weights[e]
        block = np.einsum("q,qa,qb,qij->aibj", w, basis, basis, curvature[e]).reshape((p + 1) * n, (p + 1) * n)
        at = slice(e * p * n, (e * p + p + 1) * n)
        matrix[at, at] += block
    matrix += np.pad(problem.exterior() if problem.boundary == "decaying" else np.zeros((n, n)), ((u.size - n, 0),) * 2)
    matrix -= multiplier * carried
    return matrix[np.ix_(free, free)], mass[np.ix_(free, free)], (carried @ u.ravel())[free]
