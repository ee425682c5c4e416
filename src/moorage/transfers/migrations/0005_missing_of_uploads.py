from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('transfers', '0004_downloads'),
    ]

    operations = [
        migrations.AddField(
            model_name='upload',
            name='missing',
            field=models.BigIntegerField(default=0),
        ),
    ]
