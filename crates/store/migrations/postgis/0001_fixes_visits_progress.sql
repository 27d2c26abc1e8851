-- What trackers sent, what the live matcher said of it, and how far the journal has been taken in.
-- Ids compare by bytes (COLLATE "C"): the order of pages is the same on every server.

CREATE TABLE marshrut.fixes (
    device_id      text COLLATE "C" NOT NULL,
    vehicle_id     text COLLATE "C" NOT NULL,
    time           timestamptz NOT NULL,
    received_at    timestamptz NOT NULL,
    content_hash   bigint NOT NULL,
    protocol       text NOT NULL,
    valid          boolean NOT NULL,
    geom           geometry(Point, 4326),
    altitude_m     real,
    speed_mps      real,
    heading_deg    real,
    satellites     smallint,
    hdop           real,
    -- json and not jsonb: kept as it came, and cheaper to write. Holds driver ids: never publish it.
    attributes     json,
    state          text,
    rejected       text,
    trip_id        text,
    service_date   date,
    route_id       text,
    direction_id   smallint,
    shape_dist_m   double precision,
    cross_track_m  real,
    delay_s        integer,
    -- A record sent twice is stored once.
    CONSTRAINT fixes_once PRIMARY KEY (device_id, time, content_hash)
);

COMMENT ON COLUMN marshrut.fixes.content_hash IS 'XXH3 of everything the record says but its time; the bits of an unsigned number';
COMMENT ON COLUMN marshrut.fixes.state IS 'What the live matcher said when the fix came in; data sets are matched anew';

-- Fixes come in nearly in the order of their times, so a block range index finds a day at next to no cost.
CREATE INDEX fixes_time ON marshrut.fixes USING brin (time);

-- Which devices reported for which vehicles on which UTC day: finds the vehicles of a day without reading its fixes.
CREATE TABLE marshrut.device_days (
    day         date NOT NULL,
    vehicle_id  text COLLATE "C" NOT NULL,
    device_id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (day, vehicle_id, device_id)
);

CREATE TABLE marshrut.stop_visits (
    service_date   date NOT NULL,
    trip_id        text COLLATE "C" NOT NULL,
    vehicle_id     text COLLATE "C" NOT NULL,
    run_offset_s   integer NOT NULL,
    stop_sequence  bigint NOT NULL,
    stop_id        text NOT NULL,
    route_id       text,
    direction_id   smallint,
    arrival        timestamptz NOT NULL,
    departure      timestamptz,
    interpolated   boolean NOT NULL,
    uncertainty_s  real NOT NULL,
    delay_s        integer,
    PRIMARY KEY (service_date, trip_id, vehicle_id, run_offset_s, stop_sequence)
);

COMMENT ON COLUMN marshrut.stop_visits.run_offset_s IS 'Tells the runs of a trip of frequencies.txt apart: seconds from its stop times; 0 for all others';

-- The journal's position up to which everything has been committed.
CREATE TABLE marshrut.progress (
    consumer  text PRIMARY KEY,
    position  bigint NOT NULL CHECK (position >= 0)
);

INSERT INTO marshrut.progress (consumer, position) VALUES ('history', 0);
