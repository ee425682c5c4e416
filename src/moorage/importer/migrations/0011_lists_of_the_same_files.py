from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0010_warnings_of_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='expectedfile',
            name='other_algorithm',
            field=models.CharField(blank=True, default='', max_length=10),
        ),
        migrations.AddField(
            model_name='expectedfile',
            name='other_digest',
            field=models.CharField(blank=True, default='', max_length=128),
        ),
        migrations.AddField(
            model_name='expectedlist',
            name='unused',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='expectedlist',
            name='instead',
            field=models.JSONField(default=list),
        ),
    ]
