"""Choice of the device: one of four names, refused in one sentence where JAX does not find it."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import supersoliton as ss
from supersoliton.config import load, loads
from supersoliton.machine import devices

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.toml"


def has(platform):
    try:
        return bool(jax.devices(platform))
    except RuntimeError:
        return False


without_gpu = pytest.mark.skipif(has("gpu"), reason="there is a GPU")


def test_a_device_has_one_of_four_names():
    with pytest.raises(ValueError, match='device must be one of auto, cpu, gpu, tpu, got "abacus"'):
        devices.find("abacus")
    with pytest.raises(ValueError, match=r'device must be one of .*, got "cuda"'):
        load(QUICKSTART).with_scan(device="cuda")
    assert devices.find("cpu").platform == "cpu"
    assert "cpu" in devices.describe_devices()


@without_gpu
@pytest.mark.parametrize("command", ["solve", "spectrum", "scan"])
def test_a_gpu_that_is_not_there_is_refused_in_one_sentence_and_nothing_is_written(command, tmp_path):
    """Also by a process whose environment names another platform."""
    where = "scan.device" if command == "scan" else "--device"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-m", "supersoliton", command, str(QUICKSTART), "--device", "gpu"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    words = f"supersoliton: {where} gpu: JAX finds no such device: use cpu, or see docs/accelerators.md.\n"
    assert done.stderr == words
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())


@without_gpu
def test_a_scan_from_python_is_refused_too(tmp_path):
    with pytest.raises(ValueError, match=r"scan\.device gpu: JAX finds no such device"):
        ss.scan(load(QUICKSTART), out=tmp_path / "run", device="gpu", quiet=True)
    assert not (tmp_path / "run").exists()


def test_an_accelerator_excludes_worker_processes():
    for other in ({"executor": "processes"}, {"executor": "dask"}, {"scheduler": "tcp://host:8786"}):
        with pytest.raises(ValueError, match=r"device = .gpu. runs trials in this process and excludes .* leave"):
            load(QUICKSTART).with_scan(device="gpu", **other)


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_trials_run_on_the_cpu_unless_an_accelerator_is_named(name):
    with devices.trials_on(name):
        assert {device.platform for device in jnp.ones(1).devices()} == {"cpu"}


def test_a_file_recorded_with_the_removed_batch_setting_is_read():
    """0 was its default, which resolved configurations contain; another value asks for what no longer exists."""
    tables = load(QUICKSTART).to_dict()
    tables["scan"]["batch"] = 0
    assert loads(tables) == load(QUICKSTART)
    tables["scan"]["batch"] = 64
    with pytest.raises(ValueError, match=r"\[scan\] has no key 'batch' \(value 64\)"):
        loads(tables)
