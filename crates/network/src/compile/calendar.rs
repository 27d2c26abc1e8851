//! calendar.txt and calendar_dates.txt.

use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use gtfs_structures::{Calendar, CalendarDate, Exception};

use crate::{Service, ServiceIdx};

/// The services of both tables, in the order of their ids.
pub(super) fn services(
    weekly: Vec<Calendar>,
    dates: Vec<CalendarDate>,
) -> (Vec<Service>, HashMap<CompactString, ServiceIdx>) {
    let mut by_id: BTreeMap<String, Service> = BTreeMap::new();
    for c in weekly {
        let service = by_id.entry(c.id).or_default();
        service.weekdays = [c.monday, c.tuesday, c.wednesday, c.thursday, c.friday, c.saturday, c.sunday];
        service.span = Some((c.start_date, c.end_date));
    }
    for d in dates {
        let service = by_id.entry(d.service_id).or_default();
        match d.exception_type {
            Exception::Added => service.added.push(d.date),
            Exception::Deleted => service.removed.push(d.date),
        }
    }
    let mut services = Vec::with_capacity(by_id.len());
    let mut ids = HashMap::with_capacity(by_id.len());
    for (id, mut service) in by_id {
        service.added.sort_unstable();
        service.removed.sort_unstable();
        ids.insert(CompactString::from(id), ServiceIdx::from_len(services.len()));
        services.push(service);
    }
    (services, ids)
}
