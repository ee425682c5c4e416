from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0006_defaults_of_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrun',
            name='missing_count',
            field=models.BigIntegerField(null=True),
        ),
    ]
