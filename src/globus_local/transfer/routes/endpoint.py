"""Collections and their roles: show, search."""

from __future__ import annotations

from flask import Response, jsonify, request

from globus_local.errors import TransferError
from globus_local.transfer.endpoint_documents import endpoint_document
from globus_local.transfer.manager import check_manages
from globus_local.transfer.roles import role_document, role_documents
from globus_local.transfer.routes.blueprint import blueprint, current_caller, page_by_offset
from globus_local.world import current_world


@blueprint.get("/endpoint/<collection_id>")
def show_endpoint(collection_id: str) -> Response:
    world, caller = current_world(), current_caller()
    return jsonify(endpoint_document(world, caller, world.collections.visible(caller, collection_id)))


@blueprint.get("/endpoint_search")
def search_endpoints() -> Response:
    world, caller = current_world(), current_caller()
    found = world.collections.search(
        caller,
        scope=request.args.get("filter_scope", "all"),
        fulltext=request.args.get("filter_fulltext", ""),
        entity_type=request.args.get("filter_entity_type", ""),
        owner_id=request.args.get("filter_owner_id", ""),
    )
    shown, page = page_by_offset(found)
    documents = [endpoint_document(world, caller, each) for each in shown]
    return jsonify({"DATA_TYPE": "endpoint_list", "DATA": documents, **page})


@blueprint.get("/endpoint/<collection_id>/role_list")
def list_roles(collection_id: str) -> Response:
    caller, collection = current_caller(), current_world().collections.get(collection_id)
    check_manages(caller, collection)
    return jsonify({"DATA_TYPE": "role_list", "DATA": role_documents(collection)})


@blueprint.get("/endpoint/<collection_id>/role/<role_id>")
def show_role(collection_id: str, role_id: str) -> Response:
    caller, collection = current_caller(), current_world().collections.get(collection_id)
    check_manages(caller, collection)
    return jsonify(role_document(collection, role_id))


@blueprint.route("/endpoint/<collection_id>/role", methods=["POST"])
@blueprint.route("/endpoint/<collection_id>/role/<role_id>", methods=["DELETE"])
@blueprint.route("/endpoint/<collection_id>", methods=["PUT", "DELETE"])
def change_nothing(collection_id: str, **_: str) -> Response:
    """As for all GCSv5 collections, Transfer can only show these; here the configuration decides."""
    current_world().collections.get(collection_id)
    raise TransferError(
        "ClientError.NotSupported",
        "Collections and their roles are set in this service's configuration file, not over this API.",
        409,
    )


@blueprint.get("/endpoint/<collection_id>/my_shared_endpoint_list")
def list_my_shared_endpoints(collection_id: str) -> Response:
    current_world().collections.visible(current_caller(), collection_id)
    return jsonify({"DATA_TYPE": "endpoint_list", "DATA": []})
