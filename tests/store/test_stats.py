from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from mead.model import event as model
from mead.model.event import Event
from mead.store.events import EventStore
from mead.store.stats import stats

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def _funnel_events() -> list[Event]:
    def session(name: str, parent: str | None = None) -> Event:
        return model.SessionOpen(time=NOON, sensor="a", session=name, parent=parent, src="192.0.2.1")

    def offer(name: str, offer: str) -> Event:
        return model.OfferSeen(
            time=_at(1), sensor="a", session=name, offer=offer, url="http://h/", tool="wget"
        )

    def failed(offer: str, seconds: int, reason: str, *, final: bool) -> Event:
        return model.FetchFailed(
            time=_at(seconds), sensor="a", offer=offer, url="http://h/", reason=reason, final=final
        )

    def refused(offer: str) -> Event:
        return model.FetchRefused(
            time=_at(2), sensor="a", offer=offer, url="http://h/", reason="policy observe", policy="observe"
        )

    def login(name: str, *, success: bool) -> Event:
        return model.LoginAttempt(
            time=NOON, sensor="a", session=name, username="u", method="password", success=success
        )

    done = model.FetchDone(
        time=_at(5), sensor="a", session="fetched", offer="o1", url="http://h/", sha256="0" * 64, size=1
    )
    exploit = model.ExploitSeen(time=NOON, sensor="a", session="exploit", rule="x")
    upload = model.FileUploaded(
        time=NOON, sensor="a", session="child", path="/t", sha256="0" * 64, size=1, tool="ftp"
    )
    return [
        session("scanner"), session("refused login"), login("refused login", success=False),
        session("login"), login("login", success=True), session("exploit"), exploit,
        session("fetched"), offer("fetched", "o1"), failed("o1", 2, "timeout", final=False), done,
        session("offers"), offer("offers", "o2"), refused("o2"), offer("offers", "o3"), refused("o3"),
        offer("offers", "o4"), failed("o4", 2, "timeout", final=False), failed("o4", 9, "404", final=True),
        offer("offers", "o5"), offer("offers", "o5"),
        session("control"), session("child", "control"), msgspec.structs.replace(upload, parent="control"),
    ]  # fmt: skip


def test_the_funnel_says_how_far_sessions_came_and_why_offers_gave_nothing(
    open_store: Callable[..., EventStore],
) -> None:
    store = open_store()
    store.append("s", 1, _funnel_events())
    store.commit()
    for _ in range(2):
        funnel = stats(store.snapshot()).funnel
        assert (funnel.sessions, funnel.malicious, funnel.offered, funnel.captured) == (7, 5, 3, 2)
        assert (funnel.offers, funnel.fetched) == (5, 1)
        assert {count.name: count.count for count in funnel.left} == {
            "policy observe": 2, "404": 1, "not tried yet": 1,
        }  # fmt: skip
        store.compact()


def test_the_figures_are_those_of_the_events(
    open_store: Callable[..., EventStore], attacks: Callable[..., list[list[Event]]]
) -> None:
    store = open_store()
    events = [event for events in attacks(20) for event in events]
    store.append("s", 1, events)
    store.commit()
    store.compact()
    whole = stats(store.snapshot(), top=3)
    first, last = min(event.time for event in events), max(event.time for event in events)
    assert (whole.events, whole.first, whole.last) == (len(events), first, last)
    assert {count.name: count.count for count in whole.kinds} == Counter(event.kind for event in events)
    assert {count.name: count.count for count in whole.services} == Counter(event.service for event in events)
    days = Counter(event.time.date().isoformat() for event in events)
    assert [(count.name, count.count) for count in whole.days] == sorted(days.items())
    sources = Counter(event.src for event in events)
    assert [(source.src, source.events) for source in whole.top_sources] == sorted(
        sources.items(), key=lambda item: (-item[1], item[0])
    )[:3]
    assert whole.sources == len(sources)
    bounded = stats(store.snapshot(), since=first, until=last + timedelta(seconds=1), top=3)
    assert msgspec.structs.replace(bounded, since=None, until=None) == whole


def test_a_period_counts_only_what_is_in_it(
    open_store: Callable[..., EventStore], attacks: Callable[..., list[list[Event]]]
) -> None:
    store = open_store()
    events = [event for events in attacks(20) for event in events]
    store.append("s", 1, events)
    store.commit()
    store.compact()
    since, until = NOON, NOON + timedelta(hours=30)
    inside = [event for event in events if since <= event.time < until]
    found = stats(store.snapshot(), since=since, until=until)
    assert found.events == len(inside)
    assert found.funnel.sessions == len({event.session for event in inside})


def test_an_empty_store_has_figures_too(open_store: Callable[..., EventStore]) -> None:
    found = stats(open_store().snapshot())
    assert (found.events, found.sources, found.first, found.funnel.sessions, found.kinds) == (
        0,
        0,
        None,
        0,
        (),
    )
