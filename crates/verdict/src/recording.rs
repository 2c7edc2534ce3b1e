//! A recording: all that verdicts rested on, in one JSON file, and the same verdicts again from it.

mod answers;
mod bytes;
mod settings;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use dns::{Answers, Dns};
use mail::{Domain, Suffix, SuffixList, SuffixSection, UnixTime};
use serde::{Deserialize, Serialize};

use self::answers::AnswerForm;
use self::bytes::Bytes;
use self::settings::SettingsForm;
use crate::inbound::judge;
use crate::settings::{Envelope, Settings};
use crate::suffix;
use crate::verdict::Verdict;

/// The version of the format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;
/// Largest recording that is read, in bytes.
pub const MAX_RECORDING: usize = 1 << 30;

/// Messages and what their verdicts rested on.
#[derive(Debug)]
pub struct Recording {
    /// The receiver's settings, the same for all messages.
    pub settings: Settings,
    /// The messages, in the order in which they were judged.
    pub messages: Vec<Recorded>,
}

/// One message and what its verdict rested on.
#[derive(Debug)]
pub struct Recorded {
    /// What the message was called, such as its file's name.
    pub name: String,
    /// What the client said.
    pub envelope: Envelope,
    /// The message.
    pub message: Vec<u8>,
    /// When it was judged.
    pub now: UnixTime,
    /// What the DNS said.
    pub answers: Answers,
    /// What the suffix list said.
    pub suffixes: suffix::Answers,
}

/// Why a text is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// More than [`MAX_RECORDING`] bytes.
    #[error("a recording of more than {MAX_RECORDING} bytes is not read")]
    TooLong,
    /// No JSON, or not of this form; says the line and column.
    #[error("not a recording: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version of the format.
    #[error("the recording has format {0}; this program reads format {FORMAT}")]
    Format(u32),
    /// A value that can't be; says where.
    #[error("{place}: {what}")]
    Value {
        /// The path to it, such as `messages[0].answers[3]`.
        place: String,
        /// What is wrong.
        what: String,
    },
}

impl Recorded {
    /// Judges a message and keeps what the verdict rests on.
    pub async fn make<D: Dns>(
        dns: &D,
        name: &str,
        envelope: &Envelope,
        message: &[u8],
        now: UnixTime,
        settings: &Settings,
        suffixes: &dyn SuffixList,
    ) -> (Verdict, Self) {
        let dns = dns::Recorder::new(dns);
        let suffixes = suffix::Recorder::new(suffixes);
        let verdict = judge(&dns, envelope, message, now, settings, &suffixes).await;
        let recorded = Self {
            name: name.to_owned(),
            envelope: envelope.clone(),
            message: message.to_vec(),
            now,
            answers: dns.answers(),
            suffixes: suffixes.answers(),
        };
        (verdict, recorded)
    }

    /// The verdict again.
    pub async fn replay(&self, settings: &Settings) -> Verdict {
        judge(&self.answers, &self.envelope, &self.message, self.now, settings, &self.suffixes).await
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingForm {
    #[serde(rename = "mailward-recording")]
    format: u32,
    settings: SettingsForm,
    messages: Vec<RecordedForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedForm {
    name: String,
    now: u64,
    envelope: EnvelopeForm,
    message: Bytes,
    answers: Vec<AnswerForm>,
    suffixes: Vec<SuffixForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeForm {
    ip: Option<IpAddr>,
    helo: Option<Bytes>,
    mail_from: Option<Bytes>,
    rcpt_to: Vec<Bytes>,
    smtputf8: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SuffixForm {
    domain: String,
    labels: usize,
    section: Option<SectionForm>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SectionForm {
    Icann,
    Private,
}

impl Recording {
    /// Reads a recording.
    pub fn from_json(json: &[u8]) -> Result<Self, RecordingError> {
        if json.len() > MAX_RECORDING {
            return Err(RecordingError::TooLong);
        }
        check_format(json)?;
        let form: RecordingForm = serde_json::from_slice(json)?;
        let settings = form.settings.read().map_err(|what| value("settings", what))?;
        let messages = form.messages.into_iter().enumerate().map(|(i, m)| m.read(&format!("messages[{i}]")));
        Ok(Self { settings, messages: messages.collect::<Result<_, _>>()? })
    }

    /// Writes a recording, with line ends for people.
    ///
    /// # Errors
    /// Never for a value that can be made; serde's signature says so.
    pub fn to_json(&self) -> Result<String, RecordingError> {
        let form = RecordingForm {
            format: FORMAT,
            settings: SettingsForm::from(&self.settings),
            messages: self.messages.iter().map(RecordedForm::from).collect(),
        };
        Ok(serde_json::to_string_pretty(&form)? + "\n")
    }
}

/// Says that the format is another before anything else in it is looked at.
fn check_format(json: &[u8]) -> Result<(), RecordingError> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "mailward-recording")]
        format: u32,
    }
    match serde_json::from_slice::<Head>(json)?.format {
        FORMAT => Ok(()),
        other => Err(RecordingError::Format(other)),
    }
}

fn value(place: impl fmt::Display, what: impl fmt::Display) -> RecordingError {
    RecordingError::Value { place: place.to_string(), what: what.to_string() }
}

impl RecordedForm {
    fn read(self, place: &str) -> Result<Recorded, RecordingError> {
        let mut asked = BTreeSet::new();
        let answers = self.answers.iter().enumerate().map(|(i, answer)| {
            let place = format!("{place}.answers[{i}]");
            let (question, answer) = answer.read().map_err(|what| value(&place, what))?;
            if !asked.insert(question.clone()) {
                return Err(value(&place, format_args!("{question} is answered twice")));
            }
            Ok((question, answer))
        });
        let suffixes =
            self.suffixes.iter().enumerate().map(|(i, form)| {
                form.read().map_err(|what| value(format_args!("{place}.suffixes[{i}]"), what))
            });
        Ok(Recorded {
            answers: answers.collect::<Result<Answers, _>>()?,
            suffixes: suffix::Answers(suffixes.collect::<Result<_, _>>()?),
            name: self.name,
            now: UnixTime(self.now),
            message: self.message.0,
            envelope: Envelope {
                client: self.envelope.ip,
                helo: self.envelope.helo.map(|b| b.0),
                mail_from: self.envelope.mail_from.map(|b| b.0),
                rcpt_to: self.envelope.rcpt_to.into_iter().map(|b| b.0).collect(),
                smtputf8: self.envelope.smtputf8,
            },
        })
    }
}

impl From<&Recorded> for RecordedForm {
    fn from(recorded: &Recorded) -> Self {
        let envelope = &recorded.envelope;
        Self {
            name: recorded.name.clone(),
            now: recorded.now.0,
            envelope: EnvelopeForm {
                ip: envelope.client,
                helo: envelope.helo.as_deref().map(Bytes::from),
                mail_from: envelope.mail_from.as_deref().map(Bytes::from),
                rcpt_to: envelope.rcpt_to.iter().map(|r| Bytes::from(&**r)).collect(),
                smtputf8: envelope.smtputf8,
            },
            message: Bytes::from(&*recorded.message),
            answers: recorded.answers.iter().map(|(q, a)| AnswerForm::new(q, a)).collect(),
            suffixes: recorded.suffixes.0.iter().map(|(d, s)| SuffixForm::new(d, *s)).collect(),
        }
    }
}

impl SuffixForm {
    fn new(domain: &Domain, suffix: Suffix) -> Self {
        let section = suffix.section.map(|section| match section {
            SuffixSection::Icann => SectionForm::Icann,
            SuffixSection::Private => SectionForm::Private,
        });
        Self { domain: domain.to_string(), labels: suffix.labels, section }
    }

    fn read(&self) -> Result<(Domain, Suffix), String> {
        let domain = Domain::parse(&self.domain).map_err(|e| format!("{:?}: {e}", self.domain))?;
        let section = self.section.map(|section| match section {
            SectionForm::Icann => SuffixSection::Icann,
            SectionForm::Private => SuffixSection::Private,
        });
        Ok((domain, Suffix { labels: self.labels, section }))
    }
}
