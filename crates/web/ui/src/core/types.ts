/** What the server says, as it stands on the wire. Absent fields are unknown. */

export type GateMode = "live" | "delayed" | "off";

/** The gate for what leaves: whether positions are published live, late or not at all. */
export interface Gate {
  mode: GateMode;
  /** A public reason, in the operator's words. */
  reason?: string | null;
  /** How late positions are published when `mode` is `delayed`. */
  minutes?: number | null;
}

export type VehicleState = "in_service" | "layover" | "deadhead" | "off_route" | "unknown";

/** One vehicle of `/api/v1/vehicles` and of the live events. */
export interface Vehicle {
  id: string;
  label?: string | null;
  lat: number;
  lon: number;
  /** Degrees clockwise from true north. */
  heading?: number | null;
  /** Metres per second. */
  speed?: number | null;
  /** RFC 3339: when the position was measured. */
  time: string;
  state?: VehicleState | null;
  /** `route_id`. */
  route?: string | null;
  /** `route_short_name`. */
  line?: string | null;
  color?: string | null;
  direction?: number | null;
  trip?: string | null;
  /** Of the pattern that its trip follows. */
  pattern?: string | null;
  headsign?: string | null;
  headsign_en?: string | null;
  /** Seconds; late is positive. */
  delay?: number | null;
  stop_sequence?: number | null;
  /** `stop_id` of the next stop. */
  stop?: string | null;
  stop_name?: string | null;
  stop_name_en?: string | null;
  /** `in_transit` or `at_stop`. */
  status?: string | null;
  /** Metres along the shape. */
  dist?: number | null;
}

export interface RouteShape {
  pattern?: string | null;
  direction?: number | null;
  headsign?: string | null;
  points: [number, number][];
}

export interface Route {
  id: string;
  short_name?: string | null;
  long_name?: string | null;
  long_name_en?: string | null;
  /** GTFS `route_type`. */
  type?: number | null;
  /** Six hexadecimal digits, with or without `#`. */
  color?: string | null;
  text_color?: string | null;
  shapes?: RouteShape[] | null;
}

export interface Stop {
  id: string;
  code?: string | null;
  name?: string | null;
  name_en?: string | null;
  lat: number;
  lon: number;
  /** `route_id`s that serve it. */
  routes?: string[] | null;
}

/** `/api/v1/map`: what the page needs to know before it draws. */
export interface MapConfig {
  name?: string | null;
  name_en?: string | null;
  /** West, south, east, north. */
  bounds?: [number, number, number, number] | null;
  /** A MapLibre style address, or a raster tile address with `{z}`; null draws the plain ground. */
  style?: string | null;
  attribution?: string | null;
  /** IANA name; clocks are shown in it. */
  timezone?: string | null;
  demo?: { label?: string | null; label_en?: string | null; time?: string | null } | null;
  now?: string | null;
}

export interface SnapshotEvent {
  time: string;
  version?: number;
  gate?: Gate;
  vehicles: Vehicle[];
}

export interface UpdateEvent {
  time: string;
  version?: number;
  vehicles?: Vehicle[];
  gone?: string[];
}

/** One row of a stop's departures, where the server gives them. */
export interface Departure {
  route?: string | null;
  line?: string | null;
  color?: string | null;
  headsign?: string | null;
  headsign_en?: string | null;
  /** RFC 3339: by the timetable. */
  scheduled?: string | null;
  /** RFC 3339: expected. */
  expected?: string | null;
  delay?: number | null;
}
