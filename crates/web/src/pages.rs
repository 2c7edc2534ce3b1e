//! The pages, and what every answer has: who may ask, and what a browser may do with it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::CONTENT_TYPE;
use crate::{Metrics, Source, health, host};

/// The pages of a source, given out under these names.
pub(crate) fn router<S: Source>(source: Arc<S>, names: Arc<[String]>) -> Router {
    Router::new()
        .route("/metrics", get(metrics::<S>))
        .route("/healthz", get(healthz::<S>))
        .with_state(source)
        .layer(from_fn_with_state(names, guard))
}

async fn metrics<S: Source>(State(source): State<Arc<S>>) -> Response {
    let mut page = Metrics::default();
    source.metrics(&mut page);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page.into_text()).into_response()
}

async fn healthz<S: Source>(State(source): State<Arc<S>>) -> Response {
    let (works, text) = health::page(&source.health());
    let status = if works { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, text).into_response()
}

/// Turns away what is no question for a page, and keeps answers to who asked.
async fn guard(State(names): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let mut response = match refused(&request, &names) {
        Some((status, why)) => (status, why).into_response(),
        None => next.run(request).await,
    };
    let fields = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refused(request: &Request, names: &[String]) -> Option<(StatusCode, &'static str)> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Some((StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"));
    }
    // RFC 9112 §3.2: a request of HTTP/1.1 has one Host field, and a name in the request's target goes before it.
    let hosts = hosts(request.headers(), request.uri().authority().map(|authority| authority.as_str()));
    match hosts.as_slice() {
        [] if request.version() < Version::HTTP_11 => None,
        [Some(host)] if host::is_ours(host, names) => None,
        [Some(_)] => Some((StatusCode::MISDIRECTED_REQUEST, "this name is not mine: ask by address\n")),
        _ => Some((StatusCode::BAD_REQUEST, "one Host field is needed\n")),
    }
}

/// The hosts that are asked for; `None` for one that is no text.
fn hosts<'a>(fields: &'a HeaderMap, target: Option<&'a str>) -> Vec<Option<&'a str>> {
    match target {
        Some(target) => vec![Some(target)],
        None => fields.get_all(header::HOST).iter().map(|value| value.to_str().ok()).collect(),
    }
}
