"""A form field's widget with its class, and tied to its help and errors for screen readers."""

from typing import Any

from django import forms, template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def styled(field: BoundField) -> SafeString:
    """The field's widget as this site draws it."""
    widget = field.field.widget
    attrs: dict[str, Any] = {"class": _css_class(widget)}
    told = [f"{field.auto_id}_helptext"] if field.help_text else []
    told += [f"{field.auto_id}_error"] if field.errors else []
    if told:
        attrs["aria-describedby"] = " ".join(told)
    # A label says what is wanted; a placeholder that repeats it vanishes when it is needed.
    widget.attrs.pop("placeholder", None)
    return field.as_widget(attrs=attrs)


def _css_class(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxInput):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"
