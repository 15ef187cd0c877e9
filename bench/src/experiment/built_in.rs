//! The experiments that come with the program.

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../experiments/", $name, ".toml")))),+]
    };
}

/// Name and text of each, in the order of `wirerace run list`.
pub(super) const BUILT_IN: &[(&str, &str)] = built_in![
    "transports",
    "connections",
    "overhead",
    "packets",
    "encodings",
    "lateness",
    "theory",
    "rate",
    "each_second",
    "each_millisecond",
    "frontier",
    "idle",
    "duplex",
    "conditional",
    "loss",
    "slow_link",
    "saturation",
    "flush",
    "capacity",
    "kaazing",
    "phase_lock",
    "advise",
    "tiny",
];

/// The one that asks nothing: it leaves every file behind, for tests.
pub const TEST: &str = "tiny";

/// Names of the experiments that come with the program.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}
