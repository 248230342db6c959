r"""Training of the network of a branch on solutions of its Galerkin equations.

At random couplings between and beyond the seeds, Newton's method solves the Galerkin equations
(:mod:`..guesses.trained.galerkin`) from the prediction of the regression. The network is fitted to these roots and to
the seeds, with the loss

.. math:: L = \frac{1}{\bar w^2}\Big\langle |c_\theta(x) - c^*(x)|^2\Big\rangle,\qquad \Phi^TF(c^*(x); x) = 0.

A loss on the residual itself costs forty times as much per point and reaches a larger error
(`docs/development/warm_start.md`). The network is in single precision; equal inputs give equal bits on one machine.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..config.configuration import Config
from ..config.warm_start import WarmStartSettings
from ..guesses.trained.box import Box
from ..guesses.trained.carriers import carriers_of, oriented
from ..guesses.trained.galerkin import GalerkinPoint, correct
from ..guesses.trained.library import BranchModel
from ..guesses.trained.network import Network
from .seeds import problem_at

if TYPE_CHECKING:
    import jax
    import optax

Tree = Any  # arrays in containers or modules of Equinox: what JAX calls a pytree

ROUNDS = 10
_BATCH = 256
_RATE = 3e-3
_BEYOND = 0.3  # a new point lies between two seeds, or beyond one by up to this fraction of their distance
_ROOT = 1e-3  # largest residual on the mesh of a root in the basis
_CORRECTIONS = 8
_HELD_OUT = 0.1  # fraction of the new points that are held out, to decide when to stop
_SMALLEST_SCALE = 1e-3  # relative to the largest scale of a coefficient


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Training data of a network: coordinates and coefficients in single precision, the seeds first."""

    x: Float[Array, "point coupling"]
    coefficients: Float[Array, "point mode"]
    held_x: Float[Array, "held coupling"]
    held: Float[Array, "held mode"]
    scales: Float[Array, " mode"]
    size: float  # rms L2 norm of the states


@dataclass(frozen=True, eq=False)
class Training:
    """A network between two rounds: the state of Adam, the best network so far, and the curve of the loss."""

    leaves: tuple[Array, ...]  # parameters and moments, in the order of the pytree
    best: tuple[Array, ...]  # parameters
    curve: tuple[tuple[int, float, float], ...] = ()  # step, rms error on the training data, on the held-out data
    waited: int = 0  # rounds since the best network

    def is_over(self, settings: WarmStartSettings) -> bool:
        return len(self.curve) >= ROUNDS or self.waited >= settings.patience or settings.steps == 0


def require_packages() -> None:
    """Raises ValueError, with the install command, if Equinox or Optax is missing."""
    absent = [name for name in ("equinox", "optax") if importlib.util.find_spec(name) is None]
    if absent:
        raise ValueError(
            f"pretrain: networks need {' and '.join(absent)} (pip install {' '.join(absent)}): install it, or set "
            "[warm_start] networks = 1.0 to train none"
        )


def make_training_data(
    config: Config, settings: WarmStartSettings, box: Box, model: BranchModel, key: list[int]
) -> TrainingData:
    """The seeds of a branch, and new points with their roots; points without one (the branch has ended) are dropped."""
    random = np.random.default_rng(key)
    count = len(model.x)
    middle = problem_at(config, box, model.x[0])
    vacuum = np.zeros(0) if middle is None else middle.vacuum.values
    points, roots = [], []
    for _ in range(settings.fresh):
        one, other = model.x[random.integers(count)], model.x[random.integers(count)]
        share = random.uniform(-_BEYOND, 1.0 + _BEYOND, len(box.names))
        x = np.clip(one + share * (other - one), -1.2, 1.2)
        root = _root(config, box, model, x, vacuum)
        if root is not None:
            points.append(x)
            roots.append(root)
    held = int(_HELD_OUT * len(points))
    fresh_x, fresh = np.array(points).reshape(-1, len(box.names)), np.array(roots).reshape(-1, model.basis.size)
    x = np.concatenate([model.x, fresh_x[held:]])
    coefficients = np.concatenate([model.coefficients, fresh[held:]])
    spread = coefficients.std(axis=0)
    sizes = [np.sum(w * (model.basis.grid.mass @ w)) for w in map(model.basis.expand, model.coefficients)]
    return TrainingData(
        x=x.astype(np.float32),
        coefficients=coefficients.astype(np.float32),
        held_x=(fresh_x[:held] if held else model.x).astype(np.float32),
        held=(fresh[:held] if held else model.coefficients).astype(np.float32),
        scales=np.maximum(spread, _SMALLEST_SCALE * np.max(spread)).astype(np.float32),
        size=float(np.sqrt(np.mean(sizes))),
    )


def _root(config: Config, box: Box, model: BranchModel, x: Array, vacuum: Array) -> Array | None:
    problem = problem_at(config, box, x, vacuum)
    if problem is None or model.regression is None:
        return None
    point = correct(GalerkinPoint(problem, model.basis, model.regression(x)), _CORRECTIONS, tolerance=0.0)
    if not point.error < _ROOT or carriers_of(problem, point.u) != model.branch:
        return None
    return model.basis.project(oriented(problem, point.u) - problem.vacuum.values)


def new_training(settings: WarmStartSettings, n_couplings: int, n_modes: int, key: list[int]) -> Training:
    """A network with random weights."""
    arrays, _, optimiser = _new_network(settings, n_couplings, n_modes, _seed(key))
    import jax

    state = (arrays, optimiser.init(arrays))
    return Training(_leaves(state), tuple(np.asarray(a) for a in jax.tree.leaves(arrays)))


def train_round(settings: WarmStartSettings, data: TrainingData, training: Training, key: list[int]) -> Training:
    """One round, a tenth of the steps. The same arguments give the same bits."""
    import jax
    import jax.numpy as jnp

    sizes = data.x.shape[1], data.coefficients.shape[1]
    arrays, _, optimiser = _new_network(settings, *sizes, 0)
    structure = jax.tree.structure((arrays, optimiser.init(arrays)))
    arrays, moments = jax.tree.unflatten(structure, [jnp.asarray(a) for a in training.leaves])
    number = len(training.curve)
    ends = [settings.steps * k // ROUNDS for k in (number, number + 1)]
    keys = jax.random.split(jax.random.fold_in(jax.random.PRNGKey(_seed(key)), number), ends[1] - ends[0])
    run = _kernel(settings.width, settings.depth, settings.steps, *sizes)
    arrays, moments, learnt, held = run(arrays, moments, keys, _padded(settings, data))
    curve = (*training.curve, (ends[1], float(learnt), float(held)))
    better = float(held) <= min((point[2] for point in training.curve), default=np.inf)
    best = tuple(np.asarray(a) for a in jax.tree.leaves(arrays)) if better else training.best
    return Training(_leaves((arrays, moments)), best, curve, 0 if better else training.waited + 1)


@functools.lru_cache(maxsize=4)
def _kernel(width: int, depth: int, steps: int, n_couplings: int, n_modes: int) -> Callable[..., Any]:
    """(arrays, moments, keys, data) -> (arrays, moments, rms error, rms error on held-out data), compiled once."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optax

    _, static, optimiser = _build(width, depth, steps, n_couplings, n_modes, 0)

    def error(arrays: Tree, x: jax.Array, coefficients: jax.Array, data: Mapping[str, jax.Array]) -> jax.Array:
        away = jax.vmap(eqx.combine(arrays, static))(x) * data["scales"] - coefficients
        return jnp.mean(jnp.sum(away**2, axis=1)) / data["size"] ** 2

    @jax.jit
    def run(arrays: Tree, moments: Tree, keys: jax.Array, data: Mapping[str, jax.Array]) -> Tree:
        def step(carry: Tree, key: jax.Array) -> Tree:
            arrays, moments = carry
            chosen = jax.random.randint(key, (_BATCH,), 0, data["count"])
            value, slope = jax.value_and_grad(error)(arrays, data["x"][chosen], data["c"][chosen], data)
            moved, moments = optimiser.update(slope, moments)
            return (optax.apply_updates(arrays, moved), moments), value

        (arrays, moments), losses = jax.lax.scan(step, (arrays, moments), keys)
        held = error(arrays, data["held_x"], data["held"], data)
        return arrays, moments, jnp.sqrt(jnp.mean(losses[-50:])), jnp.sqrt(held)

    return run


def _padded(settings: WarmStartSettings, data: TrainingData) -> dict[str, Array | np.generic]:
    """The data with the same array shapes for all branches, so that they share one compiled kernel."""

    def filled(array: Array, length: int) -> Array:
        return np.concatenate([array, np.repeat(array[-1:], max(length - len(array), 0), axis=0)])

    held = max(int(_HELD_OUT * settings.fresh), settings.seeds)
    held_x, held_c = (np.resize(a, (held, a.shape[1])) for a in (data.held_x, data.held))  # repeats the points
    length = settings.fresh + settings.seeds
    return {
        "x": filled(data.x, length),
        "c": filled(data.coefficients, length),
        "count": np.int32(len(data.x)),
        "held_x": held_x,
        "held": held_c,
        "scales": data.scales,
        "size": np.float32(data.size),
    }


def network_of(settings: WarmStartSettings, data: TrainingData, training: Training) -> Network:
    """The best network so far, as NumPy arrays."""
    import jax

    arrays, _, _ = _new_network(settings, data.x.shape[1], data.coefficients.shape[1], 0)
    best = jax.tree.unflatten(jax.tree.structure(arrays), training.best)
    return Network(
        tuple(np.asarray(layer.weight) for layer in best.layers),
        tuple(np.asarray(layer.bias) for layer in best.layers),
        data.scales,
    )


def _new_network(
    settings: WarmStartSettings, n_couplings: int, n_modes: int, seed: int
) -> tuple[Tree, Tree, optax.GradientTransformation]:
    """(arrays, static parts, optimiser) of a new network."""
    return _build(settings.width, settings.depth, settings.steps, n_couplings, n_modes, seed)


def _build(
    width: int, depth: int, steps: int, n_couplings: int, n_modes: int, seed: int
) -> tuple[Tree, Tree, optax.GradientTransformation]:
    import equinox as eqx
    import jax
    import optax

    from ..machine import jax_setup

    jax_setup.enable_compilation_cache()
    key = jax.random.PRNGKey(seed)
    net = eqx.nn.MLP(n_couplings, n_modes, width, depth, activation=jax.nn.silu, dtype=np.float32, key=key)
    arrays, static = eqx.partition(net, eqx.is_inexact_array)
    return arrays, static, optax.adam(optax.cosine_decay_schedule(_RATE, max(steps, 1)))


def _leaves(state: Tree) -> tuple[Array, ...]:
    import jax

    return tuple(np.asarray(leaf) for leaf in jax.tree.leaves(state))


def _seed(key: list[int]) -> int:
    return int(np.random.SeedSequence(key).generate_state(1)[0])
