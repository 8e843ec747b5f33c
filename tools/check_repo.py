"""Checks of the repository that no linter makes; part of `make check`.

- Portable: no registry host, no index address, no path of one machine in any file.
- Finished: no note to do something later.
- Docs: every relative link and anchor resolves, and every page is reached from docs/index.md.

Prints each finding as `file:line: what` and exits with 1 where there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent

# Written so that no pattern matches its own text.
FORBIDDEN: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "names the host of a package registry; clients know their registry themselves",
        re.compile(
            r"\b(?:pypi[.]org|pythonhosted[.]org|registry[.]npmjs[.]org|npmjs[.]com|crates[.]io"
            r"|proxy[.]golang[.]org|repo1?[.]maven[.]|repo[.]maven[.]apache|deb[.]debian[.]org)"
        ),
    ),
    (
        "holds an index address; installing takes none",
        re.compile(r"(?<![\w-])--(?:(?:extra-)?index[-]url|find[-]links)|\bPIP_(?:EXTRA_)?INDEX[_]URL|^index[-]url"),
    ),
    (
        "holds a path of one machine; write it relative to the repository",
        re.compile(r"(?<![\w./:-])/(?:work|root|Users/\w+|home/\w+|opt/wheels)/"),
    ),
    ("leaves something for later; do it or file it", re.compile(r"\b(?:TO[D]O|FI[X]ME)\b")),
)

_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to mend: `file` relative to the root, `line` from 1."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def tracked(root: Path) -> list[Path]:
    """All files of the work tree that git has or would take, in order, without those that are deleted."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(path for name in set(names) - {""} if (path := root / name).is_file())


def portable(root: Path, files: Iterable[Path]) -> Iterator[Finding]:
    """Finds forbidden text in each file that is text."""
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for what, pattern in FORBIDDEN:
                if match := pattern.search(line):
                    yield Finding(file.relative_to(root).as_posix(), number, f"{match.group()!r} {what}")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines of a Markdown page outside its code blocks, with inline code blanked."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        opening = line.lstrip()[:3]
        if opening in ("```", "~~~") and fence in ("", opening):
            fence = "" if fence else opening
        elif not fence:
            yield number, re.sub(r"`[^`]*`", lambda code: " " * len(code.group()), line)


def anchors(page: Path) -> frozenset[str]:
    """The anchors that the headings of a page give: lower case, no punctuation, hyphens for spaces."""
    found: dict[str, int] = {}
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and (heading := _HEADING.match(line)):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()
            slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
    return frozenset(found) | {f"{slug}-{n}" for slug, last in found.items() for n in range(1, last + 1)}


def links(page: Path) -> Iterator[tuple[int, Path, str]]:
    """The links of a page into this repository: line, target file (the page itself for `#x`), anchor."""
    for number, line in prose(page.read_text(encoding="utf-8")):
        for match in _LINK.finditer(line):
            target = match.group(1)
            if not _ELSEWHERE.match(target):
                name, _, anchor = target.partition("#")
                yield number, (page.parent / unquote(name)).resolve() if name else page, anchor


def resolving(root: Path, pages: Sequence[Path]) -> Iterator[Finding]:
    """Finds links to files outside the repository, to files that are not there, and to missing anchors."""
    for page in pages:
        name = page.relative_to(root).as_posix()
        for line, target, anchor in links(page):
            if not target.is_relative_to(root):
                yield Finding(name, line, f"the link leaves the repository: {target.name}")
            elif not target.exists():
                yield Finding(name, line, f"the link leads nowhere: {target.relative_to(root).as_posix()}")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                yield Finding(name, line, f"{target.name} has no heading for #{anchor}")


def reached(root: Path, pages: Sequence[Path]) -> Iterator[Finding]:
    """Finds pages under docs/ to which no chain of links leads from docs/index.md."""
    docs, index = root / "docs", root / "docs" / "index.md"
    if not index.is_file():
        yield Finding("docs/index.md", 1, "the first page of the docs is missing")
        return
    seen, waiting = {index}, [index]
    while waiting:
        for _, target, _ in links(waiting.pop()):
            if target.suffix == ".md" and target.is_file() and target not in seen:
                seen.add(target)
                waiting.append(target)
    for page in pages:
        if page.is_relative_to(docs) and page not in seen:
            yield Finding(page.relative_to(root).as_posix(), 1, "no link leads here from docs/index.md")


def check(root: Path, files: Sequence[Path]) -> list[Finding]:
    """All findings in these files of the repository at `root`, in order of file and line."""
    pages = [file for file in files if file.suffix == ".md"]
    return sorted([*portable(root, files), *resolving(root, pages), *reached(root, pages)])


def main() -> int:
    """Checks this repository; the exit status is 1 where something was found."""
    findings = check(ROOT, tracked(ROOT))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
