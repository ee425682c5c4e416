from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('transfers', '0005_missing_of_uploads'),
    ]

    operations = [
        migrations.AddField(
            model_name='upload',
            name='problem_folders',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='upload',
            name='warnings',
            field=models.JSONField(default=list),
        ),
    ]
