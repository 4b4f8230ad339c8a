"""Why the ledger cannot be used, as a sentence for the operator and one that says what to do.

Told from codes and from the fixed words of the drivers. What else a driver says may hold a value, and is never shown.
"""

from __future__ import annotations

_UPGRADE = "Run `flask --app wsgi db upgrade`."

_NEVER_MADE = f"The ledger was never made in this database. {_UPGRADE}"

_OF_SQLITE = {
    "SQLITE_FULL": "The disk of the ledger is full. Make room on it.",
    "SQLITE_BUSY": "Another process holds the ledger locked. Wait for it, or end it.",
    "SQLITE_LOCKED": "Another process holds the ledger locked. Wait for it, or end it.",
    "SQLITE_READONLY": "The ledger can only be read. Let the service's user write to its file and folder.",
    "SQLITE_CANTOPEN": (
        "The ledger's file is not there, or cannot be opened. Check DATABASE_URL and who may read its folder; to make "
        "the ledger there, run `flask --app wsgi db upgrade`."
    ),
    "SQLITE_PERM": "The ledger's file cannot be opened. Let the service's user read and write its file and folder.",
    "SQLITE_NOTADB": "The ledger's file is not one of SQLite. Check DATABASE_URL, or restore a backup.",
    "SQLITE_CORRUPT": "The ledger's file is damaged. Restore a backup.",
    "SQLITE_IOERR": "The disk of the ledger is full, or fails. Make room on it, or look into the system's log.",
}
"""By the primary code: an extended one, such as SQLITE_READONLY_DBMOVED, begins with it."""

_OF_POSTGRESQL = {
    "53100": "The disk of the database is full. Make room on it.",
    "53300": "The database takes no more connections. Raise its max_connections, or run fewer processes.",
    "25006": "The database can only be read. Make DATABASE_URL name the primary server.",
    "42P01": _NEVER_MADE,
    "42501": "The database's user has too few rights. Make it the owner of the database.",
    "55P03": "Another process holds the ledger locked. Wait for it, or end it.",
    "57P01": "The database was stopped. Start it.",
    "57P03": "The database is starting or stopping. Wait for it.",
}
"""By SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html."""

_WORDS = (
    ("no such table", _NEVER_MADE),
    (
        "failed to resolve host",
        "The host of DATABASE_URL is unknown. Check its name and the name server.",
    ),
    (
        "authentication failed",
        "The database refuses the user or the password. Check both in DATABASE_URL.",
    ),
    (
        "no password supplied",
        "The database refuses the user or the password. Check both in DATABASE_URL.",
    ),
    ("permission denied", _OF_POSTGRESQL["42501"]),
    (
        "queuepool limit",
        "The ledger is busy: all connections of this process are in use. Look for what is slow.",
    ),
    ('database "', "There is no such database. Make it, or check its name in DATABASE_URL."),
    ('role "', "The database refuses the user or the password. Check both in DATABASE_URL."),
    ("too many clients", _OF_POSTGRESQL["53300"]),
    ("starting up", _OF_POSTGRESQL["57P03"]),
    ("shutting down", _OF_POSTGRESQL["57P03"]),
    (
        "connection refused",
        "Nobody answers at the address of DATABASE_URL. Start the database, or check the address.",
    ),
    (
        "no such file or directory",
        "Nobody answers at the address of DATABASE_URL. Start the database, or check it.",
    ),
    (
        "timeout expired",
        "Nobody answers at the address of DATABASE_URL. Check the address, and the network.",
    ),
    (
        "no route to host",
        "Nobody answers at the address of DATABASE_URL. Check the address, and the network.",
    ),
    (
        "is unreachable",
        "Nobody answers at the address of DATABASE_URL. Check the address, and the network.",
    ),
)
"""By words, in this order, where there is no code: a connection that was refused has none in PostgreSQL's library."""


def cause_of(error: BaseException) -> str:
    """Give the sentences for a driver's error. They never hold a value."""
    name = getattr(error, "sqlite_errorname", None) or ""
    state = getattr(error, "sqlstate", None) or ""
    words = str(error).lower()
    by_code = next(
        (cause for code, cause in _OF_SQLITE.items() if name.startswith(code)),
        _OF_POSTGRESQL.get(state),
    )
    by_words = next((cause for part, cause in _WORDS if part in words), None)
    return (
        by_code
        or by_words
        or f"The ledger cannot be used ({type(error).__name__}). Look into the database's log."
    )
