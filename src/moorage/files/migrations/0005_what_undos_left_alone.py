"""What an undo left alone is kept with it. Of earlier ones the audit record of each knows it."""

from django.db import migrations, models


def from_audit(apps, schema_editor):
    records = apps.get_model("audit", "AuditRecord").objects.filter(act__in=("upload.undone", "upload.redone"))
    revisions = apps.get_model("files", "Revision").objects
    for project_id, data in records.order_by("pk").values_list("project_id", "data").iterator():
        if data.get("left"):
            revisions.filter(project_id=project_id, number=data.get("revision"), kind="undo").update(
                left_alone=data["left"], left_named=data.get("named", [])
            )


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
        ('files', '0004_binary_digests'),
    ]

    operations = [
        migrations.AddField(
            model_name='revision',
            name='left_alone',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='revision',
            name='left_named',
            field=models.JSONField(default=list),
        ),
        migrations.RunPython(from_audit, migrations.RunPython.noop),
    ]
