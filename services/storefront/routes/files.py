"""Our own files, read once; an address carries a digest of the content, so browsers keep it for a year."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class File:
    """One file in memory."""

    content: bytes
    media_type: str
    digest: str


class Assets:
    """The files of one folder, by name."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in MEDIA_TYPES}

    def address(self, name: str) -> str:
        """Where browsers get it. Raises KeyError for a file that is not there."""
        return f"/aset/{self._files[name].digest}/{name}"

    def find(self, digest: str, name: str) -> File | None:
        """The file at an address; None when there is none or its content was another."""
        file = self._files.get(name)
        return file if file is not None and file.digest == digest else None


def _read(path: Path) -> File:
    content = path.read_bytes()
    return File(content, MEDIA_TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:12])
