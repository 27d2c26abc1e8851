//! Telling apart the protocols that begin with a request.

use super::request::Head;
use super::{Parameters, begins};
use crate::Likeness;

/// What the body of a request is, as far as its bytes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// A query or form that names a device or a place.
    Parameters,
    /// The Traccar Client's object of a device and its location.
    Location,
    /// An object with `_type`.
    Typed,
    /// Messages with `ident`.
    Messages,
}

/// How much the input looks like a connection whose requests hold `wanted`; `otherwise` is
/// said of whole requests that hold nothing known.
pub(crate) fn likeness(input: &[u8], wanted: &[Body], otherwise: Likeness) -> Likeness {
    let start = begins(input);
    if start != Likeness::Likely {
        return start;
    }
    let head = match Head::parse(input) {
        Ok(Some(head)) => head,
        Ok(None) => return Likeness::Likely,
        Err(_) => return Likeness::No,
    };
    let body = input.get(head.len..).unwrap_or_default();
    let found = of(head.query(), body);
    match found {
        Some(found) if wanted.contains(&found) => Likeness::Certain,
        Some(_) => Likeness::No,
        None if head.len + head.body_len() > input.len() => Likeness::Likely,
        None => otherwise,
    }
}

/// `None` where nothing shows, or nothing yet. What is found in the start of a body does not
/// change with what follows.
fn of(query: &[u8], body: &[u8]) -> Option<Body> {
    const MARKS: [(&[u8], Body); 5] = [
        (b"\"_type\"", Body::Typed),
        (b"\"ident\"", Body::Messages),
        (b"\"device_id\"", Body::Location),
        (b"\"location\"", Body::Location),
        (b"\"coords\"", Body::Location),
    ];
    let named = |text| Parameters::of(&[text]).get(&["id", "deviceid", "device_id", "lat", "location"]).is_some();
    // The query goes first: it is there before any of the body.
    if named(query) {
        return Some(Body::Parameters);
    }
    match body.trim_ascii_start() {
        json @ [b'{' | b'[', ..] => {
            let at = |mark: &[u8]| json.windows(mark.len()).position(|w| w == mark);
            MARKS.iter().filter_map(|(mark, body)| Some((at(mark)?, *body))).min_by_key(|(at, _)| *at).map(|(_, b)| b)
        }
        form => named(form).then_some(Body::Parameters),
    }
}
