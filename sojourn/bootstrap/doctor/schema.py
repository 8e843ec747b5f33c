"""What the version of a database's schema means to this program."""

from sojourn.bootstrap.doctor.finding import Finding, error, note, ok
from sojourn.store.migrate import HEAD, KNOWN


def schema_finding(version: str | None) -> Finding:
    """Give the finding about a schema's version (None: an empty database)."""
    if version is None:
        return note("migrations", "The database is empty; the first start makes its tables", program=HEAD)
    if version == HEAD:
        return ok("migrations", "The schema is that of this program", schema=version)
    if version in KNOWN:
        return note(
            "migrations",
            "The schema is older than this program; the next start brings it up to date",
            "Make a copy first; workers of the old version refuse the database from then on",
            schema=version,
            program=HEAD,
        )
    return error(
        "migrations",
        "The schema is of a newer program; this one refuses to write to it",
        "Use the version of Sojourn that runs elsewhere on this database",
        schema=version,
        program=HEAD,
    )
