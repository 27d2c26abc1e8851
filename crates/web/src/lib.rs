//! HTTP: feeds, live events, the API and the riders' map.
//!
//! ```text
//! MatchedFix ─▶ Publisher (one task: gate, live state) ─▶ Hub ─▶ handlers, many at once
//! ```
//!
//! The [`Publisher`] is the one writer. What it lets out lies in the [`Hub`], immutable and
//! swapped whole, and everything live that a handler answers is made from there, so nothing
//! goes round the gate. Bytes are made at most once a version and shared by all who ask.

mod answer;
mod api;
mod departures;
mod encoded;
mod events;
mod feeds_http;
mod filter;
mod hub;
mod operations;
mod publisher;
mod schedule_json;
mod server;
mod site;

pub use hub::Hub;
pub use operations::{Check, serve_operations};
pub use publisher::Publisher;
pub use server::{MapSettings, Settings, WebError, router, serve};
