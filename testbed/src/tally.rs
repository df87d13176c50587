//! How many requests each route has answered. Written by the server's thread, read by any.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::route::Route;

/// What `/stats` calls the routes, in the order of [`place`].
const NAMES: [&str; 7] = ["/", "/bytes", "/chunked", "/status", "/echo", "/stats", "refused"];

/// A request counts once its response's head is handed to the connection, injected errors included. Resets
/// do not count: they answer nothing.
///
/// The counts are relaxed: each stands for itself, and whoever has read a response from a socket has been
/// ordered behind its count by the kernel.
#[derive(Debug, Default)]
pub(crate) struct RouteTally {
    served: [AtomicU64; NAMES.len()],
}

impl RouteTally {
    pub(crate) fn count(&self, route: &Route) {
        self.served[place(route)].fetch_add(1, Ordering::Relaxed);
    }

    /// Over all routes.
    pub(crate) fn served(&self) -> u64 {
        self.served.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// `{"served":3,"routes":{"/":2,…,"refused":0}}`. Names and numbers need no escaping.
    pub(crate) fn json(&self) -> String {
        let mut json = format!("{{\"served\":{},\"routes\":{{", self.served());
        for (name, count) in NAMES.iter().zip(&self.served) {
            let separator = if json.ends_with('{') { "" } else { "," };
            let count = count.load(Ordering::Relaxed);
            write!(json, "{separator}\"{name}\":{count}").expect("a string takes all text");
        }
        json.push_str("}}\n");
        json
    }
}

fn place(route: &Route) -> usize {
    match route {
        Route::Root => 0,
        Route::Bytes(_) => 1,
        Route::Chunked(_) => 2,
        Route::Status(_) => 3,
        Route::Echo => 4,
        Route::Stats => 5,
        Route::Unknown | Route::Malformed(_) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_is_counted_under_its_own_name() {
        let tally = RouteTally::default();
        for path in
            ["/", "/", "/bytes/1", "/chunked/1", "/status/200", "/echo", "/stats", "/none", "/bytes/x"]
        {
            tally.count(&Route::parse(path));
        }
        assert_eq!(tally.served(), 9);
        let routes = r#""/":2,"/bytes":1,"/chunked":1,"/status":1,"/echo":1,"/stats":1,"refused":2"#;
        assert_eq!(tally.json(), format!("{{\"served\":9,\"routes\":{{{routes}}}}}\n"));
    }
}
