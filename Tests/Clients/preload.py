"""LD_PRELOAD libraries under processes of ours: Tests/Storage/*.c."""

import functools
import hashlib
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.cache
def library(name):
    """The path of the built library. One build for each version of the source; in the repository, since a process loads what
    it finds there, and anybody may put a file into /tmp."""
    source = ROOT / f"Tests/Storage/{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    path = ROOT / f".build/preload/{name}-{digest}.so"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", part, source, "-ldl", "-pthread"],
                       check=True)
        part.rename(path)
    return path


def signal_faults(what):
    """The environment of a process whose SIGUSR1 does `what`: see signal_faults.c."""
    return {"LD_PRELOAD": str(library("signal_faults")), "SIGNAL_FAULTS": what}
