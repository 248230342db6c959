"""Data of a solution branch: its points, its folds and bifurcations, and full states on request."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from ..problem.scales import Scales
from ..solvers.base import CONVERGED, Solution
from ..states.state import State, make_state

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Columns of the table: attribute of a point -> its meaning.
COLUMNS = {
    "omega": "frequency of the rotating state",
    "charge": "Q = omega N",
    "charged_energy": "E_Q = E + omega^2 N / 2, the energy of the rotating state",
    "energy_per_charge": "E_Q / (m Q), m the lightest mass of the quanta that carry the charge",
    "charge_slope": "dQ / domega at fixed couplings",
    "energy": "E[f], the static energy functional",
    "norm": "N",
    "multiplier": "omega^2",
    "action": "E - omega^2 N / 2; of a bounce its action S",
    "negative_modes": "negative modes at l = 0 (at fixed norm: of the constrained second variation)",
    "unstable_modes": "negative modes at l = 0 and, of a rotating state, at fixed norm",
    "residual": "relative dual residual",
    "discretisation": "estimated relative error of E from the mesh",
    "norm_slope": "dN / domega^2 at fixed couplings (Vakhitov-Kolokolov)",
    "identity": "relative violation of dE = omega^2/2 dN + E_p dp since the previous point",
    "steps": "corrector iterations",
}


@dataclass(frozen=True, eq=False)
class BranchPoint:
    """Numbers and fields of one converged state; ``state()`` gives the full state with its certificate."""

    units: ClassVar[dict[str, str]] = {
        "u": "field",
        "energy": "energy",
        "norm": "norm",
        "multiplier": "mass^2",
        "norm_slope": "norm/mass^2",
        "omega": "mass",
        "charge": "charge",
        "charged_energy": "energy",
        "charge_slope": "charge/mass",
    }

    # problem and fields
    problem: DiscreteProblem = field(repr=False)
    u: Array = field(repr=False)  # (n_nodes, n_fields)
    parameter: float
    # observables and stability
    energy: float
    norm: float
    multiplier: float
    negative_modes: int
    unstable_modes: int
    norm_slope: float  # NaN without norm or frequency
    # of the rotating state; NaN where nothing rotates
    omega: float
    charge: float
    charged_energy: float
    energy_per_charge: float
    charge_slope: float
    # accuracy
    residual: float
    discretisation: float
    identity: float  # NaN for a first point and for special points
    steps: int

    @property
    def action(self) -> float:
        return self.energy - 0.5 * self.multiplier * self.problem.norm_kinetic * self.norm

    @property
    def stable(self) -> bool:
        """No negative mode at l = 0: at fixed norm or frequency a minimum of E at its norm."""
        return self.unstable_modes == 0

    def state(self) -> State:
        """The full state with its certificate (computed once)."""
        return self._state

    @functools.cached_property
    def _state(self) -> State:
        return make_state(self.problem, Solution(self.u, self.multiplier, CONVERGED, self.residual, self.steps))


@dataclass(frozen=True)
class Units:
    """The units of a branch: the problem of its first state, and the scales in which it is followed."""

    problem: DiscreteProblem
    scales: Scales

    def restore(self, point: BranchPoint) -> BranchPoint:
        """A point in the user's units."""
        return replace(self.scales.restore(point), problem=self.scales.restore_problem(point.problem, self.problem))


@dataclass(frozen=True, eq=False)
class SpecialPoint:
    """A fold, a bifurcation, or an extremum of the norm, between the points ``after_index`` and the next.

    ``tolerance``: the error bound of ``parameter`` on this mesh. ``mode``: the critical direction (n_nodes, n_fields),
    of unit L2 norm; at a bifurcation, ``solve(problem, guess=point.u + a * mode)`` finds the other branches.
    ``point``: the state there; if none converged, the nearest one, and ``note`` gives the reason.
    """

    kind: str
    parameter: float
    tolerance: float
    after_index: int
    modes_before: int
    modes_after: int
    point: BranchPoint = field(repr=False)
    mode: Array | None = field(default=None, repr=False)
    note: str = ""

    def state(self) -> State:
        return self.point.state()

    def __repr__(self) -> str:
        change = f"negative modes {self.modes_before} -> {self.modes_after}"
        why = f"; {self.note}" if self.note else ""
        return f"{self.kind} at {self.parameter:.12g} (+- {self.tolerance:.1e}; {change}{why})"


class _States(Sequence[State]):
    """The certified states of a branch, each computed on first access."""

    def __init__(self, points: Sequence[BranchPoint]) -> None:
        self._points = points

    def __len__(self) -> int:
        return len(self._points)

    @overload
    def __getitem__(self, index: int) -> State: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[State]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return _States(self._points[index]) if isinstance(index, slice) else self._points[index].state()


@dataclass(frozen=True, eq=False)
class Branch:
    """A branch of states along ``parameter``, in the order in which it was followed.

    Attributes
    ----------
    parameter : str
        Name of the parameter that varies.
    points : tuple of BranchPoint
        The states in short: ``parameter``, ``energy``, ``norm``, ``multiplier``, ``action``, ``negative_modes``,
        ``stable``, ``residual`` and fields ``u``; ``point.state()`` is the full state with its certificate.
    special : tuple of SpecialPoint
        Folds, bifurcations and extrema of the norm, with ``kind``, ``parameter``, its ``tolerance``, and the critical
        direction ``mode`` of shape (n_nodes, n_fields).
    status : str
        The reason why the branch ends, for example ``"reached norm = 110"``.
    seconds : float
        Wall time.
    parameters, energies, norms, multipliers : ndarray of shape (n_points,)
        Values at the points.
    stable : ndarray of bool, shape (n_points,)
        Whether a point has no negative mode at l = 0; at fixed norm or frequency: whether it is a minimum of E at its
        norm. The rotating state is a Q-ball that is classically stable only if ``charge_slope`` < 0 too.
    folds, bifurcations : tuple of SpecialPoint
        The special points of that kind.
    states : sequence of State
        Full states with certificates, each computed when it is accessed.
    holds_norm : bool
        Whether the states have a fixed norm or frequency.
    reached : bool
        Whether the branch ends at the requested value.
    table : xarray.Dataset
        All numbers and fields.
    """

    parameter: str
    points: tuple[BranchPoint, ...] = field(repr=False)
    special: tuple[SpecialPoint, ...]
    status: str
    seconds: float

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[BranchPoint]:
        return iter(self.points)

    def values(self, name: str) -> Array:
        """One number of every point, of shape (n_points,).

        Parameters
        ----------
        name : str
            ``"parameter"`` or a column of ``table``, for example ``"energy"`` or ``"norm_slope"``; another name is a
            ValueError.
        """
        if name not in ("parameter", *COLUMNS):
            raise ValueError(f"branch: there is no column {name!r}: choose from {', '.join(('parameter', *COLUMNS))}")
        return np.array([getattr(point, name) for point in self.points])

    @property
    def parameters(self) -> Array:
        """Values of the parameter, of shape (n_points,)."""
        return self.values("parameter")

    @property
    def energies(self) -> Array:
        """Energies E, of shape (n_points,)."""
        return self.values("energy")

    @property
    def norms(self) -> Array:
        """Norms N, of shape (n_points,)."""
        return self.values("norm")

    @property
    def multipliers(self) -> Array:
        """omega^2 in mass^2, of shape (n_points,)."""
        return self.values("multiplier")

    @property
    def stable(self) -> Array:
        """Whether a point has no negative mode at l = 0 (at fixed norm, if any): bool, of shape (n_points,)."""
        return np.array([point.stable for point in self.points])

    @property
    def folds(self) -> tuple[SpecialPoint, ...]:
        """Special points at which the parameter turns back."""
        return tuple(item for item in self.special if item.kind == "fold")

    @property
    def bifurcations(self) -> tuple[SpecialPoint, ...]:
        """Changes of the number of negative modes that are not folds: another branch meets this one."""
        return tuple(item for item in self.special if item.kind == "bifurcation")

    @property
    def states(self) -> Sequence[State]:
        """Full states with certificates, each computed when it is accessed."""
        return _States(self.points)

    def state(self, index: int) -> State:
        """The full state at one point, with its certificate.

        Parameters
        ----------
        index : int
            Index into ``points``; negative ones count from the end.
        """
        return self.points[index].state()

    @property
    def holds_norm(self) -> bool:
        """Whether the states have a fixed norm or frequency."""
        first = self.points[0].problem
        return first.norm is not None or first.omega is not None

    @property
    def reached(self) -> bool:
        """Whether the branch ends at the requested value."""
        return self.status.startswith("reached")

    @functools.cached_property
    def table(self) -> xr.Dataset:
        """All numbers over the points, and the fields over points and radius, as an xarray.Dataset."""
        import xarray as xr

        first = self.points[0].problem
        variables: dict[str, Any] = {
            name: ("point", self.values(name), {"long_name": words}) for name, words in COLUMNS.items()
        }
        variables["stable"] = ("point", self.stable)
        for i, name in enumerate(first.model.fields):
            variables[f"field_{name}"] = (("point", "r"), np.stack([point.u[:, i] for point in self.points]))
        coords: dict[str, Any] = {
            self.parameter if self.parameter not in variables else "parameter": ("point", self.parameters)
        }
        coords["r"] = ("r", first.grid.nodes, {"units": "1/mass"})
        return xr.Dataset(variables, coords=coords, attrs={"parameter": self.parameter, "status": self.status})

    def plot(
        self, ax: Axes | None = None, *, x: str | None = None, y: str | None = None, title: str | None = None
    ) -> Figure:
        """The numbers of the branch over its parameter, unstable parts dashed and special points marked.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw one number; a new figure if not given.
        x, y : str, optional
            Columns of ``table``: one number over another, for example ``x="charge", y="charged_energy"``; all that
            vary, over the parameter, if not given.
        title : str, optional
            Number of states and status if not given.

        Returns
        -------
        matplotlib Figure
            A notebook shows it; ``show()`` opens a window; ``savefig(path)`` writes it.
        """
        from ..plotting.branch import plot_branch

        return plot_branch(self, ax, x=x, y=y, title=title)

    def __repr__(self) -> str:
        low, high = float(np.min(self.parameters)), float(np.max(self.parameters))
        stable = f"{int(np.sum(self.stable))} of them {'minima at fixed norm' if self.holds_norm else 'stable'}"
        marks = "; ".join(map(repr, self.special)) or "no folds, no bifurcations"
        return (
            f"Branch({len(self)} states, {stable}, {self.parameter} from {low:.6g} to {high:.6g}: "
            f"{marks}; {self.status})"
        )
