//! Small integers in place of GTFS ids.

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            pub(crate) fn from_len(len: usize) -> Self {
                // A feed with 2^32 of anything does not fit into memory before this matters.
                Self(u32::try_from(len).unwrap_or(u32::MAX))
            }

            pub(crate) const fn usize(self) -> usize {
                self.0 as usize
            }
        }
    )+ };
}

index! {
    /// A route of the network.
    RouteIdx,
    /// A stop of the network.
    StopIdx,
    /// A pattern of the network.
    PatternIdx,
    /// A trip of the network.
    TripIdx,
    /// A shape of the network.
    ShapeIdx,
    /// A block of the network.
    BlockIdx,
    /// A service of the network: the days on which its trips run.
    ServiceIdx,
}
