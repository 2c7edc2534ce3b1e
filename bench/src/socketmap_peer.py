"""postfix-mta-sts-resolver with its own cache in memory, full of policies that are fresh:
socketmap_peer.py PORT|PATH DOMAINS asyncio|uvloop."""
import asyncio
import sys
import time

from postfix_mta_sts_resolver import utils
from postfix_mta_sts_resolver.base_cache import CacheEntry
from postfix_mta_sts_resolver.responder import STSSocketmapResponder


async def main():
    place = sys.argv[1]
    where = {"path": place} if "/" in place else {"host": "127.0.0.1", "port": int(place)}
    cfg = utils.populate_cfg_defaults({**where, "cache_grace": 86400})
    cache = utils.create_cache(cfg["cache"]["type"], cfg["cache"]["options"])
    await cache.setup()
    policy = {"version": "STSv1", "mode": "enforce", "mx": ["mx.example.com"], "max_age": 604800}
    for number in range(int(sys.argv[2])):
        await cache.set(f"domain{number}.example", CacheEntry(time.time(), "1", policy))
    responder = STSSocketmapResponder(cfg, asyncio.get_running_loop(), cache)
    await responder.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if sys.argv[3] == "uvloop" and not utils.enable_uvloop():
    sys.exit("there is no uvloop")
asyncio.run(main())
