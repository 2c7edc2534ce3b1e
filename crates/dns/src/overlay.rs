//! A zone laid over whoever else answers: records as they would be if they were published.

use std::sync::Arc;

use crate::Dns;
use crate::answer::{Answer, Reply};
use crate::question::Question;
use crate::zone::Zone;

/// The zone answers the questions, of a name and a type, for which it has records, an alias or a fault at exactly that
/// name; all others go below, so that a proposed TXT record doesn't hide the addresses beside it. Aliases of the zone
/// are followed to below; what is below follows its own, and never comes back up. A name that only the zone has exists.
#[derive(Clone, Debug)]
pub struct Overlay<D> {
    zone: Arc<Zone>,
    below: D,
}

impl<D: Dns> Overlay<D> {
    /// Lays `zone` over `below`. One that is shared can be laid over many.
    pub fn new(zone: impl Into<Arc<Zone>>, below: D) -> Self {
        Self { zone: zone.into(), below }
    }

    async fn ask_below(&self, question: &Question) -> Answer {
        let answer = self.below.ask(question).await;
        match answer.reply {
            Reply::NoSuchName if self.zone.has_name(&question.name) => {
                Answer { reply: Reply::NoData, ..answer }
            }
            _ => answer,
        }
    }
}

impl<D: Dns> Dns for Overlay<D> {
    async fn ask(&self, question: &Question) -> Answer {
        if !self.zone.holds(question) {
            return self.ask_below(question).await;
        }
        let (top, rest) = self.zone.walk(question, |next| self.zone.holds(next));
        let Some(rest) = rest else { return top };
        let end = self.ask_below(&rest).await;
        Answer {
            reply: end.reply,
            ttl: end.ttl.min(top.ttl),
            authenticated: end.authenticated && top.authenticated,
            alias: top.alias,
            took: end.took + top.took,
        }
    }

    async fn warm(&self, question: &Question) -> Option<Answer> {
        if !self.zone.holds(question) {
            return self.below.warm(question).await;
        }
        match self.zone.walk(question, |next| self.zone.holds(next)) {
            (top, None) => Some(top),
            (_, Some(rest)) => self.below.warm(&rest).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;
    use crate::{Data, RecordType};

    const ABOVE: &str = r#"
_dmarc.example.com. 60 TXT "v=DMARC1; p=reject"
example.com.        60 TXT "v=spf1 mx -all"
www.example.com.    60 CNAME web.example.net.
deep.new.example.org. TXT "x"
*.wild.example.com. TXT "top"
;! timeout slow.example.com. A
"#;
    const BELOW: &str = r#"
_dmarc.example.com. 300 TXT "v=DMARC1; p=none"
example.com.        300 MX 10 mail.example.com.
web.example.net.    30  A 192.0.2.1
slow.example.com.       A 192.0.2.2
slow.example.com.       TXT "below"
a.wild.example.com.     A 192.0.2.3
"#;

    #[track_caller]
    fn check(name: &str, rtype: RecordType, expected: &str) {
        let overlay = Overlay::new(Zone::parse(ABOVE).unwrap(), Zone::parse(BELOW).unwrap());
        let question = Question::new(Name::from_presentation(name).unwrap(), rtype);
        let answer = pollster::block_on(overlay.ask(&question));
        let records: Vec<_> = answer.records().iter().map(ToString::to_string).collect();
        let got = if records.is_empty() {
            format!("{:?}", answer.reply)
        } else {
            format!("{} {}", answer.ttl, records.join(" | "))
        };
        assert_eq!(got, expected, "{question}");
    }

    /// Is asked ahead, and has no other answer.
    struct Below;

    impl Dns for Below {
        async fn ask(&self, _: &Question) -> Answer {
            Answer::new(Reply::ServerFailure)
        }

        async fn warm(&self, question: &Question) -> Option<Answer> {
            Some(Answer::new(Reply::from_records([Data::txt(format!("below {question}"))])))
        }
    }

    #[test]
    fn what_the_zone_has_is_not_asked_ahead_below() {
        let overlay = Overlay::new(Zone::parse(ABOVE).unwrap(), Below);
        let check = |name: &str, rtype: RecordType, expected: &str| {
            let question = Question::new(Name::from_presentation(name).unwrap(), rtype);
            let answer = pollster::block_on(overlay.warm(&question)).unwrap();
            let records: Vec<_> = answer.records().iter().map(ToString::to_string).collect();
            assert_eq!(records, [expected], "{question}");
        };
        check("example.com", RecordType::Txt, r#""v=spf1 mx -all""#);
        check("example.com", RecordType::Mx, r#""below MX example.com""#);
        check("www.example.com", RecordType::A, r#""below A web.example.net""#);
    }

    #[test]
    fn the_zone_answers_what_it_has_and_the_rest_goes_below() {
        use RecordType::{A, Mx, Txt};
        check("_dmarc.example.com", Txt, r#"60 "v=DMARC1; p=reject""#);
        check("example.com", Txt, r#"60 "v=spf1 mx -all""#);
        check("example.com", Mx, "300 10 mail.example.com.");
        check("www.example.com", A, "30 192.0.2.1");
        check("www.example.com", Mx, "NoData");
        check("slow.example.com", A, "TimeOut");
        check("slow.example.com", Txt, r#"30 "below""#);
        check("new.example.org", Txt, "NoData");
        check("other.example.org", Txt, "NoSuchName");
        check("b.wild.example.com", Txt, "NoSuchName");
    }
}
