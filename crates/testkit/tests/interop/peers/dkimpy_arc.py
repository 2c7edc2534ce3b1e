"""dkimpy: seals and verifies the ARC chains that stand in the JSON on standard input."""
import base64, json, logging, sys, time, types


class Result:
    def __init__(self, text):
        self.text = text.strip()
        self.method, self.result = self.text.split()[0].split("=")

    def __str__(self):
        return self.text


class Results:
    """As much of the package authres as dkimpy needs to read the one field that stands here."""

    @classmethod
    def parse(cls, field):
        results = cls()
        results.authserv_id, *rest = field.split(":", 1)[1].strip().split(";")
        results.results = [Result(text) for text in rest]
        return results


authres = types.ModuleType("authres")
authres.AuthenticationResultsHeader = Results
authres.core = types.SimpleNamespace(SyntaxError=ValueError)
sys.modules["authres"] = authres

import dkim

work = json.load(sys.stdin)
time.time = lambda: work["time"]
quiet = logging.getLogger("quiet")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


def key(name, timeout=5):
    return work["keys"].get(name.decode("latin-1").rstrip("."), "").encode()


def seal(message):
    # It seals with the newest result that stands in the message under its own name.
    message = base64.b64decode(message)
    status = dkim.arc_verify(message, logger=quiet, dnsfunc=key)[0].decode()
    results = f"Authentication-Results: {work['id']}; arc={status}; dmarc=pass header.from=signed.example\r\n"
    fields = dkim.arc_sign(results.encode() + message, work["selector"].encode(), work["domain"].encode(),
                           work["pem"].encode(), work["id"].encode(), timestamp=str(work["time"]), logger=quiet)
    return base64.b64encode(b"".join(fields) + message).decode()


def verify(message):
    try:
        return dkim.arc_verify(base64.b64decode(message), logger=quiet, dnsfunc=key)[0].decode()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


json.dump({
    "sealed": [seal(message) for message in work["seal"]],
    "verified": [verify(message) for message in work["verify"]],
}, sys.stdout)
