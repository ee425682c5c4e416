from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0009_reasons_of_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrun',
            name='warnings',
            field=models.JSONField(default=list),
        ),
    ]
