//! One request over a connection, within bounds.

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    USER_AGENT,
};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mta_sts::{MAX_POLICY, Refusal};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::capped::Capped;
use crate::error::FetchError;

/// Longest head of an answer, in bytes.
pub const MAX_HEAD: usize = 16 << 10;

/// Asks for a path, and gives the body of an answer that may be a policy.
pub(crate) async fn get(
    stream: TlsStream<Capped<TcpStream>>,
    host: &str,
    path: &str,
) -> Result<Vec<u8>, FetchError> {
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("mailward/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "text/plain")
        .header(ACCEPT_ENCODING, "identity")
        .body(Empty::<Bytes>::new())
        .map_err(|error| FetchError::Http(error.to_string()))?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await.map_err(http)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(http)?;
        read(response).await
    };
    // Neither goes on without the other; both end when the caller has enough.
    tokio::pin!(connection, exchange);
    tokio::select! {
        biased;
        body = &mut exchange => body,
        // An answer may be here all the same; if not, this is why.
        ended = &mut connection => match (exchange.await, ended) {
            (Err(FetchError::Http(_)), Err(error)) => Err(http(error)),
            (body, _) => body,
        },
    }
}

async fn read(response: Response<Incoming>) -> Result<Vec<u8>, FetchError> {
    let (head, mut body) = response.into_parts();
    let field = |name| joined(&head.headers, name);
    let length = field(CONTENT_LENGTH).and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok());
    let (media_type, encoding) = (field(CONTENT_TYPE), field(CONTENT_ENCODING));
    mta_sts::response(head.status.as_u16(), media_type.as_deref(), encoding.as_deref(), length)?;
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(http)?;
        let Some(data) = frame.data_ref() else { continue };
        if whole.len() + data.len() > MAX_POLICY {
            return Err(Refusal::TooLong.into());
        }
        whole.extend_from_slice(data);
    }
    Ok(whole)
}

/// The values of a field; several as HTTP puts them together (RFC 9110 §5.3), so that none is overlooked.
fn joined(head: &HeaderMap, name: HeaderName) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = head.get_all(name).iter().map(|value| value.as_bytes()).collect();
    (!values.is_empty()).then(|| values.join(b", ".as_slice()))
}

fn http(error: hyper::Error) -> FetchError {
    let why = std::error::Error::source(&error)
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    FetchError::Http(mail::shortened(why.as_bytes(), 200))
}
