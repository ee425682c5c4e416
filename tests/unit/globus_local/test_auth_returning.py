"""Nobody can be sent elsewhere from the sign-in page."""

import pytest

from globus_local.auth.returning import login_url, safe_path


@pytest.mark.parametrize("path", ["/", "/file-manager?origin_path=%2Fa", "/v2/oauth2/authorize?x=https://e.example"])
def test_paths_of_this_service_are_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None, "", "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "evil.example",
        "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", " //evil.example",
    ],
)  # fmt: skip
def test_anything_else_becomes_the_start_page(path: str | None) -> None:
    assert safe_path(path) == "/"


def test_a_path_with_a_query_survives_the_sign_in_page_whole() -> None:
    assert login_url("/activity?a=1&b=ü") == "/v2/web/login?next=%2Factivity%3Fa%3D1%26b%3D%C3%BC"
