"""OpenDKIM's library: signs and verifies what stands in the JSON on standard input."""
import base64, ctypes, json, sys, tempfile

SETOPT, QUERYMETHOD, QUERYINFO, FIXEDTIME, QUERY_FILE = 1, 6, 7, 8, 1
FORMS = {"simple": 0, "relaxed": 1}
ALGORITHMS = {"rsa-sha256": 1, "ed25519-sha256": 2}
NAME = "DKIM-Signature: "

library = ctypes.CDLL("libopendkim.so.11")
for function in ("dkim_init", "dkim_sign", "dkim_verify"):
    getattr(library, function).restype = ctypes.c_void_p
library.dkim_getresultstr.restype = ctypes.c_char_p


def new(option, value, size):
    lib = ctypes.c_void_p(library.dkim_init(None, None))
    assert library.dkim_options(lib, SETOPT, option, value, ctypes.c_size_t(size)) == 0
    return lib


def fields_and_body(message):
    header, _, body = message.partition(b"\r\n\r\n")
    fields = []
    for line in header.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields, body


def feed(handle, message):
    """Gives the status at which it ended."""
    fields, body = fields_and_body(message)
    for field in filter(None, fields):
        status = library.dkim_header(handle, field, ctypes.c_size_t(len(field)))
        if status:
            return status
    status = library.dkim_eoh(handle)
    if status:
        return status
    if body:
        status = library.dkim_body(handle, body, ctypes.c_size_t(len(body)))
        if status:
            return status
    return library.dkim_eom(handle, ctypes.byref(ctypes.c_bool()))


def sign(lib, job):
    status = ctypes.c_int()
    header, body = (FORMS[form] for form in job["c"].split("/"))
    message = base64.b64decode(job["message"])
    handle = ctypes.c_void_p(library.dkim_sign(
        lib, b"job", None, job["pem"].encode(), job["selector"].encode(), job["domain"].encode(),
        header, body, ALGORITHMS[job["a"]], ctypes.c_ssize_t(-1), ctypes.byref(status)))
    assert handle, library.dkim_getresultstr(status.value)
    status = feed(handle, message)
    assert status == 0, (library.dkim_getresultstr(status), job)
    text, length = ctypes.c_void_p(), ctypes.c_size_t()
    assert library.dkim_getsighdr_d(handle, ctypes.c_size_t(len(NAME)), ctypes.byref(text), ctypes.byref(length)) == 0
    field = NAME.encode() + ctypes.string_at(text, length.value) + b"\r\n"
    library.dkim_free(handle)
    return base64.b64encode(field + message).decode()


def verify(lib, message):
    handle = ctypes.c_void_p(library.dkim_verify(lib, b"job", None, ctypes.byref(ctypes.c_int())))
    status = feed(handle, base64.b64decode(message))
    word = "pass" if status == 0 else library.dkim_getresultstr(status).decode()
    library.dkim_free(handle)
    return word


work = json.load(sys.stdin)
time = ctypes.c_uint64(work["time"])
signer = new(FIXEDTIME, ctypes.byref(time), 8)
with tempfile.NamedTemporaryFile("w") as keys:
    for name, record in work["keys"].items():
        keys.write(f"{name} {record}\n")
    keys.flush()
    method = ctypes.c_int(QUERY_FILE)
    verifier = new(QUERYMETHOD, ctypes.byref(method), 4)
    path = keys.name.encode()
    assert library.dkim_options(verifier, SETOPT, QUERYINFO, path, ctypes.c_size_t(len(path))) == 0
    json.dump({
        "signed": [sign(signer, job) for job in work["sign"]],
        "verified": [verify(verifier, message) for message in work["verify"]],
    }, sys.stdout)
