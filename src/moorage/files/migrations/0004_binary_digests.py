"""Digests become 32 bytes instead of 64 characters."""

from typing import Any

from django.db import migrations

import moorage.files.fields


def as_bytes(apps: Any, schema_editor: Any) -> None:
    convert_digests(schema_editor, "files_storedobject")


def convert_digests(schema_editor: Any, table: str) -> None:
    """What the new column holds are still the characters: turn them into the bytes that they stand for."""
    connection = schema_editor.connection
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.create_function("moorage_unhex", 1, bytes.fromhex, deterministic=True)
        schema_editor.execute(f"UPDATE {table} SET digest = moorage_unhex(digest) WHERE typeof(digest) = 'text'")
    else:
        schema_editor.execute(f"UPDATE {table} SET digest = decode(encode(digest, 'escape'), 'hex')")


class Migration(migrations.Migration):
    dependencies = [("files", "0003_when_owners_were_told_of_damage")]

    operations = [
        migrations.AlterField(
            model_name="storedobject",
            name="digest",
            field=moorage.files.fields.DigestBytesField(max_length=32, unique=True),
        ),
        migrations.RunPython(as_bytes, elidable=True),
    ]
