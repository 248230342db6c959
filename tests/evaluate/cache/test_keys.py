"""Keys change with every bit that an evaluation depends on, and with nothing else."""

import ast
import linecache
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import supersoliton
from supersoliton.config import load, loads
from supersoliton.evaluate.cache import keys
from supersoliton.evaluate.cache.memory import CachedEvaluate

PACKAGE = Path(supersoliton.__file__).parent
TABLES = {
    "model": {"n_octaves": 2, "m0_squared": 0.5, "lambda_1": 0.05},
    "grid": {"r_max": 16.0, "n_elements": 4, "order": 8},
    "problem": {"norm": 900.0, "guess": {"kind": "gaussian", "amplitude": 2.0}},
    "solver": {"tol": 1e-10},
    "spectrum": {"n_modes": 20, "ell": [0]},
    "score": {"null_samples": 20},
}
POINT = {"g": 0.6, "norm": 1200.0}


def key(tables=TABLES, point=POINT, potential=None):
    return keys.key_of(keys.settings_digest(loads(tables).to_dict(), potential), point)


def _leaves(tables, path=()):
    for name, value in tables.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _with(tables, path, value):
    name, *rest = path
    return {**tables, name: _with(tables[name], rest, value) if rest else value}


def test_the_last_bit_of_every_setting_and_coupling_changes_the_key():
    """Every number of the resolved tables, changed by one unit in the last place."""
    tables = loads(TABLES).to_dict()
    tables.pop("scan")
    seen = {keys.key_of(keys.settings_digest(tables, None), POINT)}
    count = 0
    for path, value in _leaves(tables):
        if isinstance(value, bool):
            other = not value
        elif isinstance(value, float):
            other = math.nextafter(value, math.inf)
        elif isinstance(value, int):
            other = value + 1
        elif isinstance(value, str):
            other = value + "x"
        else:
            other = [*value, 7]
        seen.add(keys.key_of(keys.settings_digest(_with(tables, path, other), None), POINT))
        count += 1
    for name, value in POINT.items():
        seen.add(keys.key_of(keys.settings_digest(tables, None), {**POINT, name: math.nextafter(value, 0.0)}))
        seen.add(keys.key_of(keys.settings_digest(tables, None), {k: v for k, v in POINT.items() if k != name}))
        count += 2
    assert count > 30
    assert len(seen) == count + 1


def test_the_order_of_names_and_the_scan_do_not():
    swapped = {name: TABLES[name] for name in reversed(TABLES)}
    scan = {"trials": 7, "seed": 3, "parameters": {"g": [0.5, 0.8]}, "cache_size": 5.0}
    assert key() == key(swapped) == key(point=dict(reversed(POINT.items()))) == key({**TABLES, "scan": scan})
    assert key(point={"g": np.float64(0.6), "norm": 1200}) == key()


def test_an_accelerator_has_entries_of_its_own(monkeypatch):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    host = key()
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert key() == host
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    assert key() != host


def test_similar_values_have_different_keys():
    different = [0, -0.0, False, None, "0", "i0", [], {}, [0.0], [[0.0]], "", 1, True, float("nan"), "nan", 2**53,
                 2**53 + 1, 10**400, {"a": {"b": 1}}, {"a": 1, "b": 1}, {"a.b": 1}]  # fmt: skip
    assert len({keys.digest_of(value) for value in different}) == len(different)
    assert keys.digest_of(3) == keys.digest_of(3.0)
    with pytest.raises(TypeError, match="cannot be part of a key"):
        keys.digest_of({"x": object()})


def test_a_configuration_read_again_has_the_same_key():
    """Workers are sent the resolved tables, in which a default of 3 has become 3.0."""
    again = loads(loads(TABLES).to_dict())
    assert keys.key_of(keys.settings_digest(again.to_dict(), None), POINT) == key()


def test_keys_are_the_same_in_every_process():
    code = (
        "from supersoliton.evaluate.cache import keys; from supersoliton.config import loads; import json, sys;"
        "settings = keys.settings_digest(loads(json.loads(sys.argv[1])).to_dict(), None); "
        "print(keys.key_of(settings, json.loads(sys.argv[2])))"
    )
    import json

    out = subprocess.run(
        [sys.executable, "-c", code, json.dumps(TABLES), json.dumps(POINT)], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == key()


def _imports(path):
    """Rooms that a file imports, anywhere in its code."""
    parts = path.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = parts[: len(parts) - node.level + 1]
            yield from ((*base, *(node.module or alias.name).split("."))[0] for alias in node.names)


def test_the_version_covers_every_room_that_an_evaluation_imports():
    reached, waiting = set(), ["evaluate", "config"]
    while waiting:
        room = waiting.pop()
        if room in reached or not (PACKAGE / room).is_dir():
            continue
        reached.add(room)
        files = [path for path in (PACKAGE / room).rglob("*.py") if "cache" not in path.parts]
        if room != "plotting":  # State.plot draws and returns no numbers
            waiting += [target for path in files for target in _imports(path)]
    assert {"evaluate", "config", "problem", "solvers", "fluctuations", "search", "elements", "theory"} <= reached
    assert reached & keys.NOT_NUMERICS <= {"plotting"}


def test_the_version_changes_with_a_source_file_and_with_a_package(tmp_path, monkeypatch):
    package = tmp_path / "supersoliton"
    for name in ("elements/grid.py", "scans/loop.py", "evaluate/cache/keys.py"):
        (package / name).parent.mkdir(parents=True)
        (package / name).write_text("x = 1\n")
    monkeypatch.setattr(keys, "__file__", str(package / "evaluate" / "cache" / "keys.py"))

    def version():
        keys.numerics_version.cache_clear()
        return keys.numerics_version()

    try:
        first = version()
        (package / "scans" / "loop.py").write_text("x = 2\n")
        (package / "evaluate" / "cache" / "keys.py").write_text("x = 2\n")
        assert version() == first
        (package / "elements" / "grid.py").write_text("x = 2\n")
        second = version()
        assert second != first
        (package / "elements" / "grid.py").rename(package / "elements" / "mesh.py")
        third = version()
        assert third not in (first, second)
        monkeypatch.setattr(keys.importlib.metadata, "version", lambda name: "99")
        assert version() not in (first, second, third)
    finally:
        monkeypatch.undo()
        keys.numerics_version.cache_clear()


POTENTIAL = """
import jax.numpy as jnp
from helper_{tag} import QUARTIC
TABLE = jnp.array({table})
def V(u, p):
    return 0.5 * u[0]**2 - 0.25 * p["g"] * QUARTIC * u[0]**4 + {sextic} * u[0]**6 + 0.0 * jnp.sum(TABLE * u[0])
"""


@pytest.fixture
def potential(tmp_path, monkeypatch):
    """A function that writes a user's potential into a folder of its own and returns its fingerprint."""
    made = []

    def fingerprint(text=POTENTIAL, quartic="1.0", sextic="0.1", table="[1.0, 2.0]", **model):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(folder)
        monkeypatch.syspath_prepend(folder)
        sys.modules.pop("helper_a", None)
        (folder / "helper_a.py").write_text(f"QUARTIC = {quartic}\n")
        (folder / "v.py").write_text(text.format(tag="a", sextic=sextic, table=table))
        given = {"kind": "potential", "function": "v.py:V", "fields": ["u"], "params": {"g": 1.0}} | model
        import tomli_w

        (folder / "c.toml").write_text(tomli_w.dumps({"model": given}))
        return CachedEvaluate(load(folder / "c.toml"))

    return fingerprint


def test_a_potential_is_known_by_what_it_computes(potential):
    """Its source, a number that it imports, a constant array, its parameters; but not its folder."""
    first = potential().key(POINT)
    assert potential().key(POINT) == first
    others = [
        potential(sextic="0.10000000000000002"),
        potential(quartic="1.0000000000000002"),
        potential(table="[1.0, 2.0000000000000004]"),
        potential(params={"g": math.nextafter(1.0, 2.0)}),
        potential(kinetic=[2.0]),
    ]
    found = [memory.key(POINT) for memory in others]
    assert all(memory.usable for memory in others)
    assert len({first, *found}) == 6


def test_a_potential_that_cannot_be_distinguished_is_not_cached(potential):
    hidden = """
import jax, jax.numpy as jnp, numpy as np
def V(u, p):
    still = 0.5 * jax.lax.stop_gradient(u[0]) ** 2
    return jax.pure_callback(lambda x: np.asarray(x), jax.ShapeDtypeStruct((), float), still)
"""
    memory = potential(text=hidden)
    assert not memory.usable
    found, word = memory.recall(POINT)
    assert found is None
    assert "cannot be distinguished" in word


def test_a_potential_without_second_derivatives_is_not_cached(potential):
    """Its evaluation fails with a message; the cache must not fail first."""
    rough = """
import jax
@jax.custom_vjp
def square(x):
    return x * x
square.defvjp(lambda x: (x * x, x), lambda x, t: (2 * x * t,))
def V(u, p):
    return 0.5 * square(u[0])
"""
    assert potential(text=rough).recall(POINT)[0] is None


def test_a_potential_without_source_has_no_fingerprint(monkeypatch):
    """Nor one whose file name is shared with other code, as by exec and `python -c`."""
    import supersoliton as ss

    monkeypatch.setitem(linecache.cache, "<string>", (9, None, ["import os\n"], "<string>"))
    space = {}
    exec("def V(u, p):\n    return 0.5 * u[0]**2\n", space)
    assert keys.fingerprint(ss.Potential(space["V"])) is None
    assert keys.fingerprint(ss.Potential(lambda u, p: 0.5 * u[0] ** 2)) is not None
