//! The dashboards of `deploy/grafana`, written from one table: each panel, and what it asks Prometheus.
//!
//! `UPDATE_DASHBOARDS=1 cargo test --test tests dashboards` writes the files anew. In a query `{RUN}` stands for the runs that are chosen
//! on the dashboard, and `[I]` for as long as a rate needs there.

use super::at_root;
use crate::peers::grpc::PYTHON;
use serde_json::{Value, json};

/// A dashboard.
pub(super) struct Dashboard {
    /// Its file in `deploy/grafana`, without `.json`, and what it is called by in links.
    pub(super) name: &'static str,
    title: &'static str,
    description: &'static str,
    pub(super) rows: Vec<PanelRow>,
}

/// Panels under a heading.
pub(super) struct PanelRow {
    title: &'static str,
    pub(super) panels: Vec<Panel>,
}

/// One panel.
pub(super) struct Panel {
    pub(super) title: &'static str,
    description: &'static str,
    form: PanelForm,
    /// The unit, as Grafana calls it.
    unit: &'static str,
    /// Queries, each with what its lines are called.
    pub(super) queries: Vec<(String, &'static str)>,
}

/// How values are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PanelForm {
    Number,
    Lines,
    Heatmap,
}

use PanelForm::{Heatmap, Lines, Number};

/// What "All" stands for where runs are chosen.
pub(super) const ALL_RUNS: &str = ".+";

/// Every dashboard.
pub(super) fn dashboards() -> [Dashboard; 2] {
    [run(), generator()]
}

fn run() -> Dashboard {
    Dashboard {
        name: "vajra-run",
        title: "Vajra: runs",
        description: "What a run asks of its target, and how the target does. Much of it needs records.yaml.",
        rows: vec![overview(), load(), times(), failures(), iterations(), objective()],
    }
}

const ALL_TIMES: &str =
    "http_client_request_duration_seconds|rpc_client_call_duration_seconds|vajra_service_duration_seconds";
/// Of all of these.
const OF_RUN: &str = "vajra_run_id=~\"$run\"";
/// Of all of these, those of successes.
const SUCCEEDED: &str = "vajra_run_id=~\"$run\",error_type=\"\"";
/// What service times differ by besides: the status, and what was wrong.
const ENDINGS: &str =
    "http_response_status_code, rpc_response_status_code, vajra_response_code, error_type, vajra_outcome";
/// Rates of what `records.yaml` adds up, every 5 s whatever is scraped: a rate of the counters would miss the first failures of each kind, and the
/// first interval of each phase. Arrivals that have begun are no counter.
const BEGUN: &str = "sum(delta(vajra_run:arrivals_begun:sum{RUN}[30s])) / 30";
const SCHEDULED: &str = "sum(delta(vajra_run:arrivals_scheduled:sum{RUN}[30s])) / 30";
const OK: &str = "sum(rate(vajra_run:requests_ok:sum{RUN}[30s]))";
const FAILED: &str = "sum(rate(vajra_run:requests_failed:sum{RUN}[30s]))";

fn overview() -> PanelRow {
    let panels = vec![
        panel(
            "Requests per second",
            "Responses and failures.",
            Number,
            "reqps",
            &[(&format!("{OK} + {FAILED}"), "")],
        ),
        panel(
            "Succeed",
            "The share of requests that succeed.",
            Number,
            "percentunit",
            &[(&format!("{OK} / ({OK} + {FAILED})"), "")],
        ),
        panel(
            "p99",
            "The 99th percentile of response times of successes, from the moment that was intended.",
            Number,
            "s",
            &[(&quantile("0.99", "", "vajra_response_duration_seconds", "vajra_outcome=\"ok\""), "")],
        ),
        panel(
            "Of the schedule",
            "How much of the scheduled rate is kept.",
            Number,
            "percentunit",
            &[("min(vajra_run:rate_achieved:ratio_rate30s{RUN})", "")],
        ),
        panel(
            "Under way",
            "Requests that wait for their responses.",
            Number,
            "short",
            &[("sum(http_client_active_requests{RUN})", "")],
        ),
        panel(
            "Runs",
            "Runs that have not ended.",
            Number,
            "short",
            &[("count(vajra_run_ended{RUN} == 0)", "")],
        ),
    ];
    PanelRow { title: "At a glance", panels }
}

fn load() -> PanelRow {
    let panels = vec![
        panel(
            "Rates",
            "What was scheduled, what was begun of it, and how requests end.",
            Lines,
            "reqps",
            &[
                (SCHEDULED, "arrivals scheduled"),
                (BEGUN, "arrivals begun"),
                (OK, "requests that succeed"),
                (FAILED, "requests that fail"),
            ],
        ),
        panel(
            "Arrivals that became nothing",
            "Dropped by the overload policy, withheld because the load was lowered, due and never sent.",
            Lines,
            "reqps",
            &[
                ("sum(rate(vajra_arrivals_dropped_total{RUN}[I]))", "dropped"),
                ("sum(rate(vajra_arrivals_withheld_total{RUN}[I]))", "withheld"),
                ("sum(rate(vajra_arrivals_unsent_total{RUN}[I]))", "never sent"),
            ],
        ),
        panel(
            "Connections",
            "Where as many requests are under way as there is room for, whatever comes next waits.",
            Lines,
            "short",
            &[
                ("sum(http_client_open_connections{RUN})", "open"),
                ("sum(http_client_active_requests{RUN})", "requests under way"),
                ("sum(vajra_connections_capacity{RUN})", "room for requests"),
                ("sum(rate(vajra_connections_reconnects_total{RUN}[I]))", "made again, per second"),
                ("sum(rate(vajra_connections_failures_total{RUN}[I]))", "failed attempts, per second"),
            ],
        ),
        panel(
            "Bytes",
            "Of requests and of responses.",
            Lines,
            "Bps",
            &[(
                "sum by (network_io_direction) (rate(vajra_network_io_bytes_total{RUN}[I]))",
                "{{network_io_direction}}",
            )],
        ),
        panel(
            "Changes",
            "Changes of loads while runs go on, and plans that were read.",
            Lines,
            "short",
            &[
                ("sum(vajra_load_revisions_total{RUN})", "changes of loads"),
                ("sum by (vajra_outcome) (vajra_plan_reads_total{RUN})", "plans read: {{vajra_outcome}}"),
                ("min(vajra_plan_last_read_ok{RUN})", "0 once the last was refused"),
            ],
        ),
    ];
    PanelRow { title: "Load", panels }
}

fn times() -> PanelRow {
    let response = "vajra_response_duration_seconds";
    let of = |quantile_text: &str, outcome: &str| {
        quantile(quantile_text, "", response, &format!("vajra_outcome=\"{outcome}\""))
    };
    let by_step = |name: &str, more: &str| quantile("0.99", "vajra_scenario, vajra_step", name, more);
    let any = format!(
        "histogram_quantile(0.99, sum by (vajra_scenario, vajra_step, le) (rate({{__name__=~\"({ALL_TIMES})_bucket\",{SUCCEEDED}}}[I]))) \
         or histogram_quantile(0.99, sum by (vajra_scenario, vajra_step) (rate({{__name__=~\"{ALL_TIMES}\",{SUCCEEDED}}}[I])))"
    );
    let spread = format!(
        "sum by (le) (increase({response}_bucket{{RUN,vajra_outcome=\"ok\"}}[I])) or sum(increase({response}{{RUN,vajra_outcome=\"ok\"}}[I]))"
    );
    let panels = vec![
        panel(
            "Response times",
            "Of successes, from the moment that was intended.",
            Lines,
            "s",
            &[
                (&of("0.5", "ok"), "p50"),
                (&of("0.9", "ok"), "p90"),
                (&of("0.99", "ok"), "p99"),
                (&of("0.999", "ok"), "p99.9"),
            ],
        ),
        panel("How response times are spread", "Of successes.", Heatmap, "s", &[(&spread, "{{le}}")]),
        panel(
            "p99 of response times by step",
            "Of successes.",
            Lines,
            "s",
            &[(&by_step(response, "vajra_outcome=\"ok\""), "{{vajra_scenario}} {{vajra_step}}")],
        ),
        panel(
            "p99 of service times by step",
            "Of successes, from being sent. What response times are longer by is slip: the wait before.",
            Lines,
            "s",
            &[(&any, "{{vajra_scenario}} {{vajra_step}}")],
        ),
        panel(
            "Until a failure is known",
            "Response times of failures.",
            Lines,
            "s",
            &[(&of("0.5", "failed"), "p50"), (&of("0.99", "failed"), "p99")],
        ),
    ];
    PanelRow { title: "Times", panels }
}

fn failures() -> PanelRow {
    let by_status = format!(
        "histogram_quantile(0.99, sum by ({ENDINGS}, le) (rate({{__name__=~\"({ALL_TIMES})_bucket\",{OF_RUN}}}[I]))) \
         or histogram_quantile(0.99, sum by ({ENDINGS}) (rate({{__name__=~\"{ALL_TIMES}\",{OF_RUN}}}[I])))"
    );
    let panels = vec![
        panel(
            "Failures by kind",
            "The kinds are those of the report. What a kind has when it is first seen is missing here, and not in Rates.",
            Lines,
            "reqps",
            &[("sum by (error_type) (rate(vajra_requests_failed_total{RUN}[I]))", "{{error_type}}")],
        ),
        panel(
            "Failures by step",
            "What a step has when it is first seen to fail is missing here, and not in Rates.",
            Lines,
            "reqps",
            &[(
                "sum by (vajra_scenario, vajra_step) (rate(vajra_requests_failed_total{RUN}[I]))",
                "{{vajra_scenario}} {{vajra_step}}",
            )],
        ),
        panel(
            "Responses by status",
            "Of HTTP and gRPC, and codes of other protocols. What a status has when it is first seen is missing here.",
            Lines,
            "reqps",
            &[(
                "sum by (http_response_status_code, rpc_response_status_code, vajra_response_code) (rate(vajra_responses_total{RUN}[I]))",
                "{{http_response_status_code}}{{rpc_response_status_code}}{{vajra_response_code}}",
            )],
        ),
        panel(
            "p99 of service times by status",
            "From being sent, and how requests ended. Of a status that not all successes have, quantiles are rough: buckets are twice as wide as their bounds.",
            Lines,
            "s",
            &[(
                &by_status,
                "{{http_response_status_code}}{{rpc_response_status_code}}{{vajra_response_code}} {{error_type}} {{vajra_outcome}}",
            )],
        ),
    ];
    PanelRow { title: "Failures", panels }
}

fn iterations() -> PanelRow {
    let of = |quantile_text: &str, name: &str| quantile(quantile_text, "", name, "");
    let (lasted, waited) = ("vajra_iteration_duration_seconds", "vajra_iteration_wait_duration_seconds");
    let panels = vec![
        panel(
            "Iterations",
            "Begun, and ended by how. There are some where requests follow each other.",
            Lines,
            "ops",
            &[
                ("sum(rate(vajra_iterations_begun_total{RUN}[I]))", "begun"),
                ("sum by (vajra_outcome) (rate(vajra_iterations_ended_total{RUN}[I]))", "{{vajra_outcome}}"),
            ],
        ),
        panel(
            "How long iterations take",
            "And how much of it their users waited.",
            Lines,
            "s",
            &[
                (&of("0.5", lasted), "p50"),
                (&of("0.99", lasted), "p99"),
                (&of("0.5", waited), "p50 of waiting"),
                (&of("0.99", waited), "p99 of waiting"),
            ],
        ),
    ];
    PanelRow { title: "Iterations", panels }
}

fn objective() -> PanelRow {
    let panels = vec![
        panel(
            "Objective",
            "The share of requests that has to succeed.",
            Number,
            "percentunit",
            &[("vajra:success_objective:ratio", "")],
        ),
        panel(
            "Success so far",
            "In the measured window.",
            Number,
            "percentunit",
            &[("min(vajra_run:success:ratio{RUN})", "")],
        ),
        panel(
            "Budget left",
            "Of the failures that the objective allows the run. Below 0 it is missed.",
            Number,
            "percentunit",
            &[("min(vajra_run:error_budget_left:ratio{RUN})", "")],
        ),
        panel(
            "How fast the budget is spent",
            "1 is as fast as the objective allows.",
            Lines,
            "short",
            &[
                ("vajra_run:error_budget_burn:ratio_rate1m{RUN}", "{{vajra_run_id}} 1 m"),
                ("vajra_run:error_budget_burn:ratio_rate5m{RUN}", "{{vajra_run_id}} 5 m"),
            ],
        ),
        panel(
            "Connections that are busy",
            "Requests under way, of as many as connections have room for. Near 1 the target is saturated, or has too few connections.",
            Lines,
            "percentunit",
            &[("vajra_run:connections_busy:ratio{RUN}", "{{vajra_run_id}}")],
        ),
    ];
    PanelRow { title: "Objective", panels }
}

fn generator() -> Dashboard {
    Dashboard {
        name: "vajra-generator",
        title: "Vajra: the generator",
        description: "Whether what a run says of its target can be believed. Arrivals behind, and its part of response times, need records.yaml.",
        rows: vec![own_part(), machine(), outputs()],
    }
}

fn own_part() -> PanelRow {
    let of = |quantile_text: &str, name: &str| quantile(quantile_text, "", name, "");
    let (lag, slip) = ("vajra_generator_lag_seconds", "vajra_slip_duration_seconds");
    let panels = vec![
        panel(
            "The generator's part of response times",
            "Of their 99th percentile, of successes, to within a bucket. Above a quarter a run is DEGRADED, above three quarters INVALID.",
            Lines,
            "percentunit",
            &[("vajra_run:generator_lag:ratio_p99_rate30s{RUN}", "{{vajra_run_id}}")],
        ),
        panel(
            "Generator lag",
            "The part of response times that is the generator's own.",
            Lines,
            "s",
            &[(&of("0.5", lag), "p50"), (&of("0.99", lag), "p99")],
        ),
        panel(
            "Slip",
            "How much later than intended requests are sent, whoever is to blame.",
            Lines,
            "s",
            &[(&of("0.5", slip), "p50"), (&of("0.99", slip), "p99")],
        ),
        panel(
            "Hiccups",
            "Times that a shard lost control of its core.",
            Lines,
            "ops",
            &[("sum(rate(vajra_generator_hiccups_total{RUN}[I]))", "hiccups per second")],
        ),
        panel(
            "Arrivals behind",
            "Arrivals that the run is behind its schedule.",
            Lines,
            "short",
            &[("vajra_run:arrivals_behind:sum{RUN}", "{{vajra_run_id}}")],
        ),
    ];
    PanelRow { title: "Its own part", panels }
}

fn machine() -> PanelRow {
    let busy = "sum by (vajra_run_id, vajra_shard) (rate(vajra_shard_cpu_time_seconds_total{RUN}[I])) - sum by (vajra_run_id, vajra_shard) (rate(vajra_shard_idle_time_seconds_total{RUN}[I]))";
    let panels = vec![
        panel(
            "Shards that work",
            "The share of the time, without that spent watching the clock.",
            Lines,
            "percentunit",
            &[(busy, "{{vajra_run_id}} shard {{vajra_shard}}")],
        ),
        panel(
            "Cores that are taken",
            "By other programs, by the hypervisor, and by the quota of the control group.",
            Lines,
            "percentunit",
            &[
                (
                    "max by (vajra_run_id, vajra_shard) (rate(vajra_shard_run_delay_time_seconds_total{RUN}[I]))",
                    "{{vajra_run_id}} shard {{vajra_shard}} waits",
                ),
                (
                    "max by (vajra_run_id, cpu_logical_number) (rate(vajra_machine_steal_time_seconds_total{RUN}[I]))",
                    "{{vajra_run_id}} core {{cpu_logical_number}} stolen",
                ),
                (
                    "max by (vajra_run_id) (rate(vajra_machine_throttled_time_seconds_total{RUN}[I]))",
                    "{{vajra_run_id}} throttled",
                ),
            ],
        ),
        panel(
            "Other threads",
            "CPU time of the collector and of outputs.",
            Lines,
            "percentunit",
            &[(
                "sum by (vajra_run_id, vajra_thread) (rate(vajra_thread_cpu_time_seconds_total{RUN}[I]))",
                "{{vajra_run_id}} {{vajra_thread}}",
            )],
        ),
        panel(
            "Load",
            "Threads of the machine that run or wait for a core.",
            Lines,
            "short",
            &[("max(vajra_machine_load{RUN})", "over a minute")],
        ),
        panel(
            "Memory",
            "Of the process, and what is left of the machine's.",
            Lines,
            "bytes",
            &[
                ("max(process_memory_usage_bytes{RUN})", "of the process"),
                ("min(vajra_machine_memory_available_bytes{RUN})", "available"),
            ],
        ),
    ];
    PanelRow { title: "The machine", panels }
}

fn outputs() -> PanelRow {
    let panels = vec![
        panel(
            "Snapshots lost",
            "What is missing from these figures, because the endpoint was too slow to take it. The report has it.",
            Number,
            "short",
            &[("sum(vajra_snapshots_lost_total{RUN})", "")],
        ),
        panel(
            "Points by OTLP",
            "By what became of them; there are none without --otlp.",
            Lines,
            "short",
            &[(
                "sum by (vajra_export_outcome) (rate(vajra_export_points_total{RUN}[I]))",
                "{{vajra_export_outcome}}",
            )],
        ),
        panel(
            "The collector",
            "Points that wait on disk until it takes them, and how often in a minute the circuit breaker opened before it; there are none without --otlp.",
            Lines,
            "short",
            &[
                ("sum(vajra_export_spooled{RUN})", "points on disk"),
                ("60 * sum(rate(vajra_export_breaker_openings_total{RUN}[I]))", "openings a minute"),
            ],
        ),
    ];
    PanelRow { title: "Telemetry", panels }
}

fn panel(
    title: &'static str,
    description: &'static str,
    form: PanelForm,
    unit: &'static str,
    queries: &[(&str, &'static str)],
) -> Panel {
    let queries = queries.iter().map(|(query, legend)| (written(query), *legend)).collect();
    Panel { title, description, form, unit, queries }
}

/// A query as Grafana is given it.
fn written(query: &str) -> String {
    let run = "vajra_run_id=~\"$run\"";
    let query = query.replace("{RUN}", &format!("{{{run}}}")).replace("{RUN,", &format!("{{{run},"));
    query.replace("[I]", "[$__rate_interval]")
}

/// A quantile by classic buckets where there are some, and by native ones otherwise.
fn quantile(share: &str, by: &str, name: &str, more: &str) -> String {
    let labels = if more.is_empty() { "{RUN}".to_owned() } else { format!("{{RUN,{more}}}") };
    let (le, group) = match by {
        "" => ("le".to_owned(), String::new()),
        by => (format!("{by}, le"), format!(" by ({by}) ")),
    };
    format!(
        "histogram_quantile({share}, sum by ({le}) (rate({name}_bucket{labels}[I]))) \
         or histogram_quantile({share}, sum{group}(rate({name}{labels}[I])))"
    )
}

/// The file of a dashboard, as Grafana imports it.
pub(super) fn file(dashboard: &Dashboard) -> String {
    let (mut panels, mut top, mut id) = (Vec::new(), 0, 0);
    for row in &dashboard.rows {
        id += 1;
        panels.push(json!({
            "id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": top, "w": 24, "h": 1 },
        }));
        top += 1;
        let (mut left, mut height) = (0, 0);
        for panel in &row.panels {
            let (w, h) = if panel.form == Number { (4, 4) } else { (12, 8) };
            if left + w > 24 {
                (left, top, height) = (0, top + height, 0);
            }
            id += 1;
            panels.push(panel_json(panel, id, json!({ "x": left, "y": top, "w": w, "h": h })));
            (left, height) = (left + w, height.max(h));
        }
        top += height;
    }
    let written = json!({
        "uid": dashboard.name, "title": dashboard.title, "description": dashboard.description,
        "tags": ["vajra", "load test"], "timezone": "browser", "editable": true, "graphTooltip": 1, "schemaVersion": 38,
        "refresh": "5s", "time": { "from": "now-15m", "to": "now" },
        "templating": { "list": [source_variable(), run_variable()] },
        "panels": panels,
    });
    serde_json::to_string_pretty(&written).unwrap() + "\n"
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${source}" })
}

fn source_variable() -> Value {
    json!({ "name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus" })
}

fn run_variable() -> Value {
    let query = "label_values(vajra_requests_sent_total, vajra_run_id)";
    json!({
        "name": "run", "label": "Run", "type": "query", "datasource": source(), "definition": query,
        "query": { "query": query, "refId": "runs" }, "refresh": 2, "sort": 2, "multi": true, "includeAll": true,
        // Not `.*`: series of other programs, which have no such label, would match.
        "allValue": ALL_RUNS, "current": { "text": ["All"], "value": ["$__all"] },
    })
}

fn panel_json(panel: &Panel, id: u32, place: Value) -> Value {
    let form = match panel.form {
        Number => "stat",
        Lines => "timeseries",
        Heatmap => "heatmap",
    };
    let target = |(index, (query, legend)): (usize, &(String, &str))| {
        let letter = char::from(b'A' + u8::try_from(index).unwrap());
        json!({
            "refId": letter.to_string(), "datasource": source(), "expr": query, "legendFormat": legend,
            "instant": panel.form == Number, "range": panel.form != Number,
            "format": if panel.form == Heatmap { "heatmap" } else { "time_series" },
        })
    };
    let targets: Vec<Value> = panel.queries.iter().enumerate().map(target).collect();
    let options = match panel.form {
        Number => json!({ "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false } }),
        Lines => {
            json!({ "legend": { "displayMode": "list", "placement": "bottom" }, "tooltip": { "mode": "multi" } })
        }
        Heatmap => json!({ "calculate": false, "yAxis": { "unit": panel.unit } }),
    };
    json!({
        "id": id, "type": form, "title": panel.title, "description": panel.description, "datasource": source(),
        "gridPos": place, "fieldConfig": { "defaults": { "unit": panel.unit, "min": 0 }, "overrides": [] },
        "options": options, "targets": targets,
    })
}

#[test]
fn the_dashboards_are_what_their_table_says() {
    for dashboard in dashboards() {
        let path = at_root(&format!("deploy/grafana/{}.json", dashboard.name));
        let file = file(&dashboard);
        if std::env::var_os("UPDATE_DASHBOARDS").is_some() {
            std::fs::write(&path, &file).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == file, "{} differs: UPDATE_DASHBOARDS=1 writes it anew", path.display());
    }
}

#[test]
fn grafanas_own_types_know_all_that_is_in_them() {
    let files = dashboards().map(|dashboard| at_root(&format!("deploy/grafana/{}.json", dashboard.name)));
    let script = at_root("tests/operators/read_dashboards.py");
    let done = std::process::Command::new(PYTHON).arg(script).args(&files).output().unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(done.status.success(), "{said}");
    assert_eq!(said.matches(" panels").count(), files.len(), "{said}");
}
