"""An entry says which run saw it last; that it is registered follows from that, and is no longer written.

Its number becomes its key in the database, its path is found by a key whose neighbours lie in the same folder, and
problems stand on their own.
"""

from importlib import import_module
from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Subquery

import moorage.files.fields
from moorage.files.paths import path_key

SOME_ROWS = 1000


def keep_what_problems_say(apps: Any, schema_editor: Any) -> None:
    problem, entry = (apps.get_model("importer", name) for name in ("ImportProblem", "ManifestEntry"))
    theirs = entry.objects.filter(pk=OuterRef("entry_id"))
    problem.objects.update(
        path=Subquery(theirs.values("path")[:1]), kept_until=Subquery(theirs.values("remnant_until")[:1])
    )


def say_by_which_run(apps: Any, schema_editor: Any) -> None:
    entry, run = (apps.get_model("importer", name) for name in ("ManifestEntry", "ImportRun"))
    for one in run.objects.order_by("number").iterator():
        entries = entry.objects.filter(upload_id=one.upload_id)
        if one.register_fence is not None:
            entries.filter(state="registered", registered_fence=one.register_fence).update(
                state="placed", run=one.number
            )
        entries.exclude(state="registered").filter(run__lt=one.number, registered_fence=None).update(run=one.number)
    # What was registered under a right that published nothing is placed.
    entry.objects.filter(state="registered").update(state="placed")
    # An import that runs looks at its area once more.
    run.objects.filter(outcome="").update(scanned_at=None, planned_revision=None)


def give_keys(apps: Any, schema_editor: Any) -> None:
    for name, key, column in (("ManifestEntry", "number", "path_key"), ("ExpectedFile", "id", "path_digest")):
        model = apps.get_model("importer", name)
        statement = f"UPDATE {model._meta.db_table} SET {column} = %s WHERE {key} = %s"
        last = -1
        while rows := list(model.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "path")[:SOME_ROWS]):
            last = rows[-1][0]
            with schema_editor.connection.cursor() as cursor:
                cursor.executemany(statement, [(path_key(bytes(path)), pk) for pk, path in rows])


def as_bytes(apps: Any, schema_editor: Any) -> None:
    import_module("moorage.files.migrations.0004_binary_digests").convert_digests(
        schema_editor, "importer_manifestentry"
    )


class Migration(migrations.Migration):
    dependencies = [("importer", "0003_lists_of_digests"), ("files", "0004_binary_digests")]

    operations = [
        migrations.AddField("importproblem", "path", models.BinaryField(default=b""), preserve_default=False),
        migrations.AddField("importproblem", "kept_until", models.DateTimeField(null=True)),
        migrations.RunPython(keep_what_problems_say, elidable=True),
        migrations.RemoveConstraint("importproblem", "one_problem_per_entry_and_run"),
        migrations.RemoveField("importproblem", "entry"),
        migrations.AddField("manifestentry", "run", models.BigIntegerField(default=0)),
        migrations.RunPython(say_by_which_run, elidable=True),
        migrations.RemoveConstraint("manifestentry", "path_once_per_upload"),
        migrations.RemoveConstraint("manifestentry", "number_once_per_upload"),
        migrations.RemoveIndex("manifestentry", "entries_to_do"),
        migrations.RemoveIndex("manifestentry", "entries_by_verdict"),
        migrations.AlterModelOptions("manifestentry", {}),
        *(
            migrations.RemoveField("manifestentry", name)
            for name in (
                *("number", "seen", "folded", "modified_at", "version_id"),
                *("registered_fence", "registered_revision"),
            )
        ),
        migrations.RenameField("manifestentry", "id", "number"),
        migrations.AlterModelOptions("manifestentry", {"ordering": ["number"]}),
        migrations.RenameField("manifestentry", "path_digest", "path_key"),
        migrations.RunPython(give_keys, elidable=True),
        migrations.AlterField(
            "manifestentry",
            "digest",
            moorage.files.fields.DigestBytesField(blank=True, default="", max_length=32),
        ),
        migrations.RunPython(as_bytes, elidable=True),
        migrations.AddConstraint(
            "manifestentry",
            models.UniqueConstraint(fields=("upload", "path_key"), name="path_once_per_upload"),
        ),
        migrations.AddIndex("manifestentry", models.Index(fields=["upload", "number"], name="entries_of_upload")),
        migrations.AddIndex(
            "manifestentry",
            models.Index(
                condition=models.Q(("state__in", ("planned", "digested", "failed"))),
                fields=["upload", "state", "number"],
                name="entries_to_do",
            ),
        ),
        migrations.AddIndex(
            "manifestentry",
            models.Index(
                condition=models.Q(("verdict", "new"), _negated=True),
                fields=["upload", "verdict", "number"],
                name="entries_not_new",
            ),
        ),
    ]
