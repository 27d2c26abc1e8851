//! Whether what was acknowledged is stored, and each record once.

mod counters;

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use model::{DeviceId, Timestamp};
use store::Store;

pub use counters::Counters;

/// How long the store may take to catch up with the journal.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at it.
const EVERY: Duration = Duration::from_secs(1);
/// Fixes asked of the store at once.
const PAGE: usize = 10_000;

/// Instants, in microseconds, of each device's records.
pub type Times = HashMap<DeviceId, Vec<i64>>;

/// A list of what was acknowledged, on disk while it is made and removed afterwards.
pub struct Acknowledged(PathBuf);

impl Acknowledged {
    /// An empty list.
    pub fn file() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("marshrut-acknowledged-{}.csv", std::process::id()));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .with_context(|| format!("cannot keep a list of what is acknowledged in {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its records, each once, each device's in order.
    pub fn read(&self) -> anyhow::Result<Times> {
        let mut times = Times::new();
        for row in csv::ReaderBuilder::new().has_headers(false).from_path(&self.0)?.into_records() {
            let row = row?;
            let device = DeviceId::new(row.get(0).unwrap_or_default())?;
            let time = row.get(1).and_then(Timestamp::parse).context("the list of what is acknowledged is damaged")?;
            times.entry(device).or_default().push(time.as_micros());
        }
        sort(&mut times);
        // A frame whose answer was lost is acknowledged twice; the record is one.
        times.values_mut().for_each(Vec::dedup);
        Ok(times)
    }
}

impl Drop for Acknowledged {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What was found. `None`: whoever was asked cannot tell.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    acknowledged: usize,
    stored: usize,
    /// Acknowledged and not stored; by counters, as many are missing at least.
    missing: usize,
    /// Stored more often than once.
    duplicates: Option<usize>,
    /// Stored beyond what was acknowledged, whatever the reason.
    beyond: Option<usize>,
}

impl Verdict {
    /// Looks until everything is there, or patience ends.
    pub async fn of(store: &dyn Store, acknowledged: Times) -> anyhow::Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let verdict = compare(&acknowledged, &stored(store, &acknowledged).await?);
            if verdict.missing == 0 || Instant::now() >= deadline {
                return Ok(verdict);
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Prints it.
    #[expect(clippy::print_stdout, reason = "the command's answer")]
    pub fn say(&self) {
        println!("verified_acknowledged {}", self.acknowledged);
        println!("verified_stored {}", self.stored);
        println!("verified_missing {}", self.missing);
        if let Some(duplicates) = self.duplicates {
            println!("verified_duplicates {duplicates}");
        }
        if let Some(beyond) = self.beyond {
            println!("verified_beyond_acknowledged {beyond}");
        }
    }

    /// An error where it is not as promised.
    pub fn check(&self) -> anyhow::Result<()> {
        const ADVICE: &str = "keep its journal and log for those who mend it";
        match (self.missing, self.duplicates) {
            (0, None | Some(0)) => Ok(()),
            (missing, None) => bail!("the store lacks at least {missing} acknowledged fixes; {ADVICE}"),
            (missing, Some(twice)) => {
                bail!("the store lacks {missing} acknowledged fixes and has {twice} twice; {ADVICE}")
            }
        }
    }
}

/// What the store has of these devices in the time of these records, each device's in order.
async fn stored(store: &dyn Store, acknowledged: &Times) -> anyhow::Result<Times> {
    let first = acknowledged.values().filter_map(|times| times.first()).min().copied().unwrap_or_default();
    let last = acknowledged.values().filter_map(|times| times.last()).max().copied().unwrap_or_default();
    let (from, until) = (Timestamp::from_micros(first), Timestamp::from_micros(last.saturating_add(1)));
    let mut times = Times::new();
    let mut after = None;
    loop {
        let page = store.fixes_of(from, until, after.as_ref(), PAGE).await?;
        for row in page.iter().filter(|row| acknowledged.contains_key(&row.device_id)) {
            times.entry(row.device_id.clone()).or_default().push(row.time.as_micros());
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.key()),
            _ => break,
        }
    }
    sort(&mut times);
    Ok(times)
}

fn sort(times: &mut Times) {
    for times in times.values_mut() {
        times.sort_unstable();
    }
}

fn compare(acknowledged: &Times, stored: &Times) -> Verdict {
    let none = Vec::new();
    let missing = |(device, times): (&DeviceId, &Vec<i64>)| {
        let stored = stored.get(device).unwrap_or(&none);
        times.iter().filter(|time| stored.binary_search(time).is_err()).count()
    };
    Verdict {
        acknowledged: acknowledged.values().map(Vec::len).sum(),
        stored: stored.values().map(Vec::len).sum(),
        missing: acknowledged.iter().map(missing).sum(),
        duplicates: Some(stored.values().map(|times| times.windows(2).filter(|w| w.first() == w.last()).count()).sum()),
        beyond: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(of: &[(&str, &[i64])]) -> Times {
        of.iter().map(|(device, times)| (DeviceId::new(device).unwrap(), times.to_vec())).collect()
    }

    #[test]
    fn what_lacks_and_what_is_there_twice_is_counted() {
        let acknowledged = times(&[("a", &[1, 2, 3]), ("b", &[5])]);
        let all = compare(&acknowledged, &times(&[("a", &[1, 2, 3, 4]), ("b", &[5])]));
        assert_eq!(all, Verdict { acknowledged: 4, stored: 5, missing: 0, duplicates: Some(0), beyond: None });
        assert!(all.check().is_ok(), "more than was acknowledged may be there");
        let lacking = compare(&acknowledged, &times(&[("a", &[1, 3, 3])]));
        assert_eq!(lacking, Verdict { acknowledged: 4, stored: 3, missing: 2, duplicates: Some(1), beyond: None });
        let said = lacking.check().unwrap_err().to_string();
        assert!(said.contains("lacks 2") && said.contains("has 1 twice"), "{said}");
    }
}
