"""The pages that show collections: which there are, and what one is and lets the reader do."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from globus_local.webapp.blueprint import blueprint, current_caller
from globus_local.webapp.locations import Spot, View
from globus_local.webapp.panes import open_to
from globus_local.world import current_world


@blueprint.get("/collections")
def collections() -> Any:
    """The collections that the reader may know of, found by name or id."""
    q = request.args.get("q", "").strip()
    found = current_world().collections.search(current_caller(), fulltext=q)
    return render_template("webapp/collections.html", found=found, q=q)


@blueprint.get("/collections/<collection_id>")
@blueprint.get("/endpoints/<collection_id>")
def collection(collection_id: str) -> Any:
    """One collection: its names, its addresses for programs, and where the reader may go in it."""
    world, caller = current_world(), current_caller()
    found = world.collections.visible(caller, collection_id)
    spot = Spot(collection_id=found.id)
    return render_template(
        "webapp/collection.html",
        collection=found,
        open_url=View(origin=spot).url(),
        is_administrator=found.is_administered_by(caller.identity_set),
        ways_in=[(way, View(origin=way).url()) for way in open_to(world, caller, found)],
        https_server=f"{world.config.issuer}/collections-data/{found.id}",
    )
