//! marshrut: trackers in, live passenger information and open data out.
//!
//! This crate is the program: command line, configuration, wiring, shutdown. What it wires
//! is in the crates beside it; `service` is the one place that says what feeds what.

mod assignments;
mod cli;
mod commands;
mod config;
mod gtfs;
mod logging;
mod pipeline;
mod progress;
mod service;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command};
use tikv_jemallocator::Jemalloc;

/// The service lives for months on small hosts: memory of a burst must go back to the system. How
/// soon it does is set where it is compiled, in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("marshrut: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Decode(args) => return commands::decode::run(args),
        Command::Match(args) => {
            logging::log("info")?;
            return commands::matching::run(args);
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Demo(args) => commands::demo::run(args).await,
            Command::Serve(args) => commands::serve::run(args).await,
            Command::Simulate(args) => commands::simulate::run(args).await,
            Command::Replay(args) => commands::replay::run(args).await,
            Command::Export(args) => commands::export::run(args).await,
            Command::Check(args) => commands::check::run(args).await,
            Command::Decode(_) | Command::Match(_) => Ok(()),
        }
    })
}
