"""pyspf: checks each of the worlds in the JSON on standard input, with their zones in place of the DNS."""
import json, sys
import spf


def lookup_in(zone):
    def lookup(name, qtype, strict=True, timeout=20):
        node = zone.get(str(name).lower().rstrip("."), {})
        if "fault" in node:
            raise spf.TempError("DNS " + node["fault"])
        if "CNAME" in node:
            return [((name, "CNAME"), node["CNAME"][0])]
        values = node.get(qtype, [])
        if qtype == "MX":
            values = [(preference, exchange) for preference, exchange in values]
        elif qtype == "TXT":
            values = [tuple(text.encode("latin-1") for text in strings) for strings in values]
        return [((name, qtype), value) for value in values]
    return lookup


def check(zone, client):
    spf.DNSLookup = lookup_in(zone)
    try:
        query = spf.query(i=client["ip"], s=client["sender"], h=client["helo"], receiver="mx.receiver.test",
                          strict=True, querytime=0)
        word, _, text = query.check()
        return [word, text if word in ("permerror", "temperror", "fail") else ""]
    except Exception as error:
        return ["crash", f"{type(error).__name__}: {error}"]


json.dump([check(world["zone"], client) for world in json.load(sys.stdin) for client in world["clients"]], sys.stdout)
