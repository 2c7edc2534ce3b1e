//! How far a long run has come, on standard error, if that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar over the bytes that are to be read; nothing at all where standard error is no terminal.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar for so many bytes, drawn only if `wanted`. With 0, how many there will be is not known.
    pub fn new(total_bytes: u64, wanted: bool) -> Self {
        let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target((total_bytes > 0).then_some(total_bytes), target);
        let template = match total_bytes {
            0 => "{spinner} {bytes}  {msg}",
            _ => "{bar:30} {bytes}/{total_bytes}  {msg}  {eta} left",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        Self(bar)
    }

    /// So many bytes more are done; `messages` is how many messages are done in all.
    pub fn advance(&self, bytes: u64, messages: u64) {
        self.0.set_message(format!("{messages} message{}", if messages == 1 { "" } else { "s" }));
        self.0.inc(bytes);
    }

    /// Runs something that prints, with the bar out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_gives_way() {
        for total in [0, 100] {
            let progress = Progress::new(total, false);
            progress.advance(40, 1);
            assert_eq!(progress.0.message(), "1 message");
            progress.advance(60, 2);
            assert_eq!((progress.0.position(), progress.0.message()), (100, "2 messages".to_owned()));
            assert_eq!(progress.aside(|| 7), 7);
            assert!(progress.0.is_hidden());
            progress.finish();
            assert!(progress.0.is_finished());
        }
    }
}
