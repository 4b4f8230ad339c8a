"""The causes why the ledger cannot be used: a sentence for the operator, and a sentence that says what to do.

A cause is recognised by the error's code, or by fixed words of the driver. The rest of a driver's message may hold a
value, and is never shown.
"""

from __future__ import annotations

_UPGRADE = "Run `flask --app wsgi db upgrade`."

_NO_LEDGER = f"The ledger was never made in this database. {_UPGRADE}"

_LOCKED = "Another process holds the ledger locked. Wait for it, or end it."
_LOGIN_REFUSED = "The database refuses the user or the password. Check both in DATABASE_URL."
_NO_ANSWER = "Nobody answers at the address of DATABASE_URL."
_CHECK_NETWORK = f"{_NO_ANSWER} Check the address, and the network."

_SQLITE_CAUSES = {
    "SQLITE_FULL": "The disk of the ledger is full. Make room on it.",
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
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
"""By SQLite's primary code. An extended code, such as SQLITE_READONLY_DBMOVED, begins with it."""

_POSTGRESQL_CAUSES = {
    "53100": "The disk of the database is full. Make room on it.",
    "53300": "The database takes no more connections. Raise its max_connections, or run fewer processes.",
    "25006": "The database can only be read. Make DATABASE_URL name the primary server.",
    "42P01": _NO_LEDGER,
    "42501": "The database's user has too few rights. Make it the owner of the database.",
    "55P03": _LOCKED,
    "57P01": "The database was stopped. Start it.",
    "57P03": "The database is starting or stopping. Wait for it.",
}
"""By SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html."""

_BY_WORDS = {
    "no such table": _NO_LEDGER,
    "failed to resolve host": (
        "The host of DATABASE_URL is unknown. Check its name and the name server."
    ),
    "authentication failed": _LOGIN_REFUSED,
    "no password supplied": _LOGIN_REFUSED,
    "permission denied": _POSTGRESQL_CAUSES["42501"],
    "queuepool limit": (
        "The ledger is busy: all connections of this process are in use. Look for what is slow."
    ),
    'database "': "There is no such database. Make it, or check its name in DATABASE_URL.",
    'role "': _LOGIN_REFUSED,
    "too many clients": _POSTGRESQL_CAUSES["53300"],
    "starting up": _POSTGRESQL_CAUSES["57P03"],
    "shutting down": _POSTGRESQL_CAUSES["57P03"],
    "connection refused": f"{_NO_ANSWER} Start the database, or check the address.",
    "no such file or directory": f"{_NO_ANSWER} Start the database, or check it.",
    "timeout expired": _CHECK_NETWORK,
    "no route to host": _CHECK_NETWORK,
    "is unreachable": _CHECK_NETWORK,
}
"""By words of the message; the first entry that fits counts. PostgreSQL's library gives no code for a connection that
was refused."""


def cause_of(error: BaseException) -> str:
    """Return the sentences for a driver's error. They never hold a value."""
    sqlite_code = getattr(error, "sqlite_errorname", None) or ""
    for primary_code, cause in _SQLITE_CAUSES.items():
        if sqlite_code.startswith(primary_code):
            return cause
    sql_state = getattr(error, "sqlstate", None)
    if sql_state in _POSTGRESQL_CAUSES:
        return _POSTGRESQL_CAUSES[sql_state]
    message = str(error).lower()
    for words, cause in _BY_WORDS.items():
        if words in message:
            return cause
    return f"The ledger cannot be used ({type(error).__name__}). Look into the database's log."
