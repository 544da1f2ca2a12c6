"""One process's reactors: a group member over the journals it is given, a DomainReactor for each it owns."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from reactors.granting import Terms
from reactors.io.reactor import ROLE, DomainReactor, Pace, Parts
from reactors.stops import FoldFailed
from streams.errors import Fenced, LogUnavailable
from streams.ports import Entry, Subscription

logger = logging.getLogger("everfresh.reactor")

FETCH_MAX = 2_000
"""entries of one turn"""

_IDLE_MS = 1_000
_RETRY_MS = 500
_LOOK_MS = 2_000

Place = tuple[str, int]


class ReactorHost:
    """Follows the group: takes journals over as they come, lets them go as they leave."""

    def __init__(
        self, domains: Sequence[str], parts: Parts, terms: Terms | None = None, pace: Pace | None = None
    ) -> None:
        self._parts, self._terms, self._pace = parts, terms or Terms(), pace or Pace()
        self._names = {parts.topics.journal(domain).name: domain for domain in domains}
        self.reactors: dict[Place, DomainReactor] = {}
        self.turned = asyncio.Event()  # a turn went through: what is this process's own is taken over
        self._stopped: dict[Place, int] = {}  # how far operators' overrides were read when it stopped
        self._looked_at = 0
        self._settling: asyncio.Task[None] | None = None
        self._settled_at = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Turn until `stop` is set; then flush, snapshot and leave."""
        while not stop.is_set():
            try:
                subscription = await self._parts.log.subscribe(self._parts.topics.group(ROLE), list(self._names))
            except LogUnavailable as error:
                await self._pause(error)
                continue
            try:
                while not stop.is_set() and not await self._is_overruled():
                    await self.turn(subscription)
                await self._leave(subscription)
            except Fenced as error:
                logger.warning("%s; joining the group again", error)
            except LogUnavailable as error:
                # What was fetched is not fetched again, and what was emitted of it is unknown: only a new member
                # begins where the group stood, and repeats it.
                await self._pause(error)
            finally:
                await self._break_off()
                await self.let_go(list(self.reactors))
                await subscription.close()

    async def let_go(self, places: Iterable[Place]) -> None:
        """Forget these, without a last word."""
        for place in places:
            await self.reactors.pop(place).let_go()

    async def _pause(self, error: LogUnavailable) -> None:
        logger.warning("%s; joining the group again", error)
        await self._parts.clock.sleep(_RETRY_MS)

    async def turn(self, subscription: Subscription) -> None:
        """Fetch once and let each domain have its share.

        Raises Fenced where another process owns a domain that this one still thought its own, LogUnavailable when the
        turn must be repeated by a new member, from where the group stands.
        """
        waits = [one.next_wait_ms(_IDLE_MS, not subscription.behind(*at)) for at, one in self.reactors.items()]
        batches = await subscription.fetch(FETCH_MAX, min([self._settle_wait_ms(), *waits]))
        await asyncio.sleep(0)  # a turn may have nothing to wait for; whatever else is under way needs its turn too
        await self._follow(subscription, batches)
        for place, reactor in list(self.reactors.items()):
            await self._serve(subscription, place, reactor, batches.get(place, ()))
        self._settle(subscription)
        self.turned.set()

    async def _follow(self, subscription: Subscription, batches: Mapping[Place, Sequence[Entry]]) -> None:
        owned = subscription.owned()
        for place in [place for place in self.reactors if place not in owned]:
            logger.info("domain %s: another process takes over", self.reactors[place].name)
            await self.let_go([place])
        for place in sorted(owned - self._stopped.keys()):
            entries = batches.get(place)
            position = entries[0].offset if entries else await subscription.position(*place)
            if place in self.reactors and position > self.reactors[place].next:
                await self.let_go([place])  # it was another's meanwhile, which folded what this one never saw
            if place not in self.reactors:
                await self._take_over(place, position)

    async def _take_over(self, place: Place, position: int) -> None:
        reactor = DomainReactor(self._names[place[0]], self._parts, self._terms, self._pace)
        self.reactors[place] = reactor  # before it claims its name, so that it lets go of that whatever comes
        try:
            await reactor.restore(position)
            logger.info("domain %s: taken over at offset %d", reactor.name, reactor.next)
        except FoldFailed as error:
            await self._stop(place, reactor, error)

    async def _serve(
        self, subscription: Subscription, place: Place, reactor: DomainReactor, entries: Sequence[Entry]
    ) -> None:
        caught_up = not subscription.behind(*place)
        try:
            if entries:
                await reactor.turn(entries, caught_up)
            await reactor.tick(caught_up)
        except FoldFailed as error:
            await self._stop(place, reactor, error)

    async def _stop(self, place: Place, reactor: DomainReactor, error: FoldFailed) -> None:
        """Go on without this domain; its position stays where it is."""
        logger.error("%s", error)
        await reactor.stop(error.said)
        await self.let_go([place])
        self._stopped[place] = reactor.overruled

    async def _is_overruled(self) -> bool:
        """One has stopped, and an operator said something since: only a new member begins where the group stands."""
        now = self._parts.clock.monotonic_ms()
        if not self._stopped or now - self._looked_at < _LOOK_MS:
            return False
        self._looked_at = now
        end = (await self._parts.log.bounds(self._parts.topics.overrides.name))[0][1]
        if all(end <= read for read in self._stopped.values()):
            return False
        logger.info("an operator overruled something; what stopped is tried again")
        self._stopped.clear()
        return True

    def _settle_wait_ms(self) -> int:
        """How long until states are to be flushed and positions to be moved."""
        if self._parts.transactional or not any(one.unsettled for one in self.reactors.values()):
            return _IDLE_MS
        if self._settling is not None and not self._settling.done():
            return self._pace.flush_ms
        return max(0, self._settled_at + self._pace.flush_ms - self._parts.clock.monotonic_ms())

    def _settle(self, subscription: Subscription) -> None:
        """Where states and positions can't move with the outputs, do it beside the turns: a transaction takes 30 ms.

        One at a time; what made one fail is raised in the next turn.
        """
        if self._settling is not None:
            if not self._settling.done():
                return
            done, self._settling = self._settling, None
            done.result()
        if self._settle_wait_ms() == 0:
            self._settled_at = self._parts.clock.monotonic_ms()
            self._settling = asyncio.create_task(self._settled(subscription), name="everfresh-reactor-settling")

    async def _settled(self, subscription: Subscription) -> None:
        """Flush the states, then move the positions: a crash repeats what it must, and skips nothing."""
        moved = {}
        for place, reactor in list(self.reactors.items()):
            try:
                offset = await reactor.flush()
            except Fenced:
                if self.reactors.get(place) is reactor:
                    raise
                continue  # let go of meanwhile: it is another's to say
            if offset > reactor.committed and self.reactors.get(place) is reactor:
                moved[place] = offset
        if moved:
            await subscription.commit(moved)
        for place, offset in moved.items():
            if place in self.reactors:
                self.reactors[place].committed = max(self.reactors[place].committed, offset)

    async def _break_off(self) -> None:
        """Stop settling; its failure is no news any more."""
        settling, self._settling = self._settling, None
        if settling is not None:
            settling.cancel()
            await asyncio.wait([settling])
            if not settling.cancelled():
                settling.exception()

    async def _leave(self, subscription: Subscription) -> None:
        """Send what is on its way, move the positions there, so that whoever comes next repeats nothing."""
        if self._settling is not None:
            settling, self._settling = self._settling, None
            await settling
        for reactor in self.reactors.values():
            await reactor.sent()
        if not self._parts.transactional:
            await self._settled(subscription)
        for reactor in self.reactors.values():
            await reactor.close()
