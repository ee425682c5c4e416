import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def carry_over(apps, schema_editor):
    """An upload that was to be imported with its doubtful files still is."""
    uploads = apps.get_model("transfers", "Upload").objects
    uploads.filter(include_doubtful=True).update(choices={"include": ["doubtful"]})


def carry_back(apps, schema_editor):
    uploads = apps.get_model("transfers", "Upload").objects
    for upload in uploads.exclude(choices={}).only("choices"):
        if "doubtful" in upload.choices.get("include", ()):
            uploads.filter(pk=upload.pk).update(include_doubtful=True)


class Migration(migrations.Migration):

    dependencies = [
        ('transfers', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='upload',
            name='choices',
            field=models.JSONField(default=dict),
        ),
        migrations.RunPython(carry_over, carry_back),
        migrations.RemoveField(
            model_name='upload',
            name='include_doubtful',
        ),
        migrations.AddField(
            model_name='upload',
            name='cancel_asked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='upload',
            name='cancel_asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
