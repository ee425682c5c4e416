"""Asking for transfers and deletes."""

from __future__ import annotations

import uuid

from flask import Response, jsonify

from globus_local.transfer.routes.blueprint import blueprint, body, current_caller, result
from globus_local.transfer.submissions import Submission, submit_delete, submit_transfer
from globus_local.world import current_world


@blueprint.get("/submission_id")
def new_submission_id() -> Response:
    return jsonify({"DATA_TYPE": "submission_id", "value": str(uuid.uuid4())})


@blueprint.post("/transfer")
def submit_a_transfer() -> tuple[Response, int]:
    return _accepted("transfer", submit_transfer(current_world(), current_caller(), body()))


@blueprint.post("/delete")
def submit_a_delete() -> tuple[Response, int]:
    return _accepted("delete", submit_delete(current_world(), current_caller(), body()))


def _accepted(kind: str, submission: Submission) -> tuple[Response, int]:
    code, message = "Accepted", f"The {kind} has been accepted; a task will do it."
    if submission.is_duplicate:
        code, message = "Duplicate", f"This {kind} was submitted before; this is its task."
    return result(
        f"{kind}_result",
        code,
        message,
        status=202,
        submission_id=submission.submission_id,
        task_id=submission.task_id,
        task_link={
            "DATA_TYPE": "link",
            "href": f"/v0.10/task/{submission.task_id}?format=json",
            "rel": "related",
            "resource": "task",
            "title": "related task",
        },
    )
