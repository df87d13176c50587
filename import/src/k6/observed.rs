//! What a script did when it was run once: requests, checks, pauses, and the values that they had in them.

use serde::Deserialize;
use serde_json::Value;

/// All that was seen of one run of a script.
#[derive(Debug, Deserialize)]
pub(super) struct Observed {
    /// What it exports as `options`.
    pub(super) options: Value,
    /// The names of its scenarios, in their order.
    pub(super) scenarios: Vec<String>,
    pub(super) exports: Vec<String>,
    pub(super) events: Vec<ScriptEvent>,
    /// What the markers stand for, by their numbers.
    pub(super) values: Vec<ScriptValue>,
    pub(super) feeds: Vec<ScriptFeed>,
    /// What is not translated, in sentences.
    pub(super) notes: Vec<String>,
    /// The variables of the environment that were asked for and are set.
    pub(super) variables: Vec<String>,
    /// Why the iteration ended before its end.
    pub(super) failed: Option<String>,
    pub(super) seed: Option<f64>,
}

/// Something that a script did.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScriptEvent {
    /// `setup` or `iteration`.
    pub(super) phase: String,
    /// The groups in which it was done, the outermost first.
    pub(super) groups: Vec<EnteredGroup>,
    #[serde(flatten)]
    pub(super) action: ScriptAction,
}

/// A group that was entered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct EnteredGroup {
    pub(super) name: String,
    /// Which entering it was, of all groups.
    pub(super) entered: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ScriptAction {
    Request(ScriptRequest),
    Check(ScriptCheck),
    Sleep { seconds: f64 },
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScriptRequest {
    /// Its number, from 0.
    pub(super) step: usize,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: ScriptBody,
    pub(super) name: Option<String>,
    pub(super) timeout_ms: Option<f64>,
    pub(super) auth: Option<String>,
    pub(super) redirects: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum ScriptBody {
    Absent,
    Text { text: String },
    File { file: String },
    Form { fields: Vec<(String, String)> },
    Multipart { fields: Vec<(String, String)> },
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScriptCheck {
    pub(super) name: String,
    /// Why it was not understood.
    pub(super) lost: Option<String>,
    pub(super) atoms: Vec<CheckedAtom>,
}

/// One thing that a check asks, with the answers for which it holds and those for which it does not.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CheckedAtom {
    #[serde(flatten)]
    pub(super) part: ResponsePart,
    /// What is asked of the part: its `value`, `length`, whether it `contains` a text, and so on.
    pub(super) of: String,
    pub(super) text: Option<String>,
    pub(super) outcomes: Vec<AtomOutcome>,
    /// The numbers that the check is written with.
    pub(super) numbers: Vec<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AtomOutcome {
    #[serde(default)]
    pub(super) value: Value,
    /// The part is not there.
    #[serde(default)]
    pub(super) absent: bool,
    pub(super) holds: bool,
}

/// A part of a response.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct ResponsePart {
    /// The number of the request.
    pub(super) step: usize,
    /// `status`, `time`, `body`, `json`, `header`, `cookie`, `regex` or `between`.
    pub(super) subject: String,
    #[serde(default)]
    pub(super) path: Vec<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
    /// A regular expression, its flags, and the group that is taken.
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) flags: String,
    #[serde(default)]
    pub(super) group: Value,
    #[serde(default)]
    pub(super) left: String,
    #[serde(default)]
    pub(super) right: String,
}

/// What a marker stands for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct ScriptValue {
    #[serde(flatten)]
    pub(super) kind: ScriptValueKind,
    #[serde(default)]
    pub(super) filters: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum ScriptValueKind {
    Response(ResponsePart),
    Hole {
        hole: String,
        #[serde(default)]
        is_number: bool,
        /// Which draw of the script it is; 0 for what is not drawn.
        #[serde(default)]
        draw: u64,
    },
    Column {
        feed: usize,
        column: String,
    },
    Absent {
        name: String,
    },
}

/// Rows that a script shares among its users.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScriptFeed {
    pub(super) name: String,
    pub(super) rows: Vec<Value>,
    pub(super) columns: Vec<String>,
    /// The file that has these rows.
    pub(super) file: Option<String>,
    /// Which rows were asked for.
    pub(super) indices: Vec<String>,
    /// An element was drawn.
    #[serde(default)]
    pub(super) is_random: bool,
}
