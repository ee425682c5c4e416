"""An entry keeps why a run did not import it while a later one leaves it out; a run says how many it has left out."""

from typing import Any

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Greatest, JSONArray

from moorage.files.paths import path_key

LEFT_OUT = ("entry.not_selected", "entry.ignored", "entry.exists")
SOME_ROWS = 500


def keep_what_runs_say(apps: Any, schema_editor: Any) -> None:
    entry = apps.get_model("importer", "ManifestEntry")
    told = entry.objects.filter(Q(verdict__in=("rejected", "doubtful")) | Q(state="failed"), run__gt=0)
    told.exclude(reason="").exclude(reason__in=LEFT_OUT).update(unsolved=JSONArray("reason", "reason_text"))
    apps.get_model("importer", "ImportRun").objects.update(untried_count=F("left_out_count"))


def find_what_retries_have_hidden(apps: Any, schema_editor: Any) -> None:
    """Of what an upload's newest run has left out, an earlier one may have told another reason: that counts again."""
    entry, problem, upload = (
        apps.get_model(*name)
        for name in (("importer", "ManifestEntry"), ("importer", "ImportProblem"), ("transfers", "Upload"))
    )
    for one in upload.objects.filter(left_out__gt=0, state__in=("imported", "failed"), runs__number__gt=1).distinct():
        skipped = entry.objects.filter(upload_id=one.pk, verdict="skipped").exclude(kind="directory")
        earlier = problem.objects.filter(run__upload_id=one.pk).exclude(code__in=(*LEFT_OUT, "entry.not_there"))
        last = -1
        while some := list(earlier.filter(pk__gt=last).order_by("pk")[:SOME_ROWS]):
            last = some[-1].pk
            for told in some:
                skipped.filter(path_key=path_key(bytes(told.path))).update(unsolved=[told.code, told.sentence])
        hidden = skipped.filter(unsolved__isnull=False).count()
        upload.objects.filter(pk=one.pk).update(left_out=Greatest(F("left_out") - hidden, 0))


class Migration(migrations.Migration):
    dependencies = [
        ("importer", "0012_left_out_of_runs"),
        ("transfers", "0007_left_out_of_uploads"),
    ]

    operations = [
        migrations.AddField("manifestentry", "unsolved", models.JSONField(null=True)),
        migrations.RemoveField("manifestentry", "remnant_until"),
        migrations.AddField("importrun", "untried_count", models.BigIntegerField(default=0)),
        migrations.RunPython(keep_what_runs_say, elidable=True),
        migrations.RunPython(find_what_retries_have_hidden, elidable=True),
    ]
