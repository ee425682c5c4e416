"""What a project prefers for imports into it: its owners choose, all its members see."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from moorage.backends import backends
from moorage.importer.asked.defaults import save_import_defaults
from moorage.projects import rules
from moorage.projects.choices import OnConflict
from moorage.projects.models import Project
from moorage.web.forms import told_in
from moorage.web.requests import MemberRequest


class DefaultsForm(forms.Form):
    """What counts where nothing else is chosen for an import."""

    on_conflict = forms.ChoiceField(
        choices=OnConflict.choices,
        label="Files that the project has already, with other content",
        help_text="What an import does with them. Whoever imports can choose otherwise.",
    )
    ignore_rules = forms.CharField(
        required=False,
        strip=False,
        label="Ignore rules",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "mono"}),
        help_text="One on each line, as in a .gitignore file: *.tmp leaves such files out everywhere, /cache/ the "
        "folder cache at the top, and !keep.tmp takes a rule back. An upload can bring more in a file .moorageignore "
        "at its top. What is left out is shown before each import, and can be imported anyway.",
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_defaults(request: MemberRequest, project_id: UUID) -> HttpResponse:
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    now = {"on_conflict": project.on_conflict, "ignore_rules": project.ignore_rules}
    form = DefaultsForm(request.POST or None, initial=now)
    if request.method == "POST":
        rules.check_may_own(request.user, project)
    if form.is_valid():
        with told_in(form):
            save_import_defaults(project=project, actor=request.user, **form.cleaned_data, at=backends().clock())
            messages.success(request, "Saved. Imports that begin from now on follow this.")
            return redirect("import-defaults", project.pk)
    told = {
        "section": "settings",
        "project": project,
        "form": form,
        "may_own": rules.may_own(request.user, project),
        "on_conflict": OnConflict(project.on_conflict).label,
    }
    return render(request, "projects/import_defaults.html", told, status=422 if form.errors else 200)


urlpatterns = [path("projects/<uuid:project_id>/import-defaults/", import_defaults, name="import-defaults")]
