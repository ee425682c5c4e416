"""Files that an import brought although they are doubtful, or not what a list says: what its run says of them.

Only where somebody chose so there are any; nothing is asked of the manifest of other imports.
"""

from django.db.models import Count, Q

from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import ImportRun
from moorage.importer.register.ranges import registering
from moorage.importer.words.reasons import INCLUDED_ALTHOUGH_DOUBTFUL
from moorage.importer.words.verdicts import Compared, Verdict


def warn_of_included(job: ImportJob, run: ImportRun) -> None:
    """Count them among the run's warnings. Repeatable: what it said before is replaced.

    What came whole with another transfer, and stands in the project already, is doubtful no more.
    """
    others = [one for one in run.warnings if one["code"] != INCLUDED_ALTHOUGH_DOUBTFUL]
    sentences = _sentences(job, run) if job.choices.include_doubtful else []
    run.warnings = [*others, *({"code": INCLUDED_ALTHOUGH_DOUBTFUL, "sentence": one} for one in sentences)]


def _sentences(job: ImportJob, run: ImportRun) -> list[str]:
    differs = Q(compared=Compared.DIFFERS)
    included = registering(job, run.number).filter(warning=INCLUDED_ALTHOUGH_DOUBTFUL).order_by()
    counts = included.aggregate(
        different=Count("pk", filter=differs), doubtful=Count("pk", filter=~differs & ~Q(verdict=Verdict.IDENTICAL))
    )
    told = [
        (counts["doubtful"], "a transfer may have left it incomplete", "a transfer may have left them incomplete"),
        (counts["different"], "it is not what a list of digests says", "they are not what a list of digests says"),
    ]
    return [
        f"1 file was imported although {one}." if count == 1 else f"{count:,} files were imported although {several}."
        for count, one, several in told
        if count
    ]
