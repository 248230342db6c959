"""A theory given by a radial energy density that the user writes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._checks import is_number
from ..machine import user_files
from .base import Ends, PotentialFunction
from .derivatives import point_kernels
from .potential import Potential
from .radial import RadialTheory
from .whole_line import fold

Line = tuple[Sequence[float], Sequence[float]]


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
    dim : float, optional
        The dimension d >= 1 of space; 3 if not given, and 1 with a ``line``.
    line : pair of sequences of float, optional
        For kinks: the fields at the left and at the right end of a whole line, in place of ``origin`` and ``infinity``.
        Then e is one of the position, on which it does not depend, and the fields of a state are the even and the odd
        parts of those named; the kink lies where the first field that differs at the ends is halfway between them.
    reference : callable, optional
        ``reference(r, p) -> scalar``, a density that is subtracted from e: then the energy is that above the reference,
        which is finite for global vortices and the like, whose energy within R grows with R.
    eliminate : sequence of str, default ()
        Fields without a dynamics of their own, such as :math:`A_0` or a Newtonian potential: at any values of the other
        fields they obey their own equation, :math:`\delta E/\delta A_0 = 0`. Negative modes are then those of the
        functional of the other fields alone, whose second variation is the Schur complement.

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
    line: Line | None
    given: tuple[str, ...]  # the names of the fields as the user gave them
    eliminate: tuple[str, ...] = ()

    def __init__(
        self,
        function: Callable[..., Any],
        fields: Sequence[str] = ("u",),
        params: dict[str, Any] | None = None,
        *,
        origin: Mapping[str, float] | None = None,
        infinity: Mapping[str, float] | None = None,
        dim: float | None = None,
        line: Line | None = None,
        reference: Callable[..., Any] | None = None,
        eliminate: Sequence[str] = (),
    ) -> None:
        if not callable(function):
            raise ValueError(f"Density: function must be callable as e(u, du, r, p), got {function!r}: give a function")
        if not (reference is None or callable(reference)):
            raise ValueError(f"Density: reference must be callable as e0(r, p), got {reference!r}: give a function")
        dim = (3 if line is None else 1) if dim is None else dim
        if not (is_number(dim) and float(dim) >= 1):
            raise ValueError(f"Density: dim must be at least 1, got {dim!r}: try 3")
        names = (fields,) if isinstance(fields, str) else tuple(fields)
        given = names
        if line is not None:
            if origin is not None or infinity is not None or dim != 1:
                raise ValueError("Density: line says both ends, in dim = 1: leave out origin, infinity and dim")
            names, line = tuple(f"{name}_{part}" for part in ("even", "odd") for name in names), _two_ends(line, names)
        try:
            at = _at if line is None else _on_both_sides
            of_both, slopes = functools.partial(at, function, reference), tuple(f"{name}'" for name in names)
            inner = Potential(of_both, (*names, *slopes), params, radius=True)
        except ValueError as error:
            text = str(error).replace("Potential", "Density").replace("V(u, p) or V(u, p, r)", "e(u, du, r, p)")
            raise ValueError(text) from error
        gone = (eliminate,) if isinstance(eliminate, str) else tuple(eliminate)
        if any(name not in given for name in gone) or len(set(gone)) != len(gone) or len(gone) == len(given):
            raise ValueError(
                f"Density: eliminate must name some of the fields {', '.join(given)}, not all of them, got "
                f"{eliminate!r}: correct it"
            )
        ends = Ends(_values("origin", origin, names), _values("infinity", infinity, names))
        ends = ends if line is None else _folded_ends(line)
        self.__dict__.update(function=function, reference=reference, inner=inner, values=ends, dim=dim, line=line)
        self.__dict__.update(given=given, eliminate=gone)

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
    def eliminated(self) -> tuple[str, ...]:
        if self.line is None:
            return self.eliminate
        return tuple(name for name in self.fields if name.rpartition("_")[0] in self.eliminate)

    @property
    def on_line(self) -> bool:
        return self.line is not None

    @property
    def names_in_space(self) -> tuple[str, ...]:
        return self.given

    @property
    def density_in_space(self) -> PotentialFunction:
        return self.density_function if self.line is None else _on_one_side(self.function, self.reference)

    @property
    def dimension(self) -> float:
        return self.dim

    def check_ends(self) -> None:
        super().check_ends()
        if self.line is None:
            return
        away = self.ends.outer * np.array([[0.3], [0.7]])
        radial = point_kernels(self.density_function).radial(np.tile(away, 2), self.params, np.array([1.0, 2.0]))
        if np.any(radial != 0.0):
            raise ValueError("Density: with a line e must not depend on r, or a kink cannot move: leave r out")

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
        params = {name: float(value) for name, value in self.params.items()}
        settings: dict[str, Any] = {"fields": list(self.given), "params": params}
        if self.line is None:
            ends = {side: _named(self.fields, values) for side, values in self.values._asdict().items()}
            settings |= {**ends, "dim": self.dim}
        else:
            settings["line"] = [list(side) for side in self.line]
        settings |= {"eliminate": list(self.eliminate)} if self.eliminate else {}
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


@functools.cache
def _on_one_side(function: Callable[..., Any], reference: Any) -> PotentialFunction:
    return functools.partial(_at, function, reference)


def _on_both_sides(function: Callable[..., Any], reference: Any, z: Any, p: Mapping[str, Any], r: Any) -> Any:
    """Half of e at r and at -r, from the even and the odd parts of the fields and their slopes."""
    even, odd, even_slope, odd_slope = jnp.split(jnp.asarray(z), 4)
    sides = ((even + odd, even_slope + odd_slope), (even - odd, odd_slope - even_slope))
    return 0.5 * sum(_at(function, reference, jnp.concatenate(side), p, r) for side in sides)


def _two_ends(line: Any, names: tuple[str, ...]) -> Line:
    """Checked values at the left and the right end."""
    try:
        given = np.asarray(line, dtype=float).reshape(2, len(names))
    except (TypeError, ValueError):
        given = np.full((2, 1), np.nan)
    if not np.all(np.isfinite(given)) or np.array_equal(given[0], given[1]):
        example = f"line=({[0.0] * len(names)}, {[1.0] * len(names)})"
        raise ValueError(f"Density: line must be two ends of {', '.join(names)} that differ, got {line!r}: {example}")
    return tuple(given[0].tolist()), tuple(given[1].tolist())


def _folded_ends(line: Line) -> Ends:
    """The ends of the even and the odd parts; one even part is held at the origin, or the kink could move."""
    middle, half = np.split(fold(*line), 2)
    held = int(np.flatnonzero(half)[0])
    even = tuple(float(middle[i]) if i == held else None for i in range(len(middle)))
    return Ends((*even, *(0.0,) * len(half)), tuple(np.concatenate([middle, half]).tolist()))


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
