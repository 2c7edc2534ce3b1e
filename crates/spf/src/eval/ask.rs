//! Asking within the limits (RFC 7208 §4.6.4), and the names that terms ask for.

use dns::{Answer, Dns, Name, Question, RecordType};

use super::{Evaluation, Stop, Work};
use crate::limits::Limit;
use crate::macros::{self, DomainSpec, Letter, MacroString, NoTarget, Values};
use crate::reason::Reason;
use crate::step::Step;

impl<'a, D: Dns> Evaluation<'a, D> {
    fn stop(&mut self, limit: Limit, work: Option<&Work<'_>>) -> Stop {
        let place = work.map(Work::place);
        self.steps.push(Step::LimitReached(limit, place.clone()));
        Reason::Limit { limit, place }.into()
    }

    /// RFC 7208 §4.6.4: ten terms that look something up in the whole check. The one too many ends the check itself: no
    /// later term gets a say.
    pub(super) fn spend_lookup(&mut self, work: &Work<'_>) -> Result<(), Stop> {
        self.budget.spend_lookup().map_err(|limit| self.stop(limit, Some(work)))
    }

    /// One question, on the clock of the whole check.
    pub(super) async fn ask(&mut self, question: &Question, work: Option<&Work<'_>>) -> Result<Answer, Stop> {
        self.budget.time_left().map_err(|limit| self.stop(limit, work))?;
        let answer = self.dns.ask(question).await;
        // RFC 7208 §4.6.4: a check that takes too long is a temperror.
        self.budget.spend_time(answer.took).map_err(|limit| self.stop(limit, work))?;
        Ok(answer)
    }

    /// One question of a term.
    ///
    /// RFC 7208 §4.6.4 limits the number of *terms* for which the DNS has nothing. So a term counts once, however many
    /// of its questions come back empty: an `mx` with four hosts that have IPv4 addresses only is one void for a client
    /// on IPv6, not four. The question for the record behind an `include` or `redirect` needs no counting: where it
    /// comes back empty, the check ends.
    pub(super) async fn look_up(
        &mut self,
        work: &mut Work<'_>,
        name: &Name,
        rtype: RecordType,
    ) -> Result<Answer, Stop> {
        let answer = self.ask(&Question::new(name.clone(), rtype), Some(&*work)).await?;
        if answer.reply.is_void() && !work.void {
            work.void = true;
            self.budget.spend_void().map_err(|limit| self.stop(limit, Some(work)))?;
        }
        Ok(answer)
    }

    /// One question of a term whose failure ends the check (RFC 7208 §5: temperror).
    pub(super) async fn look_up_or_stop(
        &mut self,
        work: &mut Work<'_>,
        name: &Name,
        rtype: RecordType,
    ) -> Result<Answer, Stop> {
        let answer = self.look_up(work, name, rtype).await?;
        match answer.reply.failure() {
            None => Ok(answer),
            Some(failure) => {
                let question = Question::new(name.clone(), rtype);
                self.steps.push(Step::Unanswered(question.clone(), failure, true));
                Err(Reason::Dns { question, failure }.into())
            }
        }
    }

    /// RFC 7208 §4.8: the target-name of a term that has a domain-spec.
    pub(super) async fn target(
        &mut self,
        work: &mut Work<'_>,
        spec: &DomainSpec,
    ) -> Result<Result<Name, NoTarget>, Stop> {
        if let Some(name) = spec.literal() {
            return Ok(Ok(name.clone()));
        }
        let values = self.values(work, spec.text()).await?;
        Ok(macros::target(spec, &values))
    }

    /// RFC 7208 §4.8: the target-name of a term whose domain-spec may be missing, which means the record's own domain.
    pub(super) async fn target_or_domain(
        &mut self,
        work: &mut Work<'_>,
        spec: Option<&DomainSpec>,
    ) -> Result<Result<Name, NoTarget>, Stop> {
        match spec {
            Some(spec) => self.target(work, spec).await,
            None => Ok(Ok(work.record.domain.clone())),
        }
    }

    /// What the macros of a string stand for. RFC 7208 §4.6.4: `%{p}` counts as a term of its own.
    pub(super) async fn values(
        &mut self,
        work: &mut Work<'_>,
        string: &MacroString,
    ) -> Result<Values<'a>, Stop> {
        let mut values = self.session.plain_values(&work.record.domain);
        if string.uses(Letter::Validated) {
            self.spend_lookup(work)?;
            values.validated = self.validated_name(work).await?;
        }
        Ok(values)
    }
}
