//! Commits of workers, each of which owns some shards of the stream.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use super::Postgis;
use crate::{Claim, StoreError};

const TABLE: &str = "marshrut.shard_positions";
// In order, so that two workers that claim the same shards do not wait for each other.
const CLAIM: &str = "INSERT INTO marshrut.shard_positions (shard, epoch, stream_sequence) \
     SELECT shard, 1, 0 FROM unnest($1::int[]) AS wanted (shard) ORDER BY shard \
     ON CONFLICT (shard) DO UPDATE SET epoch = shard_positions.epoch + 1 \
     RETURNING shard, epoch, stream_sequence, message_time_ns";
const LOCK: &str = "SELECT kept.shard FROM marshrut.shard_positions AS kept \
     JOIN unnest($1::int[], $2::bigint[]) AS mine (shard, epoch) \
     ON kept.shard = mine.shard AND kept.epoch = mine.epoch ORDER BY kept.shard FOR UPDATE OF kept";
// Back too: the shard's owner says so where the stream has lost what was committed.
const ADVANCE: &str = "UPDATE marshrut.shard_positions AS kept \
     SET stream_sequence = mine.sequence, message_time_ns = mine.time_ns \
     FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS mine (shard, sequence, time_ns) \
     WHERE kept.shard = mine.shard";

impl Postgis {
    /// Waits for a commit under way on one of the shards, and fences off the ones after it.
    pub(super) async fn write_claims(&self, shards: &[u16]) -> Result<Vec<Claim>, StoreError> {
        let numbers: Vec<i32> = shards.iter().copied().map(i32::from).collect();
        let rows: Vec<(i32, i64, i64, i64)> =
            sqlx::query_as(CLAIM).bind(numbers).fetch_all(&self.writer).await.map_err(self.error(TABLE))?;
        let claim = |(shard, epoch, sequence, time_ns): (i32, i64, i64, i64)| {
            let (epoch, sequence) = (epoch.cast_unsigned(), sequence.cast_unsigned());
            u16::try_from(shard).ok().map(|shard| Claim { shard, epoch, sequence, time_ns })
        };
        Ok(rows.into_iter().filter_map(claim).collect())
    }

    /// Sets how far the shards have got, under their lock; refused where one of them has
    /// another owner.
    pub(super) async fn advance_shards(
        &self,
        connection: &mut PgConnection,
        upto: &[Claim],
    ) -> Result<bool, StoreError> {
        let error = self.error(TABLE);
        let shards: Vec<i32> = upto.iter().map(|claim| i32::from(claim.shard)).collect();
        let epochs: Vec<i64> = upto.iter().map(|claim| claim.epoch.cast_signed()).collect();
        let sequences: Vec<i64> = upto.iter().map(|claim| claim.sequence.cast_signed()).collect();
        let times: Vec<i64> = upto.iter().map(|claim| claim.time_ns).collect();
        let mine: Vec<i32> =
            sqlx::query_scalar(LOCK).bind(&shards).bind(epochs).fetch_all(&mut *connection).await.map_err(&error)?;
        let mine: BTreeSet<i32> = mine.into_iter().collect();
        let lost: Vec<u16> = upto.iter().map(|c| c.shard).filter(|s| !mine.contains(&i32::from(*s))).collect();
        if !lost.is_empty() {
            return Err(StoreError::Fenced { shards: lost });
        }
        let advance = sqlx::query(ADVANCE).bind(shards).bind(sequences).bind(times);
        advance.execute(connection).await.map_err(&error)?;
        Ok(true)
    }
}
