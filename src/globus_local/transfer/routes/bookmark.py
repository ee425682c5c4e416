"""Bookmarks: places that a person has named."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from flask import Response, jsonify

from globus_local.errors import TransferError
from globus_local.transfer.paths import parse_path, to_text
from globus_local.transfer.routes.blueprint import blueprint, body, current_caller, result, text_of
from globus_local.world import current_world


@blueprint.post("/bookmark")
def create_bookmark() -> tuple[Response, int]:
    world, document = current_world(), body()
    collection = world.collections.visible(current_caller(), text_of(document, "endpoint_id"))
    path, name = to_text(parse_path(text_of(document, "path")).raw_folder), text_of(document, "name")
    bookmark_id = str(uuid.uuid4())
    try:
        with world.database.transaction() as c:
            c.execute(
                "INSERT INTO bookmarks (id, owner_id, name, collection_id, path) VALUES (?, ?, ?, ?, ?)",
                (bookmark_id, current_caller().identity_id, name, collection.id, path),
            )
    except sqlite3.IntegrityError:
        raise _exists(name) from None
    return jsonify(_document(_find(bookmark_id))), 201


@blueprint.get("/bookmark_list")
def list_bookmarks() -> Response:
    with current_world().database.read() as c:
        rows = c.execute(
            "SELECT * FROM bookmarks WHERE owner_id = ? ORDER BY name", (current_caller().identity_id,)
        ).fetchall()
    return jsonify({"DATA_TYPE": "bookmark_list", "DATA": [_document(row) for row in rows]})


@blueprint.get("/bookmark/<bookmark_id>")
def show_bookmark(bookmark_id: str) -> Response:
    return jsonify(_document(_find(bookmark_id)))


@blueprint.put("/bookmark/<bookmark_id>")
def rename_bookmark(bookmark_id: str) -> Response:
    _find(bookmark_id)
    name = text_of(body(), "name")
    try:
        with current_world().database.transaction() as c:
            c.execute("UPDATE bookmarks SET name = ? WHERE id = ?", (name, bookmark_id))
    except sqlite3.IntegrityError:
        raise _exists(name) from None
    return jsonify(_document(_find(bookmark_id)))


@blueprint.delete("/bookmark/<bookmark_id>")
def delete_bookmark(bookmark_id: str) -> tuple[Response, int]:
    _find(bookmark_id)
    with current_world().database.transaction() as c:
        c.execute("DELETE FROM bookmarks WHERE id = ?", (bookmark_id,))
    return result("result", "Deleted", "The bookmark has been deleted.")


def _find(bookmark_id: str) -> sqlite3.Row:
    with current_world().database.read() as c:
        row: sqlite3.Row | None = c.execute(
            "SELECT * FROM bookmarks WHERE id = ? AND owner_id = ?",
            (bookmark_id, current_caller().identity_id),
        ).fetchone()
    if row is None:
        raise TransferError("BookmarkNotFound", f"You have no bookmark {bookmark_id!r}.", 404)
    return row


def _document(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "DATA_TYPE": "bookmark",
        "id": row["id"],
        "name": row["name"],
        "endpoint_id": row["collection_id"],
        "path": row["path"],
        "pinned": False,
    }


def _exists(name: str) -> TransferError:
    return TransferError("Exists", f"You have a bookmark named {name!r} already.", 409)
