"""One file by a plain form, for browsers without scripts. Scripts PUT to the collection itself instead."""

from __future__ import annotations

from typing import Any

from flask import request

from globus_local.data.writing import put_file
from globus_local.errors import TransferError
from globus_local.webapp.actions import done, posted_spot, refuse, refused
from globus_local.webapp.blueprint import blueprint, current_caller
from globus_local.webapp.file_manager import known_side
from globus_local.webapp.names import plain
from globus_local.world import current_world


@blueprint.post("/file-manager/upload")
def upload() -> Any:
    """One file by a plain form, for browsers without scripts. (Scripts PUT to the collection itself.)"""
    view, spot = posted_spot(known_side(request.form.get("side", "")))
    world = current_world()
    sent = request.files.get("file")
    name = (sent.filename or "").replace("\\", "/").rsplit("/", 1)[-1] if sent else ""
    if sent is None or not name:
        return refuse(view, "NoFile", "Choose a file to upload first.")
    try:
        collection = world.collections.get(spot.collection_id or "")
        put_file(world, current_caller(), collection, spot.path + name, sent.stream)
    except TransferError as error:
        return refused(view, error)
    return done(view, f"{plain(name)} is uploaded.")
