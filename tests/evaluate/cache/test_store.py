"""The folder of entries: atomic, checked, limited in size, shared by processes that may be killed."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from supersoliton.evaluate.cache.entry import Damaged, pack, unpack
from supersoliton.evaluate.cache.store import Store


def key(n):
    return f"{n:064x}"


def entry(n, size=1000):
    rng = np.random.default_rng(n)
    return pack(key(n), {"n": f"{n:04d}"}, {"x": rng.normal(size=size // 8)})


@pytest.fixture
def store(tmp_path):
    return Store("v" * 16, directory=tmp_path)


def test_what_is_read_is_what_was_written_to_the_last_bit():
    values = [0.1, -0.0, float("nan"), float("inf"), 5e-324, 1 / 3, float(np.nextafter(1.0, 2.0))]
    arrays = {"a": np.array(values), "b": np.arange(6.0).reshape(2, 3), "empty": np.empty((0, 2)),
              "bytes": np.frombuffer(b"\x00\xff", np.uint8)}  # fmt: skip
    header, back = unpack(key(1), pack(key(1), {"values": values, "text": "ω²"}, arrays))
    assert [x.hex() for x in header["values"]] == [x.hex() for x in values]
    assert header["text"] == "ω²"
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (back[name].shape, back[name].dtype) == (array.shape, array.dtype)
        assert back[name].tobytes() == array.tobytes()
    back["a"][0] = 1.0  # writable, as after an evaluation


def test_every_flipped_bit_and_every_cut_is_noticed():
    data = entry(3, size=64)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        with pytest.raises(Damaged):
            unpack(key(3), bytes(changed))
    for end in range(len(data)):
        with pytest.raises(Damaged):
            unpack(key(3), data[:end])
    with pytest.raises(Damaged, match="another evaluation"):
        unpack(key(4), data)
    assert unpack(key(3), data)[0] == {"n": "0003"}


def test_a_forged_entry_cannot_contain_objects():
    """A file with a valid checksum may be forged: only the types of the format are read, no NumPy object arrays."""
    import hashlib

    record = {"key": key(1), "header": {}, "arrays": {"x": {"kind": "O", "shape": [1]}}}
    text = json.dumps(record).encode()
    body = b"%d\n" % len(text) + text + b"12345678"
    forged = b"supersoliton-evaluation-1\n" + hashlib.sha256(body).hexdigest().encode() + b"\n" + body
    with pytest.raises(Damaged, match="KeyError"):
        unpack(key(1), forged)


def test_entries_of_another_version_are_not_seen(store, tmp_path):
    store.write(key(1), entry(1))
    assert store.read(key(1)) == entry(1)
    other = Store("w" * 16, directory=tmp_path)
    assert other.read(key(1)) is None
    assert (other.usage().entries, other.usage().current_entries) == (1, 0)
    assert store.clear(stale_only=True) == (0, 0)
    assert other.clear(stale_only=True) == (1, len(entry(1)))
    assert store.read(key(1)) is None


def test_the_size_is_never_above_the_limit_and_the_least_used_goes_first(tmp_path):
    one = len(entry(0))
    store = Store("v" * 16, directory=tmp_path, size=20.5 * one / 1e6)
    for n in range(20):
        assert store.write(key(n), entry(n))
        os.utime(store.path(key(n)), (n, n))  # used at second n
    assert store.usage().bytes == 20 * one
    assert store.read(key(0)) is not None  # used now: no longer the oldest
    store.write(key(20), entry(20))
    left = [n for n in range(21) if store.path(key(n)).exists()]
    assert store.usage().bytes <= 0.9 * store.limit
    assert left == [0, *range(4, 21)]  # 18 of them: 0.9 of the limit
    for n in range(21, 120):
        store.write(key(n), entry(n))
        assert store.usage().bytes <= store.limit
    assert not store.write(key(200), entry(200, size=40 * one))  # larger than the limit: not stored, nothing removed
    assert store.usage().entries > 10


def test_writing_the_same_entry_again_does_not_count_twice(store):
    for _ in range(50):
        store.write(key(1), entry(1))
    assert store._total() == len(entry(1)) == store.usage().bytes


def test_a_lost_or_torn_sum_is_counted_again(store):
    store.write(key(1), entry(1))
    total = store.directory / ".total"
    for content in ("", "12", "nonsense\n"):
        total.write_text(content)
        assert store._total() == len(entry(1))
    total.unlink()
    assert store._total() == len(entry(1))


def test_verify_names_what_is_damaged(store):
    for n in range(5):
        store.write(key(n), entry(n))
    path = store.path(key(2))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    store.path(key(3)).replace(store.path(key(3)).with_name("00" + key(99)[2:]))  # an entry under another's name
    sound, damaged = store.verify()
    assert sound == 3
    assert {(found.name, reason.split()[1]) for found, reason in damaged} == {
        (key(2), "checksum"),
        (key(99), "is"),
    }


def test_files_that_are_not_ours_are_left_alone(store, tmp_path):
    store.write(key(1), entry(1))
    foreign = [tmp_path / "evaluations" / "notes.txt", store.path(key(1)).with_name("notes.txt"), tmp_path / "xla"]
    for path in foreign:
        path.write_text("mine")
    assert store.usage().entries == 1
    store.clear()
    assert store.usage().entries == 0
    assert all(path.read_text() == "mine" for path in foreign)


_HAMMER = """
import select, sys
from pathlib import Path
import numpy as np
from supersoliton.evaluate.cache.entry import pack, unpack
from supersoliton.evaluate.cache.store import Store
directory, seed, limit = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
store, rng = Store("v" * 16, directory=directory, size=limit), np.random.default_rng(seed)
hits, writes = 0, 0
print("ready", flush=True)
while min(hits, writes) < 51 or not select.select([sys.stdin], [], [], 0)[0]:  # until its input is closed
    n = int(rng.integers(40))
    name = f"{n:064x}"
    data = store.read(name)
    if data is None:
        store.write(name, pack(name, {"n": n}, {"x": np.full(50 + 20 * n, float(n))}))
        writes += 1
    else:
        header, arrays = unpack(name, data)  # raises if it is not intact
        assert header["n"] == n and np.all(arrays["x"] == n) and len(arrays["x"]) == 50 + 20 * n
        hits += 1
print(hits, writes)
"""


def _hammer(directory, seed, limit):
    return subprocess.Popen(
        [sys.executable, "-c", _HAMMER, str(directory), str(seed), str(limit)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_concurrent_processes_never_read_half_an_entry(tmp_path):
    """Two processes write, read and evict, while a third is killed at random times and restarted."""
    limit = 0.08  # MB, for 40 entries of 0.16 MB: every few writes evict
    steady = [_hammer(tmp_path, seed, limit) for seed in (1, 2)]
    rng = np.random.default_rng(0)
    for killed in range(4):
        victim = _hammer(tmp_path, 100 + killed, limit)
        victim.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
    for process in steady:
        out, err = process.communicate()
        assert process.returncode == 0, err
        hits, writes = map(int, out.splitlines()[-1].split())
        assert hits > 50
        assert writes > 50
    store = Store("v" * 16, directory=tmp_path, size=limit)
    store.write(key(1000), entry(1000))
    assert store.verify()[1] == []
    assert store.usage().bytes <= store.limit
    assert store._total() >= store.usage().bytes  # a kill may leave the sum too large, never too small


_TORN = """
import os, signal, sys
from pathlib import Path
from supersoliton.evaluate.cache import store as module
from supersoliton.evaluate.cache.entry import pack
store = module.Store("v" * 16, directory=Path(sys.argv[1]))
name = f"{7:064x}"
data = pack(name, {"n": 7}, {})
write = Path.write_bytes
def torn(path, content):  # as a kill -9 in the middle of a write
    write(path, content[: len(content) // 2])
    os.kill(os.getpid(), signal.SIGKILL)
Path.write_bytes = torn
store.write(name, data)
"""


def test_a_kill_in_the_middle_of_a_write_leaves_no_entry_and_no_lock(store, tmp_path):
    dead = subprocess.run([sys.executable, "-c", _TORN, str(tmp_path)], check=False)
    assert dead.returncode == -signal.SIGKILL
    assert len(list(store.path(key(7)).parent.iterdir())) == 1  # the half-written draft
    assert store.read(key(7)) is None
    store.write(key(7), entry(7))  # the lock of a killed process is released
    assert store.verify() == (1, [])
    store.clear()
    assert list(store.path(key(7)).parent.iterdir()) == []


def test_failed_writes_and_forbidden_folders_raise(store, tmp_path):
    """A disk that becomes full within a file, simulated by the limit on the size of files."""
    store.write(key(1), entry(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            store.write(key(2), entry(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.read(key(2)) is None
    assert [path.name for path in store.path(key(2)).parent.iterdir()] == [key(1)]  # no temporary file is left
    assert store.verify() == (1, [])
    blocked = tmp_path / "file"
    blocked.write_text("")
    other = Store("v" * 16, directory=blocked)
    assert other.read(key(1)) is None
    with pytest.raises(OSError, match="Not a directory"):
        other.write(key(1), entry(1))
