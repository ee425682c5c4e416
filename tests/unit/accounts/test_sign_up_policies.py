"""Who may make an account, by the setting."""

from __future__ import annotations

from pytest_django.fixtures import Settings

from moorage.accounts.signing_up import allows_domain, allows_form, closed_sentence


def test_only_sign_up_by_invitation_closes_the_form(settings: Settings) -> None:
    answers = {}
    for policy in ("open", "domains", "invitation"):
        settings.SIGN_UP = policy
        answers[policy] = allows_form()

    assert answers == {"open": True, "domains": True, "invitation": False}


def test_a_domain_is_that_domain_and_no_other(settings: Settings) -> None:
    settings.SIGN_UP_DOMAINS = ["uni.example"]

    assert allows_domain("ada@uni.example")
    assert allows_domain("ada@UNI.example")
    assert not allows_domain("ada@evil-uni.example")
    assert not allows_domain("ada@lab.uni.example")
    assert not allows_domain("ada@uni.example@accounts.google.com")
    assert not allows_domain("uni.example")
    assert not allows_domain("")


def test_one_allowed_name_of_several_suffices(settings: Settings) -> None:
    settings.SIGN_UP_DOMAINS = ["@uni.example"]

    assert allows_domain("ada@elsewhere.example", "ada@uni.example")


def test_the_refusal_says_what_to_do(settings: Settings) -> None:
    settings.SIGN_UP, settings.SIGN_UP_DOMAINS = "domains", ["uni.example"]
    assert "uni.example" in closed_sentence()

    settings.SIGN_UP = "invitation"
    assert "Ask an owner" in closed_sentence()
