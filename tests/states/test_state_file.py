"""The file of a state: any damage is noticed, and files of earlier versions, without a checksum, are still read."""

import json

import numpy as np
import pytest
from scipy.io import netcdf_file

import supersoliton as ss
from damage import damages
from problems import solved

CASE = "octaves g=0.6 N=1200"


def write_earlier(path):
    """The file as versions without a checksum wrote it."""
    state = solved(CASE)
    with netcdf_file(path, "w", version=2) as file:
        file.format, file.record = "supersoliton-state-1", json.dumps(state._record())
        file.createDimension("r", state.grid.n_nodes)
        file.createVariable("r", "d", ("r",))[:] = state.grid.nodes
        for name, values in zip(state.problem.model.fields, state.u.T, strict=True):
            file.createVariable(name, "d", ("r",))[:] = values
    return path


def test_any_damage_is_one_sentence_that_names_the_file(tmp_path, n_damages):
    path = solved(CASE).save(tmp_path / "state.nc")
    assert ss.load(path).energy == solved(CASE).energy
    for content in damages(path.read_bytes(), n_damages):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"^load: ") as error:
            ss.load(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_every_bit_counts(tmp_path):
    """Also those that no number depends on: units, padding, the checksum itself."""
    path = solved(CASE).save(tmp_path / "state.nc")
    whole = path.read_bytes()
    for at in [*range(0, 200), whole.index(b"sha256:") + 3, whole.index(b"1/mass"), len(whole) - 1]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"^load: "):
            ss.load(path)


def test_a_file_without_a_checksum_is_read_and_its_damage_is_never_a_traceback(tmp_path, n_damages):
    path = write_earlier(tmp_path / "earlier.nc")
    state = solved(CASE)
    assert np.array_equal(ss.load(path).u, state.u)
    assert ss.load(path).energy == state.energy
    refused = 0
    for content in damages(path.read_bytes(), n_damages, seed=1):
        path.write_bytes(content)
        try:
            ss.load(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017  (it may also be read: nothing tells that a digit changed)
            refused += 1
    assert refused > n_damages // 5
