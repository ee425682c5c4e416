"""Delivered files are found by the key of their path, as entries of the manifest are."""

from itertools import islice
from typing import Any

from django.db import migrations

from moorage.files.paths import path_key

SOME_ROWS = 1000


def give_keys(apps: Any, schema_editor: Any) -> None:
    model = apps.get_model("transfers", "DeliveredFile")
    rows = model.objects.order_by("pk").only("pk", "path").iterator(chunk_size=SOME_ROWS)
    while some := list(islice(rows, SOME_ROWS)):
        for row in some:
            row.path_digest = path_key(bytes(row.path))
        model.objects.bulk_update(some, ["path_digest"])


class Migration(migrations.Migration):
    dependencies = [("transfers", "0002_import_choices_and_cancel")]

    operations = [migrations.RunPython(give_keys, elidable=True)]
