"""Opening an upload: the row first, then its staging area, then its rules, then OPEN (design §3)."""

import logging
import threading
from datetime import datetime
from uuid import UUID

from django.db import connections, transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import MoorageError
from moorage.globus.service import AccessRuleConflictError, AccessRuleLimitError, GlobusUnavailableError
from moorage.projects.models import Project
from moorage.storage.areas import StagingAreas
from moorage.storage.layout import StoreAwayError
from moorage.transfers import rules
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.grants import ask_for_rule, follow_reasons, seen_in_list
from moorage.transfers.models import GrantState, Upload
from moorage.transfers.naming import area_name, clean_description, clean_name
from moorage.transfers.room import check_room
from moorage.transfers.states import UploadState, UploadTransitionError

log = logging.getLogger(__name__)


def open_upload(*, project: Project, actor: Member, name: str, description: str = "", at: datetime) -> Upload:
    """Ask for a new upload: afterwards its row is REQUESTED, and `prepare_upload` or a sweep opens it.

    Raises:
        ProjectNotFoundError, ProjectRoleError: the actor may not upload into the project.
        UploadNameError, UploadDescriptionError
        NoRoomError: the disk is filled to its floor.
    """
    rules.check_may_upload(actor, project)
    clean = clean_name(name)
    words = clean_description(description)
    check_room()
    with transaction.atomic():
        upload = Upload.objects.create(
            project=project,
            owner=actor,
            name=clean,
            description=words,
            collection_id=UUID(backends().globus.collection_id),
            area_name=area_name(project_name=project.name, upload_name=clean),
            state_changed_at=at,
            created_at=at,
            last_activity_at=at,
            expires_at=at + backends().policies.upload_expires_after,
        )
        follow_reasons(upload)
        record("upload.requested", upload, actor=actor, at=at, project_id=project.pk, name=clean)
        make_due(Sweep.REQUESTS)
    return upload


def prepare_upload(upload: Upload, *, at: datetime) -> bool:
    """Make the area, get its rules, see them in the rule list, and move a REQUESTED upload to OPEN.

    An upload without a linked identity opens without a rule. Everything can be repeated. Returns
    whether the upload is OPEN now; if not, the upload says what it waits for.

    Raises:
        GlobusUnavailableError, GlobusRefusedError, StoreAwayError: the upload says so, and a sweep goes on.
    """
    state = upload.current_state
    if state is not UploadState.REQUESTED:
        return state is UploadState.OPEN
    # A role or account that ended beside Create did not see this row yet; from now on whatever ends does.
    follow_reasons(Upload.objects.select_related("owner", "project").get(pk=upload.pk))
    try:
        StagingAreas(backends().store).make(upload.area_name)
        rules_seen = _get_rules(upload, at=at)
    except MoorageError as error:
        _say(upload, error.code, _sentence_of(error))
        if isinstance(error, AccessRuleConflictError):
            make_due(Sweep.GRANTS)
        if isinstance(error, (AccessRuleLimitError, AccessRuleConflictError)):
            return False
        raise
    if "" in rules_seen.values():
        _note_seen(rules_seen, at=at)
        _say(upload, "globus.rule_unseen", "Waiting until Globus shows the access rule. This goes on by itself.")
        return False
    _open(upload, rules_seen, at=at)
    return upload.state == UploadState.OPEN


def prepare_within_patience(upload: Upload, *, at: datetime) -> None:
    """What a page does after Create: prepare the upload, but wait for Globus for the policies' patience only.

    What takes longer goes on without the page. Whatever Globus answers, the upload says it.
    """
    worker = threading.Thread(target=_prepare_apart, args=(upload.pk, at), name="prepare upload", daemon=True)
    worker.start()
    worker.join(backends().policies.globus_patience_seconds)
    upload.refresh_from_db()


def _prepare_apart(upload_id: UUID, at: datetime) -> None:
    try:
        prepare_upload(Upload.objects.get(pk=upload_id), at=at)
    except MoorageError as error:
        log.info("upload %s is not open yet: %s", upload_id, error)
    except Exception:
        log.exception("upload %s could not be prepared; the sweep tries again", upload_id)
    finally:
        connections.close_all()


def _get_rules(upload: Upload, *, at: datetime) -> dict[UUID, str]:
    """Ask Globus for what is wanted. Returns the rules that stand in its rule list, by grant; empty for one that does
    not stand there yet.
    """
    wanted = upload.grants.filter(desired=GrantState.GRANTED)
    for grant in wanted.exclude(actual=GrantState.GRANTED):
        ask_for_rule(grant, at=at)
    if not wanted.exists():
        return {}
    standing = {(str(rule.path), str(rule.identity)): str(rule.id) for rule in backends().globus.list_access()}
    return {grant.pk: standing.get((grant.path, str(grant.identity_id)), "") for grant in wanted.all()}


def _sentence_of(error: MoorageError) -> str:
    """What an upload says that waits because of this."""
    if isinstance(error, AccessRuleLimitError):
        return (
            "The Globus collection has no access rule left to give. This upload opens by itself as soon as "
            "another one has been finished or deleted."
        )
    if isinstance(error, AccessRuleConflictError):
        return "An older access rule is in the way and is being taken away. This goes on by itself."
    if isinstance(error, GlobusUnavailableError):
        return "Globus does not answer at the moment. This upload opens by itself when it does."
    if isinstance(error, StoreAwayError):
        return f"{error} This upload opens by itself when it is back."
    return f"{error} This upload opens by itself when that is mended."


def _note_seen(rules_seen: dict[UUID, str], *, at: datetime) -> None:
    for grant_id, rule in rules_seen.items():
        if rule:
            seen_in_list(grant_id, rule_id=rule, at=at)


def _open(upload: Upload, rules_seen: dict[UUID, str], *, at: datetime) -> None:
    # One transaction for all of it: beside an import each waits for its turn. The upload's row before those of its
    # grants, as whoever closes it does.
    with transaction.atomic():
        try:
            upload.transition_to(UploadState.OPEN, at=at, opened_at=at, reason="", reason_text="")
        except UploadTransitionError:
            return  # another process opened it, or DELETE won
        _note_seen(rules_seen, at=at)
        record("upload.opened", upload, actor=None, at=at, project_id=upload.project_id)


def _say(upload: Upload, reason: str, sentence: str) -> None:
    """Tell on the upload what it waits for."""
    requested = Upload.objects.filter(pk=upload.pk, state=UploadState.REQUESTED)
    requested.exclude(reason=reason, reason_text=sentence).update(reason=reason, reason_text=sentence)
    upload.reason, upload.reason_text = reason, sentence
