//! What exporting costs: an interval as bytes for a collector, beside the SDK; and a breaker, beside one of locks.
//!
//! Both sides of `export` write down the same requests in four exponential histograms and four counters, with the same attributes, and
//! end with a compressed request of OTLP: the SDK as `opentelemetry-otlp` does it, by its own conversion. Sending is left out of both.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::breaker::{BreakerCounts, BreakerEvent, BreakerRules, BreakerState, BreakerStay};
use engine::config::{Config, Text};
use engine::outcome::Outcome;
use engine::phase::Phases;
use engine::plan::Plan;
use engine::random::Random;
use engine::record::{Instants, Recorder, Snapshot};
use engine::run_facts::RunFacts;
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use prost::Message;
use std::hint::black_box;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use telemetry::families::{Figures, families};
use telemetry::otlp::{OtlpSettings, UnixStretch, encode};
use telemetry::shared_breaker::SharedBreaker;
use telemetry::totals::{RunLevels, RunTotals};

/// Requests of an interval: of one that is nearly idle, and of a busy one.
const REQUESTS: [u64; 2] = [100, 10_000];
/// How requests end where each step has times of several outcomes, which the SDK is not asked for.
const FOUR_STATUSES: [Outcome; 4] =
    [Outcome::Ok(200), Outcome::Ok(302), Outcome::Refused(404), Outcome::Refused(500)];
const CALLERS: [usize; 3] = [1, 8, 128];
const PHASES: Phases = Phases { measure_from_ns: 0, measure_to_ns: u64::MAX };
const RULES: BreakerRules = BreakerRules { failures: 3, window: 3, stays_open_ns: 2_000_000_000, probes: 1 };

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).expect("a vector takes it");
    encoder.finish().expect("a vector takes it")
}

/// The times of the requests of an interval.
fn drawn(requests: u64) -> Vec<Instants> {
    let mut random = Random::new(1, 0);
    let draw = |intended: u64| {
        let sent = intended + (random.exponential() * 300.0) as u64;
        Instants { intended, sent, done: sent + (random.exponential() * 200_000.0) as u64 }
    };
    (0..requests).map(|request| request * 100_000).map(draw).collect()
}

/// Vajra's way: a shard's recorder, a snapshot, the totals of the run, and the request.
struct OwnExport {
    facts: RunFacts,
    settings: OtlpSettings,
    recorder: Recorder,
    totals: RunTotals,
}

impl OwnExport {
    fn new() -> OwnExport {
        let mut config = Config { url: Some(Text("http://10.0.0.1:8080/".into())), ..Config::default() };
        config.load.rate = Some(Text("10000".into()));
        let plan = Plan::new(&config, &|_| Err(String::new())).expect("a plan");
        let facts = RunFacts::new(&plan, "run");
        let settings =
            OtlpSettings::read(Some("http://127.0.0.1:4318"), &|_| None).expect("a URL").expect("one");
        let recorder = Recorder::new(0, &facts.plan.layout(), PHASES);
        OwnExport { totals: RunTotals::new(&facts), facts, settings, recorder }
    }

    fn interval(&mut self, requests: &[Instants], outcomes: &[Outcome]) -> usize {
        for (at, outcome) in requests.iter().zip(outcomes.iter().cycle()) {
            self.recorder.sent(0, at.intended, at.sent, 100);
            self.recorder.done(0, *outcome, *at, at.sent - at.intended, 250);
        }
        self.recorder.settle(true);
        let mut snapshot = Snapshot::new(1, &self.facts.plan.layout(), PHASES);
        snapshot.absorb(&self.recorder);
        self.recorder.clear(0);
        self.totals.add(&snapshot, Some(requests.len() as u64));
        let levels = RunLevels::default();
        let figures = Figures { facts: &self.facts, totals: &self.totals, levels: &levels };
        let stretch = UnixStretch { from_unix_ns: 1, to_unix_ns: 2 };
        let batch = encode(&families(figures), stretch, "run", &self.settings);
        assert!(batch.points >= 8, "four histograms and four counters at least");
        gzipped(&batch.body).len()
    }
}

/// What the SDK gives is converted, encoded and compressed, as `opentelemetry-otlp` does.
#[derive(Clone, Default)]
struct CompressingExporter(Arc<AtomicU64>);

impl PushMetricExporter for CompressingExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let bytes = ExportMetricsServiceRequest::from(metrics).encode_to_vec();
        self.0.fetch_add(gzipped(&bytes).len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// The SDK's way: instruments with the same attributes, collected at the end of the interval.
struct SdkExport {
    provider: SdkMeterProvider,
    exported: CompressingExporter,
    histograms: Vec<Histogram<f64>>,
    counters: Vec<Counter<u64>>,
    attributes: Vec<KeyValue>,
}

impl SdkExport {
    fn new() -> SdkExport {
        let exported = CompressingExporter::default();
        let reader =
            PeriodicReader::builder(exported.clone()).with_interval(Duration::from_secs(86_400)).build();
        let exponential = |instrument: &Instrument| {
            let aggregation =
                Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 4, record_min_max: true };
            let is_histogram = instrument.kind() == InstrumentKind::Histogram;
            is_histogram.then(|| Stream::builder().with_aggregation(aggregation).build().ok()).flatten()
        };
        let provider = SdkMeterProvider::builder().with_reader(reader).with_view(exponential).build();
        let meter = provider.meter("vajra");
        let histograms = ["service", "response", "slip", "lag"].map(|name| meter.f64_histogram(name).build());
        let counters =
            ["sent", "ok", "sent_bytes", "received_bytes"].map(|name| meter.u64_counter(name).build());
        let attributes = vec![
            KeyValue::new("vajra.run.id", "run"),
            KeyValue::new("vajra.scenario", "main"),
            KeyValue::new("vajra.step", "GET /"),
            KeyValue::new("vajra.phase", "measure"),
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("server.address", "10.0.0.1"),
            KeyValue::new("server.port", 8_080),
            KeyValue::new("http.response.status_code", 200),
        ];
        SdkExport { provider, exported, histograms: histograms.into(), counters: counters.into(), attributes }
    }

    fn interval(&mut self, requests: &[Instants]) -> usize {
        for at in requests {
            let times =
                [at.done - at.sent, at.done - at.intended, at.sent - at.intended, at.sent - at.intended];
            for (histogram, ns) in self.histograms.iter().zip(times) {
                histogram.record(ns as f64 / 1e9, &self.attributes);
            }
            for (counter, count) in self.counters.iter().zip([1, 1, 100, 250]) {
                counter.add(count, &self.attributes);
            }
        }
        let before = self.exported.0.load(Ordering::Relaxed);
        self.provider.force_flush().expect("it is exported");
        let bytes = self.exported.0.load(Ordering::Relaxed) - before;
        assert!(bytes > 100, "something was exported");
        bytes as usize
    }
}

fn export(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("export");
    for requests in REQUESTS {
        let times = drawn(requests);
        group.throughput(Throughput::Elements(requests)).sample_size(20);
        for (name, outcomes) in [("vajra", &[Outcome::Ok(200)][..]), ("vajra_four_statuses", &FOUR_STATUSES)]
        {
            let mut own = OwnExport::new();
            group.bench_function(BenchmarkId::new(name, requests), |bencher| {
                bencher.iter(|| black_box(own.interval(&times, outcomes)));
            });
        }
        let mut sdk = SdkExport::new();
        group.bench_function(BenchmarkId::new("sdk", requests), |bencher| {
            bencher.iter(|| black_box(sdk.interval(&times)));
        });
    }
    group.finish();
}

/// The same rules behind two locks, as breakers usually are: of the state, and of what is counted.
struct LockedBreaker {
    since: Instant,
    state: Mutex<BreakerState>,
    counts: Mutex<BreakerCounts>,
    locked: AtomicU64,
}

impl LockedBreaker {
    fn step(&self, event: BreakerEvent) -> Option<BreakerStay> {
        let now_ns = self.since.elapsed().as_nanos() as u64;
        let mut state = self.state.lock().expect("nobody panics");
        let step = RULES.step(*state, event, now_ns);
        *state = step.state;
        drop(state);
        let mut counts = self.counts.lock().expect("nobody panics");
        step.change.into_iter().for_each(|change| counts.count(change));
        self.locked.fetch_add(2, Ordering::Relaxed);
        step.admitted
    }
}

/// So many requests by so many threads, each of which asks and reports. Gives the time.
fn calls(callers: usize, requests: u64, call: impl Fn() + Sync) -> Duration {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| (0..requests.div_ceil(callers as u64)).for_each(|_| call()));
        }
    });
    begun.elapsed()
}

/// Locks are taken twice for each question and each report; ours has none.
fn breaker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("breaker");
    group.sample_size(20);
    for callers in CALLERS {
        let shared = SharedBreaker::new(RULES);
        group.bench_function(BenchmarkId::new("shared_word", callers), |bencher| {
            bencher.iter_custom(|requests| {
                calls(callers, requests, || shared.ask().expect("it is closed").succeeded())
            });
        });
        assert_eq!(shared.counts(), BreakerCounts::default());
        let locked = LockedBreaker {
            since: Instant::now(),
            state: Mutex::default(),
            counts: Mutex::default(),
            locked: AtomicU64::new(0),
        };
        let asked = AtomicU64::new(0);
        group.bench_function(BenchmarkId::new("two_locks", callers), |bencher| {
            bencher.iter_custom(|requests| {
                calls(callers, requests, || {
                    let stay = locked.step(BreakerEvent::Ask).expect("it is closed");
                    locked.step(BreakerEvent::Succeeded(stay));
                    asked.fetch_add(1, Ordering::Relaxed);
                })
            });
        });
        assert_eq!(locked.locked.into_inner(), 4 * asked.into_inner(), "four locks for each request");
    }
    group.finish();
}

criterion_group!(benches, export, breaker);
criterion_main!(benches);
