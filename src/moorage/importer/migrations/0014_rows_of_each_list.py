import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery

IN_ORDER = {
    "sqlite": "UPDATE importer_expectedlist SET place = CAST(printf('8%019d', id) AS BLOB) WHERE source <> ''",
    "postgresql": """
        UPDATE importer_expectedlist SET place = convert_to('8' || lpad(id::text, 19, '0'), 'UTF8') WHERE source <> ''
    """,
}
THEIRS = """
    INSERT INTO importer_expectedfile
        (upload_id, path_digest, path, algorithm, digest, source, other_algorithm, other_digest, expected_list_id)
    SELECT
        mine.upload_id, mine.path_digest, mine.path, mine.other_algorithm, mine.other_digest, '', '', '',
        CASE WHEN mine.expected_list_id = found.earliest THEN found.latest ELSE found.earliest END
    FROM importer_expectedfile mine
    JOIN (
        SELECT upload_id, MIN(id) AS earliest, MAX(id) AS latest FROM importer_expectedlist
        WHERE source <> '' AND state = 'whole' GROUP BY upload_id HAVING COUNT(*) > 1
    ) found ON found.upload_id = mine.upload_id
    WHERE mine.other_digest <> ''
"""


def give_rows_to_lists(apps, schema_editor):
    """Found lists counted in the order in which they were written. What two said of a file together gets two rows.

    Of which other list the second is was not kept, so all that were found are read again at the next look.
    """
    lists = apps.get_model("importer", "ExpectedList").objects
    rows = apps.get_model("importer", "ExpectedFile").objects
    lists.filter(is_whole=True).update(state="whole")
    lists.exclude(source="").update(stamp="")
    schema_editor.execute(IN_ORDER[schema_editor.connection.vendor], params=None)
    theirs = lists.filter(upload_id=OuterRef("upload_id"), source=OuterRef("source"))
    rows.update(expected_list_id=Subquery(theirs.values("pk")[:1]))
    rows.filter(expected_list_id=None).delete()  # of lists that were being forgotten
    schema_editor.execute(THEIRS, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ("importer", "0013_unsolved_entries"),
        ("transfers", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="expectedfile", name="expected_once_per_upload"),
        migrations.AddField(
            model_name="expectedlist",
            name="place",
            field=models.BinaryField(default=b"", max_length=300),
        ),
        migrations.AddField(
            model_name="expectedlist",
            name="state",
            field=models.CharField(
                choices=[
                    ("writing", "is being written"),
                    ("read", "is written, and waits for what lies beside it"),
                    ("whole", "counts"),
                    ("bad", "cannot be understood"),
                    ("going", "does not count any more"),
                ],
                default="writing",
                max_length=7,
            ),
        ),
        migrations.AddField(
            model_name="expectedlist",
            name="fault",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="expectedfile",
            name="expected_list",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="rows",
                to="importer.expectedlist",
            ),
        ),
        migrations.RunPython(give_rows_to_lists),
    ]
