-- How far each shard of the stream has been committed, and the token of its present owner.
-- A worker that takes a shard over raises the epoch; commits under an older one are refused.
CREATE TABLE marshrut.shard_positions (
    shard            integer PRIMARY KEY,
    epoch            bigint NOT NULL CHECK (epoch > 0),
    stream_sequence  bigint NOT NULL CHECK (stream_sequence >= 0)
);
