//! Every number that matching depends on, with its reason.

use network::Network;

/// A place where vehicles are kept: standing there, they are on no trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depot {
    /// Its middle.
    pub position: model::LatLon,
    /// How far it reaches, metres.
    pub radius_m: f64,
}

/// One set for all cities and sampling intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Standard deviation of a fix beside a drawn shape, metres: GNSS 5 to 10 m, a street's
    /// half width, and the shape's own error together.
    pub sigma_m: f64,
    /// The same beside straight lines between stops, at a stop.
    pub sigma_coarse_m: f64,
    /// How much it grows there with each metre from the nearest stop: a street strays from
    /// the straight line the more, the longer the way.
    pub sigma_coarse_growth: f64,
    /// The most it grows to, metres.
    pub sigma_coarse_most_m: f64,
    /// Live, a fix says nothing anew of what the one before has said, the more the nearer they are
    /// to each other; so far apart everything, metres. Errors of drawings, narrow streets and lanes
    /// put all fixes of a few blocks of houses beside the shape alike.
    pub news_m: f64,
    /// How far around a fix shapes are searched, metres.
    pub search_m: f64,
    /// A fix this many standard deviations beside a shape speaks no louder than one closer.
    pub outlier_sigmas: f64,
    /// Weight of the heading (von Mises κ) while moving. Peers use 8; a bus that overtakes or
    /// swings into a bay asks for less.
    pub heading_kappa: f64,
    /// Live, over so many metres a street keeps its direction, a block of houses or so: of two
    /// fixes farther apart the straight line between them tells the less of the heading at the
    /// second one and of the length of the way.
    pub straight_m: f64,
    /// Below this speed headings mean nothing, metres per second.
    pub heading_min_mps: f64,
    /// Faster than this no city vehicle drives, metres per second (144 km/h: GNSS jumps).
    pub max_mps: f64,
    /// Where deviations from the timetable lie most often, seconds: most buses are a little late.
    pub usual_delay_s: f64,
    /// Scale of the deviation from the timetable on the late side, seconds: that of a
    /// Student t with 2 degrees of freedom. Half of all delays seen lie within it.
    pub late_scale_s: f64,
    /// The same on the early side: drivers wait rather than leave before their time.
    pub early_scale_s: f64,
    /// Runs may be this early, seconds.
    pub early_s: f64,
    /// Runs may be this late, seconds.
    pub late_s: f64,
    /// How long before its departure a vehicle may wait for it, seconds.
    pub wait_s: f64,
    /// Within this distance of its last stop a trip may be over, metres.
    pub end_m: f64,
    /// Within this distance of its first stop a vehicle waits for the departure, metres.
    pub wait_m: f64,
    /// How far from its first stop a waiting vehicle may stand, one standard deviation,
    /// metres: bays and parking places beside a terminal.
    pub wait_sigma_m: f64,
    /// What waiting says at best: less than driving along the shape does.
    pub wait_log: f64,
    /// Advantage of all runs over "on no trip" before a trip is said.
    pub say_log: f64,
    /// How far behind "on no trip" they may fall before it is said no more.
    pub keep_log: f64,
    /// Advantage over the trip said before, before another one is said: enough that two equally
    /// likely ones do not take turns, little enough that a wrong beginning does not stay.
    pub change_log: f64,
    /// Live, a trip is said this long off its shape, seconds.
    pub off_route_s: f64,
    /// Longer gaps make a new beginning, seconds.
    pub gap_s: f64,
    /// Live, most states kept: what a city's centre has at the first sight of a vehicle.
    pub beam: usize,
    /// Live, states this far behind the best are dropped.
    pub prune_log: f64,
    /// Within this distance before a stop a slow vehicle is at it, metres.
    pub at_stop_m: f64,
    /// Slower than this a vehicle stands, metres per second.
    pub standing_mps: f64,
    /// Clocks may be this far ahead, seconds.
    pub future_s: f64,
    /// Fixes farther than this outside the network's bounds are not used, metres.
    pub outside_m: f64,
    /// So many rejected fixes in a row that agree with each other move the vehicle after all.
    pub agreeing_jumps: usize,
    /// Cost of being on a duty when nothing is known yet.
    pub first_duty_log: f64,
    /// Cost of a duty that the vehicle was not on before.
    pub new_duty_log: f64,
    /// Cost of going out of service.
    pub end_duty_log: f64,
    /// Cost of a trip that was waited for and not begun.
    pub not_begun_log: f64,
    /// Cost of a trip joined or left far from its ends.
    pub partly_log: f64,
    /// How far that is, metres.
    pub partly_m: f64,
    /// Cost of driving back along the shape by more than noise does.
    pub back_log: f64,
    /// Metres after which the timetable speaks once more: delays resemble each other less the farther apart they are.
    pub timetable_m: f64,
    /// Standing this long away from a trip's ends costs 1, seconds.
    pub standing_s: f64,
    /// Cost of leaving the shape of a trip.
    pub off_log: f64,
    /// A trip may be off its shape this long and come back, seconds.
    pub detour_s: f64,
    /// How long before the departure of its first trip a vehicle is taken to wait for it, seconds.
    pub sign_on_s: f64,
    /// Within this distance of its next trip's first stop a resting vehicle is in layover, metres.
    pub layover_m: f64,
    /// In hindsight, states this far behind the best are dropped.
    pub hindsight_prune_log: f64,
    /// How long what was known of a vehicle holds while it is not heard of, seconds: a break in
    /// the record is no end of its duty, but one of hours may be.
    pub duty_s: f64,
    /// Live, one run explains a vehicle so well that no other is looked for when it is this far
    /// ahead of runs elsewhere,
    pub settled_log: f64,
    /// and its last stop at least this far, metres: at the end another one begins.
    pub settled_m: f64,
    /// What speaks against a run that is not the one assigned beforehand.
    pub prior_log: f64,
    /// The same live, where what has been pruned does not come back: some 2 km along another
    /// run's shape outweigh the word.
    pub live_prior_log: f64,
    /// What a fix beside the shape of the vehicle's own trip says on average.
    pub on_fit_log: f64,
    /// What such a fix was measured to say on average, in two cities at 10 to 30 s: in hindsight
    /// a fix next to the one before says no more than this against "on no trip",
    pub own_fit_log: f64,
    /// and one so far from it all that it can, metres: fixes within a block of houses or two say
    /// the same thing again, however many there are.
    pub again_m: f64,
    /// How far a vehicle on no trip happens to follow a shape, metres: streets are few.
    pub follow_m: f64,
    /// What lies in a longer gap says the less the longer it is, seconds.
    pub unknown_s: f64,
    /// Runs that never came this near to the best course are not looked at again.
    pub alive_log: f64,
    /// Cost of a run that another vehicle serves already: an extra bus behind it, a mistake in the feed.
    pub shared_log: f64,
    /// Within this distance before a stop a standing vehicle has come to it: buses queue, and poles stand ahead of where doors open, metres.
    pub standing_at_stop_m: f64,
    /// The scale on the early side where the whole day is seen: what a trip's other end tells need not be made up for.
    pub course_early_scale_s: f64,
    /// The same on the late side.
    pub course_late_scale_s: f64,
    /// How many fixes back the live side corrects what it has said.
    pub correct_fixes: usize,
    /// The depots, by configuration.
    pub depots: Vec<Depot>,
    /// Vehicles silent this long are forgotten, seconds.
    pub forget_s: f64,
}

impl Parameters {
    /// Whether a place of the network's plane lies in a depot.
    pub(crate) fn is_in_depot(&self, network: &Network, [x, y]: [f64; 2]) -> bool {
        self.depots.iter().any(|depot| {
            let at = network.plane().to_xy(depot.position);
            (at[0] - x).hypot(at[1] - y) <= depot.radius_m
        })
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            sigma_m: 20.0,
            sigma_coarse_m: 35.0,
            sigma_coarse_growth: 0.2,
            sigma_coarse_most_m: 120.0,
            news_m: 150.0,
            search_m: 250.0,
            outlier_sigmas: 4.0,
            heading_kappa: 3.0,
            straight_m: 100.0,
            heading_min_mps: 1.5,
            max_mps: 40.0,
            usual_delay_s: 60.0,
            late_scale_s: 300.0,
            early_scale_s: 120.0,
            early_s: 900.0,
            late_s: 3600.0,
            wait_s: 2400.0,
            end_m: 150.0,
            wait_m: 80.0,
            wait_sigma_m: 120.0,
            wait_log: -1.5,
            say_log: 0.5,
            keep_log: 0.5,
            change_log: 0.5,
            off_route_s: 180.0,
            gap_s: 1800.0,
            beam: 192,
            prune_log: 20.0,
            at_stop_m: 30.0,
            standing_mps: 1.5,
            future_s: 60.0,
            outside_m: 20_000.0,
            agreeing_jumps: 3,
            first_duty_log: -2.0,
            new_duty_log: -10.0,
            end_duty_log: -1.0,
            not_begun_log: -3.0,
            partly_log: -15.0,
            partly_m: 1000.0,
            back_log: -6.0,
            timetable_m: 4000.0,
            standing_s: 600.0,
            off_log: -6.0,
            detour_s: 600.0,
            sign_on_s: 600.0,
            layover_m: 300.0,
            hindsight_prune_log: 45.0,
            duty_s: 7200.0,
            settled_log: 8.0,
            settled_m: 400.0,
            prior_log: -30.0,
            live_prior_log: -14.0,
            on_fit_log: -1.3,
            own_fit_log: -0.25,
            again_m: 200.0,
            follow_m: 300.0,
            unknown_s: 120.0,
            alive_log: 25.0,
            shared_log: 6.0,
            standing_at_stop_m: 50.0,
            course_early_scale_s: 80.0,
            course_late_scale_s: 450.0,
            correct_fixes: 64,
            depots: Vec::new(),
            forget_s: 6.0 * 3600.0,
        }
    }
}
