"""Which files of this machine a program may see: the interpreter, its libraries, nothing else."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from guerdon.errors import ConfigError, SandboxError

ROOT = Path("/python")
"""Where the interpreter stands inside; its own place on this machine is not shown."""
PACKAGES = Path("/packages")
LIBRARIES = Path("/lib")
EXECUTABLE = ROOT / "bin/python"

Mount = tuple[Path, Path]
"""(file or folder here, where it is seen inside)"""

_UNWANTED = ("_tkinter", "_test", "_ctypes_test", "_xxtestfuzz")
"""Extension modules whose libraries (a window system's, for one) no program needs."""


@functools.cache
def mounts(imports: tuple[str, ...]) -> tuple[Mount, ...]:
    """All that must be mounted for an interpreter that can import its standard library and
    ``imports``.

    Raises:
        ConfigError: an import is not installed here.
        SandboxError: the interpreter's libraries cannot be listed.
    """
    executable = Path(os.path.realpath(sys.executable))
    library = Path(sysconfig.get_path("stdlib"))
    version = library.name
    found: list[Mount] = [(executable, EXECUTABLE), (library, ROOT / "lib" / version)]
    extensions = Path(sysconfig.get_config_var("DESTSHARED") or library / "lib-dynload")
    if library not in extensions.parents:
        found.append((extensions, ROOT / "lib" / version / "lib-dynload"))
    packages = [mount for name in imports for mount in package(name)]
    binaries = [
        executable,
        *(file for file in extensions.glob("*.so") if not file.name.startswith(_UNWANTED)),
        *(file for source, _ in packages if source.is_dir() for file in source.rglob("*.so*")),
    ]
    own = tuple(source for source, _ in packages)
    return (*found, *packages, *_shared_libraries(binaries, own))


def hidden(imports: tuple[str, ...]) -> list[Path]:
    """Folders inside a mounted one that are covered: other people's packages."""
    return [
        target / name
        for source, target in mounts(imports)
        for name in ("site-packages", "dist-packages")
        if target.is_relative_to(ROOT) and (source / name).is_dir()
    ]


def package(name: str) -> Iterator[Mount]:
    """The folder or file of an installed package; nothing for the standard library.

    Raises:
        ConfigError: it is not installed.
    """
    name = name.split(".")[0]
    if name in sys.stdlib_module_names:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ConfigError(f"imports: {name} is not installed here; install it or leave it out")
    folders = spec.submodule_search_locations
    source = Path(folders[0]) if folders else Path(spec.origin)
    yield source, PACKAGES / source.name
    bundled = source.with_name(f"{name}.libs")
    if bundled.is_dir():
        yield bundled, PACKAGES / bundled.name


def _shared_libraries(binaries: Iterable[Path], own: tuple[Path, ...]) -> Iterator[Mount]:
    """The shared libraries that binaries load, as the loader finds them; those below ``own`` are
    there already."""
    try:
        listed = subprocess.run(
            ["ldd", *map(str, binaries)], capture_output=True, text=True, check=False
        ).stdout
    except OSError as error:
        raise SandboxError(f"ldd cannot be run, which lists libraries: {error}") from error
    seen: dict[Path, Path] = {}
    for line in listed.splitlines():
        words = line.split()
        if len(words) < 2 or not line.startswith("\t"):
            continue
        named, arrow, path = words[0], words[1], words[2:3]
        if arrow == "=>" and path and path[0].startswith("/"):
            source, target = Path(path[0]), LIBRARIES / Path(named).name
        elif named.startswith("/"):  # the loader itself, by its full name
            source, target = Path(named), Path(named)
        else:
            continue
        real = Path(os.path.realpath(source))
        if not any(real.is_relative_to(folder) for folder in own):
            seen.setdefault(target, real)
    yield from ((real, target) for target, real in seen.items())
