r"""What a field theory is to the rest of the program: a potential V(u; p, r) and a few facts about its fields.

The Lagrangian density of static fields is :math:`\tfrac12\sum_i k_i u_i'^2 + V(u; p, r)`. V is written once, in JAX;
its derivatives are taken from it automatically (:mod:`supersoliton.problem.functional`).
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

# The potential of a model: V(u, params, r) -> scalar, u of shape (n_fields,).
PotentialFunction = Callable[[Any, Mapping[str, Any], Any], Any]
# Its U(1)-symmetric extension V(re, im, params, r), re and im of shape (n_fields,), equal to V(re) at im = 0.
ComplexifiedFunction = Callable[[Any, Any, Mapping[str, Any], Any], Any]


class AbstractModel(ABC):
    """A theory of n real scalar fields.

    Concrete models are frozen dataclasses. ``potential_function`` must be the *same object* for models that differ
    only in the values of ``params``, so that a kernel is compiled once for all couplings.
    """

    @property
    @abstractmethod
    def fields(self) -> tuple[str, ...]:
        """Names of the fields."""

    @property
    @abstractmethod
    def params(self) -> dict[str, Any]:
        """The couplings, by name. Numbers, or JAX scalars when one differentiates with respect to them."""

    @property
    @abstractmethod
    def potential_function(self) -> PotentialFunction:
        """V(u, params, r)."""

    @property
    @abstractmethod
    def constrained(self) -> np.ndarray:
        """Boolean mask, shape (n_fields,): the fields that carry the norm N = int sum u^2."""

    @property
    def complexified_potential(self) -> ComplexifiedFunction | None:
        """V(re, im, params, r) of the theory in which the constrained fields are complex and rotate with one phase.

        The same object for models that differ only in ``params``; None where the model does not say (then it cannot be
        derived: psi_0 psi_1 may stand for Re(psi_0* psi_1) or for |psi_0| |psi_1|).
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

    def follow(self, u: np.ndarray) -> np.ndarray:
        """Starting fields (n_nodes, n_fields) in which the unconstrained ones are adapted to the constrained ones.

        Only the quality of a start depends on it. Here they stay as they are.
        """
        return u

    @abstractmethod
    def replace(self, **couplings: Any) -> Self:
        """The same theory with other values of some couplings."""


def check_coupling(owner: str, name: str, value: Any) -> None:
    """Raise ValueError unless ``value`` is a finite number (JAX tracers pass: they have no value yet)."""
    if hasattr(value, "aval"):
        return
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer | np.ndarray):
        raise ValueError(f"{owner}.{name} must be a number, got {value!r}: give a finite number")
    if not np.all(np.isfinite(value)):
        raise ValueError(f"{owner}.{name} must be finite, got {value!r}: give a finite number")


def replace_fields(model: Any, names: tuple[str, ...], couplings: Mapping[str, Any]) -> Any:
    """``dataclasses.replace`` that names an unknown coupling and lists the known ones."""
    for name in couplings:
        if name not in names:
            raise ValueError(f"{type(model).__name__} has no coupling {name!r}: choose from {', '.join(names)}")
    return dataclasses.replace(model, **couplings)
