"""dkimpy: signs and verifies what stands in the JSON on standard input."""
import base64, json, logging, sys, time
import dkim

work = json.load(sys.stdin)
time.time = lambda: work["time"]
quiet = logging.getLogger("quiet")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


def sign(job):
    message = base64.b64decode(job["message"])
    header, body = (form.encode() for form in job["c"].split("/"))
    key = job["seed"] if job["a"] == "ed25519-sha256" else job["pem"]
    signer = dkim.DKIM(message, logger=quiet)
    # One From more than there are, so that none can be added.
    names = signer.all_sign_headers() + [b"from"]
    field = signer.sign(job["selector"].encode(), job["domain"].encode(), key.encode(),
                        signature_algorithm=job["a"].encode(), canonicalize=(header, body), include_headers=names)
    return base64.b64encode(field + message).decode()


def verify(message):
    def key(name, timeout=5):
        return work["keys"].get(name.decode("latin-1").rstrip("."), "").encode()
    try:
        return "pass" if dkim.DKIM(base64.b64decode(message), logger=quiet).verify(dnsfunc=key) else "fail"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


json.dump({
    "signed": [sign(job) for job in work["sign"]],
    "verified": [verify(message) for message in work["verify"]],
}, sys.stdout)
