//! One run as rows, and the report whole again from them.

use crate::error::Problem;
use crate::instant::unix_ns;
use crate::slices;
use crate::stored::stored;
use engine::plan::Plan;
use engine::record::SlowRequest;
use engine::report::{Report, SCHEMA, earlier};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

/// The largest report that is read, in bytes of JSON: far above any that a run makes, and below what memory holds.
pub(crate) const REPORT_BYTES_MAX: u64 = 256 << 20;

/// What is kept of a run besides its report: where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name of the machine that ran it.
    pub host: String,
    /// The words of its command.
    pub command_line: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// When the run was over, RFC 3339, UTC.
    pub ended_at: String,
    /// When it was archived, RFC 3339, UTC.
    pub archived_at: String,
}

/// Writes a run. What could not be read back as it is, is not written.
pub(crate) fn insert(connection: &Connection, report: &Report, manifest: &Manifest) -> Result<(), Problem> {
    if row_of(connection, &report.run_id)?.is_some() {
        return Err(Problem::AlreadyArchived(report.run_id.clone()));
    }
    let json = serde_json::to_string(report).map_err(not_whole)?;
    let run = insert_run(connection, report, manifest, &compressed(report)?)?;
    slices::insert(connection, run, &report.history)?;
    insert_traces(connection, run, &report.slowest)?;
    let again = read(connection, run).map_err(|problem| match problem {
        Problem::Damaged(cause) | Problem::NotAReport(cause) => Problem::NotWhole(cause),
        problem => problem,
    })?;
    match serde_json::to_string(&again).map_err(not_whole)? {
        again if again == json => Ok(()),
        _ => Err(Problem::NotWhole("it differs after reading".into())),
    }
}

fn not_whole(error: serde_json::Error) -> Problem {
    Problem::NotWhole(error.to_string())
}

/// Writes the row of a run: what a list shows of a report, where it came from, and the report itself, packed.
pub(crate) fn insert_run(
    connection: &Connection,
    report: &Report,
    manifest: &Manifest,
    packed: &[u8],
) -> Result<i64, Problem> {
    let asked = report.asked();
    let started_ns = unix_ns(&report.started_at).or(unix_ns(&manifest.archived_at)).unwrap_or(0);
    let words = serde_json::to_string(&manifest.command_line).map_err(not_whole)?;
    connection.execute(
        "INSERT INTO runs (run_id, name, started_at, started_ns, ended_at, archived_at, host, version, command_line,
         plan_hash, verdict, rate_rps, response_p50_ns, response_p99_ns, failed_share, report)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            report.run_id,
            report.plan.name,
            report.started_at,
            started_ns,
            manifest.ended_at,
            manifest.archived_at,
            manifest.host,
            manifest.version,
            words,
            plan_hash(&report.plan)?,
            report.verdict.status.name(),
            report.rate.achieved,
            stored(report.response_ns.p50),
            stored(report.response_ns.p99),
            asked.failed as f64 / asked.total.max(1) as f64,
            packed,
        ],
    )?;
    Ok(connection.last_insert_rowid())
}

fn insert_traces(connection: &Connection, run: i64, slowest: &[SlowRequest]) -> Result<(), Problem> {
    let sql = "INSERT INTO traces VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let mut statement = connection.prepare(sql)?;
    for (place, slow) in slowest.iter().enumerate() {
        let SlowRequest {
            scenario,
            step,
            status,
            error,
            intended_s,
            response_ns,
            service_ns,
            slip_ns,
            shard,
        } = slow;
        let [response_ns, service_ns, slip_ns] = [response_ns, service_ns, slip_ns].map(|&ns| stored(ns));
        statement.execute(params![
            run,
            place as i64,
            step,
            status,
            error,
            intended_s,
            response_ns,
            service_ns,
            slip_ns,
            shard
        ])?;
        if let Some(scenario) = scenario {
            let sql = "INSERT INTO trace_scenarios VALUES (?1, ?2, ?3)";
            connection.execute(sql, params![run, place as i64, scenario])?;
        }
    }
    Ok(())
}

/// The report of a run, as it is stored: without its slices and slowest requests, compressed.
pub(crate) fn packed_report(connection: &Connection, run: i64) -> Result<Vec<u8>, Problem> {
    Ok(connection.query_row("SELECT report FROM runs WHERE id = ?1", [run], |row| row.get(0))?)
}

/// The report of a run, whole again.
pub(crate) fn read(connection: &Connection, run: i64) -> Result<Report, Problem> {
    Ok(read_counted(connection, run)?.0)
}

/// The same, and how many bytes of JSON it was.
pub(crate) fn read_counted(connection: &Connection, run: i64) -> Result<(Report, u64), Problem> {
    let bytes = packed_report(connection, run)?;
    let mut json = Vec::new();
    let inflated = ZlibDecoder::new(bytes.as_slice()).take(REPORT_BYTES_MAX).read_to_end(&mut json);
    inflated.map_err(|error| Problem::Damaged(format!("a stored report: {error}")))?;
    let mut report = parse(&json)?;
    report.history = slices::read(connection, run)?;
    report.slowest = traces(connection, run)?;
    Ok((report, json.len() as u64))
}

fn traces(connection: &Connection, run: i64) -> Result<Vec<SlowRequest>, Problem> {
    let sql = "SELECT step, status, error, intended_s, response_ns, service_ns, slip_ns, shard, scenario
               FROM traces LEFT JOIN trace_scenarios USING (run, place) WHERE run = ?1 ORDER BY place";
    let read = |row: &Row| {
        let count = |column: usize| row.get::<_, i64>(column).map(|count| count as u64);
        Ok(SlowRequest {
            step: row.get(0)?,
            status: row.get(1)?,
            error: row.get(2)?,
            intended_s: row.get(3)?,
            response_ns: count(4)?,
            service_ns: count(5)?,
            slip_ns: count(6)?,
            shard: row.get(7)?,
            scenario: row.get(8)?,
        })
    };
    let traces: Vec<SlowRequest> =
        connection.prepare(sql)?.query_map([run], read)?.collect::<Result<_, _>>()?;
    // SQLite holds numbers that JSON has no word for.
    match traces.iter().find(|slow| !slow.intended_s.is_finite()) {
        Some(slow) => {
            Err(Problem::Damaged(format!("a request that began {} s into its run", slow.intended_s)))
        }
        None => Ok(traces),
    }
}

/// A report from its JSON. Errors: cut off, of another schema, or no report at all.
pub(crate) fn parse(json: &[u8]) -> Result<Report, Problem> {
    /// What every report of every version begins with.
    #[derive(Deserialize)]
    #[serde(expecting = "a report: an object with the key `schema`")]
    struct ReportHead {
        schema: Option<u64>,
    }
    if json.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::NotAReport("it is empty".into()));
    }
    let head: ReportHead = serde_json::from_slice(json).map_err(why_not_json)?;
    match head.schema {
        None => Err(Problem::NotAReport("it has no key `schema`".into())),
        Some(found) if !earlier::SCHEMAS.contains(&found) => Err(Problem::OtherSchema { found }),
        Some(found) if found == u64::from(SCHEMA) => serde_json::from_slice(json).map_err(why_not_json),
        Some(_) => {
            let mut report = serde_json::from_slice(json).map_err(why_not_json)?;
            earlier::lift(&mut report);
            serde_json::from_value(report).map_err(why_not_json)
        }
    }
}

fn why_not_json(error: serde_json::Error) -> Problem {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => Problem::CutOff { line: error.line() },
        Category::Syntax | Category::Data | Category::Io => Problem::NotAReport(error.to_string()),
    }
}

/// The number of a run's row.
pub(crate) fn row_of(connection: &Connection, run_id: &str) -> Result<Option<i64>, Problem> {
    let sql = "SELECT id FROM runs WHERE run_id = ?1";
    Ok(connection.query_row(sql, [run_id], |row| row.get(0)).optional()?)
}

/// Where a run came from.
pub(crate) fn manifest(connection: &Connection, run: i64) -> Result<Manifest, Problem> {
    let sql = "SELECT host, command_line, version, ended_at, archived_at FROM runs WHERE id = ?1";
    let (words, manifest) = connection.query_row(sql, [run], |row| {
        let words: String = row.get(1)?;
        let (host, version, ended_at, archived_at) = (row.get(0)?, row.get(2)?, row.get(3)?, row.get(4)?);
        Ok((words, Manifest { host, command_line: Vec::new(), version, ended_at, archived_at }))
    })?;
    let command_line = serde_json::from_str(&words)
        .map_err(|error| Problem::Damaged(format!("a stored command line: {error}")))?;
    Ok(Manifest { command_line, ..manifest })
}

/// What tells plans apart: FNV-1a, 64 bits (Fowler, Noll, Vo: draft-eastlake-fnv), of the plan's JSON, in hexadecimal.
pub fn plan_hash(plan: &Plan) -> Result<String, Problem> {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let json = serde_json::to_vec(plan).map_err(not_whole)?;
    let hash = json.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    Ok(format!("{hash:016x}"))
}

fn compressed(report: &Report) -> Result<Vec<u8>, Problem> {
    let rest = Report { history: Vec::new(), slowest: Vec::new(), ..report.clone() };
    let json = serde_json::to_vec(&rest).map_err(not_whole)?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let done = encoder.write_all(&json).and_then(|()| encoder.finish());
    Ok(done.expect("writing to memory cannot fail"))
}
