//! DNS answers in JSON, and back into what a `Dns` gives.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use dns::{Answer, Data, Name, Question, RecordType, Reply};
use serde::{Deserialize, Serialize};

use super::bytes::Bytes;

/// One question with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerForm {
    /// In the form of master files.
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    reply: ReplyForm,
    #[serde(default)]
    ttl: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    authenticated: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    alias: bool,
    /// How long the answer took; it counts against SPF's 20 s.
    #[serde(default, skip_serializing_if = "is_zero")]
    microseconds: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ReplyForm {
    Records(Vec<DataForm>),
    NoData,
    NoSuchName,
    ServerFailure,
    TimeOut,
    Bogus,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum DataForm {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Mx { preference: u16, exchange: String },
    Txt(Vec<Bytes>),
    Ptr(String),
    Tlsa { usage: u8, selector: u8, matching: u8, data: Bytes },
    Ns(String),
    Soa { mname: String, serial: u32, minimum: u32 },
    Cname(String),
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl AnswerForm {
    pub(super) fn new(question: &Question, answer: &Answer) -> Self {
        Self {
            name: question.name.to_string(),
            rtype: question.rtype.to_string(),
            reply: ReplyForm::from(&answer.reply),
            ttl: answer.ttl,
            authenticated: answer.authenticated,
            alias: answer.alias,
            microseconds: u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX),
        }
    }

    pub(super) fn read(&self) -> Result<(Question, Answer), String> {
        let rtype: RecordType =
            self.rtype.parse().map_err(|_| format!("{:?} is no record type", self.rtype))?;
        let reply = match &self.reply {
            ReplyForm::Records(forms) if forms.is_empty() => {
                return Err("\"records\" is empty; \"no-data\" says that there are none".to_owned());
            }
            ReplyForm::Records(forms) => {
                Reply::from_records(forms.iter().map(DataForm::read).collect::<Result<Vec<_>, _>>()?)
            }
            ReplyForm::NoData => Reply::NoData,
            ReplyForm::NoSuchName => Reply::NoSuchName,
            ReplyForm::ServerFailure => Reply::ServerFailure,
            ReplyForm::TimeOut => Reply::TimeOut,
            ReplyForm::Bogus => Reply::Bogus,
        };
        if let Reply::Records(records) = &reply
            && let Some(other) = records.iter().find(|d| d.record_type() != rtype)
        {
            return Err(format!("a record of type {} in an answer of type {rtype}", other.record_type()));
        }
        let answer = Answer {
            reply,
            ttl: self.ttl,
            authenticated: self.authenticated,
            alias: self.alias,
            took: Duration::from_micros(self.microseconds),
        };
        Ok((Question::new(name(&self.name)?, rtype), answer))
    }
}

impl From<&Reply> for ReplyForm {
    fn from(reply: &Reply) -> Self {
        match reply {
            Reply::Records(records) => Self::Records(records.iter().map(DataForm::from).collect()),
            Reply::NoData => Self::NoData,
            Reply::NoSuchName => Self::NoSuchName,
            Reply::ServerFailure => Self::ServerFailure,
            Reply::TimeOut => Self::TimeOut,
            Reply::Bogus => Self::Bogus,
        }
    }
}

impl From<&Data> for DataForm {
    fn from(data: &Data) -> Self {
        match data {
            Data::A(ip) => Self::A(*ip),
            Data::Aaaa(ip) => Self::Aaaa(*ip),
            Data::Mx { preference, exchange } => {
                Self::Mx { preference: *preference, exchange: exchange.to_string() }
            }
            Data::Txt(strings) => Self::Txt(strings.iter().map(|s| Bytes::from(&**s)).collect()),
            Data::Ptr(name) => Self::Ptr(name.to_string()),
            Data::Tlsa { usage, selector, matching, data } => Self::Tlsa {
                usage: *usage,
                selector: *selector,
                matching: *matching,
                data: Bytes::from(&**data),
            },
            Data::Ns(name) => Self::Ns(name.to_string()),
            Data::Soa { mname, serial, minimum } => {
                Self::Soa { mname: mname.to_string(), serial: *serial, minimum: *minimum }
            }
            Data::Cname(name) => Self::Cname(name.to_string()),
        }
    }
}

impl DataForm {
    fn read(&self) -> Result<Data, String> {
        Ok(match self {
            Self::A(ip) => Data::A(*ip),
            Self::Aaaa(ip) => Data::Aaaa(*ip),
            Self::Mx { preference, exchange } => {
                Data::Mx { preference: *preference, exchange: name(exchange)? }
            }
            Self::Txt(strings) => {
                Data::Txt(strings.iter().map(|s| Box::from(s.0.as_slice())).collect::<Vec<_>>().into())
            }
            Self::Ptr(target) => Data::Ptr(name(target)?),
            Self::Tlsa { usage, selector, matching, data } => Data::Tlsa {
                usage: *usage,
                selector: *selector,
                matching: *matching,
                data: data.0.as_slice().into(),
            },
            Self::Ns(target) => Data::Ns(name(target)?),
            Self::Cname(target) => Data::Cname(name(target)?),
            Self::Soa { mname, serial, minimum } => {
                Data::Soa { mname: name(mname)?, serial: *serial, minimum: *minimum }
            }
        })
    }
}

fn name(text: &str) -> Result<Name, String> {
    Name::from_presentation(text).map_err(|e| format!("{text:?} is no name: {e}"))
}
