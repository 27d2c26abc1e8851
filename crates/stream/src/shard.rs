//! Which shard a vehicle belongs to.

use model::VehicleId;
use xxhash_rust::xxh3::xxh3_64;

/// How many there are. Fixed for good: a vehicle that changed its shard would be in two at once.
pub const SHARDS: u16 = 128;

/// The vehicle's shard, the same on every host and in every version.
pub fn shard_of(vehicle: &VehicleId) -> u16 {
    u16::try_from(xxh3_64(vehicle.as_str().as_bytes()) % u64::from(SHARDS)).unwrap_or(0)
}
