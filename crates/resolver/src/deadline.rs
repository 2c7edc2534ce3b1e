//! A moment after which every answer is a time-out, so that a late verdict is a temporary error and never a hang.

use std::future::Future;
use std::time::Duration;

use dns::{Answer, Dns, Question, Reply};
use tokio::time::Instant;

/// Asks what is below until the deadline; then, and for what is still under way, says [`Reply::TimeOut`].
#[derive(Clone, Debug)]
pub struct Deadline<D> {
    below: D,
    at: Instant,
}

impl<D: Dns> Deadline<D> {
    /// The deadline is `within` from now.
    pub fn new(below: D, within: Duration) -> Self {
        Self { below, at: Instant::now() + within }
    }
}

impl<D: Dns> Dns for Deadline<D> {
    async fn ask(&self, question: &Question) -> Answer {
        let start = Instant::now();
        if start < self.at
            && let Ok(answer) = tokio::time::timeout_at(self.at, self.below.ask(question)).await
        {
            return answer;
        }
        Answer { took: start.elapsed(), ..Answer::new(Reply::TimeOut) }
    }

    /// After the deadline nobody is left who would need the answer, and the future is dropped.
    fn warm(&self, question: &Question) -> impl Future<Output = Option<Answer>> + Send {
        self.below.warm(question)
    }
}

#[cfg(test)]
mod tests {
    use dns::{Name, RecordType, Zone};

    use super::*;

    /// Takes a second for every answer.
    struct Slow(Zone);

    impl Dns for Slow {
        async fn ask(&self, question: &Question) -> Answer {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.0.answer(question)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn dns_04_after_the_deadline_everything_is_a_time_out() {
        let question = Question::new(Name::from_dotted("a.example").unwrap(), RecordType::A);
        let zone = Zone::parse("a.example. A 192.0.2.1").unwrap();
        let deadline = Deadline::new(Slow(zone.clone()), Duration::from_millis(2500));
        assert_eq!(deadline.ask(&question).await.records().len(), 1);
        assert_eq!(deadline.ask(&question).await.records().len(), 1);
        let late = deadline.ask(&question).await;
        assert_eq!((late.reply, late.took), (Reply::TimeOut, Duration::from_millis(500)));
        let over = Deadline::new(zone, Duration::ZERO);
        assert_eq!(over.ask(&question).await.reply, Reply::TimeOut);
    }
}
