//! The table of states, what is left of a message, and header values.

use proptest::prelude::*;

use super::*;
use crate::options::{Actions, Offer, Steps};
use crate::packet::Frames;

/// Each state with the letters that are legal in it, and where they lead.
const TABLE: &[(State, &str)] = &[
    (State::Ready, "A Ready, C Connected, D Ready, K Ready, Q Closed, U Ready"),
    (State::Connected, "A Connected, D Connected, H Connected, K Ready, M Mail, Q Closed, U Connected"),
    (State::Over, "A Over, D Over, K Ready, Q Closed, U Over"),
    (
        State::Mail,
        "A Connected, D Mail, H Connected, K Ready, L Header, M Mail, N Body, Q Closed, R Rcpt, T Data, U Mail",
    ),
    (
        State::Rcpt,
        "A Connected, D Rcpt, H Connected, K Ready, L Header, M Mail, N Body, Q Closed, R Rcpt, T Data, U Rcpt",
    ),
    (State::Data, "A Connected, D Data, H Connected, K Ready, L Header, M Mail, N Body, Q Closed, U Data"),
    (State::Header, "A Connected, D Header, K Ready, L Header, N Body, Q Closed"),
    (State::Body, "A Connected, B Body, D Body, E Connected, K Ready, Q Closed"),
    (State::Closed, ""),
];

fn every_command() -> Vec<Command<'static>> {
    let one = Strings::new(b"<a@b>\0").unwrap();
    let peer = crate::command::Peer::Unknown;
    let offer = Offer { version: 6, actions: Actions(0), steps: Steps(0) };
    let mut commands = vec![
        Command::Negotiate(offer),
        Command::Macros(Stage::Mail, Strings::default()),
        Command::Connect(Connect { host: b"h", peer }),
        Command::Helo(b"h"),
        Command::Mail(one),
        Command::Rcpt(one),
        Command::Data,
        Command::Header { name: b"A", value: b"b" },
        Command::EndOfHeader,
        Command::Body(b"x"),
        Command::EndOfBody(b""),
        Command::Abort,
        Command::Quit,
        Command::QuitNewConnection,
        Command::Unknown(b"x"),
    ];
    commands.sort_by_key(|command| command.letter().0);
    commands
}

#[test]
fn net_02_the_table_of_states() {
    for (state, expected) in TABLE {
        let legal: Vec<String> = every_command()
            .iter()
            .filter_map(|command| {
                let after = state.after(command)?;
                Some(format!("{} {after:?}", char::from(command.letter().0)))
            })
            .collect();
        assert_eq!(legal.join(", "), *expected, "in {state:?}");
    }
}

const WISH: Wish = Wish {
    needed: Actions(0),
    wanted: Actions::ADD_HEADERS,
    refused_recipients: false,
    unanswered: &[],
    macros: &[(crate::options::MacroStage::Mail, "i")],
};

/// A session, and the answer to its negotiation.
fn open(offer: Offer) -> (Session, Vec<u8>) {
    let mut out = Vec::new();
    let session = with(&Command::Negotiate(offer), |packet| Session::open(packet, &WISH, &mut out));
    (session.unwrap().unwrap(), out)
}

fn with<T>(command: &Command<'_>, work: impl FnOnce(Packet<'_>) -> T) -> T {
    let mut out = Vec::new();
    command.encode(&mut out);
    let mut frames = Frames::default();
    frames.push(&out);
    work(frames.take().unwrap().unwrap())
}

fn offer(steps: Steps) -> Offer {
    Offer { version: 6, actions: Actions(0x1ff), steps }
}

/// What came of the command: the event's name, or why not.
fn say(session: &mut Session, command: &Command<'_>) -> String {
    with(command, |packet| match session.receive(packet) {
        Ok(event) => format!("{event:?}").split(['(', ' ']).next().unwrap().to_owned(),
        Err(broken) => broken.to_string(),
    })
}

#[test]
fn net_02_what_must_not_come_first_or_twice() {
    let mut out = Vec::new();
    for command in every_command() {
        let opened =
            with(&command, |packet| Session::open(packet, &WISH, &mut out).map(|session| session.is_some()));
        let expected = match command.letter().0 {
            b'O' => Ok(true),
            b'Q' => Ok(false),
            _ => Err(Broken::NotNegotiated(command.letter())),
        };
        assert_eq!(opened, expected, "{command:?}");
    }
    let (mut session, _) = open(offer(Steps(0)));
    assert_eq!(
        say(&mut session, &Command::Negotiate(offer(Steps(0)))),
        "packet 'O' is out of order in state Ready"
    );
}

#[test]
fn macros_are_asked_for_where_that_is_offered() {
    let (_, out) = open(offer(Steps(0)));
    assert!(out.ends_with(b"\0\0\0\x02i\0"));
    let (_, out) = open(Offer { actions: Actions(0x3f), ..offer(Steps(0)) });
    assert_eq!(out.len(), 17);
}

fn macros(text: &'static [u8], stage: Stage) -> Command<'static> {
    Command::Macros(stage, Strings::new(text).unwrap())
}

/// Goes so far into a message and leaves marks of it.
fn walk(session: &mut Session, steps: usize) {
    let one = Strings::new(b"<a@b>\0").unwrap();
    let commands = [
        macros(b"old\x001\0", Stage::Mail),
        Command::Mail(one),
        macros(b"old\x001\0", Stage::Rcpt),
        Command::Rcpt(one),
        Command::Data,
        Command::Header { name: b"A", value: b"b" },
        macros(b"old\x001\0", Stage::EndOfHeader),
        Command::EndOfHeader,
        Command::Body(b"x"),
    ];
    for command in commands.iter().take(steps) {
        let event = say(session, command);
        assert!(!event.starts_with("packet"), "{event}");
        session.answered(if event == "Body" { Answered::Skip } else { Answered::Continue });
    }
}

/// Is a message shown whole, and nothing of one before it?
fn is_fresh(session: &mut Session, note: &str) {
    assert_eq!(session.macros().get("old"), None, "{note}");
    let one = Strings::new(b"<c@d>\0").unwrap();
    let peer = crate::command::Peer::Unknown;
    if session.state() == State::Ready {
        assert_eq!(say(session, &Command::Connect(Connect { host: b"h", peer })), "Connect");
    }
    for (command, event) in [
        (macros(b"new\x002\0", Stage::Mail), "Macros"),
        (Command::Mail(one), "Mail"),
        (Command::EndOfHeader, "EndOfHeader"),
        (Command::Body(b"x"), "Body"),
        (Command::EndOfBody(b"y"), "EndOfBody"),
    ] {
        assert_eq!(say(session, &command), event, "{note}");
        session.answered(Answered::Continue);
    }
    assert_eq!(session.macros().get("new"), Some(&b"2"[..]));
    assert_eq!(session.macros().get("old"), None, "{note}");
}

#[test]
fn env_17_net_04_nothing_of_a_message_is_left_however_it_ends() {
    for steps in 0..=9 {
        for end in [Command::Abort, Command::QuitNewConnection] {
            let (mut session, _) = open(offer(Steps::SKIP));
            let peer = crate::command::Peer::Unknown;
            say(&mut session, &Command::Connect(Connect { host: b"h", peer }));
            if end == Command::QuitNewConnection {
                // Of the client, which goes too.
                say(&mut session, &macros(b"old\x001\0", Stage::Connect));
            }
            walk(&mut session, steps);
            say(&mut session, &end);
            is_fresh(&mut session, &format!("{end:?} after {steps}"));
        }
        let (mut session, _) = open(offer(Steps::SKIP));
        let peer = crate::command::Peer::Unknown;
        say(&mut session, &Command::Connect(Connect { host: b"h", peer }));
        walk(&mut session, steps);
        session.answered(Answered::MessageOver);
        is_fresh(&mut session, &format!("the last word after {steps}"));
    }
}

#[test]
fn env_17_helo_and_mail_end_a_message_that_was_begun() {
    for steps in 2..=5 {
        let (mut session, _) = open(offer(Steps(0)));
        let peer = crate::command::Peer::Unknown;
        say(&mut session, &Command::Connect(Connect { host: b"h", peer }));
        walk(&mut session, steps);
        assert_eq!(say(&mut session, &Command::Helo(b"h")), "Helo");
        is_fresh(&mut session, &format!("HELO after {steps}"));

        let (mut session, _) = open(offer(Steps(0)));
        say(&mut session, &Command::Connect(Connect { host: b"h", peer }));
        walk(&mut session, steps);
        say(&mut session, &macros(b"new\x002\0", Stage::Mail));
        assert_eq!(say(&mut session, &Command::Mail(Strings::new(b"<>\0").unwrap())), "Mail");
        assert_eq!((session.macros().get("old"), session.macros().get("new")), (None, Some(&b"2"[..])));
    }
}

#[test]
fn a_refused_command_is_as_if_it_had_not_come() {
    let (mut session, _) = open(offer(Steps(0)));
    let peer = crate::command::Peer::Unknown;
    say(&mut session, &Command::Connect(Connect { host: b"h", peer }));
    let one = Strings::new(b"<a@b>\0").unwrap();
    for (command, before) in [
        (Command::Mail(one), State::Connected),
        (Command::Rcpt(one), State::Mail),
        (Command::Data, State::Rcpt),
    ] {
        say(&mut session, &command);
        session.answered(Answered::Refused);
        assert_eq!(session.state(), before);
        say(&mut session, &command);
        session.answered(Answered::Continue);
    }
    assert_eq!(session.state(), State::Data);
}

#[test]
fn a_skipped_body_is_not_shown_though_the_mta_sends_it() {
    let (mut session, _) = open(offer(Steps(0)));
    let peer = crate::command::Peer::Unknown;
    say(&mut session, &Command::Connect(Connect { host: b"h", peer }));
    walk(&mut session, 9);
    assert_eq!(say(&mut session, &Command::Body(b"x")), "Nothing");
    let last = Command::EndOfBody(b"more");
    with(&last, |packet| assert_eq!(session.receive(packet), Ok(Event::EndOfBody(b""))));
}

#[test]
fn net_01_each_kind_has_its_limit() {
    let check = |command: &Command<'_>, good: bool| {
        let (mut session, _) = open(offer(Steps(0)));
        session.state = if matches!(command, Command::Body(_)) { State::Body } else { State::Mail };
        let said = say(&mut session, command);
        assert_eq!(!said.contains("are allowed"), good, "{said}");
    };
    let long = |length: usize| vec![b'x'; length];
    let value = long(MAX_HEADER);
    check(&Command::Header { name: b"A", value: &value[..MAX_HEADER - 3] }, true);
    check(&Command::Header { name: b"A", value: &value[..MAX_HEADER - 2] }, false);
    check(&Command::Unknown(&value[..MAX_ARGUMENT - 1]), true);
    check(&Command::Unknown(&value[..MAX_ARGUMENT]), false);
    let mut list = long(MAX_MACROS - 1);
    list[10] = 0;
    *list.last_mut().unwrap() = 0;
    check(&Command::Macros(Stage::Mail, Strings::new(&list).unwrap()), true);
    list.insert(0, b'x');
    check(&Command::Macros(Stage::Mail, Strings::new(&list).unwrap()), false);
    check(&Command::Body(&long(crate::packet::MAX_PACKET - 1)), true);
}

#[test]
fn hdr_11_hdr_12_values() {
    let check = |value: &str, kept: &str, put_back: &str| {
        let shown = |leading| on_the_wire(value.as_bytes(), leading).escape_ascii().to_string();
        assert_eq!(shown(true), kept, "{value:?} with its space");
        assert_eq!(shown(false), put_back, "{value:?} without");
    };
    check(" x", " x", "  x");
    check("x", "x", " x");
    check("", "", " ");
    check("\tx", r"\tx", r"\tx");
    check(" a\n\tb", r" a\r\n\tb", r"  a\r\n\tb");
    check(" a\r\n\tb\n c", r" a\r\n\tb\r\n c", r"  a\r\n\tb\r\n c");
    check("\n <id@x>", r"\r\n <id@x>", r"\r\n <id@x>");
    check("\r\n <id@x>", r"\r\n <id@x>", r"\r\n <id@x>");
    check(" a\rb", r" a\rb", r"  a\rb");
    check(" a\r\r\n b", r" a\r\r\n b", r"  a\r\r\n b");
    let once = on_the_wire(b" a\n\tb", true).into_owned();
    assert_eq!(on_the_wire(&once, true), once, "once is enough");
}

proptest! {
    /// Whatever an MTA says in whatever order: no part of a message is shown but behind its MAIL and in its place.
    #[test]
    fn net_02_any_order_of_commands(order in prop::collection::vec((0..15usize, 0..8u8), 0..60)) {
        let (mut session, _) = open(offer(Steps::SKIP));
        let all = every_command();
        // How far into a message: 0 is outside, then envelope, header, body.
        let mut depth = 0;
        for (command, answer) in order {
            let event = say(&mut session, &all[command]);
            let good = match event.as_str() {
                "Mail" => std::mem::replace(&mut depth, 1) < 2,
                "Rcpt" | "Data" => depth == 1,
                "Header" => std::mem::replace(&mut depth, 2) != 0 && depth < 3,
                "EndOfHeader" => matches!(std::mem::replace(&mut depth, 3), 1 | 2),
                "Body" => depth == 3,
                "EndOfBody" => std::mem::replace(&mut depth, 0) == 3,
                "Helo" | "Abort" | "NewConnection" | "Connect" => {
                    depth = 0;
                    true
                }
                "Macros" | "Nothing" => true,
                // Broken, or at its end.
                _ => return Ok(()),
            };
            prop_assert!(good, "{event}");
            if event != "Macros" && answer == 0 {
                session.answered(Answered::MessageOver);
                depth = 0;
            }
        }
    }
}
