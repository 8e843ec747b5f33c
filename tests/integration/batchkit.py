"""One batch that does all that a batch can do, for tests of what it costs."""

from sojourn.ports import Store
from sojourn.records import Changed, Move, Outgoing, Partitions, Position
from tests.contract.storekit import NOW, full_state, letter, queued, replace, row, settled
from tests.contract.storekit import event as incoming


async def everything(store: Store, customers: list[str], name: str = "") -> None:
    """Do all that a batch can do, for so many customers; a second time under another name."""
    n = range(len(customers))
    async with store.transaction() as tx:
        loaded = await tx.load(customers, [(customer, "renewal", "*") for customer in customers])
        await tx.known([(f"e{name}{i}", b"one") for i in n])
        changes = [Changed(one, full_state(customer), NOW + 1) for customer, one in loaded.items()]
        saved = await tx.save(changes, NOW)
        await tx.save([Changed(one, replace(one.state, runs={}, tombs={}), None) for one in saved.values()], NOW + 2)
        await tx.append_inbox([incoming(f"e{name}{i}", customers[i], terms=(f"K-{i}",)) for i in n])
        await tx.append_conflicts([incoming(f"e{name}{i}", customers[i]) for i in n])
        await tx.append_dead_letters([letter() for _ in n])
        await tx.append_log([row(f"m{i}", customers[i]) for i in n])
        await tx.enqueue(
            [queued(f"m{i}", customers[i]) for i in n] + [queued(f"x{i}", customers[i], until=0) for i in n]
        )
        await tx.withdraw([f"m{i}" for i in n if i % 9 == 1])
        await tx.claim(NOW, {"sms": len(customers) * 2}, NOW + 5, "w1")
        await tx.claim(NOW + 5, {"sms": len(customers) * 2}, NOW + 9, "w1")
        await tx.settle("w1", [settled(f"m{i}", customers[i]) for i in n])
        await tx.due(NOW, 500)
        await tx.due(NOW, 500, None, Partitions(3, frozenset({0, 1})))
        await tx.now()
        await tx.next_due()
        await tx.customers(0, 9)
        await tx.customers(0, 9, "renewal")
        await tx.customers(0, 9, "renewal", 1)
        await tx.send_out([Outgoing(id=f"o{i}", topic="t", key=customers[i], body=b"{}") for i in n])
        await tx.gone_out([number for number, _ in await tx.going_out(len(n))])
        await tx.advance([Move(f"billing{name}/{i}", None, Position(1, NOW)) for i in n])
        await tx.advance([Move(f"billing{name}/{i}", 1, Position(2, NOW)) for i in n])
