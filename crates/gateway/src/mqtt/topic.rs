//! The device's id in a topic.

use model::DeviceId;
use protocols::DecodeError;

/// Before the filter of a subscription shared among clients: `$share/group/filter`.
const SHARED: &str = "$share/";

/// The filter that topics are compared with.
fn filter_of(subscription: &str) -> &str {
    match subscription.strip_prefix(SHARED).and_then(|rest| rest.split_once('/')) {
        Some((_group, filter)) => filter,
        None => subscription,
    }
}

/// Whether a filter is one; says what to do when it is not.
pub(super) fn check(subscription: &str, device_in_topic: bool) -> Result<(), String> {
    let filter = filter_of(subscription);
    let levels: Vec<_> = filter.split('/').collect();
    let is_whole = |level: &&str| !level.contains(['+', '#']) || level.len() == 1;
    let hash_is_last = levels.iter().rev().skip(1).all(|level| *level != "#");
    if filter.is_empty() || !levels.iter().all(is_whole) || !hash_is_last {
        return Err(format!("`{subscription}` is no topic filter; `+` stands for one level, `#` for all that follow"));
    }
    if device_in_topic && !levels.contains(&"+") {
        return Err(format!("`{subscription}` has no `+` for the device's id; add it, or set device_in_topic = false"));
    }
    Ok(())
}

/// Whom a topic names by the first filter that it fits; `None` where topics name nobody.
pub(super) fn device(
    subscriptions: &[String],
    device_in_topic: bool,
    topic: &str,
) -> Result<Option<DeviceId>, DecodeError> {
    if !device_in_topic {
        return Ok(None);
    }
    let level = subscriptions.iter().find_map(|subscription| named_level(filter_of(subscription), topic));
    let level = level.ok_or(DecodeError::Field("topic"))?;
    DeviceId::new(level).map(Some).map_err(|_| DecodeError::Login("the topic's level is no device id"))
}

/// What stands in a topic for the filter's first `+`; `None` where the topic does not fit.
fn named_level<'a>(filter: &str, topic: &'a str) -> Option<&'a str> {
    let mut named = None;
    let mut levels = topic.split('/');
    for expected in filter.split('/') {
        if expected == "#" {
            return named;
        }
        let level = levels.next()?;
        match expected {
            "+" => named = named.or(Some(level)),
            _ if expected != level => return None,
            _ => {}
        }
    }
    levels.next().is_none().then_some(named).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(filter: &str, topic: &str) -> Option<String> {
        device(&[filter.to_owned()], true, topic).ok().flatten().map(String::from)
    }

    #[test]
    fn the_first_plus_names_the_device() {
        assert_eq!(named("trackers/+/fix", "trackers/12/fix").as_deref(), Some("12"));
        assert_eq!(named("+/+/fix", "city/12/fix").as_deref(), Some("city"));
        assert_eq!(named("trackers/+/#", "trackers/12/a/b").as_deref(), Some("12"));
        assert_eq!(named("$share/gateways/trackers/+/fix", "trackers/12/fix").as_deref(), Some("12"));
        assert_eq!(named("trackers/+/fix", "trackers/12/fix/more"), None);
        assert_eq!(named("trackers/+/fix", "trackers/12"), None);
        assert_eq!(named("trackers/+/fix", "trackers//fix"), None);
    }

    #[test]
    fn filters_that_cannot_work_are_refused() {
        assert!(check("trackers/+/fix", true).is_ok());
        assert!(check("trackers/#", false).is_ok());
        assert!(check("trackers/#", true).unwrap_err().contains("device_in_topic"));
        for wrong in ["", "a+/b", "#/a", "a/b#"] {
            assert!(check(wrong, false).is_err(), "{wrong}");
        }
    }
}
