"""A stationary state: fields, energy, norm, certificate, and its netCDF file."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem, Problem
from ..problem.scales import Scales, on_scales, reduced
from ..solvers.base import Solution
from ..theory.base import AbstractModel, read_theory
from ..theory.whole_line import WholeLine, theory_of
from .certificate import Certificate, certify
from .headline import Number, headline, headline_rows, verdict
from .in_space import InSpace, folder_of
from .kinds import Kind
from .observables import half_radius
from .state_file import read_state_file, write_state_file
from .tunnelling import Tunnelling

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PROBLEM_SETTINGS = ("boundary", "norm", "omega", "norm_of", "parity", "background", "line")


@dataclass(frozen=True, eq=False)
class State(InSpace):
    """A solution: its fields, energy, norm, frequency and certificate.

    Attributes
    ----------
    problem : Problem
        The problem with the grid that it was solved on.
    solution : Solution
        The result of the solver.
    certificate : Certificate
        Accuracy and stability checks.
    energy : float
        The static energy functional E[f] of the fields, less that of the vacuum; a rotating state has E_Q.
    norm : float
        N.
    u : ndarray of shape (n_nodes, n_fields)
        Fields at the nodes; ``state(r)`` evaluates them at any radius. On a line, the even and then the odd parts of
        the fields, and ``state(x)`` gives the fields at any x.
    multiplier, omega : float
        omega^2 in mass^2, and the frequency omega in mass.
    action : float
        E - omega^2 N / 2; the Euclidean action of a bounce.
    charge, charged_energy : float
        Q = omega N and E_Q = E + omega^2 N / 2 of the rotating state.
    headline : list of Number
        The numbers by which the state is known, the most important first.
    observables : dict of str to float
        Numbers that the theory defines besides these, by name: a charge, an eigenvalue.
    half_radius : float
        Radius at which the fields have fallen to half, in 1/mass.
    rms_radius, half_energy_radius : float
        :math:`\\langle r^2\\rangle^{1/2}` over the energy density, and the radius of the ball that has half of it.
    status : str
        ``"converged"``, or the reason why not.
    converged : bool
        Whether the solver converged.
    grid : RadialGrid
        The grid of ``problem``.
    fields : xarray.Dataset
        The fields over r, or over x on a line.
    tunnelling : Tunnelling or None
        For a bounce, the minimum in its core and the bounces it was compared with; None otherwise, and after loading.
    """

    units: ClassVar[dict[str, str]] = {
        "solution": "result",
        "certificate": "result",
        "energy": "energy",
        "norm": "norm",
        "tunnelling": "result",
    }

    problem: DiscreteProblem
    solution: Solution
    certificate: Certificate
    energy: float
    norm: float
    tunnelling: Tunnelling | None = None

    @property
    def multiplier(self) -> float:
        """omega^2, in mass^2; 0 without norm or frequency."""
        return self.solution.multiplier

    @property
    def status(self) -> str:
        """``"converged"``, or the reason why not."""
        return self.solution.status

    @property
    def converged(self) -> bool:
        """Whether the solver converged."""
        return self.solution.converged

    @property
    def steps(self) -> int:
        """Number of steps of the solver."""
        return self.solution.steps

    @property
    def omega(self) -> float:
        """Frequency, in mass: the square root of ``multiplier``; NaN where that is negative (a false vacuum)."""
        return math.sqrt(self.multiplier) if self.multiplier >= 0 else float("nan")

    @property
    def action(self) -> float:
        """E - omega^2 N / 2, stationary at this state; the Euclidean action of a bounce."""
        return self.energy - 0.5 * self.multiplier * self.problem.norm_kinetic * self.norm

    @property
    def charge(self) -> float:
        """Q = omega k N of the rotating state Psi = e^{i omega t} f; k is the kinetic factor of its fields."""
        rotation = self.certificate.rotation
        return self.omega * self.problem.norm_kinetic * self.norm if rotation is None else rotation.charge

    @property
    def charged_energy(self) -> float:
        """E_Q = E + omega^2 N / 2, the energy of the rotating state; dE_Q/dQ = omega along a branch."""
        rotation = self.certificate.rotation
        return self.action + self.omega * self.charge if rotation is None else rotation.energy

    def __repr__(self) -> str:
        c = self.certificate
        numbers = ", ".join(f"{x.symbol} = {x.value:.{x.digits}g}" for x in headline(self))
        known = "certified" if c.certified else "; ".join(c.reasons)
        words = "; ".join(filter(None, (numbers, verdict(self), f"residual {c.residual:.1e}", known)))
        return f"State({c.kind} of {self._theory_name} in d = {self.grid.dim:g}: {words})"

    @property
    def _theory_name(self) -> str:
        return type(theory_of(self.problem.model)).__name__

    def table(self) -> list[tuple[str, str]]:
        """Rows of (name, value) that the command line and notebooks show."""
        c = self.certificate
        steps = f"{self.steps} step{'s' if self.steps != 1 else ''}"
        rows = [("kind", c.kind), ("status", f"{self.status} in {steps}, {self.solution.seconds:.2f} s")]
        rows += [*headline_rows(self), ("relative error of the energy", f"{c.energy_error:.1e}")]
        if self.tunnelling is not None:
            rows.append(("tunnelling", self.tunnelling.words))
        rows += [
            ("residual", f"{c.residual:.1e}"),
            ("virial identity", f"{c.virial:.1e}"),
            ("modes at ℓ = 0", c.modes_in_words),
            (f"translation mode (ℓ = {1 if self.problem.line is None else 0})", _shown(c.translation_mode, ".1e")),
            ("tail decay / mass gap", _shown(c.tail, ".6f")),
            ("norm in the outer tenth", _shown(c.boundary_fraction, ".1e")),
            ("distance to the solution", _shown(c.radius, ".1e")),
            ("certified", "yes" if c.certified else "no: " + "; ".join(c.reasons)),
        ]
        return rows

    def _repr_html_(self) -> str:
        from ..plotting import inline_figure, plot_state

        left = "style='text-align: left'"  # notebooks align cells to the right
        rows = "".join(
            f"<tr><th {left}>{html.escape(a)}</th><td {left}>{html.escape(b)}</td></tr>" for a, b in self.table()
        )
        table = f"<table><caption>{html.escape(self._theory_name)}</caption>{rows}</table>"
        picture = inline_figure(plot_state(self, certificate=True), "the fields over the radius")
        return f"<div style='display: flex; flex-wrap: wrap; gap: 1em; align-items: flex-start'>{table}{picture}</div>"

    @property
    def headline(self) -> list[Number]:
        """The numbers by which the state is known, the most important first: omega, Q, E_Q, ...; S; or E."""
        return headline(self)

    @property
    def half_radius(self) -> float:
        """Radius at which the fields that carry the norm (all, if none does) have fallen to half; NaN if nowhere."""
        carriers = self.problem.carries_norm > 0
        return half_radius(self, carriers if carriers.any() else np.ones(len(carriers), bool))

    @property
    def observables(self) -> dict[str, float]:
        """Numbers that the theory defines besides energy, norm and frequency, by name."""
        return theory_of(self.problem.model).observables(self)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        fields: Sequence[str] | None = None,
        r_max: float | None = None,
        certificate: bool = False,
        title: str | None = None,
    ) -> Figure:
        """Profiles of the fields over the radius, with the boundary values (dashed), as a matplotlib Figure.

        A notebook shows the figure; ``show()`` opens a window; ``savefig(path)`` writes it.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure if not given.
        fields : sequence of str, optional
            Names of the fields to draw; all if not given.
        r_max : float, optional
            Largest radius shown, in 1/mass; one that shows the soliton if not given.
        certificate : bool, default False
            Whether the checks of the state are written below.
        title : str, optional
            Its kind and first numbers if not given.
        """
        from ..plotting import plot_state, shown

        return shown(plot_state(self, ax, fields=fields, r_max=r_max, certificate=certificate, title=title))

    def save(self, path: str | Path) -> Path:
        """Write fields, problem and certificate to a netCDF file; an interrupted call leaves no partial file.

        Parameters
        ----------
        path : str or Path
            The file, by convention ``*.nc``; its folder must exist.

        Returns
        -------
        Path
            The same path.
        """
        target = folder_of("save", path)
        columns = dict(zip(self.problem.model.fields, self.u.T, strict=True))
        write_state_file(target, self._record(), self.grid.nodes, columns)
        return target

    def _record(self) -> dict[str, Any]:
        p, s = self.problem, self.solution
        return {
            "model": p.model.describe(),
            "grid": {"order": self.grid.order, "dim": self.grid.dim, "edges": self.grid.element_edges.tolist()},
            "problem": {name: getattr(p, name) for name in _PROBLEM_SETTINGS},
            "vacuum": p.vacuum.values.tolist(),
            "solution": {f.name: getattr(s, f.name) for f in fields(s) if f.name not in ("u", "history")},
            "certificate": asdict(self.certificate),
            "energy": self.energy,
            "norm": self.norm,
        }


def _shown(value: float, form: str) -> str:
    return "not applicable" if math.isnan(value) else format(value, form)


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(one) for one in value) if isinstance(value, list) else value


def make_state(
    problem: DiscreteProblem, solution: Solution, box: float | None = None, wanted: Kind | None = None
) -> State:
    """The state of a solution: measure energy, norm and certificate.

    ``box``: the relative error of the energy due to the box, if it was measured in a larger one. ``wanted``: a state of
    another kind is not certified.
    """
    inner, scales = reduced(problem)
    within = replace(
        solution, u=scales.reduce_fields(solution.u), multiplier=solution.multiplier / scales.unit("mass^2")
    )
    certificate = scales.restore(certify(inner, within, box, wanted))
    energy = inner.energy(within.u) * scales.unit("energy")
    return State(problem, solution, certificate, energy, inner.norm_of_state(within.u) * scales.unit("norm"))


def reduced_state(state: State) -> tuple[State, Scales]:
    """The state in dimensionless form, and its scales."""
    inner, scales = on_scales(state)
    solution = replace(state.solution, u=inner.u, multiplier=inner.multiplier)
    energy, norm = state.energy / scales.unit("energy"), state.norm / scales.unit("norm")
    return replace(state, problem=inner.problem, solution=solution, energy=energy, norm=norm), scales


def restored_state(state: State, original: Problem, scales: Scales) -> State:
    """A state of a dimensionless problem in the units of the problem that it stands for."""
    return replace(scales.restore(state), problem=scales.restore_problem(state.problem, original))


def load(path: str | Path, *, model: AbstractModel | None = None, trust: bool = False) -> State:
    """Read a state written by :meth:`State.save`; nothing is computed again.

    Parameters
    ----------
    path : str or Path
        The file.
    model : AbstractModel, optional
        The theory. It is needed where the potential is not a named function or class of a module that is imported,
        for example for a ``lambda``.
    trust : bool, default False
        Import the module or file of the theory that the state names, which runs it, if it is not imported yet.

    Returns
    -------
    State
        The state with its numbers as stored.

    Raises
    ------
    ValueError
        If the file is missing, damaged or not a state, or if the theory cannot be found or does not fit.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> path = state.save("qball.nc")
    >>> ss.load(path, model=model).energy == state.energy
    True
    """
    source = Path(path)
    record, _, data = read_state_file(source)
    if model is None:
        try:
            model = read_theory(record["model"], trust=trust)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"load: {source} holds a state of a theory that was not found ({error}): import its module first, pass "
                "it as load(path, model=Potential(...)), or, if you trust the file, load(path, trust=True)"
            ) from error
    stored = (model if record.get("problem", {}).get("line") is None else WholeLine(model)).fields
    if set(stored) != set(data):
        raise ValueError(
            f"load: {source} holds the fields {', '.join(data)}, the model has "
            f"{', '.join(model.fields)}: give the model of this state"
        )
    try:
        return _rebuilt(model, record, data)
    except Exception as error:  # only a file without a checksum, of an earlier version, can come here damaged
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"load: {source} holds no complete state ({reason}): use a copy of it") from error


def _rebuilt(model: AbstractModel, record: Mapping[str, Any], data: Mapping[str, Array]) -> State:
    grid = RadialGrid(order=record["grid"]["order"], dim=record["grid"]["dim"], edges=tuple(record["grid"]["edges"]))
    settings = dict(record["problem"])
    settings = {name: _as_tuples(value) for name, value in settings.items()}
    if settings.get("line") is not None:
        settings |= {"parity": "even", "background": None}  # both follow from the line
    problem = DiscreteProblem(model, grid, **settings)
    u = np.stack([data[name] for name in problem.model.fields], axis=1)
    certificate = Certificate.from_record(record["certificate"])
    return State(problem, Solution(u=u, **record["solution"]), certificate, record["energy"], record["norm"])
