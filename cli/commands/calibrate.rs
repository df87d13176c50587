//! `vajra calibrate`: what this machine can do, as a table and as JSON, kept for later runs to be judged by.

use crate::exit::{Failure, SIGNAL};
use crate::output::files::{self, Output};
use crate::output::text::grouped;
use clap::Args;
use engine::plan::{Plan, Wait};
use engine::quantity::show_ns;
use engine::report::Calibrated;
use shards::calibrate::{
    self, Calibrating, Calibration, CapacityRun, CoreHiccups, Effort, Halt, Host, Pacing, Scaling,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

/// The folder of Vajra inside the user's folder for caches.
const FOLDER: &str = "vajra";

/// What is asked of a calibration.
#[derive(Args)]
pub(crate) struct CalibrateArgs {
    /// A look of some seconds in place of a minute; rough.
    #[arg(long)]
    quick: bool,
    /// Write all figures as JSON; - is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures, prints, and keeps what was measured. A signal ends it, and then nothing is kept.
pub(crate) fn run(args: &CalibrateArgs) -> Result<ExitCode, Failure> {
    let uses_stdout = files::stdout_of(&[&args.json])?;
    let json = args.json.as_deref().map(|path| Output::open(path, "--json")).transpose()?;
    let halt = Arc::new(Halt::default());
    let signal = listen(halt.clone())?;
    let calibrating = Calibrating {
        effort: Effort { is_quick: args.quick },
        program: std::env::current_exe().ok(),
        measured_at: crate::session::show_time(SystemTime::now()),
    };
    let calibration = calibrate::measure(&calibrating, &halt, &mut |step| eprintln!("calibrating: {step}"));
    if halt.is_set() {
        eprintln!("stopped: nothing was kept");
        return Ok(ExitCode::from(signal.load(Ordering::Acquire)));
    }
    let text = show(&calibration);
    if uses_stdout {
        eprint!("{text}")
    } else {
        print!("{text}")
    }
    // One that cannot be written does not cost the other.
    let kept = keep(&calibration);
    let written = json.map(|output| output.finish_json(&calibration));
    written.transpose()?;
    kept?;
    Ok(ExitCode::SUCCESS)
}

fn keep(calibration: &Calibration) -> Result<(), Failure> {
    let Some(folder) = folder() else {
        eprintln!("not kept: neither XDG_CACHE_HOME nor HOME is set");
        return Ok(());
    };
    let path = calibrate::store(&folder, calibration)?;
    eprintln!("kept in {}, for `vajra check` and `vajra run`", path.display());
    Ok(())
}

/// What this machine was found to be able to do, if it was calibrated: the figures that a plan is judged by. A cache that
/// cannot be used costs a warning, and nothing else.
pub(crate) fn cached(plan: &Plan) -> Option<Calibrated> {
    let found = calibrate::load(&folder()?, &Host::here()).unwrap_or_else(|problem| {
        eprintln!("warning: {problem}\n  help: `vajra calibrate` measures anew");
        None
    });
    found.map(|calibration| calibration.for_plan(plan))
}

/// Where calibrations are kept, by the XDG Base Directory Specification, which has relative paths ignored.
fn folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join(FOLDER))
}

/// Ends the calibration at the first signal, and the process at the second. Returns where the exit code will be.
fn listen(halt: Arc<Halt>) -> Result<Arc<AtomicU8>, Failure> {
    let signals = Signals::new([SIGINT, SIGTERM]);
    let mut signals =
        signals.map_err(|error| Failure::runtime(format!("signals cannot be caught: {error}")))?;
    let code = Arc::new(AtomicU8::new(0));
    let shared = code.clone();
    let listen = move || {
        for (count, signal) in signals.forever().enumerate() {
            shared.store(SIGNAL + signal as u8, Ordering::Release);
            halt.set();
            if count > 0 {
                std::process::exit(i32::from(SIGNAL) + signal);
            }
        }
    };
    let thread = std::thread::Builder::new().name("signals".into()).spawn(listen);
    thread.map_err(|error| Failure::runtime(format!("no thread for signals: {error}")))?;
    Ok(code)
}

/// Everything as text.
fn show(calibration: &Calibration) -> String {
    let sections: [fn(&Calibration) -> String; 6] = [head, capacity, pacing, hiccups, figures, left_out];
    sections.iter().map(|section| section(calibration)).collect()
}

fn head(calibration: &Calibration) -> String {
    let host = &calibration.host;
    let kind = if calibration.is_quick { "a quick look" } else { "a calibration" };
    format!(
        "\n{}: {kind} of {:.0} s, {}\n{}, {} cores, Linux {}, vajra {} ({} build)\n",
        host.name,
        calibration.took_s,
        calibration.measured_at,
        host.cpu,
        host.cores,
        host.kernel,
        host.vajra,
        host.build
    )
}

fn capacity(calibration: &Calibration) -> String {
    let mut text = String::new();
    if !calibration.capacity.is_empty() {
        text.push_str("\nCapacity: closed loop against as many null responders, 64 connections a shard\n");
        let _ = writeln!(
            text,
            "{:>8}{:>10}{:>13}{:>9}{:>16}{:>13}  verdict",
            "shards", "pipeline", "req/s", "busy", "if always busy", "CPU/request"
        );
    }
    for scaling in &calibration.capacity {
        scaling.runs.iter().for_each(|run| text.push_str(&capacity_row(scaling, run)));
    }
    calibration.capacity.iter().for_each(|scaling| text.push_str(&model(scaling)));
    text
}

fn capacity_row(scaling: &Scaling, run: &CapacityRun) -> String {
    format!(
        "{:>8}{:>10}{:>13}{:>7.1} %{:>16}{:>13}  {}\n",
        run.shards,
        scaling.pipeline,
        grouped(run.rps),
        run.busy * 100.0,
        grouped(run.full_rps),
        show_ns(run.cpu_per_request_ns as u64),
        run.verdict.show()
    )
}

/// What more shards would carry. A model, and said to be one.
fn model(scaling: &Scaling) -> String {
    let why = match scaling.contention {
        Some(contention) => format!("Amdahl's law with the {:.2} % in common measured", contention * 100.0),
        None => "in proportion, because shards share nothing; not measured for want of cores".into(),
    };
    let beyond = scaling.runs.last().map_or(1, |run| run.shards) * 2;
    let rps = grouped(scaling.model_rps(beyond));
    format!("  model, pipeline {}: {beyond} shards would carry {rps}/s ({why})\n", scaling.pipeline)
}

fn pacing(calibration: &Calibration) -> String {
    let mut text = String::new();
    if calibration.pacing.is_empty() {
        return text;
    }
    text.push_str("\nPacing: one shard, 64 connections; slip as it says itself, gaps as they arrived\n");
    let columns = ["slip p50", "p99", "max", "gap p50", "p99", "max", "|gap - mean| p50", "p99"];
    let _ = write!(text, "{:>6}{:>9}{:>12}", "wait", "req/s", "achieved");
    columns.iter().for_each(|column| {
        let _ = write!(text, "{column:>width$}", width = column.len().max(7) + 2);
    });
    text.push_str("  verdict\n");
    calibration.pacing.iter().for_each(|pacing| text.push_str(&pacing_row(pacing)));
    text
}

fn pacing_row(pacing: &Pacing) -> String {
    let wait = if pacing.wait == Wait::Spin { "spin" } else { "park" };
    let (slip, gap, deviation) = (&pacing.slip_ns, &pacing.arrivals.gap_ns, &pacing.arrivals.deviation_ns);
    let columns = [
        (slip.p50, 10),
        (slip.p99, 9),
        (slip.max, 9),
        (gap.p50, 9),
        (gap.p99, 9),
        (gap.max, 9),
        (deviation.p50, 18),
        (deviation.p99, 9),
    ];
    let mut text = format!("{wait:>6}{:>9}{:>12}", pacing.rate_rps, grouped(pacing.achieved_rps));
    columns.iter().for_each(|&(ns, width)| {
        let _ = write!(text, "{:>width$}", show_ns(ns));
    });
    let _ = writeln!(text, "  {}", pacing.verdict.show());
    text
}

fn hiccups(calibration: &Calibration) -> String {
    let mut text = String::new();
    if !calibration.hiccups.is_empty() {
        text.push_str("\nHiccups: a thread on each core that only watches the clock; beyond 10 us\n");
        let _ = writeln!(
            text,
            "{:>8}{:>10}{:>10}{:>10}{:>10}{:>11}",
            "core", "per s", "p50", "p99", "max", "of time"
        );
    }
    calibration.hiccups.iter().for_each(|core| text.push_str(&hiccup_row(core)));
    text
}

fn hiccup_row(core: &CoreHiccups) -> String {
    let hiccup = &core.hiccup_ns;
    format!(
        "{:>8}{:>10.1}{:>10}{:>10}{:>10}{:>9.3} %\n",
        core.core,
        core.per_s,
        show_ns(hiccup.p50),
        show_ns(hiccup.p99),
        show_ns(hiccup.max),
        core.share * 100.0
    )
}

fn figures(calibration: &Calibration) -> String {
    let mut text = String::from("\n");
    for wakeups in &calibration.wakeups {
        let late = &wakeups.late_ns;
        let _ = writeln!(
            text,
            "Wake-up      waits of {} end late by {} (p50), {} (p99), {} (max)",
            show_ns(wakeups.wait_ns),
            show_ns(late.p50),
            show_ns(late.p99),
            show_ns(late.max)
        );
    }
    let _ = writeln!(
        text,
        "Clock        {:.3} ppm from CLOCK_MONOTONIC, in a second, at the worst",
        calibration.clock_ppm
    );
    let _ = writeln!(text, "Recording    {:.1} ns a request", calibration.recording.per_request_ns);
    if let Some(memory) = &calibration.memory {
        let _ = writeln!(text, "Memory       {:.0} bytes a connection", memory.bytes_per_connection);
    }
    text
}

fn left_out(calibration: &Calibration) -> String {
    let lines: String = calibration.left_out.iter().map(|line| format!("  {line}\n")).collect();
    if lines.is_empty() { lines } else { format!("\nLeft out\n{lines}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_says_that_it_is_one_and_what_it_rests_on() {
        let scaling = Scaling {
            pipeline: 1,
            rps_per_shard: 1_000.0,
            is_noisy: false,
            contention: None,
            runs: Vec::new(),
        };
        let text = model(&scaling);
        assert!(text.contains("model") && text.contains("2 shards would carry 2,000/s"), "{text}");
        assert!(text.contains("not measured"), "{text}");
        let text = model(&Scaling { contention: Some(0.5), ..scaling });
        assert!(text.contains("1,333/s") && text.contains("50.00 % in common"), "{text}");
    }
}
