//! `mailward arc`: the chain of a message.

mod json;

pub(in crate::command) use self::json::ArcJson;
