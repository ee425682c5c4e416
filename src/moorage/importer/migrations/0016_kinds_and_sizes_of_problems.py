from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0015_rows_have_a_list'),
    ]

    operations = [
        migrations.AddField(
            model_name='importproblem',
            name='kind',
            field=models.CharField(
                blank=True,
                choices=[
                    ('file', 'file'),
                    ('directory', 'directory'),
                    ('symlink', 'symbolic link'),
                    ('other', 'device, socket or pipe'),
                ],
                default='',
                max_length=9,
            ),
        ),
        migrations.AddField(
            model_name='importproblem',
            name='size_bytes',
            field=models.BigIntegerField(null=True),
        ),
    ]
