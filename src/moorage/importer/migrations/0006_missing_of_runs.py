from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0005_stamps_of_lists'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrun',
            name='missing_count',
            field=models.BigIntegerField(null=True),
        ),
    ]
