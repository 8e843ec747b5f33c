"""The project that benchmarks run on: the reference insurer, or a folder that is named."""

from pathlib import Path
from typing import Final, NamedTuple

from sojourn.core.book import Book
from sojourn.definitions.catalogue import Catalogue
from sojourn.definitions.project import load_project
from sojourn.definitions.publish import first_book

PROJECT: Final = Path(__file__).resolve().parent.parent


class Loaded(NamedTuple):
    """What a host needs of a project."""

    book: Book
    catalogue: Catalogue


def load(folder: Path) -> Loaded:
    """Load a project as its first publication."""
    project = load_project(folder)
    return Loaded(first_book(project), project.catalogue)
