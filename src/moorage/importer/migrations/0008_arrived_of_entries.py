from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0007_missing_of_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='manifestentry',
            name='arrived_ns',
            field=models.BigIntegerField(null=True),
        ),
    ]
