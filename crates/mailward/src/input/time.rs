//! A moment as people write it: seconds since 1970, or a date and time of RFC 3339; and the clock, which is read nowhere
//! else.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil;
use mail::UnixTime;

/// The last moment that is understood: the end of the year 9999, in seconds since 1970.
const LATEST: u64 = 253_402_300_799;

/// Why a text is no moment. `Display` says what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// A number too large for seconds.
    #[error("a number counts seconds since 1970; this one is beyond the year 9999 (are these milliseconds?)")]
    TooLate,
    /// Before 1970.
    #[error("a time before 1970 makes no sense for mail")]
    TooEarly,
    /// A date, or a date and time, without a zone.
    #[error("the zone is missing: write 2026-05-01T12:00:00Z, or with an offset such as +02:00")]
    NoZone,
    /// Anything else.
    #[error("not a time: write seconds since 1970, or 2026-05-01T12:00:00Z")]
    Form,
}

/// Now, by the system's clock; 1970 where that stands before it.
pub fn now() -> UnixTime {
    UnixTime(SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()))
}

/// Reads whole seconds since 1970 or a date and time with a zone (RFC 3339 §5.6); parts of a second are dropped.
pub fn parse_time(text: &str) -> Result<UnixTime, TimeError> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse() {
            Ok(seconds @ ..=LATEST) => Ok(UnixTime(seconds)),
            _ => Err(TimeError::TooLate),
        };
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return u64::try_from(moment.as_second()).map(UnixTime).map_err(|_| TimeError::TooEarly);
    }
    Err(match text {
        _ if text.parse::<i64>().is_ok() => TimeError::TooEarly,
        _ if text.parse::<civil::DateTime>().is_ok() || text.parse::<civil::Date>().is_ok() => {
            TimeError::NoZone
        }
        _ => TimeError::Form,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<u64, TimeError>) {
        assert_eq!(parse_time(text).map(|t| t.0), want, "{text}");
    }

    #[test]
    fn times_as_people_write_them() {
        check("0", Ok(0));
        check("1780000000", Ok(1_780_000_000));
        check("2026-05-28T20:26:40Z", Ok(1_780_000_000));
        check("2026-05-28 22:26:40.5+02:00", Ok(1_780_000_000));
        check("253402300799", Ok(LATEST));
        check("253402300800", Err(TimeError::TooLate));
        check("1780000000000", Err(TimeError::TooLate));
        check("99999999999999999999999", Err(TimeError::TooLate));
        check("-1", Err(TimeError::TooEarly));
        check("1969-12-31T00:00:00Z", Err(TimeError::TooEarly));
        check("2026-05-28T20:26:40", Err(TimeError::NoZone));
        check("2026-05-28", Err(TimeError::NoZone));
        check("yesterday", Err(TimeError::Form));
        check("", Err(TimeError::Form));
    }
}
