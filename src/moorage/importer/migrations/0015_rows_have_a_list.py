import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("importer", "0014_rows_of_each_list"),
        ("transfers", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="expectedlist", name="list_once_per_upload"),
        migrations.AlterField(
            model_name="expectedfile",
            name="expected_list",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="rows",
                to="importer.expectedlist",
            ),
        ),
        migrations.RemoveField(model_name="expectedfile", name="source"),
        migrations.RemoveField(model_name="expectedfile", name="other_algorithm"),
        migrations.RemoveField(model_name="expectedfile", name="other_digest"),
        migrations.RemoveField(model_name="expectedlist", name="is_whole"),
        migrations.AlterField(
            model_name="expectedlist",
            name="upload",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="expected_lists",
                to="transfers.upload",
            ),
        ),
        migrations.AddConstraint(
            model_name="expectedfile",
            constraint=models.UniqueConstraint(
                fields=("upload", "path_digest", "expected_list"), name="expected_once_per_list"
            ),
        ),
        migrations.AddConstraint(
            model_name="expectedlist",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("read", "whole", "bad"))),
                fields=("upload", "place"),
                name="kept_once_per_upload",
            ),
        ),
        migrations.AddIndex(
            model_name="expectedlist",
            index=models.Index(fields=["upload", "state", "place"], name="lists_by_place"),
        ),
    ]
