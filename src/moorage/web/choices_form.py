"""The form of what a member chooses for an import."""

from typing import Any

from django import forms

from moorage.projects.choices import DOUBTFUL, SKIPPED, ImportChoices, OnConflict
from moorage.projects.models import Project


class ChoicesForm(forms.Form):
    """The choices of an import. Nothing has to be chosen."""

    on_conflict = forms.ChoiceField(
        required=False,
        label="Files that the project has already, with other content",
        help_text="Identical files are left alone whatever you choose. Where the project's files are kept, none is "
        "read to find out: what is not known to be identical is left out.",
    )
    target = forms.CharField(
        required=False,
        strip=True,
        label="Folder of the project",
        help_text="Where the files go, such as raw/2026; it is made if it is not there. Empty: the first folder.",
    )
    paths = forms.CharField(
        required=False,
        label="Only a part",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="A path of the upload on each line; a folder stands for all that it holds. Empty: everything. "
        "The rest can be imported later.",
    )
    include = forms.MultipleChoiceField(
        required=False,
        label="Import besides",
        choices=[
            (DOUBTFUL, "doubtful files: a transfer may have left them incomplete, or a list says otherwise"),
            (SKIPPED, "files that an ignore rule leaves out"),
        ],
    )

    def __init__(self, project: Project, chosen: Any = None, *, initial: ImportChoices | None = None) -> None:
        super().__init__(chosen, initial=as_fields(initial or ImportChoices()))
        default = OnConflict(project.on_conflict).label.lower()
        field = self.fields["on_conflict"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - it is declared above
        field.choices = [("", f"As the project has it: {default}"), *OnConflict.choices]

    def choices(self) -> ImportChoices:
        """What a valid form chose."""
        lines = (line.strip() for line in self.cleaned_data["paths"].splitlines())
        return ImportChoices(
            on_conflict=self.cleaned_data["on_conflict"],
            target=self.cleaned_data["target"],
            paths=tuple(line for line in lines if line),
            include=tuple(self.cleaned_data["include"]),
        )


def as_fields(choices: ImportChoices) -> dict[str, Any]:
    """Choices as the form has them."""
    return {
        "on_conflict": choices.on_conflict,
        "target": choices.target,
        "paths": "\n".join(choices.paths),
        "include": list(choices.include),
    }
