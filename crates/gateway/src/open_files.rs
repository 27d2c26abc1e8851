//! The system's limit of open files: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that all else in the process may need: journal, store, riders, brokers. Where the limit
/// is small, a quarter of it at most.
const FOR_OTHERS: usize = 1024;

/// How many connections the system's limit of open files allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// Files that this process may open; `None`: no limit.
    limit: Option<u64>,
}

impl OpenFiles {
    /// Raises this process's limit as far as it may without further rights.
    pub fn raise() -> Self {
        let found = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: found.maximum, maximum: found.maximum };
        // Where it is refused, what was found holds on.
        let limit = if setrlimit(Resource::Nofile, raised).is_ok() { found.maximum } else { found.current };
        Self { limit }
    }

    /// Connections that leave enough files for all else, of so many wanted.
    pub fn connections(self, wanted: usize) -> usize {
        let Some(limit) = self.limit else { return wanted };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        wanted.min(limit - FOR_OTHERS.min(limit / 4))
    }

    /// What is to be done when so many connections cannot be had; `None` when they can.
    pub fn shortfall(self, wanted: usize) -> Option<String> {
        let allowed = self.connections(wanted);
        (allowed < wanted).then(|| {
            format!(
                "gateway.max_connections is {wanted}, but this process may open {} files, which is enough for {allowed} \
                 connections; set LimitNOFILE={} in its systemd unit (or `ulimit -Hn`, or the container's nofile limit), \
                 or lower gateway.max_connections",
                self.limit.unwrap_or_default(),
                wanted.saturating_add(FOR_OTHERS)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_keep_their_share() {
        let of = |limit| OpenFiles { limit };
        assert_eq!(of(Some(524_288)).connections(131_072), 131_072);
        assert_eq!(of(Some(20_000)).connections(131_072), 20_000 - FOR_OTHERS);
        assert_eq!(of(Some(1_024)).connections(131_072), 768);
        assert_eq!(of(None).connections(131_072), 131_072);
    }

    #[test]
    fn a_shortfall_says_what_to_set() {
        assert_eq!(OpenFiles { limit: Some(132_096) }.shortfall(131_072), None);
        let said = OpenFiles { limit: Some(20_000) }.shortfall(131_072).unwrap();
        assert!(said.contains("20000 files") && said.contains("LimitNOFILE=132096"), "{said}");
    }

    #[test]
    fn the_soft_limit_is_raised() {
        let found = getrlimit(Resource::Nofile);
        OpenFiles::raise();
        assert_eq!(getrlimit(Resource::Nofile).current, found.maximum);
    }
}
