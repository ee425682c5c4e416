"""What the file manager's forms do: make a folder, rename, delete, transfer. Uploading is in `uploading.py`.

Each works with and without scripts: a script gets JSON, a person is sent back to the page with a notice.
Who may do what is judged by the functions of `transfer` and `data` that are called here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from flask import abort, flash, jsonify, render_template, request, url_for
from markupsafe import Markup

from globus_local.errors import TransferError
from globus_local.transfer import files
from globus_local.transfer.submissions import submit_delete, submit_transfer
from globus_local.webapp.blueprint import asked_by_script, blueprint, current_caller, see_other
from globus_local.webapp.file_manager import known_side, view_key
from globus_local.webapp.locations import Side, Spot, View, read_view
from globus_local.webapp.names import decode, plain
from globus_local.webapp.wording import count
from globus_local.world import current_world

LABEL_LETTERS = 128
FLASH_LETTERS = 600  # it travels in a cookie, and a path may have 4,000 bytes


@blueprint.post("/file-manager/folder")
def make_folder() -> Any:
    """Make one folder in the pane's folder. A script may name one deeper down (`name` with slashes)."""
    view, spot = posted_spot(known_side(request.form.get("side", "")))
    world = current_world()
    name = request.form.get("name", "").strip("/")
    if not name:
        return refuse(view, "NoName", "Give the new folder a name.")
    try:
        collection = world.collections.get(spot.collection_id or "")
        files.make_directory(world, current_caller(), collection, spot.path + name)
    except TransferError as error:
        if error.code.endswith("Exists"):
            message = f"There is something called {plain(name)} here already."
            return refuse(view, "Exists", message, status=409)
        return refused(view, error)
    return done(view, f"The folder {plain(name)} is made.")


@blueprint.post("/file-manager/rename")
def rename() -> Any:
    """Rename one entry of the pane's folder."""
    view, spot = posted_spot(known_side(request.form.get("side", "")))
    world = current_world()
    old, new = decode(request.form.get("old_name", "")), request.form.get("name", "")
    if not new or "/" in new:
        return refuse(view, "NoName", "A name cannot be empty or have a slash in it. Type another one.")
    try:
        collection = world.collections.get(spot.collection_id or "")
        files.rename(world, current_caller(), collection, spot.path + old, spot.path + new)
    except TransferError as error:
        return refused(view, error)
    return done(view, f"{plain(old)} is now called {plain(new)}.")


@blueprint.post("/file-manager/delete")
def delete() -> Any:
    """Delete what is selected in a pane, as a task. Without `confirmed`, ask first."""
    side = known_side(request.args.get("side", ""))
    view, spot = posted_spot(side)
    names = _selected(side)
    if not names:
        return refuse(view, "NothingSelected", "Select what to delete first.")
    if "confirmed" not in request.form:
        return render_template(
            "webapp/confirm_delete.html",
            view=view,
            view_key=view_key(view),
            side=side,
            spot=spot,
            names=names,
        )
    document = {
        "DATA_TYPE": "delete",
        "endpoint": spot.collection_id,
        "label": f"Delete {plain(names[0]) if len(names) == 1 else count(len(names), 'item', 'items')}",
        "recursive": True,
        "ignore_missing": False,
        "interpret_globs": False,
        "DATA": [{"DATA_TYPE": "delete_item", "path": spot.path + name} for name in names],
    }
    document["label"] = str(document["label"])[:LABEL_LETTERS]
    try:
        submission = submit_delete(current_world(), current_caller(), document)
    except TransferError as error:
        return refused(view, error)
    return done(view, f"{count(len(names), 'item is', 'items are')} being deleted.", submission.task_id)


@blueprint.post("/file-manager/transfer")
def transfer() -> Any:
    """Transfer what is selected in the pane `side` into the other pane's folder, as a task."""
    side = known_side(request.args.get("side", ""))
    view, source = posted_spot(side)
    target = view.spot("destination" if side == "origin" else "origin")
    names = _selected(side)
    if not names:
        where = "left" if side == "origin" else "right"
        return refuse(view, "NothingSelected", f"Select what to transfer in the {where} pane first.")
    if source.collection_id is None or target.collection_id is None:
        return refuse(view, "NoCollection", "Choose a collection in both panes first.")
    document = _transfer_document(source, target, names)
    try:
        submission = submit_transfer(current_world(), current_caller(), document)
    except TransferError as error:
        return refused(view, error)
    said = "was started before" if submission.is_duplicate else "has started"
    return done(view, f"The transfer of {count(len(names), 'item', 'items')} {said}.", submission.task_id)


def _transfer_document(source: Spot, target: Spot, names: Sequence[str]) -> dict[str, Any]:
    # No `recursive`: Globus looks by itself whether an item is a folder.
    items = [
        {
            "DATA_TYPE": "transfer_item",
            "source_path": source.path + name,
            "destination_path": target.path + name,
        }
        for name in names
    ]
    document: dict[str, Any] = {
        "DATA_TYPE": "transfer",
        "source_endpoint": source.collection_id,
        "destination_endpoint": target.collection_id,
        "verify_checksum": "verify" in request.form,
        "preserve_timestamp": "preserve" in request.form,
        "DATA": items,
    }
    if label := request.form.get("label", "").strip():
        document["label"] = label[:LABEL_LETTERS]
    if (sync := request.form.get("sync", "")) in {"0", "1", "2", "3"}:
        document["sync_level"] = int(sync)
    if submission_id := request.form.get("submission_id", ""):
        document["submission_id"] = submission_id
    return document


def posted_spot(side: Side) -> tuple[View, Spot]:
    """The view that the form was on, and the spot of one of its panes."""
    view = read_view(dict(parse_qsl(request.form.get("view", ""), keep_blank_values=True)))
    if view.spot(side).collection_id is None:
        abort(400, "This form belongs to no collection. Go back, reload the page, and try again.")
    return view, view.spot(side)


def _selected(side: Side) -> list[str]:
    return [decode(value) for value in request.form.getlist(f"{side}_name")]


def done(view: View, message: str, task_id: str | None = None) -> Any:
    link = url_for("webapp.task", task_id=task_id) if task_id else None
    if asked_by_script():
        return jsonify(message=message, task_id=task_id, link=link)
    if link:
        message = Markup('{} <a href="{}">Watch it</a>').format(message, link)
    flash(message, "success")
    return see_other(view.url())


def refuse(view: View, code: str, message: str, *, status: int = 400) -> Any:
    if asked_by_script():
        return jsonify(code=code, message=message), status
    flash(message[:FLASH_LETTERS], "warning")
    return see_other(view.url())


def refused(view: View, error: TransferError) -> Any:
    return refuse(view, error.code, error.message, status=error.http_status)
