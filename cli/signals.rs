//! SIGINT and SIGTERM: the first one drains, the second one aborts, the third ends the process where it stands.

use crate::exit::{Failure, SIGNAL};
use crate::server_process;
use engine::orders::Orders;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Listens from now on.
pub(crate) struct Listener {
    code: Arc<AtomicU8>,
    /// The run that signals are passed on to.
    current: Arc<Mutex<Option<Orders>>>,
}

impl Listener {
    /// Listens, and knows of no run yet.
    pub(crate) fn start() -> Result<Listener, Failure> {
        let mut signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| Failure::runtime(format!("signals cannot be caught: {error}")))?;
        let code = Arc::new(AtomicU8::new(0));
        let current: Arc<Mutex<Option<Orders>>> = Arc::default();
        let (shared, run) = (code.clone(), current.clone());
        let listen = move || {
            for (count, signal) in signals.forever().enumerate() {
                shared.store(SIGNAL + signal as u8, Ordering::Release);
                match count {
                    0 => eprintln!(
                        "\nstopping: what is under way may finish; press Ctrl-C again to stop at once"
                    ),
                    1 => eprintln!("stopping at once"),
                    _ => {
                        server_process::kill();
                        std::process::exit(i32::from(SIGNAL) + signal)
                    }
                }
                if let Some(orders) = &*run.lock().unwrap_or_else(PoisonError::into_inner) {
                    orders.stop();
                }
            }
        };
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(listen)
            .map_err(|error| Failure::runtime(format!("no thread for signals: {error}")))?;
        Ok(Listener { code, current })
    }

    /// Passes signals on to this run from now on; one that came before stops it at once.
    pub(crate) fn pass_on_to(&self, orders: &Orders) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(orders.clone());
        // Asked after the run is known to the listener, so that no signal falls between.
        if self.code().is_some() {
            orders.stop();
        }
    }

    /// The exit code of the signal that came last, if one came.
    pub(crate) fn code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::Acquire)).filter(|&code| code > 0)
    }
}
