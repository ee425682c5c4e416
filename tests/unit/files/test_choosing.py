from __future__ import annotations

import pytest

from moorage.files.choosing import MOST_PATHS, InvalidChoiceError, checked_choices
from moorage.projects.choices import ImportChoices


def test_choices_are_kept_in_one_form() -> None:
    chosen = ImportChoices(
        on_conflict="skip",
        target=" /raw/2026/ ",
        paths=("a/", "./b/c", "a", "caf\u00e9"),
        include=("skipped", "doubtful", "skipped"),
    )
    assert checked_choices(chosen) == ImportChoices(
        on_conflict="skip", target="raw/2026", paths=("a", "b/c", "caf\u00e9"), include=("doubtful", "skipped")
    )
    assert ImportChoices.from_json(checked_choices(chosen).as_json()) == checked_choices(chosen)
    assert checked_choices(ImportChoices(target="/")).as_json() == {}


@pytest.mark.parametrize(
    ("choices", "field", "why"),
    [
        (ImportChoices(on_conflict="overwrite"), "on_conflict", "“version”"),
        (ImportChoices(include=("doubtful", "rejected")), "include", "“skipped”"),
        (ImportChoices(target="a/../b"), "target", "“..”"),
        (ImportChoices(target="a//b"), "target", "empty name"),
        (ImportChoices(target="n" * 256), "target", "255"),
        (ImportChoices(target="a/\n/b"), "target", "control"),
        (ImportChoices(target="\ud800"), "target", "UTF-8"),
        (ImportChoices(target="n/" * 2100), "target", "4,096"),
        (ImportChoices(paths=("a", "")), "paths", "empty name"),
        (ImportChoices(paths=("../x",)), "paths", "“..”"),
        (ImportChoices(paths=("a\0b",)), "paths", "control"),
        (ImportChoices(paths=tuple(map(str, range(MOST_PATHS + 1)))), "paths", "Name folders"),
    ],
)
def test_what_no_import_could_do_is_refused_with_its_field(choices: ImportChoices, field: str, why: str) -> None:
    with pytest.raises(InvalidChoiceError, match=why) as refused:
        checked_choices(choices)
    assert refused.value.field == field
    str(refused.value).encode()
