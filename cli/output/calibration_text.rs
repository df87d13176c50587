//! A calibration as text.

use crate::output::figures::{bytes, grouped};
use crate::output::layout::{hanging, row};
use crate::output::screen::{Screen, Tone};
use crate::output::table::{Column, TextTable};
use crate::output::text::titled;
use engine::plan::Wait;
use engine::quantity::{counted, show_ns};
use shards::calibrate::{Calibration, CapacityRun, CoreHiccups, Pacing, Scaling};

/// Everything that was measured.
pub(crate) fn calibration(calibration: &Calibration, screen: &Screen) -> String {
    let sections: [fn(&Calibration, &Screen) -> String; 6] =
        [head, capacity, pacing, hiccups, figures, left_out];
    sections.iter().map(|section| section(calibration, screen)).collect()
}

fn head(calibration: &Calibration, screen: &Screen) -> String {
    let host = &calibration.host;
    let kind = if calibration.is_quick { "a quick look" } else { "a calibration" };
    let what = format!("{}: {kind} of {:.0} s, {}", host.name, calibration.took_s, calibration.measured_at);
    let on = format!(
        "{}, {}, Linux {}, vajra {} ({} build)",
        host.cpu,
        counted(host.cores, "core"),
        host.kernel,
        host.vajra,
        host.build
    );
    format!("\n{}{}", hanging(screen.width, "", &what), hanging(screen.width, "", &on))
}

fn capacity(calibration: &Calibration, screen: &Screen) -> String {
    let mut table = TextTable::new(vec![
        Column::figure("shards"),
        Column::figure("pipeline"),
        Column::figure("req/s"),
        Column::figure("busy"),
        Column::figure("if always busy"),
        Column::figure("CPU/request"),
        Column::word("verdict"),
    ]);
    for scaling in &calibration.capacity {
        scaling.runs.iter().for_each(|run| table.push(capacity_row(scaling, run).map(Into::into).into()));
    }
    if table.is_empty() {
        return String::new();
    }
    let title = "Capacity: closed loop against as many null responders, 64 connections a shard";
    let models: String = calibration.capacity.iter().map(|scaling| model(scaling, screen)).collect();
    titled(title, &format!("{}{models}", table.show(screen)), screen)
}

fn capacity_row(scaling: &Scaling, run: &CapacityRun) -> [String; 7] {
    [
        run.shards.to_string(),
        scaling.pipeline.to_string(),
        grouped(run.rps),
        format!("{:.1} %", run.busy * 100.0),
        format!("{}/s", grouped(run.full_rps)),
        show_ns(run.cpu_per_request_ns as u64),
        run.verdict.show().to_string(),
    ]
}

/// What more shards would carry. A model, and said to be one.
fn model(scaling: &Scaling, screen: &Screen) -> String {
    let why = match scaling.contention {
        Some(contention) => format!("Amdahl's law with the {:.2} % in common measured", contention * 100.0),
        None => "in proportion, because shards share nothing; not measured for want of cores".into(),
    };
    let beyond = scaling.runs.last().map_or(1, |run| run.shards) * 2;
    let rps = grouped(scaling.model_rps(beyond));
    let text = format!("model, pipeline {}: {beyond} shards would carry {rps}/s ({why})", scaling.pipeline);
    hanging(screen.width, "  ", &text)
}

fn pacing(calibration: &Calibration, screen: &Screen) -> String {
    let mut table = TextTable::new(vec![
        Column::word("wait"),
        Column::figure("asked"),
        Column::figure("achieved"),
        Column::word(""),
        Column::figure("p50"),
        Column::figure("p99"),
        Column::figure("max"),
        Column::word("verdict"),
    ]);
    for pacing in &calibration.pacing {
        pacing_rows(pacing).into_iter().for_each(|row| table.push(row.map(Into::into).into()));
    }
    if table.is_empty() {
        return String::new();
    }
    let title = "Pacing: one shard, 64 connections; slip as it says itself, gaps as they arrived";
    titled(title, &table.show(screen), screen)
}

fn pacing_rows(pacing: &Pacing) -> [[String; 8]; 3] {
    let wait = if pacing.wait == Wait::Spin { "spin" } else { "park" };
    let (slip, gap, deviation) = (&pacing.slip_ns, &pacing.arrivals.gap_ns, &pacing.arrivals.deviation_ns);
    let asked = format!("{}/s", grouped(pacing.rate_rps as f64));
    let achieved = format!("{}/s", grouped(pacing.achieved_rps));
    let row = |[wait, asked, achieved, verdict]: [String; 4], what: &str, [p50, p99, max]: [u64; 3]| {
        [wait, asked, achieved, what.to_owned(), show_ns(p50), show_ns(p99), show_ns(max), verdict]
    };
    let nothing = || [const { String::new() }; 4];
    [
        row(
            [wait.to_owned(), asked, achieved, pacing.verdict.show().to_string()],
            "slip",
            [slip.p50, slip.p99, slip.max],
        ),
        row(nothing(), "gap", [gap.p50, gap.p99, gap.max]),
        row(nothing(), "|gap - mean|", [deviation.p50, deviation.p99, deviation.max]),
    ]
}

fn hiccups(calibration: &Calibration, screen: &Screen) -> String {
    let titles = ["core", "per s", "p50", "p99", "max", "of time"];
    let mut table = TextTable::new(titles.into_iter().map(Column::figure).collect());
    calibration.hiccups.iter().for_each(|core| table.push(hiccup_row(core).map(Into::into).into()));
    if table.is_empty() {
        return String::new();
    }
    let title = "Hiccups: a thread on each core that only watches the clock; beyond 10 us";
    titled(title, &table.show(screen), screen)
}

fn hiccup_row(core: &CoreHiccups) -> [String; 6] {
    let hiccup = &core.hiccup_ns;
    [
        core.core.to_string(),
        format!("{:.1}", core.per_s),
        show_ns(hiccup.p50),
        show_ns(hiccup.p99),
        show_ns(hiccup.max),
        format!("{:.3} %", core.share * 100.0),
    ]
}

fn figures(calibration: &Calibration, screen: &Screen) -> String {
    let mut text = String::from("\n");
    for wakeups in &calibration.wakeups {
        let late = &wakeups.late_ns;
        let [wait, p50, p99, max] = [wakeups.wait_ns, late.p50, late.p99, late.max].map(show_ns);
        let told = format!("waits of {wait} end late by {p50} (p50), {p99} (p99), {max} (max)");
        text.push_str(&row(screen, "Wake-up", &told));
    }
    let clock = format!("{:.3} ppm from CLOCK_MONOTONIC, in a second, at the worst", calibration.clock_ppm);
    text.push_str(&row(screen, "Clock", &clock));
    let recording = format!("{:.1} ns a request", calibration.recording.per_request_ns);
    text.push_str(&row(screen, "Recording", &recording));
    if let Some(memory) = &calibration.memory {
        let told = format!("{} a connection", bytes(memory.bytes_per_connection));
        text.push_str(&row(screen, "Memory", &told));
    }
    text
}

fn left_out(calibration: &Calibration, screen: &Screen) -> String {
    let lines: String = (calibration.left_out.iter())
        .map(|line| hanging(screen.width, "  ", &screen.paint(Tone::Caution, line)))
        .collect();
    titled("Left out", &lines, screen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_says_that_it_is_one_and_what_it_rests_on() {
        let wide = Screen::plain(10_000);
        let scaling = Scaling {
            pipeline: 1,
            rps_per_shard: 1_000.0,
            is_noisy: false,
            contention: None,
            runs: Vec::new(),
        };
        let text = model(&scaling, &wide);
        assert!(text.contains("model") && text.contains("2 shards would carry 2,000/s"), "{text}");
        assert!(text.contains("not measured"), "{text}");
        let text = model(&Scaling { contention: Some(0.5), ..scaling }, &wide);
        assert!(text.contains("1,333/s") && text.contains("50.00 % in common"), "{text}");
    }
}
