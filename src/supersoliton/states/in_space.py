"""The fields of a state in space: at any radius or Cartesian point, their slopes and energy density, as tables."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray as Array

from .._version import __version__
from ..elements.grid import RadialGrid
from ..machine.atomic_write import write_atomically
from ..problem.problem import DiscreteProblem
from ..problem.scales import reduced
from ..theory.derivatives import point_kernels
from ..theory.whole_line import theory_of, unfold
from .observables import energy_radii

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

# In units of the length of the theory: below, e(u, u', r), which may be 0/0 at the origin, is continued from there.
_CORE = 0.02


class InSpace:
    """What a :class:`.State` has over space."""

    problem: DiscreteProblem
    energy: float
    norm: float
    certificate: Any
    solution: Any

    @property
    def u(self) -> Array:
        """Fields at the nodes, of shape (n_nodes, n_fields)."""
        u: Array = self.solution.u
        return u

    @property
    def grid(self) -> RadialGrid:
        """The grid of ``problem``."""
        return self.problem.grid

    @functools.cached_property
    def fields(self) -> xr.Dataset:
        """The fields over r, or over x on a line, as an xarray.Dataset."""
        import xarray as xr

        name, at = self._axis, self._nodes
        long_name = "radius" if name == "r" else "position"
        variables = {field: (name, column) for field, column in zip(self._names, self._nodal.T, strict=True)}
        coordinates = {name: (name, at, {"units": "1/mass", "long_name": long_name})}
        attributes = {"energy": self.energy, "kind": str(self.certificate.kind)}
        return xr.Dataset(variables, coords=coordinates, attrs=attributes)

    def __call__(self, r: float | Array | Sequence[float]) -> Array:
        """Fields at any radius, shape ``(*r.shape, n_fields)``; beyond the box, the boundary values.

        In one dimension r is the position, of either sign.
        """
        radii = np.asarray(r, dtype=float)
        values = self.grid.interpolate(self.u, np.minimum(np.abs(radii), self.grid.r_max))
        if self.problem.on_line:
            return unfold(values, radii)
        return np.where(self.problem.odd & (radii < 0.0)[..., None], -values, values)

    def derivative(self, r: float | Array | Sequence[float]) -> Array:
        """Slopes du/dr at any radius, shape ``(*r.shape, n_fields)``; beyond the box 0.

        In one dimension r is the position, of either sign.
        """
        radii = np.asarray(r, dtype=float)
        inside = np.abs(radii) <= self.grid.r_max
        slopes = self.grid.interpolate(self.u, np.minimum(np.abs(radii), self.grid.r_max), slope=True)
        slopes = np.where(inside[..., None], slopes, 0.0)
        if self.problem.on_line:  # the slope of the even part is odd
            even, odd = np.split(slopes, 2, axis=-1)
            return unfold(np.concatenate([odd, even], axis=-1), radii)
        return np.where(~self.problem.odd & (radii < 0.0)[..., None], -slopes, slopes)

    def energy_density(self, r: float | Array | Sequence[float]) -> Array:
        r"""The energy density at any radius, shape ``r.shape``.

        :math:`\tfrac12\sum_ik_iu_i'^2 + V(u) - V(u_\infty)`, or the e(u, u', r) of the theory, whose integral over
        space is ``energy``. At the origin it is the limit.
        """
        radii = np.abs(np.asarray(r, dtype=float))
        if self.problem.model.ends is None or self.problem.on_line:
            return self._density(np.asarray(r, dtype=float))
        # even in r and smooth: a polynomial in r^2 near the origin, where the terms of e cancel
        nodes = _CORE * reduced(self.problem)[1].length * np.array([1.0, 2.0, 3.0, 4.0])
        squares, near = nodes**2, radii < nodes[0]
        values = self._density(np.where(near, nodes[-1], radii))
        if np.any(near):
            x = np.minimum(radii, nodes[0])[..., None] ** 2
            others = [np.delete(squares, i) for i in range(len(nodes))]
            basis = [np.prod((x - o) / (s - o), axis=-1) for s, o in zip(squares, others, strict=True)]
            values = np.where(near, np.stack(basis, axis=-1) @ self._density(nodes), values)
        return values

    def _density(self, r: Array) -> Array:
        """The energy density as it is written."""
        model, at = theory_of(self.problem.model), np.ravel(r)
        u, slopes, radii = self(at), self.derivative(at), np.abs(at)
        density = model.density_in_space
        if density is None:
            values = point_kernels(model.potential_function).value(u, model.params, radii)
            values = values + 0.5 * slopes**2 @ model.kinetic
        else:
            values = point_kernels(density).value(np.concatenate([u, slopes], axis=1), model.params, radii)
        if model.ends is None:
            values = values - self._density_of_vacuum(radii)
        return values.reshape(np.shape(r))

    def _density_of_vacuum(self, radii: Array) -> Array:
        """V of the vacuum, which may depend on the radius."""
        vacuum, model = self.problem.vacuum, theory_of(self.problem.model)
        if not model.explicit_r:
            return np.full(len(radii), vacuum.energy_density)
        everywhere = np.tile(vacuum.values, (len(radii), 1))
        return point_kernels(model.potential_function).value(everywhere, model.params, radii)

    def on_grid(self, *coordinates: float | Array) -> dict[str, Array]:
        r"""The fields of space at Cartesian points, of a theory with a name those of its ansatz with their directions.

        Parameters
        ----------
        *coordinates : float or ndarray
            x, y, ... of the points, as many as space has dimensions; broadcast against each other, so that
            ``np.ogrid`` will do.

        Returns
        -------
        dict of str to ndarray
            Each field by name, of the shape of the points and then of its components. A plain potential has its own
            fields. :class:`.Vortex` has ``higgs`` (2) and ``A`` (2), :class:`.Monopole` ``higgs`` (3) and ``A`` (i, a),
            :class:`.Dyon` the same and ``A_0`` (a), :class:`.Sphaleron` ``higgs`` (4) and ``W`` (i, a),
            :class:`.Skyrmion` ``sigma`` and ``pi`` (3), :class:`.BabySkyrmion` ``n`` (3), :class:`.GlobalVortex` and
            :class:`.GlobalMonopole` ``scalar``.

        Raises
        ------
        ValueError
            If the number of coordinates is not the dimension of space.

        Examples
        --------
        >>> state = ss.solve(ss.Problem(ss.Vortex(winding=2)))
        >>> x, y = np.ogrid[-5:5:64j, -5:5:64j]
        >>> state.on_grid(x, y)["A"].shape
        (64, 64, 2)
        """
        d = float(self.grid.dim)
        if len(coordinates) != d:
            names = ", ".join("xyz"[: int(d)]) if d in (1.0, 2.0, 3.0) else f"{d:g} of them"
            raise ValueError(
                f"on_grid needs as many coordinates as space has dimensions, {d:g}, got "
                f"{len(coordinates)}: give {names}"
            )
        points = np.stack(np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in coordinates)), axis=-1)
        shape, points = points.shape[:-1], points.reshape(-1, points.shape[-1])
        r = points[:, 0] if d == 1.0 else np.sqrt(np.sum(points**2, axis=-1))
        found = theory_of(self.problem.model).cartesian(self(r), points)
        return {name: values.reshape(*shape, *values.shape[1:]) for name, values in found.items()}

    def to_pandas(self) -> pd.DataFrame:
        """A table of the fields at the nodes, their slopes ``df_dr`` and the ``energy_density``, as a DataFrame.

        One row for each node, with the radius ``r``, or the position ``x`` on a line, first.
        """
        import pandas as pd

        name, at = self._axis, self._nodes
        values = {f"d{field}_d{name}": slopes for field, slopes in zip(self._names, self.derivative(at).T, strict=True)}
        fields = dict(zip(self._names, self._nodal.T, strict=True))
        return pd.DataFrame({name: at, **fields, **values, "energy_density": self.energy_density(at)})

    def to_csv(self, path: str | Path) -> Path:
        """Write the table of :meth:`to_pandas` with all digits, after lines with ``#`` on the state and its units.

        Parameters
        ----------
        path : str or Path
            The file; its folder must exist.

        Returns
        -------
        Path
            The same path.

        Raises
        ------
        ValueError
            If there is no such folder.
        """
        target, text = folder_of("to_csv", path), io.StringIO()
        text.writelines(f"# {line}\n" for line in self._notes())
        self.to_pandas().to_csv(text, index=False)
        write_atomically(target, text.getvalue())
        return target

    def _notes(self) -> list[str]:
        problem, model = self.problem, theory_of(self.problem.model)
        d, numbers = float(self.grid.dim), [f"energy = {self.energy!r}"]
        if (unit := model.energy_unit) != 1.0:
            numbers.append(f"energy / {unit!r} = {self.energy / unit!r}")
        if problem.norm is not None or problem.omega is not None:
            numbers += [f"norm = {self.norm!r}", f"omega^2 = {self.solution.multiplier!r}"]
        units = f"{self._axis} in 1/mass, fields in mass^{(d - 1) / 2:g}, energy density in mass^{d + 1:g}"
        if model.ends is not None:
            units = "those of the energy density of the theory"
        return [
            f"{self.certificate.kind} of {type(model).__name__} in d = {d:g}, by supersoliton {__version__}",
            "couplings: " + (", ".join(f"{name} = {float(value)!r}" for name, value in model.params.items()) or "none"),
            "; ".join(numbers),
            f"units: {units}",
        ]

    @property
    def rms_radius(self) -> float:
        r"""Root of the mean of r^2 over the energy density, :math:`\langle r^2\rangle^{1/2}`, about the origin.

        A rotating state has the energy density of E_Q. Infinite where the integral diverges, as that of a magnetic
        charge does; NaN where the density has both signs (a bounce).
        """
        return energy_radii(self)[0]

    @property
    def half_energy_radius(self) -> float:
        """The radius of the ball that has half of the energy; NaN where the density has both signs (a bounce)."""
        return energy_radii(self)[1]

    @property
    def _axis(self) -> str:
        return "x" if self.problem.on_line else "r"

    @property
    def _nodes(self) -> Array:
        nodes = self.grid.nodes
        return np.concatenate([-nodes[:0:-1], nodes]) if self.problem.on_line else nodes

    @property
    def _nodal(self) -> Array:
        return unfold(np.concatenate([self.u[:0:-1], self.u]), self._nodes) if self.problem.on_line else self.u

    @property
    def _names(self) -> tuple[str, ...]:
        return theory_of(self.problem.model).names_in_space


def folder_of(call: str, path: str | Path) -> Path:
    """The path of a file to write. Raises ValueError where its folder does not exist."""
    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(f"{call}: there is no folder {target.parent}: create it, or choose another path")
    return target
