from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('transfers', '0006_folders_and_warnings_of_uploads'),
    ]

    operations = [
        migrations.AddField(
            model_name='upload',
            name='left_out',
            field=models.BigIntegerField(default=0),
        ),
    ]
