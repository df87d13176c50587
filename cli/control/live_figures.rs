//! How far a run has come, for whoever asks while it goes on.

use engine::record::{Series, Snapshot};
use engine::seams::Sink;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of each scenario.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ScenarioFigures {
    /// Arrivals per second that began in the last interval.
    pub(crate) achieved: Option<f64>,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
}

/// The figures of all scenarios. Copies speak of the same run.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveFigures(Arc<Mutex<Vec<ScenarioFigures>>>);

impl LiveFigures {
    /// Those of a scenario so far.
    pub(crate) fn of(&self, scenario: usize) -> ScenarioFigures {
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.get(scenario).copied().unwrap_or_default()
    }
}

impl Sink for LiveFigures {
    fn name(&self) -> String {
        "vajra control".into()
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        let length_s = snapshot.to_ns.saturating_sub(snapshot.from_ns).max(1) as f64 / 1e9;
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.resize(snapshot.requests.scenarios.len(), ScenarioFigures::default());
        for (index, figures) in figures.iter_mut().enumerate() {
            let series = Series::total(snapshot.requests.each_of(index));
            let begun = match &snapshot.requests.iterations[index] {
                Some(iterations) => iterations.begun.measured + iterations.begun.outside,
                None => series.sent,
            };
            figures.achieved = Some(begun as f64 / length_s);
            figures.ok += series.ok;
            figures.failed += series.failed();
        }
        Ok(())
    }
}
