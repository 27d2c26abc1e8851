//! What is said of a vehicle: steady, and silent where nothing is proved.

use model::Timestamp;
use network::{Network, TripInstance};

use crate::hypothesis::Hypothesis;
use crate::{Parameters, State};

/// What was said last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    run: Option<TripInstance>,
    /// The last instant at which the run's shape fitted.
    fitted_at: Timestamp,
}

/// What is said now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision {
    pub(crate) state: State,
    pub(crate) hypothesis: Option<Hypothesis>,
    pub(crate) confidence: f32,
}

/// Decides, given the hypotheses from the best down and the evidence for no trip at all.
/// `parked` tells that it has stood too long, `moving` that it moves now.
pub(crate) fn decide(
    network: &Network,
    parameters: &Parameters,
    said: &mut Said,
    beam: &[Hypothesis],
    (no_trip, at, parked, moving): (f64, Timestamp, bool, bool),
) -> Decision {
    let silent =
        Decision { state: if moving { State::Deadhead } else { State::Unknown }, hypothesis: None, confidence: 0.0 };
    let sayable = |h: &&Hypothesis| h.is_proved(parameters) && h.weight >= no_trip + parameters.say_log;
    let before = said.run.and_then(|run| beam.iter().find(|h| h.run == run));
    let best = beam.iter().find(sayable);
    if parked && !best.is_some_and(|h| h.waits(network, parameters, at)) {
        said.run = None;
        return silent;
    }
    let chosen = match (before, best) {
        // A trip that is over gives way at once to the next one.
        (Some(before), Some(best)) if before.is_over(network, parameters) && best.run != before.run => {
            if best.follows || best.weight > before.weight { best } else { before }
        }
        (Some(before), _) if before.is_over(network, parameters) && follower(beam, before, network).is_some() => {
            follower(beam, before, network).unwrap_or(before)
        }
        (Some(before), Some(best)) if best.weight - before.weight > parameters.change_log => best,
        (Some(before), _) if before.weight >= no_trip => before,
        (_, Some(best)) => best,
        (Some(before), None) if at.seconds_since(said.fitted_at) <= parameters.off_route_s => {
            return Decision { state: State::OffRoute, hypothesis: Some(*before), confidence: 0.0 };
        }
        _ => {
            said.run = None;
            return silent;
        }
    };
    said.run = Some(chosen.run);
    said.fitted_at = at;
    let state = if chosen.waits(network, parameters, at) { State::Layover } else { State::InService };
    Decision { state, hypothesis: Some(*chosen), confidence: confidence(beam, chosen, no_trip) }
}

/// The next trip of the same block, where the beam has it.
fn follower<'a>(beam: &'a [Hypothesis], before: &Hypothesis, network: &Network) -> Option<&'a Hypothesis> {
    let block = network.trip(before.run.trip).block?;
    beam.iter().find(|h| h.follows && h.run != before.run && network.trip(h.run.trip).block == Some(block))
}

fn confidence(beam: &[Hypothesis], chosen: &Hypothesis, no_trip: f64) -> f32 {
    let own = chosen.weight;
    let others: f64 = beam.iter().filter(|h| h.run != chosen.run).map(|h| (h.weight - own).exp()).sum();
    let sure = 1.0 / (1.0 + others + (no_trip - own).exp());
    #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
    let sure = sure as f32;
    sure
}
