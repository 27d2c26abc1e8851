//! Nothing is seen before the gate lets it out.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use feeds::{Gate, LiveState};
use matching::Rejection;
use model::{GatePolicy, Horizon, Timestamp};
use proptest::prelude::*;
use support::{at, fix};

fn delayed(minutes: u32) -> GatePolicy {
    GatePolicy::Delayed { minutes, reason: "Повітряна тривога".to_owned() }
}

fn off() -> GatePolicy {
    GatePolicy::Off { reason: "Повітряна тривога".to_owned() }
}

#[test]
fn a_device_with_a_fast_clock_keeps_nobody_waiting() {
    let mut gate = Gate::new(delayed(5));
    let now = at(10, 0, 0);
    let fixes = vec![fix("fast", at(10, 0, 50)), fix("right", now), fix("late", at(9, 58, 0))];
    assert_eq!(gate.offer(fixes, now), []);
    let seen = |fixes: Vec<matching::MatchedFix>| fixes.iter().map(|f| f.vehicle.to_string()).collect::<Vec<_>>();
    assert_eq!(seen(gate.release(at(10, 3, 0))), ["late"]);
    assert_eq!(seen(gate.release(at(10, 5, 0))), ["right"]);
    assert!(gate.release(at(10, 5, 49)).is_empty());
    assert_eq!(seen(gate.release(at(10, 5, 50))), ["fast"]);
}

#[test]
fn a_fix_that_moves_nothing_is_not_kept() {
    let mut gate = Gate::new(delayed(5));
    let mut wrong = fix("wrong", at(10, 0, 0));
    wrong.rejected = Some(Rejection::Future);
    gate.offer(vec![wrong], at(10, 0, 0));
    assert!(gate.release(at(23, 0, 0)).is_empty());
}

#[test]
fn off_forgets_what_was_held_back() {
    let mut gate = Gate::new(delayed(5));
    gate.offer(vec![fix("a", at(10, 0, 0))], at(10, 0, 0));
    assert!(gate.set_policy(off()));
    assert!(gate.offer(vec![fix("a", at(10, 1, 0))], at(10, 1, 0)).is_empty());
    assert!(!gate.set_policy(GatePolicy::Live));
    assert!(gate.release(at(11, 0, 0)).is_empty(), "what was taken while it was off never comes out");
    assert_eq!(gate.offer(vec![fix("a", at(10, 2, 0))], at(10, 2, 0)).len(), 1);
}

#[test]
fn only_a_stricter_policy_clears() {
    let mut gate = Gate::new(GatePolicy::Live);
    assert!(gate.set_policy(delayed(5)));
    assert!(!gate.set_policy(GatePolicy::Delayed { minutes: 5, reason: "інша".to_owned() }));
    assert!(!gate.set_policy(delayed(2)));
    assert!(gate.set_policy(delayed(3)));
    assert!(gate.set_policy(off()));
    assert!(!gate.set_policy(GatePolicy::Live));
}

#[derive(Clone, Debug)]
enum Step {
    /// A vehicle's fix, taken so many seconds before now.
    Fix(u8, i64),
    Wait(i64),
    Policy(GatePolicy),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..5, -30i64..900).prop_map(|(vehicle, age)| Step::Fix(vehicle, age)),
        3 => (1i64..400).prop_map(Step::Wait),
        1 => prop_oneof![Just(GatePolicy::Live), Just(off()), (0u32..12).prop_map(delayed)].prop_map(Step::Policy),
    ]
}

proptest! {
    /// Whatever happens in whatever order: nothing is public that the policy of that moment
    /// would not let out, and with an open gate nothing is held back.
    #[test]
    fn the_public_state_never_passes_the_horizon(steps in prop::collection::vec(step(), 1..80)) {
        let (mut gate, mut state) = (Gate::default(), LiveState::default());
        let mut now = at(10, 0, 0);
        let mut last = Timestamp::from_secs(0);
        for step in steps {
            match step {
                Step::Fix(vehicle, age) => {
                    let new = fix(&vehicle.to_string(), now.plus_seconds(-age as f64));
                    let (id, time) = (new.vehicle.clone(), new.time);
                    let released = gate.offer(vec![new], now);
                    state.apply(&released, now);
                    if *gate.policy() == GatePolicy::Live && age <= 600 {
                        let snapshot = state.snapshot(gate.policy(), now);
                        prop_assert!(snapshot.vehicles.iter().any(|v| v.id == id && v.time >= time));
                    }
                }
                Step::Wait(seconds) => now = now.plus_seconds(seconds as f64),
                Step::Policy(policy) => if gate.set_policy(policy) { state.clear() },
            }
            let released = gate.release(now);
            state.apply(&released, now);
            state.expire(now);
            state.take_changes();
            let horizon = gate.policy().horizon(now);
            let snapshot = state.snapshot(gate.policy(), now);
            prop_assert!(snapshot.vehicles.iter().all(|v| horizon.admits(v.time)), "{:?} {snapshot:?}", horizon);
            prop_assert!(horizon != Horizon::Closed || snapshot.vehicles.is_empty());
            prop_assert!(snapshot.time >= last);
            last = snapshot.time;
        }
    }
}
