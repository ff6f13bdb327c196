"""What others depend on is documented: events, settings, problems and metrics, made from the code and committed."""

import pytest

from deploy import docs, registry


@pytest.mark.parametrize("page", ["events.md", "settings.md", "problems.md", "metrics.md"])
def test_the_page_is_fresh(page: str) -> None:
    assert page not in docs.stale(), "run 'make schemas' and commit the result"


def test_a_problem_without_a_sentence_is_refused() -> None:
    with pytest.raises(docs.Undocumented, match="Planted"):
        docs._sentence("no full stop", "Planted")


def test_every_setting_is_on_its_page() -> None:
    page = docs.settings()

    for service in registry.service_names():
        cls = registry.settings_of(service)
        assert cls is None or all(f"`LUMBUNG_{name.upper()}`" in page for name in cls.model_fields)


def test_a_slug_has_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for cls in registry.problems():
        statuses.setdefault(cls.slug, set()).add(cls.status)

    assert {slug: found for slug, found in statuses.items() if len(found) > 1} == {}
