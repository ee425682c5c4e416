from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0011_lists_of_the_same_files'),
    ]

    operations = [
        migrations.AddField(
            model_name='importrun',
            name='left_out_count',
            field=models.BigIntegerField(default=0),
        ),
    ]
