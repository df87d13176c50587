//! `vajra compare`: two sides, with confidence; and how a comparison is shown, which `vajra gate` does the same way.

use crate::exit::{self, Failure, USAGE};
use crate::help;
use crate::input::flags::{confidence, share};
use crate::input::store;
use crate::output::destination::{Output, stdout_of};
use crate::output::layout::hanging;
use crate::output::messages::tell_error;
use crate::output::screen::{Screen, Tone};
use crate::output::stdout::{say, say_beside};
use crate::output::{chart, comparison_text};
use ::archive::unix_ns;
use clap::{Args, ValueHint};
use engine::compare::refusal::{Obstacle, Refusal};
use engine::compare::{Comparison, Judgement, Minimums, Options, Regression, RegressionStatus};
use engine::report::Report;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  vajra compare last~1 last          the run before the last, and the last
  vajra compare before.json after.json --markdown comparison.md
  vajra compare main~1,main 3f2a,9c41 --paired --svg overlay.svg";

/// What is asked of a comparison.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
pub(crate) struct CompareArgs {
    /// The base: a report, or a run of the archive.
    #[arg(
        long_help = "The base: a report, a bundle, or runs of the archive (an id, a tag, a baseline, last, last~1). Several: with commas.",
        value_name = "BASE", value_hint = ValueHint::AnyPath,
    )]
    base: String,
    /// The candidate's runs, all taken together.
    #[arg(value_name = "CANDIDATE", required = true, value_hint = ValueHint::AnyPath)]
    candidates: Vec<String>,
    #[command(flatten, next_help_heading = "Comparison")]
    rules: ComparisonRules,
    /// The runs of both sides were made by turns.
    #[arg(
        long_help = "The runs of both sides were made by turns: the first beside the first, and so on",
        long,
        help_heading = "Comparison"
    )]
    paired: bool,
    #[command(flatten, next_help_heading = "Output")]
    presentation: Presentation,
    /// Only what was asked for on standard output.
    #[arg(
        long_help = "Nothing on standard output but what was asked for",
        short = 'q',
        long,
        help_heading = "Output"
    )]
    quiet: bool,
}

/// By which rules two sides are compared.
#[derive(Args)]
pub(crate) struct ComparisonRules {
    /// How sure a difference has to be.
    #[arg(
        long_help = "How sure a difference has to be, over all rows together",
        long,
        value_name = "SHARE",
        default_value = "95%"
    )]
    confidence: String,
    /// The least difference of interest.
    #[arg(
        long_help = "The least difference of interest, as a share of the base [default: 1%, and 5% of CPU time]",
        long,
        value_name = "SHARE"
    )]
    min_effect: Option<String>,
    /// The same, in the share of failures.
    #[arg(
        long_help = "The least difference of interest in the share of requests that failed, of all requests; also a gate's limit for it",
        long,
        value_name = "SHARE",
        default_value = "0.1%"
    )]
    min_failed: String,
    /// What may differ: plan, environment, …
    #[arg(
        long_help = "What may differ, or be in the way, and becomes a note: plan, environment, invalid, loop, slices, pairs. May be given several times.",
        long, value_name = "WHAT", value_delimiter = ',', value_parser = Obstacle::parse,
    )]
    allow: Vec<Obstacle>,
}

/// Where a comparison is written to, beside standard output.
#[derive(Args)]
pub(crate) struct Presentation {
    /// Write the comparison as JSON; - is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write it as Markdown; - is standard output.
    #[arg(
        long_help = "Write it as Markdown, for a comment on a pull request; - is standard output",
        long,
        value_name = "FILE"
    )]
    markdown: Option<PathBuf>,
    /// Write the two distributions as SVG.
    #[arg(
        long_help = "Write the two distributions, laid over each other, as SVG",
        long,
        value_name = "FILE"
    )]
    svg: Option<PathBuf>,
}

/// Compares and says how it stands. That something is worse is an answer, not a failure: exit 0. `vajra gate` judges.
pub(crate) fn run(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let options = Options { is_paired: args.paired, ..args.rules.options()? };
    let sheets = args.presentation.open(&None)?;
    let base: Vec<String> = args.base.split(',').map(String::from).collect();
    let (mut base, mut candidate) = (store::reports(&base)?, store::reports(&args.candidates)?);
    if let Some(report) =
        candidate.iter().find(|report| base.iter().any(|other| other.run_id == report.run_id))
    {
        let message = format!("run {} is on both sides\n  help: compare different runs", report.run_id);
        return Err(Failure::new(USAGE, message));
    }
    if options.is_paired {
        // Pairs are neighbours in time, in whatever order they were named or kept.
        [&mut base, &mut candidate]
            .into_iter()
            .for_each(|side| side.sort_by_key(|report| unix_ns(&report.started_at)));
    }
    let comparison = compared(&base, &candidate, &options)?;
    let is_written = sheets.tell(&comparison, None, args.quiet)?;
    Ok(ExitCode::from(if is_written { 0 } else { exit::RUNTIME }))
}

/// The comparison, or what is in its way and how to go on anyway.
pub(crate) fn compared(
    base: &[Report],
    candidate: &[Report],
    options: &Options,
) -> Result<Comparison, Failure> {
    engine::compare::compare(base, candidate, options).map_err(|refusal| refused(&refusal))
}

/// What is in the way of a comparison, and how to go on anyway.
pub(crate) fn refused(refusal: &Refusal) -> Failure {
    let mut message = String::from("this cannot be compared:");
    for objection in &refusal.objections {
        message.push_str(&format!("\n  {}\n    help: {}", objection.text, objection.fix));
        if objection.obstacle.can_be_allowed() {
            message.push_str(&format!(", or go on with --allow {}", objection.obstacle.name()));
        }
    }
    let is_invalid = refusal.objections.iter().all(|objection| objection.obstacle == Obstacle::Invalid);
    Failure::new(if is_invalid { exit::INVALID } else { USAGE }, message)
}

impl ComparisonRules {
    pub(crate) fn allows(&self, obstacle: Obstacle) -> bool {
        self.allow.contains(&obstacle)
    }

    pub(crate) fn options(&self) -> Result<Options, Failure> {
        let confidence = confidence(&self.confidence)?;
        let min_effect = self.min_effect.as_deref().map(|text| share(text, "--min-effect")).transpose()?;
        let failed = share(&self.min_failed, "--min-failed")?;
        Ok(Options {
            confidence,
            minimums: Minimums { failed, ..min_effect.map_or_else(Minimums::default, Minimums::relative) },
            allowed: self.allow.iter().copied().collect(),
            ..Options::default()
        })
    }
}

impl Presentation {
    /// Opens the files, before anything is done that takes time. Another output may be standard output in their place.
    pub(crate) fn open(&self, other: &Option<PathBuf>) -> Result<Sheets, Failure> {
        let uses_stdout = stdout_of(&[&self.json, &self.markdown, &self.svg, other])?;
        let open = |path: &Option<PathBuf>, flag: &str| {
            path.as_deref().map(|path| Output::open(path, flag)).transpose()
        };
        Ok(Sheets {
            json: open(&self.json, "--json")?,
            markdown: open(&self.markdown, "--markdown")?,
            svg: open(&self.svg, "--svg")?,
            uses_stdout,
        })
    }
}

/// The opened outputs of a comparison.
pub(crate) struct Sheets {
    json: Option<Output>,
    markdown: Option<Output>,
    svg: Option<Output>,
    uses_stdout: bool,
}

/// A comparison as JSON, with how it stands to the gate's limit where there is one.
#[derive(Serialize)]
struct ComparisonDocument<'a> {
    #[serde(flatten)]
    comparison: &'a Comparison,
    #[serde(skip_serializing_if = "Option::is_none")]
    regression: Option<&'a Regression>,
}

impl Sheets {
    /// Tells a regression that there are no figures of, wherever a comparison was asked for.
    pub(crate) fn tell_failure(self, regression: &str, is_quiet: bool) {
        tell_error(regression);
        if !is_quiet && !self.uses_stdout {
            let screen = Screen::stdout();
            let told = screen.paint(Tone::Bad, &format!("REGRESSED: {regression}"));
            // What cannot be printed is on standard error already.
            let _ = say(&format!("\n{}", hanging(screen.width, "", &told)));
        }
        let document = serde_json::json!({
            "schema": engine::compare::SCHEMA,
            "verdict": Judgement::Worse,
            "regression": { "status": RegressionStatus::Regressed },
            "notes": [regression],
        });
        let texts = [
            (self.json, format!("{document:#}\n")),
            (self.markdown, format!("### REGRESSED\n\n{regression}\n")),
            // There is nothing to draw, and what an earlier gate drew is not to be taken for it.
            (self.svg, chart::without_figures("REGRESSED", regression)),
        ];
        for (output, text) in texts {
            let written = output.map(|output| output.finish(|out| out.write_all(text.as_bytes())));
            written.and_then(Result::err).into_iter().for_each(|problem| tell_error(&problem.to_string()));
        }
    }

    /// Prints and writes. False when something could not be written, which was then told.
    pub(crate) fn tell(
        self,
        comparison: &Comparison,
        regression: Option<&Regression>,
        is_quiet: bool,
    ) -> Result<bool, Failure> {
        let screen = Screen::beside(self.uses_stdout);
        let text = comparison_text::plain(comparison, regression, &screen);
        // What cannot be printed costs nothing else.
        let said = if is_quiet { Ok(()) } else { say_beside(self.uses_stdout, &text) };
        let document = ComparisonDocument { comparison, regression };
        let json = self.json.map(|output| output.finish_json(&document));
        let markdown = self.markdown.map(|output| {
            output.finish(|out| out.write_all(comparison_text::markdown(comparison, regression).as_bytes()))
        });
        let svg = self.svg.map(|output| {
            let chart = chart::comparison(comparison, regression)?;
            output.finish(|out| out.write_all(chart.as_bytes()))
        });
        let unwritten = [json, markdown, svg].into_iter().flatten().filter_map(Result::err);
        let unwritten = unwritten.map(|problem| problem.to_string());
        let problems: Vec<String> = unwritten.chain(said.err().map(|failure| failure.message)).collect();
        problems.iter().for_each(|problem| tell_error(problem));
        Ok(problems.is_empty())
    }
}
