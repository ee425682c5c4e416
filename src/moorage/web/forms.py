"""How a domain's refusal of an input gets to the field that it is about."""

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms

from moorage.errors import InvalidInputError


@contextmanager
def told_in(form: forms.Form) -> Iterator[None]:
    """Turn an InvalidInputError into an error of its field, so that the member finds her form as she left it.

    Afterwards `form.is_valid()` answers whether it went through.
    """
    try:
        yield
    except InvalidInputError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
