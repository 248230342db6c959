"""The file of trained starts: it is read as it was written, and damaged or foreign files are refused."""

import dataclasses

import numpy as np
import pytest

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


def reading(path):
    try:
        return read_library(path), ""
    except ValueError as error:
        return None, str(error)


def test_every_damage_is_noticed(trained, tmp_path):
    whole = trained.read_bytes()
    random = np.random.default_rng(1)
    damaged = tmp_path / "damaged.npz"
    for place in [*random.integers(0, len(whole), 12), len(whole) - 30]:
        content = bytearray(whole)
        content[place] ^= 1 << int(random.integers(8))
        damaged.write_bytes(content)
        again, words = reading(damaged)
        if again is None:
            assert words.startswith("warm_start: ")
            continue
        # the bit is in metadata of the archive that is not used: then all arrays are unchanged
        mine, theirs = read_library(trained).models, again.models
        for branch, model in mine.items():
            assert np.array_equal(model.coefficients, theirs[branch].coefficients)
            assert np.array_equal(model.basis.modes, theirs[branch].basis.modes)
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        damaged.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cannot be read"):
            read_library(damaged)


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
    with pytest.raises(ValueError, match="do not match their checksum"):
        read_library(tmp_path / "other.npz")
