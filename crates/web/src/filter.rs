//! Which vehicles a client of live events asked for.

use feeds::LiveVehicle;
use network::{Network, RouteIdx};

/// Most routes that one client may name.
const MAX_ROUTES: usize = 100;

/// By route and by bounding box; a vehicle must satisfy both.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Filter {
    routes: Option<Vec<RouteIdx>>,
    /// West, south, east, north.
    bbox: Option<[f64; 4]>,
}

impl Filter {
    /// Reads `route=ID&route=ID&bbox=W,S,E,N`. Says what is wrong with it otherwise.
    pub(crate) fn parse(query: &str, network: &Network) -> Result<Self, String> {
        let mut filter = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "route" => {
                    let route = network
                        .route_by_id(&value)
                        .ok_or_else(|| format!("there is no route `{value}`; /api/v1/routes lists them"))?;
                    let routes = filter.routes.get_or_insert_default();
                    if routes.len() == MAX_ROUTES {
                        return Err(format!("at most {MAX_ROUTES} routes may be named"));
                    }
                    routes.push(route);
                }
                "bbox" => filter.bbox = Some(bbox(&value)?),
                other => return Err(format!("unknown parameter `{other}`; there are route and bbox")),
            }
        }
        Ok(filter)
    }

    pub(crate) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn admits(&self, vehicle: &LiveVehicle) -> bool {
        let on_route =
            self.routes.as_ref().is_none_or(|routes| vehicle.on.is_some_and(|on| routes.contains(&on.route)));
        let inside = self.bbox.is_none_or(|[west, south, east, north]| {
            let (lat, lon) = (vehicle.position.lat(), vehicle.position.lon());
            (south..=north).contains(&lat) && (west..=east).contains(&lon)
        });
        on_route && inside
    }
}

fn bbox(text: &str) -> Result<[f64; 4], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.map(<[f64; 4]>::try_from) {
        Some(Ok([w, s, e, n])) if w <= e && s <= n && [w, s, e, n].iter().all(|v| v.is_finite()) => Ok([w, s, e, n]),
        _ => Err(format!("bbox `{text}` is not west,south,east,north in degrees; write it as 37.5,48.8,37.7,48.9")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_four_numbers_in_order() {
        assert_eq!(bbox("37.5, 48.8,37.7,48.9"), Ok([37.5, 48.8, 37.7, 48.9]));
        for wrong in ["", "1,2,3", "x,1,2,3,4", "1,2,3,4,", "3,2,1,4", "1,4,3,2", "NaN,1,2,3", "-inf,1,2,3"] {
            assert!(bbox(wrong).is_err(), "{wrong}");
        }
    }
}
