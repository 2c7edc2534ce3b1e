//! Trouble of our own.
