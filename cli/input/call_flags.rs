//! Flags about calls of gRPC. They are called as ghz calls them, and each is a key of the plan.

use clap::{Args, ValueHint};
use engine::config::{Diagnostic, Layers, Origin};
use engine::redact;
use toml::Value;

/// What is asked of calls.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "gRPC")]
pub(crate) struct CallArgs {
    /// The method to call: package.Service/Method.
    #[arg(
        long_help = "The method to call, as package.Service/Method. Its message is the body (-b), as JSON, in which {{seq}}, {{rand 1 9}} and {{uuid}} are filled in [default: {}]",
        long,
        value_name = "METHOD"
    )]
    pub(crate) call: Option<String>,
    /// A .proto file that says what it takes. Repeatable.
    #[arg(
        long_help = "A .proto file that says which methods there are and what they take. May be given several times. Without any, the target is asked, by server reflection.",
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath
    )]
    pub(crate) proto: Vec<String>,
    /// Folders of .proto files and of what they import.
    #[arg(
        long_help = "Folders in which .proto files are, and what they import, separated by commas. May be given several times.",
        long,
        value_name = "FOLDERS",
        value_hint = ValueHint::DirPath,
        hide_short_help = true
    )]
    pub(crate) import_paths: Vec<String>,
    /// Ask the target which methods it has [default].
    #[arg(
        long_help = "Ask the target which methods it has and what they take, by server reflection, whatever files the plan names [default: where there are none]",
        long,
        conflicts_with = "proto",
        hide_short_help = true
    )]
    pub(crate) reflect: bool,
    /// Metadata as JSON: '{"k":"v"}'.
    #[arg(
        long_help = "Metadata of every call, as JSON: '{\"key\": \"value\"}', where a value may be a list. One header of each is -H.",
        long,
        value_name = "JSON",
        hide_short_help = true
    )]
    pub(crate) metadata: Option<String>,
}

impl CallArgs {
    /// Puts what is given above what the layers say. The method is read with the rest of the request.
    pub(crate) fn read(&self, layers: &mut Layers, wrong: &mut Vec<Diagnostic>) {
        if !self.proto.is_empty() {
            let shown: Vec<String> = self.proto.iter().map(|file| format!("--proto {file}")).collect();
            layers.remove("grpc.reflection");
            layers.set("grpc.proto", list(&self.proto), Origin::Flag(shown.join(" ")));
        }
        if !self.import_paths.is_empty() {
            let folders = self.import_paths.iter().flat_map(|folders| folders.split(','));
            let folders: Vec<String> = folders.map(|folder| folder.trim().to_owned()).collect();
            let origin = Origin::Flag(format!("--import-paths {}", self.import_paths.join(" ")));
            layers.set("grpc.import_paths", list(&folders), origin);
        }
        if self.reflect {
            layers.remove("grpc.proto");
            layers.set("grpc.reflection", Value::Boolean(true), Origin::Flag("--reflect".into()));
        }
        if let Some(text) = &self.metadata {
            self.read_metadata(text, layers, wrong);
        }
    }

    fn read_metadata(&self, text: &str, layers: &mut Layers, wrong: &mut Vec<Diagnostic>) {
        // What is in it may be a secret, so it is not shown.
        let flag = || "--metadata …".to_owned();
        let Ok(serde_json::Value::Object(pairs)) = serde_json::from_str(text) else {
            let fix = "write `--metadata '{\"key\": \"value\"}'`";
            wrong.push(Diagnostic::of_flag(flag(), "the metadata is not an object of JSON", fix));
            return;
        };
        for (name, value) in pairs {
            let values = match value {
                serde_json::Value::Array(values) => values,
                value => vec![value],
            };
            let texts: Option<Vec<Value>> =
                values.iter().map(|value| value.as_str().map(Value::from)).collect();
            let Some(texts) = texts else {
                let problem = format!("the value of `{name}` is not a text");
                wrong.push(Diagnostic::of_flag(flag(), problem, "write it in quotes"));
                continue;
            };
            let shown = texts.iter().filter_map(Value::as_str).map(|text| redact::value(&name, text));
            let origin =
                Origin::Flag(format!("--metadata '{name}: {}'", shown.collect::<Vec<_>>().join(", ")));
            layers.set_at(&["headers", &name], Value::Array(texts), origin);
        }
    }
}

fn list(texts: &[String]) -> Value {
    Value::Array(texts.iter().cloned().map(Value::from).collect())
}
