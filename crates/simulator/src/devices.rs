//! Which tracker a vehicle carries.

use std::collections::HashSet;
use std::io;

use model::{DeviceId, VehicleId};
use protocols::Identity;

use crate::{SimulatorError, TELTONIKA, WIALON_IPS, spoken};

/// One vehicle's tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What the tracker calls itself.
    pub device: DeviceId,
    /// The vehicle that carries it.
    pub vehicle: VehicleId,
    /// Its protocol's name in the registry of `protocols`.
    pub protocol: &'static str,
}

/// Gives each vehicle a tracker, the same one every time: by turns in the order of their
/// ids a Teltonika with an IMEI and a Wialon IPS tracker with a text id, both derived from
/// the vehicle's id. The result is in the order of `vehicles`.
///
/// ```
/// # use model::VehicleId;
/// let vehicles = [VehicleId::new("102").unwrap(), VehicleId::new("101").unwrap()];
/// let devices = simulator::devices::assign(&vehicles);
/// assert_eq!(devices[0].protocol, "wialon-ips");
/// assert_eq!(devices[0].device.as_str(), "trk-102");
/// assert_eq!(devices[1].protocol, "teltonika");
/// assert_eq!(devices[1].device.as_str().len(), 15);
/// ```
pub fn assign(vehicles: &[VehicleId]) -> Vec<Device> {
    assign_by(vehicles, |turn| if turn % 2 == 0 { TELTONIKA } else { WIALON_IPS })
}

fn assign_by(vehicles: &[VehicleId], protocol: impl Fn(usize) -> &'static str) -> Vec<Device> {
    let mut order: Vec<usize> = (0..vehicles.len()).collect();
    order.sort_by_key(|&i| vehicles.get(i));
    let mut taken = HashSet::new();
    let mut devices: Vec<(usize, Device)> = Vec::with_capacity(vehicles.len());
    for (turn, index) in order.into_iter().enumerate() {
        let Some(vehicle) = vehicles.get(index) else { continue };
        let protocol = protocol(turn);
        let candidates = (0u64..).map(|salt| identity(protocol, vehicle, salt));
        // Two ids hardly ever collide; where they do, the next salt settles it.
        if let Some(device) = candidates.flatten().find(|id| taken.insert(id.clone())) {
            devices.push((index, Device { device, vehicle: vehicle.clone(), protocol }));
        }
    }
    devices.sort_by_key(|(index, _)| *index);
    devices.into_iter().map(|(_, device)| device).collect()
}

/// Gives each vehicle a tracker of the same protocol, in the order of `vehicles`.
pub fn assign_all(vehicles: &[VehicleId], protocol: &str) -> Result<Vec<Device>, SimulatorError> {
    let (protocol, _) = spoken(protocol)?;
    Ok(assign_by(vehicles, |_| protocol.name))
}

/// The identity of a tracker of this protocol in this vehicle; another `salt`, another one.
pub fn identity(protocol: &str, vehicle: &VehicleId, salt: u64) -> Option<DeviceId> {
    let hash = hash(vehicle.as_str(), salt);
    let text = match spoken(protocol).ok()?.1.identity {
        Identity::Imei => imei(hash),
        Identity::Digits(digits) => {
            let least = 10u64.checked_pow(u32::from(digits.max(1)) - 1)?;
            (least + hash % least.checked_mul(9)?).to_string()
        }
        Identity::Number(most) => (1 + hash % u64::from(most.max(1))).to_string(),
        Identity::Text => text_id(vehicle.as_str(), hash, salt),
    };
    DeviceId::new(&text).ok()
}

/// Writes `device_id,vehicle_id`, the list by which the gateway knows its vehicles.
pub fn write_registry(devices: &[Device], out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["device_id", "vehicle_id"])?;
    for device in devices {
        csv.write_record([device.device.as_str(), device.vehicle.as_str()])?;
    }
    csv.flush()
}

/// FNV-1a over the text, stirred by SplitMix64's finaliser: the same on every machine.
fn hash(text: &str, salt: u64) -> u64 {
    let fnv = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64 ^ salt, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    crate::drive::stir(fnv)
}

/// Fifteen digits with the Luhn check digit last, under the reporting body 35 that most
/// trackers' IMEIs begin with (3GPP TS 23.003, annex B).
fn imei(hash: u64) -> String {
    let body = format!("35{:012}", hash % 1_000_000_000_000);
    let sum: u32 = body
        .bytes()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = if place % 2 == 1 { digit * 2 } else { digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// A name that any protocol with names can carry: letters, digits, `-` and `_`. An id that had to be
/// changed for it gets its hash behind it, so that two do not become one.
fn text_id(vehicle: &str, hash: u64, salt: u64) -> String {
    const LONGEST: usize = 32;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let kept: String = vehicle.chars().filter(|c| plain(*c)).take(LONGEST).collect();
    if salt == 0 && kept.len() == vehicle.len() { format!("trk-{kept}") } else { format!("trk-{kept}-{hash:08x}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luhn_holds(imei: &str) -> bool {
        let digits: Vec<u32> = imei.chars().rev().map(|c| c.to_digit(10).unwrap()).collect();
        let sum: u32 =
            digits.iter().enumerate().map(|(i, d)| if i % 2 == 1 { d * 2 / 10 + d * 2 % 10 } else { *d }).sum();
        sum.is_multiple_of(10)
    }

    #[test]
    fn every_vehicle_has_its_own_tracker_and_keeps_it() {
        let vehicles: Vec<VehicleId> = (0..3000).map(|n| VehicleId::new(&format!("{n}")).unwrap()).collect();
        let devices = assign(&vehicles);
        let distinct: HashSet<&DeviceId> = devices.iter().map(|d| &d.device).collect();
        assert_eq!((devices.len(), distinct.len()), (3000, 3000));
        assert!(devices.iter().zip(&vehicles).all(|(d, v)| d.vehicle == *v));
        for device in devices.iter().filter(|d| d.protocol == TELTONIKA) {
            assert!(device.device.as_str().len() == 15 && luhn_holds(device.device.as_str()), "{device:?}");
        }
        let teltonikas = devices.iter().filter(|d| d.protocol == TELTONIKA).count();
        assert_eq!(teltonikas, 1500);
        let mut shuffled = vehicles.clone();
        shuffled.reverse();
        let mut again = assign(&shuffled);
        again.reverse();
        assert_eq!(again, devices, "the order of the list must not change who carries what");
    }

    #[test]
    fn ids_that_the_protocol_cannot_carry_are_changed_and_stay_apart() {
        let ids = ["тролейбус 12", "автобус 12", "a;b", "a#b", "ab", ";"];
        let vehicles: Vec<VehicleId> = ids.iter().map(|id| VehicleId::new(id).unwrap()).collect();
        let logins: HashSet<String> =
            vehicles.iter().map(|v| identity(WIALON_IPS, v, 0).unwrap().to_string()).collect();
        assert_eq!(logins.len(), ids.len());
        assert!(logins.iter().all(|l| !l.contains(['#', ';', '\r', '\n'])));
    }

    #[test]
    fn the_registry_is_the_csv_that_the_gateway_reads() {
        let mut out = Vec::new();
        write_registry(&assign(&[VehicleId::new("бус, 7").unwrap()]), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("device_id,vehicle_id\n35"), "{text}");
        assert!(text.ends_with(",\"бус, 7\"\n"), "{text}");
    }
}
