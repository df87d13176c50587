//! `vajra import`: plans from curl commands, HAR files, access logs, OpenAPI documents and k6 scripts.

mod inputs;
mod script;
mod written;

use self::inputs::{Lines, text_of};
use self::script::{K6Args, of_k6};
use self::written::{PlanFileArgs, finish, open, refused};
use crate::exit::Failure;
use crate::help;
use clap::{Args, Subcommand, ValueEnum};
use import::{
    CurlChoices, HarChoices, HarFile, LogChoices, LogImport, LogShape, OpenApiChoices, from_curl, from_har,
    from_openapi,
};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  vajra import curl 'curl -H \"Accept: */*\" http://10.0.0.2/items' -o plan.toml
  vajra import curl - < commands.sh
  vajra import har session.har again.har -o session.toml
  vajra import log access.log --url http://10.0.0.2:8080 --speed 2
  vajra import openapi api.yaml --operation listItems
  vajra import k6 script.js -e BASE_URL=http://10.0.0.2:8080 -o plan.toml";

/// What is imported.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
pub(crate) struct ImportPlanArgs {
    #[command(subcommand)]
    from: ImportFrom,
}

#[derive(Subcommand)]
enum ImportFrom {
    /// Requests of curl commands, as browsers copy them.
    Curl(CurlArgs),
    /// Steps of a session that a browser recorded. A second recording of it shows what differs.
    Har(HarArgs),
    /// Requests of an access log of nginx, Apache and others.
    Log(LogArgs),
    /// Operations of an OpenAPI document, JSON or YAML.
    #[command(name = "openapi")]
    OpenApi(OpenApiArgs),
    /// What one iteration of a k6 script does, with its load and its thresholds.
    #[command(name = "k6")]
    K6(K6Args),
}

#[derive(Args)]
struct CurlArgs {
    /// Commands, each in quotes; - is standard input.
    #[arg(value_name = "COMMAND", required = true)]
    commands: Vec<String>,
    /// Write credentials as they are, in place of variables.
    #[arg(long)]
    keep_secrets: bool,
    #[command(flatten)]
    plan: PlanFileArgs,
}

#[derive(Args)]
struct HarArgs {
    /// The recording, and another of the same session; - is standard input.
    #[arg(value_name = "FILE", required = true, num_args = 1..=2)]
    files: Vec<PathBuf>,
    /// Import requests to this host.
    #[arg(
        long,
        value_name = "HOST",
        long_help = "Import requests to this host, or to this server, as in http://HOST:PORT; without it those to the host of the first page. Where several are given, each server is a target of the plan"
    )]
    host: Vec<String>,
    /// Import images, style sheets, scripts and fonts, too.
    #[arg(long)]
    assets: bool,
    /// Write no think times.
    #[arg(long)]
    no_think: bool,
    /// Send each request when it was recorded, whatever those before it take.
    #[arg(
        long,
        conflicts_with = "no_think",
        long_help = "Send each request when it was recorded, counted from the beginning of the session, whatever those before it take: `timeline = \"recorded\"`, and `at` in each step"
    )]
    timeline: bool,
    /// Write credentials as they are, in place of variables.
    #[arg(long)]
    keep_secrets: bool,
    #[command(flatten)]
    plan: PlanFileArgs,
}

#[derive(Args)]
struct LogArgs {
    /// The log; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How lines look; by themselves if nothing is said.
    #[arg(
        long,
        value_name = "FORMAT",
        long_help = "How lines look: combined, common, json, or the log_format of nginx or LogFormat of Apache in quotes; without it, as the lines themselves look"
    )]
    format: Option<String>,
    /// The server to ask, and a path before all paths.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How many times as fast as it was.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
    /// Methods to send [default: GET,HEAD].
    #[arg(long, value_name = "METHODS", value_delimiter = ',')]
    methods: Vec<String>,
    /// What becomes of it: mix, stages or recorded.
    #[arg(
        long = "as",
        value_name = "SHAPE",
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        long_help = "What becomes of it: mix, the paths by their weights at the mean rate; stages, the same at the rate as it changed; recorded, each request at its own moment, row by row of a data file that is written beside the plan"
    )]
    shape: LogPlanShape,
    #[command(flatten)]
    plan: PlanFileArgs,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum LogPlanShape {
    #[default]
    Mix,
    Stages,
    Recorded,
}

#[derive(Args)]
struct OpenApiArgs {
    /// The document; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which of its servers, from 1, or a URL.
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// An operation, by its id or as 'GET /path'; several times for several.
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    operation: Vec<String>,
    /// Operations that may change something, too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    plan: PlanFileArgs,
}

/// Reads what is imported, and writes the plan.
pub(crate) fn run(args: &ImportPlanArgs) -> Result<ExitCode, Failure> {
    match &args.from {
        ImportFrom::Curl(curl) => of_curl(curl)?,
        ImportFrom::Har(har) => of_har(har)?,
        ImportFrom::Log(log) => of_log(log)?,
        ImportFrom::OpenApi(document) => of_openapi(document)?,
        ImportFrom::K6(script) => of_k6(script)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn of_curl(args: &CurlArgs) -> Result<(), Failure> {
    let output = open(&args.plan)?;
    let texts = args.commands.iter().map(|command| match command.as_str() {
        "-" => text_of(Path::new("-")),
        command => Ok(command.to_owned()),
    });
    let text = texts.collect::<Result<Vec<String>, Failure>>()?.join("\n");
    let choices = CurlChoices { keeps_secrets: args.keep_secrets };
    finish(output, from_curl(&text, choices).map_err(refused)?, &args.plan)
}

fn of_har(args: &HarArgs) -> Result<(), Failure> {
    let output = open(&args.plan)?;
    let names: Vec<String> = args.files.iter().map(|file| inputs::name_of(file)).collect();
    let texts = args.files.iter().map(|file| text_of(file)).collect::<Result<Vec<String>, Failure>>()?;
    let files: Vec<HarFile<'_>> =
        names.iter().zip(&texts).map(|(name, text)| HarFile { name, text }).collect();
    let choices = HarChoices {
        hosts: args.host.clone(),
        keeps_assets: args.assets,
        has_no_think: args.no_think,
        keeps_secrets: args.keep_secrets,
        has_timeline: args.timeline,
    };
    let first = *files.first().expect("the command line has one file at least");
    finish(output, from_har(first, files.get(1).copied(), &choices).map_err(refused)?, &args.plan)
}

fn of_openapi(args: &OpenApiArgs) -> Result<(), Failure> {
    let output = open(&args.plan)?;
    let text = text_of(&args.file)?;
    let choices =
        OpenApiChoices { server: args.server.clone(), operations: args.operation.clone(), is_all: args.all };
    finish(output, from_openapi(&text, &inputs::name_of(&args.file), &choices).map_err(refused)?, &args.plan)
}

fn of_log(args: &LogArgs) -> Result<(), Failure> {
    let output = open(&args.plan)?;
    let choices = LogChoices {
        format: args.format.clone(),
        url: args.url.clone(),
        speed: args.speed,
        methods: args.methods.clone(),
        shape: match args.shape {
            LogPlanShape::Mix => LogShape::Mix,
            LogPlanShape::Stages => LogShape::Stages,
            LogPlanShape::Recorded => LogShape::Recorded,
        },
        rows_file: args.plan.file().map(|plan| rows_file(plan, &args.file)),
    };
    let mut log = LogImport::new(&inputs::name_of(&args.file), choices).map_err(refused)?;
    let mut lines = Lines::open(&args.file)?;
    while let Some(line) = lines.next()? {
        log.line(line);
    }
    finish(output, log.finish().map_err(refused)?, &args.plan)
}

/// The data file that belongs to a plan: `again.csv` to `again.toml`, and never the plan itself or the log that is read.
fn rows_file(plan: &Path, log: &Path) -> String {
    let is_log = |file: &Path| match (file.canonicalize(), log.canonicalize()) {
        (Ok(file), Ok(log)) => file == log,
        _ => false,
    };
    // Of three at least one is neither of the two.
    let mut files = ["csv", "rows.csv", "arrivals.csv"].map(|ending| plan.with_extension(ending)).into_iter();
    let file = files.find(|file| file != plan && !is_log(file));
    file.expect("two of three are taken at the most").display().to_string()
}
