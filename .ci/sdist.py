"""Repack a source distribution so that the same sources give the same bytes: entries in order, without owners, at the
time that SOURCE_DATE_EPOCH says (seconds since 1970).

    python .ci/sdist.py dist/tocompiler-0.1.0.tar.gz
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
from pathlib import Path


def repacked(data: bytes, time: int) -> bytes:
    """The archive's files with everything that varies from build to build set to one value."""
    plain, packed = io.BytesIO(), io.BytesIO()
    whole = io.BytesIO(gzip.decompress(data))  # members are read in another order than they lie in
    with tarfile.open(fileobj=whole) as old, tarfile.open(fileobj=plain, mode="w") as new:
        for entry in sorted(old.getmembers(), key=lambda e: e.name):
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = time, 0, 0, "", ""
            entry.mode, entry.pax_headers = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644, {}
            new.addfile(entry, old.extractfile(entry))
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=time) as file:
        file.write(plain.getvalue())
    return packed.getvalue()


if __name__ == "__main__":
    archive = Path(sys.argv[1])
    archive.write_bytes(repacked(archive.read_bytes(), int(os.environ["SOURCE_DATE_EPOCH"])))
