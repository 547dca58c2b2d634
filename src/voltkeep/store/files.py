"""The file store: uploads and firmware images in one directory, under names of our making."""

from pathlib import Path


class DirectoryFiles:
    """`services.authority.Files`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
