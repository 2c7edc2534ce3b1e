//! `exp=` (RFC 7208 §6.2): the owner's words for a fail. Whatever goes wrong here, the result stays what it is.

use dns::{Data, Dns, Name, Question, RecordType};

use super::{Evaluation, Stop, Work};
use crate::check::Explanation;
use crate::macros::{self, DomainSpec, MacroString};
use crate::reason::{Matched, Place, Reason};
use crate::step::{NoExplanation, Step};

impl<D: Dns> Evaluation<'_, D> {
    /// The explanation that goes with the directive that failed the client. It stands in the same record, so behind a
    /// redirect it is the other domain's, and never that of an include.
    pub(crate) async fn explanation(&mut self, matched: &Matched) -> Option<Explanation> {
        let record = &matched.place.record;
        let (spec, span) = record.record.as_ref().ok()?.exp()?;
        let place = Place { record: record.clone(), span };
        let steps = self.steps.len();
        match self.explain(Work::new(record, span), spec).await {
            Ok((name, text)) => {
                self.steps.push(Step::Explained(place, name));
                let domain = record.domain.clone();
                (!text.is_empty()).then_some(Explanation { domain, text })
            }
            Err(why) => {
                // A limit reached here ends no check.
                self.steps.truncate(steps);
                self.steps.push(Step::NotExplained(place, why));
                None
            }
        }
    }

    async fn explain(
        &mut self,
        mut work: Work<'_>,
        spec: &DomainSpec,
    ) -> Result<(Name, String), NoExplanation> {
        let name = self.target(&mut work, spec).await.map_err(stopped)?.map_err(NoExplanation::Target)?;
        // RFC 7208 §4.6.4: this question comes after the result, and counts for nothing but its time.
        let question = Question::new(name.clone(), RecordType::Txt);
        let answer = self.ask(&question, Some(&work)).await.map_err(stopped)?;
        if let Some(failure) = answer.reply.failure() {
            return Err(NoExplanation::Dns(failure));
        }
        let mut texts = answer.records().iter().filter_map(Data::text);
        let text = match (texts.next(), texts.next()) {
            (None, _) => return Err(NoExplanation::Absent),
            (Some(_), Some(_)) => return Err(NoExplanation::Several),
            (Some(text), None) => text,
        };
        let string = MacroString::parse_explanation(&text).map_err(NoExplanation::Syntax)?;
        let values = self.values(&mut work, &string).await.map_err(stopped)?;
        Ok((name, macros::explanation(&string, &values)))
    }
}

/// What ended the search for an explanation: looking up names for `%{p}` has limits, and nothing else stops it.
fn stopped(stop: Stop) -> NoExplanation {
    match stop {
        Stop::Error(reason) => match *reason {
            Reason::Limit { limit, .. } => NoExplanation::Limit(limit),
            Reason::Dns { failure, .. } => NoExplanation::Dns(failure),
            _ => NoExplanation::Absent,
        },
        Stop::Missing(_) => NoExplanation::Absent,
    }
}
