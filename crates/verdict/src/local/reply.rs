//! What the client is told when a message is refused or deferred: templates that are checked when they are read, and
//! the one line that comes out.

use std::fmt;
use std::net::IpAddr;

use mail::{Domain, Span, shortened};

/// Longest template, in bytes.
pub const MAX_TEMPLATE: usize = 400;
/// Longest reply, in bytes, codes included: RFC 5321 §4.5.3.1.5 has 512 with the line's end.
pub const MAX_REPLY: usize = 510;
/// Most bytes that are looked at of a value that somebody else chose.
const MAX_VALUE: usize = 120;

/// Whether a reply says "never" or "not now".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 4yz.
    Defer,
    /// 5yz.
    Refuse,
}

/// What stands in a template for something of the message: `%{author}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Macro {
    /// The author domain.
    Author,
    /// The domain whose DMARC record applies.
    PolicyDomain,
    /// The domain of MAIL FROM, as SPF judged it.
    Sender,
    /// The client's address, as SPF judged it.
    Client,
    /// Our own name, as in Authentication-Results.
    Receiver,
    /// The rule, such as `dmarc-reject`.
    Rule,
    /// What the MTA calls the message.
    Queue,
}

impl Macro {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Author,
        Self::PolicyDomain,
        Self::Sender,
        Self::Client,
        Self::Receiver,
        Self::Rule,
        Self::Queue,
    ];

    /// The name between the braces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::PolicyDomain => "policy-domain",
            Self::Sender => "sender",
            Self::Client => "client",
            Self::Receiver => "receiver",
            Self::Rule => "rule",
            Self::Queue => "queue",
        }
    }
}

/// What the macros stand for in one message; `unknown` is written for what is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    /// For [`Macro::Author`].
    pub(crate) author: Option<&'a Domain>,
    /// For [`Macro::PolicyDomain`].
    pub(crate) policy_domain: Option<&'a Domain>,
    /// For [`Macro::Sender`].
    pub(crate) sender: Option<&'a Domain>,
    /// For [`Macro::Client`].
    pub(crate) client: Option<IpAddr>,
    /// For [`Macro::Receiver`].
    pub(crate) receiver: &'a str,
    /// For [`Macro::Rule`].
    pub(crate) rule: &'a str,
    /// For [`Macro::Queue`].
    pub(crate) queue: Option<&'a [u8]>,
}

impl Values<'_> {
    fn of(&self, name: Macro) -> String {
        let domain = |domain: Option<&Domain>| domain.map(Domain::to_string);
        let value = match name {
            Macro::Author => domain(self.author),
            Macro::PolicyDomain => domain(self.policy_domain),
            Macro::Sender => domain(self.sender),
            Macro::Client => self.client.map(|ip| ip.to_canonical().to_string()),
            Macro::Receiver => Some(self.receiver.to_owned()),
            Macro::Rule => Some(self.rule.to_owned()),
            Macro::Queue => self.queue.map(|id| shortened(id, MAX_VALUE)),
        };
        // Some programs on the way to the client take a percent sign for something of their own.
        shortened(value.as_deref().unwrap_or("unknown"), MAX_VALUE).replace('%', "?")
    }
}

/// A reply in which macros may stand, such as `550 5.7.26 DMARC: nothing proves that this is from %{author}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    class: Class,
    code: u16,
    enhanced: (u16, u16),
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Macro(Macro),
}

/// Why a text is no template, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct TemplateError {
    /// What is wrong.
    pub kind: TemplateErrorKind,
    /// The bytes of the text that are wrong.
    pub span: Span,
}

/// What is wrong with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateErrorKind {
    /// More than [`MAX_TEMPLATE`] bytes.
    #[error("a reply has at most {MAX_TEMPLATE} bytes")]
    TooLong,
    /// No reply code that fits the end of a message.
    #[error("a reply begins with a code such as 550 or 451; 421 and 521 would close the connection")]
    Code,
    /// No enhanced status code (RFC 3463), or one of another class than the code.
    #[error("behind the code stands an enhanced one that begins with the same digit, such as 5.7.26")]
    Enhanced,
    /// Nothing behind the codes.
    #[error("a reply says something behind its codes")]
    NoText,
    /// A byte that no reply may hold.
    #[error("a reply is one line of printable ASCII")]
    NotPrintable,
    /// A percent sign that begins no macro, or one of a name that there is not.
    #[error(
        "a percent sign stands only before one of {{author}}, {{policy-domain}}, {{sender}}, {{client}}, \
         {{receiver}}, {{rule}} and {{queue}}"
    )]
    Macro,
}

impl Template {
    /// Reads a template: reply code, enhanced status code, text, with one space between.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let error = |kind, start, end| TemplateError { kind, span: Span::new(start, end) };
        if text.len() > MAX_TEMPLATE {
            return Err(error(TemplateErrorKind::TooLong, MAX_TEMPLATE, text.len()));
        }
        if let Some(at) = text.bytes().position(|b| !matches!(b, b' '..=b'~')) {
            return Err(error(TemplateErrorKind::NotPrintable, at, at + 1));
        }
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (class, number) = read_code(code).ok_or(error(TemplateErrorKind::Code, 0, code.len()))?;
        let (enhanced, said) = rest.split_once(' ').unwrap_or((rest, ""));
        let start = text.len() - rest.len();
        let enhanced_end = start + enhanced.len();
        let enhanced =
            read_enhanced(enhanced, class).ok_or(error(TemplateErrorKind::Enhanced, start, enhanced_end))?;
        if said.trim().is_empty() {
            return Err(error(TemplateErrorKind::NoText, enhanced_end, text.len()));
        }
        let parts = read_parts(said).map_err(|(start, end)| {
            let before = text.len() - said.len();
            error(TemplateErrorKind::Macro, before + start, before + end)
        })?;
        Ok(Self { class, code: number, enhanced, parts })
    }

    /// A template that says this and nothing of the message.
    pub(crate) fn bare(class: Class, text: &str) -> Self {
        let code = match class {
            Class::Defer => 451,
            Class::Refuse => 550,
        };
        Self { class, code, enhanced: (7, 1), parts: vec![Part::Text(text.to_owned())] }
    }

    /// Whether it refuses or defers.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The reply for one message.
    pub(crate) fn expand(&self, values: &Values<'_>) -> Reply {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(said) => text.push_str(said),
                Part::Macro(name) => text.push_str(&values.of(*name)),
            }
        }
        let mut reply =
            Reply { class: self.class, code: self.code, enhanced: self.enhanced, text: String::new() };
        // Everything in it is ASCII, so a byte is a character.
        text.truncate(MAX_REPLY.saturating_sub(reply.to_string().len()));
        reply.text = text;
        reply
    }
}

fn read_code(text: &str) -> Option<(Class, u16)> {
    // RFC 5321 §4.2.1: three digits. RFC 5321 §3.8: 421, and RFC 7504 §3: 521, are about the connection.
    let class = match text.as_bytes() {
        [b'4', b'0'..=b'5', b'0'..=b'9'] => Class::Defer,
        [b'5', b'0'..=b'5', b'0'..=b'9'] => Class::Refuse,
        _ => return None,
    };
    (text != "421" && text != "521").then_some((class, text.parse().ok()?))
}

/// RFC 3463 §2: class, subject and detail, the latter two of one to three digits without leading zeros.
fn read_enhanced(text: &str, class: Class) -> Option<(u16, u16)> {
    let number = |text: &str| {
        let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        (is_number && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
    };
    let rest = text.strip_prefix(match class {
        Class::Defer => "4.",
        Class::Refuse => "5.",
    })?;
    let (subject, detail) = rest.split_once('.')?;
    Some((number(subject)?, number(detail)?))
}

/// The parts of the text; for a percent sign that begins no macro, where it and what follows stands.
fn read_parts(mut text: &str) -> Result<Vec<Part>, (usize, usize)> {
    let whole = text.len();
    let mut parts = Vec::new();
    while let Some((before, after)) = text.split_once('%') {
        parts.push(Part::Text(before.to_owned()));
        let start = whole - after.len() - 1;
        let inside = after.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let end = inside.map_or(start + 1, |(name, _)| start + name.len() + 3);
        let (name, rest) = inside.ok_or((start, end))?;
        let name = Macro::ALL.into_iter().find(|known| known.name() == name).ok_or((start, end))?;
        parts.push(Part::Macro(name));
        text = rest;
    }
    parts.push(Part::Text(text.to_owned()));
    Ok(parts)
}

/// A reply for one message: one line of printable ASCII without a percent sign, of at most [`MAX_REPLY`] bytes. Only a
/// [`Template`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    class: Class,
    code: u16,
    enhanced: (u16, u16),
    text: String,
}

impl Reply {
    /// Whether it refuses or defers.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The reply code, such as 550.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code, such as `5.7.26`.
    pub fn enhanced(&self) -> String {
        let (subject, detail) = self.enhanced;
        format!("{}.{subject}.{detail}", self.code / 100)
    }

    /// What follows the codes.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The whole line, without its end.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.enhanced(), self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expand(template: &str, queue: Option<&[u8]>) -> String {
        let domain = Domain::parse("trust.example").unwrap();
        let values = Values {
            author: Some(&domain),
            policy_domain: None,
            sender: Some(&domain),
            client: Some("::ffff:192.0.2.1".parse().unwrap()),
            receiver: "mx.receiver.test",
            rule: "dmarc-reject",
            queue,
        };
        Template::parse(template).unwrap().expand(&values).to_string()
    }

    fn check(template: &str, want: &str) {
        assert_eq!(expand(template, Some(b"4Xy")), want);
    }

    fn check_error(template: &str, kind: TemplateErrorKind, wrong: &str) {
        let error = Template::parse(template).unwrap_err();
        let span = &template.as_bytes()[error.span.range()];
        assert_eq!((error.kind, span), (kind, wrong.as_bytes()), "{template}");
    }

    #[test]
    fn macros() {
        check("550 5.7.26 no", "550 5.7.26 no");
        check(
            "451 4.7.24 %{author} %{sender}, %{client}",
            "451 4.7.24 trust.example trust.example, 192.0.2.1",
        );
        check("550 5.7.1 %{receiver}:%{rule}(%{queue})", "550 5.7.1 mx.receiver.test:dmarc-reject(4Xy)");
        check("550 5.7.1 %{policy-domain}", "550 5.7.1 unknown");
    }

    #[test]
    fn what_is_no_template() {
        use TemplateErrorKind::*;
        for code in ["", "x", "55", "5500", "250", "354", "421", "521", "560", "499", "+50"] {
            check_error(&format!("{code} 5.7.1 x"), Code, code);
        }
        for enhanced in ["", "4.7.1", "5.7", "5.7.1.", "5..1", "5.07.1", "5.7.1234", "5.7.+1", "x"] {
            check_error(&format!("550 {enhanced} x"), Enhanced, enhanced);
        }
        check_error("550", Enhanced, "");
        check_error("550 5.7.1", NoText, "");
        check_error("550 5.7.1  ", NoText, "  ");
        check_error("550 5.7.1 a%", Macro, "%");
        check_error("550 5.7.1 a %% b", Macro, "%");
        check_error("550 5.7.1 %{autor} b", Macro, "%{autor}");
        check_error("550 5.7.1 %{author", Macro, "%");
        check_error("550 5.7.1 a\r\n250 ok", NotPrintable, "\r");
        check_error("550 5.7.1 a\tb", NotPrintable, "\t");
        let long = |n: usize| format!("550 5.7.1 {}", "a".repeat(n));
        assert!(Template::parse(&long(MAX_TEMPLATE - 10)).is_ok());
        check_error(&long(MAX_TEMPLATE - 9), TooLong, "a");
    }

    #[test]
    fn a_reply_is_cut_to_a_line() {
        let template = format!("550 5.7.1 {}", "%{queue}".repeat(40));
        assert_eq!(expand(&template, Some(&[b'q'; 500])).len(), MAX_REPLY);
    }

    proptest! {
        #[test]
        fn smug_03_net_09_a_reply_is_one_line_of_printable_ascii(queue: Vec<u8>) {
            let reply = expand("550 5.7.1 %{queue} end", Some(&queue));
            prop_assert!(reply.len() <= MAX_REPLY);
            prop_assert!(reply.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'%'), "{}", reply);
            prop_assert!(reply.ends_with(" end"));
        }
    }
}
