-- The same tables as on PostGIS. Times are microseconds since 1970 in UTC, dates ISO 8601 text.

CREATE TABLE fixes (
    device_id      TEXT NOT NULL,
    vehicle_id     TEXT NOT NULL,
    time           INTEGER NOT NULL,
    received_at    INTEGER NOT NULL,
    content_hash   INTEGER NOT NULL,
    protocol       TEXT NOT NULL,
    valid          INTEGER NOT NULL,
    lat            REAL,
    lon            REAL,
    altitude_m     REAL,
    speed_mps      REAL,
    heading_deg    REAL,
    satellites     INTEGER,
    hdop           REAL,
    -- Holds driver ids: never publish it.
    attributes     TEXT,
    state          TEXT,
    rejected       TEXT,
    trip_id        TEXT,
    service_date   TEXT,
    route_id       TEXT,
    direction_id   INTEGER,
    shape_dist_m   REAL,
    cross_track_m  REAL,
    delay_s        INTEGER,
    -- A record sent twice is stored once.
    UNIQUE (device_id, time, content_hash)
) STRICT;

-- Which devices reported for which vehicles on which UTC day: finds the vehicles of a day without reading its fixes.
CREATE TABLE device_days (
    day         TEXT NOT NULL,
    vehicle_id  TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    PRIMARY KEY (day, vehicle_id, device_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE stop_visits (
    service_date   TEXT NOT NULL,
    trip_id        TEXT NOT NULL,
    vehicle_id     TEXT NOT NULL,
    -- Tells the runs of a trip of frequencies.txt apart: seconds from its stop times; 0 for all others.
    run_offset_s   INTEGER NOT NULL,
    stop_sequence  INTEGER NOT NULL,
    stop_id        TEXT NOT NULL,
    route_id       TEXT,
    direction_id   INTEGER,
    arrival        INTEGER NOT NULL,
    departure      INTEGER,
    interpolated   INTEGER NOT NULL,
    uncertainty_s  REAL NOT NULL,
    delay_s        INTEGER,
    PRIMARY KEY (service_date, trip_id, vehicle_id, run_offset_s, stop_sequence)
) STRICT, WITHOUT ROWID;

-- The journal's position up to which everything has been committed.
CREATE TABLE progress (
    consumer  TEXT PRIMARY KEY,
    position  INTEGER NOT NULL CHECK (position >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO progress (consumer, position) VALUES ('history', 0);
