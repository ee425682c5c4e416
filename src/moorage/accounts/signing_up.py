"""Who may make an account: anybody, the invited, or people of certain domains. A setting says which."""

from django.conf import settings


def allows_form() -> bool:
    """Whether the sign-up form is open to someone of whom nothing is known yet."""
    return settings.SIGN_UP != "invitation"


def allows_domain(*names: str) -> bool:
    """Whether one of these addresses or Globus usernames is of an allowed domain (of that domain itself, no other)."""
    allowed = {domain.lower().lstrip("@") for domain in settings.SIGN_UP_DOMAINS}
    return any(name.rpartition("@")[2].lower() in allowed for name in names if "@" in name)


def closed_sentence() -> str:
    """Why an account cannot be made, and what to do about it."""
    if settings.SIGN_UP == "domains":
        domains = ", ".join(settings.SIGN_UP_DOMAINS) or "none yet"
        return f"Accounts here are for people of certain domains ({domains}). Use an address of one of them."
    return "Accounts here are by invitation. Ask an owner of the project to add you; the mail that you get leads here."
