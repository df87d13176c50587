//! What each chart has to hold whatever was measured: texts inside the picture, names in the legend, well-formed escapes.

use super::picture::{HEIGHT, WIDTH, text_px};
use super::*;

const NAME: &str = "a <&\"> b\u{1b}[2J";
const ESCAPED: &str = "a &lt;&amp;&quot;&gt; b";

/// The value of an attribute of an element.
fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
    let from = element.split_once(&format!(" {name}=\"")).expect("the attribute is there").1;
    from.split_once('"').expect("it is closed").0
}

fn assert_inside(svg: &str) {
    let texts: Vec<&str> = svg.split("<text").skip(1).collect();
    assert!(texts.len() > 8, "{svg}");
    for element in texts {
        let (x, y): (f64, f64) =
            (attribute(element, "x").parse().unwrap(), attribute(element, "y").parse().unwrap());
        let text = element.split_once('>').unwrap().1.split_once("</text>").unwrap().0;
        let text =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        let width = text_px(&text, if element.contains("\"title\"") { 20.0 } else { 13.0 });
        let left = match attribute(element, "text-anchor") {
            "end" => x - width,
            "middle" => x - width / 2.0,
            _ => x,
        };
        assert!(left >= 0.0 && left + width <= WIDTH, "{text}: {left} to {}", left + width);
        assert!(y >= 12.0 && y <= HEIGHT - 4.0, "{text}: {y}");
    }
    assert!(!svg.contains('\u{1b}') && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert!(svg.starts_with("<svg") && svg.contains("<title>") && svg.contains("viewBox"), "{svg}");
}

fn spread(count: u64, unit_ns: u64) -> Distribution {
    let mut distribution = Distribution::new();
    (1..=count).for_each(|n| distribution.record(n * unit_ns));
    distribution
}

fn summary(name: &str, response: &Distribution) -> SideSummary {
    SideSummary {
        run_ids: vec!["12345678-abcd".into()],
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
        verdict: Judgement::Worse,
        confidence: 0.95,
        row_confidence: 0.99,
        holds_spread_of_runs: false,
        base: summary(name, base),
        candidate: summary("other", candidate),
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
        target: "http://h/?a=<&".into(),
        conditions: vec![("p(99)<20ms".into(), Some(2e7)), ("failed<1%".into(), None)],
        sustained_rps: Some(19.8 * scale),
        refused_rps: Some(20.0 * scale),
        probes: vec![
            probe(20.0, ns * 50, Finding::NotSustained),
            probe(10.0, ns * 2, Finding::Undecided),
            probe(10.0, ns * 3, Finding::Sustained),
            probe(19.8, ns * 4, Finding::Sustained),
            probe(10.0, ns * 2, Finding::Sustained),
        ],
    }
}

#[test]
fn a_comparison_names_its_sides_their_runs_dates_and_verdict() {
    for unit_ns in [1, 1_000, 40_000_000] {
        for count in [1, 30, 20_000] {
            let svg = comparison(&compared(NAME, &spread(count, unit_ns), &spread(count, 2 * unit_ns)), None)
                .unwrap();
            assert_inside(&svg);
            assert!(svg.contains(ESCAPED) && svg.contains("run 12345678, 2026-01-02 03:04 UTC"), "{svg}");
            assert!(svg.contains("the candidate is worse, at 95 % confidence"), "{svg}");
        }
    }
    let empty = Distribution::new();
    assert_inside(&comparison(&compared(&"x".repeat(400), &empty, &empty), None).unwrap());
}

#[test]
fn a_curve_goes_as_far_as_ten_requests_lie_beyond() {
    assert_eq!(by_nearness(&spread(100_000, 1_000)).last().map(|point| point.0), Some(4.0));
    assert_eq!(by_nearness(&Distribution::new()), []);
}

#[test]
fn a_search_shows_its_limit_its_answer_and_what_was_refused() {
    for (scale, ns) in [(0.01, 500), (1.0, 1_000_000), (100.0, 2_000_000), (300_000.0, 90_000_000)] {
        let svg = search(&curve(scale, ns));
        assert_inside(&svg);
        assert!(svg.contains(">p(99)&lt;20ms</text>") && svg.contains("failed&lt;1%"), "{svg}");
    }
    let svg = search(&curve(100.0, 2_000_000));
    assert!(svg.contains(">sustained 1,980/s</text>") && svg.contains(">refused 2,000/s</text>"), "{svg}");
    let nothing = SearchCurve { probes: Vec::new(), sustained_rps: None, refused_rps: None, ..curve(1.0, 1) };
    assert_inside(&search(&nothing));
}

#[test]
fn repeats_of_a_rate_are_one_point_of_the_line_and_undecided_ones_none() {
    let points = decisive(&curve(1.0, 100).probes, p99);
    assert_eq!(points, [(10.0, 200.0), (19.8, 400.0), (20.0, 5_000.0)]);
}
