//! Event codes that raise an alarm.

/// SOS, batteries, speed, fences, supply, towing, jamming, accident, sharp turns, braking,
/// acceleration, fatigue.
const ALARMS: [u32; 16] = [1, 17, 18, 19, 20, 21, 22, 23, 36, 44, 78, 90, 91, 129, 130, 135];
/// A card or key at the reader.
pub(super) const DRIVER: u32 = 37;

/// Whether the event is an alarm.
pub(super) fn is_alarm(event: u32) -> bool {
    ALARMS.contains(&event)
}
