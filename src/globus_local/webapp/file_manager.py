"""The pages of the file manager: the panes, one pane alone for a script, and the choice of a collection."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound

from globus_local.transfer.endpoints import Collection
from globus_local.webapp.blueprint import asked_by_script, blueprint, current_caller
from globus_local.webapp.locations import Side, Spot, View, read_view
from globus_local.webapp.panes import build_pane
from globus_local.world import current_world


@dataclass(frozen=True)
class Choice:
    """A collection that can be opened in a pane, and the link that does it."""

    collection: Collection
    url: str


@blueprint.get("/")
def home() -> Any:
    return redirect(url_for("webapp.file_manager"))


@blueprint.get("/file-manager")
def file_manager() -> Any:
    """The panes that the URL asks for."""
    view = read_view(request.args)
    world, caller = current_world(), current_caller()
    panes = [build_pane(world, caller, view=view, side=side) for side in view.sides]
    alone = view if view.origin.collection_id else replace(view, origin=view.destination, destination=Spot())
    return render_template(
        "webapp/file_manager.html",
        view=view,
        view_key=view_key(view),
        panes=panes,
        one_pane_url=replace(alone, two_pane=False).url(),
        two_pane_url=replace(view, two_pane=True).url(),
        submission_id=str(uuid.uuid4()),
    )


@blueprint.get("/file-manager/pane/<side>")
def one_pane(side: str) -> Any:
    """One pane without the page around it."""
    view = read_view(request.args)
    pane = build_pane(current_world(), current_caller(), view=view, side=known_side(side))
    return render_template("webapp/_pane.html", view=view, view_key=view_key(view), pane=pane)


@blueprint.get("/file-manager/choose")
def choose() -> Any:
    """Search the collections, and open one in the pane `side` of `view`."""
    view = read_view(request.args)
    side = known_side(request.args.get("side", ""))
    q = request.args.get("q", "").strip()
    found = current_world().collections.search(current_caller(), fulltext=q)
    opened = {each: replace(view.spot(side), collection_id=each.id, path="/", page=1) for each in found}
    choices = [Choice(each, view.with_spot(side, spot).url()) for each, spot in opened.items()]
    template = "webapp/_chooser.html" if asked_by_script() else "webapp/choose_collection.html"
    return render_template(template, view=view, view_key=view_key(view), side=side, q=q, choices=choices)


def view_key(view: View) -> str:
    """A view as forms carry it (see `actions.posted_view`)."""
    return view.url("").removeprefix("?")


def known_side(value: str) -> Side:
    """The side that a URL names, or 404."""
    if value == "origin":
        return "origin"
    if value == "destination":
        return "destination"
    raise NotFound
