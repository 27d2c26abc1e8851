//! By the service's own counters, for those who cannot see its database.
//!
//! Counters are sums. They tell whether fewer fixes are stored than were acknowledged, and how many more.
//! They do not tell why there are more: a fix whose answer was lost is stored and not acknowledged, as
//! is one of another sender, and a fix stored twice counts no differently. So duplicates are left to those who
//! can see the database; and where there are more for one reason, a loss of as many does not show.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::{EVERY, PATIENCE, Verdict};

/// Fixes that the store has taken since the service started, each counted once.
const STORED: &str = "marshrut_store_fixes_total";
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest page of metrics read, bytes.
const MAX_PAGE: usize = 4 << 20;

/// A service's counters, and how they stood before the load.
pub struct Counters {
    client: reqwest::Client,
    url: String,
    before: u64,
}

impl Counters {
    /// Looks at them for the first time. `url` is where the service's pages are.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(ANSWER_TIMEOUT).build()?;
        let url = format!("{}/metrics", url.trim_end_matches('/'));
        let mut counters = Self { client, url, before: 0 };
        counters.before = counters.stored().await?;
        Ok(counters)
    }

    /// Looks until as many fixes are stored as were acknowledged, or patience ends. Counters
    /// do not tell one vehicle from another: nobody else should send meanwhile.
    pub async fn verdict(&self, acknowledged: usize) -> anyhow::Result<Verdict> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stored = usize::try_from(self.stored().await?.saturating_sub(self.before))?;
            if stored >= acknowledged || Instant::now() >= deadline {
                return Ok(told(acknowledged, stored));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn stored(&self) -> anyhow::Result<u64> {
        let answer = self.client.get(&self.url).send().await;
        let mut answer = answer
            .and_then(reqwest::Response::error_for_status)
            .with_context(|| format!("cannot read {}; does marshrut serve its pages there?", self.url))?;
        let mut page = Vec::new();
        while let Some(part) = answer.chunk().await? {
            page.extend_from_slice(&part);
            ensure!(page.len() <= MAX_PAGE, "{} is longer than any page of metrics", self.url);
        }
        let page = String::from_utf8(page).with_context(|| format!("{} is no page of metrics", self.url))?;
        // A service that has stored nothing yet does not have the counter yet.
        Ok(page.lines().find_map(count).unwrap_or(0))
    }
}

/// What two sums tell.
fn told(acknowledged: usize, stored: usize) -> Verdict {
    let (missing, beyond) = (acknowledged.saturating_sub(stored), stored.saturating_sub(acknowledged));
    Verdict { acknowledged, stored, missing, duplicates: None, beyond: Some(beyond) }
}

fn count(line: &str) -> Option<u64> {
    line.strip_prefix(STORED)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_beyond_what_was_acknowledged_is_no_fault_and_what_lacks_is() {
        let answers_lost = told(100, 103);
        assert_eq!((answers_lost.missing, answers_lost.duplicates, answers_lost.beyond), (0, None, Some(3)));
        assert!(answers_lost.check().is_ok(), "counters cannot call them duplicates");
        let lost = told(100, 98).check().unwrap_err().to_string();
        assert!(lost.contains("lacks at least 2") && !lost.contains("twice"), "{lost}");
    }

    #[test]
    fn only_the_stored_are_counted() {
        assert_eq!(count("marshrut_store_fixes_total 1560"), Some(1560));
        assert_eq!(count("# TYPE marshrut_store_fixes_total counter"), None);
        assert_eq!(count("marshrut_store_fixes_total_by_day 3"), None);
    }
}
