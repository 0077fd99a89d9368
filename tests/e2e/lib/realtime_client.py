"""Clients of the Python package `realtime`, unpatched: broadcasts on websockets and over HTTP, presence, and the changes of a table. Ends with 0 if all came as it
should.

    realtime_client.py URL KEY     says "listening" when it waits for the changes of public.notes: 1 is inserted, updated, deleted
"""

import asyncio
import sys

from realtime import AsyncRealtimeClient

PATIENCE = 30


async def until(what, condition):
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        sys.exit(f"{what()} did not come true")


class Member:
    """A client with one channel, and what it heard there."""

    @classmethod
    async def enter(cls, url, key, name, to_itself=False):
        own = cls()
        own.heard, own.seen, own.states = [], [], []
        own.client = AsyncRealtimeClient(url, key)
        own.channel = own.client.channel("room:1", {"config": {
            "broadcast": {"ack": False, "self": to_itself},
            "presence": {"key": name, "enabled": True},
            "private": False,
        }})
        own.channel.on_broadcast("*", lambda message: own.heard.append((message["event"], message["payload"])))
        own.channel.on_presence_join(lambda key, current, new: own.seen.append(f"{key} joins"))
        own.channel.on_presence_leave(lambda key, current, left: own.seen.append(f"{key} leaves"))
        own.channel.on_presence_sync(lambda: None)
        await own.channel.subscribe(lambda state, error: own.states.append(state.value))
        if own.states != ["SUBSCRIBED"]:
            sys.exit(f"{name} could not subscribe: {own.states}")
        return own

    async def hears(self, wanted):
        await until(lambda: f"{wanted}; it is {self.heard}", lambda: len(self.heard) >= len(wanted))
        if self.heard != wanted:
            sys.exit(f"{self.heard} is not {wanted}")

    def present(self):
        shown = {key: [{name: value for name, value in meta.items() if name != "presence_ref"} for meta in metas]
                 for key, metas in self.channel.presence_state().items()}
        return dict(sorted(shown.items()))

    async def sees(self, wanted):
        await until(lambda: f"{wanted}; it is {self.present()}", lambda: self.present() == wanted)


async def rooms(url, key):
    ann = await Member.enter(url, key, "ann", to_itself=True)
    bob = await Member.enter(url, key, "bob")
    await ann.channel.send_broadcast("first", {"text": "hé ☃", "list": [1, None]})
    await bob.hears([("first", {"text": "hé ☃", "list": [1, None]})])
    await bob.channel.send_broadcast("second", {})
    await ann.hears([("first", {"text": "hé ☃", "list": [1, None]}), ("second", {})])
    await ann.channel.http_send("posted", {"a": 1})
    await bob.hears([("first", {"text": "hé ☃", "list": [1, None]}), ("posted", {"a": 1})])

    await ann.channel.track({"at": 1})
    await bob.channel.track({"at": 2})
    await ann.sees({"ann": [{"at": 1}], "bob": [{"at": 2}]})
    await bob.sees({"ann": [{"at": 1}], "bob": [{"at": 2}]})
    await ann.channel.track({"at": 3})
    await bob.sees({"ann": [{"at": 3}], "bob": [{"at": 2}]})
    await bob.channel.untrack()
    await ann.sees({"ann": [{"at": 3}]})
    await ann.client.close()
    await bob.sees({})
    await until(lambda: f"ann leaving; it is {bob.seen}", lambda: bob.seen[-1] == "ann leaves")
    await bob.client.close()


async def changes(url, key):
    client = AsyncRealtimeClient(url, key)
    channel = client.channel("notes")
    got, systems, states = [], [], []
    channel.on_postgres_changes("*", lambda change: got.append(change["data"]), table="notes", schema="public", filter="id=lt.10")
    channel.on_system(systems.append)
    await channel.subscribe(lambda state, error: states.append((state.value, error)))
    if [state for state, _ in states] != ["SUBSCRIBED"]:
        sys.exit(f"could not subscribe: {states}")
    await until(lambda: f"changes flowing; it is {systems}", lambda: any(said.extension == "postgres_changes" for said in systems))
    print("listening", flush=True)
    await until(lambda: f"three changes; it is {got}", lambda: len(got) >= 3)
    wanted = [("INSERT", {"id": 1, "owner": "ann"}, None), ("UPDATE", {"id": 1, "owner": "bob"}, None), ("DELETE", None, {"id": 1})]
    for change, (kind, record, old) in zip(got, wanted, strict=True):
        if change["type"] != kind or record and change["record"] != record or old and change["old_record"] != old:
            sys.exit(f"{change} is not {(kind, record, old)}")
    await client.close()


async def main(url, key):
    await rooms(url, key)
    await changes(url, key)


asyncio.run(main(*sys.argv[1:3]))
