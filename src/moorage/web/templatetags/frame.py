"""Tags of the frame: the sidebar's links and the icons."""

from typing import Any

from django import template

from moorage.accounts.signing_up import closed_sentence
from moorage.web.frame import PERSONAL_SECTIONS, PROJECT_SECTIONS, SECTIONS, Section, project_of

register = template.Library()


@register.inclusion_tag("moorage/sidebar.html", takes_context=True)
def sidebar(context: Any) -> dict[str, Any]:
    """The places of the site, and of the project that this page is inside of."""
    current = context.get("section", "")
    project = project_of(context)
    inside = (project.pk,) if project else ()
    return {
        "sections": [_link(section, current) for section in SECTIONS],
        "project": project,
        "project_sections": [_link(section, current, *inside) for section in PROJECT_SECTIONS] if project else [],
        "personal_sections": [_link(section, current) for section in PERSONAL_SECTIONS],
        "unread_count": context.get("unread_count", 0),
        "user": context.get("user"),
        "csrf_token": context.get("csrf_token"),
    }


def _link(section: Section, current: str, *args: Any) -> dict[str, Any]:
    return {
        "key": section.key,
        "label": section.label,
        "icon": section.icon,
        "url": section.url(*args),
        "is_current": section.key == current,
    }


@register.simple_tag
def sign_up_closed() -> str:
    """Why an account cannot be made here, and what to do about it."""
    return closed_sentence()
