//! The parts about `mailward serve`.

use super::{Key, Part, default, example, table};

const fn part(head: &'static str, about: &'static [&'static str], keys: &'static [Key]) -> Part {
    Part { head, about, keys, example: false, lines: &[] }
}

/// A table with free names.
const fn free(head: &'static str, about: &'static [&'static str], lines: &'static [&'static str]) -> Part {
    Part { head, about, keys: &[], example: true, lines }
}

pub(in super::super) static RECEIVING: Part = part(
    "[receiving]",
    &["What is checked of inbound mail, and what is written on it."],
    &[
        example(
            "authserv_id",
            "\"mx.example.com\"",
            &["Our name in Authentication-Results. By default the name of the host."],
        ),
        example(
            "other_ids",
            "[\"mx2.example.com\"]",
            &["Other names of ours: Authentication-Results of these that come in are removed as well."],
        ),
        default(
            "other_fields",
            "[\"X-Authentication-Results\"]",
            &["Header fields that are treated like Authentication-Results."],
        ),
        example(
            "removed_fields",
            "[\"X-Spam-*\", \"X-Virus-Scanned\"]",
            &["Header fields that are removed from inbound mail, as readers would take them for ours."],
        ),
        default(
            "received_spf",
            "false",
            &["Add Received-SPF (RFC 7208 §9.1) too, and remove those that come in."],
        ),
        default(
            "spf_counts",
            "\"always\"",
            &[
                "Which SPF passes DMARC counts: \"always\", \"unless-permissive\" (+all and the like), or \"never\".",
            ],
        ),
        example(
            "trusted_sealers",
            "[\"lists.example.org\"]",
            &["ARC sealers (d=) that are believed where DMARC fails."],
        ),
        default(
            "deadline",
            "\"20s\"",
            &["How long a message waits for the DNS at most; what is missing then is a temperror."],
        ),
    ],
);

pub(in super::super) static DNS: Part = part(
    "[dns]",
    &["Who answers DNS questions."],
    &[
        example(
            "servers",
            "[\"127.0.0.1\", \"tls://192.0.2.53#dns.example.net\"]",
            &["Resolvers, best first; at most three. By default those of /etc/resolv.conf."],
        ),
        default(
            "trusted",
            "false",
            &[
                "Whether they validate DNSSEC and are believed when they say so (only on loopback or over TLS).",
            ],
        ),
    ],
);

pub(in super::super) static NETWORK: Part = part(
    "[network]",
    &["Which way a message goes: in, to be checked, or out, to be signed."],
    &[
        default("own", "[\"127.0.0.0/8\", \"::1\"]", &["Networks whose mail is the site's own."]),
        example(
            "relays",
            "[\"192.0.2.25\"]",
            &["Upstream relays and backup MXs. SPF judges the first host outside of them."],
        ),
        default(
            "directions",
            concat!(
                "[\"bounce: outbound\", \"local: outbound\", \"authenticated: outbound\", \"relay: inbound\",\n",
                "#    \"own-network: outbound\"]",
            ),
            &["The first that fits decides, where the listener does not; what fits none is inbound."],
        ),
    ],
);

pub(in super::super) static POLICY: Part = part(
    "[policy]",
    &["What is done with inbound mail that has its verdict."],
    &[
        default(
            "mode",
            "\"observe\"",
            &[
                "\"observe\": every message is accepted and tagged. \"quarantine\": what domains want quarantined or rejected is also",
                "marked. \"enforce\": what should be refused is also refused. Listeners, author domains and recipient domains may",
                "have modes of their own.",
            ],
        ),
        example(
            "own_domains",
            "[\"example.com\"]",
            &["The domains of the site: who fails as one of them is no stranger whose mail is unknown here."],
        ),
        default(
            "refuse",
            "\"known\"",
            &[
                "What a refusal of a failure under p=reject needs: \"known\": all that docs/serve.md says, so that lists and forwarders",
                "survive. \"policy\": nothing else. That is against RFC 9989 §7.4 and loses mail of lists and forwarders.",
            ],
        ),
        example(
            "forwarders",
            "[\"192.0.2.0/24\", \"alumni.example.org\"]",
            &[
                "Known forwarders: networks, or domains for which SPF or DKIM passes. Their failures are never refused.",
            ],
        ),
        example("lists", "[\"lists.example.org\"]", &["The same for mailing lists,"]),
        example("exempt", "[\"198.51.100.7\"]", &["and for others that have a reason to send what fails."]),
        example(
            "allow",
            "[\"partner.example\"]",
            &["Let in whatever SPF or DKIM passes for one of these domains."],
        ),
        example(
            "allow_authors",
            "[\"monitor.example\"]",
            &[
                "Let in whatever has such an author. Anybody can write that into From: use allow where it will do.",
            ],
        ),
        example("deny_authors", "[\"unwanted.example\"]", &["Refuse whatever has such an author."]),
        example(
            "max_copies",
            "100",
            &[
                "Rule replayed: more messages than this with one signature of their author, from hosts that are not the author's.",
            ],
        ),
        example("max_signature_age", "\"7d\"", &["The same rule: signatures older than this."]),
        default(
            "hold",
            "false",
            &["Hold what is quarantined in the queue of the MTA until somebody looks at it."],
        ),
        default(
            "marking_field",
            "\"X-Mailward\"",
            &["The header field by which messages are marked; the same on mail that comes in is removed."],
        ),
        default("mark_all", "false", &["Put that field also on messages of which nothing is to be said."]),
        table("authors"),
        table("recipients"),
        table("rules"),
        table("replies"),
    ],
);

pub(in super::super) static STORE: Part = part(
    "[store]",
    &["What is kept of messages, for reports and for local policy: docs/store.md."],
    &[
        example(
            "path",
            "\"/var/lib/mailward\"",
            &["The folder of the data. By default mailward-data, below where the program is started."],
        ),
        example(
            "url",
            "\"postgres://mailward@db.example.net/mailward?sslmode=verify-full\"",
            &["A PostgreSQL in place of SQLite in that folder."],
        ),
        default("days", "90", &["How long rows are kept,"]),
        default("megabytes", "4096", &["and how many megabytes of them at most."]),
    ],
);

pub(in super::super) static WEB: Part = part(
    "[web]",
    &["Pages over HTTP, for whoever can connect: /metrics and /healthz."],
    &[default(
        "address",
        "\"127.0.0.1:8890\"",
        &[
            "An IP address and a port; \"\" for no pages. Another than one of this host shows them to the network.",
        ],
    )],
);

pub(in super::super) static LOG: Part = part(
    "[log]",
    &["One line a message, on standard error."],
    &[default("format", "\"logfmt\"", &["\"logfmt\" or \"json\"."])],
);

pub(in super::super) static DAEMON: Part = part(
    "[daemon]",
    &["The process."],
    &[
        example(
            "user",
            "\"mailward\"",
            &["Whose rights it keeps where it is started as root, once its sockets are open."],
        ),
        default(
            "connections",
            "10000",
            &["How many connections a listener takes; fewer where the system gives fewer file descriptors."],
        ),
        default(
            "sandbox",
            "true",
            &[
                "Give up the right to write files and to run programs, where the kernel can do that (Landlock).",
            ],
        ),
    ],
);

pub(in super::super) static TLS_POLICY: Part = part(
    "[tls_policy]",
    &[
        "What Postfix is told about the encryption of mail to other domains (MTA-STS, DANE): docs/tls-policy.md.",
    ],
    &[
        example(
            "address",
            "\"/var/spool/postfix/mailward/tls-policy.sock\"",
            &[
                "Where Postfix asks: the path of a unix socket, or an address on loopback and a port. Without it nothing is asked.",
            ],
        ),
        default("socket_mode", "\"660\"", &["The rights on a unix socket."]),
        example("socket_owner", "\"mailward:postfix\"", &["Its owner and group; needs a start as root."]),
        default(
            "postfix_version",
            "\"3.7\"",
            &[
                "The version of the Postfix that asks (postconf mail_version). An older one defers mail if it is told what only a newer",
                "one knows; from 3.10 on its TLS reports say more.",
            ],
        ),
        default(
            "postfix_mx_patterns",
            "true",
            &[
                "Whether that Postfix, from 3.10.5 on, has smtp_tls_enforce_sts_mx_patterns = yes, as it has by default.",
            ],
        ),
        default(
            "postfix_dane",
            "false",
            &[
                "Whether that Postfix has smtp_dns_support_level = dnssec and a resolver that validates. Only then it is told to use",
                "DANE; needs [dns] trusted.",
            ],
        ),
        default(
            "authorities",
            "\"system\"",
            &[
                "Whose certificates of policy hosts (and of MX hosts that are looked at) are believed: those of the \"system\", those",
                "\"bundled\" with mailward, or a PEM file.",
            ],
        ),
        example(
            "proxy",
            "\"http://proxy.example.com:3128\"",
            &["Who makes connections to policy hosts; it has to refuse those to addresses inside."],
        ),
        example(
            "allowed_networks",
            "[\"192.0.2.0/24\"]",
            &[
                "Networks that policy hosts, and MX hosts that are looked at, may be in though they are not public.",
            ],
        ),
        default("https_port", "443", &["The port of policy hosts."]),
        default(
            "probe_testing",
            "false",
            &[
                "Look at the MX hosts of domains whose policy is in mode testing, when it is fetched: SMTP to port 25 of strangers, up to",
                "STARTTLS, from this host's own address.",
            ],
        ),
    ],
);

pub(in super::super) static LISTENER: Part = Part {
    head: "[[listener]]",
    about: &[
        "Where the MTA finds us. As often as needed; by default there is one, \"milter\" on 127.0.0.1:8891.",
        "With systemd's socket activation, the sockets are those that systemd gives, in the order of these tables.",
    ],
    example: true,
    lines: &[],
    keys: &[
        example("name", "\"outside\"", &["Its name in the log, and in rules about signing."]),
        example(
            "address",
            "\"/var/spool/postfix/mailward/milter.sock\"",
            &[
                "An IP address and a port, or the path of a unix socket; Debian's Postfix sees only /var/spool/postfix.",
            ],
        ),
        example("socket_mode", "\"660\"", &["The rights on a unix socket."]),
        example("socket_owner", "\"mailward:postfix\"", &["Its owner and group; needs a start as root."]),
        example(
            "for",
            "\"inbound\"",
            &[
                "\"both\": by [network]. \"inbound\": all is checked. \"outbound\": all is signed. \"reinjected\": mail that comes back from",
                "a content filter is left alone.",
            ],
        ),
        example(
            "mode",
            "\"observe\"",
            &["The mode for mail that comes by it, in place of that of [policy]."],
        ),
        example(
            "peers",
            "[\"127.0.0.0/8\", \"::1\"]",
            &["Who may connect over TCP; by default this host alone."],
        ),
    ],
};

pub(in super::super) static SEALING: Part = Part {
    head: "[sealing]",
    about: &[
        "ARC seals on inbound mail that leaves again, for those who trust this site: docs/arc.md. Without this table nothing is",
        "sealed.",
    ],
    example: true,
    lines: &[],
    keys: &[
        example(
            "domain",
            "\"example.com\"",
            &["Who seals (d=). Its keys are those that sign: RSA alone can seal."],
        ),
        example("selector", "\"mail\"", &["Which of its keys; by default the first that can."]),
        example(
            "recipients",
            "[\"alumni.example.com\", \"old-name@example.com\"]",
            &[
                "Whose mail is passed on, by address or domain; .NAME is all below a domain, * any part of a label or address.",
            ],
        ),
        example(
            "listeners",
            "[\"outside\"]",
            &["And by which listeners mail comes all of which is passed on."],
        ),
    ],
};

pub(in super::super) static AUTHORS: Part = free(
    "[policy.authors]",
    &[
        "Modes by author domain, each with all below it. The milder one counts where a recipient's domain has one too.",
    ],
    &["\"example.com\" = \"enforce\""],
);

pub(in super::super) static RECIPIENTS: Part =
    free("[policy.recipients]", &["Modes by recipient domain."], &["\"example.net\" = \"quarantine\""]);

pub(in super::super) static RULES: Part = free(
    "[policy.rules]",
    &[
        "What each rule does under enforce: accept, mark, quarantine, refuse; for dns-temperror defer. The defaults:",
    ],
    &[
        "denied = \"refuse\"",
        "missing-from = \"refuse\"",
        "several-from = \"refuse\"",
        "unparsable-from = \"refuse\"",
        "unqualified-from = \"mark\"",
        "encoded-from = \"mark\"",
        "malformed-header = \"mark\"",
        "dmarc-record = \"mark\"",
        "dmarc-reject = \"refuse\"",
        "dmarc-quarantine = \"quarantine\"",
        "replayed = \"quarantine\"",
        "spf-fail = \"accept\"",
        "spf-permerror = \"mark\"",
        "dns-temperror = \"defer\"",
    ],
);

pub(in super::super) static REPLIES: Part = free(
    "[policy.replies]",
    &[
        "What the client is told. There are %{author}, %{policy-domain}, %{sender}, %{client}, %{receiver}, %{rule} and",
        "%{queue}.",
    ],
    &[
        "dmarc-reject = \"550 5.7.26 DMARC: nothing proves that this is from %{author}; ask postmaster@example.com\"",
    ],
);
