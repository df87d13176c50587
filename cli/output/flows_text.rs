//! Named flows in the report as text: how often each was gone through, and how long that took.

use super::figures::{group, time};
use super::screen::{Screen, Tone};
use super::table::{Cell, Column, TextTable};
use engine::report::{FlowReport, Report};

/// A row for each named flow, behind the name of its scenario where there are several.
pub(super) fn flows(report: &Report, screen: &Screen) -> String {
    let mut table = TextTable::new(vec![
        Column::name("Flow", 12),
        Column::figure("entered"),
        Column::figure("ok"),
        Column::figure("failed"),
        Column::figure("unfinished").left_out(3),
        Column::figure("p50"),
        Column::figure("p95").left_out(2),
        Column::figure("p99"),
        Column::figure("max").left_out(1),
    ]);
    let is_one = report.scenarios.len() == 1;
    for scenario in &report.scenarios {
        for flow in &scenario.flows {
            let name = if is_one { flow.name.clone() } else { format!("{}: {}", scenario.name, flow.name) };
            table.push(flow_row(name, flow));
        }
    }
    if table.is_empty() { String::new() } else { format!("{}\n", table.show(screen)) }
}

/// Its times are those without thinking; those with it are in the JSON.
fn flow_row(name: String, flow: &FlowReport) -> Vec<Cell> {
    let bad = |count: u64| Cell::toned(group(count), if count > 0 { Tone::Bad } else { Tone::Plain });
    let times = &flow.iteration_ns;
    let shown = |ns: u64| Cell::from(time((times.count > 0).then_some(ns)));
    vec![
        name.into(),
        group(flow.entered).into(),
        group(flow.ok).into(),
        bad(flow.failed),
        bad(flow.unfinished),
        shown(times.p50),
        shown(times.p95),
        shown(times.p99),
        shown(times.max),
    ]
}
