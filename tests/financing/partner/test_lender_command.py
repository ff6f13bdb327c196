"""`lumbung lender add`: what is wrong on the command line is said before anything is made."""

import pytest
from click.testing import CliRunner

from deploy.cli import lenders


@pytest.mark.parametrize("slug", ["ab", "Bank X", "bank_x", "bank\n", "x" * 31, ""])
def test_a_wrong_slug_is_refused_with_the_rule(slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack is asked, so no machine client is left behind in identity."""
    monkeypatch.setattr(lenders, "_run", lambda _: pytest.fail("the stack was asked"))
    said = CliRunner().invoke(lenders.lender, ["add", "Bank X", "--slug", slug])
    assert said.exit_code == 2
    assert "3 to 30 small letters, digits and hyphens" in said.output
