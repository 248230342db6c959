r"""The interface of a field theory: the potential V(u; p, r), and everything that is specific to its fields.

The Lagrangian density of static fields is :math:`\tfrac12\sum_i k_i u_i'^2 + V(u; p, r)`. V is written once, in JAX,
and differentiated automatically (:mod:`supersoliton.theory.derivatives`).

A theory is one class. It defines how files store it, what a trial records of its states and how its fields are shown;
no other file distinguishes between theories.
"""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from ..machine import user_files

# The potential of a model: V(u, params, r) -> scalar, u of shape (n_fields,).
PotentialFunction = Callable[[Any, Mapping[str, Any], Any], Any]
# Its U(1)-symmetric extension V(re, im, params, r), re and im of shape (n_fields,), equal to V(re) at im = 0.
ComplexifiedFunction = Callable[[Any, Any, Mapping[str, Any], Any], Any]


class Ends(NamedTuple):
    """Values of the fields at the origin and at infinity, (n_fields,) each; None where a field is free there."""

    origin: tuple[float | None, ...]
    infinity: tuple[float | None, ...]

    @property
    def inner(self) -> np.ndarray:
        """The values at the origin; of a field that is free there, that at infinity."""
        return np.array([b if a is None else a for a, b in zip(self.origin, self.outer, strict=True)])

    @property
    def outer(self) -> np.ndarray:
        """The values at infinity; 0 for a field that is free there."""
        return np.array([0.0 if value is None else value for value in self.infinity])

    @property
    def sizes(self) -> np.ndarray:
        """The largest modulus of each field at the ends; 1 where that is 0."""
        largest = np.maximum(np.abs(self.inner), np.abs(self.outer))
        return np.where(largest > 0.0, largest, 1.0)


# Theories by the name that files use, the default first; :mod:`supersoliton.theory` imports the built-in ones.
THEORIES: dict[str, type[AbstractModel]] = {}


@dataclasses.dataclass(frozen=True)
class Column:
    """A number that a trial records.

    ``label``: its name in plots and tables. ``meaning``: its definition in one sentence. ``unit``: in powers of mass,
    empty for a pure number. ``digits``: significant digits shown. ``in_table``: whether the report shows it in the
    table of the best trials, which always has the objectives, as well as in the panel of a trial.
    """

    label: str
    meaning: str = ""
    unit: str = ""
    digits: int = 4
    in_table: bool = True


class InGivenUnits:
    """Numbers in messages: a theory in other units overrides these to give those of the user."""

    def given_fields(self, values: np.ndarray) -> np.ndarray:
        """Field values (..., n_fields) in the units that the user gave."""
        return values

    def given_potential(self, value: float) -> float:
        """A value of V in the units that the user gave."""
        return value

    def given_length(self, value: float) -> float:
        """A radius in the units that the user gave."""
        return value

    def given_mass_squared(self, value: float) -> float:
        """A mass squared in the units that the user gave."""
        return value


class AbstractModel(ABC, InGivenUnits):
    """A theory of n real scalar fields.

    Concrete models are frozen dataclasses. ``potential_function`` must be the *same object* for models that differ
    only in the values of ``params``, so that a kernel is compiled once for all couplings.

    Class attributes, each with a default:

    ``structure``   dataclass fields that are not couplings (a number of fields)
    ``symbols``     stem or index of a field's or coupling's name -> its symbol, {"chi": "χ", "yukawa": "Y"}; not
                    needed for names of Greek letters
    ``background``  fields that plots always show and name, separate from the others
    ``columns``     the numbers that :meth:`record` returns, by name
    ``constraints`` the numbers that :meth:`violations` returns, by name, each as a clause ("the mean field is below 1")
    ``min_amplitude``  a trial is infeasible if the fields that carry the norm stay below this
    ``least_shift`` of the second variation in Newton steps, in natural units, where some fields carry no energy
    ``closures``    closure -> couplings that :meth:`effective_couplings` returns for it
    """

    kind: ClassVar[str]
    structure: ClassVar[tuple[str, ...]] = ()
    symbols: ClassVar[Mapping[str, str]] = {}
    background: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[Mapping[str, Column]] = {}
    constraints: ClassVar[Mapping[str, str]] = {}
    min_amplitude: ClassVar[float] = 0.1
    least_shift: ClassVar[float] = 0.0
    closures: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init_subclass__(cls, *, kind: str = "", **options: Any) -> None:
        """``kind`` is the name of the theory in files; without it, files use "file.py:Class" or "module:Class"."""
        super().__init_subclass__(**options)
        cls.kind = kind or user_files.location(cls)
        if kind:
            THEORIES[kind] = cls

    # Definition

    @property
    @abstractmethod
    def fields(self) -> tuple[str, ...]:
        """Names of the fields."""

    @property
    @abstractmethod
    def potential_function(self) -> PotentialFunction:
        """The function V(u, params, r)."""

    @property
    def params(self) -> dict[str, Any]:
        """The couplings, by name. Numbers, or JAX scalars for derivatives with respect to them."""
        return {name: getattr(self, name) for name in _settings(type(self)) if name not in self.structure}

    @property
    def constrained(self) -> np.ndarray:
        """Boolean mask, shape (n_fields,): the fields that carry the norm N = int sum u^2."""
        return np.ones(len(self.fields), dtype=bool)

    @property
    def complexified_potential(self) -> ComplexifiedFunction | None:
        """V(re, im, params, r) of the U(1)-symmetric theory with complex constrained fields; None if not defined.

        The same object for models that differ only in ``params``. It does not follow from V: u_0 u_1 may stand for
        Re(u_0* u_1) or for |u_0| |u_1|.
        """
        return None

    @property
    def kinetic(self) -> np.ndarray:
        """Kinetic factors k_i > 0, shape (n_fields,)."""
        return np.ones(len(self.fields))

    @property
    def explicit_r(self) -> bool:
        """Whether V depends on r itself (a trap)."""
        return False

    @property
    def n_fields(self) -> int:
        return len(self.fields)

    # An energy density of another form: see :mod:`.radial`

    @property
    def density_function(self) -> PotentialFunction | None:
        """The energy density as a function (z, params, r) of z = (u, u'); None if it is the usual one."""
        return None

    @property
    def ends(self) -> Ends | None:
        """Values of the fields at the origin and at infinity that the theory itself demands."""
        return None

    @property
    def eliminated(self) -> tuple[str, ...]:
        """Fields without modes of their own, such as A_0: at any values of the others they obey their equation."""
        return ()

    @property
    def natural_units(self) -> tuple[float, float] | None:
        """A length, and the density times its square; None where they follow from the potential."""
        return None

    @property
    def dimension(self) -> float | None:
        """The dimension of space, where the theory has only one."""
        return None

    @property
    def has_channels(self) -> bool:
        """Whether fluctuations of angular momentum l > 0 are known."""
        return True

    @property
    def energy_unit(self) -> float:
        """The unit in which the literature gives energies: ``state.energy / theory.energy_unit``."""
        return 1.0

    def outer_radius(self, r: float) -> float:
        """The radius at which the vacuum of a box of radius ``r`` is taken."""
        return float(r) if self.explicit_r else 0.0

    def kinetic_at(self, u: np.ndarray, r: float) -> np.ndarray:
        """Second derivatives of the energy density by the u_i', of constant fields at a radius.

        The factors k_i, shape (n_fields,), or the matrix (n_fields, n_fields) of a theory with a density of its own.
        """
        return self.kinetic

    def field_units(self, around: np.ndarray) -> np.ndarray:
        """Kinetic factors of the fields near a homogeneous state, shape (n_fields,): 1/unit^2 of each field."""
        return self.kinetic

    def start(self, r: np.ndarray) -> np.ndarray | None:
        """Fields (n_nodes, n_fields) from which a solver starts without a guess; None if they follow from the ends."""
        return None

    def observables(self, state: Any) -> dict[str, float]:
        """Numbers of a State that are no ratio of its energy to ``energy_unit``, by name."""
        return {}

    @property
    def on_line(self) -> bool:
        """Whether the fields are the even and the odd parts of fields on a whole line."""
        return False

    @property
    def names_in_space(self) -> tuple[str, ...]:
        """Names of the fields in space, of which ``fields`` may be the even and the odd parts."""
        return self.fields

    @property
    def density_in_space(self) -> PotentialFunction | None:
        """The energy density of the fields in space and their slopes; None if it is the usual one."""
        return self.density_function

    def why_none(self) -> str | None:
        """Why there is no state at these couplings, where the theory knows it."""
        return None

    def cartesian(self, u: np.ndarray, points: np.ndarray) -> dict[str, np.ndarray]:
        """The fields of space that the radial ones ``u`` (..., n_fields) stand for at Cartesian ``points`` (..., d).

        Each by its name, components last; the default is that every field depends on the radius only.
        """
        return {name: u[..., i] for i, name in enumerate(self.fields)}

    def check_ends(self) -> None:
        """Raise ValueError where no state with the values of ``ends`` has a finite energy."""
        return

    def follow(self, u: np.ndarray) -> np.ndarray:
        """Starting fields (n_nodes, n_fields) with the unconstrained ones adapted to the constrained ones.

        Override it to improve starting guesses; the default returns ``u``.
        """
        return u

    def lowest_minimum(self, held: np.ndarray) -> np.ndarray | None:
        """The fields of the lowest minimum of V with the fields in the mask ``held`` at 0; None if it must be searched.

        Override it where a closed form is proved: it saves a search in every trial of a scan.
        """
        return None

    def replace(self, **couplings: Any) -> Self:
        """The same theory with other values of some couplings."""
        known = _settings(type(self))
        for name in couplings:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no coupling {name!r}: choose from {', '.join(known)}")
        return dataclasses.replace(self, **couplings)  # type: ignore[type-var]

    # Storage in files

    def describe(self) -> dict[str, Any]:
        """Plain data, including ``kind``, from which :func:`read_theory` restores the theory."""
        values = {name: getattr(self, name) for name in _settings(type(self))}
        couplings = {name: float(value) for name, value in values.items() if name not in self.structure}
        given = {name: value for name, value in values.items() if value is not None}
        return {"kind": self.kind, **given, **couplings}

    @classmethod
    def from_description(cls, values: Mapping[str, Any]) -> Self:
        """The theory of a description without ``kind``. Raises ValueError for invalid values."""
        return cls(**values)

    @property
    def source(self) -> Any:
        """The user's function or class that defines V; None for a theory of this package.

        Its source code is part of the key of cached evaluations.
        """
        return None if type(self).__module__.startswith(f"{__package__}.") else type(self)

    # Records of a trial

    def record(self, state: Any) -> dict[str, float]:
        """The numbers of ``columns`` for a State."""
        return {}

    def record_slopes(self, state: Any, fields: np.ndarray) -> dict[str, float]:
        """Derivatives of the smooth numbers of :meth:`record` along a parameter; ``fields`` is du/dp at the nodes.

        The ratios of vacuum masses have theirs from :meth:`vacuum_ratios`.
        """
        return {}

    def vacuum_ratios(self, vectors: np.ndarray) -> Mapping[str, tuple[int, int]]:
        """Recorded ratios of vacuum masses, as (numerator, denominator), numbers of the ascending masses from 0.

        ``vectors`` (field, mass) are the modes of these masses.
        """
        return {}

    def violations(self, values: Mapping[str, float]) -> dict[str, float]:
        """The numbers of ``constraints`` from the recorded ``values``; positive values violate them."""
        return {}

    # Effective couplings

    def effective_couplings(
        self, closure: str, fluctuation: float, fields: np.ndarray, weights: np.ndarray
    ) -> dict[str, float]:
        """Couplings in the medium of a state with ``fields`` (element, point, field) at quadrature points."""
        return {}


@functools.cache
def _settings(cls: Any) -> tuple[str, ...]:
    """The names of the dataclass fields of a theory."""
    return tuple(field.name for field in dataclasses.fields(cls) if field.init)


def find_theory(
    where: str, kind: Any, base: Path | None = None, *, trust: bool = True
) -> tuple[type[AbstractModel], str]:
    """The class of a kind, and the kind with an absolute path.

    ``kind`` is a name in ``THEORIES``, "file.py:Class" or "module:Class"; ``where`` is the key to name in errors.
    Raises ValueError if there is no such theory.
    """
    if isinstance(kind, str) and kind in THEORIES:
        return THEORIES[kind], kind
    if not isinstance(kind, str) or ":" not in kind:
        known = ", ".join(THEORIES)
        raise ValueError(f'{where} must be one of {known}, or "file.py:Class", got {kind!r}: choose one.')
    resolved = user_files.resolve(where, kind, base or Path.cwd())
    cls = user_files.find(where, resolved, trust=trust)
    if not (isinstance(cls, type) and issubclass(cls, AbstractModel) and dataclasses.is_dataclass(cls)):
        raise ValueError(f"{where}: {resolved} must be a frozen dataclass that extends AbstractModel, got {cls!r}.")
    return cls, resolved


def read_theory(description: Mapping[str, Any], *, trust: bool = False) -> AbstractModel:
    """The theory with this :meth:`AbstractModel.describe`. Raises ValueError if its class cannot be found.

    Modules that the description names are imported only with ``trust``.
    """
    values = dict(description)
    for name in () if trust else ("function", "reference", "potential", "kinetic"):
        if ":" in (function := str(values.get(name, ""))):
            user_files.check_imported(function)
    cls, _ = find_theory("model", values.pop("kind"), trust=trust)
    return cls.from_description(values)


def check_coupling(owner: str, name: str, value: Any) -> None:
    """Raise ValueError unless ``value`` is a finite number (JAX tracers pass: they have no value yet)."""
    if hasattr(value, "aval"):
        return
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer | np.ndarray):
        raise ValueError(f"{owner}.{name} must be a number, got {value!r}: give a finite number")
    if not np.all(np.isfinite(value)):
        raise ValueError(f"{owner}.{name} must be finite, got {value!r}: give a finite number")
