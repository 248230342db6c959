"""A theory given by a radial energy density that the user writes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._checks import is_number
from ..machine import user_files
from .base import Ends, PotentialFunction
from .potential import Potential
from .radial import RadialTheory


@dataclass(frozen=True)
class Density(RadialTheory, kind="density"):
    r"""A theory given by its radial energy density, with values of the fields at the origin and at infinity.

    .. math:: E = S_d\int_0^\infty r^{d-1}\,e(u, u', r; p)\,dr,\qquad S_2 = 2\pi,\ S_3 = 4\pi .

    Parameters
    ----------
    function : callable
        ``e(u, du, r, p) -> scalar``, written with ``jax.numpy``: the fields u and their slopes du, of shape (n_fields,)
        each, the radius and the dict of couplings. The weight :math:`S_dr^{d-1}` is not part of it. It is never
        evaluated at r = 0.
    fields : sequence of str, default ("u",)
        Names of the fields.
    params : dict of str to float, optional
        Couplings with their values.
    origin : dict of str to float, optional
        Values of fields at the origin; a field that is not in it is free there.
    infinity : dict of str to float, optional
        Values of the fields at infinity, where e must be stationary.
    dim : float, default 3
        The dimension d >= 1 of space.
    reference : callable, optional
        ``reference(r, p) -> scalar``, a density that is subtracted from e: then the energy is that above the reference,
        which is finite for global vortices and the like, whose energy within R grows with R.

    Raises
    ------
    ValueError
        If JAX cannot evaluate the function, if it does not return one real number, or if names, values or couplings do
        not fit. That the ends allow a finite energy is checked where a problem is solved.

    Examples
    --------
    The vortex at critical coupling, whose energy is exactly pi:

    >>> def e(u, du, r, p):
    ...     (f, a), (df, da) = u, du
    ...     return (df**2 + (da**2 + (1 - a)**2 * f**2) / r**2 + p["lam"] / 4 * (1 - f**2)**2) / 2
    >>> ends = {"origin": {"f": 0.0, "a": 0.0}, "infinity": {"f": 1.0, "a": 1.0}}
    >>> model = ss.Density(e, fields=("f", "a"), params={"lam": 1.0}, dim=2, **ends)
    >>> print(f"{ss.solve(ss.Problem(model)).energy:.10f}")
    3.1415926536
    """

    function: Callable[..., Any]
    reference: Callable[..., Any] | None
    inner: Potential  # the density as a potential of the 2n numbers (u, u'): its trace, couplings and checks
    values: Ends
    dim: float

    def __init__(
        self,
        function: Callable[..., Any],
        fields: Sequence[str] = ("u",),
        params: dict[str, Any] | None = None,
        *,
        origin: Mapping[str, float] | None = None,
        infinity: Mapping[str, float] | None = None,
        dim: float = 3,
        reference: Callable[..., Any] | None = None,
    ) -> None:
        if not callable(function):
            raise ValueError(f"Density: function must be callable as e(u, du, r, p), got {function!r}: give a function")
        if not (reference is None or callable(reference)):
            raise ValueError(f"Density: reference must be callable as e0(r, p), got {reference!r}: give a function")
        if not (is_number(dim) and float(dim) >= 1):
            raise ValueError(f"Density: dim must be at least 1, got {dim!r}: try 3")
        names = (fields,) if isinstance(fields, str) else tuple(fields)
        try:
            of_both, slopes = functools.partial(_at, function, reference), tuple(f"{name}'" for name in names)
            inner = Potential(of_both, (*names, *slopes), params, radius=True)
        except ValueError as error:
            text = str(error).replace("Potential", "Density").replace("V(u, p) or V(u, p, r)", "e(u, du, r, p)")
            raise ValueError(text) from error
        ends = Ends(_values("origin", origin, names), _values("infinity", infinity, names))
        self.__dict__.update(function=function, reference=reference, inner=inner, values=ends, dim=dim)

    @property
    def fields(self) -> tuple[str, ...]:
        return self.inner.names[: len(self.inner.names) // 2]

    @property
    def params(self) -> dict[str, Any]:
        return self.inner.params

    @property
    def density_function(self) -> PotentialFunction:
        return self.inner.potential_function

    @property
    def ends(self) -> Ends:
        return self.values

    @property
    def dimension(self) -> float:
        return self.dim

    def replace(self, **couplings: Any) -> Density:
        """The same density with other values of some couplings.

        Parameters
        ----------
        **couplings : float
            New values by the names in ``params``.
        """
        try:
            inner = self.inner.replace(**couplings)
        except ValueError as error:
            raise ValueError(str(error).replace("Potential", "Density")) from error
        other: Density = object.__new__(Density)
        other.__dict__.update(self.__dict__, inner=inner)
        return other

    def describe(self) -> dict[str, Any]:
        ends = {side: _named(self.fields, values) for side, values in self.values._asdict().items()}
        params = {name: float(value) for name, value in self.params.items()}
        settings = {"fields": list(self.fields), "params": params, **ends, "dim": self.dim}
        functions = {"function": self.function} | ({} if self.reference is None else {"reference": self.reference})
        return {"kind": self.kind, **{k: user_files.location(f) for k, f in functions.items()}, **settings}

    @classmethod
    def from_description(cls, values: Mapping[str, Any]) -> Density:
        """The density from what ``describe`` returns; its function must be one of an importable module."""
        settings = dict(values)
        for name in {"function", "reference"} & set(settings):
            settings[name] = user_files.find(f"its {name}", settings[name])
        return cls(**settings)

    @property
    def source(self) -> Any:
        return self.function

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v}" for k, v in self.params.items())
        return f"Density({', '.join(self.fields)}{'; ' if values else ''}{values})"


def _at(function: Callable[..., Any], reference: Any, z: Any, p: Mapping[str, Any], r: Any) -> Any:
    """e at z = (u, u'), less its reference."""
    half = len(z) // 2
    return function(z[:half], z[half:], r, p) - (0.0 if reference is None else reference(r, p))


def _named(fields: tuple[str, ...], values: tuple[float | None, ...]) -> dict[str, float]:
    return {name: value for name, value in zip(fields, values, strict=True) if value is not None}


def _values(side: str, given: Any, names: tuple[str, ...]) -> tuple[float | None, ...]:
    """The values of all fields at one end, None where a field is free."""
    example = f"{side}={{{names[0]!r}: 1.0}}"
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(f"Density: {side} must be a dict of values by field, got {given!r}: e.g. {example}")
    for name, value in (given or {}).items():
        if name not in names:
            raise ValueError(f"Density: {side} names {name!r}, which is no field: choose from {', '.join(names)}")
        if not (is_number(value) and math.isfinite(value)):
            raise ValueError(f"Density: {side} of {name} must be a finite number, got {value!r}: e.g. {example}")
    return tuple(None if name not in (given or {}) else float((given or {})[name]) for name in names)
