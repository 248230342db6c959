"""The file of trained starts: it is read as it was written, and damaged or foreign files are refused."""

import dataclasses
import json

import numpy as np
import pytest

from damage import damages
from supersoliton.guesses.trained.library import read_library, save_library


def test_there_and_back_to_the_bit(library, tmp_path):
    again = read_library(save_library(tmp_path / "again.npz", library))
    assert again.box == library.box
    assert again.grid == library.grid
    assert again.theory == library.theory
    assert list(again.models) == list(library.models)
    x = np.full(2, 0.3)
    for branch, model in library.models.items():
        other = again.models[branch]
        assert other.share == model.share
        assert np.array_equal(other.basis.modes, model.basis.modes)
        for source in ("network", "regression", "neighbour"):
            mine, theirs = model.predict(source, x), other.predict(source, x)
            assert (mine is None) == (theirs is None)
            assert mine is None or np.array_equal(mine, theirs)
    assert any(model.network is not None for model in again.models.values())


def test_every_damage_is_noticed(trained, tmp_path, n_damages):
    path = tmp_path / "damaged.npz"
    for content in damages(trained.read_bytes(), n_damages):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"^warm_start: ") as error:
            read_library(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_a_file_without_a_checksum_is_read(trained, tmp_path):
    """As earlier versions wrote it: no comment in the archive, no word of it in the header."""
    with np.load(trained) as data:
        arrays = {name: data[name] for name in data.files}
    header = json.loads(arrays["header"].tobytes())
    del header["checksum"]
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(tmp_path / "earlier.npz", **arrays)
    assert read_library(tmp_path / "earlier.npz").models.keys() == read_library(trained).models.keys()


def test_foreign_files_are_refused(config, library, tmp_path):
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, a=np.zeros(3))
    with pytest.raises(ValueError, match="damaged or foreign"):
        read_library(foreign)
    foreign.write_text("not an archive")
    with pytest.raises(ValueError, match="cannot be read"):
        read_library(foreign)
    np.savez(foreign, header=np.frombuffer(b'{"format": "supersoliton-warm-start-0"}', np.uint8))
    with pytest.raises(ValueError, match="has the format 'supersoliton-warm-start-0'"):
        read_library(foreign)
    np.savez(foreign, header=np.array([{"a": 1}], dtype=object))  # a pickle: never opened
    with pytest.raises(ValueError, match="warm_start: "):
        read_library(foreign)
    save_library(foreign, dataclasses.replace(library, finished=False))
    from supersoliton.guesses import WarmStart

    with pytest.raises(ValueError, match="is unfinished"):
        WarmStart(checkpoint=str(foreign)).library_for(config.problem_at({"g": 0.6, "norm": 700.0}))


def test_other_arrays_under_an_old_header_are_refused(trained, tmp_path):
    """A readable archive whose arrays do not match the checksum in its header."""
    with np.load(trained, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    arrays["branch0/coefficients"] = arrays["branch0/coefficients"] + 1e-9
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(ValueError, match="does not match its checksum"):
        read_library(tmp_path / "other.npz")
