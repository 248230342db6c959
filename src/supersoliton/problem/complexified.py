r"""The theory whose fields that carry the norm are complex: frequency, charge per norm, and V'' in im Psi.

A state at fixed norm or frequency is the profile of :math:`\Psi = e^{i\omega t}u`. The real potential is that of the
complex theory at im Psi = 0. For perturbations a + ib the second variation is L_+ in a and L_- in b,

.. math:: L_\pm = -\nabla^2 + V''_\pm - \omega^2,

with V''_- the Hessian in im Psi. For V(\|Psi_1\|, \|Psi_2\|, ...) it is diagonal, :math:`\partial_iV/u_i`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..theory.base import ComplexifiedFunction
from ..theory.derivatives import PointKernels, point_kernels
from .problem import DiscreteProblem

_ANGLE = 0.7  # rotation angle used to test the U(1) invariance of V
_SYMMETRY = 1e-9  # relative change of V above which it is not invariant
_VANISHES = 1e-14  # of its largest value: below it V'/u of a field is V''


@dataclass(frozen=True)
class _Doubled:
    """V(re, im) as a potential of 2n real fields. Hashable by its function, so that kernels are compiled once."""

    function: ComplexifiedFunction

    def __call__(self, u: Any, p: Any, r: Any) -> Any:
        n = u.shape[0] // 2
        return self.function(u[:n], u[n:], p, r)


def imaginary_curvature(
    problem: DiscreteProblem, u: Array, complexified: str | ComplexifiedFunction | None = None
) -> Float[Array, "point field field"]:
    r"""V''_- at the quadrature points: the Hessian in im Psi at im Psi = 0, zero for the fields that do not rotate.

    ``complexified``: "modulus", V(re, im, p, r), or None for that of the model.

    Raises
    ------
    ValueError : if the complexified potential is missing, not V for real fields, or not invariant under a common phase.
    """
    if complexified == "modulus":
        return _of_modulus(problem, u)
    if isinstance(complexified, str) or not (complexified is None or callable(complexified)):
        raise ValueError(
            'oscillations.complexified must be "modulus" or a function V(re, im, p, r), got '
            f"{complexified!r}: choose one"
        )
    function = complexified if complexified is not None else problem.model.complexified_potential
    if function is None:
        raise ValueError(
            f"oscillations: {problem.model!r} does not define its potential for complex fields: give "
            'complexified="modulus" (V of |u|, for a potential even in each rotating field) or V(re, im, p, r)'
        )
    points, radii, values = _at_points(problem, u)
    params = problem.model.params
    n, rotates = problem.model.n_fields, problem.carries_norm
    kernels = point_kernels(_Doubled(function))  # type: ignore[arg-type]
    at = np.concatenate([points, np.zeros_like(points)], axis=1)
    turned_re = points * np.where(rotates > 0, math.cos(_ANGLE), 1.0)
    turned = np.concatenate([turned_re, points * rotates * math.sin(_ANGLE)], axis=1)
    _expect_equal("equal to V for real fields", values, kernels.value(at, params, radii))
    _expect_equal("invariant under a common phase", values, kernels.value(turned, params, radii))
    hessian = kernels.hessian(at, params, radii)[:, n:, n:]
    return np.asarray(hessian * rotates[:, None] * rotates[None, :])


def known_imaginary_curvature(problem: DiscreteProblem, u: Array) -> Array | None:
    """V''_- where it follows from the theory: by the model, or V(|u|) for one field, or for V even in each; else None.

    Several fields with a coupling such as u_0 u_1 leave open whether it is Re(u_0* u_1) or |u_0 u_1|.
    """
    if problem.model.density_function is not None:  # its kinetic terms have imaginary parts of their own
        return None
    if problem.model.complexified_potential is not None:
        try:
            return imaginary_curvature(problem, u)
        except ValueError:  # it is not invariant under the phase of the fields in norm_of
            return None
    rotating = np.flatnonzero(problem.carries_norm > 0)
    points, radii, values = _at_points(problem, u)
    kernels = point_kernels(problem.model.potential_function)
    for i in rotating if len(rotating) > 1 else ():
        mirrored = points * np.where(np.arange(points.shape[1]) == i, -1.0, 1.0)
        if not _are_equal(values, kernels.value(mirrored, problem.model.params, radii)):
            return None
    try:
        return _of_modulus(problem, u)
    except ValueError:
        return None


def _of_modulus(problem: DiscreteProblem, u: Array) -> Array:
    """V''_- of V(|u|): the diagonal matrix of V_i/u_i, or of V_ii where u_i vanishes."""
    points, radii, values = _at_points(problem, u)
    rotates = problem.carries_norm > 0
    modulus = np.where(rotates, np.abs(points), points)
    kernels: PointKernels = point_kernels(problem.model.potential_function)
    params = problem.model.params
    _expect_equal("equal to V for real fields", values, kernels.value(modulus, params, radii))
    out = np.zeros((*points.shape, points.shape[1]))
    slopes = kernels.gradient(modulus, params, radii)
    second = kernels.hessian(modulus, params, radii)
    for i in np.flatnonzero(rotates):
        size = modulus[:, i]
        away = size > _VANISHES * float(np.max(size))
        out[:, i, i] = np.where(away, slopes[:, i] / np.where(away, size, 1.0), second[:, i, i])
    return out


def _at_points(problem: DiscreteProblem, u: Array) -> tuple[Array, Array, Array]:
    """Fields, radii and V at the quadrature points."""
    points = problem.grid.at_quadrature(u).reshape(-1, problem.model.n_fields)
    radii = problem.grid.quadrature_points.ravel()
    return points, radii, point_kernels(problem.model.potential_function).value(points, problem.model.params, radii)


def _are_equal(values: Array, others: Array) -> bool:
    return bool(np.max(np.abs(others - values)) <= _SYMMETRY * max(float(np.max(np.abs(values))), 1e-300))


def _expect_equal(name: str, values: Array, others: Array) -> None:
    if not _are_equal(values, others):
        raise ValueError(
            f"oscillations: the complexified potential is not {name}: it differs by "
            f"{float(np.max(np.abs(others - values))):.3g} on this state; correct complexified=, or norm_of= of the "
            "problem (all fields that rotate with the common phase)"
        )
