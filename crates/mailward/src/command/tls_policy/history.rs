//! What came to pass with a domain up to a time: why was this deferred on Tuesday?

use mail::UnixTime;
use store::{TLS_HISTORY_DAYS, TlsEvent, TlsEventKind};

use super::json::HistoryJson;
use super::look::{hop, kept, time};
use super::{Args, Page};
use crate::cli::Exit;
use crate::config::Config;
use crate::input::InputError;
use crate::show::escape::escape;

/// Most events that are shown.
const SHOWN: u32 = 100;

pub(super) async fn show(args: &Args, at: UnixTime) -> Result<Exit, InputError> {
    let hop = hop(args)?;
    let (config, _) = Config::load(args.config.as_deref())?;
    let failed = |error: store::Error| InputError::new(config.store.place().to_string(), error.to_string());
    let store = kept(&config).await?;
    let from = UnixTime(at.0.saturating_sub(TLS_HISTORY_DAYS * 86_400));
    let events = store.tls_history(&hop.domain, from, at, SHOWN).await.map_err(failed)?;
    let answered = events.iter().find(|event| event.kind == TlsEventKind::Answered);
    if args.json {
        Page::print_json(&HistoryJson::new(&hop.domain, at, answered, &events))?;
    } else {
        tell(&hop.domain, at, answered, &events);
    }
    Ok(match answered {
        Some(answered) if answered.text.starts_with("TEMP") => Exit::Fail,
        _ => Exit::Pass,
    })
}

fn tell(domain: &mail::Domain, at: UnixTime, answered: Option<&TlsEvent>, events: &[TlsEvent]) {
    let mut page = Page::default();
    page.title(format_args!("TLS for mail to {domain} at {}", time(at)));
    page.gap();
    match answered {
        None => page.line("Nothing is known of an answer other than NOTFOUND before that."),
        Some(event) => {
            page.line(format_args!("Postfix was told, first at {}:", time(event.at)));
            event.text.lines().for_each(|line| page.line(format_args!("  {}", escape(line))));
        }
    }
    if !events.is_empty() {
        page.gap();
        let more = |event: &TlsEvent| {
            // The steps to an answer are many.
            let shown = if event.kind == TlsEventKind::Answered { 1 } else { usize::MAX };
            escape(event.text.lines().take(shown).collect::<Vec<_>>().join("; "))
        };
        let rows = events.iter().map(|event| [time(event.at), event.kind.as_str().to_owned(), more(event)]);
        page.table(["when", "what", ""], &rows.collect::<Vec<_>>());
    }
    page.print();
}
