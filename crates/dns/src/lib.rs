//! DNS as the protocols see it: a question, an answer that keeps every kind of "no" apart, and the one trait between.
#![forbid(unsafe_code)]

pub mod answer;
pub mod memo;
pub mod name;
pub mod overlay;
pub mod paste;
pub mod question;
pub mod recorder;
pub mod zone;

pub use answer::{Answer, Data, Failure, Reply, Strings};
pub use memo::Memo;
pub use name::{Name, NameError};
pub use overlay::Overlay;
pub use question::{Question, RecordType};
pub use recorder::{Answers, Recorder};
pub use zone::{Zone, ZoneError};

use std::future::{Future, ready};

/// Most CNAMEs that are followed from one question; a longer chain, or a loop, is [`Reply::ServerFailure`].
pub const MAX_CNAMES: usize = 8;

/// Whoever answers questions: a resolver, a zone in a text, a recording.
pub trait Dns: Sync {
    /// The answer to one question. CNAMEs are followed, unless the question is for one; the name is absolute, no search list applies. An answer always
    /// comes: trouble is a [`Reply`], and what takes too long is [`Reply::TimeOut`].
    fn ask(&self, question: &Question) -> impl Future<Output = Answer> + Send;

    /// Asks ahead of need, so that [`Dns::ask`] finds the answer at hand or under way if it comes to that. Whoever asks
    /// may drop the future at any time. What is asked like this is in no recording and changes no answer. `None` where
    /// asking ahead saves nothing, as it is for whoever does not wait, or where there is no room for it now.
    fn warm(&self, question: &Question) -> impl Future<Output = Option<Answer>> + Send {
        let _ = question;
        ready(None)
    }
}

impl<D: Dns> Dns for &D {
    fn ask(&self, question: &Question) -> impl Future<Output = Answer> + Send {
        (**self).ask(question)
    }

    fn warm(&self, question: &Question) -> impl Future<Output = Option<Answer>> + Send {
        (**self).warm(question)
    }
}
