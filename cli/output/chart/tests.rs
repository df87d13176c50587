//! What each chart has to hold, whatever was measured.
//!
//! Texts inside the picture and beside each other, names in the legend, well-formed escapes.

use super::picture::{TEXT_PX, TITLE_PX, WIDTH, text_px};
use super::*;
use crate::input::flags::PlanArgs;
use crate::input::load;
use engine::compare::{Comparison, Judgement, SideSummary};
use engine::history::Slice;
use engine::phase::Phase;
use engine::record::Snapshot;
use engine::report::{Identity, Measured, Report, Timing};

const NAME: &str = "a <&\"> b\u{1b}[2J\u{ffff}";
const ESCAPED: &str = "a &lt;&amp;&quot;&gt; b\u{fffd}[2J";

/// A text of a picture and the room it takes.
struct PlacedText {
    text: String,
    left: f64,
    right: f64,
    baseline: f64,
    height: f64,
}

/// The value of an attribute of an element.
fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
    let from = element.split_once(&format!(" {name}=\"")).expect("the attribute is there").1;
    from.split_once('"').expect("it is closed").0
}

fn placed(element: &str) -> PlacedText {
    let number = |name: &str| attribute(element, name).parse::<f64>().unwrap();
    let text = element.split_once('>').unwrap().1.split_once("</text>").unwrap().0;
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let height = if attribute(element, "class") == "title" { TITLE_PX } else { TEXT_PX };
    let width = text_px(&text, height);
    let left = match attribute(element, "text-anchor") {
        "end" => number("x") - width,
        "middle" => number("x") - width / 2.0,
        _ => number("x"),
    };
    PlacedText { text, left, right: left + width, baseline: number("y"), height }
}

/// The most digits that any number of a text has, without the zeros at its ends.
fn significant_digits(text: &str) -> usize {
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ',');
    let digits = numbers.map(|number| number.replace(['.', ','], "").trim_matches('0').len());
    digits.max().unwrap_or(0)
}

fn assert_readable(svg: &str) {
    let height: f64 = attribute(svg, "height").parse().unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("<title>") && svg.contains("role=\"img\""), "{svg}");
    assert!(svg.contains(&format!("viewBox=\"0 0 {WIDTH} {height}\"")), "{svg}");
    let is_legal = |c: char| c == '\n' || !(c.is_control() || c == '\u{ffff}');
    assert!(svg.chars().all(is_legal) && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    let texts: Vec<PlacedText> = svg.split("<text").skip(1).map(placed).collect();
    assert!(texts.len() > 8, "{svg}");
    for (index, one) in texts.iter().enumerate() {
        let PlacedText { text, left, right, baseline, height: size } = one;
        assert!(*left >= 0.0 && *right <= WIDTH, "{text}: {left} to {right}");
        assert!(baseline - size >= 0.0 && *baseline <= height - 4.0, "{text}: {baseline}");
        assert!(significant_digits(text) <= 6, "{text}");
        for other in &texts[index + 1..] {
            let is_beside = other.right <= *left || *right <= other.left;
            let is_below = (baseline - other.baseline).abs() >= size.min(other.height) - 1.0;
            assert!(is_beside || is_below, "`{text}` lies on `{}`", other.text);
        }
    }
}

fn spread(count: u64, unit_ns: u64) -> Distribution {
    let mut distribution = Distribution::new();
    (1..=count).for_each(|n| distribution.record(n * unit_ns));
    distribution
}

fn summary(name: &str, response: &Distribution) -> SideSummary {
    SideSummary {
        run_ids: vec!["1b4e28ba-abcd".into()],
        names: vec![name.into()],
        started_at: vec!["2026-01-02T03:04:05.6Z".into()],
        targets: vec!["http://h/".repeat(40)],
        slices: 1,
        ok: response.count(),
        response_hdr: response.encode(),
    }
}

fn compared(name: &str, base: &Distribution, candidate: &Distribution) -> Comparison {
    Comparison {
        schema: 1,
        verdict: Judgement::Same,
        confidence: 0.95,
        row_confidence: 0.99,
        holds_spread_of_runs: false,
        base: summary(name, base),
        candidate: SideSummary { run_ids: vec!["r".into(); 3], ..summary("other", candidate) },
        rows: Vec::new(),
        notes: Vec::new(),
    }
}

fn curve(scale: f64, ns: u64) -> SearchCurve {
    let probe = |rate_rps: f64, p99_ns, finding| ProbePoint {
        rate_rps: rate_rps * scale,
        p50_ns: Some(ns),
        p99_ns: Some(p99_ns),
        finding,
    };
    SearchCurve {
        name: NAME.into(),
        target: "http://h/?a=<&".into(),
        scenario: None,
        conditions: vec![
            ("p(50)<19ms".into(), Some(1.9e7)),
            ("p(99)<20ms".into(), Some(2e7)),
            ("failed<1%".into(), None),
        ],
        sustained_rps: Some(19.8 * scale),
        refused_rps: Some(20.0 * scale),
        probes: vec![
            probe(20.0, ns * 50, Finding::NotSustained),
            probe(10.0, ns * 9, Finding::Undecided),
            probe(10.0, ns * 4, Finding::Sustained),
            probe(19.8, ns * 4, Finding::Sustained),
            probe(10.0, ns * 2, Finding::Sustained),
        ],
    }
}

/// A report of a run with so many requests of each slice.
fn report(ok: u64, unit_ns: u64) -> Report {
    let args = PlanArgs { target: "http://h/".into(), rate: Some("100".into()), ..PlanArgs::default() };
    let plan = load::plan(&args).unwrap();
    let measured = Measured::of(Snapshot::new(1, &plan.layout(), plan.phases), Vec::new());
    let identity = Identity { run_id: "1b4e28ba-abcd".into(), started_at: "2026-01-02T03:04:05.6Z".into() };
    let mut report = Report::new(&plan, &measured, identity);
    let response = spread(ok, unit_ns);
    let slice = |n: u64| Slice {
        from_ns: n * 100_000_000,
        to_ns: (n + 1) * 100_000_000,
        phase: if n < 10 { Phase::Warmup } else { Phase::Measure },
        ok,
        failed: n,
        dropped: 0,
        withheld: 0,
        cpu_ns: 0,
        response_hdr: response.encode(),
        passes: Vec::new(),
        scenarios: Vec::new(),
    };
    report.history = (0..50).map(slice).collect();
    (report.window.from_s, report.window.to_s) = (1.0, 5.0);
    (report.response_ns, report.service_ns) = (Timing::new(&response), Timing::new(&response));
    report
}

#[test]
fn a_run_names_its_times_its_verdict_its_rate_and_when_it_was() {
    for (ok, unit_ns) in [(0, 1), (1, 1), (30, 1_000), (2_000, 40_000), (100_000, 1_000_000)] {
        let svg = run(&report(ok, unit_ns)).unwrap();
        assert_readable(&svg);
        for wanted in ["response time, ", "service time", "warm-up", "run 1b4e28ba", "2026-01-02 03:04 UTC"] {
            assert!(svg.contains(wanted), "{wanted}: {svg}");
        }
        assert_eq!(svg.contains("no request succeeded"), ok == 0);
        assert_eq!(svg.matches("class=\"shade\"").count(), 4, "two plots and their legends");
    }
    let svg = run(&report(100_000, 10)).unwrap();
    assert!(svg.contains(">response time, 100,000 requests<") && svg.contains(">99.99 %<"), "{svg}");
    let without = Report { history: Vec::new(), ..report(30, 1_000) };
    assert!(!run(&without).unwrap().contains("warm-up"), "reports of old versions have no history");
}

#[test]
fn where_nothing_succeeded_no_line_goes_across() {
    let mut report = report(2_000, 40_000);
    let empty = Distribution::new().encode();
    for slice in &mut report.history[25..35] {
        (slice.ok, slice.failed, slice.response_hdr) = (0, 50, empty.clone());
    }
    let svg = run(&report).unwrap();
    assert_readable(&svg);
    let lines = |svg: &str| svg.matches("<polyline class=\"line first\"").count();
    let whole = run(&self::report(2_000, 40_000)).unwrap();
    assert_eq!(lines(&svg), lines(&whole) + 1, "the median is in two pieces");
    let only = Report { history: vec![report.history[20].clone()], ..self::report(30, 1_000) };
    assert!(run(&only).unwrap().matches("class=\"dot\"").count() >= 3, "one moment is a dot");
}

#[test]
fn what_is_shown_over_time_is_what_the_requests_support() {
    for (ok, upper) in [(2_000, ">p99<"), (20, ">p90<"), (1, ">max<")] {
        let svg = run(&report(ok, 40_000)).unwrap();
        assert!(svg.contains(upper), "{ok}: {upper}: {svg}");
    }
    assert!(run(&report(2_000, 40_000)).unwrap().contains("over 100 ms each"));
    assert!(run(&report(20, 40_000)).unwrap().contains("over 500 ms each"));
}

#[test]
fn a_comparison_names_its_sides_their_runs_dates_and_verdict() {
    for unit_ns in [1, 1_000, 40_000_000] {
        for count in [1, 30, 20_000] {
            let both = (&spread(count, unit_ns), &spread(count, 2 * unit_ns));
            let svg = comparison(&compared(NAME, both.0, both.1), None).unwrap();
            assert_readable(&svg);
            let count = requests(count);
            let base = format!("base: {ESCAPED}\u{fffd}, run 1b4e28ba, 2026-01-02 03:04 UTC, {count}");
            assert!(svg.contains(&base), "{svg}");
            assert!(svg.contains("candidate: other, 3 runs, "), "{svg}");
            assert!(svg.contains(">same: no difference of interest<") && svg.contains("confidence 95 %"));
        }
    }
    let empty = Distribution::new();
    assert_readable(&comparison(&compared(&"x".repeat(400), &empty, &empty), None).unwrap());
    let mut gated = compared("n", &empty, &empty);
    let targets = vec!["http://a/".to_owned(), "http://b/".to_owned()];
    (gated.base.targets, gated.candidate.targets) = (targets.clone(), targets);
    assert_eq!(comparison(&gated, None).unwrap().matches("http://b/").count(), 1, "each target once");
    let svg = comparison(&gated, Some(&gated.regression(0.05))).unwrap();
    assert!(svg.contains(">passed: nothing is more than 5 % worse<"), "{svg}");
}

#[test]
fn where_there_are_no_figures_the_picture_says_why() {
    let svg = without_figures("REGRESSED", "it fails <90 %>");
    assert!(svg.contains(">REGRESSED</text>") && svg.contains("fails &lt;90 %&gt;"), "{svg}");
}

#[test]
fn a_curve_goes_as_far_as_ten_requests_lie_beyond() {
    assert_eq!(by_nearness(&spread(100_000, 1_000)).last().map(|point| point.0), Some(4.0));
    assert_eq!(by_nearness(&Distribution::new()), []);
    let few = by_nearness(&spread(30, 1_000));
    assert!(few.last().is_some_and(|point| point.0 < 0.5), "p90 has only three beyond: {few:?}");
}

#[test]
fn a_search_shows_its_limits_its_answer_and_what_was_refused() {
    for (scale, ns) in [(0.01, 500), (1.0, 1_000_000), (100.0, 2_000_000), (300_000.0, 90_000_000)] {
        let svg = search(&curve(scale, ns));
        assert_readable(&svg);
        for wanted in
            [">p(99)&lt;20ms<", "failed&lt;1%", ESCAPED, ">unclear or disturbed<", ">not sustained<"]
        {
            assert!(svg.contains(wanted), "{wanted}: {svg}");
        }
    }
    let svg = search(&curve(100.0, 2_000_000));
    assert!(svg.contains(">http://h/?a=&lt;&amp;: sustained 1,980/s<"), "{svg}");
    assert!(svg.contains(">sustained 1,980/s</text>") && svg.contains(">refused 2,000/s</text>"), "{svg}");
    let unnamed = SearchCurve { name: "http://h/?a=<&".into(), ..curve(1.0, 1_000) };
    assert_eq!(
        search(&unnamed).matches(">http://h/").count(),
        2,
        "the title, twice, and no line that repeats it"
    );
    let nothing = SearchCurve { probes: Vec::new(), sustained_rps: None, refused_rps: None, ..curve(1.0, 1) };
    let svg = search(&nothing);
    assert_readable(&svg);
    assert!(svg.contains(": no rate sustained<") && svg.contains(">no probe was made<"), "{svg}");
    let many =
        (0..10).map(|n| (format!("response{{scenario=read}} p(9{n})<50ms"), Some(2e7 + f64::from(n) * 1e6)));
    let crowded =
        SearchCurve { conditions: many.collect(), scenario: Some("read".into()), ..curve(1.0, 1_000_000) };
    let svg = search(&crowded);
    assert_readable(&svg);
    assert!(svg.contains(", read: sustained"), "{svg}");
}

#[test]
fn repeats_of_a_rate_are_one_point_of_the_line_at_their_median() {
    let points = search::joined(&curve(1.0, 100).probes, |probe| probe.p99_ns);
    assert_eq!(points, [(10.0, 300.0), (19.8, 400.0), (20.0, 5_000.0)]);
    let disturbed = ProbePoint { finding: Finding::Undecided, ..curve(1.0, 100).probes[1] };
    assert_eq!(search::joined(&[disturbed], |probe| probe.p99_ns), [(10.0, 900.0)]);
}
