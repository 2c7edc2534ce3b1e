//! Questions and their answers, kept while they are asked, and answered again later from what was kept.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Dns;
use crate::answer::{Answer, Reply};
use crate::question::Question;

/// Passes questions on and keeps every answer. A question that is asked again gets the answer that was kept, so that
/// whoever replays the recording sees what was seen. [`Answer::took`] is cut to whole microseconds, which is what
/// recordings hold.
#[derive(Debug, Default)]
pub struct Recorder<D> {
    below: D,
    kept: Mutex<BTreeMap<Question, Answer>>,
}

impl<D> Recorder<D> {
    /// Records what `below` answers.
    pub fn new(below: D) -> Self {
        Self { below, kept: Mutex::default() }
    }

    /// What was answered so far.
    pub fn answers(&self) -> Answers {
        lock(&self.kept).clone().into_iter().collect()
    }
}

impl<D: Dns> Dns for Recorder<D> {
    async fn ask(&self, question: &Question) -> Answer {
        let kept = lock(&self.kept).get(question).cloned();
        if let Some(answer) = kept {
            return answer;
        }
        let answer = self.below.ask(question).await;
        let took = Duration::from_micros(u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX));
        lock(&self.kept).entry(question.clone()).or_insert(Answer { took, ..answer }).clone()
    }

    /// Not kept: no verdict rests on it.
    fn warm(&self, question: &Question) -> impl Future<Output = Option<Answer>> + Send {
        self.below.warm(question)
    }
}

/// The answers of a recording. A question that it lacks is answered with [`Reply::ServerFailure`] and remembered.
#[derive(Debug, Default)]
pub struct Answers {
    kept: BTreeMap<Question, Answer>,
    lacking: Mutex<BTreeSet<Question>>,
}

impl Answers {
    /// Every question and its answer, ordered by name and type.
    pub fn iter(&self) -> impl Iterator<Item = (&Question, &Answer)> {
        self.kept.iter()
    }

    /// The questions that were asked and that the recording has no answer for.
    pub fn lacking(&self) -> Vec<Question> {
        lock(&self.lacking).iter().cloned().collect()
    }
}

impl FromIterator<(Question, Answer)> for Answers {
    fn from_iter<I: IntoIterator<Item = (Question, Answer)>>(answers: I) -> Self {
        Self { kept: answers.into_iter().collect(), lacking: Mutex::default() }
    }
}

impl Dns for Answers {
    async fn ask(&self, question: &Question) -> Answer {
        match self.kept.get(question) {
            Some(answer) => answer.clone(),
            None => {
                lock(&self.lacking).insert(question.clone());
                Answer::new(Reply::ServerFailure)
            }
        }
    }
}

/// A panic elsewhere leaves a map as good as it was: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{Data, Name, RecordType};

    /// Answers each question with another number.
    #[derive(Default)]
    struct Counting(AtomicU32);

    impl Dns for Counting {
        async fn ask(&self, _: &Question) -> Answer {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let took = Duration::from_nanos(1_999);
            Answer { took, ..Answer::new(Reply::from_records([Data::txt(count.to_string())])) }
        }
    }

    fn question(name: &str) -> Question {
        Question::new(Name::from_dotted(name).unwrap(), RecordType::Txt)
    }

    fn text(text: &str) -> Reply {
        Reply::from_records([Data::txt(text)])
    }

    #[track_caller]
    fn check(dns: &impl Dns, name: &str, expected: Reply) {
        assert_eq!(pollster::block_on(dns.ask(&question(name))).reply, expected);
    }

    /// Tells the two ways of asking apart.
    struct Ahead;

    impl Dns for Ahead {
        async fn ask(&self, _: &Question) -> Answer {
            Answer::new(text("asked"))
        }

        async fn warm(&self, _: &Question) -> Option<Answer> {
            Some(Answer::new(text("ahead")))
        }
    }

    #[test]
    fn what_is_asked_ahead_is_not_kept() {
        let recorder = Recorder::new(Ahead);
        assert_eq!(
            pollster::block_on(recorder.warm(&question("a.example"))),
            Some(Answer::new(text("ahead")))
        );
        assert_eq!(recorder.answers().iter().count(), 0);
        check(&recorder, "a.example", text("asked"));
        let answers = recorder.answers();
        assert_eq!(pollster::block_on(answers.warm(&question("b.example"))), None);
        assert_eq!(answers.lacking(), []);
    }

    #[test]
    fn a_recording_answers_as_its_source_did() {
        let recorder = Recorder::new(Counting::default());
        check(&recorder, "a.example", text("0"));
        check(&recorder, "b.example", text("1"));
        check(&recorder, "a.example", text("0"));
        check(&recorder, "c.example", text("2"));
        let now = pollster::block_on(recorder.ask(&question("a.example")));
        assert_eq!(now.took, Duration::from_micros(1), "judged now as it will be again");
        let answers = recorder.answers();
        assert_eq!(answers.iter().count(), 3);
        check(&answers, "b.example", text("1"));
        check(&answers, "a.example", text("0"));
        assert_eq!(answers.lacking(), []);
        check(&answers, "d.example", Reply::ServerFailure);
        check(&answers, "d.example", Reply::ServerFailure);
        assert_eq!(answers.lacking(), [question("d.example")]);
    }
}
