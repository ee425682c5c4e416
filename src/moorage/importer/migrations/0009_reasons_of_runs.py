from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('importer', '0008_arrived_of_entries'),
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
