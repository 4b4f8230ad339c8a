"""One REST request, as the handlers see it, and the answer that they give."""

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
    """The store, the key that was proved, query, body, the ids in the path, and the writes that happened."""

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
    def forced(self) -> bool:
        """Whether a DELETE is to be for good."""
        return self.params.flag("force") or self.body.get("force") in (True, "true", 1)

    def shows(self, kind: str, record_id: int) -> bool:
        """Whether the key may see the record; lists leave out what it may not."""
        return f"{kind}:{record_id}" not in self.store.habits.closed

    def assert_open(self, kind: str, record_id: int, *, writing: bool = False) -> None:
        """403 where the record is closed to the key."""
        if not self.shows(kind, record_id):
            raise cannot_edit() if writing else cannot_view()

    def wrote(self, kind: str, record_id: int, meta_keys: list[str] | None = None) -> None:
        """Note a write for the log."""
        self.writes.append(Write(kind, record_id, tuple(meta_keys or ())))


@dataclass(frozen=True)
class Answer:
    """What goes back; `allow` is off where the store leaves out the Allow header."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    allow: bool = True


def page_answer(page: Page[Any], bodies: list[Json], params: Params) -> Answer:
    """A list with its counts in the headers, which count what is closed to the key too."""
    headers = {"X-WP-Total": str(page.total), "X-WP-TotalPages": str(page.pages)}
    return Answer([params.pick(body) for body in bodies], headers=headers)


def batch_answer(call: Call, create: Any, update: Any, delete: Any) -> Answer:
    """Run all parts of a batch: 200, with an `error` inside each item that failed. Deleting is for good."""
    parts = {name: call.body.get(name) or [] for name in ("create", "update", "delete")}
    if sum(len(items) for items in parts.values()) > BATCH_LIMIT:
        raise too_many_items(BATCH_LIMIT)
    answer: Json = {}
    if parts["create"]:
        answer["create"] = [_item(0, create, call, given) for given in parts["create"]]
    if parts["update"]:
        answer["update"] = [
            _item(given.get("id", 0), update, call, given) for given in parts["update"]
        ]
    if parts["delete"]:
        answer["delete"] = [
            _item(int(record_id), delete, call, int(record_id)) for record_id in parts["delete"]
        ]
    return Answer(answer)


def _item(record_id: int, act: Any, call: Call, given: Any) -> Json:
    try:
        done: Json = act(call, given)
    except RestError as error:
        return {"id": record_id, "error": error.body}
    return done
