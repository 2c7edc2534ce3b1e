//! One query in flight per question, however many ask; it ends whether or not they wait for it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use dns::{Answer, Question, Reply};
use tokio::runtime::Handle;
use tokio::sync::watch;

#[derive(Clone, Default)]
pub(crate) struct Flights {
    under_way: Arc<Mutex<HashMap<Question, watch::Receiver<Option<Answer>>>>>,
}

impl Flights {
    /// The answer of the query that is under way for this question, or of a new one.
    pub(crate) async fn join<Q>(
        &self,
        question: &Question,
        runtime: &Handle,
        query: impl FnOnce() -> Q,
    ) -> Answer
    where
        Q: Future<Output = Answer> + Send + 'static,
    {
        let mut landing = self.board(question, runtime, query);
        match landing.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone().unwrap_or_else(failure),
            // The query is gone without an answer: its runtime ended, or it panicked.
            Err(_) => failure(),
        }
    }

    fn board<Q>(
        &self,
        question: &Question,
        runtime: &Handle,
        query: impl FnOnce() -> Q,
    ) -> watch::Receiver<Option<Answer>>
    where
        Q: Future<Output = Answer> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(landing) = under_way.get(question) {
            return landing.clone();
        }
        let (sender, landing) = watch::channel(None);
        under_way.insert(question.clone(), landing.clone());
        // A runtime that has ended drops what it is given at once, and with it `Over`, which wants the list too.
        drop(under_way);
        let over = Over { flights: self.clone(), question: question.clone() };
        let query = query();
        runtime.spawn(async move {
            let answer = query.await;
            drop(over);
            sender.send_replace(Some(answer));
        });
        landing
    }
}

/// Takes the question off the list when its query ends, however it ends.
struct Over {
    flights: Flights,
    question: Question,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.question);
    }
}

fn failure() -> Answer {
    Answer::new(Reply::ServerFailure)
}

#[cfg(test)]
mod tests {
    use dns::{Name, RecordType};

    use super::*;

    #[test]
    fn a_query_that_ends_badly_is_a_failure_and_leaves_nothing() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let flights = Flights::default();
        let question = Question::new(Name::root(), RecordType::A);
        let panics = async || -> Answer { panic!("on purpose") };
        assert_eq!(runtime.block_on(flights.join(&question, runtime.handle(), panics)), failure());
        assert!(flights.under_way.lock().unwrap().is_empty());
        let ended = runtime.handle().clone();
        drop(runtime);
        assert_eq!(pollster::block_on(flights.join(&question, &ended, async || failure())), failure());
        assert!(flights.under_way.lock().unwrap().is_empty());
    }
}
