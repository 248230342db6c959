"""A potential written by the user."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..machine import (
    jax_setup,  # noqa: F401  (float64 before the first array)
    user_files,
)
from ..machine.arithmetic import current_call
from .base import AbstractModel, PotentialFunction, check_coupling
from .field_metric import by_slopes, check_positive_metric, kinetic_shapes, with_kinetic
from .tracing import TracedPotential, signature, surroundings


@dataclass(frozen=True)
class Potential(AbstractModel, kind="potential"):
    r"""A theory given by its potential V(u, p) or V(u, p, r), written with ``jax.numpy``.

    Parameters
    ----------
    function : callable
        ``V(u, p) -> scalar``, with u of shape (n_fields,) and p the dict of couplings. A third argument named ``r``
        receives the radius (a trap). What the function reads besides its arguments (globals, closures) may change:
        the potential follows.
    fields : sequence of str, default ("u",)
        Names of the fields.
    params : dict of str to float, optional
        Couplings with their values.
    constrained : sequence of str, optional
        Names of the fields that carry the norm; all fields if not given.
    kinetic : sequence of float or callable, optional
        Factors k_i > 0 of the gradient terms :math:`\tfrac12 k_i u_i'^2`; ones if not given. Or a function
        ``K(u, p)``, written with ``jax.numpy``, for :math:`\tfrac12 u'^TK(u; p)u'` (a sigma model, a heavy field
        integrated out): a symmetric positive matrix (n_fields, n_fields), or its diagonal (n_fields,).
        The norm of rotating fields is then :math:`N = \int u_c^TK(u)\,u_c`.
    radius : bool, default False
        Whether the third argument is the radius although it is not named ``r``.

    Raises
    ------
    ValueError
        If JAX cannot evaluate the function on an array of shape (n_fields,), if it does not return one real number, or
        if names, couplings or factors do not fit.

    Examples
    --------
    >>> ss.Potential(lambda u, p: 0.5 * u[0]**2 - 0.25 * p["g"] * u[0]**4, fields=("u",), params={"g": 1.0})
    Potential(u; g=1.0)

    A kinetic term that depends on the field, and the action of the bounce in three dimensions:

    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - u[0]**3 / 2, kinetic=lambda u, p: 1 + u**2)
    >>> print(f"{ss.bounce(model, [0.0]).action:.6f}")
    52.198702
    """

    function: Callable[..., Any]
    names: tuple[str, ...]
    couplings: dict[str, Any] = field(hash=False)
    constrained_fields: tuple[str, ...]
    kinetic_factors: tuple[float, ...]
    radius: bool
    kinetic_function: Callable[..., Any] | None = field(default=None)

    def __init__(
        self,
        function: Callable[..., Any],
        fields: Sequence[str] = ("u",),
        params: dict[str, Any] | None = None,
        *,
        constrained: Sequence[str] | None = None,
        kinetic: Sequence[float] | Callable[..., Any] | None = None,
        radius: bool = False,
    ) -> None:
        if not callable(function):
            raise ValueError(f"Potential: function must be callable as V(u, p), got {function!r}: give a function")
        names = _names("fields", fields)
        if not names or len(set(names)) != len(names) or not all(isinstance(n, str) and n for n in names):
            raise ValueError(f"Potential: fields must be distinct names, got {fields!r}: e.g. fields=('u', 'v')")
        chosen = names if constrained is None else _names("constrained", constrained)
        if any(name not in names for name in chosen):
            raise ValueError(f"Potential: constrained must name fields among {names}, got {constrained!r}: correct it")
        try:
            given: Any = None if callable(kinetic) else kinetic
            factors = (1.0,) * len(names) if given is None else tuple(float(k) for k in given)
        except (TypeError, ValueError):
            factors = ()
        if len(factors) != len(names) or not all(np.isfinite(k) and k > 0 for k in factors):
            raise ValueError(
                f"Potential: kinetic must be {len(names)} positive numbers or a function K(u, p), got {kinetic!r}: "
                "correct it"
            )
        if params is not None and not isinstance(params, Mapping):
            raise ValueError(f"Potential: params must be a dict of couplings, got {params!r}: e.g. params={{'g': 1.0}}")
        values = dict(params or {})
        for name, value in values.items():
            check_coupling("Potential.params", name, value)
        _check_third_argument(function, radius)
        for attribute, value in (
            ("function", function),
            ("names", names),
            ("couplings", Couplings(values)),
            ("constrained_fields", chosen),
            ("kinetic_factors", factors),
            ("radius", radius),
            ("kinetic_function", kinetic if callable(kinetic) else None),
        ):
            object.__setattr__(self, attribute, value)
        self._check_function()

    def _check_function(self) -> None:
        out = self._traced.out
        self._check_indices()
        shape, dtype = getattr(out, "shape", None), getattr(out, "dtype", None)
        if shape == () and dtype in (jnp.float32, jnp.float16, jnp.bfloat16):
            raise ValueError(
                f"Potential: the function returns {dtype}, which has too few digits: "
                "do not convert to it (no jnp.float32), and let the fields' float64 stand"
            )
        if shape != () or dtype != jnp.float64:
            raise ValueError(
                f"Potential: the function must return one real number, got shape {shape} of type {dtype}: "
                "sum over the fields, and take u[0] rather than u for a single field"
            )

        if self.kinetic_function is not None:
            _check_kinetic(self.kinetic_function, len(self.names), self.couplings)

    @functools.cached_property
    def _whole(self) -> Potential | None:
        """The energy density as a potential of z = (u, u'), which has its trace; None for constant kinetic factors."""
        if self.kinetic_function is None:
            return None
        function = self.function if _takes_radius(self.function, self.radius) else _without_radius(self.function)
        names = (*self.names, *(f"{name}'" for name in self.names))
        return Potential(with_kinetic(function, self.kinetic_function), names, dict(self.couplings), radius=True)

    @property
    def density_function(self) -> PotentialFunction | None:
        return None if self._whole is None else self._whole.potential_function

    def kinetic_at(self, u: np.ndarray, r: float) -> np.ndarray:
        if self._whole is None:
            return self.kinetic
        return by_slopes(self._whole.potential_function, self.params, np.asarray(u, float), r)

    def field_units(self, around: np.ndarray) -> np.ndarray:
        if self._whole is None:
            return self.kinetic
        matrix = self.kinetic_at(around, 0.0)
        check_positive_metric("Potential", matrix, np.asarray(around, float))
        return np.diagonal(matrix).copy()

    def _trace(self) -> TracedPotential:
        """The function as JAX traces it now."""
        function = self.function if _takes_radius(self.function, self.radius) else _without_radius(self.function)
        try:
            traced = TracedPotential(function, len(self.names), self.couplings)
        except Exception as error:
            raise ValueError(f"Potential: {_why_it_failed(error, self.couplings)}") from error
        self.__dict__["_traced_as"] = surroundings(self.function), traced, current_call()
        return traced

    @property
    def _traced(self) -> TracedPotential:
        """The function as traced; traced again if what it reads has changed since the last call of the package."""
        known, call = self.__dict__.get("_traced_as"), current_call()
        if known is None or ((call is None or known[2] is not call) and known[0] != surroundings(self.function)):
            return self._trace()
        traced: TracedPotential = known[1]
        self.__dict__["_traced_as"] = *known[:2], call
        return traced

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_traced_as"}

    def _check_indices(self) -> None:
        """Raise ValueError for an index out of range, which NumPy reports and JAX clamps silently."""
        try:
            more = (0.5,) if _takes_radius(self.function, self.radius) else ()
            self.function(np.full(len(self.names), 0.5), self.params, *more)
        except IndexError as error:
            raise ValueError(
                f"Potential: the function failed on {len(self.names)} field(s): {error}: list all fields in fields="
            ) from error
        except Exception:  # noqa: BLE001  (a function that works in JAX may fail on NumPy arrays)
            return

    @property
    def fields(self) -> tuple[str, ...]:
        return self.names

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.couplings)

    @property
    def explicit_r(self) -> bool:
        return self._traced.depends_on_r

    @property
    def potential_function(self) -> PotentialFunction:
        return self._traced

    @property
    def constrained(self) -> np.ndarray:
        return np.array([name in self.constrained_fields for name in self.names])

    @property
    def kinetic(self) -> np.ndarray:
        return np.array(self.kinetic_factors)

    def replace(self, **couplings: Any) -> Potential:
        """The same potential with other values of some couplings.

        Parameters
        ----------
        **couplings : float
            New values by the names in ``params``.
        """
        for name in couplings:
            if name not in self.couplings:
                known = ", ".join(self.couplings) or "none"
                raise ValueError(f"Potential has no coupling {name!r}: its couplings are {known}")
        values = {**self.couplings, **couplings}
        for name, value in couplings.items():
            check_coupling("Potential.params", name, value)
        if signature(values) != self._traced.signature:
            kinetic = self.kinetic_function or self.kinetic_factors
            roles: dict[str, Any] = {"constrained": self.constrained_fields, "kinetic": kinetic}
            return Potential(self.function, self.names, values, radius=self.radius, **roles)
        other: Potential = object.__new__(Potential)
        other.__dict__.update(self.__dict__, couplings=Couplings(values))
        return other

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "function": user_files.location(self.function),
            "fields": list(self.fields),
            "params": {name: float(value) for name, value in self.couplings.items()},
            "constrained": list(self.constrained_fields),
            "kinetic": list(self.kinetic_factors)
            if self.kinetic_function is None
            else user_files.location(self.kinetic_function),
            **({"radius": True} if self.radius else {}),
        }

    @classmethod
    def from_description(cls, values: Mapping[str, Any]) -> Potential:
        """The potential from what ``describe`` returns; its function must be one of an importable module."""
        settings = dict(values)
        if isinstance(settings.get("kinetic"), str):
            settings["kinetic"] = user_files.find("its kinetic matrix", settings["kinetic"])
        return cls(user_files.find("its function", settings.pop("function")), **settings)

    @property
    def source(self) -> Any:
        return self.function

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v}" for k, v in self.couplings.items())
        return f"Potential({', '.join(self.names)}; {values})" if values else f"Potential({', '.join(self.names)})"


def _names(argument: str, given: object) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    if isinstance(given, str):
        return (given,)
    if isinstance(given, Sequence) and all(isinstance(name, str) for name in given):
        return tuple(given)
    raise ValueError(f"Potential: {argument} must be names, got {given!r}: e.g. ('u', 'v')")


def _why_it_failed(error: Exception, couplings: Mapping[str, float]) -> str:
    """A short message for an error of the traced function, with a remedy."""
    if isinstance(error, jax.errors.TracerBoolConversionError):
        return "the function branches on the value of a field or of a coupling (if, while, and, or): use jnp.where"
    if isinstance(error, jax.errors.ConcretizationTypeError | jax.errors.TracerArrayConversionError):
        return (
            "the function uses a field or a coupling as a Python number or a NumPy array: "
            "write it with jax.numpy, not numpy, math, float() or int()"
        )
    if isinstance(error, KeyError):
        known = ", ".join(couplings) or "none"
        return f"the function uses p[{error}] but the couplings are {known}: add it to params="
    message = " ".join(str(error).split())
    return f"the function failed with {type(error).__name__}: {message[:200]}: write it as V(u, p) or V(u, p, r)"


def _arguments(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The positional arguments of a function."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built-in callables have no signature: assume V(u, p)
        return []
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _takes_radius(function: Callable[..., Any], radius: bool) -> bool:
    arguments = _arguments(function)
    return len(arguments) >= 3 and (radius or arguments[2].name == "r")


def _check_third_argument(function: Callable[..., Any], radius: bool) -> None:
    """Raise ValueError for required arguments that nothing is known about."""
    arguments = _arguments(function)
    if radius and len(arguments) < 3:
        raise ValueError("Potential: radius=True, but the function has no third argument: write it as V(u, p, r)")
    for p in arguments[2 + _takes_radius(function, radius) :]:
        if p.default is p.empty:
            raise ValueError(
                f"Potential: the function has the third argument {p.name}: name it r if it is the radius, "
                f"or put {p.name} into params and read it as p[{p.name!r}]"
                if p is arguments[2]
                else f"Potential: the function has the further argument {p.name}: put it into params"
            )


class _without_radius:
    """V(u, p) called as V(u, p, r)."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, u: Any, p: Any, r: Any) -> Any:
        return self.function(u, p)


def _check_kinetic(function: Callable[..., Any], n_fields: int, couplings: Mapping[str, Any]) -> None:
    """Raise ValueError unless K(u, p) can be traced and has the shape of a matrix or of its diagonal."""
    try:
        out = TracedPotential(_without_radius(function), n_fields, couplings).out
    except Exception as error:
        words = _why_it_failed(error, couplings).replace("V(u, p) or V(u, p, r)", "K(u, p)")
        raise ValueError(f"Potential: kinetic: {words}") from error
    shapes, shape = kinetic_shapes(n_fields), getattr(out, "shape", None)
    if shape not in shapes or out.dtype != jnp.float64:
        expected = " or ".join(map(str, shapes))
        raise ValueError(
            f"Potential: kinetic must return real numbers of shape {expected}, got shape {shape} of type "
            f"{getattr(out, 'dtype', type(out).__name__)}: return K(u, p) as a matrix or as its diagonal"
        )


class Couplings(dict[str, Any]):
    """The couplings of a potential, by name; read-only."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__((name, _frozen(value)) for name, value in values.items())

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("the couplings of a potential are read-only: use model.replace(name=value)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> Any:
        return Couplings, (dict(self),)


def _frozen(value: Any) -> Any:
    """An array of its own that cannot be written to; other values as they are."""
    if not isinstance(value, np.ndarray):
        return value
    out = np.array(value)
    out.flags.writeable = False
    return out
