-- When the stream took the message at stream_sequence, in nanoseconds: tells that message from another one that was
-- given its number after the stream had lost its end. 0 where it is not known.
ALTER TABLE marshrut.shard_positions
    ADD COLUMN message_time_ns bigint NOT NULL DEFAULT 0;
