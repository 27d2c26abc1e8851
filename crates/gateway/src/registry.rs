//! Which device is in which vehicle.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use model::{DeviceId, PseudonymKey, VehicleId};

use crate::RegistryError;

/// Most wrong lines of a device list that an error tells of.
pub const MAX_REPORTED: usize = 10;

/// Which device is in which vehicle, and what becomes of devices that it does not know.
/// Never changed: a new list is a new registry, swapped in whole.
#[derive(Debug)]
pub struct Registry {
    vehicles: HashMap<DeviceId, VehicleId>,
    allow_list: bool,
    pseudonyms: PseudonymKey,
}

/// What the registry says to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is in this vehicle.
    Vehicle(VehicleId),
    /// It is not in the list, and only those in the list are taken.
    NotListed,
}

impl Registry {
    /// Knows no device: all are taken, under pseudonyms.
    pub fn open(pseudonyms: PseudonymKey) -> Self {
        Self { vehicles: HashMap::new(), allow_list: false, pseudonyms }
    }

    /// Reads a list in CSV with the columns `device_id` and `vehicle_id`, in any order and
    /// among others, apart by comma or semicolon. Several devices may be in one vehicle. With
    /// `allow_list`, devices that are not in it are refused.
    pub fn from_csv(path: &Path, allow_list: bool, pseudonyms: PseudonymKey) -> Result<Self, RegistryError> {
        let failed = |reason| RegistryError::Read { path: path.into(), reason };
        let mut text = String::new();
        File::open(path).and_then(|mut file| file.read_to_string(&mut text)).map_err(failed)?;
        Self::parse(&path.display().to_string(), &text, allow_list, pseudonyms)
    }

    /// Like [`Registry::from_csv`] from text; `name` is for errors.
    pub fn parse(name: &str, text: &str, allow_list: bool, pseudonyms: PseudonymKey) -> Result<Self, RegistryError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text); // spreadsheets put it there
        let header = text.lines().next().unwrap_or_default();
        let delimiter = if header.contains(';') && !header.contains(',') { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let headers = reader.headers().cloned().unwrap_or_default();
        let column = |column: &'static str| {
            let found = headers.iter().position(|h| h.eq_ignore_ascii_case(column));
            found.ok_or_else(|| RegistryError::Column { name: name.to_owned(), column })
        };
        let (device_column, vehicle_column) = (column("device_id")?, column("vehicle_id")?);

        let mut vehicles: HashMap<DeviceId, (VehicleId, u64)> = HashMap::new();
        let mut wrong = Vec::new();
        for record in reader.records() {
            let entry = record.map_err(|e| e.to_string()).and_then(|record| {
                let line = record.position().map_or(0, csv::Position::line);
                let field = |at: usize| record.get(at).unwrap_or_default();
                let device = DeviceId::new(field(device_column)).map_err(|e| format!("line {line}: device_id: {e}"))?;
                let vehicle =
                    VehicleId::new(field(vehicle_column)).map_err(|e| format!("line {line}: vehicle_id: {e}"))?;
                if let Some((other, first)) = vehicles.get(&device) {
                    return Err(format!(
                        "line {line}: device `{device}` is in `{vehicle}` here and in `{other}` on line {first}"
                    ));
                }
                vehicles.insert(device, (vehicle, line));
                Ok(())
            });
            wrong.extend(entry.err());
        }
        if !wrong.is_empty() {
            let more = wrong.len().saturating_sub(MAX_REPORTED);
            wrong.truncate(MAX_REPORTED);
            return Err(RegistryError::Lines { name: name.to_owned(), lines: wrong, more });
        }
        let vehicles = vehicles.into_iter().map(|(device, (vehicle, _))| (device, vehicle)).collect();
        Ok(Self { vehicles, allow_list, pseudonyms })
    }

    /// What becomes of a device: its vehicle, a pseudonym, or a refusal.
    pub fn admit(&self, device: &DeviceId) -> Admission {
        match self.vehicles.get(device) {
            Some(vehicle) => Admission::Vehicle(vehicle.clone()),
            None if self.allow_list => Admission::NotListed,
            None => Admission::Vehicle(self.pseudonyms.vehicle(device)),
        }
    }

    /// How many devices are listed.
    pub fn len(&self) -> usize {
        self.vehicles.len()
    }

    /// Whether none is listed.
    pub fn is_empty(&self) -> bool {
        self.vehicles.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PseudonymKey = PseudonymKey::new([1; 16]);

    fn parse(text: &str) -> Result<Registry, RegistryError> {
        Registry::parse("devices.csv", text, true, KEY)
    }

    fn device(text: &str) -> DeviceId {
        DeviceId::new(text).unwrap()
    }

    #[test]
    fn listed_devices_have_their_vehicle_and_others_a_pseudonym_or_a_refusal() {
        let text = "device_id,vehicle_id\n352093081452251, 12 \n352093081452252,12\n";
        let vehicle = Admission::Vehicle(VehicleId::new("12").unwrap());
        let strict = parse(text).unwrap();
        assert_eq!(strict.admit(&device("352093081452251")), vehicle);
        assert_eq!(strict.admit(&device("352093081452252")), vehicle, "two devices in one vehicle");
        assert_eq!(strict.admit(&device("1")), Admission::NotListed);
        let lax = Registry::parse("devices.csv", text, false, KEY).unwrap();
        assert_eq!(lax.admit(&device("1")), Admission::Vehicle(KEY.vehicle(&device("1"))));
    }

    #[test]
    fn what_spreadsheets_make_of_it_is_read() {
        let registry = parse("\u{feff}Vehicle_ID;note;device_id\r\n тролейбус 7 ;x;352093081452251\r\n").unwrap();
        let vehicle = VehicleId::new("тролейбус 7").unwrap();
        assert_eq!(registry.admit(&device("352093081452251")), Admission::Vehicle(vehicle));
    }

    #[test]
    fn wrong_lines_are_named() {
        let error = parse("device_id,vehicle_id\n1,A\n,B\n2,\n1,C\n").unwrap_err().to_string();
        assert!(error.contains("line 3: device_id: an id must not be empty"), "{error}");
        assert!(error.contains("line 4: vehicle_id"), "{error}");
        assert!(error.contains("line 5: device `1` is in `C` here and in `A` on line 2"), "{error}");
        let error = parse("imei,vehicle_id\n1,A\n").unwrap_err().to_string();
        assert!(error.contains("no column `device_id`"), "{error}");
        let many = format!("device_id,vehicle_id\n{}", ",x\n".repeat(30));
        assert!(parse(&many).unwrap_err().to_string().contains("and 20 more"));
    }
}
