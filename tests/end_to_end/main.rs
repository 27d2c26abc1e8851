//! End to end: the real program, real sockets, a real PostGIS, a real browser.
//!
//! Each test starts what it needs on free ports and stops it again.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

mod support;

mod acknowledge;
mod bad_input;
mod corrections;
mod crash;
mod demo;
mod drain;
mod gate;
mod hour;
mod lost_end;
mod machines;
mod matching;
mod one_folder;
mod outputs;
mod ready;
mod simulate;
mod trouble;
