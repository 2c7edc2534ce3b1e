//! The service without an MTA.
