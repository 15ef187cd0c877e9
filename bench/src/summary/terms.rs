//! What all cells of a run have in common.

use wirerace_contract::results::{Calibration, Manifest, Margins};

/// What holds for every cell of a run.
pub(super) struct Terms {
    /// What the machine can do at best, for theory.
    pub(super) calibration: Option<Calibration>,
    /// The run's seed, from which the phases of its polls are drawn.
    pub(super) seed: u64,
    /// Whether theory knows the clients: it does not know browsers, nor their heads.
    pub(super) is_modelled: bool,
    /// The least that transit can be, milliseconds.
    pub(super) floor_ms: Option<f64>,
    pub(super) margins: Margins,
}

impl Terms {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let floor_ms = manifest.calibration.map(|calibration| calibration.chain_p50_ns as f64 / 1e6);
        Self {
            calibration: manifest.calibration,
            seed: manifest.seed,
            is_modelled: manifest.browser.is_none(),
            floor_ms: floor_ms.filter(|ms| *ms > 0.0),
            margins: manifest.margins,
        }
    }
}
