from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0007_missing_of_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrun',
            name='reason',
            field=models.CharField(blank=True, default='', max_length=60),
        ),
        migrations.AddField(
            model_name='importrun',
            name='reason_text',
            field=models.TextField(blank=True, default=''),
        ),
    ]
