"""Build the wheel and the sdist, compare them with the source, and test the wheel in a clean environment.

make wheel        or        .venv/bin/python .ci/wheel.py [DIR]        writes both files to DIR (build/dist)

The environment is outside the repository. It holds only the requirements of the wheel, at the versions and hashes of
requirements.lock, without extras or test tools. .ci/smoke.py runs there.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq"]  # errors only


def build(source: Path, out: Path) -> Path:
    """Build the wheel of a source tree or sdist with the installed hatchling; nothing is downloaded."""
    _run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(out), str(source)])
    (wheel,) = out.glob("*.whl")
    return wheel


def contents(wheel: Path) -> dict[str, str]:
    """Name -> SHA-256 of every file of the package in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names}


def metadata(wheel: Path) -> list[str]:
    """Requirements of the wheel, without extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        fields = Parser().parsestr(archive.read(name).decode("utf-8"))
    return [text for text in fields.get_all("Requires-Dist", []) if "extra ==" not in text]


def closure(needed: list[str]) -> set[str]:
    """Names of these requirements and of all that they require, by the metadata of the running environment."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in needed]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found.add(name)
        for extra in ["", *sorted(requirement.extras)]:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            inner = [Requirement(text) for text in importlib.metadata.requires(name) or []]
            waiting += [r for r in inner if r.marker is None or r.marker.evaluate({"extra": extra})]
    return found


def locked(names: set[str]) -> str:
    """Entries of requirements.lock for these names, with hashes and markers."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = list(re.finditer(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==[^\n]*\n(?:[ ]{4}[^\n]*\n)*", text, re.M))
    missing = names - {canonicalize_name(entry[1]) for entry in entries}
    _demand(not missing, f"requirements.lock has no entry for {', '.join(sorted(missing))}")
    return "".join(entry[0] for entry in entries if canonicalize_name(entry[1]) in names)


def main(out: Path) -> None:
    start = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.whl"), *out.glob("*.tar.gz")]:
        old.unlink()
    wheel = build(ROOT, out)
    _run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(out)], stdout=subprocess.DEVNULL)
    (sdist,) = out.glob("*.tar.gz")
    with tempfile.TemporaryDirectory(prefix="supersoliton-") as folder:
        place = Path(folder)
        _complete(wheel, sdist, place)
        print(f"{wheel.name} and {sdist.name} contain the same {len(contents(wheel))} files as the source", flush=True)
        python = _install(wheel, place)
        print(f"installed into a clean environment after {time.monotonic() - start:.0f} s", flush=True)
        # An empty folder and no variable that refers to the repository; -I also ignores the folder of smoke.py.
        (place / "work").mkdir()
        (place / "smoke.py").write_bytes((ROOT / ".ci" / "smoke.py").read_bytes())
        path = f"{python.parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
        clean = {"PATH": path, "HOME": folder, "SUPERSOLITON_CACHE": str(place / "cache"), "LANG": "C.UTF-8"}
        version = wheel.name.split("-")[1]
        _run([str(python), "-I", "-W", "error", "../smoke.py", version, str(ROOT)], cwd=place / "work", env=clean)
    print(f"the wheel works; {time.monotonic() - start:.0f} s in total")


def _complete(wheel: Path, sdist: Path, place: Path) -> None:
    """Check that the wheel has exactly the files that git tracks, and that the sdist builds the same wheel."""
    listed = subprocess.run(
        ["git", "ls-files", "src/supersoliton", "examples"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    source = {
        name.removeprefix("src/"): hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
        for name in listed.stdout.split()
        if (ROOT / name).is_file()
    }
    source = {f"supersoliton/{name}" if name.startswith("examples/") else name: sha for name, sha in source.items()}
    packed = contents(wheel)
    _demand(not source.keys() - packed.keys(), f"the wheel lacks {sorted(source.keys() - packed.keys())}")
    extra = sorted(packed.keys() - source.keys())
    _demand(not extra, f"the wheel contains {extra} (not in git)")
    _demand(packed == source, "files of the wheel differ from the source")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "requirements.lock", "Makefile"):
        _demand(name in names, f"the sdist lacks {name}")
    _demand(contents(build(sdist, place / "from_sdist")) == packed, "the sdist builds a different wheel")


def _install(wheel: Path, place: Path) -> Path:
    venv.create(place / "env", with_pip=False, symlinks=True)
    python = place / "env" / "bin" / "python"
    requirements = place / "requirements.txt"
    requirements.write_text(locked(closure(metadata(wheel))), encoding="utf-8")
    install = [*PIP, "--python", str(python), "install", "--no-compile", "--no-deps"]
    _run([*install, "--require-hashes", "-r", str(requirements)])
    _run([*install, "--no-index", str(wheel)])
    _run([*PIP, "--python", str(python), "check"])
    return python


def _demand(holds: bool, words: str) -> None:
    if not holds:
        sys.exit(f"make wheel: {words}")


def _run(command: list[str], **options: object) -> None:
    if subprocess.run(command, check=False, **options).returncode:  # type: ignore[call-overload]
        sys.exit(f"make wheel: this failed: {' '.join(command)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "dist")
