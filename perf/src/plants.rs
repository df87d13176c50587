//! Regressions that are planted to prove the gate. Each is a small edit of the hot path, at an anchor that a test keeps
//! true, and the counter that has to notice it.

use crate::counter::CounterKind;
use std::path::Path;

/// One edit of the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plant {
    pub(crate) name: &'static str,
    /// The file, from the root of the tree.
    pub(crate) file: &'static str,
    /// What is there, exactly once.
    anchor: &'static str,
    /// What is put in its place.
    planted: &'static str,
    /// What has this in its title is where it has to be seen; all that is counted, if it is empty.
    pub(crate) seen_in: &'static str,
    /// The counter that must be beyond its limit; none for a change that costs nothing.
    pub(crate) caught_by: Option<CounterKind>,
}

/// A change that changes nothing: the gate must let it pass.
pub(crate) const NOTHING: Plant = Plant {
    name: "comment",
    file: "shards/src/shard.rs",
    anchor: "        self.account(now);\n",
    planted: "        self.account(now);\n        // A comment, and nothing else.\n",
    seen_in: "",
    caught_by: None,
};

/// What must not get past the gate.
pub(crate) const REGRESSIONS: [Plant; 8] = [
    Plant {
        // Once a millisecond: rare, and yet a call that was not there.
        name: "sleep",
        file: "shards/src/shard/expiry.rs",
        anchor: "        self.next_tick_ns = now + TICK_NS;\n",
        planted: "        self.next_tick_ns = now + TICK_NS;\n        std::thread::sleep(std::time::Duration::from_nanos(1));\n",
        seen_in: "dispatch",
        caught_by: Some(CounterKind::Calls),
    },
    Plant {
        // Where no simulation comes.
        name: "ring-sleep",
        file: "shards/src/ring.rs",
        anchor: "    fn submit(&mut self) -> io::Result<()> {\n",
        planted: "    fn submit(&mut self) -> io::Result<()> {\n        std::thread::sleep(std::time::Duration::from_nanos(1));\n",
        seen_in: "loop/",
        caught_by: Some(CounterKind::LoopSwitches),
    },
    Plant {
        name: "allocation",
        file: "engine/src/record/recorder.rs",
        anchor: "        self.stats.finished += 1;\n",
        planted: "        self.stats.finished += 1;\n        drop(std::hint::black_box(Box::new(instants)));\n",
        seen_in: "dispatch",
        caught_by: Some(CounterKind::Allocations),
    },
    Plant {
        name: "system-call",
        file: "shards/src/shard.rs",
        anchor: "        self.account(now);\n",
        planted: "        self.account(now);\n        std::hint::black_box(std::process::id());\n",
        seen_in: "dispatch",
        caught_by: Some(CounterKind::Calls),
    },
    Plant {
        name: "ring-system-call",
        file: "shards/src/ring.rs",
        anchor: "    fn submit(&mut self) -> io::Result<()> {\n",
        planted: "    fn submit(&mut self) -> io::Result<()> {\n        std::hint::black_box(std::process::id());\n",
        seen_in: "loop/",
        caught_by: Some(CounterKind::LoopOtherCalls),
    },
    Plant {
        name: "reported-sends",
        file: "shards/src/shard/pool.rs",
        anchor: "self.reports_sends = bytes_max * pipeline > SEND_BYTES_SILENT;",
        planted: "self.reports_sends = true;",
        seen_in: "loop/",
        caught_by: Some(CounterKind::LoopCompletions),
    },
    Plant {
        name: "slow-render",
        file: "engine/src/template/numbers.rs",
        anchor: "        value /= 10;\n",
        planted: "        value = std::hint::black_box(value) / std::hint::black_box(10);\n",
        seen_in: "template",
        caught_by: Some(CounterKind::Instructions),
    },
    Plant {
        name: "slow-parse",
        file: "shards/src/protocol/http1.rs",
        anchor: "        self.status = head.status;\n",
        planted: "        self.status = (0..12).fold(0, |_, _| std::hint::black_box(head.status));\n",
        seen_in: "dispatch",
        caught_by: Some(CounterKind::Instructions),
    },
];

impl Plant {
    /// The text of the file with this in it. An error when the anchor is not there exactly once: the proof would prove
    /// nothing.
    pub(crate) fn apply(&self, text: &str) -> Result<String, String> {
        match text.matches(self.anchor).count() {
            1 => Ok(text.replacen(self.anchor, self.planted, 1)),
            count => Err(format!(
                "`{}` cannot be planted: its anchor is {count} times in {}; fix perf/src/plants.rs\n{}",
                self.name, self.file, self.anchor
            )),
        }
    }

    /// Writes the planted file over the one in a tree; returns what was there.
    pub(crate) fn plant(&self, tree: &Path) -> Result<String, String> {
        let path = tree.join(self.file);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        std::fs::write(&path, self.apply(&text)?).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_can_be_planted_in_the_tree_as_it_is() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for plant in REGRESSIONS.iter().chain([&NOTHING]) {
            let text = std::fs::read_to_string(root.join(plant.file)).unwrap();
            let planted = plant.apply(&text).unwrap();
            assert_ne!(planted, text, "{}", plant.name);
        }
    }

    #[test]
    fn an_anchor_that_is_gone_or_doubled_is_an_error() {
        let plant = Plant { anchor: "here", ..NOTHING };
        assert!(plant.apply("nowhere else, here").is_err());
        assert!(plant.apply("gone").unwrap_err().contains("0 times in shards/src/shard.rs"));
        assert!(plant.apply("only here").is_ok());
    }
}
