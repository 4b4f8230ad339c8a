"""A REST request as the handlers see it, and their answer."""

from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.auth import ApiKey
from deploy.sandbox.errors import RestError, cannot_edit, cannot_view, too_many_items
from deploy.sandbox.log import Write
from deploy.sandbox.params import Params
from deploy.sandbox.queries import Page
from deploy.sandbox.store import SandboxStore
from deploy.sandbox.wire import Json

BATCH_LIMIT = 100


@dataclass
class Call:
    """A request: the store, its key, query and body, the ids in its path, and the writes that it made."""

    store: SandboxStore
    key: ApiKey
    params: Params
    body: Json
    ids: dict[str, int] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The id at the end of the path."""
        return self.ids["record_id"]

    @property
    def is_forced(self) -> bool:
        """True if a DELETE is for good."""
        return self.params.flag("force") or self.body.get("force") in (True, "true", 1)

    def may_see(self, kind: str, record_id: int) -> bool:
        """Tell whether the key may see a record. Lists leave out the others."""
        return f"{kind}:{record_id}" not in self.store.habits.closed

    def check_read(self, kind: str, record_id: int) -> None:
        """Raise the store's 403 if the record is closed to the key."""
        if not self.may_see(kind, record_id):
            raise cannot_view()

    def check_write(self, kind: str, record_id: int) -> None:
        """Raise the store's 403 for a write if the record is closed to the key."""
        if not self.may_see(kind, record_id):
            raise cannot_edit()

    def log_write(self, kind: str, record_id: int, meta_keys: list[str] | None = None) -> None:
        """Add a write to the log."""
        self.writes.append(Write(kind, record_id, tuple(meta_keys or ())))


@dataclass(frozen=True)
class Answer:
    """An answer. `allow` is False if the store leaves out the Allow header."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    allow: bool = True


def page_answer(page: Page[Any], bodies: list[Json], params: Params) -> Answer:
    """Return a page of a list, with the counts in the headers. They also count records that are closed to the key."""
    headers = {"X-WP-Total": str(page.total), "X-WP-TotalPages": str(page.pages)}
    return Answer([params.pick(body) for body in bodies], headers=headers)


def batch_answer(call: Call, create: Any, update: Any, delete: Any) -> Answer:
    """Run all parts of a batch. The status is 200; each item that failed has an `error`. A delete is for good."""
    created, updated, deleted = (
        call.body.get(name) or [] for name in ("create", "update", "delete")
    )
    if len(created) + len(updated) + len(deleted) > BATCH_LIMIT:
        raise too_many_items(BATCH_LIMIT)
    answer: Json = {}
    if created:
        answer["create"] = [_item(0, create, call, fields) for fields in created]
    if updated:
        answer["update"] = [_item(fields.get("id", 0), update, call, fields) for fields in updated]
    if deleted:
        ids = map(int, deleted)
        answer["delete"] = [_item(record_id, delete, call, record_id) for record_id in ids]
    return Answer(answer)


def _item(record_id: int, handle: Any, call: Call, item: Any) -> Json:
    try:
        body: Json = handle(call, item)
    except RestError as error:
        return {"id": record_id, "error": error.body}
    return body


def meta_keys(fields: Json) -> list[str]:
    """Return the meta keys that a write names."""
    return [str(change.get("key")) for change in fields.get("meta_data") or ()]
