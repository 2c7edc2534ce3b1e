//! What is kept of a domain is forgotten: somebody planted its policy, or it is wrong.

use store::TlsPolicy;

use super::json::ForgetJson;
use super::look::{hop, kept, time};
use super::{Args, Page};
use crate::cli::Exit;
use crate::config::Config;
use crate::input::{InputError, now};

pub(super) async fn forget(args: &Args) -> Result<Exit, InputError> {
    let hop = hop(args)?;
    let (config, _) = Config::load(args.config.as_deref())?;
    let failed = |error: store::Error| InputError::new(config.store.place().to_string(), error.to_string());
    let store = kept(&config).await?;
    let before = store.forget_tls_policy(&hop.domain, now()).await.map_err(failed)?;
    store.close().await;
    if args.json {
        Page::print_json(&ForgetJson::new(&hop.domain, &before.policy))?;
    } else {
        tell(&hop.domain, &before.policy);
    }
    Ok(match before.policy {
        Ok(None) => Exit::Fail,
        Ok(Some(_)) | Err(_) => Exit::Pass,
    })
}

fn tell(domain: &mail::Domain, before: &Result<Option<TlsPolicy>, store::Error>) {
    let mut page = Page::default();
    match before {
        Ok(None) => page.line(format_args!("No policy of {domain} was kept.")),
        Err(_) => page.line(format_args!("The policy of {domain} could not be read, and is forgotten.")),
        Ok(Some(TlsPolicy { kept, .. })) => {
            page.line(format_args!("The policy of {domain} is forgotten."));
            page.gap();
            page.facts(&[
                ("id", kept.id.to_string()),
                ("fetched", time(kept.fetched)),
                ("in force until", time(kept.expires())),
            ]);
            kept.policy.lines().for_each(|line| page.line(format_args!("  {line}")));
        }
    }
    page.gap();
    page.line("Whoever serves with this database forgets it within some seconds, on other hosts too.");
    page.line("When mail goes there again, the policy is fetched afresh, if the DNS announces one.");
    page.print();
}
