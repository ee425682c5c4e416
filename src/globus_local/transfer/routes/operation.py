"""File operations that are answered at once: list, stat, make a folder, rename."""

from __future__ import annotations

from flask import Response, jsonify, request

from globus_local.transfer import files
from globus_local.transfer.documents import file_document
from globus_local.transfer.routes.blueprint import blueprint, body, current_caller, flag, number, result, text_of
from globus_local.world import current_world

ENTRIES_AT_MOST = 100_000


@blueprint.get("/operation/endpoint/<collection_id>/ls")
def list_folder(collection_id: str) -> Response:
    world = current_world()
    collection = world.collections.get(collection_id)
    offset = number("offset", 0, at_most=10**9)
    limit = number("limit", ENTRIES_AT_MOST, at_most=ENTRIES_AT_MOST)
    found = files.list_directory(
        world,
        current_caller(),
        collection,
        request.args.get("path"),
        show_hidden=flag("show_hidden", default=True),
        filters=tuple(request.args.getlist("filter")),
        orderby=request.args.get("orderby") or "type,name",
        limit=limit,
        offset=offset,
    )
    return jsonify(
        {
            "DATA_TYPE": "file_list",
            "endpoint": collection.id,
            "path": found.path,
            "absolute_path": found.path,
            "rename_supported": True,
            "symlink_supported": False,
            "offset": offset,
            "limit": limit,
            "length": len(found.entries),
            "total": found.total,
            "has_next_page": offset + len(found.entries) < found.total,
            "DATA": [file_document(entry) for entry in found.entries],
        }
    )


@blueprint.get("/operation/endpoint/<collection_id>/stat")
def show_file(collection_id: str) -> Response:
    world = current_world()
    collection = world.collections.get(collection_id)
    return jsonify(file_document(files.stat(world, current_caller(), collection, request.args.get("path"))))


@blueprint.post("/operation/endpoint/<collection_id>/mkdir")
def make_folder(collection_id: str) -> tuple[Response, int]:
    world = current_world()
    collection = world.collections.get(collection_id)
    files.make_directory(world, current_caller(), collection, text_of(body(), "path"))
    return result("mkdir_result", "DirectoryCreated", "The folder was made.", status=202)


@blueprint.post("/operation/endpoint/<collection_id>/rename")
def rename(collection_id: str) -> tuple[Response, int]:
    world, document = current_world(), body()
    collection = world.collections.get(collection_id)
    old, new = text_of(document, "old_path"), text_of(document, "new_path")
    files.rename(world, current_caller(), collection, old, new)
    return result("result", "FileRenamed", "It has its new name.")
