//! SIGINT and SIGTERM: the first one drains, the second one aborts, the third ends the process where it stands.

use crate::exit::SIGNAL;
use shards::lanes::Control;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Listens from now on.
pub(crate) struct Listener {
    code: Arc<AtomicU8>,
}

impl Listener {
    /// Passes signals on to a run.
    pub(crate) fn start(control: Arc<Control>) -> Result<Listener, String> {
        let mut signals =
            Signals::new([SIGINT, SIGTERM]).map_err(|error| format!("signals cannot be caught: {error}"))?;
        let code = Arc::new(AtomicU8::new(0));
        let shared = code.clone();
        let listen = move || {
            for (count, signal) in signals.forever().enumerate() {
                shared.store(SIGNAL + signal as u8, Ordering::Release);
                match count {
                    0 => eprintln!(
                        "\nstopping: what is under way may finish; press Ctrl-C again to stop at once"
                    ),
                    1 => eprintln!("stopping at once"),
                    _ => std::process::exit(i32::from(SIGNAL) + signal),
                }
                control.stop();
            }
        };
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(listen)
            .map_err(|error| format!("no thread for signals: {error}"))?;
        Ok(Listener { code })
    }

    /// The exit code of the signal that came last, if one came.
    pub(crate) fn code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::Acquire)).filter(|&code| code > 0)
    }
}
