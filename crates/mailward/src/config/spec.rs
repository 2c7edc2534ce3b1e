//! Every key that the file may have, with what is told of it: the reader, the sample and its tests share this list.

mod serving;

pub(super) use serving::{
    AUTHORS, DAEMON, DNS, LISTENER, LOG, NETWORK, POLICY, RECEIVING, RECIPIENTS, REPLIES, RULES, SEALING,
    STORE, TLS_POLICY, WEB,
};

/// A table of the file.
#[derive(Debug)]
pub(super) struct Part {
    /// Its head, such as `[signing]`; empty for the top of the file.
    pub(super) head: &'static str,
    /// What it is for, in lines of a comment.
    pub(super) about: &'static [&'static str],
    /// Its keys; empty where all names are free.
    pub(super) keys: &'static [Key],
    /// Whether the sample shows all of it as a comment.
    pub(super) example: bool,
    /// Lines that the sample shows for a table with free names.
    pub(super) lines: &'static [&'static str],
}

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// What it does, in lines of a comment.
    pub(super) about: &'static [&'static str],
    /// A value, as the file has it: the default where there is one.
    pub(super) value: &'static str,
    /// Whether [`Key::value`] is the default.
    pub(super) is_default: bool,
}

const fn default(name: &'static str, value: &'static str, about: &'static [&'static str]) -> Key {
    Key { name, about, value, is_default: true }
}

const fn example(name: &'static str, value: &'static str, about: &'static [&'static str]) -> Key {
    Key { name, about, value, is_default: false }
}

/// A table that is explained by itself.
const fn table(name: &'static str) -> Key {
    Key { name, about: &[], value: "", is_default: false }
}

pub(super) static ROOT: Part = Part {
    head: "",
    about: &[],
    keys: &[
        table("listener"),
        table("receiving"),
        table("dns"),
        table("network"),
        table("policy"),
        table("store"),
        table("web"),
        table("log"),
        table("daemon"),
        table("tls_policy"),
        table("signing"),
        table("sealing"),
    ],
    example: false,
    lines: &[],
};

/// The parts, in the order of the sample.
pub(super) static PARTS: &[&Part] = &[
    &RECEIVING,
    &DNS,
    &NETWORK,
    &POLICY,
    &STORE,
    &WEB,
    &LOG,
    &DAEMON,
    &TLS_POLICY,
    &SIGNING,
    &LISTENER,
    &AUTHORS,
    &RECIPIENTS,
    &RULES,
    &REPLIES,
    &KEY,
    &RULE,
    &USERS,
    &SEALING,
];

pub(super) static SIGNING: Part = Part {
    head: "[signing]",
    about: &["DKIM signatures of outbound mail."],
    example: false,
    lines: &[],
    keys: &[
        default(
            "key_directory",
            "\"/etc/mailward/keys\"",
            &[
                "Keys as `mailward keys new` lays them out: DOMAIN/SELECTOR.pem. They sign the mail of their domain, unless a",
                "rule below speaks of that domain; then the rule alone decides.",
            ],
        ),
        default(
            "canonicalization",
            "\"relaxed/relaxed\"",
            &["How header and body may change on the way without harm (c=): relaxed or simple, for each."],
        ),
        default("timestamp", "true", &["Say in the signature when it was made (t=)."]),
        example(
            "expires_after",
            "\"14d\"",
            &[
                "For how long a signature is valid (x=), such as 12h, 14d or 4w. By default it does not expire.",
            ],
        ),
        default(
            "copy_fields",
            "false",
            &[
                "Copy the signed fields into the signature (z=), for those who look for what was changed on the way.",
            ],
        ),
        default(
            "oversigned_fields",
            concat!(
                "[\"from\", \"subject\", \"to\", \"cc\", \"date\", \"reply-to\", \"message-id\",\n",
                "#    \"content-type\", \"mime-version\", \"content-transfer-encoding\"]",
            ),
            &[
                "Fields of which nobody can add another without breaking the signature. From has to be among them.",
            ],
        ),
        default(
            "signed_fields",
            concat!(
                "[\"in-reply-to\", \"references\", \"list-id\", \"list-help\", \"list-unsubscribe\",\n",
                "#    \"list-unsubscribe-post\", \"list-subscribe\", \"list-post\", \"list-owner\", \"list-archive\"]",
            ),
            &["Fields that are signed where they are there, and of which more may be added."],
        ),
        default(
            "fragile_mail",
            "\"warn\"",
            &[
                "What to do about mail that relays will change, such as lines of more than 998 bytes: \"warn\" only, or \"adapt\" the",
                "signature: a relaxed header, without optional fields that will be folded anew.",
            ],
        ),
        default(
            "relays_take_8bit",
            "true",
            &["Whether all relays that mail goes to next take 8BITMIME (RFC 6152)."],
        ),
        default(
            "self_check_every",
            "100",
            &[
                "Check own signatures with the verifier of mailward: the first of each key, then one in so many; 0 for none.",
            ],
        ),
        default(
            "self_check_failure",
            "\"refuse\"",
            &[
                "What becomes of a message whose own signature fails the check: \"refuse\" it, let it go \"unsigned\", or \"signed\".",
            ],
        ),
        default(
            "without_key",
            "\"refuse\"",
            &[
                "What becomes of mail that should be signed while no key for it can be used: \"refuse\" it for now (4xx), or let it",
                "go \"unsigned\".",
            ],
        ),
        table("key"),
        table("rule"),
        table("users"),
    ],
};

pub(super) static KEY: Part = Part {
    head: "[[signing.key]]",
    about: &[
        "A key that stands somewhere else, such as one that OpenDKIM or rspamd uses. As often as needed.",
    ],
    example: true,
    lines: &[],
    keys: &[
        example("domain", "\"example.com\"", &["The signing domain (d=), or a list of several."]),
        example("selector", "\"mail\"", &["Under which selector its public half is published (s=)."]),
        example("file", "\"/etc/dkimkeys/mail.private\"", &["PEM or DER, or an Ed25519 seed in base64."]),
    ],
};

pub(super) static RULE: Part = Part {
    head: "[[signing.rule]]",
    about: &["Who may sign as whom. As often as needed; all rules that match sign."],
    example: true,
    lines: &[],
    keys: &[
        example(
            "from",
            "[\"example.com\", \".example.com\", \"news-*.example.net\"]",
            &[
                "The author domains whose mail is signed: a name, .NAME for all below it, * for any part of a label. \"*\" is all.",
            ],
        ),
        example("domain", "\"example.com\"", &["The signing domain; by default the author domain itself."]),
        example("selectors", "[\"mail\"]", &["Which of its keys sign; by default all that there are."]),
        example("networks", "[\"192.0.2.0/24\", \"2001:db8::/32\"]", &["Only for clients from there."]),
        example("users", "[\"alice\", \"*@example.com\"]", &["Only for these authenticated users."]),
        example("listeners", "[\"submission\"]", &["Only for mail that came in there."]),
        example("identity", "\"@example.com\"", &["On whose behalf within the signing domain (i=)."]),
        example(
            "canonicalization",
            "\"relaxed/simple\"",
            &["These say for the rule what they say above for all:"],
        ),
        example("timestamp", "true", &[]),
        example("expires_after", "\"14d\"", &[]),
        example("copy_fields", "false", &[]),
        example("oversigned_fields", "[\"from\", \"subject\", \"to\", \"date\"]", &[]),
        example("signed_fields", "[\"list-id\"]", &[]),
    ],
};

pub(super) static USERS: Part = Part {
    head: "[signing.users]",
    about: &[
        "What each authenticated user may write in From. With this table, mail of a user with another From is not signed;",
        "without it nobody is asked. {user} stands for the user's own name, and * in front for every user.",
    ],
    example: true,
    lines: &[
        "\"*\" = [\"{user}\", \"{user}@example.com\"]",
        "alice = [\"alice@example.com\", \"sales@example.com\"]",
        "newsletter = [\"@news.example.com\"]",
    ],
    keys: &[],
};
