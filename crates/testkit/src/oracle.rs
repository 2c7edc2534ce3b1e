//! Naive second implementations, in the order and words of the RFCs and as slow as that is: oracles for what is fast.
//! They share no code with what they judge, nor any type: all is text, a character for each byte.

pub mod canon;
pub mod spf;
pub mod tls;
pub mod walk;
