//! Who sent it, and what the public calls it.

use std::fmt;
use std::hash::Hasher;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

/// Longest device or vehicle id taken, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing in it.
    #[error("an id must not be empty")]
    Empty,
    /// Longer than [`MAX_ID_BYTES`].
    #[error("an id of {0} bytes is longer than the {MAX_ID_BYTES} allowed")]
    TooLong(usize),
    /// Control characters, which would garble logs and tables.
    #[error("an id must not hold control characters")]
    Control,
}

fn checked(text: &str) -> Result<CompactString, IdError> {
    let text = text.trim();
    if text.is_empty() {
        Err(IdError::Empty)
    } else if text.len() > MAX_ID_BYTES {
        Err(IdError::TooLong(text.len()))
    } else if text.chars().any(char::is_control) {
        Err(IdError::Control)
    } else {
        Ok(CompactString::new(text))
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(CompactString);

        impl $name {
            /// Trims and checks; ids of up to 24 bytes need no heap.
            pub fn new(text: &str) -> Result<Self, IdError> {
                checked(text).map(Self)
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// What a tracker calls itself: an IMEI, a serial number, a login. Never published.
    DeviceId
}

id! {
    /// What the public knows a vehicle by. Given by the device registry, or a pseudonym.
    VehicleId
}

/// The secret behind the pseudonyms of devices that no registry names.
#[derive(Clone)]
pub struct PseudonymKey([u8; 16]);

impl PseudonymKey {
    /// A key of 16 secret random bytes. Keep it: another key gives other pseudonyms.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A stable public name for a device that says nothing of its id to those without the
    /// key (SipHash-2-4 is a keyed pseudorandom function).
    pub fn vehicle(&self, device: &DeviceId) -> VehicleId {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(device.as_str().as_bytes());
        VehicleId(CompactString::from(format!("v-{:016x}", hasher.finish())))
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_trimmed_and_bounded() {
        assert_eq!(DeviceId::new(" 352093081452251\n").unwrap().as_str(), "352093081452251");
        assert_eq!(DeviceId::new("  "), Err(IdError::Empty));
        assert_eq!(DeviceId::new("a\0b"), Err(IdError::Control));
        assert_eq!(DeviceId::new(&"x".repeat(65)), Err(IdError::TooLong(65)));
    }

    #[test]
    fn a_pseudonym_is_stable_and_keyed() {
        let device = DeviceId::new("352093081452251").unwrap();
        let name = PseudonymKey::new([7; 16]).vehicle(&device);
        assert_eq!(name, PseudonymKey::new([7; 16]).vehicle(&device));
        assert_ne!(name, PseudonymKey::new([8; 16]).vehicle(&device));
        assert!(!name.as_str().contains("3520"));
    }
}
