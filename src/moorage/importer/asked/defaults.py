"""What a project prefers for imports into it: what becomes of files that are there already, and what is left out."""

from datetime import datetime

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.errors import InvalidInputError
from moorage.importer.asked.previews import outdate_previews
from moorage.importer.rules.matching import check_project_rules
from moorage.projects.choices import OnConflict
from moorage.projects.models import Project
from moorage.projects.rules import check_may_own

MOST_RULES_CHARS = 20_000


def save_import_defaults(*, project: Project, actor: Member, on_conflict: str, ignore_rules: str, at: datetime) -> None:
    """Give a project another policy for conflicts and other ignore rules; imports that begin from now on follow them.

    Raises:
        ProjectRoleError: `actor` is no owner.
        IgnoreRulesError: a line is no rule.
        InvalidInputError: no such policy, or too many rules.
    """
    check_may_own(actor, project)
    if on_conflict not in OnConflict.values:
        known = ", ".join(f"“{value}”" for value in OnConflict.values)
        raise InvalidInputError(f"On a conflict an import can do {known}. Choose one of them.", field="on_conflict")
    rules = ignore_rules.replace("\r\n", "\n").rstrip()
    if len(rules) > MOST_RULES_CHARS:
        raise InvalidInputError(
            f"Ignore rules have at most {MOST_RULES_CHARS:,} characters. Put some together.", field="ignore_rules"
        )
    check_project_rules(rules)
    with transaction.atomic():
        before = {"on_conflict": project.on_conflict, "ignore_rules": project.ignore_rules}
        project.on_conflict, project.ignore_rules = on_conflict, rules
        project.save(update_fields=["on_conflict", "ignore_rules"])
        outdate_previews(project.pk)
        record(
            "project.import_defaults",
            project,
            actor=actor,
            at=at,
            project_id=project.pk,
            before=before,
            on_conflict=on_conflict,
            ignore_rules=rules,
        )
