//! A zone as the text of a master file, one record a line, every name absolute.

use std::fmt;

use super::{Directives, Zone};
use crate::answer::Data;
use crate::answer::Failure;
use crate::name::Name;

/// Reading it back gives the same zone, but for names that exist only by records of types unknown here.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, node) in &self.names {
            for set in node.sets.values() {
                for data in &set.data {
                    writeln!(f, "{} {} IN {} {data}", Absolute(name), set.ttl, data.record_type())?;
                }
            }
            if let Some((ttl, target)) = &node.alias {
                writeln!(f, "{} {ttl} IN CNAME {}", Absolute(name), Absolute(target))?;
            }
        }
        if self.all_authenticated {
            writeln!(f, ";! authenticated")?;
        }
        print(f, &self.authenticated, |()| "authenticated".to_owned())?;
        print(f, &self.delays, |took| format!("delay {}us", took.as_micros()))?;
        print(f, &self.faults, |fault| {
            match fault {
                Failure::TimeOut => "timeout",
                Failure::ServerFailure => "servfail",
                Failure::Bogus => "bogus",
            }
            .to_owned()
        })
    }
}

fn print<T>(
    f: &mut fmt::Formatter<'_>,
    directives: &Directives<T>,
    word: impl Fn(&T) -> String,
) -> fmt::Result {
    for ((name, rtype), what) in directives {
        write!(f, ";! {} {}", word(what), Absolute(name))?;
        match rtype {
            Some(rtype) => writeln!(f, " {rtype}")?,
            None => writeln!(f)?,
        }
    }
    Ok(())
}

/// The form of master files; of a SOA, the fields that are not kept are made up.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => write!(f, "{address}"),
            Self::Aaaa(address) => write!(f, "{address}"),
            Self::Mx { preference, exchange } => write!(f, "{preference} {}", Absolute(exchange)),
            Self::Txt(strings) => strings.iter().enumerate().try_for_each(|(index, string)| {
                f.write_str(if index > 0 { " " } else { "" })?;
                quoted(f, string)
            }),
            Self::Ptr(name) | Self::Ns(name) | Self::Cname(name) => write!(f, "{}", Absolute(name)),
            Self::Tlsa { usage, selector, matching, data } => {
                write!(f, "{usage} {selector} {matching} ")?;
                data.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Soa { mname, serial, minimum } => {
                write!(f, "{} . {serial} 3600 600 604800 {minimum}", Absolute(mname))
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, string: &[u8]) -> fmt::Result {
    f.write_str("\"")?;
    for &byte in string {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
            b' '..=b'~' => write!(f, "{}", char::from(byte))?,
            _ => write!(f, "\\{byte:03}")?,
        }
    }
    f.write_str("\"")
}

/// A name with the dot at its end.
struct Absolute<'a>(&'a Name);

impl fmt::Display for Absolute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, if self.0.parent().is_some() { "." } else { "" })
    }
}
