//! Bytes in JSON: a plain string where they are UTF-8, else `{"base64": …}`. Both ways give the same bytes back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of any kind on their way through JSON.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Base64 { base64: String },
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Form::Base64 { base64: STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(Self(text.into_bytes())),
            Form::Base64 { base64 } => STANDARD
                .decode(base64)
                .map(Self)
                .map_err(|e| D::Error::custom(format!("\"base64\" does not hold base64: {e}"))),
        }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn both_forms_come_back() {
        for (bytes, json) in [
            (&b"v=spf1 -all"[..], r#""v=spf1 -all""#),
            ("h\u{e9}\r\n\0".as_bytes(), "\"h\u{e9}\\r\\n\\u0000\""),
            (b"\xff\x00", r#"{"base64":"/wA="}"#),
            (b"", r#""""#),
        ] {
            let value = Bytes(bytes.to_vec());
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<Bytes>(json).unwrap(), value);
        }
        let error = serde_json::from_str::<Bytes>(r#"{"base64":"!"}"#).unwrap_err().to_string();
        assert!(error.contains("does not hold base64"), "{error}");
    }
}
