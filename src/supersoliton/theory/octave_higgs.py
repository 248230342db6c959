"""The octave tower with a Higgs field, from the script ``parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from ..machine import jax_setup  # noqa: F401  (float64 before the first array)
from . import octave_mean_field, octave_vacuum
from .base import AbstractModel, Column, ComplexifiedFunction, PotentialFunction, check_coupling
from .octave_observables import compared_masses, mass_ratios, mean_higgs, mean_higgs_slope, octaves_in_core

_SPLIT = ("m0_squared", "g", "delta", "lambda_1", "lambda_2")  # couplings that single octaves may have
_HIGGS_RANGE = (1e-3, 1e2)  # accepted mean |Phi|, as in the script


def octave_higgs_potential(u: Any, p: Any, r: Any) -> Any:
    """V(Psi_0 ... Psi_{n-1}, Phi) of :class:`OctaveHiggs`."""
    psi, phi = u[:-1], u[-1]
    return _from_invariants(psi * psi, psi[:-1] * psi[1:], psi[:-2] * psi[2:], phi * phi, p)


def complexified_octave_higgs_potential(re: Any, im: Any, p: Any, r: Any) -> Any:
    """V of complex octaves, invariant under a common phase; equal to :func:`octave_higgs_potential` for real ones.

    Psi_o^2 becomes |Psi_o|^2 and Psi_o Psi_{o+k} becomes Re(Psi_o^* Psi_{o+k}); the Higgs field stays real.
    """
    a, b, phi = re[:-1], im[:-1], re[-1]
    nearest = a[:-1] * a[1:] + b[:-1] * b[1:]
    next_nearest = a[:-2] * a[2:] + b[:-2] * b[2:]
    return _from_invariants(a * a + b * b, nearest, next_nearest, phi * phi, p)


def _from_invariants(square: Any, nearest: Any, next_nearest: Any, phi2: Any, p: Any) -> Any:
    """V as a function of |Psi_o|^2, Re(Psi_o^* Psi_{o+1}), Re(Psi_o^* Psi_{o+2}) and Phi^2."""
    decay = jnp.exp2(-p["beta"] * jnp.arange(square.shape[0]))  # lambda(o) = lambda 2^(-beta o)
    m0_squared, g, delta = (_each(p, name, square) for name in ("m0_squared", "g", "delta"))
    self_interaction = jnp.sum(
        square * (0.5 * m0_squared + square * (0.25 * p["quartic_sign"] * g + 0.125 * delta * square))
    )
    coupling = jnp.sum(_each(p, "lambda_1", nearest) * decay[: nearest.shape[0]] * nearest)
    coupling += jnp.sum(_each(p, "lambda_2", next_nearest) * decay[: next_nearest.shape[0]] * next_nearest)
    higgs = phi2 * (0.5 * p["mu_squared"] + 0.25 * p["lambda_H"] * phi2)
    return self_interaction + coupling + higgs + p["g_yukawa"] * phi2 * jnp.sum(square)


def _each(p: Any, name: str, terms: Any) -> Any:
    """A coupling of each term: name_0, name_1, ... where these are given, else the common one."""
    own = [p.get(f"{name}_{o}", p[name]) for o in range(terms.shape[0])]
    return p[name] if all(value is p[name] for value in own) else jnp.stack(own)


def own_names(name: str, n_octaves: int) -> list[str]:
    """The names of a coupling's values for each octave or pair of octaves, in order."""
    return [f"{name}_{o}" for o in range(n_octaves - {"lambda_1": 1, "lambda_2": 2}.get(name, 0))]


@dataclass(frozen=True)
class OctaveHiggs(AbstractModel, kind="octave_higgs"):
    r"""Potential of n octave fields and one Higgs field, in units of a mass.

    .. math::
        V = \sum_o\left[\tfrac12 m_0^2\Psi_o^2 + \tfrac{s}{4} g\Psi_o^4 + \tfrac18\delta\Psi_o^6
          + 2^{-\beta o}(\lambda_1\Psi_o\Psi_{o+1} + \lambda_2\Psi_o\Psi_{o+2})\right]
          + \tfrac12\mu^2\Phi^2 + \tfrac14\lambda_H\Phi^4 + g_Y\Phi^2\sum_o\Psi_o^2 .

    The fields are ``psi_0``, ``psi_1``, ... and, last, ``phi``. A term with an octave beyond the last is absent.

    Parameters
    ----------
    n_octaves : int, default 12
        Number of octave fields.
    m0_squared : float, default 0.01
        Mass^2 of the octaves; may be negative.
    g : float, default 4.64
        Quartic coupling.
    quartic_sign : float, default -1.0
        Sign s of the quartic term: -1 (attractive) or 1 (repulsive).
    delta : float, default 0.2
        Sextic coupling; 0 or positive.
    beta : float, default 0.15
        Exponent by which the couplings between octaves fall.
    lambda_1 : float, default 1.0
        Coupling to the next octave.
    lambda_2 : float, default 3.141592653589793
        Coupling to the next octave but one.
    mu_squared : float, default -1.0
        Mass^2 of the Higgs field; negative for a symmetry-breaking vacuum.
    lambda_H : float, default 0.5
        Quartic coupling of the Higgs field; 0 or positive.
    g_yukawa : float, default 0.1
        Coupling of the octaves to the Higgs field.
    per_octave : dict of str to float, optional
        Couplings of single octaves: ``{"g_3": 0.5}`` is g of Psi_3, ``"lambda_1_3"`` couples Psi_3 and Psi_4. For
        ``m0_squared``, ``g``, ``delta``, ``lambda_1`` and ``lambda_2``; they are ``params`` like the others. See
        ``split``.

    Raises
    ------
    ValueError
        If ``n_octaves`` < 1, ``quartic_sign`` is not -1 or 1, a coupling is not a finite number or of no octave, or
        ``delta`` or ``lambda_H`` is negative (the energy would have no lower bound).

    Examples
    --------
    >>> model = ss.OctaveHiggs(n_octaves=2, m0_squared=0.5)
    >>> model.fields
    ('psi_0', 'psi_1', 'phi')
    >>> model.replace(g=1.0).params["g"]
    1.0
    """

    n_octaves: int = 12
    m0_squared: float = 0.01
    g: float = 4.64
    quartic_sign: float = -1.0
    delta: float = 0.2
    beta: float = 0.15
    lambda_1: float = 1.0
    lambda_2: float = math.pi
    mu_squared: float = -1.0
    lambda_H: float = 0.5
    g_yukawa: float = 0.1
    per_octave: Any = field(default=None, hash=False)  # (with its type, no call OctaveHiggs(**floats) would type-check)

    structure: ClassVar[tuple[str, ...]] = ("n_octaves", "per_octave")
    symbols: ClassVar[Mapping[str, str]] = {"psi": "Ψ", "phi": "Φ", "yukawa": "Y"}
    background: ClassVar[tuple[str, ...]] = ("phi",)
    columns: ClassVar[Mapping[str, Column]] = {
        "mass_ratio": Column("mass ratio", "mass of the Higgs mode over the lightest octave's, in the vacuum"),
        "octave_splitting": Column(
            "octave splitting", "mass of the heaviest octave mode over the lightest, in the vacuum"
        ),
        "octaves_in_core": Column(
            "octaves in the core", "number of octaves that reach half of the strongest one's amplitude", digits=3
        ),
        "higgs_mean": Column("mean Higgs field", "average of |Φ| over the box", in_table=False),
    }
    constraints: ClassVar[Mapping[str, str]] = {"higgs_mean": "the mean Higgs field lies between 1e-3 and 1e2"}
    closures: ClassVar[Mapping[str, tuple[str, ...]]] = octave_mean_field.CLOSURES

    def __post_init__(self) -> None:
        if isinstance(self.n_octaves, bool) or not isinstance(self.n_octaves, int | np.integer) or self.n_octaves < 1:
            raise ValueError(f"model.n_octaves must be an integer of at least 1, got {self.n_octaves!r}: try 12")
        if not isinstance(self.per_octave, Mapping | None):
            raise ValueError(
                f'model.per_octave must be a table of couplings, got {self.per_octave!r}: e.g. {{"g_3": 0.5}}'
            )
        for name in self.per_octave or {}:
            if name not in self._own:
                raise ValueError(f"model.per_octave has no coupling {name!r}: choose from {', '.join(self._own)}")
        for name, value in self.params.items():
            check_coupling("model", name, value)
        if not hasattr(self.quartic_sign, "aval") and self.quartic_sign not in (-1, 1):
            raise ValueError(
                f"model.quartic_sign must be -1 (attractive) or 1 (repulsive), got {self.quartic_sign!r}: choose one"
            )
        for name, value in self.params.items():
            if not name.startswith(("lambda_H", "delta")):
                continue
            if not hasattr(value, "aval") and value < 0:
                raise ValueError(
                    f"model.{name} must not be negative, got {value!r}: the energy would be unbounded below"
                )

    @property
    def _own(self) -> list[str]:
        """The names that ``per_octave`` may have."""
        return [one for name in _SPLIT for one in own_names(name, self.n_octaves)]

    @property
    def params(self) -> dict[str, Any]:
        return {**super().params, **(self.per_octave or {})}

    def replace(self, **couplings: Any) -> OctaveHiggs:
        """The same theory with other values of some couplings, those of single octaves included.

        Parameters
        ----------
        **couplings : float
            New values by name.
        """
        own = {name: couplings.pop(name) for name in self._own if name in couplings}
        if own:
            couplings["per_octave"] = {**(self.per_octave or {}), **own}
        return super().replace(**couplings)

    def split(self, *names: str) -> OctaveHiggs:
        """The same potential with a coupling of its own for each octave, to vary them one by one.

        Parameters
        ----------
        *names : str
            Couplings to split: ``"m0_squared"``, ``"g"``, ``"delta"``, ``"lambda_1"`` or ``"lambda_2"``.
        """
        for name in names:
            if name not in _SPLIT:
                raise ValueError(f"split: there is no {name!r} of each octave: choose from {', '.join(_SPLIT)}")
        own = {one: self.params[name] for name in names for one in own_names(name, self.n_octaves)}
        return self.replace(**{**own, **(self.per_octave or {})})

    @property
    def fields(self) -> tuple[str, ...]:
        return (*(f"psi_{o}" for o in range(self.n_octaves)), "phi")

    @property
    def potential_function(self) -> PotentialFunction:
        return octave_higgs_potential

    @property
    def complexified_potential(self) -> ComplexifiedFunction:
        return complexified_octave_higgs_potential

    @property
    def constrained(self) -> np.ndarray:
        return np.arange(self.n_octaves + 1) < self.n_octaves

    def follow(self, u: np.ndarray) -> np.ndarray:
        """Fields in which the Higgs field minimises V at each radius, given the octaves.

        lambda_H Phi^2 = -mu^2 - 2 g_Y sum Psi^2, or 0 where that is negative; unchanged if lambda_H = 0.

        Parameters
        ----------
        u : ndarray of shape (n_nodes, n_fields)
            Fields of a start.
        """
        if self.lambda_H == 0:
            return u
        squared = (-self.mu_squared - 2.0 * self.g_yukawa * np.sum(u[:, :-1] ** 2, axis=1)) / self.lambda_H
        out = u.copy()
        out[:, -1] = np.sqrt(np.maximum(squared, 0.0))
        return out

    def lowest_minimum(self, held: np.ndarray) -> np.ndarray | None:
        return octave_vacuum.lowest_minimum(self, held)

    def record(self, state: Any) -> dict[str, float]:
        return {
            **mass_ratios(state.problem),
            "octaves_in_core": float(octaves_in_core(state)),
            "higgs_mean": mean_higgs(state),
        }

    def record_slopes(self, state: Any, fields: np.ndarray) -> dict[str, float]:
        return {"higgs_mean": mean_higgs_slope(state, fields)}

    def vacuum_ratios(self, vectors: np.ndarray) -> dict[str, tuple[int, int]]:
        return compared_masses(vectors)

    def violations(self, values: Mapping[str, float]) -> dict[str, float]:
        low, high = _HIGGS_RANGE
        return {"higgs_mean": max(low - values["higgs_mean"], values["higgs_mean"] - high)}

    def effective_couplings(
        self, closure: str, fluctuation: float, fields: np.ndarray, weights: np.ndarray
    ) -> dict[str, float]:
        if self.per_octave:
            raise ValueError(
                f"self_consistent: {closure} feeds back common couplings, but per_octave has some of single octaves: "
                "leave them out"
            )
        if closure == "hartree":
            return octave_mean_field.hartree(self.params, fields, weights, fluctuation)
        return octave_mean_field.tangent(self.params, fields, weights)
