//! What speaks for a vehicle being at a place of a run.

use network::{Shape, turn_between};

use crate::Parameters;

/// How likely it is to be so many seconds behind: Student t with 2 degrees of freedom, whose
/// heavy tails forgive the buses that are half an hour late, and nothing outside the bounds.
pub(crate) fn timetable_log(parameters: &Parameters, delay_s: f64) -> f64 {
    if delay_s < -parameters.early_s || delay_s > parameters.late_s {
        return f64::NEG_INFINITY;
    }
    let off_s = delay_s - parameters.usual_delay_s;
    let scaled = off_s / if off_s < 0.0 { parameters.early_scale_s } else { parameters.late_scale_s };
    -1.5 * (1.0 + scaled * scaled / 2.0).ln()
}

/// What standing so many seconds says of a place between a run's first and last stops; nothing
/// of a vehicle that moves.
pub(crate) fn standing_log(
    parameters: &Parameters,
    (first_m, last_m): (f64, f64),
    dist_m: f64,
    stands_s: Option<f64>,
) -> f64 {
    match stands_s {
        None => 0.0,
        // It has arrived: the next trip is its business now.
        Some(_) if dist_m >= last_m - parameters.end_m => -0.02,
        Some(_) if dist_m <= first_m + parameters.end_m => 0.0,
        Some(seconds) => -seconds / parameters.standing_s,
    }
}

/// What a fix's place beside a shape says: a normal curve with a floor for outliers, 0 at best.
/// It is no density, which would be lower the wider it is: fixes between two stops all stray
/// from the straight line the same way, so that to count the width for each of them made
/// drawn shapes win over straight lines wherever both are near.
pub(crate) fn place_log(parameters: &Parameters, shape: &Shape, dist_m: f64, cross_m: f64) -> f64 {
    let sigma = sigma_m(parameters, shape, dist_m);
    let scaled = (cross_m / sigma).min(parameters.outlier_sigmas);
    -scaled * scaled / 2.0
}

/// Standard deviation of a fix beside a shape at a distance along it, metres.
pub(crate) fn sigma_m(parameters: &Parameters, shape: &Shape, dist_m: f64) -> f64 {
    if !shape.coarse {
        return parameters.sigma_m;
    }
    let ends = shape.points.get(shape.segment_at(dist_m)..).unwrap_or(&[]);
    let to_stop = ends.iter().take(2).map(|p| (p.dist_m - dist_m).abs()).fold(f64::INFINITY, f64::min);
    (parameters.sigma_coarse_m + parameters.sigma_coarse_growth * to_stop).min(parameters.sigma_coarse_most_m)
}

/// What a heading says against the shape's own: 0 where they agree.
pub(crate) fn heading_log(parameters: &Parameters, shape: &Shape, dist_m: f64, heading_deg: f64) -> f64 {
    turned_log(parameters, shape.coarse, shape.heading_at(dist_m), heading_deg)
}

/// The same where the shape's heading is known already.
pub(crate) fn turned_log(parameters: &Parameters, coarse: bool, shape_deg: f64, heading_deg: f64) -> f64 {
    // Straight lines between stops say less of where the street goes.
    let kappa = if coarse { parameters.heading_kappa / 2.0 } else { parameters.heading_kappa };
    kappa * (turn_between(shape_deg, heading_deg).to_radians().cos() - 1.0)
}

/// What metres along the shape say against metres moved (Newson and Krumm's comparison): the
/// way along a bending street is longer than the straight one, never shorter but for noise.
pub(crate) fn moved_log(parameters: &Parameters, shape: &Shape, along_m: f64, moved_m: f64) -> f64 {
    let (noise, shorter) = if shape.coarse { (3.0 * parameters.sigma_m, 0.4) } else { (parameters.sigma_m, 0.1) };
    let longer = along_m - moved_m;
    if longer < 0.0 { longer / (noise + shorter * moved_m) } else { -longer / (noise + 0.25 * moved_m) }
}
